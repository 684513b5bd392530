"""Tables that several commands show. The only importer of rich besides the commands themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

if TYPE_CHECKING:
    from plinth.engine.changes import Change
    from plinth.planning import Plan
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


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def console(*, stderr: bool = False) -> Console:
    """Where tables go; wide enough for addresses when nobody's terminal says otherwise."""
    found = Console(highlight=False, stderr=stderr, soft_wrap=True)
    return found if found.is_terminal else Console(highlight=False, stderr=stderr, width=160)


def counts(plan: Plan) -> Table:
    """Resources by capability."""
    table = _table("part", "tool", "resources")
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
    table = _table("policy", "severity", "resources", "message")
    grouped: dict[tuple[str, str, str, bool], list[str]] = {}
    for v in found:
        key = (v.policy, v.severity, v.message, v.waiver is not None)
        grouped.setdefault(key, []).append(v.urn.rsplit("::", 1)[-1])
    for (policy, severity, message, waived), names in grouped.items():
        colour = "dim" if waived else "red" if severity == "mandatory" else "yellow"
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        level = f"[{colour}]{'waived' if waived else severity}[/]"
        table.add_row(policy, level, escape(shown), escape(message))
    return table


def outputs(values: Mapping[str, Any], *, computed: Collection[str] = ()) -> Padding:
    """Stack outputs; ``computed`` ones are marked as known for sure only once they exist."""
    table = _table("output", "value")
    for name, value in sorted(values.items()):
        text = escape(str(value))
        table.add_row(name, f"≈ {text}" if name in computed else text)
    if computed:
        table.add_row("", "[dim]≈ as the cloud will answer; certain once it exists[/]")
    return Padding(table, (1, 0, 0, 0))


def changes(found: Iterable[Change]) -> Table:
    """Changes by capability, the riskiest first within each."""
    order = ("data-loss", "high", "low", "none")
    table = _table("", "capability", "resource", "type", "risk", "why")
    rows = sorted(found, key=lambda c: (c.capability, order.index(c.risk), c.name))
    previous = None
    for change in rows:
        capability = change.capability or "providers"
        why = change.reason or _properties(change)
        table.add_row(
            _SIGNS.get(change.op, change.op),
            capability if capability != previous else "",
            escape(change.name),
            f"[dim]{change.type.rsplit(':', 1)[-1]}[/]",
            _RISKS[change.risk] if change.op != "create" else "",
            escape(why) if change.op != "create" else "",
        )
        previous = capability
    return table


def summary(found: Iterable[Change], *, done: bool) -> str:
    """One line: how many of each operation are due, or done."""
    count = Counter(change.op for change in found)
    parts = [f"{number} {_DONE[op] if done else f'to {op}'}" for op, number in count.items()]
    return ", ".join(parts) or ("nothing changed" if done else "nothing to change")


def _properties(change: Change) -> str:
    names = sorted(change.properties)
    shown = ", ".join(names[:4])
    return f"{shown} and {len(names) - 4} more" if len(names) > 4 else shown
