"""The one family of errors that Plinth raises.

Every error is data: a stable code, a sentence, where it happened, what is allowed and how to
mend it.  The command line renders them; ``--json`` hands the same fields to machines.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from plinth.engine.changes import Outcome

#: How alike two words must be for one to be offered instead of the other, in percent.
_ALIKE: Final = 60.0


@dataclass(frozen=True, slots=True)
class Location:
    """A place in a text file. ``line`` and ``column`` count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong, with all that a person needs to mend it.

    Attributes:
        code: Stable identifier in kebab case, such as ``unknown-key``.
        message: What is wrong, one sentence without a trailing period.
        location: Where in a file, when it is in one.
        path: Dotted path of the value inside the spec, such as ``network.cidr``.
        allowed: The values or keys that would be accepted, when they can be listed.
        nearest: The allowed value closest to what was written.
        fix: What to do, one sentence.
        environment: The environment in which it shows, when it does not show in all of them.
    """

    code: str
    message: str
    location: Location | None = None
    path: str | None = None
    allowed: tuple[str, ...] = ()
    nearest: str | None = None
    fix: str | None = None
    environment: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The problem as plain JSON data, without empty fields."""
        return {key: value for key, value in asdict(self).items() if value not in (None, ())}

    @property
    def in_full(self) -> str:
        """The problem and what to do about it, where there is one line for both."""
        return f"{self}. {self.fix}" if self.fix else f"{self}."

    def __str__(self) -> str:
        return f"{self.location}: {self.message}" if self.location else self.message


class PlinthError(Exception):
    """Something that a person can mend; carries one or more :class:`Problem`.

    ``exit_code`` follows the contract of the command line: 1 the operation failed, 2 bad usage or
    bad spec, 3 policy violation, 4 changes found where none were allowed.
    """

    exit_code = 1
    #: What an operation had found out before it failed, where it had.
    outcome: Outcome | None = None

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class SpecError(PlinthError):
    """The spec cannot be used; every problem found in one run is listed."""

    exit_code = 2


class UsageError(PlinthError):
    """A command was called in a way that cannot work."""

    exit_code = 2


class EngineError(PlinthError):
    """The Pulumi engine is missing, refused to start, or failed."""


class PolicyError(PlinthError):
    """A mandatory policy was violated."""

    exit_code = 3


def unknown(
    kind: str,
    name: str,
    allowed: Iterable[str],
    *,
    message: str | None = None,
    otherwise: str = "Write one of these.",
    path: str | None = None,
) -> Problem:
    """The problem of a name that names nothing, with the one that was probably meant.

    Args:
        kind: What it should name, such as ``cloud``, which makes the code ``unknown-cloud``.
        name: What was written.
        allowed: The names that there are.
        message: What is wrong. Default: that there is none of this kind and name.
        otherwise: What to do where no name is alike.
        path: Dotted path of the name in the spec.
    """
    allowed = tuple(allowed)
    close = nearest(name, allowed)
    return Problem(
        code=f"unknown-{kind.replace(' ', '-')}",
        message=message or f"there is no {kind} '{name}'",
        path=path,
        allowed=allowed,
        nearest=close,
        fix=f"Write {close}." if close else otherwise,
    )


def nearest(name: str, allowed: Iterable[str]) -> str | None:
    """The allowed word most like ``name``, if any is alike."""
    from rapidfuzz import fuzz, process  # costs 40 ms; only mistakes need it

    def fold(word: str) -> str:
        return word.lower().replace("_", "-")

    best = process.extractOne(
        name, list(allowed), scorer=fuzz.ratio, processor=fold, score_cutoff=_ALIKE
    )
    return best[0] if best else None
