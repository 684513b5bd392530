"""A model's whole life on real services: it drifts, is trained again, judged, served, taken back.

Nobody touches it between the measured drift and the better model in service: Prometheus' alert,
Alertmanager, the receiver, Airflow, MLflow and the model server pass it on.
"""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from airflow_api import Airflow
from local_stack import ask, wait
from starter_project import ENVIRONMENT, Project, running

from plinth.program import blueprint_of
from plinth.spec.options import MonitoringOptions
from plinth.tools.monitoring import definitions

pytestmark = [pytest.mark.slow, pytest.mark.engine]

MODEL, DRIFT, RETRAIN = "wine", "drift_wine", "retrain_wine"


class Loop:
    """The project, and what its services say."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.told = project.told()
        self.airflow = Airflow(self.told)
        outputs = json.loads(project.plinth("outputs", "local", "--json"))
        self.prometheus = outputs["monitoring_prometheus"]

    def run(self, pipeline: str, **conf: str) -> dict[str, str]:
        """Runs a pipeline to its end; how each of its steps ended."""
        asked = self.airflow(
            f"api/v2/dags/{pipeline}/dagRuns", {"logical_date": None, "conf": conf}
        )
        return self.ended(pipeline, asked["dag_run_id"])

    def ended(self, pipeline: str, run: str) -> dict[str, str]:
        place = f"api/v2/dags/{pipeline}/dagRuns/{urllib.parse.quote(run, safe='')}"
        wait(lambda: self.airflow(place)["state"] in ("success", "failed"), 400)
        steps = self.airflow(f"{place}/taskInstances")["task_instances"]
        return {step["task_id"]: step["state"] for step in steps}

    def value(self, query: str) -> float | None:
        asked = urllib.parse.urlencode({"query": query})
        found = ask(f"{self.prometheus}/api/v1/query?{asked}")[1]["data"]["result"]
        return float(found[0]["value"][1]) if found else None

    def firing(self, alert: str) -> bool:
        return self.value(f'ALERTS{{alertname="{alert}", alertstate="firing"}}') == 1

    def served(self) -> str:
        """The version that answers; empty while none does."""
        tensors = [
            {"name": name, "shape": [1, 1], "datatype": "FP64", "data": [1.0]}
            for name in ("alcohol", "malic_acid", "flavanoids", "color_intensity", "proline")
        ]
        url = f"{self.told['SERVING_URL']}/v2/models/{MODEL}/infer"
        status, answer = ask(url, {"inputs": tensors})
        return str(answer["model_version"]) if status == 200 else ""

    def models(self, command: str, *words: str) -> str:
        return self.project.models(command, *words, **self.told)

    def traffic(self, *words: str) -> str:
        return self.project.script("traffic.py", *words, **self.told)

    def champion(self) -> dict[str, Any]:
        return self.project.champion(**self.told)


@pytest.fixture(scope="module")
def loop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    with running(tmp_path_factory.mktemp("loop")) as project:
        found = Loop(project)
        if not found.prometheus:
            pytest.skip("Prometheus cannot be had on this machine")
        known = Path(found.told["AIRFLOW_DAGS_FOLDER"]) / "models.py"
        known.symlink_to(project.folder / "dags" / "models.py")
        wait(lambda: found.airflow.knows(DRIFT) and found.airflow.knows(RETRAIN), 120)
        yield found


def test_the_loop_closes_by_itself(loop: Loop) -> None:
    commit = loop.project.commit()
    _a_first_model_serves(loop, commit)
    _what_it_knows_does_not_drift(loop)
    _the_world_changes_and_a_better_model_takes_over(loop, commit)
    _a_worse_model_is_refused(loop)
    _the_one_before_comes_back(loop)
    _the_dashboard_shows_it(loop)


def _a_first_model_serves(loop: Loop, commit: str) -> None:
    steps = loop.run(RETRAIN)
    assert steps == dict.fromkeys(("train", "register", "judge", "promote", "drift"), "success")
    champion = loop.champion()
    assert champion["version"] == "1"
    assert champion["tags"]["mlflow.source.git.commit"] == commit
    assert "alert" not in champion["tags"]
    wait(lambda: loop.served() == "1", 30)


def _what_it_knows_does_not_drift(loop: Loop) -> None:
    loop.traffic("--rows", "200")
    assert loop.run(DRIFT) == {"drift": "success"}
    wait(lambda: loop.value("plinth_drift_score") == 0, 60)
    assert not loop.firing("PlinthModelDrifting")


def _the_world_changes_and_a_better_model_takes_over(loop: Loop, commit: str) -> None:
    before = loop.champion()
    loop.traffic("--shifted")
    loop.traffic("--shifted", "--outcomes")
    assert loop.run(DRIFT) == {"drift": "success"}
    wait(lambda: loop.firing("PlinthModelDrifting"), 90)
    assert (loop.value("plinth_drift_score") or 0) > 0.3
    assert (loop.value("plinth_performance_drop") or 0) > 0.1
    assert (loop.value("plinth_prediction_drift") or 0) > 0.1

    # From here on, nobody does anything.
    wait(lambda: len(loop.airflow.runs(RETRAIN)) > 1, 90)
    run = loop.airflow.runs(RETRAIN)[-1]
    assert run["conf"]["model"] == MODEL
    assert run["conf"]["alert"] in ("PlinthModelDrifting", "PlinthModelWorse")
    assert set(loop.ended(RETRAIN, run["dag_run_id"]).values()) == {"success"}
    after = loop.champion()
    assert after["version"] == "2"
    assert after["tags"]["alert"] == run["conf"]["alert"]
    assert after["tags"]["reason"] == run["conf"]["reason"]
    assert after["tags"]["mlflow.source.git.commit"] == commit
    assert after["tags"]["dvc.md5"] != before["tags"]["dvc.md5"]
    wait(lambda: loop.served() == "2", 30)
    again = loop.traffic("--shifted", "--seed", "1", "--rows", "100")
    assert int(again.rpartition(", ")[2].partition("%")[0]) > 80

    # What it has learnt is no longer strange to it; two alerts about one thing were one reason.
    wait(lambda: not loop.firing("PlinthModelDrifting"), 90)
    assert not loop.firing("PlinthModelWorse")
    assert len(loop.airflow.runs(RETRAIN)) == 2


def _a_worse_model_is_refused(loop: Loop) -> None:
    steps = loop.run(RETRAIN, arguments="--trees 1 --depth 1")
    done, left = ("train", "register"), ("judge", "promote", "drift")
    assert steps == dict.fromkeys(done, "success") | dict.fromkeys(left, "skipped")
    assert loop.champion()["version"] == loop.served() == "2"
    wait(lambda: loop.firing("PlinthCandidateRefused"), 90)
    assert loop.value("plinth_refused_version") == 3


def _the_one_before_comes_back(loop: Loop) -> None:
    assert loop.models("rollback") == "1"
    wait(lambda: loop.served() == "1", 30)
    wait(lambda: loop.value("plinth_rollbacks_total") == 1, 60)
    assert loop.value("plinth_promotions_total") == 2
    assert loop.value("plinth_refusals_total") == 1


def _the_dashboard_shows_it(loop: Loop) -> None:
    loop.traffic("--rows", "50")
    spec = loop.project.folder / "stacks" / "platform.yaml"
    blueprint = blueprint_of(spec, ENVIRONMENT)
    options = blueprint.choices["monitoring"].options
    assert isinstance(options, MonitoringOptions)
    models = definitions.documents("dashboards", blueprint, options)["models"]
    for panel in models["panels"]:
        for query in panel["queries"].values():
            # Performance is known of a model whose outcomes are, and the one that is back has none.
            asked = f"last_over_time(({query.replace('$model', '.*')})[30m:15s])"
            wait(partial(_has_figures, loop, asked), 60, f"no figures: {query}")


def _has_figures(loop: Loop, query: str) -> bool:
    return loop.value(query) is not None
