"""Engine commands in rehearsal, on a small platform: refusals come before anything is touched."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cli_support import Plinth

from plinth import operations
from plinth.engine.command import Command
from plinth.errors import PolicyError
from plinth.operations import open_environment

pytestmark = pytest.mark.engine


@pytest.fixture
def plinth(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Plinth:
    made = Plinth(tmp_path / "project", capsys)
    monkeypatch.chdir(made.folder)
    return made


def test_what_is_not_up(plinth: Plinth) -> None:
    answer = plinth("outputs", "prod", "--rehearse")
    assert (answer.code, answer.out) == (1, "")
    assert "prod is not up" in answer.err
    assert "`plinth up prod --rehearse`" in answer.err
    assert not list(plinth.folder.rglob("PulumiPolicy.yaml")), "nothing is judged here"
    for command in ("refresh", "destroy"):
        answer = plinth(command, "prod", "--rehearse")
        assert (answer.code, answer.err) == (0, "")
        assert answer.out == "prod is not up; `plinth up prod --rehearse` brings it up.\n"
    assert plinth("outputs", "prod", "--rehearse", "--json").problem["code"] == "not-up"
    assert plinth("destroy", "prod", "--rehearse", "--json").json["changes"] == []


def test_a_durable_environment(plinth: Plinth) -> None:
    """Up twice, never destroyed by halves, and the way out; then what would lose data."""
    made = plinth("up", "prod", "--rehearse", "--json").json
    again = plinth("up", "prod", "--rehearse", "--json").json
    assert again["summary"].keys() == {"same"}
    assert again["outputs"] == made["outputs"] != {}

    before = _urns(plinth)
    refused = plinth("destroy", "prod", "--rehearse", "--json")
    assert (refused.code, refused.problem["code"]) == (1, "protected")
    assert "models (Bucket)" in refused.problem["message"]
    assert "plinth up prod --rehearse" in refused.problem["fix"]
    assert _urns(plinth) == before
    plinth.edit("durable: true", "durable: false")
    plinth("up", "prod", "--rehearse")

    plinth.edit("name: churn", "name: attrition")
    found = plinth("preview", "prod", "--rehearse", "--expect-no-changes", "--json")
    assert (found.code, found.json["problems"][0]["code"]) == (4, "changes-found")
    assert found.json["risk"] == "data-loss"
    lossy = plinth("up", "prod", "--rehearse", "--json")
    assert (lossy.code, lossy.json["risk"]) == (1, "data-loss")
    assert {each["code"] for each in lossy.json["problems"]} == {"approval-missing"}
    assert all("--allow-data-loss" in each["fix"] for each in lossy.json["problems"])
    assert all(each["path"].startswith("urn:") for each in lossy.json["problems"])
    assert _urns(plinth) == before

    gone = plinth("destroy", "prod", "--rehearse")
    assert gone.code == 0
    assert " deleted in " in gone.out
    assert _urns(plinth) == set()


def test_the_engine_is_run_for_what_is_needed(
    plinth: Plinth, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state is read again after the preview: others may have been at work meanwhile."""
    said: list[str] = []
    run = Command.run

    def recording(self: Command, args: list[str], *more: Any) -> Any:
        said.append(" ".join(word for word in args[:2] if not word.startswith("-")))
        return run(self, args, *more)

    monkeypatch.setattr(Command, "run", recording)
    plinth("up", "dev", "--rehearse")
    first = ["stack export", "stack export", "stack init", "stack export", "up", "stack output"]
    assert said == first
    said.clear()
    assert "nothing changed" in plinth("up", "dev", "--rehearse").out
    assert said == ["stack export", "preview", "stack export", "up", "stack output"]
    said.clear()
    assert plinth("preview", "dev", "--rehearse", "--json").json["changes"] == []
    assert said == ["preview"]


def test_a_violated_policy_stops_before_anything_is_made(
    plinth: Plinth, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The graph is judged with a bucket's public access block taken out of it."""
    honest = operations.planning.graph_of

    def lenient(*arguments: Any) -> Any:
        graph = honest(*arguments)
        kept = [r for r in graph if not (r.name == "models" and "PublicAccess" in r.type)]
        return type(graph)(graph.environment, graph.cloud, tuple(kept), graph.outputs)

    monkeypatch.setattr(operations.planning, "graph_of", lenient)
    answer = plinth("up", "prod", "--rehearse", "--json")
    assert answer.code == 3
    assert answer.problem["code"] == "policy-violation"
    assert answer.problem["message"].startswith("exposure-s3-public-access-block: ")
    assert answer.problem["path"].endswith("::models")
    assert answer.problem["fix"]
    assert _urns(plinth) == set()

    planned = plinth("plan", "prod", "--json")
    assert (planned.code, len(planned.json["policy"])) == (3, 1)

    dev = open_environment(plinth.spec, "dev", rehearse=True)
    operations.refuse_violations(dev)  # advisory there
    prod = open_environment(plinth.spec, "prod", rehearse=True)
    with pytest.raises(PolicyError):
        operations.refuse_violations(prod)


def _urns(plinth: Plinth) -> set[str]:
    """What the state of the rehearsed production knows of."""
    folder = plinth.folder / ".plinth" / "rehearsal" / "prod" / "state"
    found: set[str] = set()
    for file in folder.glob(".pulumi/stacks/*/prod.json"):
        latest = json.loads(file.read_text(encoding="utf-8"))["checkpoint"]["latest"] or {}
        found |= {each["urn"] for each in latest.get("resources") or ()}
    return found
