"""The files of a new project: what they say, and writing all of them or none."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from plinth import registry, render
from plinth.errors import PlinthError, Problem, UsageError
from plinth.ports import Port
from plinth.scaffold.answers import ENVIRONMENTS, SPEC, Answers, to_be_filled_in
from plinth.spec.models import CAPABILITIES

GITIGNORE: Final = ".gitignore"
STACKS: Final = "stacks"
_DESCRIPTION: Final = "An MLOps platform from one declarative spec, stacks/platform.yaml"

#: What each capability is, and what its block may say, for comments.
_SUGGESTED: Final = {
    "artifacts": ("buckets for models, datasets and logs", ""),
    "monitoring": (
        "metrics, dashboards, alerts to the owner",
        "{alerts: {email: [ml-oncall@example.com]}}",
    ),
    "tracking": ("experiments and the model registry", ""),
    "orchestration": (
        "pipelines",
        "{dags: {repository: https://example.com/ml/dags.git, branch: main}}",
    ),
    "features": (
        "feature store",
        "{repository: {repository: https://example.com/ml/features.git}}",
    ),
    "serving": (
        "an endpoint for each model",
        '{models: {churn: {uri: "models:/churn@champion", framework: sklearn}}}',
    ),
}


class NotWrittenError(PlinthError):
    """The files could not be written; those that were there before are as they were."""


def of(answers: Answers) -> dict[str, str]:
    """The files of a project, by path, from answers to all questions."""
    told = answers.completed(Answers(name="", region="", domain="", mail="", capabilities=()))
    assert told.name is not None  # noqa: S101 - for type checkers
    return {SPEC: spec_text(told), **around(told.name, told.info.extra, ENVIRONMENTS)}


def around(name: str, extra: str, environments: Iterable[str]) -> dict[str, str]:
    """What a project has beside its spec."""
    made = {
        "Pulumi.yaml": render.text(
            "init/Pulumi.yaml.j2", name=name, extra=extra, description=_description(name)
        ),
        GITIGNORE: render.text("init/gitignore.j2"),
        f"{STACKS}/__main__.py": render.text("init/__main__.py.j2"),
    }
    for environment in environments:
        text = render.text("init/stack.yaml.j2", environment=environment)
        made[f"{STACKS}/Pulumi.{environment}.yaml"] = text
    return made


def pulumi_template(cloud: str) -> dict[str, str]:
    """The same files for ``pulumi new``, which asks for a name; the rest is to be filled in.

    Format of the section ``template``: ``ProjectTemplate`` in the Pulumi SDK's
    ``workspace/project.go``; what is replaced is ``${PROJECT}`` and ``${DESCRIPTION}``.
    """
    files = {path: _named(text) for path, text in of(to_be_filled_in(cloud)).items()}
    info = registry.cloud(cloud)
    files["Pulumi.yaml"] += render.text(
        "init/pulumi_template.yaml.j2", title=info.title, extra=info.extra
    )
    return files


def _named(text: str) -> str:
    """Text in which ``pulumi new`` puts the name so that it stands there as everywhere else.

    A name that is fit for a spec needs no quotes. In YAML files it is put in as a document of its
    own, with a line's end.
    """
    return text.replace('"${PROJECT}"\n\n', "${PROJECT}\n").replace('"${PROJECT}"', "${PROJECT}")


def environments_of(files: Mapping[str, str]) -> list[str]:
    """The environments whose stack settings are among the files."""
    names = [Path(path).name for path in files if Path(path).parent == Path(STACKS)]
    return [name.split(".")[1] for name in names if name.startswith("Pulumi.")]


def _description(name: str) -> str:
    return "${DESCRIPTION}" if name == "${PROJECT}" else _DESCRIPTION


def spec_text(answers: Answers) -> str:
    """The spec, with comments that say why and what else there is."""
    info = answers.info
    budget = answers.budget or ""
    return render.text(
        "init/platform.yaml.j2",
        name=answers.name,
        owner=answers.owner,
        cost_center=answers.cost_center,
        budget=budget if budget.replace(".", "", 1).isdecimal() else render.scalar(budget),
        cloud=info.name,
        others=[name for name in registry.cloud_names() if name != info.name],
        region=answers.region if info.regions else "",
        domain=answers.domain,
        mail=answers.mail if "mail" in info.options.model_fields else "",
        terms=info.terms,
        capabilities=[(name, *_SUGGESTED[name]) for name in CAPABILITIES],
        chosen=answers.capabilities or (),
        nodes=Port.NODES in info.ports,
        network=Port.NETWORK in info.ports,
        environments=[
            {
                "name": name,
                "durable": durable,
                "place": _nested(info.terms.at, answers.places.get(name)),
                "example": _nested(info.terms.at, info.terms.example),
            }
            for name, durable in ENVIRONMENTS.items()
        ],
    )


def _nested(path: tuple[str, ...], value: str | None) -> str:
    """``a: {b: value}`` for the path a, b; empty without a value."""
    if not value:
        return ""
    text = render.scalar(value)
    for key in reversed(path[1:]):
        text = f"{{{key}: {text}}}"
    return f"{path[0]}: {text}"


# --- writing --------------------------------------------------------------------------------------


def write(folder: Path, files: Mapping[str, str], *, force: bool = False) -> tuple[str, ...]:
    """Writes all files below a folder, or none.

    Files that say the same already are left alone, and so is a ``.gitignore`` with every line that
    is needed.

    Args:
        folder: The project's folder; made when it is not there.
        files: Text by path.
        force: Replace files that are in the way; nothing else is touched.

    Returns:
        The paths that were written.

    Raises:
        UsageError: Files are in the way; all are listed.
        NotWrittenError: The operating system refused; nothing has changed.
    """
    wanted = {path: text for path, text in files.items() if not _said(folder / path, text)}
    _refuse_occupied(folder, wanted, force=force)
    try:
        _place_all(folder, wanted)
    except OSError as error:
        raise NotWrittenError(
            Problem(
                code="not-written",
                message=f"{error.filename or folder} cannot be written: {error.strerror or error}",
                fix="Make sure that you may write there and that the disk has room. Nothing has "
                "changed.",
            )
        ) from error
    return tuple(wanted)


def _said(path: Path, text: str) -> bool:
    """Whether a file says the same already."""
    try:
        present = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    if path.name == GITIGNORE:
        return set(text.splitlines()) <= set(present.splitlines())
    return present == text


def _refuse_occupied(folder: Path, files: Mapping[str, str], *, force: bool) -> None:
    """Refuses to write over anything but, with ``force``, ordinary files of the same name.

    What is not a folder and would have to be one is in the way as well, and stays.
    """
    parents = {each for path in (folder, *map(folder.joinpath, files)) for each in path.parents}
    walls = {path for path in {folder, *parents} if os.path.lexists(path) and not path.is_dir()}
    found = {path for path in map(folder.joinpath, files) if os.path.lexists(path)}
    immovable = walls | {path for path in found if path.is_dir()}
    if not immovable and (force or not found):
        return
    listed = ", ".join(sorted(map(str, immovable if force else walls | found)))
    fix = "Add --force to replace them, or name another folder."
    if folder / GITIGNORE in found:
        lines = ", ".join(files[GITIGNORE].split())
        fix += f" A {GITIGNORE} with the lines {lines} may stay."
    if immovable:
        fix = "Name another folder, or move them away: --force replaces ordinary files alone."
    raise UsageError(
        Problem(code="in-the-way", message=f"these are there already: {listed}", fix=fix)
    )


def _place_all(folder: Path, files: Mapping[str, str]) -> None:
    """Puts files in place, each in one step, and takes everything back when one cannot be."""
    with ExitStack() as undo:
        _make(folder, undo)
        with (
            tempfile.TemporaryDirectory(prefix=".plinth-init-", dir=folder) as name,
            ExitStack() as undo_files,
        ):
            _exchange(folder, files, Path(name), undo_files)
            undo_files.pop_all()
        undo.pop_all()


def _exchange(folder: Path, files: Mapping[str, str], aside: Path, undo: ExitStack) -> None:
    for index, text in enumerate(files.values()):
        (aside / f"{index}.new").write_text(text, encoding="utf-8")
    for index, path in enumerate(map(folder.joinpath, files)):
        _make(path.parent, undo)
        if os.path.lexists(path):
            old = aside / f"{index}.old"
            path.replace(old)
            undo.callback(old.replace, path)
        else:
            undo.callback(path.unlink, missing_ok=True)
        (aside / f"{index}.new").replace(path)


def _make(folder: Path, undo: ExitStack) -> None:
    if not folder.is_dir():
        _make(folder.parent, undo)
        folder.mkdir()
        undo.callback(folder.rmdir)
