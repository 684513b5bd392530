"""``preview``, ``up``, ``refresh``, ``destroy``, ``outputs``: the engine's commands."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from plinth.cli import fleet, output
from plinth.cli.common import F, absent, environment_argument, json_option, spec_option
from plinth.cli.fleet import chosen, every_option
from plinth.cli.progress import progress
from plinth.cli.reviewing import write
from plinth.cli.usage import Choice
from plinth.errors import Problem, UsageError

if TYPE_CHECKING:
    from plinth.engine.changes import Outcome
    from plinth.operations import Environment


def _rehearse_option(function: F) -> F:
    return click.option(
        "--rehearse", is_flag=True, help="Use simulated clouds and a state of their own."
    )(function)


def _yes_option(function: F) -> F:
    return click.option("--yes", "-y", is_flag=True, help="Do not ask.")(function)


def _engine_options(function: F) -> F:
    return environment_argument(spec_option(_rehearse_option(json_option(function))))


def _faults_option(function: F) -> F:
    return click.option(
        "--faults",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="With --rehearse: a plan of outages (docs/rehearsal.md).",
    )(function)


@click.command()
@every_option
@spec_option
@_rehearse_option
@json_option
@_faults_option
@click.option("--expect-no-changes", is_flag=True, help="Exit with 4 when anything would change.")
@click.option("--refresh", is_flag=True, help="Ask the cloud first what is really there.")
@click.option("--offline", is_flag=True, help="Compare with --base: no engine, no credentials.")
@click.option("--base", metavar="REV", help="The Git revision that the change is against.")
@click.option(
    "--format",
    "form",
    type=Choice(["text", "markdown", "json", "sarif"]),
    help="What is written.  [default: text]",
)
@click.option(
    "--output",
    "target",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write to a file, and the text to the terminal.",
)
def preview(
    environment: str | None,
    spec: Path,
    *,
    every: bool,
    parallel: int,
    rehearse: bool,
    faults: Path | None,
    as_json: bool,
    expect_no_changes: bool,
    refresh: bool,
    offline: bool,
    base: str | None,
    form: str | None,
    target: Path | None,
) -> int:
    """Review what would change in ENV, or with --all everywhere, and what stands in the way.

    Asks the engine; with --offline, compares the plan at a Git revision with that of the working
    tree. Exit code 1 when something that keeps data would be replaced or deleted and nobody
    approved it in the spec, 3 when a mandatory policy is violated, 4 with --expect-no-changes and
    any change.
    """
    from plinth.changes import found
    from plinth.review import making, revisions

    environment = chosen(environment, every=every)
    form = output.one_format(form, "text", as_json=as_json)
    if offline:
        _refuse_engine(rehearse=rehearse, faults=faults is not None, refresh=refresh)
    if every:
        flags = {
            "--rehearse": rehearse,
            "--expect-no-changes": expect_no_changes,
            "--refresh": refresh,
            "--offline": offline,
        }
        given = [flag for flag, on in flags.items() if on]
        command = ["preview", *given, *_faulty(faults), *(["--base", base] if base else [])]
        return fleet.review(spec, command, form, target, parallel=parallel)
    if offline:
        review = making.offline(spec, environment, base)
    else:
        from plinth.operations import open_environment

        commit = revisions.commit_of(spec, base) if base else None
        opened = open_environment(spec, environment, rehearse=rehearse, faults=faults)
        with progress("Previewing", opened, quiet=as_json) as report:
            review = making.through_engine(opened, report, refresh=refresh, base=commit)
    problems = review.blockers
    if expect_no_changes and review.summary:
        problems = (found(review.changes), *problems)
    write(review, form, target, spec, problems)
    codes = {problem.code for problem in problems}
    return 4 if "changes-found" in codes else 3 if "policy-violation" in codes else int(bool(codes))


def _refuse_engine(**given: bool) -> None:
    """Refuses options that only the engine understands."""
    names = [name for name, value in given.items() if value]
    if names:
        raise UsageError(
            Problem(
                code="offline-and-engine",
                message=f"--offline asks neither engine nor clouds, and --{names[0]} is for them",
                fix="Leave one of them out.",
            )
        )


@click.command()
@every_option
@spec_option
@_rehearse_option
@json_option
@_faults_option
@_yes_option
@click.option("--allow-data-loss", is_flag=True, help="Replace or delete what keeps data.")
@click.option("--approved", metavar="DIGEST", help="Refuse any other plan than this, or its rest.")
@click.option("--adopt", multiple=True, metavar="URN=ID", help="Take in an interrupted creation.")
@click.option("--forget", multiple=True, metavar="URN", help="Drop an interrupted creation.")
def up(
    environment: str | None,
    spec: Path,
    *,
    every: bool,
    parallel: int,
    rehearse: bool,
    faults: Path | None,
    as_json: bool,
    yes: bool,
    allow_data_loss: bool,
    approved: str | None,
    adopt: tuple[str, ...],
    forget: tuple[str, ...],
) -> int:
    """Make ENV what the spec says, or with --all every environment in its order.

    Shows what would change and asks; refuses to replace or delete what keeps data.
    """
    from plinth import planning
    from plinth.operations import open_environment, refuse_data_loss, refuse_violations
    from plinth.review.approvals import refuse_other_plan

    environment = chosen(environment, every=every)
    adopted = _pairs(adopt)
    asking = not (yes or rehearse)
    _need_somebody(asking=asking, as_json=as_json)
    if every:
        if adopt or forget or approved:
            raise click.UsageError(
                "--adopt, --forget and --approved are for one environment",
                click.get_current_context(),
            )
        options = [*(["--rehearse"] if rehearse else []), *_faulty(faults)]
        more = ["--allow-data-loss"] if allow_data_loss else []
        if asking:
            code = fleet.run(
                spec, ["preview", *options], parallel=parallel, as_json=False, ordered=False
            )
            if code:
                return code
            _ask("Change all of these?")
        command = ["up", "--yes", *options, *more]
        return fleet.run(spec, command, parallel=parallel, as_json=as_json)
    opened = open_environment(spec, environment, rehearse=rehearse, faults=faults)
    if not as_json:
        _advise(opened.advice)
    if not opened.resources and not asking and approved is None:
        refuse_violations(opened)
    else:
        # As the review has it: with what the policies mend.
        made = planning.planned(opened.blueprint, planning.project_of(spec)) if approved else None
        with progress("Previewing", opened, quiet=as_json) as report:
            planned = opened.preview(report, graph=made.graph if made else None)
        if planned.changed and not as_json:
            _show(planned, as_json=False)
        refuse_other_plan(planned, approved, environment)
        if not allow_data_loss:
            refuse_data_loss(opened, planned)
        if planned.changed and asking:
            _ask(f"Change {environment}?")
    # Also without changes: outputs and protection are the state's alone, no preview tells of them.
    with progress("Updating", opened, quiet=as_json) as report:
        outcome = opened.up(report, adopt=adopted, forget=forget)
    _show(outcome.advised(opened.advice) if as_json else outcome, as_json=as_json, done=True)
    return 0


@click.command()
@_engine_options
@_faults_option
def refresh(
    environment: str, spec: Path, *, rehearse: bool, faults: Path | None, as_json: bool
) -> None:
    """Find out what has changed in the cloud, and take it over into the state.

    The next `up` repairs what the spec says otherwise.
    """
    from plinth.operations import open_environment

    opened = open_environment(spec, environment, rehearse=rehearse, faults=faults)
    if not opened.resources:
        _show_absent(opened, as_json=as_json)
        return
    with progress("Refreshing", opened, quiet=as_json) as report:
        outcome = opened.refresh(report)
    _show(outcome, as_json=as_json, done=True)


@click.command()
@_engine_options
@_faults_option
@_yes_option
def destroy(
    environment: str, spec: Path, *, rehearse: bool, faults: Path | None, as_json: bool, yes: bool
) -> None:
    """Delete everything of ENV.

    Refuses, and deletes nothing, while something is protected: set `durable: false` and run `up`
    first.
    """
    from plinth.operations import open_environment, refuse_protected

    asking = not (yes or rehearse)
    _need_somebody(asking=asking, as_json=as_json)
    opened = open_environment(spec, environment, rehearse=rehearse, faults=faults)
    resources = opened.resources
    if not resources:
        _show_absent(opened, as_json=as_json)
        return
    refuse_protected(opened, resources)
    if asking:
        count = sum(bool(each.get("custom")) for each in resources)
        stateful = [each for each in resources if opened.blueprint.cloud.stateful(each["type"])]
        kept = stateful and all(each.get("retainOnDelete") for each in stateful)
        data = "but for the data" if kept else "data included"
        _ask(f"Delete all {count} resources of {environment}, {data}?")
    with progress("Destroying", opened, quiet=as_json) as report:
        outcome = opened.destroy(report)
    _show(outcome, as_json=as_json, done=True)


@click.command()
@_engine_options
@click.option("--show-secrets", is_flag=True, help="Print secret values as they are.")
def outputs(
    environment: str, spec: Path, *, rehearse: bool, as_json: bool, show_secrets: bool
) -> None:
    """Print the outputs of ENV; secret values are masked unless --show-secrets is said."""
    from plinth.operations import open_environment

    opened = open_environment(spec, environment, rehearse=rehearse, policies=False)
    found = opened.stack.outputs(show_secrets=show_secrets)
    if not found:
        raise absent(environment, rehearse=rehearse)
    if as_json:
        output.emit(found)
        return
    from plinth.cli import tables

    tables.show(tables.outputs(found))


def _faulty(faults: Path | None) -> list[str]:
    return ["--faults", str(faults)] if faults else []


def _pairs(values: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for value in values:
        urn, separator, identifier = value.rpartition("=")
        if not separator:
            raise click.UsageError(
                f"--adopt takes URN=ID, not '{value}'", click.get_current_context()
            )
        pairs[urn] = identifier
    return pairs


def _need_somebody(*, asking: bool, as_json: bool) -> None:
    """Refuses at once what would have to ask, and cannot."""
    if asking and (as_json or not sys.stdin.isatty()):
        raise UsageError(
            Problem(
                code="confirmation-needed",
                message="this changes a real environment, and nobody is there to be asked",
                fix="Add --yes to go ahead without a question, or --rehearse to try it first.",
            )
        )


def _ask(question: str) -> None:
    if not click.confirm(question, err=True):
        click.echo("Nothing was changed.", err=True)
        raise click.exceptions.Exit(1)


def _advise(found: Sequence[str]) -> None:
    from plinth.cli import tables

    for line in found:
        tables.show(tables.warning(line))


def _show_absent(opened: Environment, *, as_json: bool) -> None:
    """Says that there was nothing to do."""
    if as_json:
        from plinth.engine.changes import Outcome

        output.emit(Outcome(changes=(), outputs={}, seconds=0).to_json())
        return
    name = opened.blueprint.environment
    rehearse = " --rehearse" if opened.rehearse else ""
    click.echo(f"{name} is not up; `plinth up {name}{rehearse}` brings it up.")


def _show(outcome: Outcome, *, as_json: bool, done: bool = False) -> None:
    if as_json:
        output.emit(outcome.to_json())
        return
    from plinth.cli import tables

    changed = tables.felt(outcome.changed)
    if changed and (not done or len(changed) <= _MOST_SHOWN):
        tables.show(tables.changes(changed))
    tables.show(f"{tables.summary(changed, done=done)} in {outcome.seconds:.0f} s")
    for diagnostic in outcome.diagnostics:
        if diagnostic.severity == "warning":
            tables.show(tables.warning(diagnostic.message))
    if done and outcome.outputs:
        tables.show(tables.outputs(outcome.outputs))


#: After an update, longer lists of changes have been seen in the preview already.
_MOST_SHOWN = 30
