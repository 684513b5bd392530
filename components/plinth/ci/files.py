"""Workflow files: which there are, how they are filled, and whether they are still right."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from plinth import render
from plinth.blueprint import Blueprint, check
from plinth.ci.targets import targets_of, waves_of
from plinth.errors import Problem, UsageError
from plinth.planning import root_of
from plinth.spec.options import ServedModel, ServingOptions

#: Actions by the commit of a release: a tag can be moved, a commit cannot.
_ACTIONS: Final = {
    "aws-actions/configure-aws-credentials": ("e6de054238d6b7531b4efff3b6587d9aade6a06c", "v6.2.3"),
    "azure/login": ("f5d393ae46f8fde4be8b75f32e3fc50e654ad0ca", "v3.0.1"),
    "actions/cache": ("27d5ce7f107fe9357f9df03efb73ab90386fccae", "v5.0.5"),
    "actions/checkout": ("3d3c42e5aac5ba805825da76410c181273ba90b1", "v7.0.1"),
    "actions/download-artifact": ("3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c", "v8.0.1"),
    "google-github-actions/auth": ("7c6bc770dae815cd3e89ee6cdf493a5fab2cc093", "v3.0.0"),
    "actions/setup-python": ("5fda3b95a4ea91299a34e894583c3862153e4b97", "v7.0.0"),
    "actions/upload-artifact": ("bbbca2ddaa5d8feaa63e36b76fdaad77386f024f", "v7.0.0"),
}

#: CI platform -> file to write -> its template: the platform's own pipelines.
PLATFORM: Final[Mapping[str, Mapping[str, str]]] = {
    "github": {
        ".github/actions/plinth/action.yml": "ci/github/action.yml.j2",
        ".github/workflows/plinth-preview.yml": "ci/github/preview.yml.j2",
        ".github/workflows/plinth-comment.yml": "ci/github/comment.yml.j2",
        ".github/workflows/plinth-deploy.yml": "ci/github/deploy.yml.j2",
        ".github/workflows/plinth-drift.yml": "ci/github/drift.yml.j2",
    },
    "gitlab": {".gitlab-ci.yml": "ci/gitlab/gitlab-ci.yml.j2"},
    "azure-devops": {
        ".azure-pipelines/plinth-setup.yml": "ci/azure-devops/setup.yml.j2",
        ".azure-pipelines/plinth-preview.yml": "ci/azure-devops/preview.yml.j2",
        ".azure-pipelines/plinth-deploy.yml": "ci/azure-devops/deploy.yml.j2",
        ".azure-pipelines/plinth-drift.yml": "ci/azure-devops/drift.yml.j2",
    },
}

#: The same for the repository of a model; every one comes with the script that they call.
MODELS: Final[Mapping[str, Mapping[str, str]]] = {
    "github": {
        "ci/models.py": "ci/models/models.py.j2",
        ".github/workflows/model.yml": "ci/github/model.yml.j2",
        ".github/workflows/model-promote.yml": "ci/github/model-promote.yml.j2",
    },
    "gitlab": {
        "ci/models.py": "ci/models/models.py.j2",
        ".gitlab-ci.yml": "ci/gitlab/model.yml.j2",
    },
    "azure-devops": {
        "ci/models.py": "ci/models/models.py.j2",
        ".azure-pipelines/model.yml": "ci/azure-devops/model.yml.j2",
        ".azure-pipelines/model-promote.yml": "ci/azure-devops/model-promote.yml.j2",
    },
}

#: What Airflow runs for models, in the repository of their pipelines.
AIRFLOW: Final[Mapping[str, str]] = {
    "ci/models.py": "ci/models/models.py.j2",
    "dags/models.py": "ci/airflow/models.py.j2",
}

PLATFORMS: Final = tuple(PLATFORM)

#: How files begin that may be written again.
_MARK: Final = "# Written by `plinth ci"


@dataclass(frozen=True, slots=True)
class File:
    """A file to be written.

    Attributes:
        path: Where.
        text: What it holds.
    """

    path: Path
    text: str

    @property
    def state(self) -> str:
        """``new``, ``same``, ``changed``, or ``foreign`` when Plinth has not written it."""
        if not self.path.is_file():
            return "new"
        found = self.path.read_text(encoding="utf-8", errors="replace")
        if found == self.text:
            return "same"
        return "changed" if _MARK in found else "foreign"


def files(
    platform: str,
    spec: Path,
    *,
    folder: Path | None = None,
    branch: str = "main",
    models: bool = False,
) -> tuple[File, ...]:
    """The workflows of a platform repository, or of a model's.

    Args:
        platform: One of :data:`PLATFORMS`.
        spec: The spec file.
        folder: The repository that they are for, whose top they are written to. Default: where
            the spec's project is.
        branch: The branch that deployments are made from.
        models: Whether the repository is a model's, not the platform's.

    Raises:
        SpecError: The spec has problems.
        UsageError: An environment does not say in which account it is.
    """
    root = root_of(spec)
    listed = (MODELS if models else PLATFORM)[platform]
    command = f"{platform}{' --models' if models else ''}"
    # The project may be in a folder of its repository; elsewhere files wait to be merged by hand.
    within = folder and spec.resolve().is_relative_to(folder.resolve())
    top = folder if folder and within else root
    return _rendered(listed, command, folder or root, _values(spec, top, branch))


def airflow_files(spec: Path, *, folder: Path | None = None) -> tuple[File, ...]:
    """The pipelines that watch and retrain models, and the script that they call.

    Args:
        spec: The spec file.
        folder: The repository that they are for. Default: the one of the spec.

    Raises:
        SpecError: The spec has problems.
        UsageError: No model is to be retrained, or two environments name different pipelines.
    """
    return _rendered(AIRFLOW, "airflow", folder or root_of(spec), {"retrained": _retrained(spec)})


def _rendered(
    listed: Mapping[str, str], command: str, folder: Path, values: Mapping[str, Any]
) -> tuple[File, ...]:
    header = f"{_MARK} {command}`; change the spec and run it again."
    return tuple(
        File(folder / path, render.text(template, header=header, **values))
        for path, template in listed.items()
    )


def _retrained(spec: Path) -> dict[str, str]:
    """The pipelines that retrain models, by model, of all environments together."""
    found: dict[str, str] = {}
    wrong: list[Problem] = []
    for environment, blueprint in check(spec).items():
        for name, model in _models(blueprint):
            wrong += _retraining_problems(name, model, found, environment)
            found.setdefault(name, model.retrain or "")
    watching = {f"drift_{name}": name for name in found}
    wrong += (
        Problem(
            code="retrain-watching",
            message=f"{pipeline}, which model {name} names to be retrained by, is the pipeline "
            f"that looks for drift of model {watching[pipeline]}",
            path=f"serving.models.{name}.retrain",
            fix=f"Choose another name, such as retrain_{name}.",
        )
        for name, pipeline in found.items()
        if pipeline in watching
    )
    if not found:
        wrong.append(
            Problem(
                code="nothing-to-retrain",
                message=f"no model in {spec} names a pipeline that retrains it",
                fix="Add `retrain: retrain_<model>` to a model in serving.models.",
            )
        )
    if wrong:
        raise UsageError(*wrong)
    return found


def _models(blueprint: Blueprint) -> Iterator[tuple[str, ServedModel]]:
    options = blueprint.choices["serving"].options if "serving" in blueprint.choices else None
    if isinstance(options, ServingOptions):
        yield from ((name, each) for name, each in sorted(options.models.items()) if each.retrain)


def _retraining_problems(
    name: str, model: ServedModel, found: Mapping[str, str], environment: str
) -> Iterator[Problem]:
    """What one file of pipelines for all environments cannot do."""
    path = f"serving.models.{name}.retrain"
    served = f"models:/{name}@champion"
    if model.uri != served:
        yield Problem(
            code="retrain-address",
            message=f"the pipelines train and promote {served}, and {environment} serves "
            f"{model.uri} as {name}",
            path=path.replace("retrain", "uri"),
            fix=f"Write {served}.",
        )
    others = [other for other, pipeline in found.items() if pipeline == model.retrain]
    if name in found and found[name] != model.retrain:
        yield Problem(
            code="retrain-twice",
            message=f"model {name} is retrained by {found[name]} in one environment and by "
            f"{model.retrain} in {environment}",
            path=path,
            fix="Name one pipeline for all environments.",
        )
    elif others not in ([], [name]):
        yield Problem(
            code="retrain-shared",
            message=f"models {others[0]} and {name} name the same pipeline, {model.retrain}",
            path=path,
            fix="Give each a name of its own.",
        )


def write(found: tuple[File, ...]) -> None:
    """Writes files, all or none.

    Raises:
        UsageError: One is there already, and somebody else wrote it.
    """
    foreign = [file.path for file in found if file.state == "foreign"]
    if foreign:
        raise UsageError(
            *(
                Problem(
                    code="file-not-ours",
                    message=f"{path} is there already, and Plinth has not written it",
                    fix="Move it away, or write to another folder with --output and merge by hand.",
                )
                for path in foreign
            )
        )
    for file in found:
        if file.state != "same":
            file.path.parent.mkdir(parents=True, exist_ok=True)
            file.path.write_text(file.text, encoding="utf-8")


def _values(spec: Path, top: Path, branch: str) -> dict[str, Any]:
    found = targets_of(spec)
    waves = [[found[name] for name in wave] for wave in waves_of(spec, found)]
    clouds = sorted({target.cloud for target in found.values()})
    release = version("plinth")
    name = next(iter(found.values())).platform
    relative = Path(os.path.relpath(spec.absolute(), top))
    return {
        "actions": {name: f"{name}@{commit} # {tag}" for name, (commit, tag) in _ACTIONS.items()},
        "branch": branch,
        "clouds": clouds,
        "cron": _cron(name),
        "folder": relative.parent.as_posix(),
        "name": name,
        "package": f"plinth[{','.join(clouds)}]=={release}",
        "python": "3.12",
        "runner": "ubuntu-24.04",
        "spec": shlex.quote(relative.as_posix()),
        "targets": list(found.values()),
        "version": release,
        "waves": waves,
    }


def _cron(name: str) -> str:
    """Some minute between three and four at night: not everybody's, and always the same one."""
    return f"{sum(name.encode()) % 60} 3 * * *"
