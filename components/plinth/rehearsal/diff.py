"""What changes between two sets of inputs, and which changes need a new resource."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from plinth.rehearsal.check import join
from plinth.rehearsal.sdk import Field, Sdk

Path: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One property that differs."""

    path: Path
    kind: Literal["add", "delete", "update"]

    def __str__(self) -> str:
        text = ""
        for key in self.path:
            text = join(text, key)
        return text


def changes(old: Any, new: Any, path: Path = ()) -> Iterator[Change]:
    """Every leaf that differs. An absent property and a ``None`` are the same thing."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in [*old, *(k for k in new if k not in old)]:
            if not str(key).startswith("__"):
                yield from _entry(old.get(key), new.get(key), (*path, key))
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            here, before = (*path, index), old[index] if index < len(old) else None
            yield from _entry(before, new[index] if index < len(new) else None, here)
    elif not _same(old, new):
        yield Change(path, "update")


def _entry(old: Any, new: Any, path: Path) -> Iterator[Change]:
    if old is None or new is None:
        if old is not new:
            yield Change(path, "add" if old is None else "delete")
    else:
        yield from changes(old, new, path)


def _same(old: Any, new: Any) -> bool:
    """Equal, or equal once written out: Terraform keeps ``8080`` and ``"8080"`` alike."""
    if isinstance(old, (Mapping, list)) or isinstance(new, (Mapping, list)):
        return bool(old == new)
    return old == new or _text(old) == _text(new)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def matches(path: Path, pattern: str) -> bool:
    """Whether a path lies at or below a pattern such as ``spec.containers[*].image``."""
    wanted = [key for key in re.split(r"\.|(\[\*\])", pattern) if key]
    if len(path) < len(wanted):
        return False
    pairs = zip(path, wanted, strict=False)
    return all(isinstance(k, int) if want == "[*]" else str(k) == want for k, want in pairs)


def documented_replace(path: Path, fields: Mapping[str, Field], sdk: Sdk) -> bool:
    """Whether the SDK documents, anywhere along the path, that a change makes a new resource."""
    known: Mapping[str, Field] = fields
    for key in path:
        if isinstance(key, int):
            continue
        if key not in known:
            return False
        if known[key].replaces:
            return True
        type_ = known[key].type
        type_ = type_.items or type_
        known = sdk.fields(type_.objects[0]) if type_.objects else {}
    return False
