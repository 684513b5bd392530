"""Where data lives: buckets, databases, caches, keys, secrets, queues."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from plinth.rehearsal.packages.aws.shapes import (
    arn,
    by_arn,
    capitals,
    joined,
    made_uuid,
    named,
    short_region,
    zone,
)
from plinth.rehearsal.packages.base import Birth, Made, Maker

_PORTS: Final = {"mysql": 3306, "mariadb": 3306, "oracle": 1521, "sqlserver": 1433}


def _kms_key(birth: Birth) -> Made:
    multi = birth.text("multiRegion").lower() == "true"
    id_ = f"mrk-{birth.hex(32)}" if multi else made_uuid(birth)
    return id_, {"keyId": id_, "arn": arn(birth, "kms", f"key/{id_}")}


def _kms_alias(birth: Birth) -> Made:
    target = birth.text("targetKeyId").rsplit("/", 1)[-1]
    outputs = {
        "arn": arn(birth, "kms", birth.name),
        "targetKeyArn": arn(birth, "kms", f"key/{target}"),
    }
    return birth.name, outputs


def _bucket(birth: Birth) -> Made:
    return birth.name, {
        "bucket": birth.name,
        "arn": f"arn:aws:s3:::{birth.name}",
        "bucketDomainName": f"{birth.name}.s3.amazonaws.com",
        "bucketRegionalDomainName": f"{birth.name}.s3.{birth.region}.amazonaws.com",
        "bucketRegion": birth.region,
        "hostedZoneId": "Z1BKCTXD74EZPE",
        "requestPayer": "BucketOwner",
    }


def _object(birth: Birth) -> Made:
    bucket, key = birth.text("bucket"), birth.text("key", birth.name)
    tag = birth.hex(32, f"etag{birth.revision}")
    known = {"arn": f"arn:aws:s3:::{bucket}/{key}", "etag": tag, "key": key}
    return f"{bucket}/{key}", known | {"versionId": birth.hex(32, f"version{birth.revision}")}


def _engine_port(birth: Birth) -> int:
    engine = birth.text("engine", "postgres").replace("aurora-", "")
    return birth.number("port", next((p for e, p in _PORTS.items() if e in engine), 5432))


def _master_secret(birth: Birth, kind: str) -> dict[str, Any]:
    if birth.text("manageMasterUserPassword").lower() != "true":
        return {"masterUserSecrets": []}
    secret = f"secret:rds!{kind}-{made_uuid(birth, 'master')}-{birth.hex(6, 'master')}"
    key = birth.text(
        "masterUserSecretKmsKeyId", arn(birth, "kms", f"key/{made_uuid(birth, 'aws')}")
    )
    parts = {"kmsKeyId": key, "secretArn": arn(birth, "secretsmanager", secret)}
    return {"masterUserSecrets": [parts | {"secretStatus": "active"}]}


def _rds(birth: Birth) -> Made:
    address, port = (
        f"{birth.name}.{birth.hex(12)}.{birth.region}.rds.amazonaws.com",
        _engine_port(birth),
    )
    resource = capitals(birth, "db-", 29)
    return resource, {
        "identifier": birth.name,
        "arn": arn(birth, "rds", f"db:{birth.name}"),
        "address": address,
        "endpoint": f"{address}:{port}",
        "port": port,
        "resourceId": resource,
        "status": "available",
        "availabilityZone": zone(birth),
        "hostedZoneId": "Z29XKXDKYMONMX",
        "engineVersionActual": birth.text("engineVersion", "17.4"),
        "engineVersion": birth.text("engineVersion", "17.4"),
    } | _master_secret(birth, "db")


def _rds_cluster(birth: Birth) -> Made:
    host = f"{birth.hex(12)}.{birth.region}.rds.amazonaws.com"
    return birth.name, {
        "clusterIdentifier": birth.name,
        "arn": arn(birth, "rds", f"cluster:{birth.name}"),
        "endpoint": f"{birth.name}.cluster-{host}",
        "readerEndpoint": f"{birth.name}.cluster-ro-{host}",
        "port": _engine_port(birth),
        "clusterResourceId": capitals(birth, "cluster-", 34),
        "hostedZoneId": "Z29XKXDKYMONMX",
    } | _master_secret(birth, "cluster")


def _rds_member(birth: Birth) -> Made:
    host = f"{birth.name}.{birth.hex(12)}.{birth.region}.rds.amazonaws.com"
    known = {"endpoint": host, "port": _engine_port(birth), "identifier": birth.name}
    return birth.name, known | {"arn": arn(birth, "rds", f"db:{birth.name}"), "writer": True}


def _cache_host(birth: Birth, prefix: str = "") -> str:
    region = short_region(birth.region)
    return f"{prefix}{birth.name}.{birth.hex(6)}.{region}.cache.amazonaws.com"


def _replication_group(birth: Birth) -> Made:
    sharded = birth.text("clusterMode") == "enabled" or birth.number("numNodeGroups", 1) > 1
    hosts = (
        {"configurationEndpointAddress": _cache_host(birth, "clustercfg.")}
        if sharded
        else {
            "primaryEndpointAddress": _cache_host(birth, "master."),
            "readerEndpointAddress": _cache_host(birth, "replica."),
        }
    )
    count = birth.number("numCacheClusters", 1)
    known = {
        "replicationGroupId": birth.name,
        "arn": arn(birth, "elasticache", f"replicationgroup:{birth.name}"),
        "port": birth.number("port", 6379),
        "memberClusters": [f"{birth.name}-{i:03}" for i in range(1, count + 1)],
    }
    return birth.name, known | hosts


def _serverless_cache(birth: Birth) -> Made:
    host = (
        f"{birth.name}-{birth.hex(6)}.serverless.{short_region(birth.region)}.cache.amazonaws.com"
    )
    return birth.name, {
        "arn": arn(birth, "elasticache", f"serverlesscache:{birth.name}"),
        "endpoints": [{"address": host, "port": 6379}],
        "readerEndpoints": [{"address": host, "port": 6380}],
        "status": "available",
    }


def _secret(birth: Birth) -> Made:
    id_ = arn(birth, "secretsmanager", f"secret:{birth.name}-{birth.hex(6)}")
    return id_, {"arn": id_}


def _secret_version(birth: Birth) -> Made:
    secret, version = birth.text("secretId"), made_uuid(birth, str(birth.revision))
    known = {"arn": secret, "versionId": version, "versionStages": ["AWSCURRENT"]}
    return f"{secret}|{version}", known


def _queue(birth: Birth) -> Made:
    url = f"https://sqs.{birth.region}.amazonaws.com/{birth.account}/{birth.name}"
    return url, {"url": url, "arn": arn(birth, "sqs", birth.name)}


def _subscription(birth: Birth) -> Made:
    id_ = f"{birth.text('topic')}:{made_uuid(birth)}"
    pending = birth.text("protocol") in ("email", "email-json", "http", "https")
    known = {"arn": id_, "ownerId": birth.account, "pendingConfirmation": pending}
    return id_, known | {"confirmationWasAuthenticated": not pending}


MAKERS: Final[Mapping[str, Maker]] = {
    "aws:backup/plan:Plan": lambda b: (
        made_uuid(b),
        {"arn": arn(b, "backup", f"backup-plan:{made_uuid(b)}"), "version": b.hex(24)},
    ),
    "aws:backup/selection:Selection": lambda b: (made_uuid(b), {}),
    "aws:backup/vault:Vault": named("backup", "backup-vault:{}", recoveryPoints=lambda _: 0),
    "aws:budgets/budget:Budget": lambda b: (
        f"{b.account}:{b.name}",
        {"arn": arn(b, "budgets", f"budget/{b.name}", region=False), "accountId": b.account},
    ),
    "aws:dynamodb/table:Table": named("dynamodb", "table/{}"),
    "aws:elasticache/parameterGroup:ParameterGroup": named("elasticache", "parametergroup:{}"),
    "aws:elasticache/replicationGroup:ReplicationGroup": _replication_group,
    "aws:elasticache/serverlessCache:ServerlessCache": _serverless_cache,
    "aws:elasticache/subnetGroup:SubnetGroup": named("elasticache", "subnetgroup:{}"),
    "aws:elasticache/user:User": lambda b: (
        b.text("userId"),
        {"arn": arn(b, "elasticache", f"user:{b.text('userId')}")},
    ),
    "aws:elasticache/userGroup:UserGroup": lambda b: (
        b.text("userGroupId"),
        {"arn": arn(b, "elasticache", f"usergroup:{b.text('userGroupId')}")},
    ),
    "aws:kms/alias:Alias": _kms_alias,
    "aws:kms/key:Key": _kms_key,
    "aws:rds/cluster:Cluster": _rds_cluster,
    "aws:rds/clusterInstance:ClusterInstance": _rds_member,
    "aws:rds/clusterParameterGroup:ClusterParameterGroup": named("rds", "cluster-pg:{}"),
    "aws:rds/instance:Instance": _rds,
    "aws:rds/optionGroup:OptionGroup": named("rds", "og:{}"),
    "aws:rds/parameterGroup:ParameterGroup": named("rds", "pg:{}"),
    "aws:rds/subnetGroup:SubnetGroup": named("rds", "subgrp:{}"),
    "aws:s3/bucket:Bucket": _bucket,
    "aws:s3/bucketObject:BucketObject": _object,
    "aws:s3/bucketObjectv2:BucketObjectv2": _object,
    "aws:secretsmanager/secret:Secret": _secret,
    "aws:secretsmanager/secretPolicy:SecretPolicy": joined("{secretArn}"),
    "aws:secretsmanager/secretRotation:SecretRotation": joined("{secretId}"),
    "aws:secretsmanager/secretVersion:SecretVersion": _secret_version,
    "aws:sns/topic:Topic": by_arn("sns", "{}", owner=lambda b: b.account),
    "aws:sns/topicPolicy:TopicPolicy": joined("{arn}", owner=lambda b: b.account),
    "aws:sns/topicSubscription:TopicSubscription": _subscription,
    "aws:sqs/queue:Queue": _queue,
    "aws:sqs/queuePolicy:QueuePolicy": joined("{queueUrl}"),
    "aws:ssm/parameter:Parameter": named("ssm", "parameter/{}", version=lambda b: b.revision),
}
