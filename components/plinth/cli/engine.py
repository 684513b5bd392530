"""``engine install|status|env``: the Pulumi engine itself."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from plinth.cli import output
from plinth.cli.common import environment_argument, json_option, spec_option, unused_spec_option
from plinth.cli.usage import Group


@click.group(cls=Group)
def engine() -> None:
    """Install the Pulumi engine, or look at it."""


@engine.command()
@unused_spec_option
@json_option
def install(*, as_json: bool) -> None:
    """Bring the pinned engine into Plinth's cache, once.

    Downloads the official build where it can be reached, and else builds it from its Go module.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from plinth.engine.install import install as install_engine

    console = Console(stderr=True, highlight=False)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=as_json) as bar:
        task = bar.add_task("Looking for the engine", total=1)
        shown = -1

        def report(message: str, share: float | None) -> None:
            nonlocal shown
            bar.update(task, description=message, completed=share or 0)
            step = int((share or 0) * 10)
            if not console.is_terminal and not as_json and step != shown:
                shown = step
                console.print(f"{message} {step * 10} %")

        found = install_engine(report)
    if as_json:
        output.emit(found.to_json())
    else:
        click.echo(f"Pulumi {found.version} at {found.path}")


@engine.command()
@unused_spec_option
@json_option
def status(*, as_json: bool) -> int:
    """Tell which engine is used, and where from. Exit code 1 when there is none."""
    from plinth.engine.locate import status as engine_status

    found = engine_status()
    if as_json:
        output.emit(found.to_json())
    elif found.engine:
        used = found.engine
        host = used.language_host()
        click.echo(f"Pulumi {used.version} at {used.path} (found by {used.source.value})")
        click.echo(f"Python language host: {host or 'the stand-in'}")
    elif found.problem:
        output.problems([found.problem], as_json=False)
    return 0 if found.engine else 1


@engine.command()
@environment_argument
@spec_option
@click.option("--rehearse", is_flag=True, help="For the rehearsal's stack.")
@json_option
def env(environment: str, spec: Path, *, rehearse: bool, as_json: bool) -> None:
    """Print what plain `pulumi` needs to work on the same stack.

    Use it as: eval "$(plinth engine env dev)"; pulumi preview -s dev
    """
    from plinth.engine.settings import environment_variables
    from plinth.operations import refuse_rehearsal, settings_of
    from plinth.program import blueprint_of

    blueprint = blueprint_of(spec, environment)
    refuse_rehearsal(blueprint, rehearse=rehearse)
    settings = settings_of(blueprint, spec, rehearse=rehearse)
    variables = environment_variables(settings)
    folder = settings.project_directory.absolute()
    if as_json:
        output.emit({"variables": variables, "directory": str(folder)})
        return
    for name, value in variables.items():
        click.echo(f"export {name}={shlex.quote(value)}")
    if rehearse:
        click.echo(f"cd {shlex.quote(str(folder))}")
