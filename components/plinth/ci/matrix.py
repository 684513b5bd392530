"""Which environments a change touches, and how each CI platform likes to be told."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final

from plinth import program
from plinth.blueprint import Blueprint, check
from plinth.ci.targets import Target, matrix_entry
from plinth.errors import PlinthError
from plinth.review import revisions

#: What Git and CI platforms call the commit before the first.
_NONE: Final = re.compile("0{40,64}")

#: Files that `plinth ci` writes, in any folder: they say which Plinth makes the plan.
_WORKFLOWS: Final = re.compile(
    r"(^|/)(\.github/(workflows/plinth-|actions/plinth/)|\.gitlab-ci\.yml$|\.azure-pipelines/plinth-)"
)


def touched(spec: Path, base: str | None) -> tuple[str, ...]:
    """The environments whose plan may differ between a revision and the working tree.

    Compared are resolved environments, recorded versions included, and their stacks'
    configuration.  All are touched where the revision has no spec that can be used, and by a change
    of the workflows, which say which version of Plinth makes the plan.

    Args:
        spec: The spec file.
        base: The revision; ``None``, empty or all zeros means all environments.

    Raises:
        SpecError: The spec has problems.
        UsageError: There is no such revision.
    """
    now = {name: program.blueprint_of(spec, name) for name in check(spec)}
    if not base or _NONE.fullmatch(base):
        return tuple(now)
    repository = revisions.Repository(spec.parent)
    commit = repository.commit(base)
    changed = (repository.ask("diff", "--name-only", commit, "--") or "").splitlines()
    if any(_WORKFLOWS.search(file) for file in changed):
        return tuple(now)
    names = {PurePosixPath(file).name for file in changed}
    return tuple(
        name
        for name, blueprint in now.items()
        if f"Pulumi.{name}.yaml" in names or _shape(blueprint) != _shape(_then(spec, commit, name))
    )


def _then(spec: Path, commit: str, environment: str) -> Blueprint | None:
    """The environment as it was; ``None`` when it was not there, or cannot be used any more."""
    try:
        return revisions.at(spec, commit).blueprint(environment)
    except PlinthError:
        return None


def _shape(blueprint: Blueprint | None) -> Any:
    return blueprint.model_dump(mode="json") if blueprint else None


def _github(targets: Sequence[Target]) -> str:
    return _line({"include": [matrix_entry(target) for target in targets]})


def _gitlab(targets: Sequence[Target]) -> str:
    """Items for ``parallel: matrix``, whose keys become variables of the jobs."""
    return _line(
        [
            {name.upper(): value for name, value in matrix_entry(target).items()}
            for target in targets
        ]
    )


def _azure_devops(targets: Sequence[Target]) -> str:
    """A map of legs for ``strategy: matrix``; names of legs take no dashes."""
    return _line({target.job: matrix_entry(target) for target in targets})


def _names(targets: Iterable[Target]) -> str:
    return " ".join(target.environment for target in targets)


def _line(value: Any) -> str:
    """One line: outputs of CI steps have no more."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True)


#: How the environments are told.
FORMATS: Final[dict[str, Callable[[Sequence[Target]], str]]] = {
    "names": _names,
    "github": _github,
    "gitlab": _gitlab,
    "azure-devops": _azure_devops,
}
