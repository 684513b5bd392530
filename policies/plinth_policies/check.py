"""Judging a graph: every rule on every resource that it applies to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from plinth.graph import Graph, Resource
from plinth_policies.model import (
    REGISTRY,
    Level,
    Rule,
    Scope,
    UnjudgeableError,
    Violation,
    Waiver,
)
from plinth_policies.parameters import Parameters


def evaluate(
    graph: Graph,
    parameters: Parameters,
    *,
    level: Level,
    waivers: Sequence[Waiver] = (),
    today: date | None = None,
    rules: Iterable[Rule] | None = None,
) -> tuple[Violation, ...]:
    """Judges a whole graph.

    Args:
        graph: The resources.
        parameters: What the rules compare against.
        level: How far any rule may go; where it is ``mandatory``, each rule goes as far as its
            own severity says.
        waivers: Excuses; a waived violation is kept and carries its waiver.
        today: Day for which waivers must still count. Default: the current day.
        rules: The rules to apply. Default: all that are registered.

    Returns:
        Violations sorted by rule, URN and message.
    """
    today = today or date.today()
    scope = Scope(graph, parameters)
    kinds: dict[str, list[Resource]] = {}
    for resource in graph:
        if resource.custom:
            kinds.setdefault(resource.type, []).append(resource)
    found = [
        Violation(
            policy=rule.id,
            severity=severity_at(level, rule),
            urn=resource.urn,
            message=message,
            waiver=find_waiver(waivers, rule, resource, today),
        )
        for rule in (REGISTRY.rules if rules is None else rules)
        for kind, resources in kinds.items()
        if rule.judges_kind(kind)
        for resource in resources
        for message in judge(rule, resource, scope)
    ]
    return tuple(sorted(found, key=lambda v: (v.policy, v.urn, v.message)))


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


def severity_at(level: Level, rule: Rule) -> Level:
    """How far a rule goes in an environment of that level."""
    return "advisory" if level == "advisory" else rule.severity


def find_waiver(
    waivers: Sequence[Waiver], rule: Rule, resource: Resource, today: date
) -> Waiver | None:
    """The first waiver that covers the resource, if any."""
    return next((waiver for waiver in waivers if waiver.covers(rule, resource, today)), None)
