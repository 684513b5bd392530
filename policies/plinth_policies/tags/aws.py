"""Tags on AWS."""

from __future__ import annotations

from typing import Any, Final

from plinth.graph import Resource
from plinth_policies.model import Scope
from plinth_policies.tags.reading import Dialect, default_tags, mapping_at, untagged_types
from plinth_policies.values import blocks, get, known

#: Takes tags as a list, and none of the provider's (AWS provider, guide on resource tagging).
_SCALING_GROUP: Final = "aws:autoscaling/group:Group"


def _read(resource: Resource, scope: Scope) -> dict[str, Any] | None:
    if resource.type in untagged_types("aws"):
        return None
    if resource.type == _SCALING_GROUP:
        entries = blocks(resource.inputs.get("tags"), "tags")
        return {known(get(e, "key"), "tags"): get(e, "value") for e in entries}
    own = mapping_at(resource, "tags")
    return {**default_tags(scope.provider_of(resource), "defaultTags.tags"), **own}


def _place(resource: Resource) -> str | None:
    return None if resource.type == _SCALING_GROUP else "tags"


AWS: Final = Dialect(noun="tags", read=_read, place=_place)
