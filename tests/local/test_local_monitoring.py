"""Monitoring on this machine, for real: Prometheus misses a tracking server that was killed."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from plinth.local.home import Home
from plinth.local.processes import carrying
from plinth.local.supervisor import marks

pytestmark = [pytest.mark.slow, pytest.mark.engine]

SPEC = """\
apiVersion: plinth/v1
name: churn
owner: ml@example.com
cost: {center: "4711", monthly_budget: 10}
cloud: local
artifacts: {}
tracking: {}
monitoring: {}
environments:
  here:
    clouds:
      local:
        ports: {mlflow: 15000, prometheus: 19090, pushgateway: 19091, alertmanager: 19093}
"""
#: Aim for the whole stack is 3 GiB; monitoring is a small part of it.
_MONITORING_MEBIBYTES = 400


_PLINTH = "from plinth.cli import main; raise SystemExit(main())"


class Project:
    """A project with one environment on this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = Home(folder / ".plinth" / "local" / "here")
        (folder / "stacks").mkdir()
        (folder / "Pulumi.yaml").write_text("name: churn\nruntime: python\n", encoding="utf-8")
        (folder / "stacks" / "platform.yaml").write_text(SPEC, encoding="utf-8")

    def plinth(self, *arguments: str) -> dict[str, Any]:
        """Runs a command; its answer."""
        done = subprocess.run(
            [sys.executable, "-c", _PLINTH, *arguments, "--json"],
            cwd=self.folder,
            env=os.environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def up(self) -> dict[str, Any]:
        """Brings the environment up, or mends it."""
        return self.plinth("up", "here", "--yes")

    def changed(self) -> list[str]:
        """What a repeated ``up`` does, as resources' types and names."""
        changes = self.up()["changes"]
        return [f"{c['type']} {c['name']}" for c in changes if c["op"] != "same"]

    def processes(self, service: str) -> list[Any]:
        """A service's processes."""
        return list(carrying(marks(self.home, service)))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project; nothing of it is left, whatever happened."""
    made = Project(tmp_path_factory.mktemp("monitoring"))
    try:
        yield made
    finally:
        made.plinth("destroy", "here", "--yes")
        assert list(carrying(marks(made.home))) == []


def _get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


def _until(seconds: float, wanted: Callable[[], bool]) -> None:
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError):
            if wanted():
                return
        assert time.monotonic() < deadline, f"not so after {seconds} s"
        time.sleep(1)


def _health(prometheus: str) -> dict[str, str]:
    found = _get(f"{prometheus}/api/v1/targets?state=active")["data"]["activeTargets"]
    return {target["labels"]["job"]: target["health"] for target in found}


def _query(prometheus: str, query: str) -> list[dict[str, Any]]:
    asked = urllib.parse.urlencode({"query": query})
    found: list[dict[str, Any]] = _get(f"{prometheus}/api/v1/query?{asked}")["data"]["result"]
    return found


def test_prometheus_misses_what_was_killed_and_up_mends_it(project: Project) -> None:
    outputs = project.up()["outputs"]
    prometheus = outputs["monitoring_prometheus"]
    if not prometheus:
        pytest.skip("Prometheus cannot be had on this machine")
    pushgateway = outputs["monitoring_pushgateway"]

    # All are seen, the tracking server with its login; a repeated run changes nothing.
    wanted = dict.fromkeys(("mlflow", "prometheus", "alertmanager", "pushgateway"), "up")
    _until(60, lambda: _health(prometheus).items() >= wanted.items())
    assert project.changed() == []

    # What a batch job pushes keeps its labels.
    body = b'plinth_drift_score{model="churn"} 0.5\n'
    request = urllib.request.Request(f"{pushgateway}/metrics/job/drift", data=body, method="POST")
    urllib.request.urlopen(request, timeout=10).close()
    _until(60, lambda: bool(_query(prometheus, 'plinth_drift_score{job="drift"} == 0.5')))

    # Rules can all be evaluated, and Alertmanager is told of what they find.
    groups = _get(f"{prometheus}/api/v1/rules")["data"]["groups"]
    _until(60, lambda: {r["health"] for g in groups for r in g["rules"]} <= {"ok", "unknown"})
    assert len(_get(f"{prometheus}/api/v1/alertmanagers")["data"]["activeAlertmanagers"]) == 1

    used = sum(
        process.memory_info().rss
        for service in ("prometheus", "alertmanager", "pushgateway")
        for process in project.processes(service)
    )
    assert used < _MONITORING_MEBIBYTES * 2**20

    for process in project.processes("mlflow"):
        with contextlib.suppress(Exception):
            process.kill()
    _until(60, lambda: _health(prometheus)["mlflow"] == "down")
    ready = 'kube_deployment_status_replicas_available{namespace="tracking", deployment="mlflow"}'
    _until(60, lambda: bool(_query(prometheus, f"{ready} == 0")))

    assert project.changed() == ["plinth-local:index:Service mlflow"]
    _until(60, lambda: _health(prometheus)["mlflow"] == "up")


def test_destroy_leaves_nothing_that_runs_or_is_listed(project: Project) -> None:
    project.plinth("destroy", "here", "--yes")
    assert list(carrying(marks(project.home))) == []
    assert not project.home.targets.exists()
    assert not project.home.services.exists()
