"""How reviews are shown and written."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import TYPE_CHECKING

import click

from plinth.cli import output
from plinth.errors import Problem

if TYPE_CHECKING:
    from plinth.review.model import Review


def write(
    review: Review, form: str, target: Path | None, spec: Path, problems: tuple[Problem, ...]
) -> None:
    """Writes a review in a format, to a file or to standard output.

    What is in the way goes to standard error as well; so does, with a file, nothing else: people
    see the text on standard output.
    """
    if form == "json" and target is None:
        if problems:
            output.problems(problems, as_json=True, result=review.to_json())
        else:
            output.emit(review.to_json())
        return
    if form == "text" and target is None:
        show(review)  # in colour
    else:
        text = _written(review, form, spec)
        if target is None:
            click.echo(text, nl=False)
        else:
            output.to_file(target, text)
            show(review)
            click.echo(f"written to {target}")
    if problems:
        output.problems(problems, as_json=False)


def _written(review: Review, form: str, spec: Path) -> str:
    if form == "json":
        return output.document(review.to_json())
    if form == "markdown":
        from plinth.review.markdown import comment

        return comment([review])
    if form == "sarif":
        from plinth.auditing import audit_of
        from plinth.planning import plan
        from plinth.review.sarif import sarif

        audit = audit_of(plan(spec, review.environment), spec)
        return output.document(sarif(review, audit))
    with contextlib.redirect_stdout(io.StringIO()) as text:
        show(review)
    return text.getvalue()


def show(review: Review) -> None:
    """Shows what would change, by capability, and what was said of it."""
    from rich.markup import escape

    from plinth.cli import tables

    place = " ".join(filter(None, [review.cloud, review.region]))
    against = f" against {review.base[:8]}" if review.base else ""
    source = "" if review.source == "engine" else f", from the spec alone{against}"
    tables.show(f"[bold]{review.platform}[/] · {review.environment} on {place}{source}")
    changes = review.felt
    if changes:
        tables.show(tables.changes(changes))
    if review.stopped:
        tables.show(f"[red]stopped before the end[/]; {len(changes)} changes were found so far")
    else:
        tables.show(tables.summary(changes, done=False))
    for change in review.drifted:
        if not change.felt:
            tables.show(f"[dim]left as it is: {escape(change.name)} {escape(change.reason)}[/]")
    counts = review.policy.counts
    listed = ", ".join(f"{counts[each]} {each}" for each in sorted(counts))
    tables.show(f"policies: {listed}" if listed else "[green]policies: no violation[/]")
    for approval in review.approvals.used:
        who = f"{approval.approver}, until {approval.expires}"
        tables.show(
            f"[green]approved[/] {approval.change} {escape(approval.resource)}: "
            f"{escape(approval.reason)} ({escape(who)})"
        )
    for diagnostic in review.diagnostics:
        if diagnostic.severity == "warning":
            tables.show(tables.warning(diagnostic.message))
        else:
            tables.show(escape(diagnostic.message))
    if review.source == "engine":
        tables.show(f"[dim]digest {review.digest}[/]")
