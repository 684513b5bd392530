from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from functools import partial

import pytest
from policy_support import PARAMETERS, resource

from plinth.errors import UsageError
from plinth.graph import Graph, Resource
from plinth.spec.models import Cluster, Cost, Domain, Settings
from plinth_policies import REGISTRY, Level, Parameters, Rule, Scope, Violation, Waiver, evaluate
from plinth_policies.model import Registry

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


def _evaluate(*waivers: Waiver, rule: Rule | None = None) -> tuple[Violation, ...]:
    rules = [rule or _rule(_complains)]
    return evaluate(GRAPH, PARAMETERS, level="mandatory", waivers=waivers, today=TODAY, rules=rules)


def test_violations_come_in_one_order_whatever_the_order_of_the_graph() -> None:
    found = evaluate(GRAPH, PARAMETERS, level="advisory")
    turned = replace(GRAPH, resources=GRAPH.resources[::-1])
    assert found == evaluate(turned, PARAMETERS, level="advisory")
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
    found = evaluate(GRAPH, PARAMETERS, level=level, rules=[rule])
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
    assert domains == {"encryption", "transit", "exposure", "tags"}
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
    for broken in ({"unknown": "x"}, {"owner": 1}, {"required_tags": "owner"}):
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
