"""Labels in clusters."""

from __future__ import annotations

from typing import Any, Final

from plinth.graph import Resource
from plinth.naming import label_value
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


#: Where they keep them.
_PLACE: Final = "metadata.labels"


def _read(resource: Resource, _scope: Scope) -> dict[str, Any]:
    return mapping_at(resource, _PLACE)


KUBERNETES: Final = Dialect(
    noun="labels", read=_read, place=lambda _resource: _PLACE, spell=label_value
)
