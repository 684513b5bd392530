"""``status``, ``logs``, ``open``, ``env``: living with an environment, first of all one here."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from click.shell_completion import CompletionItem

from plinth.cli import output
from plinth.cli.common import absent, environment_argument, find_spec, json_option, spec_option
from plinth.cli.usage import Choice
from plinth.errors import EngineError, PlinthError, Problem, UsageError, unknown

if TYPE_CHECKING:
    from plinth.local.home import Home
    from plinth.local.services import Service


@click.command()
@environment_argument
@spec_option
@json_option
def status(environment: str, spec: Path, *, as_json: bool) -> int:
    """Show the services of ENV on this machine: whether each runs, since when, where, how large.

    Memory is that of all its processes. Exit code 1 when one does not run, or ENV is not up. None
    is started again by itself: `plinth up ENV` does that. What is skipped is said, with why.
    """
    from plinth.local.services import services, skipped

    home, some = _home(spec, environment)
    found = services(home)
    missing = skipped(home)
    ok = bool(found or not some) and all(service.running for service in found)
    if as_json:
        output.emit(
            {
                "environment": environment,
                "ok": ok,
                "up": bool(found) if some else None,
                "folder": str(home.root),
                "services": [_described(service) for service in found],
                "skipped": missing,
            }
        )
    elif found:
        _show(environment, found, missing)
    elif some:
        click.echo(f"{environment} is not up; `plinth up {environment}` brings it up.")
    else:
        click.echo(f"{environment} has no services: nothing in its spec is a process.")
    return int(not ok)


def _home(spec: Path, environment: str) -> tuple[Home, bool]:
    """Where an environment is on this machine, and whether it has services there."""
    from plinth.operations import home_of
    from plinth.ports import Port
    from plinth.program import blueprint_of

    blueprint = blueprint_of(spec, environment)
    return home_of(blueprint, spec), Port.PROCESSES in blueprint.needs


def _described(service: Service) -> dict[str, Any]:
    since = service.since and time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(service.since))
    return {**asdict(service), "since": since}


def _show(environment: str, found: Collection[Service], missing: Mapping[str, str]) -> None:
    from plinth.cli import tables

    table = tables.grid("service", "state", "pid", "port", "memory")
    for each in found:
        colour = "green" if each.running else "red"
        table.add_row(
            each.name,
            f"[{colour}]{_state(each)}[/]",
            str(each.pid or ""),
            ", ".join(map(str, each.ports)),
            _size(each.memory) if each.running else "",
        )
    tables.show(table)
    running = sum(each.running for each in found)
    memory = _size(sum(each.memory for each in found))
    tables.show(f"{running} of {len(found)} running, {memory} of memory")
    ended = next((each.name for each in found if not each.running), None)
    if ended:
        tables.show(
            f"`plinth logs {environment} {ended}` may say why, `plinth up {environment}` starts "
            "what does not run."
        )
    for reason in missing.values():
        tables.show(tables.warning(reason))


def _state(service: Service) -> str:
    ago = _span(time.time() - service.since) if service.since else ""
    if service.running:
        return f"running for {ago}"
    if service.exit_code is None or not ago:
        return "not running"
    how = "by a signal" if service.exit_code < 0 else f"with exit code {service.exit_code}"
    return f"ended {how}, {ago} ago"


def _span(seconds: float) -> str:
    for unit, size in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def _size(memory: int) -> str:
    mebibytes = memory / 2**20
    return f"{mebibytes / 1024:.1f} GiB" if mebibytes >= 1024 else f"{mebibytes:.0f} MiB"


# --- logs -----------------------------------------------------------------------------------------


def _complete_services(
    ctx: click.Context, _param: click.Parameter, text: str
) -> list[CompletionItem]:
    from plinth.local.services import logs as logs_of

    try:
        home, _ = _home(ctx.params.get("spec") or find_spec(), ctx.params.get("environment") or "")
    except (PlinthError, OSError):
        return []
    return [CompletionItem(name) for name in logs_of(home) if name.startswith(text)]


@click.command()
@environment_argument
@click.argument("service", required=False, shell_complete=_complete_services)
@spec_option
@click.option("--follow", "-f", is_flag=True, help="Go on with what is written from now on.")
@click.option(
    "--lines", "-n", type=click.IntRange(min=0), default=200, show_default=True, help="The last N."
)
@json_option
def logs(
    environment: str, service: str | None, spec: Path, *, follow: bool, lines: int, as_json: bool
) -> None:
    """Show the log of SERVICE of ENV on this machine; Ctrl-C ends --follow."""
    from plinth.local import services

    if follow and as_json:
        raise UsageError(
            Problem(
                code="endless-json",
                message="--follow has no end, and --json is one document",
                fix="Leave one of them out.",
            )
        )
    home, _ = _home(spec, environment)
    found = services.logs(home)
    log = found[_one_of("service", service, found, environment)]
    if follow:
        try:
            for line in services.follow(log, lines):
                click.echo(line, nl=False)
        except KeyboardInterrupt:
            return
    said = services.last_lines(log, lines)
    if as_json:
        output.emit(
            {"environment": environment, "service": service, "file": str(log), "lines": said}
        )
    else:
        click.echo("".join(f"{line}\n" for line in said), nl=False)


def _one_of(kind: str, name: str | None, known: Collection[str], environment: str) -> str:
    """The name, when it is known.

    Raises:
        EngineError: There is none, as the environment is not up.
        UsageError: It is not, or none was said.
    """
    if name is not None and name in known:
        return name
    if not known:
        raise absent(environment)
    if name:
        message = f"{environment} has no {kind} '{name}'"
        raise UsageError(unknown(kind, name, known, message=message))
    raise UsageError(
        Problem(
            code="usage",
            message=f"no {kind} is named",
            allowed=tuple(known),
            environment=environment,
            fix="Name one of these.",
        )
    )


# --- addresses ------------------------------------------------------------------------------------


@click.command("open")
@environment_argument
@click.argument("page", required=False)
@spec_option
@json_option
def open_page(environment: str, page: str | None, spec: Path, *, as_json: bool) -> None:
    """List the pages of ENV, or open PAGE in the browser; with --json, list only."""
    from plinth.results import client_variables, pages

    outputs = _outputs(spec, environment)
    found = pages(outputs)
    if not found:
        raise EngineError(
            Problem(
                code="no-pages",
                message=f"{environment} has no page that can be reached from here",
                environment=environment,
                fix="Give it host names with `domain`, or see `plinth outputs` for addresses.",
            )
        )
    chosen = _one_of("page", page, found, environment) if page else None
    if as_json:
        output.emit({chosen: found[chosen]} if chosen else found)
    elif chosen:
        click.echo(found[chosen])
        if click.launch(found[chosen]):
            click.echo("No browser could be started here.", err=True)
    else:
        from plinth.cli import tables

        table = tables.grid("page", "address")
        for name, url in found.items():
            table.add_row(name, url)
        tables.show(table)
        if any(name.endswith("PASSWORD") for name in client_variables(outputs)):
            tables.show(f"Names and passwords: `plinth env {environment}`")


def _sh(name: str, value: str) -> str:
    return f"export {name}={shlex.quote(value)}"


def _fish(name: str, value: str) -> str:
    escaped = value.replace("\\", r"\\").replace("'", r"\'")
    return f"set -gx {name} '{escaped}'"


def _powershell(name: str, value: str) -> str:
    return "$Env:{} = '{}'".format(name, value.replace("'", "''"))


def _dotenv(name: str, value: str) -> str:
    escaped = value.replace("\\", r"\\").replace("'", r"\'")
    return f"{name}='{escaped}'"


_FORMATS: Final[Mapping[str, Callable[[str, str], str]]] = {
    "sh": _sh,
    "fish": _fish,
    "powershell": _powershell,
    "dotenv": _dotenv,
}


@click.command()
@environment_argument
@spec_option
@click.option(
    "--format",
    "form",
    type=Choice([*_FORMATS, "json"]),
    help="What reads it.  [default: sh]",
)
@json_option
def env(environment: str, spec: Path, *, form: str | None, as_json: bool) -> None:
    """Print the variables by which programs on this machine reach the services of ENV.

    Passwords included, in plain text: `eval "$(plinth env ENV)"` hands them to what is started
    from that shell, and nothing keeps them.
    """
    from plinth.results import client_variables

    form = output.one_format(form, "sh", as_json=as_json)
    found = client_variables(_outputs(spec, environment, show_secrets=True))
    if not found:
        raise EngineError(
            Problem(
                code="no-variables",
                message=f"the services of {environment} are not reached from this machine, so "
                "there are no variables for it",
                environment=environment,
                fix=f"Run `plinth outputs {environment}` for its addresses, as they are there.",
            )
        )
    if form == "json":
        output.emit({"environment": environment, "variables": found})
        return
    click.echo("\n".join(_FORMATS[form](name, value) for name, value in found.items()))


def _outputs(spec: Path, environment: str, *, show_secrets: bool = False) -> dict[str, Any]:
    """What the stack's state says.

    Raises:
        EngineError: The environment is not up.
    """
    from plinth.operations import open_environment

    opened = open_environment(spec, environment, rehearse=False, policies=False)
    found = opened.stack.outputs(show_secrets=show_secrets)
    if not found:
        raise absent(environment)
    return found
