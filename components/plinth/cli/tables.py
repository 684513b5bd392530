"""Tables that several commands show. The only importer of rich besides the commands themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from plinth.changes import kinds, why

if TYPE_CHECKING:
    from plinth.changes import Change
    from plinth.planning import Plan
    from plinth_policies.check import Excuse, Mended
    from plinth_policies.model import Violation

_SIGNS = {
    "create": "[green]+[/]",
    "update": "[yellow]~[/]",
    "replace": "[magenta]±[/]",
    "delete": "[red]-[/]",
    "import": "[cyan]=[/]",
}
_DONE = {
    "create": "created",
    "update": "updated",
    "replace": "replaced",
    "delete": "deleted",
    "import": "imported",
}
_RISKS = {"data-loss": "[bold red]DATA LOSS[/]", "high": "[red]high[/]", "low": "low", "none": ""}


def grid(*columns: str, widest: int | None = None) -> Table:
    """An empty table without lines; ``widest`` folds its columns."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold", max_width=widest)
    return table


def console(*, stderr: bool = False) -> Console:
    """Where tables go: as wide as the terminal, or as the text where there is none."""
    found = Console(highlight=False, emoji=False, stderr=stderr)
    return (
        found
        if found.is_terminal
        else Console(highlight=False, emoji=False, stderr=stderr, width=_UNBOUND)
    )


def show(*parts: RenderableType) -> None:
    """Prints to standard output; without the blanks that fill a table when it goes to a file."""
    target = console()
    for part in parts:
        if target.is_terminal:
            target.print(part)
            continue
        with target.capture() as captured:
            target.print(part)
        click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))


#: Nothing is broken where another program reads line by line.
_UNBOUND = 10_000


def counts(plan: Plan) -> Table:
    """Resources by capability."""
    table = grid("part", "tool", "resources")
    choices = plan.blueprint.choices
    for capability, count in plan.counts.items():
        tool = choices[capability].tool if capability in choices else ""
        table.add_row(capability, tool, str(count))
    table.add_row("[bold]all[/]", "", f"[bold]{sum(plan.counts.values())}[/]")
    return table


def violations(found: Sequence[Violation]) -> Table | str:
    """What the policies say: one line a rule and message, with how many resources it hits."""
    if not found:
        return "[green]policies: no violation[/]"
    from plinth_policies.reporting.findings import grouped

    table = grid("policy", "severity", "resources", "message")
    for each in grouped(found):
        colour = {"waived": "dim", "mandatory": "red", "advisory": "yellow"}[each.state]
        level = f"[{colour}]{each.state}[/]"
        table.add_row(each.policy, level, escape(each.shown), escape(each.message))
    return table


def waivers(found: Sequence[Excuse], *, brief: bool = False) -> list[RenderableType]:
    """The waivers and whether they were needed; ``brief`` leaves out those that were.

    Those show among the violations.
    """
    if not found:
        return []
    count: Counter[str] = Counter(excuse.state for excuse in found)
    line = ", ".join(f"{count[state]} {state}" for state in _EXCUSED if count[state])
    table = grid("waiver", "rule", "resource", "owner", "until", "reason")
    shown = [excuse for excuse in found if not (brief and excuse.state == "used")]
    for excuse in shown:
        waiver, colour = excuse.waiver, _EXCUSED[excuse.state]
        texts = (waiver.rule, waiver.resource, waiver.owner, str(waiver.expires), waiver.reason)
        table.add_row(f"[{colour}]{excuse.state}[/]", *map(escape, texts))
    return [f"waivers: {line}", *([table] if shown else [])]


#: What becomes of waivers, and its colour.
_EXCUSED = {"used": "dim", "unused": "yellow", "expired": "red"}


def mended(found: Sequence[Mended]) -> list[RenderableType]:
    """What rules that remediate have changed."""
    if not found:
        return []
    table = grid("mended by", "resource")
    for mend in found:
        table.add_row(mend.policy, escape(mend.urn.rsplit("::", 1)[-1]))
    return [table]


def outputs(
    values: Mapping[str, Any], *, computed: Collection[str] = (), title: str = "output"
) -> RenderableType:
    """Stack outputs; ``computed`` ones are marked as known for sure only once they exist."""
    table = grid(title, "value")
    for name, value in sorted(values.items()):
        text = escape(str(value))
        table.add_row(name, f"≈ {text}" if name in computed else text)
    if computed:
        table.add_row("", "[dim]≈ as the cloud will answer; certain once it exists[/]")
    return Padding(table, (1, 0, 0, 0), expand=False)


def felt(found: Iterable[Change]) -> list[Change]:
    """The changes without those of components, which group resources and are none themselves."""
    return [change for change in found if not change.groups]


def changes(found: Iterable[Change]) -> Table:
    """Changes by capability, the riskiest first within each; what is alike in one line."""
    order = ("data-loss", "high", "low", "none")
    table = grid("", "resource", "type", "risk", "why")
    rows = sorted(
        found,
        key=lambda c: (
            c.capability,
            order.index(c.risk),
            c.op == "create" and not c.reason,
            c.name,
            c.type,
        ),
    )
    for capability, group in groupby(rows, key=lambda change: change.capability):
        table.add_row("", f"[bold]{capability or 'providers'}[/]")
        listed = list(group)
        made = [change for change in listed if change.op == "create" and not change.reason]
        shown = listed if len(made) <= _MOST_MADE else listed[: -len(made)]
        for _, alike in groupby(shown, key=lambda c: (c.op, c.name, c.risk, why(c))):
            table.add_row(*_row(list(alike)))
        if len(made) > _MOST_MADE:
            table.add_row(_SIGNS["create"], f"{len(made)} resources", f"[dim]{kinds(made)}[/]")
    return table


#: How many creations of a capability are listed one by one; `plan` lists them all.
_MOST_MADE = 12


def _row(alike: Sequence[Change]) -> tuple[str, ...]:
    change = alike[0]
    name, types = escape(change.name), f"[dim]{kinds(alike)}[/]"
    risk = _RISKS[change.risk] if change.op != "create" else ""
    return _SIGNS.get(change.op, change.op), name, types, risk, escape(why(change))


def warning(message: str) -> str:
    """A warning of the engine, a provider or a policy."""
    return f"[yellow]warning[/] {escape(message.strip())}"


def summary(found: Collection[Change], *, done: bool) -> str:
    """One line: how many of each operation are done, or due and what that puts at stake."""
    count: Counter[str] = Counter(change.op for change in found)
    parts = [
        f"{count[op]} {word if done else f'to {op}'}" for op, word in _DONE.items() if count[op]
    ]
    line = ", ".join(parts) or ("nothing changed" if done else "nothing to change")
    lost = sum(change.risk == "data-loss" for change in found)
    return f"{line}; [bold red]{lost} would lose data[/]" if lost and not done else line
