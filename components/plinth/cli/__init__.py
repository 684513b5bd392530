"""The command line. Commands are thin: they call the library and show what it returns.

Command modules are imported when they run, so that ``--help`` and ``validate`` stay quick: neither
ever imports Pulumi.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click

from plinth.cli import output
from plinth.errors import PlinthError

#: Command -> (lazy target, one line of help). The names are a contract.
_COMMANDS = {
    "validate": ("plinth.cli.spec:validate", "Check the spec; all problems in one run."),
    "schema": ("plinth.cli.spec:schema", "Print the JSON Schema of specs, for editors."),
    "explain": ("plinth.cli.spec:explain", "Show where each value of an environment comes from."),
    "plan": ("plinth.cli.plan:plan", "Show what would be made; no engine, no credentials."),
    "preview": ("plinth.cli.operate:preview", "Ask the engine what would change."),
    "up": ("plinth.cli.operate:up", "Make the environment what the spec says."),
    "refresh": ("plinth.cli.operate:refresh", "Find out what has changed outside of Plinth."),
    "destroy": ("plinth.cli.operate:destroy", "Delete everything of an environment."),
    "outputs": ("plinth.cli.operate:outputs", "Print an environment's addresses and names."),
    "doctor": ("plinth.cli.doctor:doctor", "Tell what is missing and how to get it."),
    "engine": ("plinth.cli.engine:engine", "Install the Pulumi engine, or look at it."),
}


class _Lazy(click.Group):
    """A group that imports a command when it is used."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _, attribute = _COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in _COMMANDS:
            from plinth.spec.problems import nearest

            close = nearest(args[0], tuple(_COMMANDS))
            hint = f" Did you mean '{close}'?" if close else ""
            ctx.fail(f"There is no command '{args[0]}'.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in _COMMANDS.items()])


@click.command(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="plinth", prog_name="plinth")
def app() -> None:
    """One spec, a complete MLOps platform, on any cloud."""


def main() -> None:
    """Runs the command line; every expected failure ends as a readable problem and a code."""
    try:
        # Warnings of libraries are for developers; -W brings them back.
        if not sys.warnoptions:
            import warnings

            warnings.simplefilter("ignore")
        result: Any = app(standalone_mode=False)
        code = result if isinstance(result, int) else 0
    except PlinthError as error:
        output.problems(error.problems, as_json="--json" in sys.argv)
        code = error.exit_code
    except click.exceptions.Exit as error:
        code = error.exit_code
    except click.ClickException as error:
        error.show()
        code = 2
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped. Run the same command again to go on.", err=True)
        code = 130
    except BrokenPipeError:
        code = 0
    except OSError as error:
        output.problems([output.system_problem(error)], as_json="--json" in sys.argv)
        code = 1
    except Exception:  # noqa: BLE001 - the last resort: a defect of ours, kept for a report
        output.defect()
        code = 1
    sys.exit(code)
