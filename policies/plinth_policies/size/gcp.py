"""Node pools of GKE: of their own, and those that the cluster is made with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from plinth.graph import Resource
from plinth_policies.encryption.gcp_stores import CLUSTER, NODE_POOL
from plinth_policies.model import Scope
from plinth_policies.size.pools import Fleet, Pool
from plinth_policies.values import blocks, get, known

#: Families with accelerators of their own (Compute Engine, "GPU machine types", "TPU").
_ACCELERATED: Final = re.compile(r"(a[2-9]|a4x|g[2-9]|ct\d\w*)-")
#: Where GKE says nothing else (``gcloud container node-pools create``).
_MACHINE: Final = "e2-medium"
#: In how many zones a regional cluster keeps nodes unless it is told.
_ZONES: Final = 3
_LABELS: Final = "nodeConfig.resourceLabels"
_ACCELERATORS: Final = "nodeConfig.guestAccelerators"


def _machines(pool: Pool) -> tuple[str, ...]:
    name = "nodeConfig.machineType"
    return (known(get(pool, name), name) or _MACHINE,)


def _most(pool: Pool) -> int:
    total, zonal = "autoscaling.totalMaxNodeCount", "autoscaling.maxNodeCount"
    whole = known(get(pool, total), total)
    if whole:
        return int(whole)
    zones = len(blocks(pool.get("nodeLocations"), "nodeLocations")) or _ZONES
    fixed = known(pool.get("nodeCount"), "nodeCount") or 0
    first = known(pool.get("initialNodeCount"), "initialNodeCount") or 0
    return int(known(get(pool, zonal), zonal) or fixed or first) * zones


def _accelerated(pool: Pool) -> bool:
    named = any(map(_ACCELERATED.match, _machines(pool)))
    return named or bool(blocks(get(pool, _ACCELERATORS), _ACCELERATORS))


def _tags(pool: Pool, _resource: Resource, _scope: Scope) -> Mapping[str, Any]:
    # The provider's default labels stop at the pool itself.
    return known(get(pool, _LABELS), _LABELS) or {}


FLEET: Final = Fleet(
    holders={NODE_POOL: "", CLUSTER: "nodePools"},
    machines=_machines,
    machine_reads=("nodeConfig.machineType",),
    most=_most,
    most_reads=(
        "autoscaling.totalMaxNodeCount",
        "autoscaling.maxNodeCount",
        "nodeLocations",
        "nodeCount",
        "initialNodeCount",
    ),
    accelerated=_accelerated,
    accelerator_reads=(_ACCELERATORS,),
    tags=_tags,
    tag_reads=(_LABELS,),
)
