"""Encryption at rest on Google Cloud."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from plinth.graph import Resource
from plinth_policies.encryption.stores import WHY, Store, register
from plinth_policies.model import REGISTRY, Scope
from plinth_policies.values import blocks, get, is_on, key_missing, known

CLUSTER: Final = "gcp:container/cluster:Cluster"
NODE_POOL: Final = "gcp:container/nodePool:NodePool"

_PROVISIONED: Final = "clusterAutoscaling.autoProvisioningDefaults.bootDiskKmsKey"
_YEAR: Final = 366 * 24 * 60 * 60  # seconds

register(
    Store("gcs-bucket", "GCS buckets", "gcp:storage/bucket:Bucket", "encryption.defaultKmsKeyName"),
    Store(
        "cloud-sql",
        "Cloud SQL instances",
        "gcp:sql/databaseInstance:DatabaseInstance",
        "encryptionKeyName",
        inherits="masterInstanceName",
    ),
    Store(
        "memorystore-instance",
        "Memorystore for Redis instances",
        "gcp:redis/instance:Instance",
        "customerManagedKey",
    ),
    Store(
        "memorystore-cluster",
        "Memorystore for Redis clusters",
        "gcp:redis/cluster:Cluster",
        "kmsKey",
    ),
    Store(
        "memorystore-valkey",
        "Memorystore for Valkey instances",
        "gcp:memorystore/instance:Instance",
        "kmsKey",
    ),
    Store(
        "artifact-registry",
        "Artifact Registry repositories",
        "gcp:artifactregistry/repository:Repository",
        "kmsKeyName",
        inherits="virtualRepositoryConfig",  # keeps nothing itself
    ),
    Store(
        "regional-secret",
        "regional secrets",
        "gcp:secretmanager/regionalSecret:RegionalSecret",
        "customerManagedEncryption.kmsKeyName",
    ),
    Store("pubsub-topic", "Pub/Sub topics", "gcp:pubsub/topic:Topic", "kmsKeyName"),
    Store(
        "bigquery-dataset",
        "BigQuery datasets",
        "gcp:bigquery/dataset:Dataset",
        "defaultEncryptionConfiguration.kmsKeyName",
    ),
    Store(
        "gcp-disk",
        "persistent disks",
        "gcp:compute/disk:Disk",
        "diskEncryptionKey.kmsKeySelfLink",
    ),
    Store(
        "gcp-regional-disk",
        "regional persistent disks",
        "gcp:compute/regionDisk:RegionDisk",
        "diskEncryptionKey.kmsKeyName",
    ),
    Store("filestore", "Filestore instances", "gcp:filestore/instance:Instance", "kmsKeyName"),
    Store(
        "alloydb",
        "AlloyDB clusters",
        "gcp:alloydb/cluster:Cluster",
        "encryptionConfig.kmsKeyName",
    ),
    Store(
        "firestore",
        "Firestore databases",
        "gcp:firestore/database:Database",
        "cmekConfig.kmsKeyName",
    ),
    Store(
        "log-bucket",
        "log buckets",
        "gcp:logging/projectBucketConfig:ProjectBucketConfig",
        "cmekSettings.kmsKeyName",
    ),
    Store(
        "composer",
        "Cloud Composer environments",
        "gcp:composer/environment:Environment",
        "config.encryptionConfig.kmsKeyName",
    ),
    Store(
        "vertex-endpoint",
        "Vertex AI endpoints",
        "gcp:vertex/aiEndpoint:AiEndpoint",
        "encryptionSpec.kmsKeyName",
    ),
    Store(
        "vertex-feature-store",
        "Vertex AI online feature stores",
        "gcp:vertex/aiFeatureOnlineStore:AiFeatureOnlineStore",
        "encryptionSpec.kmsKeyName",
    ),
    Store(
        "gke-secrets",
        "Kubernetes secrets on GKE",
        CLUSTER,
        "databaseEncryption.keyName",
        mode="databaseEncryption.state",
        modes=("ENCRYPTED",),
    ),
    Store("gke-nodes", "GKE nodes", NODE_POOL, "nodeConfig.bootDiskKmsKey"),
)


@REGISTRY.rule(
    "encryption-gke-cluster-nodes-kms",
    title="Nodes that a GKE cluster brings itself are encrypted with a customer-managed key",
    why=WHY,
    fix="remove the default node pool or set nodeConfig.bootDiskKmsKey; set the key of "
    "autoProvisioningDefaults where GKE makes node pools",
    judges={
        CLUSTER: (
            "removeDefaultNodePool",
            "nodeConfig.bootDiskKmsKey",
            "nodePools.nodeConfig.bootDiskKmsKey",
            "enableAutopilot",
            "clusterAutoscaling.enabled",
            _PROVISIONED,
        )
    },
)
def _cluster_nodes(resource: Resource, _scope: Scope) -> Iterator[str]:
    inputs = resource.inputs
    autopilot = is_on(known(inputs.get("enableAutopilot"), "enableAutopilot"))
    enabled = "clusterAutoscaling.enabled"
    if autopilot or is_on(known(get(inputs, enabled), enabled)):
        yield from key_missing(inputs, _PROVISIONED)
    pools = blocks(inputs.get("nodePools"), "nodePools")
    for pool in pools:
        yield from key_missing(pool, "nodeConfig.bootDiskKmsKey")
    removed = known(inputs.get("removeDefaultNodePool"), "removeDefaultNodePool")
    if not (autopilot or pools or is_on(removed)):
        yield from key_missing(inputs, "nodeConfig.bootDiskKmsKey")


@REGISTRY.rule(
    "encryption-secret-manager-kms",
    title="Secrets of Secret Manager are encrypted with a customer-managed key",
    why=WHY,
    fix="set customerManagedEncryption.kmsKeyName wherever the secret is kept",
    judges={
        "gcp:secretmanager/secret:Secret": (
            "replication.auto.customerManagedEncryption.kmsKeyName",
            "replication.userManaged.replicas.customerManagedEncryption.kmsKeyName",
        )
    },
)
def _secret(resource: Resource, _scope: Scope) -> Iterator[str]:
    name = "replication.userManaged.replicas"
    replicas = blocks(get(resource.inputs, name), name)
    for replica in replicas:
        yield from key_missing(replica, "customerManagedEncryption.kmsKeyName")
    if not replicas:
        auto = "replication.auto.customerManagedEncryption.kmsKeyName"
        yield from key_missing(resource.inputs, auto)


@REGISTRY.rule(
    "encryption-gcp-machine-kms",
    title="Disks of machines on Google Cloud are encrypted with a customer-managed key",
    why=WHY,
    fix="set the kmsKeySelfLink of every disk that the machine brings",
    judges={
        "gcp:compute/instance:Instance": ("bootDisk.kmsKeySelfLink", "bootDisk.source"),
        **dict.fromkeys(
            (
                "gcp:compute/instanceTemplate:InstanceTemplate",
                "gcp:compute/regionInstanceTemplate:RegionInstanceTemplate",
            ),
            ("disks.diskEncryptionKey.kmsKeySelfLink", "disks.source", "disks.type"),
        ),
    },
)
def _machine(resource: Resource, _scope: Scope) -> Iterator[str]:
    boot = resource.type == "gcp:compute/instance:Instance"
    name, key = (
        ("bootDisk", "kmsKeySelfLink") if boot else ("disks", "diskEncryptionKey.kmsKeySelfLink")
    )
    disks: list[Any] = blocks(resource.inputs.get(name), name)
    for disk in disks:
        # A disk that exists has its own rule; a scratch disk is gone with the machine and always
        # encrypted with a key of its own.
        if not (get(disk, "source") or get(disk, "type") == "SCRATCH"):
            yield from key_missing(disk, key)


@REGISTRY.rule(
    "encryption-gcp-key-rotation",
    title="Keys of Cloud KMS rotate every year or sooner",
    why="Rotation bounds how much data one set of key material protects.",
    fix="set rotationPeriod to at most 31622400s",
    judges={"gcp:kms/cryptoKey:CryptoKey": ("rotationPeriod", "purpose")},
)
def _rotation(resource: Resource, _scope: Scope) -> Iterator[str]:
    purpose = known(resource.inputs.get("purpose") or "ENCRYPT_DECRYPT", "purpose")
    if purpose != "ENCRYPT_DECRYPT":  # no other kind can rotate
        return
    period = known(resource.inputs.get("rotationPeriod"), "rotationPeriod")
    match = re.match(r"\d+", str(period or ""))
    if not match:
        yield "rotationPeriod is not set"
    elif int(match[0]) > _YEAR:
        yield f"rotationPeriod is {period}"
