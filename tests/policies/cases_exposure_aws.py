"""Good and bad cases of the rules on exposure on AWS."""

from __future__ import annotations

import json

from policy_support import Table, resource, settings_table

from plinth.graph import SECRET, UNKNOWN, Resource
from plinth_policies.encryption.aws import BUCKET
from plinth_policies.exposure.aws_grants import POLICIES

GROUP = "aws:ec2/securityGroup:SecurityGroup"
DEFAULT_GROUP = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
OLD_RULE = "aws:ec2/securityGroupRule:SecurityGroupRule"
NOTEBOOK = "aws:sagemaker/notebookInstance:NotebookInstance"
TOPIC_POLICY = "aws:sns/topicPolicy:TopicPolicy"
CLUSTER = "aws:eks/cluster:Cluster"
ON = {
    "blockPublicAcls": True,
    "blockPublicPolicy": True,
    "ignorePublicAcls": True,
    "restrictPublicBuckets": True,
}


def _bucket(acl: str | None = None, **switches: object) -> list[Resource]:
    bucket = resource(BUCKET, {"acl": acl} if acl else {}, id="b")
    block = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
    return [bucket, resource(block, {"bucket": "b", **ON, **switches})]


def _group(*cidrs: str, key: str = "cidrBlocks") -> dict[str, object]:
    return {"ingress": [{"protocol": "tcp", key: list(cidrs)}]}


def _cluster(*, public: object = True, cidrs: object = None) -> dict[str, object]:
    return {"vpcConfig": {"endpointPublicAccess": public, "publicAccessCidrs": cidrs}}


def _policy(*statements: object) -> dict[str, object]:
    return {"policy": json.dumps({"Statement": statements})}


def _granting(principal: object, condition: object = None) -> dict[str, object]:
    statement = {"Sid": "Public", "Effect": "Allow", "Principal": principal}
    return _policy({**statement, **({"Condition": condition} if condition else {})})


