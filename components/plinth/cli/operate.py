"""``preview``, ``up``, ``refresh``, ``destroy``, ``outputs``: the engine's commands."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from plinth.cli import output
from plinth.cli.common import F, environment_argument, json_option, spec_option

if TYPE_CHECKING:
    from plinth.engine.changes import OnChange, Outcome
    from plinth.operations import Environment


def _rehearse_option(function: F) -> F:
    return click.option(
        "--rehearse", is_flag=True, help="Use simulated clouds and a state of their own."
    )(function)


def _yes_option(function: F) -> F:
    return click.option("--yes", "-y", is_flag=True, help="Do not ask.")(function)


def _engine_options(function: F) -> F:
    return environment_argument(spec_option(_rehearse_option(json_option(function))))


@click.command()
@_engine_options
@click.option("--expect-no-changes", is_flag=True, help="Exit with 4 when anything would change.")
def preview(
    environment: str, spec: Path, *, rehearse: bool, as_json: bool, expect_no_changes: bool
) -> None:
    """Ask the engine what would change in ENV, and how risky each change is."""
    from plinth.engine.changes import ChangesFoundError
    from plinth.operations import open_environment

    opened = open_environment(spec, environment, rehearse=rehearse)
    try:
        with _progress("Previewing", opened, quiet=as_json) as report:
            outcome = opened.preview(report, allow_changes=not expect_no_changes)
    except ChangesFoundError as found:
        _show(found.outcome, as_json=as_json)
        raise
    _show(outcome, as_json=as_json)


@click.command()
@_engine_options
@_yes_option
@click.option("--allow-data-loss", is_flag=True, help="Replace or delete what keeps data.")
@click.option("--adopt", multiple=True, metavar="URN=ID", help="Take in an interrupted creation.")
@click.option("--forget", multiple=True, metavar="URN", help="Drop an interrupted creation.")
def up(
    environment: str,
    spec: Path,
    *,
    rehearse: bool,
    as_json: bool,
    yes: bool,
    allow_data_loss: bool,
    adopt: tuple[str, ...],
    forget: tuple[str, ...],
) -> None:
    """Make ENV what the spec says.

    Shows what would change and asks; refuses to replace or delete what keeps data.
    """
    from plinth.operations import open_environment, refuse_data_loss

    adopted = _pairs(adopt)
    opened = open_environment(spec, environment, rehearse=rehearse)
    fresh = not opened.stack.export()["deployment"].get("resources")
    if not (fresh and (yes or rehearse)):
        with _progress("Previewing", opened, quiet=as_json) as report:
            planned = opened.preview(report)
        if not as_json:
            _show(planned, as_json=False, with_outputs=False)
        if not allow_data_loss:
            refuse_data_loss(planned.changes)
        if not planned.changed:
            _show(planned, as_json=as_json, only_outputs=True)
            return
        _confirm(yes=yes or rehearse, question=f"Change {environment}?")
    with _progress("Updating", opened, quiet=as_json) as report:
        outcome = opened.up(report, adopt=adopted, forget=forget)
    _show(outcome, as_json=as_json, done=True)


@click.command()
@_engine_options
def refresh(environment: str, spec: Path, *, rehearse: bool, as_json: bool) -> None:
    """Find out what has changed in the cloud, and take it over into the state.

    The next `up` repairs what the spec says otherwise.
    """
    from plinth.operations import open_environment

    opened = open_environment(spec, environment, rehearse=rehearse)
    with _progress("Refreshing", opened, quiet=as_json) as report:
        outcome = opened.stack.refresh(report)
    _show(outcome, as_json=as_json, done=True)


@click.command()
@_engine_options
@_yes_option
def destroy(environment: str, spec: Path, *, rehearse: bool, as_json: bool, yes: bool) -> None:
    """Delete everything of ENV.

    What a durable environment protects is not deleted: set `durable: false` and run `up` first.
    """
    from plinth.operations import open_environment

    opened = open_environment(spec, environment, rehearse=rehearse)
    question = f"Delete everything in {environment}, data included?"
    _confirm(yes=yes or rehearse, question=question)
    with _progress("Destroying", opened, quiet=as_json) as report:
        outcome = opened.stack.destroy(report)
    _show(outcome, as_json=as_json, done=True)


@click.command()
@_engine_options
def outputs(environment: str, spec: Path, *, rehearse: bool, as_json: bool) -> None:
    """Print the outputs of ENV; secret values are masked."""
    from plinth.operations import open_environment

    found = open_environment(spec, environment, rehearse=rehearse).stack.outputs()
    if as_json:
        output.emit(found)
        return
    if not found:
        click.echo(f"{environment} is not up; `plinth up {environment}` brings it up.")
        return
    from plinth.cli.tables import console
    from plinth.cli.tables import outputs as table

    console().print(table(found))


def _pairs(values: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for value in values:
        urn, separator, identifier = value.rpartition("=")
        if not separator:
            raise click.UsageError(f"--adopt takes URN=ID, not '{value}'.")
        pairs[urn] = identifier
    return pairs


def _confirm(*, yes: bool, question: str) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError(f"{question} Nobody is there to ask; say --yes.")
    click.confirm(question, abort=True)


@contextmanager
def _progress(verb: str, opened: Environment, *, quiet: bool) -> Iterator[OnChange | None]:
    """Shows how many resources are through, as it happens."""
    if quiet:
        yield None
        return
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from plinth.cli.tables import console as make_console

    console = make_console(stderr=True)
    where = " in rehearsal" if opened.rehearse else ""
    title = f"{verb} {opened.blueprint.environment}{where}"
    if not console.is_terminal:
        console.print(f"{title} …")
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(title)
        done = 0

        def report(change: Any, phase: str) -> None:
            nonlocal done
            done += phase in ("done", "planned")
            bar.update(task, description=f"{title}: {done} resources, {change.name}")
            if not console.is_terminal and done and phase == "done" and not done % 50:
                console.print(f"  {done} resources done")

        yield report


def _show(
    outcome: Outcome,
    *,
    as_json: bool,
    done: bool = False,
    with_outputs: bool = True,
    only_outputs: bool = False,
) -> None:
    if as_json:
        output.emit(outcome.to_json())
        return
    from plinth.cli import tables

    console = tables.console()
    changed = outcome.changed
    if changed and not only_outputs and (not done or len(changed) <= _MOST_SHOWN):
        console.print(tables.changes(changed))
    if not only_outputs:
        console.print(f"{tables.summary(changed, done=done)} in {outcome.seconds:.0f} s")
    for diagnostic in outcome.diagnostics:
        if diagnostic.severity == "warning":
            console.print(f"[yellow]warning[/] {diagnostic.message.strip()}")
    if with_outputs and outcome.outputs:
        console.print(tables.outputs(outcome.outputs))


#: After an update, longer lists of changes have been seen in the preview already.
_MOST_SHOWN = 30
