"""From a pushed figure to a pipeline that runs, for real, on this machine."""

from __future__ import annotations

import json
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import psutil
import pytest
from airflow_api import Airflow
from local_stack import ask, running, wait

from plinth.local.home import Home
from plinth.local.supervisor import Supervisor

pytestmark = [pytest.mark.slow, pytest.mark.engine]

_CAPABILITIES = """
artifacts: {}
tracking: {}
orchestration: {}
monitoring: {}
serving:
  models:
    churn: {uri: "models:/churn@champion", framework: sklearn, retrain: retrain_x}
"""
_PIPELINE = """
import os, urllib.request
from airflow.sdk import dag, get_current_context, task


@dag(schedule=None, is_paused_upon_creation=False)
def retrain_x():
    @task
    def train():
        # A better model is in place: what the drift job will find.
        model = get_current_context()["dag_run"].conf["model"]
        where = f"{os.environ['PUSHGATEWAY_URL']}/metrics/job/drift/model/{model}"
        urllib.request.urlopen(urllib.request.Request(where, b"plinth_drift_score 0.1\\n")).close()

    train()


retrain_x()
"""
#: Prometheus asks the Pushgateway every 15 s and looks at its rules as often; the rest is slack.
_SECONDS = 60


def _push(pushgateway: str, score: float) -> None:
    where = f"{pushgateway}/metrics/job/drift/model/churn"
    body = f"plinth_drift_score {score}\n".encode()
    urllib.request.urlopen(urllib.request.Request(where, body), timeout=10).close()


def _alerts(prometheus: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask(f"{prometheus}/api/v1/alerts")[1]["data"]["alerts"]
    return [each for each in found if each["labels"]["alertname"] == "PlinthModelDrifting"]


def _value(prometheus: str, query: str) -> float | None:
    asked = urllib.parse.urlencode({"query": query})
    found = ask(f"{prometheus}/api/v1/query?{asked}")[1]["data"]["result"]
    return float(found[0]["value"][1]) if found else None


def test_a_model_that_drifts_is_retrained_once(tmp_path: Path) -> None:
    with running(tmp_path, _CAPABILITIES) as stack:
        outputs = stack.outputs()
        prometheus = outputs["monitoring_prometheus"]
        pushgateway = outputs["monitoring_pushgateway"]
        if not (prometheus and pushgateway):
            pytest.skip("Prometheus cannot be had on this machine")
        airflow = Airflow(stack.variables("retrain"))
        (stack.data / "airflow-dags/retrain_x.py").write_text(_PIPELINE, encoding="utf-8")
        wait(lambda: airflow.knows("retrain_x"), 120)

        # Of the receiver, what was killed is mended; nothing else is touched.
        home = Home(tmp_path / ".plinth/local/dev")
        before = Supervisor(home).status("retrain")
        assert before is not None
        psutil.Process(before.pid).kill()
        changes = json.loads(stack.run("up", "dev", "--yes", "--json"))["changes"]
        assert [each["name"] for each in changes if each["op"] != "same"] == ["retrain"]

        began = time.monotonic()
        _push(pushgateway, 0.9)
        (run,) = wait(lambda: airflow.runs("retrain_x"), 120)
        took = time.monotonic() - began
        assert took < _SECONDS, f"{took:.0f} s"
        assert run["conf"]["model"] == "churn"
        assert run["conf"]["alert"] == "PlinthModelDrifting"
        assert run["conf"]["reason"].startswith("90% of the inputs of model churn")

        # A repeat of the same alert asks for the same run.
        _push(pushgateway, 0.95)
        told = stack.variables("retrain")
        labels = {"alertname": "PlinthModelDrifting", "model": "churn"}
        again = {"status": "firing", "labels": labels, "startsAt": run["conf"]["since"]}
        request = urllib.request.Request(
            f"http://127.0.0.1:{told['PORT']}/alerts",
            json.dumps({"version": "4", "alerts": [again]}).encode(),
            {"Authorization": f"Bearer {told['WEBHOOK_TOKEN']}"},
        )
        urllib.request.urlopen(request, timeout=30).close()
        counts = 'plinth_retrainings_total{outcome="already"}'
        wait(lambda: _value(prometheus, counts) == 1, 60)

        # What the pipeline did ends the alert, and it ran once.
        wait(lambda: airflow.runs("retrain_x")[0]["state"] == "success", 180)
        _push(pushgateway, 0.1)  # whichever was pushed last
        wait(lambda: not _alerts(prometheus), 60)
        assert len(airflow.runs("retrain_x")) == 1
        assert _value(prometheus, 'plinth_retrainings_total{outcome="started"}') == 1

        # Drifting anew is a reason anew.
        _push(pushgateway, 0.9)
        wait(lambda: len(airflow.runs("retrain_x")) == 2, 150)
