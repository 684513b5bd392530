"""A durable tracking server, for real: runs, files and passwords outlive a destroy."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from local_stack import Stack, running

pytestmark = [pytest.mark.slow, pytest.mark.engine]

NOTE = b"how it was trained"


class Client:
    """What a program on this machine does, by the variables that `plinth env` prints."""

    def __init__(self, stack: Stack) -> None:
        told = json.loads(stack.run("env", "dev", "--json"))["variables"]
        self.url, self.password = told["MLFLOW_TRACKING_URI"], told["MLFLOW_TRACKING_PASSWORD"]

    def ask(self, path: str, body: Any = None, method: str | None = None) -> bytes:
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        login = b64encode(f"admin:{self.password}".encode()).decode()
        headers = {"authorization": f"Basic {login}", "content-type": "application/json"}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            said: bytes = answer.read()
        return said

    def json(self, path: str, body: Any = None) -> Any:
        return json.loads(self.ask(f"/api/2.0/mlflow/{path}", body))


def test_runs_files_and_passwords_outlive_a_destroy(tmp_path: Path) -> None:
    with running(tmp_path, "artifacts: {}\ntracking: {}\ndurable: true\n") as stack:
        before = Client(stack)
        run = before.json("runs/create", {"experiment_id": "0", "run_name": "kept"})["run"]["info"]
        before.json("runs/log-metric", {"run_id": run["run_id"], "key": "f1", "value": 0.5,
                                        "timestamp": 1})  # fmt: skip
        where = run["artifact_uri"].removeprefix("mlflow-artifacts:/")
        file = f"/api/2.0/mlflow-artifacts/artifacts/{where}/note.txt"
        before.ask(file, NOTE, "PUT")
        assert before.password not in json.dumps(stack.outputs())

        assert "the old one is kept" in stack.run("destroy", "dev", "--yes")
        with pytest.raises(urllib.error.URLError):
            before.ask("/health")
        stack.up()

        after = Client(stack)
        assert after.password == before.password
        shown = json.loads(stack.run("outputs", "dev", "--show-secrets", "--json"))
        assert shown["tracking_client_MLFLOW_TRACKING_PASSWORD"] == after.password
        found = after.json(f"runs/get?run_id={run['run_id']}")["run"]
        assert found["info"]["run_name"] == "kept"
        assert [(each["key"], each["value"]) for each in found["data"]["metrics"]] == [("f1", 0.5)]
        assert after.ask(file) == NOTE
        after.password = "another"
        with pytest.raises(urllib.error.HTTPError, match="401"):
            after.json(f"runs/get?run_id={run['run_id']}")
