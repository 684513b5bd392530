"""Plain data that remembers where it was written: the tree under a spec document."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from plinth.errors import Location

#: Where a value is inside a document: keys and list positions from the top.
Path = tuple[str | int, ...]

_BOOLEANS = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_INT = re.compile(r"[-+]?(0|[1-9][0-9_]{0,38})|0x[0-9a-fA-F_]{1,32}|0b[01_]{1,128}")
_FLOAT = re.compile(r"[-+]?([0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)([eE][-+][0-9]{1,2})?")


@dataclass(frozen=True, slots=True)
class Node:
    """One value of a document.

    Attributes:
        value: Plain data: dict, list, str, int, float, bool or None.
        location: Where it starts.
        written: An unquoted scalar exactly as it stands in the file, else None.
        children: The values inside, by key or list position.
        keys: Where each key of a mapping stands.
        size: How many values it stands for, itself included, with aliases expanded.
    """

    value: Any
    location: Location
    written: str | None = None
    children: dict[str | int, Node] = field(default_factory=dict)
    keys: dict[str, Location] = field(default_factory=dict)
    size: int = 1

    @classmethod
    def of(
        cls,
        value: Any,
        where: Location,
        children: dict[str | int, Node],
        keys: dict[str, Location] | None = None,
    ) -> Node:
        """A list or mapping with what is inside it."""
        size = 1 + sum(child.size for child in children.values())
        return cls(value, where, None, children, keys or {}, size)

    def step(self, path: Path) -> tuple[Node, Path]:
        """Follows ``path`` as far as it exists; returns the node reached and what is left."""
        node = self
        for depth, part in enumerate(path):
            child = node.children.get(part)
            if child is None:
                return node, path[depth:]
            node = child
        return node, ()


def place(root: Node, path: Path, *, key: bool) -> Location:
    """Where the value (or key) at ``path`` below ``root`` is; else of its nearest ancestor."""
    node, rest = root.step(path)
    found = path[: len(path) - len(rest)]
    if found and (key or rest):
        holder, _ = root.step(found[:-1])
        return holder.keys.get(str(found[-1]), node.location)
    return node.location


def plain(text: str) -> Any:
    """What an unquoted scalar means: None, a switch, a number, or else the text itself."""
    if text in _NULLS:
        return None
    if text in (lower := text.lower(), lower.capitalize(), text.upper()) and lower in _BOOLEANS:
        return _BOOLEANS[lower]
    if _INT.fullmatch(text):
        return int(text.replace("_", ""), 0)
    if _FLOAT.fullmatch(text):
        return float(text.replace("_", ""))
    return text
