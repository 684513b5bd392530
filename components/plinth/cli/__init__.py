"""The command line. Commands are thin: they call the library and show what it returns.

Command modules are imported when they run, so that ``--help`` and ``validate`` stay quick: neither
ever imports Pulumi.
"""

from __future__ import annotations

import importlib
import io
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import click

from plinth.cli import output
from plinth.cli.usage import Group, problem
from plinth.errors import PlinthError, Problem

if TYPE_CHECKING:
    from plinth.engine.changes import Outcome

#: Command -> (lazy target, one line of help). The names are a contract.
_COMMANDS = {
    "init": ("plinth.cli.init:init", "Begin a project: a commented spec, after a few questions."),
    "validate": ("plinth.cli.spec:validate", "Check the spec; all problems in one run."),
    "schema": ("plinth.cli.spec:schema", "Print the JSON Schema of specs, for editors."),
    "explain": ("plinth.cli.spec:explain", "Show where each value of an environment comes from."),
    "plan": ("plinth.cli.plan:plan", "Show what would be made; no engine, no credentials."),
    "diff": ("plinth.cli.diff:diff", "Show environments, revisions, specs or clouds side by side."),
    "policy": ("plinth.cli.policy:policy", "Judge by the policies, explain rules, report."),
    "preview": ("plinth.cli.operate:preview", "Review what would change, and whether it may."),
    "up": ("plinth.cli.operate:up", "Make the environment what the spec says."),
    "refresh": ("plinth.cli.operate:refresh", "Find out what has changed outside of Plinth."),
    "destroy": ("plinth.cli.operate:destroy", "Delete everything of an environment."),
    "outputs": ("plinth.cli.operate:outputs", "Print an environment's addresses and names."),
    "open": ("plinth.cli.local:open_page", "List an environment's pages, or open one."),
    "status": ("plinth.cli.local:status", "Show what runs of an environment on this machine."),
    "logs": ("plinth.cli.local:logs", "Show what a service on this machine says."),
    "env": ("plinth.cli.local:env", "Print the variables by which programs reach the services."),
    "bootstrap": ("plinth.cli.bootstrap:bootstrap", "Prepare an account for its environments."),
    "ci": ("plinth.cli.ci:ci", "Write pipelines, and do what they call."),
    "doctor": ("plinth.cli.doctor:doctor", "Tell what is missing and how to get it."),
    "engine": ("plinth.cli.engine:engine", "Install the Pulumi engine, or look at it."),
}


class _Lazy(Group):
    """A group that imports a command when it is used."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _, attribute = _COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in _COMMANDS.items()])


@click.command(
    cls=_Lazy,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog='Completion: eval "$(_PLINTH_COMPLETE=bash_source plinth)", or zsh_source, fish_source',
)
@click.version_option(package_name="plinth", prog_name="plinth")
def app() -> None:
    """One spec, a complete MLOps platform, on any cloud."""


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Runs the command line; every expected failure ends as a readable problem and a code.

    Args:
        args: The words after ``plinth``. Default: those of the process.

    Raises:
        SystemExit: Always, with the exit code.
    """
    words = sys.argv[1:] if args is None else list(args)
    _prepare()
    try:
        code = _run(words, as_json="--json" in words)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has seen enough, as in `plinth plan dev | head`; there is nobody to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    sys.exit(code)


def _prepare() -> None:
    """Warnings of libraries are for developers (-W brings them back); no output is unprintable."""
    if not sys.warnoptions:
        import warnings

        warnings.simplefilter("ignore")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _run(words: Sequence[str], *, as_json: bool) -> int:
    outcome: Outcome | None = None
    try:
        result: Any = app(words, prog_name="plinth", standalone_mode=False, color=output.color())
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return 2
    except click.exceptions.Exit as error:
        return error.exit_code
    except BrokenPipeError:
        raise
    except SystemExit:
        return 0  # click's way of saying that the reader of the output has gone (EPIPE)
    except PlinthError as error:
        outcome = error.outcome
        found, code = error.problems, error.exit_code
    except click.ClickException as error:
        found, code = (problem(error),), 2
    except (click.Abort, KeyboardInterrupt):
        found, code = (_INTERRUPTED,), 130
    except OSError as error:
        found, code = (output.system_problem(error),), 1
    except Exception:  # noqa: BLE001 - the last resort: a defect of ours, kept for a report
        found, code = (output.defect(),), 1
    else:
        return result if isinstance(result, int) else 0
    output.problems(found, as_json=as_json, result=outcome.to_json() if outcome else None)
    return code


_INTERRUPTED = Problem(
    code="interrupted",
    message="stopped before the end",
    fix="Run the same command again to go on.",
)
