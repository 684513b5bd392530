"""What may stand on either side of a comparison: an environment, a revision, or a spec file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from plinth.comparing import Comparison
from plinth.errors import SpecError, UsageError, unknown
from plinth.planning import Plan
from plinth.review import comparing, revisions
from plinth.review.revisions import Version


@dataclass(frozen=True, kw_only=True)
class Side:
    """One side.

    Attributes:
        version: The spec.
        environment: Which environment of it; ``None`` for all.
        cloud: Another cloud than the spec's.
        note: What to say of how the word was understood.
    """

    version: Version
    environment: str | None = None
    cloud: str | None = None
    note: str = ""


def understood(word: str, spec: Path) -> Side:
    """What a word stands for: an environment, ``FILE``, ``FILE:ENV``, a revision, or ``REV:ENV``.

    An environment of the spec comes first.

    Raises:
        UsageError: It is none of them.
        SpecError: A spec cannot be read.
    """
    now = _working(spec)
    if now is not None and word in now.environments:
        return Side(version=now, environment=word, note=_ambiguous(word, spec))
    head, _, tail = word.rpartition(":")
    for file, environment in ((word, None), (head, tail)):
        if file and Path(file).is_file():
            return Side(version=revisions.working(Path(file)), environment=environment)
    try:
        if head:
            return Side(version=revisions.at(spec, head), environment=tail)
        return Side(version=revisions.at(spec, word))
    except UsageError as error:
        if error.problems[0].code not in _NONE:
            raise
        known = (*(now.environments if now else ()), *error.problems[0].allowed)
        message = f"'{word}' is no environment of {spec}, no spec file and no Git revision"
        otherwise = "Name one, as in `plinth diff main dev`."
        raise UsageError(
            unknown("side", word, known, message=message, otherwise=otherwise)
        ) from error


_NONE = frozenset({"git-missing", "not-a-repository", "unknown-revision"})


def _working(spec: Path) -> Version | None:
    """The spec as it is, if there is one: files and revisions can be compared without."""
    try:
        return revisions.working(spec)
    except SpecError as error:
        if error.problems[0].code != "file-missing":
            raise
        return None


def _ambiguous(word: str, spec: Path) -> str:
    try:
        revisions.Repository(spec.parent).commit(word)
    except UsageError:
        return ""
    return f"{word} is taken for the environment; write refs/heads/{word} for the branch"


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """The environments that are compared, and those that only one side has."""

    both: tuple[tuple[Side, Side], ...]
    only_left: tuple[str, ...] = ()
    only_right: tuple[str, ...] = ()


def paired(left: Side, right: Side) -> Pairs:
    """Matches the environments of two sides; one that names none takes the other's.

    Raises:
        SpecError: The environments of a spec cannot be used.
    """
    if left.environment or right.environment:
        one = left.environment or right.environment
        other = right.environment or left.environment
        return Pairs(both=((replace(left, environment=one), replace(right, environment=other)),))
    here, there = left.version.environments, right.version.environments
    return Pairs(
        both=tuple(
            (replace(left, environment=name), replace(right, environment=name))
            for name in there
            if name in here
        ),
        only_left=tuple(name for name in here if name not in there),
        only_right=tuple(name for name in there if name not in here),
    )


def compared(pairs: Pairs) -> Iterator[Comparison]:
    """Plans and compares each pair.

    Raises:
        SpecError: A spec has problems.
    """
    for left, right in pairs.both:
        one, other = _plan(left), _plan(right)
        changes = None
        if left.environment == right.environment and left.cloud == right.cloud:
            stateful = comparing.stateful_on(one.blueprint.cloud, other.blueprint.cloud)
            changes = comparing.compare(one.graph, other.graph, stateful)
        yield Comparison(one, other, changes)


def _plan(side: Side) -> Plan:
    return side.version.plan(side.environment or "", cloud=side.cloud)
