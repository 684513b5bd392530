"""What can be reached from outside on AWS, and by whom."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from plinth.graph import Resource
from plinth_policies.controls import EXPOSURE
from plinth_policies.encryption.aws import BUCKET
from plinth_policies.exposure.ranges import may_be_public, open_ranges
from plinth_policies.model import REGISTRY, Scope
from plinth_policies.settings import Setting, register
from plinth_policies.values import blocks, get, is_on, known, switch_off

_ACCESS_BLOCK: Final = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
_ACCESS_SWITCHES: Final = (
    "blockPublicAcls",
    "blockPublicPolicy",
    "ignorePublicAcls",
    "restrictPublicBuckets",
)


def _blocked(*switches: str) -> tuple[str, dict[str, Any]]:
    return _ACCESS_BLOCK, {"bucket": "models", **dict.fromkeys(switches, True)}


@REGISTRY.rule(
    "exposure-s3-public-access-block",
    title="S3 buckets block public access",
    why="One public ACL or policy is enough to publish training data.",
    fix="attach a public access block with all four switches on, and no public ACL",
    judges={BUCKET: ("acl",)},
    consults={_ACCESS_BLOCK: ("bucket", *_ACCESS_SWITCHES)},
    controls=(*EXPOSURE, "cis-aws/2.1.4"),
    good=((BUCKET, {"bucket": "models"}), _blocked(*_ACCESS_SWITCHES)),
    bad=((BUCKET, {"bucket": "models"}), _blocked("blockPublicAcls")),
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
    controls=(*EXPOSURE, "cis-aws/5.2", "cis-aws/5.3"),
    good={
        "ingress": [
            {"protocol": "tcp", "fromPort": 443, "toPort": 443, "cidrBlocks": ["10.0.0.0/16"]}
        ]
    },
    bad={
        "ingress": [{"protocol": "tcp", "fromPort": 22, "toPort": 22, "cidrBlocks": ["0.0.0.0/0"]}]
    },
)
def _ingress(resource: Resource, scope: Scope) -> Iterator[str]:
    rules = [resource.inputs]
    if resource.type.endswith("SecurityGroup"):
        rules = blocks(resource.inputs.get("ingress"), "ingress")
    if resource.inputs.get("type") == "egress":
        return
    for rule in rules:
        for name in ("cidrBlocks", "ipv6CidrBlocks", "cidrIpv4", "cidrIpv6"):
            yield from open_ranges(get(rule, name), name, scope)


@REGISTRY.rule(
    "exposure-default-security-group",
    title="The default security group of a network lets nothing in or out",
    why="Whatever is started without a group of its own gets the default one.",
    fix="manage the default security group with neither ingress nor egress",
    judges={"aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": ("ingress", "egress")},
    controls=(*EXPOSURE, "cis-aws/5.4"),
    good={"vpcId": "vpc-0123456789abcdef0"},
    bad={"ingress": [{"protocol": "-1", "fromPort": 0, "toPort": 0, "self": True}]},
)
def _default_group(resource: Resource, _scope: Scope) -> Iterator[str]:
    for name in ("ingress", "egress"):
        if blocks(resource.inputs.get(name), name):
            yield f"{name} is set"


@REGISTRY.rule(
    "exposure-rds-public",
    title="Databases and brokers on AWS have no public address",
    why="A database with a public address is one password away from everyone.",
    fix="turn publiclyAccessible off",
    judges=dict.fromkeys(
        (
            "aws:rds/instance:Instance",
            "aws:rds/clusterInstance:ClusterInstance",
            "aws:redshift/cluster:Cluster",
            "aws:mq/broker:Broker",
        ),
        ("publiclyAccessible",),
    ),
    controls=(*EXPOSURE, "cis-aws/2.3.3"),
    good={"publiclyAccessible": False},
    bad={"publiclyAccessible": True},
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
    controls=(*EXPOSURE, "cis-eks/5.4.1", "cis-eks/5.4.2"),
    good={"vpcConfig": {"endpointPublicAccess": False}},
    bad={"vpcConfig": {"endpointPublicAccess": True}},
)
def _eks(resource: Resource, scope: Scope) -> Iterator[str]:
    name = "vpcConfig.endpointPublicAccess"
    if known(get(resource.inputs, name), name) is False:
        return
    cidrs = get(resource.inputs, "vpcConfig.publicAccessCidrs")
    if not cidrs:
        yield "the public endpoint is on and publicAccessCidrs is not set"
    yield from open_ranges(cidrs, "publicAccessCidrs", scope)


@REGISTRY.rule(
    "exposure-subnet-public-ip",
    title="Machines get no public address by themselves",
    why="Every machine started in the subnet could be reached from the internet.",
    fix="turn mapPublicIpOnLaunch off",
    judges={"aws:ec2/subnet:Subnet": ("mapPublicIpOnLaunch",)},
    controls=(*EXPOSURE, "cis-eks/5.4.3"),
    good={"mapPublicIpOnLaunch": False},
    bad={"mapPublicIpOnLaunch": True},
)
def _subnet(resource: Resource, _scope: Scope) -> Iterator[str]:
    if known(resource.inputs.get("mapPublicIpOnLaunch"), "mapPublicIpOnLaunch"):
        yield "mapPublicIpOnLaunch is on"


@REGISTRY.rule(
    "exposure-load-balancer",
    title="Load balancers are internal unless they are meant to be public",
    why="A load balancer with a public address publishes what is behind it.",
    fix="make it internal, or name it in public_services",
    judges=dict.fromkeys(
        ("aws:lb/loadBalancer:LoadBalancer", "aws:elb/loadBalancer:LoadBalancer"), ("internal",)
    ),
    parameters=("public_services",),
    controls=EXPOSURE,
    good={"internal": True},
    bad={"internal": False},
)
def _load_balancer(resource: Resource, scope: Scope) -> Iterator[str]:
    if not (
        is_on(known(resource.inputs.get("internal"), "internal")) or may_be_public(resource, scope)
    ):
        yield "the load balancer faces the internet"


@REGISTRY.rule(
    "exposure-mwaa-webserver",
    title="The managed Airflow web server is private",
    why="The web server can start any pipeline.",
    fix="set webserverAccessMode to PRIVATE_ONLY",
    judges={"aws:mwaa/environment:Environment": ("webserverAccessMode",)},
    controls=EXPOSURE,
    good={"webserverAccessMode": "PRIVATE_ONLY"},
    bad={"webserverAccessMode": "PUBLIC_ONLY"},
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
    controls=EXPOSURE,
    good={"appNetworkAccessType": "VpcOnly"},
    bad={"appNetworkAccessType": "PublicInternetOnly"},
)
def _sagemaker(resource: Resource, _scope: Scope) -> Iterator[str]:
    if known(resource.inputs.get("appNetworkAccessType"), "appNetworkAccessType") != "VpcOnly":
        yield "appNetworkAccessType is not VpcOnly"


register(
    "exposure-sagemaker-notebook",
    {
        "aws:sagemaker/notebookInstance:NotebookInstance": (
            Setting("directInternetAccess", ("Disabled",), default="Enabled"),
            Setting("rootAccess", ("Disabled",), default="Enabled"),
        )
    },
    title="SageMaker notebook instances stay inside the network, without root",
    why="A notebook runs whatever its user pastes, next to the training data.",
    fix="set directInternetAccess and rootAccess to Disabled, and a subnet",
    controls=EXPOSURE,
)
