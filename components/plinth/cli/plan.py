"""``plan``: the resource tree, the counts, the policies' word and the outputs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from plinth.cli import output
from plinth.cli.common import cloud_option, environment_argument, json_option, spec_option

if TYPE_CHECKING:
    from rich.tree import Tree

    from plinth.graph import Resource
    from plinth.planning import Plan


@click.command()
@environment_argument
@spec_option
@cloud_option
@click.option("--tree/--no-tree", default=True, help="Show every resource, or counts only.")
@json_option
def plan(environment: str, spec: Path, cloud: str | None, *, tree: bool, as_json: bool) -> int:
    """Show what ENV would be made of. Needs no engine, no credentials and no network.

    Exit code 3 when a mandatory policy is violated.
    """
    from plinth.blueprint import advise
    from plinth.planning import plan as make_plan

    made = make_plan(spec, environment, cloud=cloud)
    warnings = advise(spec, {environment: made.blueprint})
    if as_json:
        told = [warning.to_json() for warning in warnings]
        output.emit({**made.to_json(), "warnings": told})
    else:
        _show(made, tree=tree)
        output.advice(warnings)
    return 3 if made.blocked else 0


def _show(plan: Plan, *, tree: bool) -> None:
    from plinth.cli.tables import counts, mended, outputs, show, violations, waivers

    settings = plan.blueprint.settings
    region = f" {settings.region}" if settings.region else ""
    show(f"[bold]{settings.name}[/] · {plan.blueprint.environment} on {settings.cloud}{region}")
    if tree:
        show(_tree(plan))
    show(counts(plan), violations(plan.violations))
    show(*waivers(plan.policy.excuses, brief=True), *mended(plan.policy.mended))
    show(outputs(plan.graph.outputs, computed=plan.graph.computed_outputs))


def _part(resource: Resource) -> int:
    """Where its part stands in building order; what belongs to none is before all."""
    from plinth.graph import capability_of
    from plinth.planning import PARTS

    part = capability_of(resource.urn)
    return PARTS.index(part) if part in PARTS else -1


def _tree(plan: Plan) -> Tree:
    from rich.tree import Tree

    root = Tree("platform", guide_style="dim")
    branches: dict[str | None, Tree] = {None: root}
    for resource in sorted(plan.graph, key=_part):
        parent = branches.get(resource.parent, root)
        kind = resource.type.rsplit(":", 1)[-1]
        if resource.type == "plinth:index:Platform":
            branches[resource.urn] = root
            continue
        if not resource.custom:
            label = f"[bold]{resource.name}[/]"
        else:
            guard = " [yellow]protected[/]" if resource.protect else ""
            label = f"{resource.name} [dim]{resource.package} {kind}[/]{guard}"
        branches[resource.urn] = parent.add(label)
    return root
