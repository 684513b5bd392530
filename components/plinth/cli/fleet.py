"""``--all``: what is shown of many environments at work."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from plinth.cli import output
from plinth.cli.common import F, environment_argument

if TYPE_CHECKING:
    from plinth.fleet import Ended, OnLine

#: How many environments at a time by default; each takes an interpreter and an engine.
_PARALLEL = 4


def every_option(function: F) -> F:
    """``ENV``, or ``--all`` and how many at a time."""
    parallel = click.option(
        "--parallel",
        type=click.IntRange(1),
        default=_PARALLEL,
        show_default=True,
        help="With --all: how many environments at a time.",
    )
    every = click.option(
        "--all",
        "every",
        is_flag=True,
        help="All environments; `up` keeps to the order that `after` gives.",
    )
    return environment_argument(every(parallel(function)), required=False)


def chosen(environment: str | None, *, every: bool) -> str:
    """The one environment that is meant.

    Raises:
        click.UsageError: None is named, or one beside ``--all``.
    """
    context = click.get_current_context()
    if every and environment:
        raise click.UsageError(f"--all is every environment, and {environment} is one", context)
    if not every and not environment:
        argument = next(each for each in context.command.params if each.name == "environment")
        raise click.MissingParameter(ctx=context, param=argument)
    return environment or ""


def run(
    spec: Path, command: Sequence[str], *, parallel: int, as_json: bool, ordered: bool = True
) -> int:
    """Runs a command for all environments, shows what becomes of them, returns the exit code.

    Raises:
        SpecError: The spec has problems; nothing has been started.
    """
    ended, code = _sail(spec, command, parallel=parallel, as_json=as_json, ordered=ordered)
    if as_json:
        output.emit(_json(ended, code))
    else:
        _show(ended)
    return code


def review(
    spec: Path, command: Sequence[str], form: str, target: Path | None, *, parallel: int
) -> int:
    """Previews all environments, in any order, shows or writes it, returns the exit code.

    As text each is shown as it goes, as JSON and as one comment all together at the end.

    Args:
        spec: The spec file.
        command: ``preview`` and its options.
        form: ``text``, ``json`` or ``markdown``.
        target: The file to write to.
        parallel: How many at a time.

    Raises:
        click.UsageError: The format is not for many environments, or not for a file.
        SpecError: The spec has problems; nothing has been started.
    """
    if form == "sarif" or (form == "text" and target is not None):
        wanted = f"--format {form}" if form == "sarif" else "--output"
        raise click.UsageError(
            f"{wanted} is for one environment; with --all there are text for the terminal, "
            "and json and markdown, also for a file",
            click.get_current_context(),
        )
    if form == "text":
        return run(spec, command, parallel=parallel, as_json=False, ordered=False)
    ended, code = _sail(spec, command, parallel=parallel, as_json=True, ordered=False)
    text = output.document(_json(ended, code)) if form == "json" else _comment(ended)
    if target is None:
        click.echo(text, nl=False)
    else:
        output.to_file(target, text)
        _show(ended)
        click.echo(f"written to {target}")
    return code


def _sail(
    spec: Path, command: Sequence[str], *, parallel: int, as_json: bool, ordered: bool
) -> tuple[Sequence[Ended], int]:
    from plinth import fleet
    from plinth.blueprint import check

    names = tuple(check(spec))
    ended = fleet.run(
        spec,
        [*command, "--json"] if as_json else command,
        parallel=parallel,
        on_line=_printer(names),
        keep=as_json,
        ordered=ordered,
    )
    return ended, fleet.worst(ended)


def _comment(ended: Sequence[Ended]) -> str:
    """One comment of all reviews; what became no review is told instead."""
    from plinth.review.markdown import comment
    from plinth.review.model import Review
    from plinth_policies.reporting.writing import text

    reviews, others = [], []
    for each in ended:
        result = _read(each.output) or {}
        if "digest" in result:
            reviews.append(Review.from_json(result))
            continue
        told = "; ".join(problem["message"] for problem in result.get("problems", ()))
        said = text(told or each.state)
        others.append(f"**{each.environment}** could not be looked at: {said}\n")
    return "\n".join([*([comment(reviews)] if reviews else []), *others])


def _printer(names: Sequence[str]) -> OnLine:
    """Prints lines to standard error, each with its environment before it."""
    width = max(map(len, names))
    lock = threading.Lock()

    def tell(name: str, line: str) -> None:
        with lock:
            click.echo(f"{click.style(name.ljust(width), fg='cyan')} │ {line}", err=True)

    return tell


def _json(ended: Sequence[Ended], code: int) -> dict[str, Any]:
    environments: dict[str, Any] = {}
    problems: list[dict[str, Any]] = []
    for each in ended:
        result = _read(each.output)
        environments[each.environment] = {
            "state": each.state,
            "code": each.code,
            "seconds": round(each.seconds, 3),
            **({"missing": each.missing} if each.missing else {}),
            "result": result,
        }
        found = result.get("problems", ()) if isinstance(result, dict) else ()
        problems += [{**problem, "environment": each.environment} for problem in found]
    return {"ok": code == 0, "environments": environments, "problems": problems}


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None  # it was killed, or never started


def _show(ended: Sequence[Ended]) -> None:
    from plinth.cli import tables

    table = tables.grid("environment", "state", "time", "")
    for each in ended:
        time = f"{each.seconds:.0f} s" if each.state != "skipped" else ""
        table.add_row(each.environment, _STATES[each.state](each), time, _why(each))
    tables.show(table)


_STATES: dict[str, Callable[[Ended], str]] = {
    "done": lambda _: "[green]done[/]",
    "failed": lambda each: f"[red]failed ({each.code})[/]",
    "interrupted": lambda _: "[yellow]interrupted[/]",
    "skipped": lambda _: "[yellow]skipped[/]",
}


def _why(ended: Ended) -> str:
    if ended.missing:
        return f"waits for {', '.join(ended.missing)}"
    return "not started" if ended.state == "skipped" else ""
