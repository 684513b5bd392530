"""The project to begin with, as its README says: begun, brought up, trained, compared, asked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from starter_project import ENVIRONMENT, Project, running

from plinth.scaffold.examples import example

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with running(tmp_path_factory.mktemp("starter")) as made:
        yield made


@pytest.fixture(scope="module")
def told(project: Project) -> dict[str, str]:
    return project.told()


def test_a_model_is_trained_and_the_better_one_serves(
    project: Project, told: dict[str, str]
) -> None:
    status = json.loads(project.plinth("status", ENVIRONMENT, "--json"))
    assert "mlflow" in {each["name"] for each in status["services"] if each["running"]}
    pages = json.loads(project.plinth("open", ENVIRONMENT, "--json"))
    assert pages["tracking"] == told["MLFLOW_TRACKING_URI"]

    assert "run: eval" in project.script("train.py", succeeds=False)
    project.trained("--trees", "1", "--depth", "1", **told)
    assert project.models("promote", **told) == "1"

    head = project.commit()
    run, version = project.trained(**told)
    assert project.judged(**told) == project.models("promote", **told) == version == "2"
    champion = project.champion(**told)
    assert int(champion["version"]) == 2
    assert champion["tags"]["mlflow.source.git.commit"].removesuffix("-changed") == head
    assert champion["parameters"] == {"trees": "50", "depth": "6", "seed": "0"}
    assert champion["metrics"]["holdout/accuracy"] > 0.9
    assert champion["inputs"] == ["wine"]
    assert champion["columns"][0] == "alcohol"
    back = Path(project.script("versions.py", run, "back", **told).strip())
    digest = hashlib.md5(back.read_bytes(), usedforsecurity=False).hexdigest()
    assert champion["tags"]["dvc.md5"] == digest

    project.trained("--trees", "1", "--depth", "1", **told)
    assert "version 3 of wine is refused: accuracy is" in project.judged(succeeds=False, **told)
    assert "--version 3 insists" in project.models("promote", succeeds=False, **told)
    assert int(project.champion(**told)["version"]) == 2


def test_the_champion_answers_for_bottles(project: Project, told: dict[str, str]) -> None:
    """From the data and from the feature store, where the platform has them."""
    spec = yaml.safe_load(example("starter").path.read_text(encoding="utf-8"))
    here = {**spec, **spec["environments"][ENVIRONMENT]}
    if here["serving"] is None or here["features"] is None:
        assert "SERVING_URL is not set" in project.script("predict.py", succeeds=False, **told)
        return
    project.trained(**told)
    project.models("promote", **told)
    wanted = "bottle 0: class_0\nbottle 60: class_1\nbottle 140: class_2\n"
    ready = (
        "import os, sys, time, urllib.request\n"
        "url = os.environ['SERVING_URL'] + '/v2/models/wine/ready'\n"
        "for _ in range(120):\n"
        "    try:\n        urllib.request.urlopen(url); sys.exit()\n"
        "    except OSError: time.sleep(0.5)\n"
        "sys.exit('it is not ready')\n"
    )
    project.script("-c", ready, **told)
    assert project.script("predict.py", "0", "60", "140", **told).startswith(wanted)
    assert "178 bottles are online" in project.publish(**told)
    served = project.script("predict.py", "0", "60", "140", "--features", **told)
    assert served.startswith(wanted)


def test_shifted_requests_drift_and_the_model_that_learns_them_wins(
    project: Project, told: dict[str, str]
) -> None:
    """The loop by hand; that the alert starts it is another test's."""
    assert "asked about" in project.script("traffic.py", "--rows", "200", **told)
    assert float(project.models("drift", **told)) == 0
    project.script("traffic.py", "--shifted", **told)
    project.script("traffic.py", "--shifted", "--outcomes", **told)
    assert float(project.models("drift", **told)) > 0.3
    _, version = project.trained(**told)
    assert project.judged(**told) == project.models("promote", **told) == version
    project.models("rollback", **told)
    assert project.champion(**told)["version"] != version
