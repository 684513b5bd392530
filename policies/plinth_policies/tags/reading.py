"""How a cloud carries tags: where they are, and how it spells them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from plinth.graph import Resource
from plinth_policies.model import Scope
from plinth_policies.values import get, known


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """How the resources of one provider package carry tags.

    Attributes:
        noun: What the cloud calls them.
        read: The tags that a resource ends up with; ``None`` when its type takes none.
        place: Dotted path of the input that holds a resource's own, as a mapping; ``None`` when
            they are kept in another way.
        spell: A value as the cloud can write it; ``None`` when it can write any.
    """

    noun: str
    read: Callable[[Resource, Scope], dict[str, Any] | None]
    place: Callable[[Resource], str | None]
    spell: Callable[[str], str] | None = None


@cache
def untagged_types(package: str) -> frozenset[str]:
    """Type tokens of a provider package that take no tags."""
    text = (files(__package__) / "untagged" / f"{package}.txt").read_text(encoding="utf-8")
    return frozenset(f"{package}:{line}" for line in text.split())


def mapping_at(resource: Resource, dotted: str) -> dict[str, Any]:
    """The tags at a path of the inputs; none when there are none.

    Raises:
        UnjudgeableError: They are unknown or secret.
    """
    return dict(known(get(resource.inputs, dotted), dotted) or {})


def default_tags(provider: Resource | None, dotted: str) -> Mapping[str, Any]:
    """What a provider adds to everything it makes, at a path of its configuration.

    Raises:
        UnjudgeableError: It is unknown or secret.
    """
    first, *rest = dotted.split(".")
    block = known(provider.inputs.get(first), first) if provider else None
    if isinstance(block, str):  # providers get nested configuration as JSON text
        block = json.loads(block)
    return known(get(block or {}, ".".join(rest)) if rest else block, dotted) or {}
