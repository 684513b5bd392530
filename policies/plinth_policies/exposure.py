"""What can be reached from outside, and by whom."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Any, Final

from plinth.graph import Resource
from plinth_policies.encryption import BUCKET
from plinth_policies.model import REGISTRY, Scope
from plinth_policies.values import blocks, get, is_on, known, switch_off

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: Ranges that are not routed on the internet (RFC 1918, 6598, 1122, 3927, 4193, 4291).
_PRIVATE: Final = tuple(
    ipaddress.ip_network(cidr)
    for cidr in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "fc00::/7",
        "fe80::/10",
        "::1/128",
    )
)

_ACCESS_BLOCK: Final = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
_ACCESS_SWITCHES: Final = (
    "blockPublicAcls",
    "blockPublicPolicy",
    "ignorePublicAcls",
    "restrictPublicBuckets",
)

#: Annotation -> value with which a load balancer gets a private address (AWS Load Balancer
#: Controller, the AWS in-tree controller, GKE and AKS).
_INTERNAL: Final = {
    "service.beta.kubernetes.io/aws-load-balancer-scheme": "internal",
    "service.beta.kubernetes.io/aws-load-balancer-internal": "true",
    "networking.gke.io/load-balancer-type": "Internal",
    "cloud.google.com/load-balancer-type": "Internal",
    "service.beta.kubernetes.io/azure-load-balancer-internal": "true",
}

#: What Envoy Gateway makes a gateway's service from (its EnvoyProxy API, v1alpha1).
_ENVOY_PROXY: Final = "kubernetes:gateway.envoyproxy.io/v1alpha1:EnvoyProxy"
_ENVOY_SERVICE: Final = "spec.provider.kubernetes.envoyService"


def _within(network: _Network, ranges: Iterable[_Network]) -> bool:
    return any(
        network.version == other.version
        and int(other.network_address) <= int(network.network_address)
        and int(network.broadcast_address) <= int(other.broadcast_address)
        for other in ranges
    )


def _open_ranges(cidrs: Any, name: str, scope: Scope) -> Iterator[str]:
    """Yields what is wrong with the ranges that may connect."""
    allowed = [ipaddress.ip_network(c) for c in scope.parameters.allowed_public_cidrs]
    for cidr in blocks(cidrs, name):
        network = ipaddress.ip_network(cidr, strict=False)
        if network.prefixlen == 0:
            yield f"{name} lets in the whole internet ({cidr})"
        elif not _within(network, (*_PRIVATE, *(a for a in allowed if a.prefixlen))):
            yield f"{name} lets in {cidr}, which is not an allowed public range"


@REGISTRY.rule(
    "exposure-s3-public-access-block",
    title="S3 buckets block public access",
    why="One public ACL or policy is enough to publish training data.",
    fix="attach a public access block with all four switches on, and no public ACL",
    judges={BUCKET: ("acl",)},
    consults={_ACCESS_BLOCK: ("bucket", *_ACCESS_SWITCHES)},
)
def _bucket(resource: Resource, scope: Scope) -> Iterator[str]:
    companions = scope.companions(resource, _ACCESS_BLOCK, "bucket")
    if not companions:
        yield "the bucket has no public access block"
    for companion in companions:
        for switch in _ACCESS_SWITCHES:
            yield from switch_off(companion.inputs, switch)
    if str(resource.inputs.get("acl")).startswith(("public-", "authenticated-")):
        yield f"acl is {resource.inputs['acl']}"


@REGISTRY.rule(
    "exposure-security-group-ingress",
    title="Security groups let in no public range that is not listed",
    why="What listens behind the group is scanned within minutes.",
    fix="let in a private range or another security group, or list the range as allowed",
    judges={
        "aws:ec2/securityGroup:SecurityGroup": ("ingress.cidrBlocks", "ingress.ipv6CidrBlocks"),
        "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": (
            "ingress.cidrBlocks",
            "ingress.ipv6CidrBlocks",
        ),
        "aws:ec2/securityGroupRule:SecurityGroupRule": ("type", "cidrBlocks", "ipv6CidrBlocks"),
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": ("cidrIpv4", "cidrIpv6"),
    },
    parameters=("allowed_public_cidrs",),
)
def _ingress(resource: Resource, scope: Scope) -> Iterator[str]:
    rules = [resource.inputs]
    if resource.type.endswith("SecurityGroup"):
        rules = blocks(resource.inputs.get("ingress"), "ingress")
    if resource.inputs.get("type") == "egress":
        return
    for rule in rules:
        for name in ("cidrBlocks", "ipv6CidrBlocks", "cidrIpv4", "cidrIpv6"):
            yield from _open_ranges(get(rule, name), name, scope)


@REGISTRY.rule(
    "exposure-rds-public",
    title="Databases have no public address",
    why="A database with a public address is one password away from everyone.",
    fix="turn publiclyAccessible off",
    judges={
        "aws:rds/instance:Instance": ("publiclyAccessible",),
        "aws:rds/clusterInstance:ClusterInstance": ("publiclyAccessible",),
    },
)
def _database(resource: Resource, _scope: Scope) -> Iterator[str]:
    if known(resource.inputs.get("publiclyAccessible"), "publiclyAccessible"):
        yield "publiclyAccessible is on"


@REGISTRY.rule(
    "exposure-eks-endpoint",
    title="The EKS API is closed to the internet but for listed ranges",
    why="The API server is open to the whole internet unless it is told otherwise.",
    fix="turn vpcConfig.endpointPublicAccess off, or list allowed ranges in publicAccessCidrs",
    judges={
        "aws:eks/cluster:Cluster": ("vpcConfig.endpointPublicAccess", "vpcConfig.publicAccessCidrs")
    },
    parameters=("allowed_public_cidrs",),
)
def _eks(resource: Resource, scope: Scope) -> Iterator[str]:
    name = "vpcConfig.endpointPublicAccess"
    if known(get(resource.inputs, name), name) is False:
        return
    cidrs = get(resource.inputs, "vpcConfig.publicAccessCidrs")
    if not cidrs:
        yield "the public endpoint is on and publicAccessCidrs is not set"
    yield from _open_ranges(cidrs, "publicAccessCidrs", scope)


@REGISTRY.rule(
    "exposure-subnet-public-ip",
    title="Machines get no public address by themselves",
    why="Every machine started in the subnet could be reached from the internet.",
    fix="turn mapPublicIpOnLaunch off",
    judges={"aws:ec2/subnet:Subnet": ("mapPublicIpOnLaunch",)},
)
def _subnet(resource: Resource, _scope: Scope) -> Iterator[str]:
    if known(resource.inputs.get("mapPublicIpOnLaunch"), "mapPublicIpOnLaunch"):
        yield "mapPublicIpOnLaunch is on"


@REGISTRY.rule(
    "exposure-load-balancer",
    title="Load balancers are internal unless they are meant to be public",
    why="A load balancer with a public address publishes what is behind it.",
    fix="make it internal, or name it in public_services",
    judges={"aws:lb/loadBalancer:LoadBalancer": ("internal",)},
    parameters=("public_services",),
)
def _load_balancer(resource: Resource, scope: Scope) -> Iterator[str]:
    if not (
        is_on(known(resource.inputs.get("internal"), "internal")) or _may_be_public(resource, scope)
    ):
        yield "the load balancer faces the internet"


@REGISTRY.rule(
    "exposure-service-load-balancer",
    title="Kubernetes services get internal load balancers unless they are meant to be public",
    why="A service of type LoadBalancer gets a public address on most clouds by default.",
    fix="set the cloud's annotation for an internal load balancer, or name the service in "
    "public_services and list who may connect in loadBalancerSourceRanges",
    judges={
        "kubernetes:core/v1:Service": (
            "spec.type",
            "spec.loadBalancerSourceRanges",
            "metadata.name",
            "metadata.annotations",
        ),
        _ENVOY_PROXY: ("metadata.name", "spec.provider.kubernetes.envoyService"),
    },
    parameters=("public_services", "allowed_public_cidrs"),
)
def _service(resource: Resource, scope: Scope) -> Iterator[str]:
    if resource.type == _ENVOY_PROXY:  # its service gets a load balancer unless told otherwise
        service = known(get(resource.inputs, _ENVOY_SERVICE), _ENVOY_SERVICE) or {}
        kind, annotations = service.get("type", "LoadBalancer"), service.get("annotations")
    else:
        service = known(resource.inputs.get("spec"), "spec") or {}
        kind, annotations = service.get("type"), get(resource.inputs, "metadata.annotations")
    if known(kind, "the service's type") != "LoadBalancer":
        return
    present = known(annotations, "annotations") or {}
    if any(present.get(key) == value for key, value in _INTERNAL.items()):
        return
    ranges = service.get("loadBalancerSourceRanges")
    if not _may_be_public(resource, scope):
        yield "the service gets a public load balancer"
    elif not ranges:
        yield "loadBalancerSourceRanges is not set, so everyone may connect"
    yield from _open_ranges(ranges, "loadBalancerSourceRanges", scope)


def _may_be_public(resource: Resource, scope: Scope) -> bool:
    """Whether the logical name, or the name in the cluster, is one that may face the internet."""
    names = (resource.name, str(get(resource.inputs, "metadata.name")))
    return any(
        fnmatchcase(name, glob) for name in names for glob in scope.parameters.public_services
    )


@REGISTRY.rule(
    "exposure-mwaa-webserver",
    title="The managed Airflow web server is private",
    why="The web server can start any pipeline.",
    fix="set webserverAccessMode to PRIVATE_ONLY",
    judges={"aws:mwaa/environment:Environment": ("webserverAccessMode",)},
)
def _mwaa(resource: Resource, _scope: Scope) -> Iterator[str]:
    mode = known(resource.inputs.get("webserverAccessMode"), "webserverAccessMode")
    if mode == "PUBLIC_ONLY":  # the default is PRIVATE_ONLY
        yield "webserverAccessMode is PUBLIC_ONLY"


@REGISTRY.rule(
    "exposure-sagemaker-domain",
    title="SageMaker domains stay inside the network",
    why="Notebooks would reach the internet past the network's own controls.",
    fix="set appNetworkAccessType to VpcOnly",
    judges={"aws:sagemaker/domain:Domain": ("appNetworkAccessType",)},
)
def _sagemaker(resource: Resource, _scope: Scope) -> Iterator[str]:
    if known(resource.inputs.get("appNetworkAccessType"), "appNetworkAccessType") != "VpcOnly":
        yield "appNetworkAccessType is not VpcOnly"
