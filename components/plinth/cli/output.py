"""How results look: plain text for people, one JSON object for machines."""

from __future__ import annotations

import json
import os
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

import click

from plinth.errors import Problem, UsageError


def emit(value: Any) -> None:
    """Prints one JSON document."""
    click.echo(document(value), nl=False)


def document(value: Any) -> str:
    """A value as a JSON document."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n"


def to_file(target: Path, text: str) -> None:
    """Writes a file, and the folders that it is to be in."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")


def one_format(form: str | None, default: str, *, as_json: bool) -> str:
    """The format that is meant; ``--json`` is short for ``--format json``.

    Raises:
        UsageError: Two formats are asked for.
    """
    if as_json and form not in (None, "json"):
        raise UsageError(
            Problem(
                code="two-formats",
                message=f"--json and --format {form} ask for two formats",
                fix="Leave one of them out.",
            )
        )
    return form or ("json" if as_json else default)


def problems(
    found: Sequence[Problem], *, as_json: bool, result: Mapping[str, Any] | None = None
) -> None:
    """Prints problems: to standard error for people, to standard output as JSON.

    ``result`` is what the command found out all the same; JSON carries it in the one document.
    """
    if as_json:
        listed = [problem.to_json() for problem in found]
        emit({"ok": False, "problems": listed, **(result or {})})
        return
    _list(found, click.style("error", fg="red"))
    if len(found) > 1:
        _say(click.style(f"{len(found)} problems", bold=True))


def advice(found: Sequence[Problem]) -> None:
    """Prints what refuses nothing, to standard error."""
    _list(found, click.style("warning", fg="yellow"))


def _list(found: Sequence[Problem], kind: str) -> None:
    for problem, following in zip_longest(found, found[1:]):
        # One remedy for many is said once, at the end.
        same_fix = following is not None and following.fix == problem.fix
        _say(_text(replace(problem, fix=None) if same_fix else problem, kind))


def _say(text: str) -> None:
    click.echo(text, err=True, color=color())


def color() -> bool | None:
    """Whether text is coloured: never where NO_COLOR is set, else as the terminal can."""
    return False if os.environ.get("NO_COLOR") else None


def _text(problem: Problem, kind: str) -> str:
    where = f"{problem.location}: " if problem.location else ""
    title = click.style(f"{where}{problem.message}", bold=True)
    lines = [f"{kind} {title}"]
    place = [
        problem.path and f"at {problem.path}",
        problem.environment and f"in environment {problem.environment}",
        f"[{problem.code}]",
    ]
    lines.append("  " + " ".join(part for part in place if part))
    if problem.nearest:
        lines.append(f"  did you mean: {click.style(problem.nearest, fg='green')}")
    if problem.allowed:
        lines.append(f"  allowed: {_listed(problem.allowed)}")
    if problem.fix:
        lines.append(f"  fix: {problem.fix}")
    return "\n".join(lines)


def _listed(values: Sequence[str], most: int = 24) -> str:
    shown = ", ".join(values[:most])
    return f"{shown}, … ({len(values)} in all)" if len(values) > most else shown


def system_problem(error: OSError) -> Problem:
    """A refusal of the operating system, in words."""
    name = f" {error.filename}" if error.filename else ""
    return Problem(
        code="system",
        message=f"the operating system refused{name}: {error.strerror or error}",
        fix="Check that it exists, that you may use it, and that the disk has room.",
    )


def defect() -> Problem:
    """Keeps the traceback of a defect in a file and says where, instead of printing it."""
    with tempfile.NamedTemporaryFile(
        "w", prefix="plinth-", suffix=".log", delete=False, encoding="utf-8"
    ) as log:
        traceback.print_exc(file=log)
    return Problem(
        code="defect",
        message="this is a defect in Plinth, not in your spec",
        fix=f"Please report it with what happened, which is recorded in {log.name}.",
    )
