"""The cluster's nodes: one pool a node pool of the spec, split where each zone has its subnet.

What a pool's machines are like cannot change.  So that is part of the pool's name: a change is a
new pool, whose nodes are there before the old ones are drained.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from pulumi import Input, Resource
from pulumi_azure_native import containerservice

from plinth import naming
from plinth.clouds.azure import machines
from plinth.clouds.azure.network import NodeSubnet
from plinth.clouds.azure.options import options
from plinth.clouds.azure.site import Component, Site
from plinth.spec.models import NodePool

#: Disks of the customer-managed key's set follow its new versions; those on a machine's own cache,
#: which AKS takes where they fit, do not (AKS documentation, "Use customer-managed keys").
_DISKS: Final = "Managed"
#: Kubernetes' own measure. Azure's 250 would reserve a quarter of small machines' memory for pods
#: that never come: 20 MB for each (AKS documentation, "Node resource reservations").
_PODS: Final = 110
#: Length of the name of a Linux pool (Azure Kubernetes Service documentation, "Create node pools").
_NAME: Final = 12
#: Taint of pools with accelerators, which the device plugin and GPU workloads tolerate.
GPU_TAINT: Final = "nvidia.com/gpu=true:NoSchedule"
#: Label that the device plugin's chart looks for.
GPU_LABEL: Final = {"nvidia.com/gpu.present": "true"}
#: Label and taint of pools whose machines may be taken away, which AKS wants there (Azure
#: Kubernetes Service documentation, "Add an Azure Spot node pool"), and what tolerates them.
_SPOT: Final = ("kubernetes.azure.com/scalesetpriority", "spot")
SPOT_TOLERATION: Final = {
    "key": _SPOT[0],
    "operator": "Equal",
    "value": _SPOT[1],
    "effect": "NoSchedule",
}
#: Keeps all but the cluster's own services off the pool that the cluster is made with.
_SYSTEM_TAINT: Final = "CriticalAddonsOnly=true:NoSchedule"


def share(whole: int, parts: int, number: int) -> int:
    """What one of ``parts`` gets when ``whole`` is dealt out; the first ones get the rest."""
    return whole // parts + (number < whole % parts)


def system(site: Site, subnets: Sequence[NodeSubnet]) -> dict[str, Any]:
    """The pool that the cluster is made with, for the cluster's own services.

    It can never be taken out or get other machines, so it is none of the spec's.
    """
    return {
        "name": "system",
        "mode": "System",
        "orchestrator_version": site.blueprint.pins.kubernetes,
        "vm_size": machines.node(NodePool(cpu=2, memory=8)),
        "os_disk_size_gb": 64,
        "os_disk_type": _DISKS,
        "os_type": "Linux",
        "max_pods": _PODS,
        "vnet_subnet_id": subnets[0].id,
        "availability_zones": [zone for subnet in subnets for zone in subnet.zones],
        "enable_auto_scaling": True,
        "min_count": 2 if site.durable else 1,
        "count": 2 if site.durable else 1,
        "max_count": 4,
        "node_taints": [_SYSTEM_TAINT],
        "enable_encryption_at_host": options(site.blueprint).encryption_at_host,
        "upgrade_settings": {"max_surge": "33%"},
    }


class Nodes(Component):
    """Node pools (``plinth:index:Nodes``).

    Attributes:
        ready: The pools.
    """

    ready: tuple[Resource, ...]

    def __init__(
        self,
        *,
        cluster: Input[str],
        subnets: Sequence[NodeSubnet],
        site: Site,
        parent: Resource,
        depends_on: Sequence[Resource],
    ) -> None:
        super().__init__("Nodes", "nodes", site, parent)
        self._cluster = cluster
        self._subnets = subnets
        self._before = depends_on
        self.ready = tuple(
            made
            for name, pool in site.blueprint.settings.cluster.node_pools.items()
            for made in self._pools(name, pool)
        )
        self.register_outputs({})

    def _pools(self, name: str, pool: NodePool) -> Iterator[Resource]:
        """The pool, or its share in each zone that has a subnet of its own."""
        count = len(self._subnets)
        for number, subnet in enumerate(self._subnets):
            most = share(pool.max, count, number)
            if most:
                suffix = f"-{subnet.zones[0]}" if count > 1 else ""
                least = share(pool.min, count, number)
                yield self._pool(f"{name}{suffix}", name, pool, subnet, (least, most))

    def _pool(
        self,
        logical: str,
        name: str,
        pool: NodePool,
        subnet: NodeSubnet,
        size: tuple[int, int],
    ) -> Resource:
        machine = machines.node(pool)
        gpu = machines.has_gpu(machine)
        at_host = options(self.site.blueprint).encryption_at_host
        fixed = (logical, machine, pool.disk, pool.spot, at_host, _PODS, *subnet.zones)
        taints = [f"{taint.key}={taint.value}:{taint.effect}" for taint in pool.taints]
        made: Resource = containerservice.AgentPool(
            logical,
            agent_pool_name=naming.physical(name, limit=_NAME, separator="", unique=repr(fixed)),
            resource_group_name=self.site.group,
            resource_name_=self._cluster,
            mode="User",
            orchestrator_version=self.site.blueprint.pins.kubernetes,
            vm_size=machine,
            os_type="Linux",
            max_pods=_PODS,
            os_disk_size_gb=pool.disk,
            os_disk_type=_DISKS,
            vnet_subnet_id=subnet.id,
            availability_zones=list(subnet.zones),
            enable_auto_scaling=True,
            min_count=size[0],
            count=size[0],
            max_count=size[1],
            enable_encryption_at_host=at_host,
            node_labels={
                **pool.labels,
                "plinth/pool": name,
                **(GPU_LABEL if gpu else {}),
                **(dict([_SPOT]) if pool.spot else {}),
            },
            node_taints=[
                *taints,
                *([GPU_TAINT] if gpu else []),
                *(["=".join(_SPOT) + ":NoSchedule"] if pool.spot else []),
            ],
            # The cluster autoscaler owns the size.
            opts=self.child(depends_on=self._before, ignore_changes=["count"]),
            **_lifetime(pool),
        )
        return made


def _lifetime(pool: NodePool) -> dict[str, Any]:
    """How nodes come and go; spot pools take no surge (AKS documentation, "spot node pools")."""
    if not pool.spot:
        return {"upgrade_settings": {"max_surge": "33%"}}
    return {
        "scale_set_priority": "Spot",
        "scale_set_eviction_policy": "Delete",
        # Up to the price of ordinary machines.
        "spot_max_price": -1,
    }
