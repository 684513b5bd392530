"""Judging a graph: every rule on every resource that it applies to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal

from plinth.graph import Graph, Resource
from plinth_policies.enforcement import Enforcement
from plinth_policies.model import (
    REGISTRY,
    Rule,
    Scope,
    UnjudgeableError,
    Violation,
    Waiver,
)

#: The rule that an expired waiver breaks.
EXPIRED = "waiver-expired"


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """One rule on one resource: kept when there are no messages."""

    rule: Rule
    resource: Resource
    messages: tuple[str, ...] = ()
    waiver: Waiver | None = None


@dataclass(frozen=True, kw_only=True)
class Excuse:
    """A waiver, and what became of it: ``unused`` when nothing needed it."""

    waiver: Waiver
    state: Literal["used", "unused", "expired"]

    def to_json(self) -> dict[str, str]:
        """The waiver with its state as plain JSON data."""
        return {**self.waiver.to_json(), "state": self.state}


@dataclass(frozen=True, kw_only=True)
class Mended:
    """A resource whose inputs a rule has mended."""

    policy: str
    urn: str

    def to_json(self) -> dict[str, str]:
        """The mend as plain JSON data."""
        return {"policy": self.policy, "urn": self.urn}


@dataclass(frozen=True, kw_only=True)
class Report:
    """What the rules say of a graph, wherever it came from.

    Attributes:
        graph: What was judged, mends applied.
        judgements: Every rule on every resource that it applies to, in the order of rules.
        violations: What is wrong, sorted by rule, URN and message; expired waivers among them.
        excuses: Every waiver and whether it was needed.
        mended: What rules that remediate have changed.
    """

    graph: Graph
    judgements: tuple[Judgement, ...]
    violations: tuple[Violation, ...]
    excuses: tuple[Excuse, ...] = ()
    mended: tuple[Mended, ...] = ()

    @property
    def blocking(self) -> tuple[Violation, ...]:
        """What stops the operation."""
        return tuple(violation for violation in self.violations if violation.blocking)

    def to_json(self) -> dict[str, Any]:
        """The report as plain JSON data."""
        return {
            "environment": self.graph.environment,
            "cloud": self.graph.cloud,
            "policy": [violation.to_json() for violation in self.violations],
            "waivers": [excuse.to_json() for excuse in self.excuses],
            "mended": [mended.to_json() for mended in self.mended],
        }


def evaluate(
    graph: Graph,
    enforcement: Enforcement,
    *,
    today: date | None = None,
    rules: Iterable[Rule] | None = None,
) -> Report:
    """Judges a whole graph.

    Args:
        graph: The resources.
        enforcement: How far rules go, what they compare with, and what is excused.
        today: Day for which waivers must still count. Default: the current day.
        rules: The rules to apply. Default: all that are registered.
    """
    today = today or date.today()
    chosen = REGISTRY.rules if rules is None else tuple(rules)
    chosen = tuple(rule for rule in chosen if enforcement.action(rule) != "disabled")
    graph, mended = _mend(graph, enforcement, chosen)
    scope = Scope(graph, enforcement.parameters)
    judgements = tuple(
        _judgement(rule, resource, scope, enforcement, today)
        for rule, resource in _pairs(graph, chosen)
    )
    found = [
        Violation(
            policy=done.rule.id,
            severity=enforcement.severity(done.rule),
            urn=done.resource.urn,
            message=message,
            fix=done.rule.fix,
            waiver=done.waiver,
        )
        for done in judgements
        for message in done.messages
    ]
    used = {id(done.waiver) for done in judgements if done.waiver}
    excuses = tuple(_excuse(waiver, used, today) for waiver in enforcement.waivers)
    found += [_expired(e.waiver, enforcement) for e in excuses if e.state == "expired"]
    return Report(
        graph=graph,
        judgements=judgements,
        violations=tuple(sorted(found, key=lambda v: (v.policy, v.urn, v.message))),
        excuses=excuses,
        mended=mended,
    )


def judge(rule: Rule, resource: Resource, scope: Scope) -> list[str]:
    """What is wrong with one resource; a rule that breaks counts as broken by the resource."""
    messages: list[str] = []
    try:
        for problem in rule.check(resource, scope):
            messages.append(f"{problem}; {rule.fix}")
    except UnjudgeableError as reason:
        messages.append(f"{reason}; {rule.fix}")
    except Exception as error:  # noqa: BLE001 - whatever breaks a rule must not let the resource pass
        # The text of the error may hold a secret; its type does not.
        messages.append(f"the rule {rule.id} could not judge it ({type(error).__name__})")
    return list(dict.fromkeys(messages))


def mend(rule: Rule, resource: Resource, scope: Scope) -> Resource | None:
    """The resource as it keeps the rule; None when it does already, or cannot be mended.

    A mend that breaks is none: what is wrong is said by the rule, which is then mandatory.
    """
    if rule.mend is None or not judge(rule, resource, scope):
        return None
    try:
        inputs = rule.mend(resource, scope)
    except Exception:  # noqa: BLE001 - the rule's own check says what is wrong
        return None
    return None if inputs is None else replace(resource, inputs=inputs)


def _pairs(graph: Graph, rules: Sequence[Rule]) -> Iterator[tuple[Rule, Resource]]:
    kinds: dict[str, list[Resource]] = {}
    for resource in graph:
        if resource.custom:
            kinds.setdefault(resource.type, []).append(resource)
    for rule in rules:
        for kind, resources in kinds.items():
            if rule.judges_kind(kind):
                yield from ((rule, resource) for resource in resources)


def _judgement(
    rule: Rule, resource: Resource, scope: Scope, enforcement: Enforcement, today: date
) -> Judgement:
    messages = tuple(judge(rule, resource, scope))
    waiver = enforcement.waiver(rule, resource, today) if messages else None
    return Judgement(rule=rule, resource=resource, messages=messages, waiver=waiver)


def _mend(
    graph: Graph, enforcement: Enforcement, rules: Sequence[Rule]
) -> tuple[Graph, tuple[Mended, ...]]:
    mended: list[Mended] = []
    for rule in rules:
        if rule.mend is None or enforcement.action(rule) != "remediate":
            continue
        scope = Scope(graph, enforcement.parameters)
        changed = {
            resource.urn: after
            for _, resource in _pairs(graph, [rule])
            if (after := mend(rule, resource, scope)) is not None
        }
        mended += [Mended(policy=rule.id, urn=urn) for urn in changed]
        resources = tuple(changed.get(resource.urn, resource) for resource in graph)
        graph = replace(graph, resources=resources)
    return graph, tuple(mended)


def _excuse(waiver: Waiver, used: set[int], today: date) -> Excuse:
    if today > waiver.expires:
        return Excuse(waiver=waiver, state="expired")
    return Excuse(waiver=waiver, state="used" if id(waiver) in used else "unused")


def _expired(waiver: Waiver, enforcement: Enforcement) -> Violation:
    fix = f"mend what it excused, or let {waiver.owner} renew it with a reason"
    what = f"the waiver of {waiver.rule} for {waiver.resource} expired on {waiver.expires}"
    return Violation(
        policy=EXPIRED,
        severity=enforcement.level,
        urn="",
        message=f"{what}; {fix}",
        fix=fix,
        expired=waiver,
    )
