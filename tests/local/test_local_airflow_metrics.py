"""Airflow's metrics on this machine, for real: every panel shows figures, a failure is told."""

from __future__ import annotations

import json
import threading
import urllib.parse
from collections.abc import Iterator
from typing import Any

import pytest
from local_stack import Stack, ask, running, wait

from plinth import render
from plinth.local import executables
from plinth.tools.orchestration import airflow_processes as airflow

pytestmark = [pytest.mark.slow, pytest.mark.engine]

_PLATFORM = "artifacts: {}\norchestration: {}\nmonitoring: {}\n"
_PIPELINES = """
from datetime import datetime, timedelta
from airflow.sdk import dag, task

for name in ("works", "fails"):
    @dag(
        dag_id=name,
        schedule=timedelta(minutes=1),
        start_date=datetime(2026, 1, 1),
        catchup=False,
        is_paused_upon_creation=False,
    )
    def pipeline():
        @task
        def only(name):
            assert name == "works"

        only(name)

    pipeline()
"""
_UNREADABLE = "from airflow.sdk import dag\nimport nothing_of_that_name\n"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Airflow, watched."""
    exporter = (airflow.EXPORTER_NAMES, airflow.EXPORTER_PACKAGE, airflow.EXPORTER_MODULE)
    for names, package, module in ((("prometheus",), "prometheus", ""), exporter):
        if missing := executables.find(names, package, threading.Event(), module=module).missing:
            pytest.skip(missing)
    with running(tmp_path_factory.mktemp("metrics"), _PLATFORM) as stack:
        folder = stack.data / "airflow-dags"
        (folder / "pipelines.py").write_text(_PIPELINES, encoding="utf-8")
        (folder / "unreadable.py").write_text(_UNREADABLE, encoding="utf-8")
        yield stack


def _asked(stack: Stack, path: str) -> Any:
    status, answer = ask(f"{stack.outputs()['monitoring_prometheus']}/api/v1/{path}")
    assert status == 200, answer
    return answer["data"]


def _figures(stack: Stack, query: str) -> dict[str, float]:
    asked = urllib.parse.urlencode({"query": query})
    found = _asked(stack, f"query?{asked}")["result"]
    return {json.dumps(one["metric"]): float(one["value"][1]) for one in found}


def test_every_panel_shows_figures(stack: Stack) -> None:
    for panel in render.data("monitoring/dashboards/airflow.yaml.j2")["panels"]:
        for query in panel["queries"].values():
            assert wait(lambda query=query: _figures(stack, query), 180), query


def test_figures_are_true(stack: Stack) -> None:
    free = 'sum(airflow_executor_open_slots{namespace="orchestration"})'
    assert [*_figures(stack, free).values()] == [2]
    wait(lambda: max(_figures(stack, "airflow_dag_processing_import_errors").values()) == 1)
    failed = "airflow_dagrun_failed_count"
    assert {json.loads(labels)["dag_id"] for labels in _figures(stack, failed)} == {"fails"}


def test_alerts_tell_of_the_pipeline_that_fails_and_the_file_that_cannot_be_read(
    stack: Stack,
) -> None:
    def told() -> dict[str, Any]:
        alerts = _asked(stack, "alerts")["alerts"]
        return {one["labels"]["alertname"]: one["annotations"]["summary"] for one in alerts}

    wait(lambda: "PlinthPipelineFailed" in told() and "PlinthPipelinesUnreadable" in told())
    assert told()["PlinthPipelineFailed"] == "Pipeline fails failed."
    assert told()["PlinthPipelinesUnreadable"] == "1 pipeline files cannot be imported."
    assert "PlinthSchedulerSilent" not in told()
