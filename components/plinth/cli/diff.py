"""``diff``: environments, revisions, spec files or clouds side by side."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from plinth.cli import output
from plinth.cli.common import clouds_option, complete_environments, json_option, spec_option
from plinth.errors import Problem, UsageError

if TYPE_CHECKING:
    from rich.table import Table

    from plinth.comparing import Comparison, Row
    from plinth.planning import Plan
    from plinth.review.sides import Pairs, Side

_SIDES = 2
#: Characters a side may take; longer texts are folded.
_WIDEST = 60


@click.command()
@click.argument("environment", metavar="A", shell_complete=complete_environments)
@click.argument("other", metavar="[B]", required=False, shell_complete=complete_environments)
@spec_option
@clouds_option
@json_option
def diff(
    environment: str, other: str | None, spec: Path, clouds: tuple[str, ...], *, as_json: bool
) -> None:
    """Show A beside B, by capability; what costs and what is at stake first.

    Each is an environment, a Git revision, REV:ENV, a spec FILE or FILE:ENV. Where neither names an
    environment, all are compared; a revision alone is compared with the working tree.

    Needs no engine, no credentials and no network. For two clouds:
    `plinth diff dev --cloud aws --cloud gcp`; with one `--cloud`, the other side is the spec's own.
    """
    from plinth.review.sides import compared, paired

    left, right = _sides(environment, other, clouds, spec)
    for note in filter(None, (left.note, right.note)):
        click.echo(f"note: {note}", err=True)
    pairs = paired(left, right)
    found = list(compared(pairs))
    if as_json:
        output.emit(_json(found, pairs))
        return
    labels = (left.version.label, right.version.label)
    for each in found:
        _show(each, labels if labels[0] != labels[1] else ("", ""))
    for label, names in zip(labels, (pairs.only_left, pairs.only_right), strict=True):
        for name in names:
            click.echo(f"{name} is in {label} only")


def _json(found: list[Comparison], pairs: Pairs) -> dict[str, Any]:
    """One comparison as it is; of whole specs, all by environment."""
    if len(found) == 1 and not (pairs.only_left or pairs.only_right):
        return found[0].to_json()
    return {
        "environments": {each.right.blueprint.environment: each.to_json() for each in found},
        "onlyLeft": list(pairs.only_left),
        "onlyRight": list(pairs.only_right),
    }


def _sides(word: str, other: str | None, clouds: tuple[str, ...], spec: Path) -> tuple[Side, Side]:
    """What is meant by the words.

    Raises:
        UsageError: There is nothing to compare, or too much, or a word means nothing.
    """
    from plinth.review.revisions import working
    from plinth.review.sides import understood

    if len(clouds) > _SIDES:
        raise UsageError(
            Problem(
                code="too-many-clouds",
                message=f"two clouds can be compared, not {len(clouds)}",
                fix="Give --cloud once or twice.",
            )
        )
    left = understood(word, spec)
    if other is not None:
        right = understood(other, spec)
    elif clouds:
        right = left
    elif left.version.label != str(spec):
        right = replace(left, version=working(spec), note="")
    else:
        raise UsageError(
            Problem(
                code="nothing-to-compare",
                message=f"{word} has nothing to be compared with",
                fix=f"Name another environment, a revision such as main, or a cloud: plinth diff "
                f"{word} --cloud gcp.",
            )
        )
    first = clouds[0] if len(clouds) == _SIDES or (other is not None and clouds) else None
    second = clouds[-1] if clouds else None
    return replace(left, cloud=first), replace(right, cloud=second)


def _show(compared: Comparison, labels: tuple[str, str]) -> None:
    from plinth.cli.tables import changes, grid, show, summary

    left, right = (
        f"{_title(plan)} at {label}" if label else _title(plan)
        for plan, label in zip(_plans(compared), labels, strict=True)
    )
    show(f"[bold]{compared.left.blueprint.settings.name}[/]: {left} beside {right}")
    if compared.same:
        show("[dim]alike[/]")
        return
    if compared.costly:
        listed = grid("on the bill", left, right, widest=_WIDEST)
        for each in compared.costly:
            listed.add_row(f"{each.part} {each.what}", _value(each.left), _value(each.right))
        show(listed, "")
    if compared.changes is not None:
        felt = [change for change in compared.changes if change.felt]
        at_stake = [change for change in felt if change.risk in {"data-loss", "high"}]
        if at_stake:
            show("[bold]at stake[/]", changes(at_stake))
        show(summary(felt, done=False), "")
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
