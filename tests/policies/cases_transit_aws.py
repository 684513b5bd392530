"""Good and bad cases of the rules on encryption in transit on AWS."""

from __future__ import annotations

import json

from policy_support import Table, resource, settings_table

from plinth.graph import SECRET, UNKNOWN, Resource
from plinth_policies.encryption.aws import BUCKET

PLAIN = {"Bool": {"aws:SecureTransport": "false"}}
DENY = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": ["arn:aws:s3:::b", "arn:aws:s3:::b/*"],
    "Condition": PLAIN,
}
INSTANCE = "aws:rds/instance:Instance"
GROUP = "aws:rds/parameterGroup:ParameterGroup"
SEARCH = "aws:opensearch/domain:Domain"
CACHE = "aws:elasticache/replicationGroup:ReplicationGroup"


def _bucket(document: object) -> list[Resource]:
    policy = resource("aws:s3/bucketPolicy:BucketPolicy", {"bucket": "b", "policy": document})
    return [resource(BUCKET, {"bucket": "b"}), policy]


def _denying(**changes: object) -> list[Resource]:
    return _bucket(json.dumps({"Statement": [{**DENY, **changes}]}))


def _database(
    engine: str, parameters: object, token: str = INSTANCE, *, reference: str = "group"
) -> list[Resource]:
    cluster = "cluster" in token
    group_type = "aws:rds/clusterParameterGroup:ClusterParameterGroup" if cluster else GROUP
    through = "dbClusterParameterGroupName" if cluster else "parameterGroupName"
    return [
        resource(token, {"engine": engine, through: reference}),
        resource(group_type, {"name": "group", "parameters": parameters}),
    ]


def _forcing(name: str, value: object = "1") -> list[dict[str, object]]:
    return [{"name": "other", "value": "0"}, {"name": name, "value": value}]


TABLES = {
    "transit-s3-bucket-tls": Table(
        BUCKET,
        good=[
            _denying(),
            _denying(Principal={"AWS": "*"}, Action=["s3:*"]),
            _bucket({"Statement": DENY}),
            _denying(Resource="*"),
            _bucket(UNKNOWN),
        ],
        bad=[
            ({}, "has no policy"),
            (_denying(Effect="Allow"), "does not deny"),
            (_denying(Action="s3:GetObject"), "does not deny"),
            (_denying(Resource="arn:aws:s3:::b/*"), "does not deny"),
            (_denying(Resource="arn:aws:s3:::b"), "does not deny"),
            (_denying(Principal={"AWS": "arn:aws:iam::111111111111:root"}), "does not deny"),
            (_denying(Condition={"Bool": {"aws:SecureTransport": "true"}}), "does not deny"),
            (_denying(Condition={}), "does not deny"),
            (
                _denying(Condition={**PLAIN, "IpAddress": {"aws:SourceIp": "192.0.2.1"}}),
                "does not deny",
            ),
            (_denying(Resource=["arn:aws:s3:::b", "arn:aws:s3:::b/open/*"]), "does not deny"),
            (_bucket("not json"), "could not judge"),
            (_bucket(SECRET), "policy is not known"),
            (_bucket(None), "does not deny"),
        ],
    ),
    "transit-rds-force-tls": Table(
        INSTANCE,
        good=[
            _database("postgres", _forcing("rds.force_ssl")),
            _database("mysql", _forcing("require_secure_transport", "ON")),
            _database(
                "aurora-postgresql", _forcing("rds.force_ssl"), token="aws:rds/cluster:Cluster"
            ),
            {"replicateSourceDb": "primary"},
            [
                resource(
                    INSTANCE,
                    {"engine": "postgres", "parameterGroupName": UNKNOWN},
                    property_dependencies={"parameterGroupName": ("urn:of-another-stack",)},
                )
            ],
        ],
        bad=[
            ({}, "no parameter is known"),
            ({"engine": UNKNOWN}, "engine is not known"),
            ({"engine": "oracle-se2"}, "no parameter is known"),
            ({"engine": "postgres"}, "refers to no parameter group"),
            ({"engine": "postgres", "parameterGroupName": UNKNOWN}, "refers to no"),
            (
                _database("postgres", _forcing("rds.force_ssl"), reference="default.postgres17"),
                "refers to no",
            ),
            (_database("postgres", []), "does not set rds.force_ssl"),
            (
                _database("aurora-postgresql", [], token="aws:rds/cluster:Cluster"),
                "does not set rds.force_ssl",
            ),
            (_database("postgres", _forcing("rds.force_ssl", "0")), "does not set"),
            (_database("postgres", _forcing("rds.force_ssl", UNKNOWN)), "is not known"),
            (_database("mysql", _forcing("rds.force_ssl")), "does not set require_secure"),
        ],
    ),
    "transit-elasticache-tls": Table(
        CACHE,
        good=[{"transitEncryptionEnabled": True}],
        bad=[
            ({}, "transitEncryptionEnabled is not set"),
            ({"transitEncryptionEnabled": False}, "transitEncryptionEnabled is off"),
            ({"transitEncryptionEnabled": UNKNOWN}, "transitEncryptionEnabled is not known"),
            (
                {"transitEncryptionEnabled": True, "transitEncryptionMode": "preferred"},
                "also accepts plain",
            ),
            (
                {"transitEncryptionEnabled": True, "transitEncryptionMode": UNKNOWN},
                "transitEncryptionMode is not known",
            ),
        ],
    ),
    "transit-lb-listener-tls": Table(
        "aws:lb/listener:Listener",
        good=[
            {"protocol": "HTTPS"},
            {
                "protocol": "HTTP",
                "defaultActions": [{"type": "redirect", "redirect": {"protocol": "HTTPS"}}],
            },
        ],
        bad=[
            ({"protocol": "HTTP"}, "serves plain HTTP"),
            ({"protocol": "HTTP", "defaultActions": [{"type": "forward"}]}, "serves plain HTTP"),
            ({"protocol": UNKNOWN}, "protocol is not known"),
        ],
    ),
    "transit-eks-private-endpoint": Table(
        "aws:eks/cluster:Cluster",
        good=[{"vpcConfig": {"endpointPrivateAccess": True}}],
        bad=[
            ({}, "endpointPrivateAccess is not set"),
            ({"vpcConfig": {"endpointPrivateAccess": False}}, "endpointPrivateAccess is off"),
            ({"vpcConfig": UNKNOWN}, "endpointPrivateAccess is not known"),
        ],
    ),
    "transit-aws-stores": settings_table(
        (SEARCH, "domainEndpointOptions.enforceHttps", True, None),
        (SEARCH, "nodeToNodeEncryption.enabled", True, None),
        ("aws:memorydb/cluster:Cluster", "tlsEnabled", True, False),
        (
            "aws:msk/cluster:Cluster",
            "encryptionInfo.encryptionInTransit.clientBroker",
            "TLS",
            "TLS_PLAINTEXT",
        ),
        ("aws:rds/proxy:Proxy", "requireTls", True, None),
    ),
    "transit-sns-subscription": settings_table(
        ("aws:sns/topicSubscription:TopicSubscription", "protocol", "email", "http"),
    ),
}
