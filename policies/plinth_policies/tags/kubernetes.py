"""Labels in clusters."""

from __future__ import annotations

from typing import Any, Final

from plinth.graph import Resource
from plinth_policies.model import Scope
from plinth_policies.tags.reading import Dialect, mapping_at

#: What is asked for labels.
WORKLOADS: Final = (
    "kubernetes:core/v1:Namespace",
    "kubernetes:apps/v1:Deployment",
    "kubernetes:apps/v1:StatefulSet",
    "kubernetes:apps/v1:DaemonSet",
    "kubernetes:batch/v1:Job",
    "kubernetes:batch/v1:CronJob",
)


def _read(resource: Resource, _scope: Scope) -> dict[str, Any]:
    return mapping_at(resource, "metadata.labels")


KUBERNETES: Final = Dialect(noun="labels", read=_read)
