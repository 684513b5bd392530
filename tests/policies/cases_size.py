"""Good and bad cases of the rules on sizes."""

from __future__ import annotations

from typing import Any

from policy_support import Inputs, Table, resource

from plinth.graph import UNKNOWN, Resource

EKS = "aws:eks/nodeGroup:NodeGroup"
AKS = "azure-native:containerservice:ManagedCluster"
AKS_POOL = "azure-native:containerservice:AgentPool"
GKE = "gcp:container/cluster:Cluster"
GKE_POOL = "gcp:container/nodePool:NodePool"
EIP = "aws:ec2/eip:Eip"
AZURE_IP = "azure-native:network:PublicIPAddress"
GCP_IP = "gcp:compute/address:Address"
GCP_GLOBAL_IP = "gcp:compute/globalAddress:GlobalAddress"


def _aks(**pool: Any) -> list[Resource]:
    return [resource(AKS, {"agentPoolProfiles": [pool]})]


def _aks_pool(**pool: Any) -> list[Resource]:
    return [resource(AKS_POOL, pool)]


def _gke(**pool: Any) -> list[Resource]:
    return [resource(GKE, {"nodePools": [pool]})]


def _gke_pool(**pool: Any) -> list[Resource]:
    return [resource(GKE_POOL, pool)]


def _node(machine: object, **more: Any) -> dict[str, Any]:
    return {"nodeConfig": {"machineType": machine, **more}}


def _most(number: object) -> Inputs:
    return {"scalingConfig": {"maxSize": number}}


def _tagged(owner: object) -> Inputs:
    return {"instanceTypes": ["g6.xlarge"], "tags": {"owner": owner}}


def _owned(owner: str) -> list[Resource]:
    """A group of machines with accelerators whose owner is a default of the provider's."""
    provider = resource("pulumi:providers:aws", {"defaultTags": {"tags": {"owner": owner}}}, "aws")
    inputs = {"instanceTypes": ["p5.48xlarge"]}
    return [resource(EKS, inputs, provider=f"{provider.urn}::1"), provider]


def _used(token: str, user: str, through: str, **inputs: Any) -> list[Resource]:
    address = resource(token, inputs)
    sources = {through: (address.urn,)}
    return [address, resource(user, {through: UNKNOWN}, "user", property_dependencies=sources)]


MAIL = "ml@example.com"

