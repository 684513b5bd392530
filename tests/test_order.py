"""What has to be there first is waited for; the engine makes in any order what is not told to."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from example import ON_CLUSTERS, Example
from plinth.graph import Resource
from plinth.planning import Plan

_NAMESPACE = "kubernetes:core/v1:Namespace"
_RELEASE = "kubernetes:helm.sh/v3:Release"


@pytest.mark.parametrize("example", ON_CLUSTERS, ids=str)
def test_objects_wait_for_their_namespace(
    example: Example, plan: Callable[[Example], Plan]
) -> None:
    known = {resource.urn: resource for resource in plan(example).graph}
    spaces = {
        resource.inputs["metadata"]["name"]: resource.urn
        for resource in known.values()
        if resource.type == _NAMESPACE
    }
    assert spaces
    early = [
        f"{resource.name} in {space}"
        for resource in known.values()
        for space in [_space(resource)]
        if space in spaces and spaces[space] not in _awaited(resource, known)
    ]
    assert not early


def _space(resource: Resource) -> str | None:
    """The namespace that an object is in, if it is one."""
    if not resource.type.startswith("kubernetes:"):
        return None
    where = resource.inputs if resource.type == _RELEASE else resource.inputs.get("metadata", {})
    return where.get("namespace")


def _awaited(resource: Resource, known: Mapping[str, Resource]) -> set[str]:
    """Everything that is made before a resource, whatever the engine's pace."""
    found: set[str] = set()
    ahead = [resource]
    while ahead:
        for urn in set(ahead.pop().dependencies) - found:
            found.add(urn)
            if urn in known:
                ahead.append(known[urn])
    return found
