"""The program: spec in, platform out. The same for the engine, plain ``pulumi`` and the graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from plinth import versions
from plinth.blueprint import Blueprint, resolve
from plinth.spec.document import load

#: Pulumi project when nothing says otherwise; part of every URN.
PROJECT = "plinth"


def recorded_versions(folder: Path, environment: str) -> Mapping[str, Any] | None:
    """The pins that were in force when an environment was last brought up, if it was.

    They are kept beside the spec, in ``<environment>.lock.json``, to be committed with it.

    Raises:
        SpecError: The file holds something else.
    """
    file = lock_file(folder, environment)
    if not file.is_file():
        return None
    return versions.recorded(file.read_text(encoding="utf-8"), str(file))


def lock_file(folder: Path, environment: str) -> Path:
    """Where an environment's pins are recorded."""
    return folder / f"{environment}.lock.json"


def blueprint_of(spec: Path, environment: str, *, cloud: str | None = None) -> Blueprint:
    """Resolves an environment of a spec file, with the pins that are recorded for it.

    Raises:
        SpecError: When the spec has problems.
    """
    recorded = recorded_versions(spec.parent, environment)
    return resolve(load(spec), environment, cloud=cloud, recorded=recorded)


def build(blueprint: Blueprint) -> Callable[[], None]:
    """The Pulumi program of a blueprint."""

    def program() -> None:
        import pulumi

        from plinth import cycles
        from plinth.capabilities.platform import Platform

        cycles.install()
        transformation = blueprint.cloud.load_transformation()
        if transformation:
            pulumi.runtime.register_stack_transformation(transformation(blueprint))
        platform = Platform(blueprint.settings.name, blueprint)
        for name, value in platform.outputs.items():
            pulumi.export(name, value)

    return program


def main() -> None:
    """Entry point of plain ``pulumi up``: the stack's name is the environment's.

    The spec is the file named by the configuration value ``spec``, below the folder of the
    program, which is where the engine runs it.

    Raises:
        SystemExit: With a readable message, when the spec has problems or the credentials in hand
            are of another account.
    """
    import pulumi

    from plinth.errors import PlinthError

    path = Path(pulumi.Config().get("spec") or "platform.yaml")
    environment = pulumi.get_stack()
    try:
        build(blueprint_of(path, environment))()
    except PlinthError as error:
        for problem in error.problems:
            pulumi.log.error(problem.in_full)
        raise SystemExit(error.exit_code) from None
