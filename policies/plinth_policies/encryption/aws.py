"""Encryption at rest on AWS."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any, Final

from plinth.graph import Resource
from plinth_policies.encryption.stores import WHY, Store, register
from plinth_policies.model import REGISTRY, Scope
from plinth_policies.values import blocks, get, hidden, key_missing, known, switch_off

BUCKET: Final = "aws:s3/bucket:Bucket"
BUCKET_LOGGING: Final = "aws:s3/bucketLogging:BucketLogging"
BUCKET_ENCRYPTION: Final = (
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
)

register(
    Store("ebs-volume", "EBS volumes", "aws:ebs/volume:Volume", "kmsKeyId", "encrypted"),
    Store(
        "rds-instance",
        "RDS instances",
        "aws:rds/instance:Instance",
        "kmsKeyId",
        "storageEncrypted",
        "replicateSourceDb",
    ),
    Store("rds-cluster", "RDS clusters", "aws:rds/cluster:Cluster", "kmsKeyId", "storageEncrypted"),
    Store(
        "elasticache-group",
        "ElastiCache replication groups",
        "aws:elasticache/replicationGroup:ReplicationGroup",
        "kmsKeyId",
        "atRestEncryptionEnabled",
    ),
    Store(
        "elasticache-serverless",
        "ElastiCache serverless caches",
        "aws:elasticache/serverlessCache:ServerlessCache",
        "kmsKeyId",
    ),
    Store("efs", "EFS file systems", "aws:efs/fileSystem:FileSystem", "kmsKeyId", "encrypted"),
    Store(
        "dynamodb-table",
        "DynamoDB tables",
        "aws:dynamodb/table:Table",
        "serverSideEncryption.kmsKeyArn",
        "serverSideEncryption.enabled",
    ),
    Store("log-group", "CloudWatch log groups", "aws:cloudwatch/logGroup:LogGroup", "kmsKeyId"),
    Store("secret", "secrets", "aws:secretsmanager/secret:Secret", "kmsKeyId"),
    Store("sns-topic", "SNS topics", "aws:sns/topic:Topic", "kmsMasterKeyId"),
    Store("sqs-queue", "SQS queues", "aws:sqs/queue:Queue", "kmsMasterKeyId"),
    Store("backup-vault", "backup vaults", "aws:backup/vault:Vault", "kmsKeyArn"),
    Store("mwaa", "managed Airflow environments", "aws:mwaa/environment:Environment", "kmsKey"),
    Store("sagemaker-domain", "SageMaker domains", "aws:sagemaker/domain:Domain", "kmsKeyId"),
)


@REGISTRY.rule(
    "encryption-s3-bucket-kms",
    title="Objects in S3 buckets are encrypted with a customer-managed key",
    why=WHY,
    fix="give the bucket a server-side encryption configuration with aws:kms and a key",
    judges={
        BUCKET: (
            "serverSideEncryptionConfiguration.rule.applyServerSideEncryptionByDefault.sseAlgorithm",
            "serverSideEncryptionConfiguration.rule.applyServerSideEncryptionByDefault.kmsMasterKeyId",
        )
    },
    consults={
        BUCKET_ENCRYPTION: (
            "bucket",
            "rules.applyServerSideEncryptionByDefault.sseAlgorithm",
            "rules.applyServerSideEncryptionByDefault.kmsMasterKeyId",
        ),
        BUCKET_LOGGING: ("targetBucket",),
    },
)
def _s3_bucket(resource: Resource, scope: Scope) -> Iterator[str]:
    companions = scope.companions(resource, BUCKET_ENCRYPTION, "bucket")
    rules: list[Any] = [
        rule for companion in companions for rule in blocks(companion.inputs.get("rules"), "rules")
    ]
    if not companions:
        # As an output the inline block is there for every bucket and unknown in a preview, so
        # only a known one counts.
        inline = get(resource.inputs, "serverSideEncryptionConfiguration.rule")
        rules = [] if inline is None or hidden(inline) else [inline]
    if not rules:
        yield "nothing sets the encryption of the bucket"
    if scope.companions(resource, BUCKET_LOGGING, "targetBucket"):
        # S3 delivers access logs to buckets with its own keys only (AWS documentation, "Enabling
        # Amazon S3 server access logging", permissions of the destination bucket).
        return
    for rule in rules:
        default = get(rule, "applyServerSideEncryptionByDefault") or {}
        algorithm = known(get(default, "sseAlgorithm"), "sseAlgorithm")
        if algorithm not in ("aws:kms", "aws:kms:dsse"):
            yield f"sseAlgorithm is {algorithm or 'not set'}"
        yield from key_missing(default, "kmsMasterKeyId")


@REGISTRY.rule(
    "encryption-launch-template-kms",
    title="Volumes of machines are encrypted with a customer-managed key",
    why=WHY,
    fix="map every block device with encrypted and kmsKeyId",
    judges={
        "aws:ec2/launchTemplate:LaunchTemplate": (
            "blockDeviceMappings.ebs.encrypted",
            "blockDeviceMappings.ebs.kmsKeyId",
        )
    },
)
def _launch_template(resource: Resource, _scope: Scope) -> Iterator[str]:
    mappings = blocks(resource.inputs.get("blockDeviceMappings"), "blockDeviceMappings")
    volumes = [ebs for mapping in mappings if (ebs := known(get(mapping, "ebs"), "ebs"))]
    if not volumes:
        yield "no block device is mapped, so the image decides"
    for volume in volumes:
        yield from chain(switch_off(volume, "encrypted"), key_missing(volume, "kmsKeyId"))


@REGISTRY.rule(
    "encryption-eks-nodes-kms",
    title="EKS nodes start from a launch template, which encrypts their volumes",
    why="Without a launch template the node's volume is encrypted with no key of one's own.",
    fix="set launchTemplate",
    judges={"aws:eks/nodeGroup:NodeGroup": ("launchTemplate",)},
)
def _node_group(resource: Resource, _scope: Scope) -> Iterator[str]:
    if not resource.inputs.get("launchTemplate"):
        yield "launchTemplate is not set"


@REGISTRY.rule(
    "encryption-ecr-repository-kms",
    title="Container images are encrypted with a customer-managed key",
    why=WHY,
    fix="set encryptionConfigurations with encryptionType KMS and a kmsKey",
    judges={
        "aws:ecr/repository:Repository": (
            "encryptionConfigurations.encryptionType",
            "encryptionConfigurations.kmsKey",
        )
    },
)
def _ecr(resource: Resource, _scope: Scope) -> Iterator[str]:
    name = "encryptionConfigurations"
    configurations = blocks(resource.inputs.get(name), name)
    if not configurations:
        yield f"{name} is not set"
    for configuration in configurations:
        kind = known(get(configuration, "encryptionType"), "encryptionType")
        if kind not in ("KMS", "KMS_DSSE"):
            yield f"encryptionType is {kind or 'not set'}"
        yield from key_missing(configuration, "kmsKey")


@REGISTRY.rule(
    "encryption-eks-secrets-kms",
    title="Kubernetes secrets of EKS clusters are encrypted with a customer-managed key",
    why=WHY,
    fix="set encryptionConfig for the resource secrets with a key",
    judges={
        "aws:eks/cluster:Cluster": (
            "encryptionConfig.provider.keyArn",
            "encryptionConfig.resources",
        )
    },
)
def _eks(resource: Resource, _scope: Scope) -> Iterator[str]:
    if "secrets" not in blocks(get(resource.inputs, "encryptionConfig.resources"), "resources"):
        yield "encryptionConfig does not cover secrets"
    yield from key_missing(resource.inputs, "encryptionConfig.provider.keyArn")


@REGISTRY.rule(
    "encryption-rds-master-secret-kms",
    title="Managed master passwords are encrypted with a customer-managed key",
    why=WHY,
    fix="set masterUserSecretKmsKeyId",
    judges=dict.fromkeys(
        ("aws:rds/instance:Instance", "aws:rds/cluster:Cluster"),
        ("manageMasterUserPassword", "masterUserSecretKmsKeyId"),
    ),
)
def _master_secret(resource: Resource, _scope: Scope) -> Iterator[str]:
    if get(resource.inputs, "manageMasterUserPassword"):
        yield from key_missing(resource.inputs, "masterUserSecretKmsKeyId")


@REGISTRY.rule(
    "encryption-ssm-parameter-kms",
    title="Secure parameters are encrypted with a customer-managed key",
    why=WHY,
    fix="set keyId",
    judges={"aws:ssm/parameter:Parameter": ("type", "keyId")},
)
def _ssm(resource: Resource, _scope: Scope) -> Iterator[str]:
    if known(resource.inputs.get("type"), "type") == "SecureString":
        yield from key_missing(resource.inputs, "keyId")


@REGISTRY.rule(
    "encryption-kms-key-rotation",
    title="Customer-managed keys rotate",
    why="Rotation bounds how much data one set of key material protects.",
    fix="turn enableKeyRotation on",
    judges={"aws:kms/key:Key": ("enableKeyRotation", "customerMasterKeySpec")},
)
def _rotation(resource: Resource, _scope: Scope) -> Iterator[str]:
    spec = resource.inputs.get("customerMasterKeySpec") or "SYMMETRIC_DEFAULT"
    if known(spec, "customerMasterKeySpec") == "SYMMETRIC_DEFAULT":  # no other kind can rotate
        yield from switch_off(resource.inputs, "enableKeyRotation")
