"""Airflow's REST API, as tests of this machine ask it."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping
from typing import Any


class Airflow:
    """The API by the variables that its clients are told: address, user and password."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        self._url = told["AIRFLOW_API_URL"]
        self._token = ""
        login = {"username": told["AIRFLOW_USERNAME"], "password": told["AIRFLOW_PASSWORD"]}
        self._token = self("auth/token", login)["access_token"]

    def __call__(self, path: str, body: Any = None) -> Any:
        """What it answers, to a POST if there is a body."""
        request = urllib.request.Request(
            f"{self._url}/{path}",
            None if body is None else json.dumps(body).encode(),
            {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.load(response)

    def knows(self, pipeline: str) -> bool:
        """Whether it has read a pipeline."""
        return pipeline in {each["dag_id"] for each in self("api/v2/dags")["dags"]}

    def runs(self, pipeline: str) -> list[dict[str, Any]]:
        """The runs of a pipeline, the oldest first."""
        found: list[dict[str, Any]] = self(f"api/v2/dags/{pipeline}/dagRuns")["dag_runs"]
        return sorted(found, key=lambda run: run["queued_at"])
