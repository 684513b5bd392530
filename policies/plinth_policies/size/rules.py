"""The rules on node pools, the same on every cloud."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Final

from plinth.graph import Resource
from plinth_policies.controls import CAPACITY, INVENTORY
from plinth_policies.model import REGISTRY, Scope, kind_of
from plinth_policies.size.aws import FLEET as AWS
from plinth_policies.size.azure import FLEET as AZURE
from plinth_policies.size.gcp import FLEET as GCP
from plinth_policies.values import known

_FLEETS: Final = (AWS, AZURE, GCP)
_FLEET_OF: Final = {token: fleet for fleet in _FLEETS for token in fleet.holders}

#: An address, or one as labels can have it: ``ml-platform_example_com``.
_ADDRESS: Final = re.compile(r"[^@\s]+[@_][^@\s]+[._][^@\s]+")


@REGISTRY.rule(
    "size-machine-family",
    title="Nodes are machines of the families that were agreed on",
    why="One letter in a machine's type can cost ten times as much.",
    fix="choose a machine of machine_families, or add its family there",
    judges={
        token: paths
        for fleet in _FLEETS
        for token, paths in fleet.reads(*fleet.machine_reads).items()
    },
    parameters=("machine_families",),
    controls=CAPACITY,
    good={"instanceTypes": ["m7i.xlarge"]},
    bad={"instanceTypes": ["p5.48xlarge"]},
)
def _family(resource: Resource, scope: Scope) -> Iterator[str]:
    families = [family.casefold() for family in scope.parameters.machine_families]
    if not families:
        return
    fleet = _FLEET_OF[kind_of(resource.type)]
    for pool in fleet.pools(resource):
        machines = fleet.machines(pool)
        if not machines:
            yield "no type of machine is named"
        for machine in machines:
            if not any(fnmatchcase(machine.casefold(), family) for family in families):
                yield f"{machine} is of no family that was agreed on"


@REGISTRY.rule(
    "size-max-nodes",
    title="Node pools have a limit that was agreed on",
    why="A loop that starts jobs starts machines until something stops it.",
    fix="let the pool grow to max_nodes at most",
    judges={
        token: paths for fleet in _FLEETS for token, paths in fleet.reads(*fleet.most_reads).items()
    },
    parameters=("max_nodes",),
    controls=CAPACITY,
    good={"scalingConfig": {"minSize": 0, "desiredSize": 0, "maxSize": 3}},
    bad={"scalingConfig": {"minSize": 0, "desiredSize": 0, "maxSize": 10000}},
)
def _most(resource: Resource, scope: Scope) -> Iterator[str]:
    limit = scope.parameters.max_nodes
    if not limit:
        return
    fleet = _FLEET_OF[kind_of(resource.type)]
    for pool in fleet.pools(resource):
        most = fleet.most(pool)
        if most > limit:
            yield f"a pool may grow to {most} nodes, and {limit} were agreed on"


@REGISTRY.rule(
    "size-gpu-owner",
    title="Nodes with accelerators carry their owner's address",
    why="What costs most is asked about first, and somebody has to answer.",
    fix="set the tag, or for GKE the resource label of nodes, owner to an address",
    judges={
        token: paths
        for fleet in _FLEETS
        for token, paths in fleet.reads(
            *fleet.machine_reads, *fleet.accelerator_reads, *fleet.tag_reads
        ).items()
    },
    controls=(*INVENTORY, *CAPACITY),
    good={"instanceTypes": ["g6.2xlarge"], "tags": {"owner": "ml-platform@example.com"}},
    bad={"instanceTypes": ["g6.2xlarge"], "tags": {"owner": "somebody"}},
)
def _owner(resource: Resource, scope: Scope) -> Iterator[str]:
    fleet = _FLEET_OF[kind_of(resource.type)]
    for pool in filter(fleet.accelerated, fleet.pools(resource)):
        owner = known(fleet.tags(pool, resource, scope).get("owner"), "owner")
        if not owner:
            yield "nodes with accelerators have no owner"
        elif not _ADDRESS.fullmatch(str(owner)):
            yield f"owner is {owner!r}, which is no address"
