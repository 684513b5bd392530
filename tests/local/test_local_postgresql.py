"""Runs in PostgreSQL on this machine, for real: kept when it is killed; root is refused."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from local_stack import Stack, python, running

from plinth.local import executables
from plinth.local.home import Home
from plinth.local.processes import carrying
from plinth.local.supervisor import marks

pytestmark = [pytest.mark.slow, pytest.mark.engine]

_PLATFORM = "artifacts: {}\ntracking: {}\nclouds: {local: {database: postgresql}}\n"
_LOG = """
import mlflow
mlflow.set_experiment("kept")
with mlflow.start_run(run_name="first"):
    mlflow.log_metric("loss", 0.25)
"""
_READ = """
import mlflow
found = mlflow.search_runs(experiment_names=["kept"], output_format="list")
print([(run.info.run_name, run.data.metrics["loss"]) for run in found])
"""


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """MLflow with its server, as somebody who may run one."""
    if os.geteuid() == 0:
        pytest.skip("PostgreSQL refuses to run as root")
    if missing := executables.find(
        ["postgres", "/usr/lib/postgresql/*/bin/postgres"], "postgresql-15", threading.Event()
    ).missing:
        pytest.skip(missing)
    with running(tmp_path, _PLATFORM) as stack:
        yield stack
    assert list(carrying(marks(_home(stack)))) == []
    assert not stack.data.exists()


def _home(stack: Stack) -> Home:
    return Home(stack.folder / ".plinth/local/dev")


def _mlflow(stack: Stack, script: str) -> str:
    variables = {
        name.partition("_client_")[2]: value
        for name, value in stack.outputs().items()
        if name.startswith("tracking_client_")
    }
    variables["MLFLOW_TRACKING_PASSWORD"] = stack.variables("mlflow")["MLFLOW_AUTH_ADMIN_PASSWORD"]
    done = subprocess.run(
        [str(python("mlflow") / "python"), "-c", script],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_runs_outlive_a_server_that_is_killed(stack: Stack) -> None:
    _mlflow(stack, _LOG)
    assert _mlflow(stack, _READ) == "[('first', 0.25)]\n"
    assert not (stack.data / "mlflow").exists()
    stack.run("preview", "dev", "--expect-no-changes")

    password = stack.variables("mlflow")["PGPASSWORD"]
    lines = [part for each in carrying(marks(_home(stack))) for part in each.cmdline()]
    assert lines
    assert not [line for line in lines if password in line]

    state = stack.data / "postgresql/main/postmaster.pid"
    os.kill(int(state.read_text(encoding="utf-8").splitlines()[0]), signal.SIGKILL)
    stack.up()
    assert _mlflow(stack, _READ) == "[('first', 0.25)]\n"

    stack.write(_PLATFORM.replace("postgresql}", "postgresql, ports: {postgresql: 25432}}"))
    stack.up()
    assert "received fast shutdown request" in stack.log("postgresql")
    assert _mlflow(stack, _READ) == "[('first', 0.25)]\n"


def test_another_database_is_no_way_to_lose_runs(stack: Stack) -> None:
    stack.write(_PLATFORM.replace("postgresql", "sqlite"))
    with pytest.raises(AssertionError, match="approval-missing"):
        stack.up()
    stack.write(_PLATFORM)


@pytest.mark.skipif(os.geteuid() != 0, reason="who runs this is not root")
def test_root_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    stack = Stack(tmp_path, _PLATFORM)
    with pytest.raises(AssertionError, match="postgresql refuses to run as root, and this is root"):
        stack.up()
    assert not (tmp_path / ".plinth/local").exists()
