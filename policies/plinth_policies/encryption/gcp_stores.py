"""What holds data on Google Cloud and is encrypted with one key."""

from __future__ import annotations

from typing import Final

from plinth_policies.encryption.stores import Store, register

CLUSTER: Final = "gcp:container/cluster:Cluster"
NODE_POOL: Final = "gcp:container/nodePool:NodePool"

_SPEC: Final = "encryptionSpec.kmsKeyName"

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
        controls=("cis-gcp/7.3",),
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
        _SPEC,
    ),
    Store(
        "vertex-feature-store",
        "Vertex AI online feature stores",
        "gcp:vertex/aiFeatureOnlineStore:AiFeatureOnlineStore",
        _SPEC,
    ),
    Store(
        "gke-secrets",
        "Kubernetes secrets on GKE",
        CLUSTER,
        "databaseEncryption.keyName",
        mode="databaseEncryption.state",
        modes=("ENCRYPTED",),
        controls=("cis-gke/5.3.1",),
    ),
    Store(
        "gke-nodes",
        "GKE nodes",
        NODE_POOL,
        "nodeConfig.bootDiskKmsKey",
        controls=("cis-gke/5.9.2",),
    ),
    Store(
        "vertex-dataset",
        "Vertex AI datasets",
        "gcp:vertex/aiDataset:AiDataset",
        _SPEC,
    ),
    Store(
        "vertex-index",
        "Vertex AI indexes",
        "gcp:vertex/aiIndex:AiIndex",
        _SPEC,
    ),
    Store(
        "vertex-index-endpoint",
        "Vertex AI index endpoints",
        "gcp:vertex/aiIndexEndpoint:AiIndexEndpoint",
        _SPEC,
    ),
    Store(
        "vertex-legacy-features",
        "Vertex AI feature stores of the first kind",
        "gcp:vertex/aiFeatureStore:AiFeatureStore",
        _SPEC,
    ),
    Store(
        "vertex-metadata",
        "Vertex AI metadata stores",
        "gcp:vertex/aiMetadataStore:AiMetadataStore",
        _SPEC,
    ),
    Store(
        "vertex-tensorboard",
        "Vertex AI experiments",
        "gcp:vertex/aiTensorboard:AiTensorboard",
        _SPEC,
    ),
    Store(
        "colab",
        "Colab runtimes",
        "gcp:colab/runtimeTemplate:RuntimeTemplate",
        _SPEC,
    ),
    Store(
        "spanner",
        "Spanner databases",
        "gcp:spanner/database:Database",
        "encryptionConfig.kmsKeyName",
    ),
    Store(
        "dataproc",
        "Dataproc clusters",
        "gcp:dataproc/cluster:Cluster",
        "clusterConfig.encryptionConfig.kmsKeyName",
        controls=("cis-gcp/8.1",),
    ),
    Store(
        "gcp-snapshot",
        "disk snapshots",
        "gcp:compute/snapshot:Snapshot",
        "snapshotEncryptionKey.kmsKeySelfLink",
    ),
    Store(
        "gcp-image",
        "disk images",
        "gcp:compute/image:Image",
        "imageEncryptionKey.kmsKeySelfLink",
    ),
)
