"""The cluster's nodes: one pool a node pool of the spec."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pulumi_gcp as gcp
from pulumi import Input, Output, Resource

from plinth.clouds.gcp import machines
from plinth.clouds.gcp.facts import PODS_PER_NODE, ZONES
from plinth.clouds.gcp.keys import Concern, Keys
from plinth.clouds.gcp.network import Network
from plinth.clouds.gcp.options import options
from plinth.clouds.gcp.site import Component, Site
from plinth.naming import gcp_label
from plinth.spec.models import NodePool

_EFFECTS: Final = {
    "NoSchedule": "NO_SCHEDULE",
    "PreferNoSchedule": "PREFER_NO_SCHEDULE",
    "NoExecute": "NO_EXECUTE",
}


class NodeAccount(Component):
    """What the machines themselves may do (``plinth:index:NodeAccount``).

    Write logs and metrics, and pull images from the platform's own registry; pods have identities
    of their own and cannot reach this one.

    Attributes:
        email: The account.
        ready: Its rights.
    """

    services = ("iam",)
    email: Output[str]
    ready: tuple[Resource, ...]

    def __init__(self, *, site: Site, parent: Resource) -> None:
        super().__init__("NodeAccount", "node", site, parent)
        account = gcp.serviceaccount.Account(
            "node",
            account_id=site.named("nodes", limit=30),
            display_name=f"{site.prefix}: nodes",
            opts=self.child(),
        )
        self.email = account.email
        self.member = Output.concat("serviceAccount:", account.email)
        right = gcp.projects.IAMMember(
            "node",
            project=site.project,
            role="roles/container.defaultNodeServiceAccount",
            member=self.member,
            opts=self.child(),
        )
        self.ready = (right,)
        self.register_outputs({"email": account.email})

    def pull(self, name: str, repository: Any) -> Resource:
        """Lets nodes pull from a repository of Artifact Registry."""
        right: Resource = gcp.artifactregistry.RepositoryIamMember(
            name,
            project=self.site.project,
            location=repository.location,
            repository=repository.name,
            role="roles/artifactregistry.reader",
            member=self.member,
            opts=self.child(),
        )
        return right


class Nodes(Component):
    """Node pools (``plinth:index:Nodes``).

    Attributes:
        ready: The pools.
    """

    services = ("container",)
    ready: tuple[Resource, ...]

    def __init__(
        self,
        *,
        cluster: Any,
        account: NodeAccount,
        keys: Keys,
        network: Network,
        site: Site,
        parent: Resource,
    ) -> None:
        super().__init__("Nodes", "nodes", site, parent)
        self._cluster = cluster
        self._account = account
        self._keys = keys
        self._network = network
        pools = site.blueprint.settings.cluster.node_pools
        plain = {n: pool for n, pool in pools.items() if machines.accelerator(pool) is None}
        ordinary = [self._pool(name, pool) for name, pool in plain.items()]
        # GKE taints nodes with accelerators if there are others already when their pool is made
        # (GKE documentation, "Run GPUs in GKE Standard node pools").
        special = [
            self._pool(name, pool, after=ordinary)
            for name, pool in pools.items()
            if name not in plain
        ]
        self.ready = (*ordinary, *special)
        self.register_outputs({})

    def _pool(self, name: str, pool: NodePool, *, after: Sequence[Resource] = ()) -> Resource:
        zones = self._zones(pool)
        made: Resource = gcp.container.NodePool(
            name,
            name=name,
            cluster=self._cluster.id,
            location=self.site.region,
            node_locations=zones,
            max_pods_per_node=PODS_PER_NODE,
            # A zone's share of the first size.
            initial_node_count=-(-pool.min // len(zones)),
            autoscaling={
                "total_min_node_count": pool.min,
                "total_max_node_count": pool.max,
                # Whichever zone has machines left, rather than the same number in each.
                "location_policy": "ANY" if pool.spot or pool.gpu else "BALANCED",
            },
            management={"auto_repair": True, "auto_upgrade": True},
            upgrade_settings={"max_surge": 1, "max_unavailable": 0},
            node_config=self._machine(name, pool),
            opts=self.child(
                depends_on=[*self._network.ready, *self._account.ready, *after],
                delete_before_replace=True,
                # The autoscaler owns the size, GKE the version; a changed first size would replace
                # the pool.
                ignore_changes=["initialNodeCount", "nodeCount", "version"],
            ),
        )
        return made

    def _zones(self, pool: NodePool) -> list[str]:
        """The pool's zones; accelerators are not in each."""
        chosen = options(self.site.blueprint).gpu_zones
        if chosen and machines.accelerator(pool) is not None:
            return list(chosen)
        return list(ZONES[self.site.region][: self.site.blueprint.settings.network.zones])

    def _machine(self, name: str, pool: NodePool) -> dict[str, Any]:
        tags = self.site.blueprint.tags
        return {
            **hardened(self._account, self._keys.key(Concern.CLUSTER)),
            "machine_type": machines.node(pool),
            "disk_size_gb": pool.disk,
            "spot": pool.spot,
            "labels": {**pool.labels, "plinth/pool": name},
            "taints": [
                {"key": taint.key, "value": taint.value, "effect": _EFFECTS[taint.effect]}
                for taint in pool.taints
            ],
            # The provider's default labels stop at the pool itself.
            "resource_labels": {
                **{gcp_label(key): gcp_label(value) for key, value in tags.items()},
                **self.labels(pool=name),
            },
            **_accelerators(pool),
        }


def _accelerators(pool: NodePool) -> dict[str, Any]:
    """Accelerators with their drivers.

    These load on nodes with secure boot: the installer of Container-Optimized OS brings Google's
    key for them (its log in GoogleCloudPlatform/container-engine-accelerators#302).
    """
    found = machines.accelerator(pool)
    if found is None:
        return {}
    kind, count = found
    drivers = {"gpu_driver_version": "DEFAULT"}
    return {
        "guest_accelerators": [
            {"type": kind, "count": count, "gpu_driver_installation_config": drivers}
        ]
    }


def hardened(account: NodeAccount, key: Input[str]) -> dict[str, Any]:
    """What all nodes have in common."""
    return {
        "image_type": "COS_CONTAINERD",
        "disk_type": "pd-balanced",
        "boot_disk_kms_key": key,
        "service_account": account.email,
        # Rights are IAM's business; scopes are its predecessor.
        "oauth_scopes": ["https://www.googleapis.com/auth/cloud-platform"],
        "shielded_instance_config": {
            "enable_secure_boot": True,
            "enable_integrity_monitoring": True,
        },
        # Pods get their own identity from the metadata server, never the node's.
        "workload_metadata_config": {"mode": "GKE_METADATA"},
        "metadata": {"disable-legacy-endpoints": "true"},
        "kubelet_config": {"insecure_kubelet_readonly_port_enabled": "FALSE"},
    }
