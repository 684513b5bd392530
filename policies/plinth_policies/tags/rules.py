"""The rules on tags and labels, the same on every cloud."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from plinth.graph import Resource
from plinth_policies.controls import INVENTORY
from plinth_policies.model import REGISTRY, Example, Scope, kind_of
from plinth_policies.tags.aws import AWS
from plinth_policies.tags.azure import AZURE
from plinth_policies.tags.gcp import GCP
from plinth_policies.tags.kubernetes import KUBERNETES, WORKLOADS
from plinth_policies.tags.mending import with_tags
from plinth_policies.tags.reading import Dialect, untagged_types
from plinth_policies.values import known

_DIALECTS: Final = {"aws": AWS, "azure-native": AZURE, "gcp": GCP, "kubernetes": KUBERNETES}

_ADDRESS: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")

#: What the mend of a missing tag writes.
_MENDED_FROM: Final = ("platform", "environment", "owner", "cost_center")

#: Examples are tagged as the example platform is in its environment dev.
_TAGS: Final = {
    "platform": "churn",
    "environment": "dev",
    "owner": "ml@example.com",
    "cost-center": "4711",
    "capability": "artifacts",
    "managed-by": "plinth",
}
_SHARED: Final = {key: _TAGS[key] for key in ("platform", "environment", "owner", "managed-by")}

_TAGGED: Final = {"aws:*": ("tags",), "azure-native:*": ("tags",), "gcp:*": ("labels",)}
_LABELLED: Final = dict.fromkeys(WORKLOADS, ("metadata.labels",))


def _takes_none(kind: str) -> bool:
    package = kind.split(":", 1)[0]
    return f"{package}:*" in _TAGGED and kind in untagged_types(package)


def _bucket(tags: Mapping[str, str]) -> Example:
    return (("aws:s3/bucket:Bucket", {"bucket": "models", "tags": dict(tags)}),)


def _namespace(labels: Mapping[str, str]) -> Example:
    return {"metadata": {"name": "tracking", "labels": dict(labels)}}


def _dialect(resource: Resource) -> Dialect:
    return _DIALECTS[kind_of(resource.type).split(":", 1)[0]]


def _missing(required: tuple[str, ...], resource: Resource, scope: Scope) -> Iterator[str]:
    dialect = _dialect(resource)
    tags = dialect.read(resource, scope)
    if tags is not None and (missing := [key for key in required if not tags.get(key)]):
        yield f"{dialect.noun} missing: {', '.join(missing)}"


@REGISTRY.rule(
    "tags-required",
    title="Every cloud resource that takes tags carries the required ones",
    why="What has no owner and no cost centre is neither cleaned up nor paid for.",
    fix="set them on the resource or as defaults of its provider",
    judges=_TAGGED,
    spares=_takes_none,
    parameters=("required_tags", *_MENDED_FROM),
    controls=INVENTORY,
    good=_bucket(_TAGS),
    bad=_bucket({"capability": "artifacts", **_SHARED}),
    mend=lambda resource, scope: with_tags(
        resource, scope, _dialect(resource), scope.parameters.required_tags
    ),
)
def _required_tags(resource: Resource, scope: Scope) -> Iterator[str]:
    yield from _missing(scope.parameters.required_tags, resource, scope)


@REGISTRY.rule(
    "tags-kubernetes-labels",
    title="Every namespace and workload carries the required labels",
    why="Cost and ownership inside a cluster are told apart by labels alone.",
    fix="set them in metadata.labels",
    judges=_LABELLED,
    parameters=("required_labels", *_MENDED_FROM),
    controls=INVENTORY,
    good=_namespace({**_TAGS, "owner": "ml_example.com"}),
    bad=_namespace({"capability": "tracking", "platform": "churn"}),
    mend=lambda resource, scope: with_tags(
        resource, scope, _dialect(resource), scope.parameters.required_labels
    ),
)
def _required_labels(resource: Resource, scope: Scope) -> Iterator[str]:
    yield from _missing(scope.parameters.required_labels, resource, scope)


@REGISTRY.rule(
    "tags-owner",
    title="The owner is an address that can be written to",
    why="An owner who cannot be reached owns nothing.",
    fix="set the tag owner to the team's address",
    judges=_TAGGED,
    spares=_takes_none,
    parameters=("owner",),
    controls=INVENTORY,
    good=_bucket(_TAGS),
    bad=_bucket({**_TAGS, "owner": "somebody"}),
)
def _owner(resource: Resource, scope: Scope) -> Iterator[str]:
    yield from _must_match(resource, scope, "owner", _ADDRESS, scope.parameters.owner)


@REGISTRY.rule(
    "tags-cost-center",
    title="The cost centre is one that exists",
    why="A cost centre with a typing error is a cost that nobody pays.",
    fix="set the tag or label cost-center to the spec's cost centre",
    judges={**_TAGGED, **_LABELLED},
    spares=_takes_none,
    parameters=("cost_center", "cost_center_pattern"),
    controls=INVENTORY,
    good=_bucket(_TAGS),
    bad=_bucket({**_TAGS, "cost-center": "none"}),
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
    spares=_takes_none,
    parameters=("environment",),
    controls=INVENTORY,
    good=_bucket(_TAGS),
    bad=_bucket({**_TAGS, "environment": "prod"}),
)
def _environment(resource: Resource, scope: Scope) -> Iterator[str]:
    yield from _must_match(resource, scope, "environment", None, scope.parameters.environment)


@REGISTRY.rule(
    "tags-platform",
    title="The platform is the one that the resource belongs to",
    why="Costs of two platforms in one account are told apart by this tag alone.",
    fix="set the tag platform to the spec's name",
    judges=_TAGGED,
    spares=_takes_none,
    parameters=("platform",),
    controls=INVENTORY,
    good=_bucket(_TAGS),
    bad=_bucket({**_TAGS, "platform": "fraud"}),
)
def _platform(resource: Resource, scope: Scope) -> Iterator[str]:
    yield from _must_match(resource, scope, "platform", None, scope.parameters.platform)


def _must_match(
    resource: Resource, scope: Scope, key: str, pattern: re.Pattern[str] | None, expected: str
) -> Iterator[str]:
    """Judges one tag where it is there; that it is there is asked for by the rules above."""
    dialect = _dialect(resource)
    value = (dialect.read(resource, scope) or {}).get(key)
    if not value:
        return
    text = str(known(value, key))
    if dialect.spell:
        # A value that the cloud had to spell anew no longer has the pattern's characters.
        expected, pattern = dialect.spell(expected), None
    if expected and text != expected:
        yield f"{key} is {text!r} and not {expected!r}"
    elif pattern and not pattern.fullmatch(text):
        yield f"{key} is {text!r}, which is not a valid value"
