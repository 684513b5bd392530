"""Adding tags that are missing, where an environment says what they must be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from plinth.graph import Resource, capability_of
from plinth_policies.model import Scope
from plinth_policies.tags.reading import Dialect, mapping_at
from plinth_policies.values import put

#: Tag -> the parameter that has its value.
_PARAMETERS: Final = {
    "platform": "platform",
    "environment": "environment",
    "owner": "owner",
    "cost-center": "cost_center",
}
_MANAGED_BY: Final = "plinth"


def with_tags(
    resource: Resource, scope: Scope, dialect: Dialect, required: tuple[str, ...]
) -> Mapping[str, Any] | None:
    """The inputs with every required tag; ``None`` when the value of one is not known."""
    place = dialect.place(resource)
    tags = dialect.read(resource, scope)
    if place is None or tags is None:
        return None
    spell = dialect.spell or str
    missing = {key: spell(_value(key, resource, scope)) for key in required if not tags.get(key)}
    if not all(missing.values()):
        return None
    return put(resource.inputs, place, {**mapping_at(resource, place), **missing})


def _value(key: str, resource: Resource, scope: Scope) -> str:
    if key == "capability":
        return capability_of(resource.urn)
    if key == "managed-by":
        return _MANAGED_BY
    return str(getattr(scope.parameters, _PARAMETERS[key])) if key in _PARAMETERS else ""
