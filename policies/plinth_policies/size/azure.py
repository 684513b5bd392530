"""Node pools of AKS: of their own, and those that the cluster is made with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from plinth.graph import Resource
from plinth_policies.encryption.azure import AGENT_POOL, CLUSTER
from plinth_policies.model import Scope
from plinth_policies.size.pools import Fleet, Pool
from plinth_policies.tags.azure import AZURE
from plinth_policies.values import is_on, known


def _machines(pool: Pool) -> tuple[str, ...]:
    machine = known(pool.get("vmSize"), "vmSize")
    return (machine,) if machine else ()


def _most(pool: Pool) -> int:
    grows = is_on(known(pool.get("enableAutoScaling"), "enableAutoScaling"))
    name = "maxCount" if grows else "count"
    return int(known(pool.get(name), name) or 1)


def _accelerated(pool: Pool) -> bool:
    # The N family (Azure documentation, "GPU accelerated virtual machine sizes").
    return any(machine.lower().startswith("standard_n") for machine in _machines(pool))


def _tags(pool: Pool, resource: Resource, scope: Scope) -> Mapping[str, Any]:
    return {**(AZURE.read(resource, scope) or {}), **(known(pool.get("tags"), "tags") or {})}


FLEET: Final = Fleet(
    holders={AGENT_POOL: "", CLUSTER: "agentPoolProfiles"},
    machines=_machines,
    machine_reads=("vmSize",),
    most=_most,
    most_reads=("enableAutoScaling", "maxCount", "count"),
    accelerated=_accelerated,
    accelerator_reads=(),
    tags=_tags,
    tag_reads=("tags",),
)
