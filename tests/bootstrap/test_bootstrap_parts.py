"""What an account has from elsewhere is left out, and a refusal names the option that does so."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase

import pytest

from accounts_support import CLOUDS, graph, order
from plinth.bootstrap import parts
from plinth.bootstrap.planning import graph_of, judge
from plinth.engine.changes import Diagnostic, Outcome
from plinth.errors import EngineError, Problem, UsageError

ALL = [(cloud, part) for cloud in CLOUDS for part in parts.names(cloud)]


@pytest.mark.parametrize(("cloud", "part"), ALL)
def test_a_part_is_what_disappears_without_it(cloud: str, part: str) -> None:
    left = graph_of(replace(order(cloud), without=(part,)))
    before, after = ({each.urn for each in found} for found in (graph(cloud), left))
    patterns = parts._PARTS[cloud][part].made
    gone = before - after
    assert after < before
    for pattern in patterns:
        assert [urn for urn in gone if fnmatchcase(urn, pattern)], pattern
        assert not [urn for urn in after if fnmatchcase(urn, pattern)], pattern


@pytest.mark.parametrize("cloud", CLOUDS)
def test_without_any_of_them_no_policy_is_broken(cloud: str) -> None:
    least = replace(order(cloud), without=parts.names(cloud))
    assert judge(least, graph_of(least)).blocking == ()


def test_without_a_recorder_of_ours_tags_are_still_asked_for() -> None:
    kinds = {each.type for each in graph_of(replace(order("aws"), without=("config-recorder",)))}
    assert "aws:cfg/rule:Rule" in kinds


def test_words_are_parts_of_the_cloud() -> None:
    assert parts.left_out("aws", ()) is None
    assert parts.left_out("aws", ("none",)) == ()
    assert parts.left_out("aws", ("budget", "trail", "budget")) == ("trail", "budget")
    with pytest.raises(UsageError) as raised:
        parts.left_out("aws", ("config-recoder",))
    (problem,) = raised.value.problems
    assert problem.nearest == "config-recorder"
    with pytest.raises(UsageError):
        parts.left_out("gcp", ("config-recorder",))


TRAIL = "urn:pulumi:a::p::plinth:index:Guardrails$aws:cloudtrail/trail:Trail::audit"
BUDGET = "urn:pulumi:a::p::plinth:index:Guardrails$aws:budgets/budget:Budget::budget"
KEY = "urn:pulumi:a::p::plinth:index:State$aws:kms/key:Key::state"


def told(urn: str, message: str, *, path: str | None = None) -> Problem:
    problem = Problem(code="resource-failed", message=message, path=path, fix="Wait.")
    error = EngineError(problem)
    said = Diagnostic(severity="error", message=message, urn=urn)
    error.outcome = Outcome(changes=(), outputs={}, seconds=0, diagnostics=(said,))
    found = parts.explained(error, "aws", "111111111111")
    assert found.outcome is error.outcome
    (explained,) = found.problems
    return explained


def test_a_trail_too_many() -> None:
    problem = told(
        TRAIL,
        "creating CloudTrail Trail (plinth): operation error CloudTrail: CreateTrail, https "
        "response error StatusCode: 400, RequestID: A1, MaximumNumberOfTrailsExceededException: "
        "User: 111111111111 already has 5 trails in eu-west-1.",
        path=TRAIL,
    )
    assert problem.code == "part-taken"
    assert problem.message.startswith("111111111111 has as many trails as it may")
    assert problem.message.endswith("--without trail")


def test_what_the_organisation_denies() -> None:
    problem = told(
        TRAIL,
        "AccessDeniedException: User: arn:aws:sts::111111111111:assumed-role/admin/me is not "
        "authorized to perform: cloudtrail:CreateTrail on resource: arn:aws:cloudtrail:eu-west-1:"
        "111111111111:trail/plinth with an explicit deny in a service control policy",
        path=TRAIL,
    )
    assert problem.code == "part-denied"
    assert "--without trail" in problem.message


def test_another_refusal_keeps_its_words_and_names_the_option() -> None:
    problem = told(BUDGET, "it fails (2 resources: budget (Budget), other (Topic))")
    assert problem.message.startswith("it fails")
    assert problem.fix == "Wait; or do without the monthly budget: --without budget."


def test_what_cannot_be_left_out_is_told_as_before() -> None:
    assert told(KEY, "no", path=KEY) == Problem(
        code="resource-failed", message="no", path=KEY, fix="Wait."
    )
