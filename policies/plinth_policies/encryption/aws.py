"""Encryption at rest on AWS."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, Final

from plinth.graph import Resource
from plinth_policies.controls import AT_REST, KEYS
from plinth_policies.encryption.stores import AWS_KEY, WHY
from plinth_policies.model import REGISTRY, Scope
from plinth_policies.values import blocks, get, hidden, key_missing, known, put, switch_off

BUCKET: Final = "aws:s3/bucket:Bucket"
BUCKET_LOGGING: Final = "aws:s3/bucketLogging:BucketLogging"
BUCKET_ENCRYPTION: Final = (
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
)


def _bucket_encryption(algorithm: str, key: str | None = None) -> tuple[str, dict[str, Any]]:
    default = {"sseAlgorithm": algorithm} | ({"kmsMasterKeyId": key} if key else {})
    rule = {"applyServerSideEncryptionByDefault": default}
    return BUCKET_ENCRYPTION, {"bucket": "models", "rules": [rule]}


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
    controls=AT_REST,
    good=((BUCKET, {"bucket": "models"}), _bucket_encryption("aws:kms", AWS_KEY)),
    bad=((BUCKET, {"bucket": "models"}), _bucket_encryption("AES256")),
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


def _volume(ebs: Mapping[str, str]) -> dict[str, Any]:
    return {"blockDeviceMappings": [{"deviceName": "/dev/xvda", "ebs": ebs}]}


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
    controls=(*AT_REST, "cis-aws/2.2.1"),
    good=_volume({"encrypted": "true", "kmsKeyId": AWS_KEY}),
    bad=_volume({"encrypted": "true"}),
)
def _launch_template(resource: Resource, _scope: Scope) -> Iterator[str]:
    mappings = blocks(resource.inputs.get("blockDeviceMappings"), "blockDeviceMappings")
    volumes = [ebs for mapping in mappings if (ebs := known(get(mapping, "ebs"), "ebs"))]
    if not volumes:
        yield "no block device is mapped, so the image decides"
    for volume in volumes:
        yield from chain(switch_off(volume, "encrypted"), key_missing(volume, "kmsKeyId"))


_DISKS: Final = ("rootBlockDevice", "ebsBlockDevices")


@REGISTRY.rule(
    "encryption-ec2-instance-kms",
    title="Volumes that an EC2 instance brings are encrypted with a customer-managed key",
    why=WHY,
    fix="set encrypted and kmsKeyId on rootBlockDevice and on every one of ebsBlockDevices",
    judges={
        "aws:ec2/instance:Instance": tuple(
            f"{disk}.{name}" for disk in _DISKS for name in ("encrypted", "kmsKeyId")
        )
    },
    controls=(*AT_REST, "cis-aws/2.2.1"),
    good={"rootBlockDevice": {"encrypted": True, "kmsKeyId": AWS_KEY}},
    bad={"rootBlockDevice": {"encrypted": True}},
)
def _instance(resource: Resource, _scope: Scope) -> Iterator[str]:
    root, more = (blocks(resource.inputs.get(name), name) for name in _DISKS)
    if not root:
        yield "rootBlockDevice is not set, so the image decides"
    for volume in (*root, *more):
        yield from chain(switch_off(volume, "encrypted"), key_missing(volume, "kmsKeyId"))


@REGISTRY.rule(
    "encryption-eks-nodes-kms",
    title="EKS nodes start from a launch template, which encrypts their volumes",
    why="Without a launch template the node's volume is encrypted with no key of one's own.",
    fix="set launchTemplate",
    judges={"aws:eks/nodeGroup:NodeGroup": ("launchTemplate",)},
    controls=(*AT_REST, "cis-aws/2.2.1"),
    good={"launchTemplate": {"id": "lt-0123456789abcdef0", "version": "1"}},
    bad={"diskSize": 100},
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
    controls=AT_REST,
    good={"encryptionConfigurations": [{"encryptionType": "KMS", "kmsKey": AWS_KEY}]},
    bad={"encryptionConfigurations": [{"encryptionType": "AES256"}]},
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
    controls=(*AT_REST, "cis-eks/5.3.1"),
    good={"encryptionConfig": {"resources": ["secrets"], "provider": {"keyArn": AWS_KEY}}},
    bad={"name": "platform"},
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
    controls=AT_REST,
    good={"manageMasterUserPassword": True, "masterUserSecretKmsKeyId": AWS_KEY},
    bad={"manageMasterUserPassword": True},
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
    controls=AT_REST,
    good={"type": "SecureString", "keyId": AWS_KEY},
    bad={"type": "SecureString"},
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
    controls=(*KEYS, "cis-aws/3.6"),
    good={"enableKeyRotation": True},
    bad={"enableKeyRotation": False},
    mend=lambda resource, _scope: put(resource.inputs, "enableKeyRotation", value=True),
)
def _rotation(resource: Resource, _scope: Scope) -> Iterator[str]:
    spec = resource.inputs.get("customerMasterKeySpec") or "SYMMETRIC_DEFAULT"
    if known(spec, "customerMasterKeySpec") == "SYMMETRIC_DEFAULT":  # no other kind can rotate
        yield from switch_off(resource.inputs, "enableKeyRotation")


#: Half of a feature group -> its key.
_FEATURES: Final = {
    "onlineStoreConfig": "securityConfig.kmsKeyId",
    "offlineStoreConfig": "s3StorageConfig.kmsKeyId",
}


@REGISTRY.rule(
    "encryption-sagemaker-features-kms",
    title="Both stores of SageMaker feature groups are encrypted with a customer-managed key",
    why=WHY,
    fix="set securityConfig.kmsKeyId of the online store and s3StorageConfig.kmsKeyId of the "
    "offline one",
    judges={
        "aws:sagemaker/featureGroup:FeatureGroup": tuple(
            f"{store}.{key}" for store, key in _FEATURES.items()
        )
    },
    controls=AT_REST,
    good={"onlineStoreConfig": {"securityConfig": {"kmsKeyId": AWS_KEY}}},
    bad={"onlineStoreConfig": {"enableOnlineStore": True}},
)
def _features(resource: Resource, _scope: Scope) -> Iterator[str]:
    for store, key in _FEATURES.items():
        part = known(resource.inputs.get(store), store)
        if part is not None:
            yield from (f"{store}: {problem}" for problem in key_missing(part, key))
