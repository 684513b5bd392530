"""`plinth up --approved` after a run that ended halfway: the rest goes on, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cli_support import Plinth

from plinth.changes import approval
from plinth.review.model import Review

pytestmark = pytest.mark.engine

REHEARSE = ("dev", "--rehearse")


@pytest.fixture
def plinth(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Plinth:
    made = Plinth(tmp_path / "project", capsys)
    monkeypatch.chdir(made.folder)
    return made


def approve(plinth: Plinth) -> tuple[str, ...]:
    """What `plinth ci approved` would hand on of the plan as it is now."""
    review = Review.from_json(plinth("preview", *REHEARSE, "--json").json)
    return ("up", *REHEARSE, "--json", "--approved", approval(review.digest, review.changes))


def outage(plinth: Plinth, **fault: Any) -> tuple[str, ...]:
    plan = plinth.folder / "faults.json"
    plan.write_text(json.dumps([fault]), encoding="utf-8")
    return ("--faults", str(plan))


@pytest.mark.parametrize(
    "fault",
    [
        {"operation": "create", "nth": 12, "action": "fail"},
        {"operation": "create", "type": "aws:s3/bucket:Bucket", "action": "crash", "when": "after"},
    ],
    ids=lambda fault: f"{fault['action']}",
)
def test_a_first_update_that_failed_halfway(plinth: Plinth, fault: dict[str, Any]) -> None:
    up = approve(plinth)
    failed = plinth(*up, *outage(plinth, **fault))
    assert failed.code == 1
    rest = plinth("preview", *REHEARSE, "--json").json
    assert rest["summary"]["create"] > 1
    assert rest["digest"] not in up[-1]

    # Whatever came on top since, nobody has approved.
    plinth.edit("region: eu-west-1", "region: eu-west-1\ntags: {team: ml}")
    other = plinth(*up)
    assert (other.code, other.problem["code"]) == (4, "plan-changed")
    assert "nobody approved to " in other.problem["message"]
    plinth.edit("\ntags: {team: ml}", "")

    done = plinth(*up)
    assert done.code == 0, done.out
    assert plinth("preview", *REHEARSE, "--expect-no-changes").code == 0
    # And once more: nothing is left to do.
    assert plinth(*up).json["summary"].keys() == {"same"}


@pytest.mark.parametrize(
    "fault",
    [
        {"operation": "delete", "type": "aws:s3/bucket:Bucket", "action": "fail"},
        {"operation": "create", "nth": 4, "action": "fail"},
    ],
    ids=lambda fault: f"{fault['operation']}",
)
def test_a_replacement_that_failed_halfway(plinth: Plinth, fault: dict[str, Any]) -> None:
    plinth("up", *REHEARSE)
    plinth.edit("name: churn", "name: attrition")
    up = (*approve(plinth), "--allow-data-loss")
    failed = plinth(*up, *outage(plinth, **fault))
    assert failed.code == 1
    left = Review.from_json(plinth("preview", *REHEARSE, "--json").json)
    assert left.felt
    assert left.digest not in up[-2]

    done = plinth(*up)
    assert done.code == 0, done.out
    assert plinth("preview", *REHEARSE, "--expect-no-changes").code == 0


def test_what_was_not_shown_is_not_part_of_it(plinth: Plinth) -> None:
    """An approved update does not cover making or losing the same thing."""
    plinth("up", *REHEARSE)
    plinth.edit("region: eu-west-1", "region: eu-west-1\ntags: {team: ml}")
    up = approve(plinth)
    plinth.edit("tags: {team: ml}", "tags: {team: data}")
    other = plinth(*up)
    assert (other.code, other.problem["code"]) == (4, "plan-changed")
    plinth.edit("tags: {team: data}", "tags: {team: ml}")
    plinth.edit("artifacts: {}\n", "")
    gone = plinth(*up)
    assert (gone.code, gone.problem["code"]) == (4, "plan-changed")
    assert "delete " in gone.problem["message"]
