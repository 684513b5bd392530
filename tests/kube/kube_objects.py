"""The Kubernetes objects of every example."""

from __future__ import annotations

from typing import Any

from example import CLUSTERS, ON_CLUSTERS, SPEC, Example
from plinth.planning import Plan

#: Every example on a cluster, and the main one on all clouds that have one; on Kubernetes also with
#: backups of its database.
CASES = [
    *ON_CLUSTERS,
    *(Example(SPEC, "dev", cloud) for cloud in CLUSTERS if cloud != "aws"),
    Example(SPEC, "staging", "kubernetes"),
]

#: Kubernetes' own groups, as far as their names have dots; others of `k8s.io` are custom.
_OWN = ("networking.k8s.io", "rbac.authorization.k8s.io", "storage.k8s.io")


def objects(plan: Plan) -> list[dict[str, Any]]:
    """All objects that Plinth makes directly, in the order of the plan."""
    return [
        dict(resource.inputs)
        for resource in plan.graph
        if resource.package == "kubernetes"
        and not resource.is_provider
        and resource.type != "kubernetes:helm.sh/v3:Release"
    ]


def is_custom(manifest: dict[str, Any]) -> bool:
    """Whether the object is of a kind that Kubernetes itself does not have."""
    group, slash, _ = manifest["apiVersion"].partition("/")
    return bool(slash) and "." in group and group not in _OWN
