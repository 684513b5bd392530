"""``policy check|list|explain|report``: the rules, and what they say of an environment."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from plinth.cli import output
from plinth.cli.common import (
    cloud_option,
    environment_argument,
    json_option,
    one_cloud_option,
    spec_option,
    unused_spec_option,
)
from plinth.cli.usage import Choice, Group

if TYPE_CHECKING:
    from plinth_policies.reporting.audit import Audit

_output_option = click.option(
    "--output",
    "target",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write to a file, and a summary to the terminal.",
)


@click.group(cls=Group)
def policy() -> None:
    """Judge an environment by the policies, or look at the rules."""


@policy.command(short_help="Judge what would be made, or what exists.")
@environment_argument
@spec_option
@cloud_option
@click.option(
    "--state",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Judge what exists, from a stack's export or state, or a plan in JSON.",
)
@click.option("--rule", "globs", multiple=True, metavar="GLOB", help="Judge by these rules only.")
@click.option(
    "--format",
    "form",
    type=Choice(["text", "json", "sarif", "markdown"]),
    help="What is written.  [default: text]",
)
@_output_option
@json_option
def check(
    environment: str,
    spec: Path,
    *,
    cloud: str | None,
    state: Path | None,
    globs: tuple[str, ...],
    form: str | None,
    target: Path | None,
    as_json: bool,
) -> int:
    """Judge what ENV would be made of, or with --state what it is made of.

    Needs no engine, no credentials and no network. Exit code 3 when a mandatory policy is violated
    and no waiver excuses it.
    """
    from plinth.auditing import audit_of
    from plinth.planning import plan
    from plinth_policies.lookup import select

    form = output.one_format(form, "text", as_json=as_json)
    rules = select(globs) if globs else None
    made = plan(spec, environment, cloud=cloud, state=state, rules=rules)
    audit = audit_of(made, spec, state=state, rules=rules)
    if form == "text" and target is None:
        _show(audit)  # in colour
    else:
        _write(_forms(audit)[form](), target, audit, quiet=as_json)
    return 3 if made.blocked else 0


@policy.command(short_help="Write the audit report, for people or machines.")
@environment_argument
@spec_option
@cloud_option
@click.option("--state", type=click.Path(path_type=Path), metavar="FILE", help="Report on a state.")
@click.option(
    "--format",
    "form",
    type=Choice(["html", "md", "json", "sarif"]),
    help="What is written.  [default: html]",
)
@_output_option
@json_option
def report(
    environment: str,
    spec: Path,
    *,
    cloud: str | None,
    state: Path | None,
    form: str | None,
    target: Path | None,
    as_json: bool,
) -> None:
    """Write the audit report of ENV: controls, evidence, waivers, coverage.

    It reports whatever it finds; use `plinth policy check` to refuse.
    """
    from plinth.auditing import audit_of
    from plinth.planning import plan

    form = output.one_format(form, "html", as_json=as_json)
    made = plan(spec, environment, cloud=cloud, state=state)
    audit = audit_of(made, spec, state=state)
    _write(_forms(audit)[form](), target, audit, quiet=as_json)


@policy.command("list")
@click.option("--domain", metavar="DOMAIN", help="Such as encryption or exposure.")
@one_cloud_option("Rules for what this cloud is made of.")
@click.option("--framework", metavar="NAME", help="Rules that serve it, such as soc-2 or cis-aws.")
@unused_spec_option
@json_option
def list_rules(
    domain: str | None, cloud: str | None, framework: str | None, *, as_json: bool
) -> None:
    """List the rules, all or some."""
    from plinth import registry
    from plinth.cli.tables import grid, show
    from plinth_policies.lookup import describe, matching

    packages = registry.known_cloud(cloud).packages if cloud else ()
    rules = matching(domain=domain, packages=packages, framework=framework)
    if as_json:
        output.emit({"rules": [describe(rule) for rule in rules]})
        return
    table = grid("rule", "severity", "on", "what holds")
    for rule in rules:
        table.add_row(rule.id, rule.severity, ", ".join(rule.clouds), rule.title)
    show(table, f"[bold]{len(rules)} rules[/]")


@policy.command(short_help="Tell all there is to say of one rule.")
@click.argument("rule_id", metavar="RULE")
@click.option("--env", "environment", metavar="ENV", help="Tell how far it goes there.")
@spec_option
@json_option
def explain(rule_id: str, environment: str | None, spec: Path, *, as_json: bool) -> None:
    """Tell what RULE asks for, why, how to keep it, and which controls it serves."""
    from plinth_policies.lookup import describe, find

    rule = find(rule_id)
    enforcement = None
    if environment:
        from plinth.planning import enforcement_of
        from plinth.program import blueprint_of

        enforcement = enforcement_of(blueprint_of(spec, environment))
    record = describe(rule, enforcement)
    if as_json:
        output.emit(record)
    else:
        _tell(record, environment)


def _forms(audit: Audit) -> dict[str, Callable[[], str]]:
    """How an audit is written, by format."""
    from plinth_policies.reporting import markdown, page, sarif

    return {
        "text": lambda: _plain(audit),
        "json": lambda: output.document(audit.to_json()),
        "sarif": lambda: output.document(sarif.sarif(audit)),
        "markdown": lambda: markdown.comment(audit),
        "md": lambda: markdown.document(audit),
        "html": lambda: page.page(audit),
    }


def _write(text: str, target: Path | None, audit: Audit, *, quiet: bool) -> None:
    if target is None:
        click.echo(text, nl=False)
        return
    output.to_file(target, text)
    if not quiet:
        click.echo(f"{audit.headline}; written to {target}")


def _plain(audit: Audit) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as text:
        _show(audit)
    return text.getvalue()


def _show(audit: Audit) -> None:
    from plinth.cli.tables import mended, show, violations, waivers

    subject = audit.subject
    place = " ".join(filter(None, [subject.cloud, subject.region]))
    source = "" if subject.source == "plan" else f", as of {subject.source}"
    show(f"[bold]{subject.platform}[/] · {subject.environment} on {place}{source}")
    show(violations(audit.violations))
    show(*waivers(audit.excuses), *mended(audit.mended))
    show(f"[bold]{audit.headline}[/]")


def _tell(record: dict[str, Any], environment: str | None) -> None:
    from rich.markup import escape

    from plinth.cli.tables import grid, show

    table = grid("", "")
    rows = {
        "why": record["why"],
        "to keep it": record["fix"],
        "severity": record["severity"],
        f"in {environment}": record.get("action"),
        "can mend": "yes, where it is set to remediate" if record["mends"] else None,
        "judges": "\n".join(record["types"]),
        "looks up": "\n".join(record["consults"]),
        "compares with": _parameters(record["parameters"]),
        "controls": "\n".join(
            f"{each['id']}  {each['title']} ({each['framework']})" for each in record["controls"]
        ),
    }
    for name, value in rows.items():
        if value:
            table.add_row(f"[dim]{name}[/]", escape(value))
    show(f"[bold]{record['id']}[/]", record["title"], table)
    for name, text in record["examples"].items():
        show(f"[dim]{name}:[/]")
        click.echo(text, nl=False)


def _parameters(found: list[str] | dict[str, Any]) -> str:
    if isinstance(found, dict):
        return "\n".join(f"{name}: {json.dumps(value)}" for name, value in found.items())
    return ", ".join(found)
