"""Encryption in transit on AWS."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from plinth.graph import UNKNOWN, Resource
from plinth_policies.controls import IN_TRANSIT
from plinth_policies.encryption.aws import BUCKET
from plinth_policies.model import REGISTRY, Scope
from plinth_policies.privilege.documents import document
from plinth_policies.settings import Setting, register
from plinth_policies.values import blocks, get, known, listed, switch_off

_PLAIN: Final = "Passwords and tokens would cross the network in plain text."

_BUCKET_POLICY: Final = "aws:s3/bucketPolicy:BucketPolicy"
_INSTANCE: Final = "aws:rds/instance:Instance"
_CLUSTER: Final = "aws:rds/cluster:Cluster"

#: Database type -> the property that names its parameter group, and the group's type.
_GROUPS: Final = {
    _INSTANCE: ("parameterGroupName", "aws:rds/parameterGroup:ParameterGroup"),
    _CLUSTER: (
        "dbClusterParameterGroupName",
        "aws:rds/clusterParameterGroup:ClusterParameterGroup",
    ),
}

#: Word in the engine's name -> the parameter that refuses plain connections
#: (Amazon RDS user guide, "Using SSL/TLS to encrypt a connection to a DB instance").
_FORCE_TLS: Final = {
    "postgres": "rds.force_ssl",
    "sqlserver": "rds.force_ssl",
    "mysql": "require_secure_transport",
    "mariadb": "require_secure_transport",
}


def _bucket_policy(*statements: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    return _BUCKET_POLICY, {"bucket": "models", "policy": json.dumps({"Statement": statements})}


@REGISTRY.rule(
    "transit-s3-bucket-tls",
    title="S3 buckets refuse plain HTTP",
    why="S3 answers plain HTTP unless a bucket policy denies it.",
    fix="attach a bucket policy that denies s3:* on the bucket and its objects to everyone "
    "when aws:SecureTransport is false",
    judges={BUCKET: ()},
    consults={_BUCKET_POLICY: ("bucket", "policy")},
    controls=(*IN_TRANSIT, "cis-aws/2.1.1"),
    good=(
        (BUCKET, {"bucket": "models"}),
        _bucket_policy(
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": ["arn:aws:s3:::models", "arn:aws:s3:::models/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ),
    ),
    bad=((BUCKET, {"bucket": "models"}), _bucket_policy()),
)
def _bucket_tls(resource: Resource, scope: Scope) -> Iterator[str]:
    found = [c.inputs.get("policy") for c in scope.companions(resource, _BUCKET_POLICY, "bucket")]
    if not found:
        yield "the bucket has no policy"
    elif not any(policy == UNKNOWN or _denies_plain(policy) for policy in found):
        yield "the bucket's policy does not deny plain HTTP"


def _denies_plain(policy: Any) -> bool:
    statements = blocks(document(policy, "policy").get("Statement"), "Statement")
    return any(map(_statement_denies_plain, statements))


def _statement_denies_plain(statement: Mapping[str, Any]) -> bool:
    conditions = statement.get("Condition") or {}
    secure = [
        str(value).lower()
        for key, values in (conditions.get("Bool") or {}).items()
        for value in (key.lower(), *listed(values))
    ]
    resources = [r for r in listed(statement.get("Resource")) if r]
    return (
        statement.get("Effect") == "Deny"
        and (len(conditions), secure) == (1, ["aws:securetransport", "false"])
        and statement.get("Principal") in ("*", {"AWS": "*"}, {"AWS": ["*"]})
        and not {"*", "s3:*"}.isdisjoint(listed(statement.get("Action")))
        and any("/" not in r and (r.endswith("*") or f"{r}/*" in resources) for r in resources)
    )


def _database(forced: str) -> tuple[tuple[str, dict[str, Any]], ...]:
    parameters = [{"name": "rds.force_ssl", "value": forced}]
    return (
        (_INSTANCE, {"engine": "postgres", "parameterGroupName": "platform"}),
        (_GROUPS[_INSTANCE][1], {"name": "platform", "parameters": parameters}),
    )


@REGISTRY.rule(
    "transit-rds-force-tls",
    title="Databases refuse connections without TLS",
    why="Without the parameter a client may connect in plain text.",
    fix="attach a parameter group that forces TLS (rds.force_ssl or require_secure_transport)",
    judges={
        _INSTANCE: ("parameterGroupName", "engine", "replicateSourceDb"),
        _CLUSTER: ("dbClusterParameterGroupName", "engine"),
    },
    consults={
        group: ("name", "parameters.name", "parameters.value") for _, group in _GROUPS.values()
    },
    controls=IN_TRANSIT,
    good=_database("1"),
    bad=_database("0"),
)
def _force_tls(resource: Resource, scope: Scope) -> Iterator[str]:
    through, kind = _GROUPS[resource.type]
    if resource.inputs.get("replicateSourceDb"):
        return  # a replica runs with its source's parameter group
    engine = known(resource.inputs.get("engine"), "engine")
    parameter = next((p for word, p in _FORCE_TLS.items() if word in (engine or "")), None)
    if parameter is None:
        yield f"no parameter is known that forces TLS on engine {engine}"
        return
    group = scope.target(resource, through, kind)
    if group is None:
        # An unknown name that comes from somewhere is a reference; one that comes from nowhere
        # is what the cloud would choose.
        referred = resource.property_dependencies.get(through)
        if resource.inputs.get(through) != UNKNOWN or not referred:
            yield f"{through} refers to no parameter group of this stack"
        return
    settings = {
        known(get(entry, "name"), "parameters"): get(entry, "value")
        for entry in blocks(group.inputs.get("parameters"), "parameters")
    }
    if str(known(settings.get(parameter), parameter)).upper() not in ("1", "ON"):
        yield f"the parameter group does not set {parameter}"


@REGISTRY.rule(
    "transit-elasticache-tls",
    title="Caches accept connections with TLS alone",
    why="A cache without TLS sends features and passwords in plain text.",
    fix="turn transitEncryptionEnabled on and leave transitEncryptionMode at required",
    judges={
        "aws:elasticache/replicationGroup:ReplicationGroup": (
            "transitEncryptionEnabled",
            "transitEncryptionMode",
        )
    },
    controls=IN_TRANSIT,
    good={"transitEncryptionEnabled": True},
    bad={"transitEncryptionEnabled": False},
)
def _cache_tls(resource: Resource, _scope: Scope) -> Iterator[str]:
    yield from switch_off(resource.inputs, "transitEncryptionEnabled")
    mode = "transitEncryptionMode"
    if known(resource.inputs.get(mode), mode) == "preferred":
        yield "transitEncryptionMode also accepts plain connections"


@REGISTRY.rule(
    "transit-lb-listener-tls",
    title="Load balancers serve plain HTTP only to redirect it",
    why=_PLAIN,
    fix="use HTTPS, or redirect every default action to HTTPS",
    judges={
        "aws:lb/listener:Listener": (
            "protocol",
            "defaultActions.type",
            "defaultActions.redirect.protocol",
        )
    },
    controls=(*IN_TRANSIT, "cis-eks/5.4.5"),
    good={
        "protocol": "HTTP",
        "defaultActions": [{"type": "redirect", "redirect": {"protocol": "HTTPS"}}],
    },
    bad={"protocol": "HTTP", "defaultActions": [{"type": "forward"}]},
)
def _listener(resource: Resource, _scope: Scope) -> Iterator[str]:
    if known(resource.inputs.get("protocol"), "protocol") != "HTTP":
        return
    actions = blocks(resource.inputs.get("defaultActions"), "defaultActions")
    if not actions or any(
        get(action, "type") != "redirect" or get(action, "redirect.protocol") != "HTTPS"
        for action in actions
    ):
        yield "the listener serves plain HTTP"


@REGISTRY.rule(
    "transit-eks-private-endpoint",
    title="Nodes reach the EKS API inside the network",
    why="Without the private endpoint, nodes and controllers talk to the API over the internet.",
    fix="turn vpcConfig.endpointPrivateAccess on",
    judges={"aws:eks/cluster:Cluster": ("vpcConfig.endpointPrivateAccess",)},
    controls=(*IN_TRANSIT, "cis-eks/5.4.2"),
    good={"vpcConfig": {"endpointPrivateAccess": True}},
    bad={"vpcConfig": {"endpointPrivateAccess": False}},
)
def _eks_private(resource: Resource, _scope: Scope) -> Iterator[str]:
    yield from switch_off(resource.inputs, "vpcConfig.endpointPrivateAccess")


register(
    "transit-aws-stores",
    {
        "aws:opensearch/domain:Domain": (
            Setting("domainEndpointOptions.enforceHttps", ("true",), default="false"),
            Setting("nodeToNodeEncryption.enabled", ("true",), default="false"),
        ),
        "aws:memorydb/cluster:Cluster": (Setting("tlsEnabled", ("true",), default="true"),),
        "aws:msk/cluster:Cluster": (
            Setting("encryptionInfo.encryptionInTransit.clientBroker", ("TLS",), default="TLS"),
        ),
        "aws:rds/proxy:Proxy": (Setting("requireTls", ("true",), default="false"),),
    },
    title="Search domains, caches, brokers and proxies on AWS refuse plain connections",
    why=_PLAIN,
    fix="turn the property on, or leave it at its default where that is TLS",
    controls=IN_TRANSIT,
)

register(
    "transit-sns-subscription",
    {
        "aws:sns/topicSubscription:TopicSubscription": (
            Setting(
                "protocol",
                (
                    "https",
                    "application",
                    "email",
                    "email-json",
                    "firehose",
                    "lambda",
                    "sms",
                    "sqs",
                ),
                refused="http",
            ),
        )
    },
    title="Notifications of SNS are not delivered over plain HTTP",
    why="Alerts name machines, addresses and mistakes of a platform.",
    fix="subscribe with https",
    controls=IN_TRANSIT,
)
