"""Networks, load balancers, names and certificates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from plinth.rehearsal.packages.aws.shapes import (
    address,
    arn,
    capitals,
    ec2,
    joined,
    made_uuid,
    short_region,
    zone,
)
from plinth.rehearsal.packages.base import Birth, Made, Maker, digest


def _vpc(birth: Birth) -> Made:
    id_ = f"vpc-{birth.hex(17)}"
    return id_, {
        "arn": arn(birth, "ec2", f"vpc/{id_}"),
        "ownerId": birth.account,
        "defaultSecurityGroupId": f"sg-{digest(id_, 17)}",
        "defaultRouteTableId": f"rtb-{digest(id_, 17)}",
        "mainRouteTableId": f"rtb-{digest(id_, 17)}",
        "defaultNetworkAclId": f"acl-{digest(id_, 17)}",
        "dhcpOptionsId": f"dopt-{birth.hex(17, 'dhcp')}",
        "enableDnsSupport": birth.text("enableDnsSupport", "true").lower() == "true",
        "enableDnsHostnames": birth.text("enableDnsHostnames", "false").lower() == "true",
        "instanceTenancy": birth.text("instanceTenancy", "default"),
    }


def _default_group(birth: Birth) -> Made:
    """The group that came with the VPC is adopted, not made."""
    id_ = f"sg-{digest(birth.text('vpcId'), 17)}"
    name = {"name": "default", "description": "default VPC security group"}
    return id_, {
        "arn": arn(birth, "ec2", f"security-group/{id_}"),
        "ownerId": birth.account,
        **name,
    }


def _subnet(birth: Birth) -> Made:
    id_ = f"subnet-{birth.hex(17)}"
    place = zone(birth)
    return id_, {
        "arn": arn(birth, "ec2", f"subnet/{id_}"),
        "ownerId": birth.account,
        "availabilityZone": place,
        "availabilityZoneId": f"{short_region(birth.region)}-az{ord(place[-1]) - ord('a') + 1}",
    }


def _eip(birth: Birth) -> Made:
    id_, public = f"eipalloc-{birth.hex(17)}", address(birth, "52")
    name = f"ec2-{public.replace('.', '-')}.{birth.region}.compute.amazonaws.com"
    known = {"allocationId": id_, "publicIp": public, "publicDns": name, "domain": "vpc"}
    return id_, known | {"arn": arn(birth, "ec2", f"elastic-ip/{id_}")}


def _endpoint(birth: Birth) -> Made:
    id_, service = f"vpce-{birth.hex(17)}", birth.text("serviceName").rsplit(".", 1)[-1]
    interface = birth.text("vpcEndpointType", "Gateway") == "Interface"
    host = f"{id_}-{birth.hex(8, 'dns')}.{service}.{birth.region}.vpce.amazonaws.com"
    return id_, {
        "arn": arn(birth, "ec2", f"vpc-endpoint/{id_}"),
        "ownerId": birth.account,
        "state": "available",
        "prefixListId": "" if interface else f"pl-{birth.hex(8, 'pl')}",
        "dnsEntries": [{"dnsName": host, "hostedZoneId": "Z38GZ743OKFT7T"}] if interface else [],
    }


def _template(birth: Birth) -> Made:
    id_ = f"lt-{birth.hex(17)}"
    default = birth.revision if birth.text("updateDefaultVersion").lower() == "true" else 1
    known = {
        "latestVersion": birth.revision,
        "defaultVersion": birth.number("defaultVersion", default),
    }
    return id_, known | {"arn": arn(birth, "ec2", f"launch-template/{id_}")}


def _instance(birth: Birth) -> Made:
    id_, private = f"i-{birth.hex(17)}", address(birth, "10")
    return id_, {
        "arn": arn(birth, "ec2", f"instance/{id_}"),
        "instanceState": "running",
        "privateIp": private,
        "privateDns": f"ip-{private.replace('.', '-')}.{birth.region}.compute.internal",
        "publicIp": address(birth, "52"),
        "availabilityZone": zone(birth),
    }


def _zone(birth: Birth) -> Made:
    id_ = capitals(birth, "Z", 20)
    servers = [
        f"ns-{i}.awsdns-{i:02}.{tld}" for i, tld in enumerate(("com", "net", "org", "co.uk"), 1)
    ]
    known = {"zoneId": id_, "arn": f"arn:aws:route53:::hostedzone/{id_}", "nameServers": servers}
    return id_, known | {"primaryNameServer": servers[0]}


def _record(birth: Birth) -> Made:
    name = birth.text("name").rstrip(".")
    parts = [birth.text("zoneId"), name, birth.text("type"), birth.text("setIdentifier")]
    return "_".join(filter(None, parts)), {"fqdn": name}


def _certificate(birth: Birth) -> Made:
    id_ = arn(birth, "acm", f"certificate/{made_uuid(birth)}")
    names = [birth.text("domainName"), *(birth.inputs.get("subjectAlternativeNames") or [])]
    options = [
        {
            "domainName": name,
            "resourceRecordName": f"_{digest(str(name), 32)}.{str(name).removeprefix('*.')}.",
            "resourceRecordType": "CNAME",
            "resourceRecordValue": f"_{digest(f'v{name}', 32)}.acm-validations.aws.",
        }
        for name in dict.fromkeys(names)
    ]
    known = {"arn": id_, "status": "PENDING_VALIDATION", "type": "AMAZON_ISSUED"}
    return id_, known | {"domainValidationOptions": options}


def _load_balancer(birth: Birth) -> Made:
    kind = {"network": "net", "gateway": "gwy"}.get(birth.text("loadBalancerType"), "app")
    id_ = arn(birth, "elasticloadbalancing", f"loadbalancer/{kind}/{birth.name}/{birth.hex(16)}")
    host = f"{birth.name}-{int(birth.hex(8), 16)}.{birth.region}.elb.amazonaws.com"
    known = {"arn": id_, "arnSuffix": id_.split("loadbalancer/")[1], "dnsName": host}
    return id_, known | {"zoneId": "Z32O12XQLNTSW2"}


MAKERS: Final[Mapping[str, Maker]] = {
    "aws:acm/certificate:Certificate": _certificate,
    "aws:acm/certificateValidation:CertificateValidation": joined("{certificateArn}"),
    "aws:alb/loadBalancer:LoadBalancer": _load_balancer,
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": _default_group,
    "aws:ec2/eip:Eip": _eip,
    "aws:ec2/flowLog:FlowLog": lambda b: (
        f"fl-{b.hex(17)}",
        {"arn": arn(b, "ec2", f"vpc-flow-log/fl-{b.hex(17)}")},
    ),
    "aws:ec2/instance:Instance": _instance,
    "aws:ec2/internetGateway:InternetGateway": ec2("igw", "internet-gateway"),
    "aws:ec2/launchTemplate:LaunchTemplate": _template,
    "aws:ec2/natGateway:NatGateway": lambda b: (
        f"nat-{b.hex(17)}",
        {
            "publicIp": address(b, "52"),
            "privateIp": address(b, "10"),
            "networkInterfaceId": f"eni-{b.hex(17, 'eni')}",
            "associationId": f"eipassoc-{b.hex(17, 'assoc')}",
        },
    ),
    "aws:ec2/networkAcl:NetworkAcl": ec2("acl", "network-acl"),
    "aws:ec2/route:Route": lambda b: (
        f"r-{b.text('routeTableId')}{digest(b.text('destinationCidrBlock'), 10)}",
        {"state": "active", "origin": "CreateRoute"},
    ),
    "aws:ec2/routeTable:RouteTable": ec2("rtb", "route-table"),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": lambda b: (f"rtbassoc-{b.hex(17)}", {}),
    "aws:ec2/securityGroup:SecurityGroup": ec2("sg", "security-group"),
    "aws:ec2/securityGroupRule:SecurityGroupRule": lambda b: (
        f"sgrule-{int(b.hex(8), 16)}",
        {"securityGroupRuleId": f"sgr-{b.hex(17)}"},
    ),
    "aws:ec2/subnet:Subnet": _subnet,
    "aws:ec2/vpc:Vpc": _vpc,
    "aws:ec2/vpcEndpoint:VpcEndpoint": _endpoint,
    "aws:lb/loadBalancer:LoadBalancer": _load_balancer,
    "aws:lb/targetGroup:TargetGroup": lambda b: (
        arn(b, "elasticloadbalancing", f"targetgroup/{b.name}/{b.hex(16)}"),
        {
            "arn": arn(b, "elasticloadbalancing", f"targetgroup/{b.name}/{b.hex(16)}"),
            "arnSuffix": f"targetgroup/{b.name}/{b.hex(16)}",
        },
    ),
    "aws:route53/record:Record": _record,
    "aws:route53/zone:Zone": _zone,
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": lambda b: (
        f"sgr-{b.hex(17)}",
        {
            "arn": arn(b, "ec2", f"security-group-rule/sgr-{b.hex(17)}"),
            "securityGroupRuleId": f"sgr-{b.hex(17)}",
        },
    ),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": lambda b: (
        f"sgr-{b.hex(17)}",
        {
            "arn": arn(b, "ec2", f"security-group-rule/sgr-{b.hex(17)}"),
            "securityGroupRuleId": f"sgr-{b.hex(17)}",
        },
    ),
}
