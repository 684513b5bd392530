"""Do these inputs fit the type?  The answer a provider's ``Check`` gives, as plain data."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from plinth.errors import nearest
from plinth.graph import UNKNOWN
from plinth.rehearsal.sdk import Field, Sdk, Type

_NUMBER: Final = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")


@dataclass(frozen=True, slots=True)
class Failure:
    """One place that the provider would refuse.

    Attributes:
        path: Property path such as ``spec.template.spec.containers[0].image``.
        reason: What is wrong there, one sentence that names the place.
    """

    path: str
    reason: str


def join(path: str, key: str | int) -> str:
    """A property path one step longer, in Pulumi's notation (``a.b[0]["c.d"]``)."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    if not re.fullmatch(r"[A-Za-z_$][\w$]*", key):
        return f'{path}["{key}"]'
    return f"{path}.{key}" if path else key


@dataclass(frozen=True, slots=True)
class Checker:
    """Checks values against the types of one SDK.

    Attributes:
        sdk: Where nested types are looked up.
        lenient: Whether text, numbers and booleans turn into one another, as they do in providers
            bridged from Terraform; a Kubernetes API server refuses that.
        closed: Whether a text has to be one of the values that the SDK names, where it names some
            and says that they are not all.
        open: The enumerations for which it does not.
    """

    sdk: Sdk
    lenient: bool
    closed: bool = False
    open: frozenset[str] = frozenset()

    def fields(
        self, value: Mapping[str, Any], fields: Mapping[str, Field], path: str = ""
    ) -> Iterator[Failure]:
        """What is wrong with an object: unknown, missing and ill-typed properties."""
        for key, item in value.items():
            if key.startswith("__"):
                continue
            here = join(path, key)
            if key in fields:
                yield from self.value(item, fields[key].type, here)
                yield from _unlisted(item, self._listed(fields[key]), here)
            else:
                yield Failure(here, f"{here} is not a known property{_nearest(key, fields)}")
        for key, known in fields.items():
            if known.required and value.get(key) is None:
                here = join(path, key)
                yield Failure(here, f"{here} is required and missing")

    def _listed(self, known: Field) -> tuple[str, ...]:
        """The values of a text that may be others as well, as far as its type goes."""
        type_ = known.type.items or known.type
        closed = self.closed and type_.enumeration not in self.open
        named = closed and type_.scalars == {"string"} and type_.values
        return named or known.values

    def value(self, value: Any, type_: Type, path: str) -> Iterator[Failure]:
        """What is wrong with one value; unknown and absent values fit everything."""
        if value is None or value == UNKNOWN or "any" in type_.scalars:
            return
        if isinstance(value, Mapping):
            yield from self._mapping(value, type_, path)
        elif isinstance(value, Sequence) and not isinstance(value, str):
            if type_.items is None:
                yield _misfit(value, type_, path)
            else:
                for index, item in enumerate(value):
                    yield from self.value(item, type_.items, join(path, index))
        elif type_.values and not type_.scalars:
            yield from _unlisted(str(value), type_.values, path)
        elif not any(self._fits(value, scalar) for scalar in type_.scalars):
            yield _misfit(value, type_, path)

    def _mapping(self, value: Mapping[str, Any], type_: Type, path: str) -> Iterator[Failure]:
        if type_.objects:
            tries = [list(self.fields(value, self.sdk.fields(o), path)) for o in type_.objects]
            yield from min(tries, key=len)
        elif type_.entries is not None:
            for key, item in value.items():
                yield from self.value(item, type_.entries, join(path, key))
        else:
            yield _misfit(value, type_, path)

    def _fits(self, value: Any, scalar: str) -> bool:
        if scalar == "string":
            return self.lenient or isinstance(value, str)
        if scalar == "boolean":
            return isinstance(value, bool) or (self.lenient and value in ("true", "false"))
        if isinstance(value, bool):
            return False
        if isinstance(value, str):
            return self.lenient and _NUMBER.fullmatch(value) is not None
        return scalar == "number" or float(value).is_integer()


def _unlisted(value: Any, allowed: tuple[str, ...], path: str) -> Iterator[Failure]:
    """Texts that are not among the allowed ones."""
    given = value if isinstance(value, list) else [value]
    for text in given if allowed else ():
        if isinstance(text, str) and text not in (*allowed, UNKNOWN, ""):
            known, near = ", ".join(allowed), _nearest(text, allowed)
            yield Failure(path, f"{path} is {text!r}, which is not one of {known}{near}")


def _nearest(word: str, known: Mapping[str, Any] | Sequence[str]) -> str:
    near = nearest(word, known)
    return f"; did you mean {near}?" if near else ""


def _misfit(value: Any, type_: Type, path: str) -> Failure:
    shown = repr(value) if isinstance(value, (str, int, float)) else _name(value)
    return Failure(path, f"{path} is {shown[:60]}, but must be {describe(type_)}")


def _name(value: Any) -> str:
    return "an object" if isinstance(value, Mapping) else "a list"


def describe(type_: Type) -> str:
    """A type in words, such as ``a list of string``."""
    words = sorted(type_.scalars)
    if type_.items is not None:
        words.append(f"a list of {describe(type_.items).removeprefix('a ')}")
    if type_.entries is not None:
        words.append("a map")
    if type_.objects:
        words.append("an object")
    if type_.values and not type_.scalars:
        words.append("one of " + ", ".join(type_.values))
    return " or ".join(words)
