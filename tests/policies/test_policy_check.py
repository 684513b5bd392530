from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Any

import pytest
from policy_support import PARAMETERS, resource

from plinth.errors import UsageError
from plinth.graph import Graph, Resource
from plinth.spec.models import Cluster, Cost, Domain, Settings
from plinth_policies import (
    REGISTRY,
    Enforcement,
    Level,
    Parameters,
    Report,
    Rule,
    Scope,
    Violation,
    Waiver,
    evaluate,
)
from plinth_policies.model import Action, Registry

QUEUE = "aws:sqs/queue:Queue"
TODAY = date(2026, 1, 31)
GRAPH = Graph(
    "dev", "aws", (resource(QUEUE, {}, "b"), resource(QUEUE, {}, "a"), resource("x:y:Z", {}))
)
Check = Callable[[Resource, Scope], Iterator[str]]


def _rule(check: Check, severity: Level = "mandatory") -> Rule:
    return Rule(
        id="test-rule",
        title="T",
        why="W",
        fix="mend it",
        judges={"aws:sqs/*": ()},
        check=check,
        severity=severity,
    )


def _complains(resource: Resource, _scope: Scope) -> Iterator[str]:
    yield f"{resource.name} is wrong"


def _waiver(resource: str = "*", expires: date = TODAY, rule: str = "test-rule") -> Waiver:
    return Waiver(rule=rule, resource=resource, reason="r", owner="o@e.x", expires=expires)


def _report(*waivers: Waiver, rule: Rule | None = None, **more: Any) -> Report:
    enforcement = Enforcement(level="mandatory", parameters=PARAMETERS, waivers=waivers, **more)
    return evaluate(GRAPH, enforcement, today=TODAY, rules=[rule or _rule(_complains)])


def _evaluate(*waivers: Waiver, rule: Rule | None = None) -> tuple[Violation, ...]:
    return _report(*waivers, rule=rule).violations


def test_violations_come_in_one_order_whatever_the_order_of_the_graph() -> None:
    advisory = Enforcement(level="advisory", parameters=PARAMETERS)
    found = evaluate(GRAPH, advisory).violations
    turned = replace(GRAPH, resources=GRAPH.resources[::-1])
    assert found == evaluate(turned, advisory).violations
    assert [(v.policy, v.urn) for v in found] == sorted((v.policy, v.urn) for v in found)
    assert {v.policy for v in found} == {"encryption-sqs-queue-kms", "tags-required"}


def test_a_violation_says_what_is_wrong_and_what_to_do() -> None:
    first = _evaluate()[0]
    assert first.to_json() == {
        "policy": "test-rule",
        "severity": "mandatory",
        "urn": f"urn:pulumi:dev::churn::{QUEUE}::a",
        "message": "a is wrong; mend it",
        "waiver": None,
    }


@pytest.mark.parametrize(
    ("level", "severity", "expected"),
    [
        ("mandatory", "mandatory", "mandatory"),
        ("mandatory", "advisory", "advisory"),
        ("advisory", "mandatory", "advisory"),
    ],
)
def test_the_environment_caps_what_a_rule_may_do(
    level: Level, severity: Level, expected: Level
) -> None:
    rule = _rule(_complains, severity=severity)
    found = evaluate(GRAPH, Enforcement(level=level), rules=[rule]).violations
    assert [v.severity for v in found] == [expected, expected]
    assert all(v.blocking == (expected == "mandatory") for v in found)


def test_a_rule_that_breaks_is_a_violation_that_names_it_and_no_value() -> None:
    def breaks(_resource: Resource, _scope: Scope) -> Iterator[str]:
        yield "first"
        raise KeyError("hunter2")

    found = _evaluate(rule=_rule(breaks))
    assert [v.message for v in found[:2]] == [
        "first; mend it",
        "the rule test-rule could not judge it (KeyError)",
    ]
    assert not any("hunter2" in v.message for v in found)


def test_rule_ids_are_unique_and_in_kebab_case() -> None:
    registry = Registry()
    register = partial(registry.rule, title="T", why="W", fix="F", judges={})
    register("test-rule")(_complains)
    for rule_id in ("test-rule", "Test-other", "test"):
        with pytest.raises(ValueError, match=rule_id):
            register(rule_id)
    assert [rule.id for rule in registry.rules] == ["test-rule"]


def test_rules_say_what_they_are_about() -> None:
    domains = {rule.domain for rule in REGISTRY.rules}
    assert domains == {
        "backup",
        "budget",
        "encryption",
        "exposure",
        "images",
        "logging",
        "pods",
        "privilege",
        "residency",
        "size",
        "tags",
        "transit",
    }
    assert {cloud for rule in REGISTRY.rules for cloud in rule.clouds} == {
        "aws",
        "azure-native",
        "gcp",
        "kubernetes",
    }
    for rule in REGISTRY.rules:
        assert rule.title[0].isupper()
        assert rule.why.endswith(".")
        assert not rule.fix.endswith(".")


@pytest.mark.parametrize(
    "waiver",
    [
        _waiver(),
        _waiver("a"),
        _waiver(f"*::{QUEUE}::a"),
        _waiver(rule="test-*"),
        _waiver(expires=date(2026, 2, 1)),
    ],
)
def test_a_waived_violation_is_kept_and_does_not_block(waiver: Waiver) -> None:
    first = _evaluate(waiver)[0]
    assert first.waiver == waiver
    assert not first.blocking
    assert first.to_json()["waiver"] == waiver.to_json()
    assert first.to_json()["waiver"]["expires"] == waiver.expires.isoformat()


