"""Each rule is shown to fire: the example platform, broken in exactly that way, is caught by it.

Rules on what the example platform does not make are shown their own bad example in its midst.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest
from mutation import Break
from policy_support import STRICT, rule_of

from example import ROOT, SPEC, Example
from plinth.graph import Graph
from plinth.planning import Plan
from plinth_policies import REGISTRY, Enforcement, Parameters, Rule, evaluate

Plans = Callable[[Example], Plan]

#: The modules with breaks, by the domain of the rules that they are for.
MODULES = {
    path.stem.removeprefix("mutations_"): import_module(path.stem)
    for path in sorted(Path(__file__).parent.glob("mutations_*.py"))
}
MUTATIONS: dict[str, Break] = {
    rule_id: broken for module in MODULES.values() for rule_id, broken in module.MUTATIONS.items()
}

#: The example platform on each cloud, with backups, and one whose data must be kept.
PLAIN = {
    "aws": Example(SPEC, "staging"),
    **{cloud: Example(SPEC, "staging", cloud) for cloud in ("azure", "gcp", "kubernetes")},
}
DURABLE = {
    "aws": Example(SPEC, "prod"),
    "azure": Example(ROOT / "examples" / "azure-regulated" / "platform.yaml", "prod"),
    "gcp": Example(ROOT / "examples" / "gcp-small" / "platform.yaml", "prod"),
    "kubernetes": Example(ROOT / "examples" / "on-premises" / "platform.yaml", "line-2"),
}


def found(rule: Rule, graph: Graph, parameters: Parameters) -> set[tuple[str, str]]:
    """(URN, message) of all that one rule finds in a graph."""
    enforcement = Enforcement(level="mandatory", parameters=parameters)
    return {(v.urn, v.message) for v in evaluate(graph, enforcement, rules=[rule]).violations}


def parameters_of(plan: Plan) -> Parameters:
    """What rules compare a plan with."""
    blueprint = plan.blueprint
    return Parameters.from_settings(blueprint.settings, blueprint.environment)


@pytest.mark.parametrize("rule_id", sorted(MUTATIONS))
def test_a_broken_platform_is_caught_by_the_rule(rule_id: str, plan: Plans) -> None:
    rule, broken = rule_of(rule_id), MUTATIONS[rule_id]
    made = plan((DURABLE if broken.durable else PLAIN)[broken.cloud])
    parameters = replace(parameters_of(made), **broken.asks)
    after = broken.apply(made.graph)
    new = found(rule, after, parameters) - found(rule, made.graph, parameters)
    assert new
    (subject,) = (r for r in made.graph if after.by_urn.get(r.urn) != r)
    assert rule.looks_at(subject.type)
    if rule.applies_to(subject) and not broken.drop:
        assert subject.urn in {urn for urn, _ in new}
    assert not any("could not judge" in message for _, message in new)


@pytest.mark.parametrize(
    "rule_id", sorted(rule.id for rule in REGISTRY.rules if rule.mend and rule.id in MUTATIONS)
)
def test_a_broken_platform_is_mended_where_the_rule_may(rule_id: str, plan: Plans) -> None:
    rule, broken = rule_of(rule_id), MUTATIONS[rule_id]
    made = plan((DURABLE if broken.durable else PLAIN)[broken.cloud])
    enforcement = Enforcement(
        level="mandatory", parameters=parameters_of(made), actions={rule_id: "remediate"}
    )
    report = evaluate(broken.apply(made.graph), enforcement, rules=[rule])
    assert report.mended
    assert report.violations == ()
    assert evaluate(report.graph, enforcement, rules=[rule]).mended == ()


@pytest.mark.parametrize("rule_id", sorted({rule.id for rule in REGISTRY.rules} - set(MUTATIONS)))
def test_a_bad_example_in_the_midst_of_the_platform_is_caught(rule_id: str, plan: Plans) -> None:
    rule = rule_of(rule_id)
    cloud = rule.clouds[0].removesuffix("-native")
    graph, example = plan(PLAIN[cloud]).graph, rule.example(kept=False)
    together = replace(graph, resources=(*graph.resources, *example.resources))
    new = found(rule, together, STRICT) - found(rule, graph, STRICT)
    assert example.resources[0].urn in {urn for urn, _ in new}


def test_every_rule_on_what_the_platform_makes_has_its_break(plan: Plans) -> None:
    made = {resource.type for example in PLAIN.values() for resource in plan(example).graph}
    judged = {rule.id for rule in REGISTRY.rules if any(map(rule.judges_kind, made))}
    assert sorted(judged - set(MUTATIONS)) == []


def test_breaks_are_told_apart_and_kept_by_domain() -> None:
    assert len(MUTATIONS) == sum(len(module.MUTATIONS) for module in MODULES.values())
    for domain, module in MODULES.items():
        assert {rule_of(rule_id).domain for rule_id in module.MUTATIONS} == {domain}
