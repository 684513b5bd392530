from __future__ import annotations

import json
from typing import Any

import pytest
from pulumi.automation.events import EngineEvent

from plinth.changes import Change
from plinth.engine.changes import Collector, plain
from plinth.graph import capability_of

PREFIX = "urn:pulumi:dev::plinth::"
BOX = "toy:index:Box"


def urn(name: str, *types: str) -> str:
    return f"{PREFIX}{'$'.join(types or (BOX,))}::{name}"


def step(op: str, name: str = "one", kind: str = "resourcePreEvent", **more: Any) -> EngineEvent:
    planning = more.pop("planning", False)
    types = more.pop("types", (BOX,))
    metadata = {"op": op, "urn": urn(name, *types), "type": types[-1], "provider": "", **more}
    return EngineEvent.from_json({kind: {"metadata": metadata, "planning": planning}})


def run(*events: EngineEvent, refreshing: bool = False) -> dict[str, Change]:
    collector = Collector(lambda type_: type_ == BOX, refreshing=refreshing)
    for event in events:
        collector(event)
    return {change.name: change for change in collector.outcome(outputs={}, seconds=1).changes}


@pytest.mark.parametrize(
    ("types", "capability"),
    [
        (("plinth:index:Platform", "plinth:index:Tracking", "aws:s3/bucket:Bucket"), "tracking"),
        (("plinth:index:Platform", "plinth:index:Tracking", "plinth:index:X", "x:y:Z"), "tracking"),
        (("plinth:index:Platform", "plinth:index:Foundation"), "foundation"),
        (("plinth:index:Platform",), "platform"),
        (("plinth:index:Artifacts", "aws:s3/bucket:Bucket"), "artifacts"),
        (("aws:s3/bucket:Bucket",), ""),
        (("pulumi:pulumi:Stack",), ""),
    ],
)  # fmt: skip
def test_capability(types: tuple[str, ...], capability: str) -> None:
    assert capability_of(urn("x", *types)) == capability


def test_a_text_that_is_no_urn_has_no_capability() -> None:
    assert capability_of("something") == ""


OLD = {"type": BOX, "urn": urn("one"), "id": "i", "parent": "", "provider": "", "custom": True}


@pytest.mark.parametrize(
    ("op", "type_", "old", "risk"),
    [
        ("same", BOX, OLD, "none"),
        ("read", BOX, OLD, "none"),
        ("create", BOX, None, "low"),
        ("update", BOX, OLD, "low"),
        ("import", BOX, None, "low"),
        ("replace", BOX, OLD, "data-loss"),
        ("delete", BOX, OLD, "data-loss"),
        ("delete", BOX, {**OLD, "retainOnDelete": True}, "low"),
        ("discard", BOX, OLD, "low"),
        ("discard-replaced", BOX, OLD, "low"),
        ("delete", "toy:index:Rule", OLD, "high"),
        ("replace", "toy:index:Rule", OLD, "high"),
        ("delete", "plinth:index:Tracking", {**OLD, "custom": False}, "low"),
        ("delete", "pulumi:providers:toy", OLD, "low"),
    ],
)
def test_risk(op: str, type_: str, old: dict[str, Any] | None, risk: str) -> None:
    assert run(step(op, types=(type_,), old=old))["one"].risk == risk


def test_a_replacement_is_one_change() -> None:
    diff = {"detailedDiff": {"kind": {"diffKind": "update-replace", "inputDiff": True}}}
    changes = run(
        step("create-replacement", old=OLD, **diff),
        step("create-replacement", kind="resOutputsEvent", old=OLD, **diff),
        step("replace", old=OLD, **diff),
        step("delete-replaced", old=OLD),
    )
    assert list(changes) == ["one"]
    change = changes["one"]
    assert (change.op, dict(change.properties)) == ("replace", {"kind": "update-replace"})
    assert change.reason.startswith("cannot change in place: kind")


def test_a_replacement_that_deletes_first_says_what_forces_it() -> None:
    forced = {"old": OLD, "keys": ["kind"]}
    changes = run(step("delete-replaced", old=OLD), step("replace", **forced))
    assert changes["one"].reason == "cannot change in place: kind; it keeps data"


@pytest.mark.parametrize(
    ("op", "more"),
    [("create", {}), ("replace", {"keys": ["provider"]}), ("replace", {}), ("update", {})],
)
def test_what_is_made_anew_or_not_told_in_detail_counts_whole(op: str, more: Any) -> None:
    """A replacement for another provider names nothing else, whatever changes along with it."""

    def made(size: int, goal: str = "") -> str:
        collector = Collector(lambda _: True, goal=(lambda *_: goal) if goal else None)
        collector(step(op, new={**OLD, "inputs": {"size": size}}, **more))
        return collector.outcome(outputs={}, seconds=1).digest

    assert made(1) == made(1) != made(2)
    assert made(1, "goal") == made(2, "goal") != made(1, "another")


def test_a_deletion_of_a_leftover_does_not_hide_the_resource_itself() -> None:
    assert run(step("update", old=OLD), step("delete-replaced", old=OLD))["one"].op == "replace"


def test_without_a_detailed_diff_the_keys_tell() -> None:
    change = run(step("replace", old=OLD, keys=["kind"], diffs=["kind", "size"]))["one"]
    assert dict(change.properties) == {"kind": "update-replace", "size": "update"}


def test_a_refresh_says_what_the_cloud_did() -> None:
    change = run(step("delete", old=OLD), refreshing=True)["one"]
    assert change.reason == "gone from the cloud; it keeps data"


def test_phases_are_told_as_they_come() -> None:
    told: list[tuple[str, str]] = []
    collector = Collector(lambda _: False, lambda change, phase: told.append((change.op, phase)))
    collector(step("create", planning=True))
    collector(step("create", kind="resOutputsEvent", planning=True))
    collector(step("create"))
    collector(step("create", kind="resOutputsEvent"))
    collector(step("create", kind="resOpFailedEvent", status=1, steps=1))
    assert told == [
        ("create", "planned"), ("create", "started"), ("create", "done"), ("create", "failed"),
    ]  # fmt: skip
    assert list(collector.failed) == [urn("one")]


def test_the_outcome_is_plain_json() -> None:
    collector = Collector(lambda _: True)
    collector(step("create"))
    collector(step("same", "two"))
    collector(
        EngineEvent.from_json(
            {
                "diagnosticEvent": {
                    "message": "<{%fg 3%}>warning: <{%reset%}>careful\n",
                    "severity": "warning",
                    "color": "never",
                }
            }
        )
    )
    outcome = collector.outcome(outputs={"uri": "s3://x"}, seconds=1.23456)
    data = json.loads(json.dumps(outcome.to_json()))
    assert data["summary"] == {"create": 1, "same": 1}
    assert data["risk"] == "low"
    assert data["seconds"] == 1.235
    assert data["diagnostics"] == [
        {"severity": "warning", "message": "warning: careful", "urn": None}
    ]
    assert [change.name for change in outcome.changed] == ["one"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a <{%bold%}>b<{%reset%}> c ", "a b c"), ("no tags", "no tags"), ("<{%cut", "<{%cut")],
)
def test_plain(text: str, expected: str) -> None:
    assert plain(text) == expected
