"""How the example platform breaks each rule on sizes."""

from __future__ import annotations

from mutation import Break

MUTATIONS: dict[str, Break] = {
    "size-machine-family": Break(
        cloud="azure",
        token="azure-native:containerservice:AgentPool",
        change={"vmSize": "Standard_M416ms_v2"},
        asks={"machine_families": ("Standard_D*", "Standard_N*")},
    ),
    "size-max-nodes": Break(
        cloud="gcp",
        token="gcp:container/nodePool:NodePool",
        change={"autoscaling.totalMaxNodeCount": 1000000},
        asks={"max_nodes": 12},
    ),
    "size-gpu-owner": Break(
        cloud="gcp",
        token="gcp:container/nodePool:NodePool",
        name="gpu",
        change={"nodeConfig.resourceLabels": None},
    ),
    "size-idle-address": Break(cloud="aws", token="aws:ec2/natGateway:NatGateway", drop=True),
}