TABLES = {
    "exposure-s3-public-access-block": Table(
        BUCKET,
        good=[_bucket(), _bucket(acl="private"), _bucket(acl=UNKNOWN)],
        bad=[
            ({}, "no public access block"),
            (_bucket(blockPublicAcls=False), "blockPublicAcls is off"),
            (_bucket(blockPublicPolicy=None), "blockPublicPolicy is not set"),
            (_bucket(ignorePublicAcls=UNKNOWN), "ignorePublicAcls is not known"),
            (_bucket(restrictPublicBuckets=False), "restrictPublicBuckets is off"),
            (_bucket(acl="public-read"), "acl is public-read"),
        ],
    ),
    "exposure-security-group-ingress": Table(
        GROUP,
        good=[
            {},
            _group("10.0.0.0/16", "203.0.113.128/25"),
            _group("fd00::/8", key="ipv6CidrBlocks"),
            {"ingress": [{"securityGroups": [UNKNOWN]}]},
            [resource(RULE, {"referencedSecurityGroupId": UNKNOWN})],
            [resource(OLD_RULE, {"type": "egress", "cidrBlocks": ["0.0.0.0/0"]})],
        ],
        bad=[
            (_group("10.0.0.0/16", "0.0.0.0/0"), "the whole internet (0.0.0.0/0)"),
            (_group("::/0", key="ipv6CidrBlocks"), "the whole internet (::/0)"),
            (_group("0.0.0.0/1"), "not an allowed public range"),
            (_group("10.0.0.0/7"), "not an allowed public range"),
            (_group("198.51.100.0/24"), "not an allowed public range"),
            (_group(UNKNOWN), "cidrBlocks is not known"),
            (_group("anywhere"), "could not judge"),
            ({"ingress": UNKNOWN}, "ingress is not known"),
            ([resource(DEFAULT_GROUP, _group("0.0.0.0/0"))], "the whole internet"),
            ([resource(RULE, {"cidrIpv4": "0.0.0.0/0"})], "the whole internet"),
            ([resource(RULE, {"cidrIpv6": "2000::/3"})], "not an allowed public range"),
            ([resource(OLD_RULE, {"type": "ingress", "cidrBlocks": ["0.0.0.0/0"]})], "the whole"),
            ([resource(OLD_RULE, {"type": UNKNOWN, "cidrBlocks": ["0.0.0.0/0"]})], "the whole"),
        ],
    ),
    "exposure-rds-public": Table(
        "aws:rds/instance:Instance",
        good=[{}, {"publiclyAccessible": False}],
        bad=[
            ({"publiclyAccessible": True}, "publiclyAccessible is on"),
            ({"publiclyAccessible": UNKNOWN}, "publiclyAccessible is not known"),
            *(
                ([resource(token, {"publiclyAccessible": True})], "publiclyAccessible is on")
                for token in (
                    "aws:rds/clusterInstance:ClusterInstance",
                    "aws:redshift/cluster:Cluster",
                    "aws:mq/broker:Broker",
                )
            ),
        ],
    ),
    "exposure-eks-endpoint": Table(
        CLUSTER,
        good=[_cluster(public=False), _cluster(cidrs=["203.0.113.7/32"])],
        bad=[
            ({}, "publicAccessCidrs is not set"),
            (_cluster(), "publicAccessCidrs is not set"),
            (_cluster(public=UNKNOWN), "endpointPublicAccess is not known"),
            (_cluster(cidrs=["0.0.0.0/0"]), "the whole internet"),
            (_cluster(cidrs=["198.51.100.7/32"]), "not an allowed public range"),
            (_cluster(cidrs=UNKNOWN), "publicAccessCidrs is not known"),
        ],
    ),
    "exposure-subnet-public-ip": Table(
        "aws:ec2/subnet:Subnet",
        good=[{}, {"mapPublicIpOnLaunch": False}],
        bad=[
            ({"mapPublicIpOnLaunch": True}, "mapPublicIpOnLaunch is on"),
            ({"mapPublicIpOnLaunch": UNKNOWN}, "mapPublicIpOnLaunch is not known"),
        ],
    ),
    "exposure-load-balancer": Table(
        "aws:lb/loadBalancer:LoadBalancer",
        good=[{"internal": True}, [resource("aws:lb/loadBalancer:LoadBalancer", {}, "public-lb")]],
        bad=[
            ({}, "faces the internet"),
            ({"internal": False}, "faces the internet"),
            ({"internal": UNKNOWN}, "internal is not known"),
            ([resource("aws:alb/loadBalancer:LoadBalancer", {})], "faces the internet"),
            ([resource("aws:elb/loadBalancer:LoadBalancer", {})], "faces the internet"),
        ],
    ),
    "exposure-mwaa-webserver": Table(
        "aws:mwaa/environment:Environment",
        good=[{}, {"webserverAccessMode": "PRIVATE_ONLY"}],
        bad=[
            ({"webserverAccessMode": "PUBLIC_ONLY"}, "is PUBLIC_ONLY"),
            ({"webserverAccessMode": UNKNOWN}, "webserverAccessMode is not known"),
        ],
    ),
    "exposure-sagemaker-domain": Table(
        "aws:sagemaker/domain:Domain",
        good=[{"appNetworkAccessType": "VpcOnly"}],
        bad=[
            ({}, "is not VpcOnly"),
            ({"appNetworkAccessType": "PublicInternetOnly"}, "is not VpcOnly"),
            ({"appNetworkAccessType": UNKNOWN}, "appNetworkAccessType is not known"),
        ],
    ),
    "exposure-default-security-group": Table(
        DEFAULT_GROUP,
        good=[{}, {"ingress": [], "egress": []}],
        bad=[
            ({"ingress": [{"self": True}]}, "ingress is set"),
            ({"egress": [{"cidrBlocks": ["10.0.0.0/8"]}]}, "egress is set"),
            ({"ingress": UNKNOWN}, "ingress is not known"),
        ],
    ),
    "exposure-sagemaker-notebook": settings_table(
        (NOTEBOOK, "directInternetAccess", "Disabled", "Enabled"),
        (NOTEBOOK, "rootAccess", "Disabled", None),
    ),
    "exposure-aws-public-policy": Table(
        TOPIC_POLICY,
        good=[
            {},
            {"policy": UNKNOWN},
            _policy(),
            _policy({"Effect": "Deny", "Principal": "*"}),
            _granting({"Service": "budgets.amazonaws.com"}),
            _granting({"AWS": UNKNOWN}),
            _granting("*", {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}),
            _granting({"AWS": "*"}, {"StringEquals": {"kms:CallerAccount": UNKNOWN}}),
            _granting("*", {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::models"}}),
            _granting("*", {"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:111111111111:*"}}),
        ],
        bad=[
            (_granting("*"), "the statement Public is for everyone"),
            (_granting({"AWS": ["arn:aws:iam::111111111111:root", "*"]}), "is for everyone"),
            (_granting("*", {"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}}), "is for everyone"),
            (_granting("*", {"StringLike": {"aws:PrincipalArn": "*"}}), "is for everyone"),
            (_granting("*", {"IpAddress": {"aws:SourceIp": ["0.0.0.0/0"]}}), "is for everyone"),
            (_granting("*", {"Bool": {"aws:SecureTransport": "true"}}), "is for everyone"),
            (_policy({"Effect": "Allow", "NotPrincipal": {"AWS": "x"}}), "without a name"),
            *(
                (_granting("*", {"ArnLike": {"aws:SourceArn": arn}}), "is for everyone")
                for arn in ("arn:aws:s3:::*", "arn:aws:*", "arn:aws:iam::*:role/churn")
            ),
            (_granting("*", {"StringLike": {"aws:PrincipalOrgID": "o-*"}}), "is for everyone"),
            (_granting(UNKNOWN), "Principal is not known"),
            ({"policy": SECRET}, "policy is not known"),
            ({"policy": "not json"}, "could not judge"),
            *(([resource(token, _granting("*"))], "is for everyone") for token in POLICIES),
        ],
    ),
}
