"""Encryption at rest, with keys that the customer manages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from plinth.graph import Resource
from plinth_policies.model import REGISTRY, Check, Scope
from plinth_policies.values import blocks, get, hidden, key_missing, known, switch_off

_WHY: Final = (
    "Only a key of one's own can be revoked, audited use by use, and kept from other tenants."
)

BUCKET: Final = "aws:s3/bucket:Bucket"
BUCKET_LOGGING: Final = "aws:s3/bucketLogging:BucketLogging"
BUCKET_ENCRYPTION: Final = (
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
)


@dataclass(frozen=True)
class _Store:
    """A type whose encryption is one key property and, for some, one switch."""

    rule_id: str
    what: str
    token: str
    key: str
    switch: str | None = None
    inherits: str | None = None  # property of a copy, which is encrypted as its source is

    @property
    def reads(self) -> tuple[str, ...]:
        return tuple(name for name in (self.key, self.switch, self.inherits) if name)


_STORES: Final = (
    _Store("ebs-volume", "EBS volumes", "aws:ebs/volume:Volume", "kmsKeyId", "encrypted"),
    _Store(
        "rds-instance",
        "RDS instances",
        "aws:rds/instance:Instance",
        "kmsKeyId",
        "storageEncrypted",
        "replicateSourceDb",
    ),
    _Store(
        "rds-cluster", "RDS clusters", "aws:rds/cluster:Cluster", "kmsKeyId", "storageEncrypted"
    ),
    _Store(
        "elasticache-group",
        "ElastiCache replication groups",
        "aws:elasticache/replicationGroup:ReplicationGroup",
        "kmsKeyId",
        "atRestEncryptionEnabled",
    ),
    _Store(
        "elasticache-serverless",
        "ElastiCache serverless caches",
        "aws:elasticache/serverlessCache:ServerlessCache",
        "kmsKeyId",
    ),
    _Store("efs", "EFS file systems", "aws:efs/fileSystem:FileSystem", "kmsKeyId", "encrypted"),
    _Store(
        "dynamodb-table",
        "DynamoDB tables",
        "aws:dynamodb/table:Table",
        "serverSideEncryption.kmsKeyArn",
        "serverSideEncryption.enabled",
    ),
    _Store("log-group", "CloudWatch log groups", "aws:cloudwatch/logGroup:LogGroup", "kmsKeyId"),
    _Store("secret", "secrets", "aws:secretsmanager/secret:Secret", "kmsKeyId"),
    _Store("sns-topic", "SNS topics", "aws:sns/topic:Topic", "kmsMasterKeyId"),
    _Store("sqs-queue", "SQS queues", "aws:sqs/queue:Queue", "kmsMasterKeyId"),
    _Store("backup-vault", "backup vaults", "aws:backup/vault:Vault", "kmsKeyArn"),
    _Store("mwaa", "managed Airflow environments", "aws:mwaa/environment:Environment", "kmsKey"),
    _Store("sagemaker-domain", "SageMaker domains", "aws:sagemaker/domain:Domain", "kmsKeyId"),
)


def _check_of(store: _Store) -> Check:
    def check(resource: Resource, _scope: Scope) -> Iterator[str]:
        if store.inherits and get(resource.inputs, store.inherits):
            return
        if store.switch:
            yield from switch_off(resource.inputs, store.switch)
        yield from key_missing(resource.inputs, store.key)

    return check


for _store in _STORES:
    REGISTRY.rule(
        f"encryption-{_store.rule_id}-kms",
        title=f"Data of {_store.what} is encrypted with a customer-managed key",
        why=_WHY,
        fix=f"turn {_store.switch} on and set {_store.key}"
        if _store.switch
        else f"set {_store.key}",
        judges={_store.token: _store.reads},
    )(_check_of(_store))


@REGISTRY.rule(
    "encryption-s3-bucket-kms",
    title="Objects in S3 buckets are encrypted with a customer-managed key",
    why=_WHY,
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
    why=_WHY,
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
    "encryption-ebs-storage-class-kms",
    title="Volumes made by the EBS driver are encrypted with a customer-managed key",
    why=_WHY,
    fix='set the parameters encrypted: "true" and kmsKeyId',
    judges={
        "kubernetes:storage.k8s.io/v1:StorageClass": (
            "provisioner",
            "parameters.encrypted",
            "parameters.kmsKeyId",
        )
    },
)
def _storage_class(resource: Resource, _scope: Scope) -> Iterator[str]:
    if known(resource.inputs.get("provisioner"), "provisioner") in (
        "ebs.csi.aws.com",
        "ebs.csi.eks.amazonaws.com",
    ):
        yield from switch_off(resource.inputs, "parameters.encrypted")
        yield from key_missing(resource.inputs, "parameters.kmsKeyId")


@REGISTRY.rule(
    "encryption-ecr-repository-kms",
    title="Container images are encrypted with a customer-managed key",
    why=_WHY,
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
    why=_WHY,
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
    why=_WHY,
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
    why=_WHY,
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
