"""The cluster's nodes: one managed group a node pool of the spec."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pulumi_aws as aws
from pulumi import Resource

from plinth.clouds.aws import machines
from plinth.clouds.aws.keys import Concern, Keys
from plinth.clouds.aws.network import Network
from plinth.clouds.aws.site import Component, Site, assume
from plinth.spec.models import NodePool

_POLICY: Final = "arn:aws:iam::aws:policy"
_EFFECTS: Final = {
    "NoSchedule": "NO_SCHEDULE",
    "PreferNoSchedule": "PREFER_NO_SCHEDULE",
    "NoExecute": "NO_EXECUTE",
}
#: Taint of pools with accelerators, which the device plugin and GPU workloads tolerate.
GPU_TAINT: Final = {"key": "nvidia.com/gpu", "value": "true", "effect": "NO_SCHEDULE"}
#: Label that the device plugin's chart looks for.
GPU_LABEL: Final = {"nvidia.com/gpu.present": "true"}


class Nodes(Component):
    """Node groups with their launch templates and role (``plinth:index:Nodes``).

    Attributes:
        ready: The groups.
    """

    ready: tuple[Resource, ...]

    def __init__(
        self,
        *,
        cluster: Any,
        keys: Keys,
        network: Network,
        site: Site,
        parent: Resource,
        depends_on: Sequence[Resource],
    ) -> None:
        super().__init__("Nodes", "nodes", site, parent)
        self._cluster = cluster
        self._keys = keys
        self._subnets = network.private
        role, rights = self._role()
        self.ready = tuple(
            self._group(name, pool, role, [*rights, *depends_on])
            for name, pool in site.blueprint.settings.cluster.node_pools.items()
        )
        self.register_outputs({})

    def _role(self) -> tuple[Any, list[Resource]]:
        """What the machine itself may do; pods have identities of their own and cannot reach it."""
        role = aws.iam.Role(
            "node",
            assume_role_policy=assume("ec2.amazonaws.com"),
            tags=self.tags(),
            opts=self.child(),
        )
        rights: list[Resource] = [
            aws.iam.RolePolicyAttachment(
                policy, role=role.name, policy_arn=f"{_POLICY}/{policy}", opts=self.child()
            )
            for policy in ("AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly")
        ]
        return role, rights

    def _group(
        self, name: str, pool: NodePool, role: Any, depends_on: Sequence[Resource]
    ) -> Resource:
        machine = machines.node(pool)
        gpu = machines.has_gpu(machine)
        taints = [
            {"key": taint.key, "value": taint.value, "effect": _EFFECTS[taint.effect]}
            for taint in pool.taints
        ]
        template = self._template(name, pool)
        group: Resource = aws.eks.NodeGroup(
            name,
            cluster_name=self._cluster.name,
            node_role_arn=role.arn,
            subnet_ids=self._subnets,
            version=self.site.blueprint.pins.kubernetes,
            ami_type=machines.image(machine),
            instance_types=[machine],
            capacity_type="SPOT" if pool.spot else "ON_DEMAND",
            launch_template={"id": template.id, "version": template.latest_version},
            scaling_config={
                "min_size": pool.min,
                "desired_size": pool.min,
                "max_size": pool.max,
            },
            update_config={"max_unavailable_percentage": 33},
            node_repair_config={"enabled": True},
            labels={**pool.labels, "plinth/pool": name, **(GPU_LABEL if gpu else {})},
            taints=[*taints, *([GPU_TAINT] if gpu else [])],
            tags=self.tags(name),
            opts=self.child(
                depends_on=depends_on,
                # The cluster autoscaler owns the size (pulumi/pulumi-eks#321). AWS refuses a `min`
                # above the present size (hashicorp/terraform-provider-aws#18310).
                ignore_changes=["scalingConfig.desiredSize"],
            ),
        )
        return group

    def _template(self, name: str, pool: NodePool) -> Any:
        tags = {**self.site.blueprint.tags, **self.tags(name)}
        return aws.ec2.LaunchTemplate(
            name,
            description=f"{self.site.prefix}: nodes of pool {name}",
            update_default_version=True,
            block_device_mappings=[
                {
                    "device_name": "/dev/xvda",
                    "ebs": {
                        "volume_type": "gp3",
                        "volume_size": pool.disk,
                        "encrypted": "true",
                        "kms_key_id": self._keys.arn(Concern.CLUSTER),
                        "delete_on_termination": "true",
                    },
                }
            ],
            metadata_options={
                "http_endpoint": "enabled",
                "http_tokens": "required",
                # One hop ends at the node: no pod can borrow the node's role.
                "http_put_response_hop_limit": 1,
            },
            # The provider's default tags stop at the template itself.
            tag_specifications=[
                {"resource_type": kind, "tags": tags}
                for kind in ("instance", "network-interface", "volume")
            ],
            tags=self.tags(name),
            opts=self.child(),
        )
