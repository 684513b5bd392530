"""Specs as they are in the working tree, and as they were at a revision in Git.

A revision is read with everything that decides what its spec becomes: the versions recorded beside
it and the project's name.  Nothing is checked out, nothing is written.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from plinth import planning, program, versions
from plinth.blueprint import Blueprint, resolve
from plinth.errors import Problem, SpecError, UsageError, unknown
from plinth.spec.document import Document, load, parse
from plinth.spec.overlay import environment_names

Recorded = Callable[[str], Mapping[str, Any] | None]


@dataclass(frozen=True, kw_only=True)
class Version:
    """One version of a spec.

    Attributes:
        label: What it is called: a revision, or the spec's file.
        document: The spec.
        project: The Pulumi project that it belongs to.
        recorded: Gives the pins that are recorded for an environment.
        commit: The commit that it is of; ``None`` for the working tree.
    """

    label: str
    document: Document
    project: str
    recorded: Recorded
    commit: str | None = None

    @cached_property
    def environments(self) -> tuple[str, ...]:
        """The environments of it.

        Raises:
            SpecError: They cannot be used.
        """
        return environment_names(self.document)

    def blueprint(self, environment: str, *, cloud: str | None = None) -> Blueprint:
        """One environment, resolved.

        Raises:
            SpecError: When the spec has problems.
        """
        return resolve(self.document, environment, cloud=cloud, recorded=self.recorded(environment))

    def plan(self, environment: str, *, cloud: str | None = None) -> planning.Plan:
        """One environment, planned.

        Raises:
            SpecError: When the spec has problems.
        """
        return planning.planned(self.blueprint(environment, cloud=cloud), self.project)


def working(spec: Path) -> Version:
    """The spec as it is in a file.

    Raises:
        SpecError: When it cannot be read.
    """
    return Version(
        label=str(spec),
        document=load(spec),
        project=planning.project_of(spec),
        recorded=lambda environment: program.recorded_versions(spec.parent, environment),
    )


def at(spec: Path, revision: str, *, branched: bool = False) -> Version:
    """The spec as it was at a revision.

    Args:
        spec: Where it is in the working tree.
        revision: A commit, or a name of one.
        branched: Take, where the two have gone on separately since, the last commit that the
            working tree has in common with the revision, as pull requests do.

    Raises:
        UsageError: There is no Git, no repository, no such revision, or no spec in it.
        SpecError: The spec could not be read then.
    """
    repository = Repository(spec.parent)
    commit = repository.commit(revision)
    if branched:
        commit = repository.common(commit) or commit
    name = f"{repository.prefix}{spec.name}"
    content = repository.read(commit, name)
    if content is None:
        raise UsageError(
            Problem(
                code="spec-missing-at-revision",
                message=f"there is no {name} at {revision} ({commit[:8]})",
                fix="Name a revision that has it, or another file with --spec.",
            )
        )
    document, found = parse(content, f"{revision}:{name}")
    if document is None or found:
        raise SpecError(*found)
    return Version(
        label=revision,
        document=document,
        project=_project(repository, commit, revision),
        recorded=lambda environment: _recorded(repository, commit, environment),
        commit=commit,
    )


def commit_of(spec: Path, revision: str) -> str:
    """The commit that a change of the spec is against, see :func:`at`.

    Raises:
        UsageError: There is no such revision.
    """
    repository = Repository(spec.parent)
    commit = repository.commit(revision)
    return repository.common(commit) or commit


def head(spec: Path) -> str | None:
    """The commit that the working tree of a spec is at; ``None`` outside of a repository."""
    try:
        return Repository(spec.parent).commit("HEAD")
    except UsageError:
        return None


def default_base(spec: Path) -> str:
    """What the working tree is compared with when nothing is named: the remote's main branch.

    Without a remote, the last commit.
    """
    found = Repository(spec.parent).ask("rev-parse", "--abbrev-ref", "origin/HEAD")
    return found or "HEAD"


def _recorded(repository: Repository, commit: str, environment: str) -> Mapping[str, Any] | None:
    name = program.lock_file(Path(), environment).name
    content = repository.read(commit, f"{repository.prefix}{name}")
    return versions.recorded(content.decode(), f"{commit[:8]}:{name}") if content else None


def _project(repository: Repository, commit: str, revision: str) -> str:
    """The project's name, as :func:`plinth.planning.project_of` finds it."""
    folder = PurePosixPath(repository.prefix)
    for above in (folder, *folder.parents):
        content = repository.read(commit, str(above / "Pulumi.yaml"))
        if content is None:
            continue
        try:
            return str(yaml.safe_load(content)["name"])
        except (yaml.YAMLError, KeyError, TypeError):
            raise UsageError(
                Problem(
                    code="project-broken",
                    message=f"{above / 'Pulumi.yaml'} names no project at {revision}",
                )
            ) from None
    return program.PROJECT


