"""Tags and labels: who owns a resource, what it is for and who pays.

A provider may add default tags; they count as the resource's own.  Which AWS types take no tags
is a list made from the SDK, so that a type nobody has heard of is asked for its tags.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

from plinth.graph import Resource
from plinth_policies.model import REGISTRY, Scope
from plinth_policies.values import blocks, get, known

#: Takes tags as a list, and none of the provider's (AWS provider, guide on resource tagging).
_SCALING_GROUP: Final = "aws:autoscaling/group:Group"

_ADDRESS: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")

_WORKLOADS: Final = (
    "kubernetes:core/v1:Namespace",
    "kubernetes:apps/v1:Deployment",
    "kubernetes:apps/v1:StatefulSet",
    "kubernetes:apps/v1:DaemonSet",
    "kubernetes:batch/v1:Job",
    "kubernetes:batch/v1:CronJob",
)

_TAGGED: Final = {"aws:*": ("tags",)}
_LABELLED: Final = dict.fromkeys(_WORKLOADS, ("metadata.labels",))


@cache
def untagged_types() -> frozenset[str]:
    """Type tokens that take no tags."""
    text = (files(__package__) / "aws_untagged.txt").read_text(encoding="utf-8")
    return frozenset(f"aws:{line}" for line in text.split())


def _tags(resource: Resource, scope: Scope) -> dict[str, Any] | None:
    """The tags that a resource ends up with; ``None`` when its type takes none."""
    if resource.package == "kubernetes":
        return dict(known(get(resource.inputs, "metadata.labels"), "metadata.labels") or {})
    if resource.type in untagged_types():
        return None
    if resource.type == _SCALING_GROUP:
        entries = blocks(resource.inputs.get("tags"), "tags")
        return {known(get(e, "key"), "tags"): get(e, "value") for e in entries}
    own = known(resource.inputs.get("tags"), "tags") or {}
    return {**_default_tags(scope.provider_of(resource)), **own}


def _default_tags(provider: Resource | None) -> Mapping[str, Any]:
    block = known(provider.inputs.get("defaultTags"), "defaultTags") if provider else None
    if isinstance(block, str):  # providers get nested configuration as JSON text
        block = json.loads(block)
    return known(get(block or {}, "tags"), "defaultTags.tags") or {}


def _missing(required: tuple[str, ...], tags: Mapping[str, Any] | None, what: str) -> Iterator[str]:
    if tags is not None and (missing := [key for key in required if not tags.get(key)]):
        yield f"{what} missing: {', '.join(missing)}"


@REGISTRY.rule(
    "tags-required",
    title="Every cloud resource that takes tags carries the required ones",
    why="What has no owner and no cost centre is neither cleaned up nor paid for.",
    fix="set the tags on the resource or as default tags of its provider",
    judges=_TAGGED,
    parameters=("required_tags",),
)
def _required_tags(resource: Resource, scope: Scope) -> Iterator[str]:
    yield from _missing(scope.parameters.required_tags, _tags(resource, scope), "tags")


@REGISTRY.rule(
    "tags-kubernetes-labels",
    title="Every namespace and workload carries the required labels",
    why="Cost and ownership inside a cluster are told apart by labels alone.",
    fix="set them in metadata.labels",
    judges=_LABELLED,
    parameters=("required_labels",),
)
def _required_labels(resource: Resource, scope: Scope) -> Iterator[str]:
    yield from _missing(scope.parameters.required_labels, _tags(resource, scope), "labels")


@REGISTRY.rule(
    "tags-owner",
    title="The owner is an address that can be written to",
    why="An owner who cannot be reached owns nothing.",
    fix="set the tag owner to the team's address",
    judges=_TAGGED,
    parameters=("owner",),
)
def _owner(resource: Resource, scope: Scope) -> Iterator[str]:
    yield from _must_match(resource, scope, "owner", _ADDRESS, scope.parameters.owner)


@REGISTRY.rule(
    "tags-cost-center",
    title="The cost centre is one that exists",
    why="A cost centre with a typing error is a cost that nobody pays.",
    fix="set the tag or label cost-center to the spec's cost centre",
    judges={**_TAGGED, **_LABELLED},
    parameters=("cost_center", "cost_center_pattern"),
)
def _cost_center(resource: Resource, scope: Scope) -> Iterator[str]:
    pattern = re.compile(scope.parameters.cost_center_pattern)
    yield from _must_match(resource, scope, "cost-center", pattern, scope.parameters.cost_center)


@REGISTRY.rule(
    "tags-environment",
    title="The environment is the one that the resource is in",
    why="Clean-up, alerts and budgets choose resources by environment.",
    fix="set the tag or label environment to the stack's name",
    judges={**_TAGGED, **_LABELLED},
    parameters=("environment",),
)
def _environment(resource: Resource, scope: Scope) -> Iterator[str]:
    yield from _must_match(resource, scope, "environment", None, scope.parameters.environment)


@REGISTRY.rule(
    "tags-platform",
    title="The platform is the one that the resource belongs to",
    why="Costs of two platforms in one account are told apart by this tag alone.",
    fix="set the tag platform to the spec's name",
    judges=_TAGGED,
    parameters=("platform",),
)
def _platform(resource: Resource, scope: Scope) -> Iterator[str]:
    yield from _must_match(resource, scope, "platform", None, scope.parameters.platform)


def _must_match(
    resource: Resource, scope: Scope, key: str, pattern: re.Pattern[str] | None, expected: str
) -> Iterator[str]:
    """Judges one tag where it is there; that it is there is asked for by the rules above."""
    value = (_tags(resource, scope) or {}).get(key)
    if not value:
        return
    text = str(known(value, key))
    if expected and text != expected:
        yield f"{key} is {text!r} and not {expected!r}"
    elif pattern and not pattern.fullmatch(text):
        yield f"{key} is {text!r}, which is not a valid value"