@pytest.mark.parametrize(
    "waiver", [_waiver("c"), _waiver(rule="other-rule"), _waiver(expires=date(2026, 1, 30))]
)
def test_waivers_that_are_for_something_else_or_expired_do_not_count(waiver: Waiver) -> None:
    assert all(v.waiver is None and v.blocking for v in _evaluate(waiver))


def test_an_expired_waiver_is_a_violation_of_its_own_and_an_unused_one_is_reported() -> None:
    expired, unused = _waiver(expires=date(2026, 1, 30)), _waiver("c")
    report = _report(expired, unused, _waiver("a"))
    assert [excuse.state for excuse in report.excuses] == ["expired", "unused", "used"]
    (violation,) = [v for v in report.violations if v.policy == "waiver-expired"]
    assert violation.blocking
    assert violation.message == (
        "the waiver of test-rule for * expired on 2026-01-30; mend what it excused, or let o@e.x "
        "renew it with a reason"
    )
    lenient = Enforcement(level="advisory", waivers=[expired])
    warned = evaluate(GRAPH, lenient, today=TODAY, rules=[]).violations
    assert [(v.policy, v.blocking) for v in warned] == [("waiver-expired", False)]


@pytest.mark.parametrize(
    ("actions", "severity"),
    [
        ({"test-rule": "advisory"}, "advisory"),
        ({"test-*": "advisory"}, "advisory"),
        ({"*": "disabled", "test-*": "advisory"}, "advisory"),
        ({"test-*": "disabled", "test-rule": "mandatory"}, "mandatory"),
        ({"test-rule": "remediate"}, "mandatory"),  # what is left after mending stops
        ({"other-*": "disabled"}, "mandatory"),
    ],
)
def test_an_environment_can_tune_single_rules(actions: dict[str, Action], severity: Level) -> None:
    found = _report(actions=actions).violations
    assert [v.severity for v in found] == [severity, severity]


def test_a_disabled_rule_judges_nothing() -> None:
    report = _report(actions={"test-rule": "disabled"})
    assert (report.violations, report.judgements) == ((), ())


def test_a_rule_that_remediates_mends_before_anything_is_judged() -> None:
    def check(resource: Resource, _scope: Scope) -> Iterator[str]:
        if not resource.inputs.get("safe"):
            yield "not safe"

    def mend(resource: Resource, _scope: Scope) -> dict[str, Any]:
        return {**resource.inputs, "safe": True}

    rule = replace(_rule(check), mend=mend)
    assert len(_report(rule=rule).violations) == 2
    report = _report(rule=rule, actions={"test-rule": "remediate"})
    assert report.violations == ()
    assert [mended.urn.rsplit("::", 1)[1] for mended in report.mended] == ["b", "a"]
    assert [r.inputs for r in report.graph] == [{"safe": True}, {"safe": True}, {}]


def test_a_mend_that_breaks_leaves_a_mandatory_violation() -> None:
    def mend(_resource: Resource, _scope: Scope) -> dict[str, Any]:
        raise KeyError("hunter2")

    rule = replace(_rule(_complains), mend=mend)
    found = _report(rule=rule, actions={"test-rule": "remediate"}).violations
    assert [(v.what, v.blocking) for v in found] == [("a is wrong", True), ("b is wrong", True)]


def test_waivers_travel_as_json_and_must_be_complete() -> None:
    whole = _waiver().to_json()
    assert Waiver.from_json(whole) == _waiver()
    for broken in (
        {**whole, "reason": ""},
        {**whole, "expires": "soon"},
        {**whole, "extra": "x"},
        {key: value for key, value in whole.items() if key != "owner"},
    ):
        with pytest.raises(UsageError):
            Waiver.from_json(broken)


def test_parameters_travel_as_json() -> None:
    assert Parameters.from_json(PARAMETERS.to_json()) == PARAMETERS
    assert Parameters.from_json({}) == Parameters()
    assert Parameters.from_json({"max_nodes": 3.0}) == Parameters(max_nodes=3)
    for broken in (
        {"unknown": "x"},
        {"owner": 1},
        {"required_tags": "owner"},
        {"max_nodes": 1.5},
        {"max_nodes": True},
        {"durable": "yes"},
    ):
        with pytest.raises(UsageError):
            Parameters.from_json(broken)


@pytest.mark.parametrize(
    ("domain", "cidrs", "public"),
    [
        (None, ("203.0.113.0/24",), False),
        (Domain(name="ml.example.com", allow=("198.51.100.0/24",)), ("203.0.113.0/24",), False),
        (
            Domain(name="ml.example.com", exposure="public", allow=("198.51.100.0/24",)),
            ("203.0.113.0/24", "198.51.100.0/24"),
            True,
        ),
    ],
)
def test_parameters_come_from_the_settings(
    domain: Domain | None, cidrs: tuple[str, ...], public: bool
) -> None:
    settings = Settings(
        apiVersion="plinth/v1",
        name="churn",
        owner="ml@example.com",
        cost=Cost(center="4711", monthly_budget=100),
        cloud="aws",
        cluster=Cluster(public_access=("203.0.113.0/24",)),
        domain=domain,
    )
    made = Parameters.from_settings(settings, "dev")
    assert (made.platform, made.environment, made.owner) == ("churn", "dev", "ml@example.com")
    assert made.cost_center == "4711"
    assert made.allowed_public_cidrs == cidrs
    assert bool(made.public_services) == public
