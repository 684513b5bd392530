"""Tags on Azure, whose provider adds none of its own."""

from __future__ import annotations

from typing import Any, Final

from plinth.graph import Resource
from plinth_policies.model import Scope, kind_of
from plinth_policies.tags.reading import Dialect, mapping_at, untagged_types


def _read(resource: Resource, _scope: Scope) -> dict[str, Any] | None:
    if kind_of(resource.type) in untagged_types("azure-native"):
        return None
    return mapping_at(resource, "tags")


AZURE: Final = Dialect(noun="tags", read=_read, place=lambda _resource: "tags")
