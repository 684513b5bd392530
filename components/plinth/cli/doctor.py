"""``doctor``: what is missing, and how to get it."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from plinth.cli import output
from plinth.cli.common import json_option, spec_option
from plinth.findings import Finding

if TYPE_CHECKING:
    from plinth.blueprint import Blueprint


@click.command()
@spec_option
@json_option
def doctor(spec: Path, *, as_json: bool) -> int:
    """Tell what is missing for this spec and how to get it. Exit code 1 when something is."""
    found = list(_examine(spec))
    if as_json:
        findings = [asdict(item) for item in found]
        output.emit({"ok": all(item.ok for item in found), "findings": findings})
    else:
        for item in found:
            mark = (
                click.style("ok     ", fg="green") if item.ok else click.style("missing", fg="red")
            )
            click.echo(f"{mark} {item.name}: {item.detail}")
            if not item.ok:
                click.echo(f"        needed for {item.needed}")
                click.echo(f"        fix: {item.fix}")
    return 0 if all(item.ok for item in found) else 1


def _examine(spec: Path) -> Iterator[Finding]:
    from plinth.engine.locate import status

    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding(name="python", ok=True, detail=version, needed="everything")
    found = status()
    if found.engine:
        host = found.engine.language_host()
        yield Finding(
            name="engine",
            ok=True,
            detail=f"Pulumi {found.engine.version}, {found.engine.path}",
            needed="preview, up, refresh, destroy",
        )
        yield Finding(
            name="language host",
            ok=True,
            detail=str(host) if host else "Plinth's stand-in",
            needed="plain pulumi, and policy packs",
        )
    elif found.problem:
        yield Finding(
            name="engine",
            ok=False,
            detail=found.problem.message,
            needed="preview, up, refresh, destroy",
            fix=found.problem.fix,
        )
    yield _project(spec)
    yield from _spec_findings(spec)


def _project(spec: Path) -> Finding:
    from plinth.engine.settings import load_project
    from plinth.errors import UsageError
    from plinth.planning import root_of

    root = root_of(spec)
    name, needed = "project", "preview, up, refresh, destroy"
    try:
        project = load_project(root)
    except UsageError as error:
        problem = error.problems[0]
        fix = problem.fix or "Correct it."
        return Finding(name=name, ok=False, detail=problem.message, needed=needed, fix=fix)
    return Finding(name=name, ok=True, detail=f"{project['name']}, {root}", needed=needed)


def _spec_findings(spec: Path) -> Iterator[Finding]:
    from plinth.blueprint import check
    from plinth.errors import SpecError

    try:
        blueprints = check(spec)
    except SpecError as error:
        yield Finding(
            name="spec",
            ok=False,
            detail=f"{len(error.problems)} problem(s) in {spec}",
            needed="everything",
            fix=f"Run: plinth validate --spec {spec}",
        )
        return
    yield Finding(
        name="spec", ok=True, detail=f"{spec}: {', '.join(blueprints)}", needed="everything"
    )
    for info in {found.cloud.name: found.cloud for found in blueprints.values()}.values():
        there = importlib.util.find_spec(info.sdk) is not None
        yield Finding(
            name=f"SDK for {info.title}",
            ok=there,
            detail=info.sdk if there else "not installed",
            needed=f"plan and up on {info.title}",
            fix=None if there else f"Run: pip install 'plinth[{info.extra}]'",
        )
        for command in info.commands:
            path = shutil.which(command)
            yield Finding(
                name=command,
                ok=path is not None,
                detail=path or "not on PATH",
                needed=f"credentials of real clusters on {info.title}; not for rehearsals",
                fix=None if path else f"Install {command} from its publisher.",
            )
    yield from _here(spec, blueprints)


def _here(spec: Path, blueprints: Mapping[str, Blueprint]) -> Iterator[Finding]:
    """What the environments on this machine need of it; each thing once."""
    from plinth.local.needs import needs
    from plinth.planning import graph_of, project_of

    here = [found for found in blueprints.values() if found.cloud.here]
    if not here or importlib.util.find_spec(here[0].cloud.sdk) is None:
        return
    yield from needs([each for found in here for each in graph_of(found, project_of(spec))])
