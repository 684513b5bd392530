"""Labels on Google Cloud."""

from __future__ import annotations

from typing import Any, Final

from plinth.graph import Resource
from plinth.naming import gcp_label
from plinth_policies.model import Scope
from plinth_policies.tags.reading import Dialect, default_tags, mapping_at, untagged_types

#: Types, or starts of types, that keep their labels elsewhere than in ``labels``.
PLACES: Final = {
    "gcp:container/cluster:Cluster": "resourceLabels",
    "gcp:monitoring/": "userLabels",
    "gcp:sql/databaseInstance:DatabaseInstance": "settings.userLabels",
}

#: Places to which the provider adds no default labels: their types have no ``pulumiLabels``.
_OWN_ALONE: Final = ("userLabels", "settings.userLabels")


def _place(resource: Resource) -> str:
    return next((p for start, p in PLACES.items() if resource.type.startswith(start)), "labels")


def _read(resource: Resource, scope: Scope) -> dict[str, Any] | None:
    if resource.type in untagged_types("gcp"):
        return None
    place = _place(resource)
    own = mapping_at(resource, place)
    if place in _OWN_ALONE:
        return own
    return {**default_tags(scope.provider_of(resource), "defaultLabels"), **own}


GCP: Final = Dialect(noun="labels", read=_read, place=_place, spell=gcp_label)