TABLES = {
    "size-machine-family": Table(
        EKS,
        good=[
            {"instanceTypes": ["m7i.xlarge", "m7i.2xlarge"]},
            _aks_pool(vmSize="standard_d4s_v5"),
            _aks(vmSize="Standard_D4s_v5"),
            _gke_pool(**_node("n2-standard-4")),
            [resource(GKE, {})],
        ],
        bad=[
            ({}, "no type of machine is named"),
            ({"instanceTypes": ["m7i.xlarge", "p5.48xlarge"]}, "p5.48xlarge is of no family"),
            ({"instanceTypes": [UNKNOWN]}, "instanceTypes is not known"),
            (_aks_pool(), "no type of machine is named"),
            (_aks_pool(vmSize="Standard_E96_v5"), "Standard_E96_v5 is of no family"),
            (_aks(vmSize=UNKNOWN), "vmSize is not known"),
            (_aks(vmSize="Standard_M128"), "Standard_M128 is of no family"),
            (_gke_pool(), "e2-medium is of no family"),
            (_gke(**_node("a3-highgpu-8g")), "a3-highgpu-8g is of no family"),
        ],
    ),
    "size-max-nodes": Table(
        EKS,
        good=[
            _most(9),
            _aks_pool(enableAutoScaling=True, maxCount=9, count=1),
            _aks_pool(),
            _gke_pool(autoscaling={"totalMaxNodeCount": 9}),
            _gke_pool(autoscaling={"maxNodeCount": 3}),
            _gke_pool(nodeCount=9, nodeLocations=["europe-west4-a"]),
        ],
        bad=[
            (_most(10), "a pool may grow to 10 nodes, and 9 were agreed on"),
            (_most(UNKNOWN), "scalingConfig.maxSize is not known"),
            (_aks_pool(enableAutoScaling=True, maxCount=10), "may grow to 10"),
            (_aks_pool(count=11, maxCount=1), "may grow to 11"),
            (_aks(enableAutoScaling=UNKNOWN), "enableAutoScaling is not known"),
            (_aks(enableAutoScaling=True, maxCount=100), "may grow to 100"),
            (_gke_pool(autoscaling={"totalMaxNodeCount": 10}), "may grow to 10"),
            (_gke_pool(autoscaling={"maxNodeCount": 4}), "may grow to 12"),
            (_gke_pool(autoscaling=UNKNOWN), "autoscaling.totalMaxNodeCount is not known"),
            (_gke(initialNodeCount=4), "may grow to 12"),
        ],
    ),
    "size-gpu-owner": Table(
        EKS,
        good=[
            {"instanceTypes": ["m7i.xlarge"]},
            _tagged(MAIL),
            _owned(MAIL),
            _aks_pool(vmSize="Standard_NC24ads_A100_v4", tags={"owner": MAIL}),
            _aks(vmSize="Standard_NC24ads_A100_v4", tags={"owner": MAIL}),
            _gke_pool(**_node("g2-standard-8", resourceLabels={"owner": "ml_example_com"})),
            _gke_pool(**_node("n2-standard-8")),
        ],
        bad=[
            ({"instanceTypes": ["g6.xlarge"]}, "nodes with accelerators have no owner"),
            ({"amiType": "AL2023_x86_64_NVIDIA"}, "nodes with accelerators have no owner"),
            ({"instanceTypes": ["trn1.2xlarge"]}, "nodes with accelerators have no owner"),
            (_tagged("somebody"), "owner is 'somebody', which is no address"),
            (_tagged(UNKNOWN), "owner is not known"),
            (_owned("somebody"), "which is no address"),
            (_aks_pool(vmSize="Standard_NC24ads_A100_v4"), "have no owner"),
            (_aks(vmSize="Standard_ND96asr_v4"), "have no owner"),
            (_gke_pool(**_node("g2-standard-8")), "have no owner"),
            (
                _gke(**_node("n1-standard-8", guestAccelerators=[{"type": "nvidia-tesla-t4"}])),
                "have no owner",
            ),
            (_gke_pool(**_node(UNKNOWN)), "nodeConfig.machineType is not known"),
        ],
    ),
    "size-idle-address": Table(
        EIP,
        good=[
            {"instance": "i-0123456789abcdef0"},
            [resource(EIP, {"instance": UNKNOWN}, property_dependencies={"instance": ("urn",)})],
            _used(EIP, "aws:ec2/natGateway:NatGateway", "allocationId"),
            _used(EIP, "aws:ec2/eipAssociation:EipAssociation", "allocationId"),
            _used(AZURE_IP, "azure-native:network:NatGateway", "publicIpAddresses"),
            _used(GCP_IP, "gcp:compute/routerNat:RouterNat", "natIps"),
            [resource(GCP_IP, {"addressType": "INTERNAL"})],
            [resource(GCP_GLOBAL_IP, {"addressType": "INTERNAL", "purpose": "VPC_PEERING"})],
        ],
        bad=[
            ({"domain": "vpc"}, "nothing uses the address"),
            ({"instance": UNKNOWN}, "nothing uses the address"),
            ([resource(AZURE_IP, {})], "nothing uses the address"),
            ([resource(GCP_IP, {})], "nothing uses the address"),
            ([resource(GCP_GLOBAL_IP, {})], "nothing uses the address"),
            ([resource(GCP_IP, {"addressType": UNKNOWN})], "addressType is not known"),
            (
                _used(GCP_IP, "gcp:compute/routerNat:RouterNat", "router"),
                "nothing uses the address",
            ),
        ],
    ),
}
