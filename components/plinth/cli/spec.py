"""``validate``, ``schema``, ``explain``: everything about a spec, without Pulumi."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from plinth.cli import output
from plinth.cli.common import (
    cloud_option,
    environment_argument,
    json_option,
    one_cloud_option,
    spec_option,
    unused_spec_option,
)


@click.command()
@spec_option
@cloud_option
@json_option
def validate(spec: Path, cloud: str | None, *, as_json: bool) -> None:
    """Check the spec in every environment; all problems in one run.

    Warnings tell what is possible and probably not meant.
    """
    from plinth.blueprint import advise, check

    blueprints = check(spec, cloud=cloud)
    warnings = advise(spec, blueprints)
    if as_json:
        found = {
            name: {
                "cloud": blueprint.settings.cloud,
                "tools": {key: choice.tool for key, choice in blueprint.choices.items()},
            }
            for name, blueprint in blueprints.items()
        }
        told = [warning.to_json() for warning in warnings]
        output.emit({"ok": True, "environments": found, "warnings": told})
        return
    for name, blueprint in blueprints.items():
        tools = ", ".join(f"{key} by {c.tool}" for key, c in blueprint.choices.items())
        where = " ".join(filter(None, [blueprint.settings.cloud, blueprint.settings.region]))
        click.echo(f"{click.style('ok', fg='green')} {name} on {where}: {tools or 'nothing'}")
    output.advice(warnings)


@click.command()
@unused_spec_option
@one_cloud_option("Only what a spec for this cloud can say.")
@json_option
def schema(*, cloud: str | None, as_json: bool) -> None:  # noqa: ARG001 - JSON either way
    """Print the JSON Schema of specs.

    Editors use it through the line `# yaml-language-server: $schema=FILE` on top of a spec.
    """
    from plinth.spec.schema import json_schema

    output.emit(json_schema(cloud))


@click.command()
@environment_argument
@click.argument("path", required=False)
@spec_option
@cloud_option
@json_option
def explain(
    environment: str, path: str | None, spec: Path, *, cloud: str | None, as_json: bool
) -> None:
    """Show where each value comes from, or the one at PATH (such as network.cidr)."""
    from plinth.program import recorded_versions
    from plinth.spec.document import load
    from plinth.spec.explain import explain as explain_values

    recorded = recorded_versions(spec.parent, environment)
    found = explain_values(load(spec), environment, path, cloud=cloud, recorded=recorded)
    if as_json:
        output.emit({"environment": environment, "values": [item.to_json() for item in found]})
        return
    width = max((len(item.path) for item in found), default=0)
    for item in found:
        source = ", ".join(str(each) for each in (item.source, item.reason, item.location) if each)
        value = "-" if item.value is None else _written(item.value)
        click.echo(f"{item.path:<{width}}  {value}  {click.style(f'({source})', dim=True)}")
        if path and item.description:
            click.echo(f"{'':<{width}}  {item.description}")


def _written(value: Any) -> str:
    """A value as a spec would have it; text needs no quotes to be read."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
