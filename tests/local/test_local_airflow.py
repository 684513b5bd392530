"""Airflow for real, on this machine: a pipeline runs, what died is repaired, nothing is left."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest
from airflow_api import Airflow

from plinth.local.home import Home
from plinth.local.processes import carrying
from plinth.local.supervisor import Supervisor, marks
from plinth.operations import open_environment
from project import Project

_T = TypeVar("_T")

pytestmark = pytest.mark.slow

_PARTS = {"scheduler", "api-server", "dag-processor", "triggerer"}
_SPEC = """
apiVersion: plinth/v1
name: churn
owner: ml@example.com
cost: {center: "4711", monthly_budget: 10}
cloud: local
artifacts: {}
tracking: {}
orchestration: {}
environments: {dev: null}
"""
#: Its first task notes in MLflow what it found in its environment; the next one finds Airflow's own
#: `python` by name; the last one waits without a worker.
_PIPELINE = """
import base64, json, os, time, urllib.request
from datetime import timedelta
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.sensors.time_delta import TimeDeltaSensor
from airflow.sdk import dag, task


@dag(schedule=None, is_paused_upon_creation=False)
def proof():
    @task
    def experiment():
        login = f"{os.environ['MLFLOW_TRACKING_USERNAME']}:{os.environ['MLFLOW_TRACKING_PASSWORD']}"
        request = urllib.request.Request(
            os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow/experiments/create",
            json.dumps({"name": f"{os.environ['BUCKET_MODELS']} {time.time()}"}).encode(),
            {
                "Authorization": "Basic " + base64.b64encode(login.encode()).decode(),
                "Content-Type": "application/json",
            },
        )
        return json.load(urllib.request.urlopen(request))["experiment_id"]

    later = TimeDeltaSensor(task_id="later", delta=timedelta(seconds=1), deferrable=True)
    program = BashOperator(task_id="program", bash_command="python -c 'import pendulum'")
    experiment() >> program >> later


proof()
"""


def _api(outputs: dict[str, Any]) -> Airflow:
    """The API, as the stack's outputs say how to reach it."""
    return Airflow({key.partition("_client_")[2]: value for key, value in outputs.items()})


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A project on this machine, of which no process is left whatever happens."""
    project = Project(tmp_path)
    project.spec.write_text(_SPEC, encoding="utf-8")
    try:
        yield project
    finally:
        if list(carrying(marks(_home(project)))):
            project.run("destroy", "dev", "--yes")


def _home(project: Project) -> Home:
    return Home(project.folder / ".plinth" / "local" / "dev")


def _outputs(project: Project) -> dict[str, Any]:
    return open_environment(project.spec, "dev", rehearse=False).stack.outputs(show_secrets=True)


def _until(check: Callable[[], Any], seconds: float) -> Any:
    deadline = time.monotonic() + seconds
    while True:
        if found := check():
            return found
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(1)


def _runs(api: Airflow, name: str) -> str:
    """Runs a pipeline; how it ended."""
    path = f"api/v2/dags/{name}/dagRuns"
    run = api(path, {"logical_date": None})["dag_run_id"]

    def ended() -> Any:
        (found,) = [one for one in api(path)["dag_runs"] if one["dag_run_id"] == run]
        return found["state"] if found["state"] in ("success", "failed") else None

    return str(_until(ended, 300))


def test_a_pipeline_runs_and_what_died_is_repaired(project: Project) -> None:
    project.json("up", "dev", "--yes")
    project.json("preview", "dev", "--expect-no-changes")
    home, outputs = _home(project), _outputs(project)

    folder = Path(outputs["orchestration_client_AIRFLOW_DAGS_FOLDER"])
    (folder / "proof.py").write_text(_PIPELINE, encoding="utf-8")
    api = _api(outputs)
    _until(lambda: api.knows("proof"), 180)
    assert [dag["dag_id"] for dag in api("api/v2/dags")["dags"]] == ["proof"], "no examples"
    assert _runs(api, "proof") == "success"

    # Whose a process is shows of each, those included that give themselves a name.
    assert all(list(carrying(marks(home, f"airflow-{part}"))) for part in _PARTS)
    assert any(line.startswith("airflow worker") for line in _each(home, _line))
    assert {place for places in _each(home, _listens) for place in places} == {"127.0.0.1"}

    status = Supervisor(home).status("airflow-scheduler")
    assert status is not None
    psutil.Process(status.pid).kill()
    repaired = project.json("up", "dev", "--yes")
    changed = [one["name"] for one in repaired["changes"] if one["op"] != "same"]
    assert changed == ["airflow-scheduler"]
    assert _runs(api, "proof") == "success"

    project.json("destroy", "dev", "--yes")
    assert not list(carrying(marks(home)))


def _each(home: Home, ask: Callable[[psutil.Process], _T]) -> Iterator[_T]:
    """What processes say of themselves; some end meanwhile."""
    for process in carrying(marks(home)):
        with contextlib.suppress(psutil.NoSuchProcess):
            yield ask(process)


def _line(process: psutil.Process) -> str:
    return " ".join(process.cmdline())


def _listens(process: psutil.Process) -> set[str]:
    found = process.net_connections("inet")
    return {each.laddr.ip for each in found if each.status == psutil.CONN_LISTEN}
