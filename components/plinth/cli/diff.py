"""``diff``: two environments of a spec, or one environment on two clouds, side by side."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from plinth.cli import output
from plinth.cli.common import clouds_option, environment_argument, json_option, spec_option
from plinth.errors import Problem, UsageError

if TYPE_CHECKING:
    from rich.table import Table

    from plinth.comparing import Comparison, Row
    from plinth.planning import Plan

_SIDES = 2
#: Characters a side may take; longer texts are folded.
_WIDEST = 60


@click.command()
@environment_argument
@click.argument("other", metavar="[ENV2]", required=False)
@spec_option
@clouds_option
@json_option
def diff(
    environment: str, other: str | None, spec: Path, clouds: tuple[str, ...], *, as_json: bool
) -> None:
    """Show ENV beside ENV2, or beside itself on another cloud, by capability.

    Needs no engine, no credentials and no network. For two clouds:
    `plinth diff dev --cloud aws --cloud gcp`; with one `--cloud`, the other side is the spec's own.
    """
    from plinth.comparing import Comparison
    from plinth.planning import plan

    left, right = _sides(environment, other, clouds)
    compared = Comparison(plan(spec, left[0], cloud=left[1]), plan(spec, right[0], cloud=right[1]))
    if as_json:
        output.emit(compared.to_json())
    else:
        _show(compared)


def _sides(
    environment: str, other: str | None, clouds: tuple[str, ...]
) -> tuple[tuple[str, str | None], tuple[str, str | None]]:
    """Environment and cloud of either side.

    Raises:
        UsageError: There is nothing to compare, or too much.
    """
    if len(clouds) > _SIDES:
        raise UsageError(
            Problem(
                code="too-many-clouds",
                message=f"two clouds can be compared, not {len(clouds)}",
                fix="Give --cloud once or twice.",
            )
        )
    if other is None and not clouds:
        raise UsageError(
            Problem(
                code="nothing-to-compare",
                message=f"{environment} has nothing to be compared with",
                fix=f"Name another environment, or a cloud: plinth diff {environment} --cloud gcp.",
            )
        )
    first = clouds[0] if len(clouds) == _SIDES or (other is not None and clouds) else None
    second = clouds[-1] if clouds else None
    return (environment, first), (other or environment, second)


def _show(compared: Comparison) -> None:
    from plinth.cli.tables import grid, show

    left, right = _title(compared.left), _title(compared.right)
    show(f"[bold]{compared.left.blueprint.settings.name}[/]: {left} beside {right}")
    found = grid("", left, right, widest=_WIDEST)
    for part, rows in groupby(compared.rows, key=lambda row: row.part):
        found.add_row(f"[bold]{part}[/]", *(_tool(plan, part) for plan in _plans(compared)))
        alike = 0
        for row in rows:
            if row.same:
                alike += sum(row.left.values())
            else:
                _add(found, row)
        if alike:
            found.add_row("  [dim]the rest[/]", *[f"[dim]{alike} alike[/]"] * _SIDES)
    total = [f"{sum(plan.counts.values())} resources" for plan in _plans(compared)]
    found.add_row("[dim]in all[/]", *total)
    show(found)
    if compared.outputs:
        listed = grid("output", left, right, widest=_WIDEST)
        for name, values in compared.outputs.items():
            listed.add_row(name, *map(_value, values))
        show("", listed)


def _plans(compared: Comparison) -> tuple[Plan, Plan]:
    return compared.left, compared.right


def _title(plan: Plan) -> str:
    settings = plan.blueprint.settings
    return " ".join(filter(None, [plan.blueprint.environment, settings.cloud, settings.region]))


def _tool(plan: Plan, part: str) -> str:
    choice = plan.blueprint.choices.get(part)
    return f"[dim]{choice.tool}[/]" if choice else ""


def _add(found: Table, row: Row) -> None:
    name = row.component if row.component != row.part else "itself"
    found.add_row(f"  {name}", _made_of(row.left, row.right), _made_of(row.right, row.left))
    for label, changes in row.changed.items():
        found.add_row(f"    [dim]{label}[/]")
        for change in changes:
            found.add_row(f"      [dim]{change.path}[/]", _value(change.left), _value(change.right))


def _made_of(types: Mapping[str, int], others: Mapping[str, int]) -> str:
    """The types that the other side has not in the same number."""
    from plinth.comparing import kind

    own = sorted((kind(t), count) for t, count in types.items() if others.get(t) != count)
    return ", ".join(name if count == 1 else f"{name} x{count}" for name, count in own)


def _value(value: Any) -> str:
    from rich.markup import escape

    text = value if isinstance(value, str) else json.dumps(value)
    return "[dim]-[/]" if value is None else escape(text)
