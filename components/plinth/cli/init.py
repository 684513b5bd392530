"""``init``: a project from a short interview, from options, or from an example."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from plinth.cli import output
from plinth.cli.common import json_option, unused_spec_option
from plinth.errors import Problem, UsageError

if TYPE_CHECKING:
    from plinth.scaffold.answers import Answers, Question

_ENVIRONMENT = "ENV=ID"


def _examples(_ctx: click.Context, _param: click.Parameter, text: str) -> list[CompletionItem]:
    from plinth.scaffold.examples import examples

    return [CompletionItem(each.name) for each in examples() if each.name.startswith(text)]


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default=Path())
@click.option("--name", metavar="NAME", help="Name of the platform.  [default: the folder's]")
@click.option("--owner", metavar="EMAIL", help="E-mail of the team that owns it.")
@click.option("--cost-center", metavar="CODE", help="What everything is tagged with.")
@click.option("--budget", metavar="AMOUNT", help="Of an environment, a month.  [default: 1000]")
@click.option("--cloud", metavar="NAME", help="Where it runs: aws, azure, gcp, kubernetes, …")
@click.option("--region", metavar="NAME", help="Where there.")
@click.option(
    "--account",
    "accounts",
    metavar=_ENVIRONMENT,
    multiple=True,
    help="Account, subscription, project or kubeconfig context of dev or prod.",
)
@click.option("--domain", metavar="NAME", help="Parent of host names.  [default: none]")
@click.option("--capabilities", metavar="NAMES", help="Those that are on.  [default: all]")
@click.option("--mail", metavar="HOST", help="Mail server for alerts, on a cluster of your own.")
@click.option(
    "--from",
    "source",
    metavar="EXAMPLE",
    shell_complete=_examples,
    help="Begin as an example: platform, gcp-small, …",
)
@click.option("--yes", "-y", is_flag=True, help="Do not ask; defaults for what is left out.")
@click.option("--force", is_flag=True, help="Replace files that are in the way.")
@unused_spec_option
@json_option
def init(
    folder: Path,
    *,
    accounts: tuple[str, ...],
    source: str | None,
    yes: bool,
    force: bool,
    as_json: bool,
    **told: str | None,
) -> None:
    """Begin a project in FOLDER: a commented spec, and what Pulumi needs beside it.

    Asks what is not said by options. Writes all files or none, and never over others.
    """
    from plinth.scaffold import files
    from plinth.scaffold.examples import example

    if source is not None:
        _refuse_answers(told, accounts)
        made = example(source).files()
    else:
        answers = _answered(told, accounts, folder)
        silent = yes or as_json or not sys.stdin.isatty()
        answers = _defaults(answers, folder) if silent else _interview(answers, folder)
        made = files.of(answers)
    written = files.write(folder, made, force=force)
    _show(folder, written, _first_steps(made), as_json=as_json)


def _refuse_answers(told: dict[str, str | None], accounts: tuple[str, ...]) -> None:
    said = [f"--{key.replace('_', '-')}" for key, value in told.items() if value is not None]
    said += ["--account"] * bool(accounts)
    if said:
        raise UsageError(
            Problem(
                code="example-and-answers",
                message=f"an example is taken as it is, without {', '.join(said)}",
                fix="Leave them out and edit stacks/platform.yaml afterwards, or leave out --from.",
            )
        )


def _answered(told: dict[str, str | None], accounts: Iterable[str], folder: Path) -> Answers:
    """What was said by options, when nothing is wrong with it."""
    from plinth.scaffold.answers import Answers, check, questions

    answers = Answers(cloud=told["cloud"], places=_places(accounts))
    known = {question.key: question for question in questions(answers, folder)}
    if accounts and "places" not in known:
        raise _meaningless("account", answers)
    for key, value in told.items():
        if value is None:
            continue
        if key not in known:
            raise _meaningless(key, answers)
        answers = answers.answer(known[key], value)
    found = check(answers)
    if found:
        asked = tuple(questions(answers, folder))
        raise UsageError(*(_by_option(problem, asked) for problem in found))
    return answers


def _meaningless(key: str, answers: Answers) -> UsageError:
    return UsageError(
        Problem(
            code="not-on-this-cloud",
            message=f"--{key} means nothing on {answers.info.title}",
            fix="Leave it out.",
        )
    )


def _places(accounts: Iterable[str]) -> dict[str, str]:
    from plinth.scaffold.answers import ENVIRONMENTS

    places = {}
    for text in accounts:
        environment, separator, place = text.partition("=")
        if not separator or environment not in ENVIRONMENTS:
            raise UsageError(
                Problem(
                    code="usage",
                    message=f"--account takes {_ENVIRONMENT}, not '{text}'",
                    allowed=tuple(f"{name}=…" for name in ENVIRONMENTS),
                    fix="Say it once for each environment; others are added to the spec later.",
                )
            )
        places[environment] = place
    return places


def _by_option(problem: Problem, asked: Iterable[Question]) -> Problem:
    """The problem at the option it comes from: the spec that it is in is not there yet."""
    places = {problem.path, f"environments.{problem.environment}.{problem.path}"}
    path = next((each.flag for each in asked if each.path in places), problem.path)
    return replace(problem, location=None, environment=None, path=path)


def _defaults(answers: Answers, folder: Path) -> Answers:
    """The answers with defaults for all that is left out, when everything else was said.

    Raises:
        UsageError: Answers are missing that have no default.
    """
    from plinth.scaffold.answers import questions, required

    missing = []
    for question in questions(answers, folder):
        if answers.answered(question):
            continue
        if not question.default and required(answers, question):
            missing.append(question.flag)
        else:
            answers = answers.answer(question, question.default)
    if missing:
        raise UsageError(
            Problem(
                code="answers-missing",
                message=f"nobody is asked, so these have to be said: {', '.join(missing)}",
                fix="Add what is missing, or run it in a terminal without --yes and --json.",
            )
        )
    return answers


def _interview(answers: Answers, folder: Path) -> Answers:
    from plinth.scaffold.answers import questions

    click.echo("A new platform. Enter takes what stands in brackets; all can be changed later.\n")
    while open_ := [each for each in questions(answers, folder) if not answers.answered(each)]:
        answers = _ask(answers, open_[0])
    click.echo()
    return answers


def _ask(answers: Answers, question: Question) -> Answers:
    """Asks until there is nothing wrong with the answer."""
    from plinth.scaffold.answers import check, required

    text = question.text + (f" ({', '.join(question.choices)})" if question.choices else "")
    if question.blank and not required(answers, question):
        text += f" (Enter: {question.blank})"
    while True:
        said = click.prompt(text, default=question.default, show_default=bool(question.default))
        given = answers.answer(question, said.strip())
        try:
            found = check(given)
        except UsageError as error:
            found = error.problems
        if not found:
            return given
        lines = map(_in_a_line, found) if said.strip() else ["this cannot be left out"]
        for line in lines:
            click.secho(f"  {line}", fg="yellow")


def _in_a_line(problem: Problem) -> str:
    if problem.nearest:
        return f"{problem.message}. Did you mean {problem.nearest}?"
    among = f" There are {', '.join(problem.allowed)}." if problem.allowed else ""
    return f"{problem.message}.{among} {problem.fix or ''}".rstrip()


def _first_steps(made: Mapping[str, str]) -> dict[str, str]:
    """What to try of the first environment, and why."""
    from plinth.registry import cloud
    from plinth.scaffold import files
    from plinth.scaffold.answers import SPEC
    from plinth.spec.document import parse
    from plinth.spec.overlay import resolve

    environment = files.environments_of(made)[0]
    document, _ = parse(made[SPEC].encode(), SPEC)
    here = document and cloud(resolve(document, environment).data["cloud"]).here
    return {
        "plinth validate": "check the spec, after any change",
        f"plinth plan {environment}": "see what it becomes",
        **(
            {f"plinth up {environment}": "bring it up on this machine"}
            if here
            else {f"plinth up {environment} --rehearse": "try it on simulated clouds"}
        ),
    }


def _show(
    folder: Path, written: tuple[str, ...], steps: Mapping[str, str], *, as_json: bool
) -> None:
    commands = list(steps)
    if as_json:
        output.emit({"ok": True, "folder": str(folder), "files": written, "next": commands})
        return
    click.echo("\n".join(f"wrote {folder / path}" for path in written) or "All is there already.")
    if folder.absolute() != Path.cwd():
        commands[0] = f"cd {shlex.quote(str(folder))} && {commands[0]}"
    width = max(map(len, commands))
    click.echo("\nNext:")
    for command, why in zip(commands, steps.values(), strict=True):
        click.echo(f"  {command:<{width}}  {click.style(f'# {why}', dim=True)}")
