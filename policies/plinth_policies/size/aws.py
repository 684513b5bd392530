"""Node groups of EKS."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from plinth.graph import Resource
from plinth_policies.model import Scope
from plinth_policies.size.pools import Fleet, Pool
from plinth_policies.tags.aws import AWS
from plinth_policies.values import blocks, get, known

#: Families with accelerators: GPUs, Inferentia and Trainium (EC2, "Accelerated computing").
_ACCELERATED: Final = re.compile(r"(g|gr|p|inf|trn|dl)\d")
_MOST: Final = "scalingConfig.maxSize"


def _machines(pool: Pool) -> tuple[str, ...]:
    return tuple(blocks(pool.get("instanceTypes"), "instanceTypes"))


def _most(pool: Pool) -> int:
    return int(known(get(pool, _MOST), _MOST))


def _accelerated(pool: Pool) -> bool:
    image = str(known(pool.get("amiType"), "amiType"))
    return image.endswith(("NVIDIA", "NEURON")) or any(map(_ACCELERATED.match, _machines(pool)))


def _tags(_pool: Pool, resource: Resource, scope: Scope) -> Mapping[str, Any]:
    return AWS.read(resource, scope) or {}


FLEET: Final = Fleet(
    holders={"aws:eks/nodeGroup:NodeGroup": ""},
    machines=_machines,
    machine_reads=("instanceTypes",),
    most=_most,
    most_reads=(_MOST,),
    accelerated=_accelerated,
    accelerator_reads=("amiType",),
    tags=_tags,
    tag_reads=("tags",),
)
