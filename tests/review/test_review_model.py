"""Reviews as JSON, and what makes two plans the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
from review_support import change, review

from plinth.changes import Change, Diagnostic, content, costs, digest, judge
from plinth.errors import Location, Problem, UsageError
from plinth.review.model import Approval, Approvals, Policy, Review

APPROVAL = Approval(
    resource="models",
    change="delete",
    reason="moved to the new bucket",
    approver="lead@example.com",
    expires="2030-01-31",
)


def whole() -> Review:
    lost = change()
    made = change("new", op="create", risk="low", reason="", properties={}, drift=("tags.x",))
    return review(
        lost,
        made,
        base="b" * 40,
        head="a" * 40,
        policy=Policy(
            level="mandatory",
            violations=({"policy": "p", "severity": "mandatory", "urn": "", "message": "m"},),
            waivers=({"rule": "p", "state": "unused"},),
        ),
        approvals=Approvals(used=(APPROVAL,), granted={lost.urn: APPROVAL}),
        blockers=(
            Problem(code="c", message="m", location=Location("f", 1, 2), allowed=("a", "b")),
        ),
        diagnostics=(Diagnostic(severity="warning", message="w"),),
    )


def test_json_and_back() -> None:
    made = whole()
    data = json.loads(json.dumps(made.to_json()))
    assert Review.from_json(data) == made
    assert Review.from_json({**data, "ok": False, "problems": []}) == made
    assert data["version"] == 1
    assert data["summary"] == {"delete": 1, "create": 1}
    assert data["risk"] == "data-loss"
    assert [each["approval"] for each in data["changes"]] == [APPROVAL.to_json(), None]
    assert data["approvals"]["used"] == [APPROVAL.to_json()]


@pytest.mark.parametrize(
    "broken",
    [
        {"version": 2},
        {"changes": [{}]},
        {"changes": None},
        {"policy": {}},
        {"approvals": {"used": [{"nobody": 1}], "unused": [], "expired": []}},
    ],
)
def test_what_is_no_review_is_refused(broken: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as refused:
        Review.from_json({**whole().to_json(), **broken})
    assert refused.value.problems[0].code == "review-malformed"


def test_the_digest_is_of_what_would_change() -> None:
    one = change(content="1", properties={"a": "update", "b": "add"})
    same = change(content="1", properties={"b": "add", "a": "update"}, reason="another word")
    quiet = change("other", op="same", risk="none")
    assert digest([one, change("x")]) == digest([change("x"), quiet, same])
    for other in (
        change(content="2", properties=one.properties),
        change(content="1", properties=one.properties, op="replace"),
        change(content="1", properties={"a": "update"}),
        change("else", content="1", properties=one.properties),
    ):
        assert digest([other]) != digest([one])
    assert digest([]).startswith("sha256:")


def test_content_is_of_the_properties_that_change() -> None:
    old = {"tags": {"a": 1}, "size": 3, "__defaults": ["x"]}
    assert content(old, ["tags.a"]) == content({**old, "size": 4}, ["tags.a", "outputOnly"])
    assert content(old, ["tags.a"]) != content({**old, "tags": {"a": 2}}, ["tags.a"])
    assert content(old) == content({"size": 3, "tags": {"a": 1}})
    assert content({}) == content(None) == ""


def test_risk_is_judged_by_what_is_lost() -> None:
    forced = {"name": "update-replace", "size": "update"}
    assert judge("replace", "a:b:C", stateful=True, properties=forced) == (
        "data-loss",
        "cannot change in place: name; it keeps data",
    )
    assert judge("replace", "a:b:C", stateful=False, properties=forced)[0] == "high"
    assert judge("delete", "a:b:C", stateful=True, properties={}, retained=True)[0] == "low"
    assert judge("update", "a:b:C", stateful=True, properties=forced) == ("low", "")


@pytest.mark.parametrize(
    ("op", "properties", "seen"),
    [
        ("create", {}, True),
        ("delete", {}, True),
        ("update", {"scaling.max": "update"}, True),
        ("update", {"scalingPolicy": "update"}, False),
        ("update", {"tags.owner": "update"}, False),
        ("same", {}, False),
    ],
)
def test_what_shows_on_the_bill(op: str, properties: dict[str, str], seen: bool) -> None:
    found: Change = change(type_="a:b:Pool", op=op, properties=properties)
    assert costs(found, {"a:b:Pool": ("scaling",)}) is seen
    assert not costs(found, {"a:b:Other": ("scaling",)})