class Repository:
    """The repository that a folder is in.

    Raises:
        UsageError: There is no Git, or no repository; so does every method.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        done = self._git("rev-parse", "--show-prefix")
        if done.returncode:
            raise UsageError(self._unusable(done.stderr.decode(errors="replace")))
        #: Where the folder is in the repository, with a slash at its end.
        self.prefix = done.stdout.decode().strip()

    def commit(self, revision: str) -> str:
        """The commit behind a revision.

        Raises:
            UsageError: There is none.
        """
        found = not revision.startswith("-") and self.ask(
            "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}"
        )
        if not found:
            raise UsageError(self._unknown(revision))
        return found

    def common(self, commit: str) -> str | None:
        """The last commit that another one and the working tree's have in common, if known."""
        return self.ask("merge-base", commit, "HEAD")

    def read(self, commit: str, path: str) -> bytes | None:
        """What a file held at a commit; ``None`` where it was not there."""
        done = self._git("cat-file", "blob", f"{commit}:{path}")
        return None if done.returncode else done.stdout

    def ask(self, *words: str) -> str | None:
        """What Git answers; ``None`` when it refuses or has nothing to say."""
        done = self._git(*words)
        return None if done.returncode else done.stdout.decode(errors="replace").strip() or None

    def _git(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        try:
            return subprocess.run(  # noqa: S603 - Git itself, and no shell
                ["git", *words],  # noqa: S607 - the one on PATH
                cwd=self.folder,
                capture_output=True,
                check=False,
            )
        except FileNotFoundError as error:
            if not self.folder.is_dir():
                raise UsageError(self._unusable("")) from error
            raise UsageError(
                Problem(
                    code="git-missing",
                    message="revisions are read with Git, and there is no `git` here",
                    fix="Install Git.",
                )
            ) from error

    def _unusable(self, said: str) -> Problem:
        place = self.folder.absolute()
        if "dubious ownership" in said:
            return Problem(
                code="repository-distrusted",
                message=f"Git does not trust {place}: it belongs to another user",
                fix="Run `git config --global --add safe.directory` with the repository's folder.",
            )
        return Problem(
            code="not-a-repository",
            message=f"{place} is in no Git repository, so it has no revisions",
            fix="Run this in a clone, or compare environments or spec files.",
        )

    def _unknown(self, revision: str) -> Problem:
        if self.ask("rev-parse", "--is-shallow-repository") == "true":
            branch = revision.removeprefix("origin/")
            return Problem(
                code="shallow-clone",
                message=f"this clone is shallow and does not reach {revision}",
                fix=f"Fetch it first: git fetch --depth=1 origin {branch}:refs/remotes/origin/"
                f"{branch}; or clone with full history.",
            )
        listed = self.ask("for-each-ref", "--format=%(refname:short)") or ""
        names = tuple(listed.split())
        return unknown(
            "revision",
            revision,
            names,
            message=f"there is no revision '{revision}' here",
            otherwise="Name a branch, a tag or a commit; or fetch it.",
        )
