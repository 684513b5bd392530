"""Approvals: which change each is for, until when, and how to write the one that is missing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from review_support import SPEC, change

from plinth.changes import Change, Op
from plinth.changes import approval as handed_on
from plinth.engine.changes import Outcome
from plinth.errors import UsageError
from plinth.review import approvals
from plinth.spec.models import Approval

TODAY = date(2030, 1, 31)


def approval(resource: str = "models", **more: Any) -> Approval:
    fields = {"change": "delete", "reason": "moved to the new bucket", "expires": "2030-01-31"}
    return Approval.model_validate(
        {"resource": resource, "approver": "lead@example.com", **fields, **more}
    )


@pytest.mark.parametrize(
    ("given", "counts"),
    [
        (approval(), True),
        (approval("mod*"), True),
        (approval("*aws:s3/bucket:Bucket::models"), True),
        (approval("Models"), False),
        (approval("logs"), False),
        (approval(change="replace"), False),
        (approval(expires="2030-01-30"), False),
    ],
)
def test_what_an_approval_is_for(given: Approval, counts: bool) -> None:
    weighed = approvals.weigh([change()], [given], today=TODAY)
    assert bool(weighed.granted) is counts
    assert bool(weighed.used) is counts
    assert len(weighed.used) + len(weighed.unused) + len(weighed.expired) == 1


def test_what_keeps_no_data_needs_none() -> None:
    harmless = change(risk="high")
    weighed = approvals.weigh([harmless], [approval()], today=TODAY)
    assert not weighed.granted
    assert [each.resource for each in weighed.unused] == ["models"]


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    file = tmp_path / "platform.yaml"
    file.write_text(SPEC, encoding="utf-8")
    return file


def missing(spec: Path, *changes: Any, given: Any = ()) -> list[Any]:
    weighed = approvals.weigh(changes, given, today=TODAY)
    return approvals.missing(changes, weighed, spec=spec, environment="prod", today=TODAY)


def test_the_line_that_is_missing_can_be_pasted(spec: Path) -> None:
    (problem,) = missing(spec, change(), change("logs"), given=[approval("logs")])
    assert problem.code == "approval-missing"
    assert problem.location.line == SPEC.splitlines().index(SPEC.splitlines()[-1]) + 1
    assert "environments.prod.approvals" in problem.fix
    (line,) = yaml.safe_load(problem.fix.split("`")[1])
    assert line["expires"] == date(2030, 3, 2)
    filled = {**line, "reason": "moved to the new bucket", "approver": "lead@example.com"}
    given = [Approval.model_validate(filled)]
    assert not missing(spec, change(), given=given)
    assert missing(spec, change(type_="aws:kms/key:Key"), given=given)  # of the same name


def test_two_of_a_name_are_told_apart(spec: Path) -> None:
    key = change(type_="aws:kms/key:Key")
    problems = missing(spec, change(), key)
    lines = [yaml.safe_load(each.fix.split("`")[1])[0]["resource"] for each in problems]
    assert lines == ["*aws:kms/key:Key::models", "*aws:s3/bucket:Bucket::models"]
    (left,) = missing(spec, change(), key, given=[approval(lines[0])])
    assert "Bucket" in left.message


def test_an_expired_one_is_told(spec: Path) -> None:
    (problem,) = missing(spec, change(), given=[approval(expires="2029-12-31")])
    assert "its approval expired on 2029-12-31" in problem.message


def test_the_shared_list_goes_on_where_it_is(spec: Path) -> None:
    spec.write_text(f"{SPEC}approvals: []\n", encoding="utf-8")
    (problem,) = missing(spec, change())
    assert "add to approvals," in problem.fix
    (line,) = yaml.safe_load(problem.fix.split("`")[1])
    given = [approval(line["resource"])]
    assert not missing(spec, change(), given=given)
    elsewhere = replace(change(), urn=change().urn.replace(":dev::", ":test::"))
    assert missing(spec, elsewhere, given=given)
    assert problem.location.line == len(SPEC.splitlines()) + 1


def test_another_plan_than_the_approved_one_is_refused() -> None:
    planned = Outcome(changes=(change(),), outputs={}, seconds=1)
    approvals.refuse_other_plan(planned, None, "prod")
    approvals.refuse_other_plan(planned, planned.digest, "prod")
    with pytest.raises(approvals.PlanChangedError) as refused:
        approvals.refuse_other_plan(planned, f"sha256:{'0' * 64}", "prod")
    (problem,) = refused.value.problems
    assert (problem.code, refused.value.exit_code) == ("plan-changed", 4)
    assert planned.digest in problem.fix
    assert refused.value.outcome is planned


def planned(*changes: Change) -> Outcome:
    return Outcome(changes=changes, outputs={}, seconds=1)


def step(name: str, op: Op, goal: str = "g") -> Change:
    type_ = "aws:s3/bucket:Bucket"
    urn = f"urn:pulumi:dev::churn::{type_}::{name}"
    return Change(urn=urn, type=type_, name=name, op=op, goal=goal)


WHOLE = (step("a", "create"), step("b", "update"), step("c", "replace"), step("d", "delete", ""))


@pytest.mark.parametrize(
    "rest",
    [
        WHOLE[1:],
        (),
        (step("a", "update"),),  # made, and yet to settle
        (step("c", "create"),),  # its old one is gone
        (step("c", "update"), step("d", "delete", "")),
        (step("a", "same", "x"), step("b", "read", "x")),
    ],
)
def test_the_rest_of_an_approved_plan_goes_on(rest: tuple[Change, ...]) -> None:
    given = handed_on(planned(*WHOLE).digest, WHOLE)
    approvals.refuse_other_plan(planned(*rest), given, "dev")
    with pytest.raises(approvals.PlanChangedError):  # a digest alone is that plan alone
        approvals.refuse_other_plan(planned(*rest), planned(*WHOLE).digest, "dev")


@pytest.mark.parametrize(
    "other",
    [
        step("a", "create", "other"),
        step("a", "replace"),
        step("a", "delete", ""),
        step("b", "create"),
        step("b", "replace"),
        step("c", "delete", ""),
        step("d", "create", ""),
        step("e", "create"),
    ],
)
def test_what_nobody_approved_is_named(other: Change) -> None:
    given = handed_on(planned(*WHOLE).digest, WHOLE)
    with pytest.raises(approvals.PlanChangedError) as refused:
        approvals.refuse_other_plan(planned(WHOLE[1], other), given, "dev")
    message = refused.value.problems[0].message
    assert message.endswith(f"nobody approved to {other.op} {other.name} (Bucket)")


@pytest.mark.parametrize("given", ["", "sha256:0", "yes", f"sha256:{'0' * 64}+short"])
def test_what_is_no_digest_is_told(given: str) -> None:
    with pytest.raises(UsageError, match="no digest of a plan"):
        approvals.refuse_other_plan(planned(*WHOLE), given, "dev")
