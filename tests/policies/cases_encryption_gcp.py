"""Good and bad cases of the rules on encryption at rest on Google Cloud."""

from __future__ import annotations

from policy_support import Table, key_table, mode_table, resource

from plinth.graph import UNKNOWN, Resource
from plinth_policies.values import nested

CLUSTER = "gcp:container/cluster:Cluster"
SQL = "gcp:sql/databaseInstance:DatabaseInstance"
TEMPLATE = "gcp:compute/instanceTemplate:InstanceTemplate"
REGIONAL_TEMPLATE = "gcp:compute/regionInstanceTemplate:RegionInstanceTemplate"
PROVISIONED = "clusterAutoscaling.autoProvisioningDefaults.bootDiskKmsKey"


def _template(*disks: object, token: str = TEMPLATE) -> list[Resource]:
    return [resource(token, {"disks": disks})]


def _replicas(*replicas: object) -> dict[str, object]:
    return {"replication": {"userManaged": {"replicas": list(replicas)}}}


def _kept(key: str) -> dict[str, object]:
    return {"location": "europe-west1", "customerManagedEncryption": {"kmsKeyName": key}}


def _notebook(boot: object, *data: object) -> dict[str, object]:
    return {"gceSetup": {"bootDisk": boot, "dataDisks": list(data)}}


TABLES = {
    "encryption-gcs-bucket-kms": key_table(
        "gcp:storage/bucket:Bucket", "encryption.defaultKmsKeyName"
    ),
    "encryption-cloud-sql-kms": Table(
        SQL,
        good=[{"encryptionKeyName": UNKNOWN}, {"masterInstanceName": UNKNOWN}],
        bad=[({}, "encryptionKeyName is not set")],
    ),
    "encryption-memorystore-instance-kms": key_table(
        "gcp:redis/instance:Instance", "customerManagedKey"
    ),
    "encryption-memorystore-cluster-kms": key_table("gcp:redis/cluster:Cluster", "kmsKey"),
    "encryption-memorystore-valkey-kms": key_table("gcp:memorystore/instance:Instance", "kmsKey"),
    "encryption-artifact-registry-kms": Table(
        "gcp:artifactregistry/repository:Repository",
        good=[{"kmsKeyName": UNKNOWN}, {"virtualRepositoryConfig": {"upstreamPolicies": []}}],
        bad=[({}, "kmsKeyName is not set")],
    ),
    "encryption-regional-secret-kms": key_table(
        "gcp:secretmanager/regionalSecret:RegionalSecret", "customerManagedEncryption.kmsKeyName"
    ),
    "encryption-pubsub-topic-kms": key_table("gcp:pubsub/topic:Topic", "kmsKeyName"),
    "encryption-bigquery-dataset-kms": key_table(
        "gcp:bigquery/dataset:Dataset", "defaultEncryptionConfiguration.kmsKeyName"
    ),
    "encryption-gcp-disk-kms": key_table(
        "gcp:compute/disk:Disk", "diskEncryptionKey.kmsKeySelfLink"
    ),
    "encryption-gcp-regional-disk-kms": key_table(
        "gcp:compute/regionDisk:RegionDisk", "diskEncryptionKey.kmsKeyName"
    ),
    "encryption-filestore-kms": key_table("gcp:filestore/instance:Instance", "kmsKeyName"),
    "encryption-alloydb-kms": key_table(
        "gcp:alloydb/cluster:Cluster", "encryptionConfig.kmsKeyName"
    ),
    "encryption-firestore-kms": key_table(
        "gcp:firestore/database:Database", "cmekConfig.kmsKeyName"
    ),
    "encryption-log-bucket-kms": key_table(
        "gcp:logging/projectBucketConfig:ProjectBucketConfig", "cmekSettings.kmsKeyName"
    ),
    "encryption-composer-kms": key_table(
        "gcp:composer/environment:Environment", "config.encryptionConfig.kmsKeyName"
    ),
    "encryption-vertex-endpoint-kms": key_table(
        "gcp:vertex/aiEndpoint:AiEndpoint", "encryptionSpec.kmsKeyName"
    ),
    "encryption-vertex-feature-store-kms": key_table(
        "gcp:vertex/aiFeatureOnlineStore:AiFeatureOnlineStore", "encryptionSpec.kmsKeyName"
    ),
    "encryption-gke-secrets-kms": mode_table(
        CLUSTER,
        "databaseEncryption.keyName",
        "databaseEncryption.state",
        "ENCRYPTED",
        "DECRYPTED",
    ),
    "encryption-gke-nodes-kms": key_table(
        "gcp:container/nodePool:NodePool", "nodeConfig.bootDiskKmsKey"
    ),
    "encryption-gke-cluster-nodes-kms": Table(
        CLUSTER,
        good=[
            {"removeDefaultNodePool": True},
            {"nodeConfig": {"bootDiskKmsKey": UNKNOWN}},
            {"nodePools": [{"nodeConfig": {"bootDiskKmsKey": UNKNOWN}}]},
            nested({"enableAutopilot": True, PROVISIONED: UNKNOWN}),
        ],
        bad=[
            ({}, "bootDiskKmsKey is not set"),
            ({"removeDefaultNodePool": UNKNOWN}, "removeDefaultNodePool is not known"),
            ({"nodePools": [{}]}, "bootDiskKmsKey is not set"),
            ({"enableAutopilot": True}, f"{PROVISIONED} is not set"),
            (
                {"removeDefaultNodePool": True, "clusterAutoscaling": {"enabled": True}},
                f"{PROVISIONED} is not set",
            ),
        ],
    ),
    "encryption-secret-manager-kms": Table(
        "gcp:secretmanager/secret:Secret",
        good=[
            {"replication": {"auto": {"customerManagedEncryption": {"kmsKeyName": UNKNOWN}}}},
            _replicas(_kept(UNKNOWN), _kept("key")),
        ],
        bad=[
            ({"replication": {"auto": {}}}, "kmsKeyName is not set"),
            ({"replication": UNKNOWN}, "is not known"),
            (_replicas(_kept("key"), {"location": "europe-west4"}), "kmsKeyName is not set"),
        ],
    ),
    "encryption-gcp-machine-kms": Table(
        "gcp:compute/instance:Instance",
        good=[
            {"bootDisk": {"kmsKeySelfLink": UNKNOWN}},
            {"bootDisk": {"source": UNKNOWN}},
            _template({"diskEncryptionKey": {"kmsKeySelfLink": "key"}}, {"type": "SCRATCH"}),
        ],
        bad=[
            ({"bootDisk": {}}, "kmsKeySelfLink is not set"),
            ({"bootDisk": UNKNOWN}, "bootDisk is not known"),
            (_template({"diskEncryptionKey": {}}), "kmsKeySelfLink is not set"),
            (_template({}, token=REGIONAL_TEMPLATE), "kmsKeySelfLink is not set"),
        ],
    ),
    "encryption-gcp-key-rotation": Table(
        "gcp:kms/cryptoKey:CryptoKey",
        good=[{"rotationPeriod": "7776000s"}, {"purpose": "ASYMMETRIC_SIGN"}],
        bad=[
            ({}, "rotationPeriod is not set"),
            ({"rotationPeriod": "63072000s"}, "rotationPeriod is 63072000s"),
            ({"rotationPeriod": UNKNOWN}, "rotationPeriod is not known"),
        ],
    ),
    "encryption-vertex-dataset-kms": key_table(
        "gcp:vertex/aiDataset:AiDataset", "encryptionSpec.kmsKeyName"
    ),
    "encryption-vertex-index-kms": key_table(
        "gcp:vertex/aiIndex:AiIndex", "encryptionSpec.kmsKeyName"
    ),
    "encryption-vertex-index-endpoint-kms": key_table(
        "gcp:vertex/aiIndexEndpoint:AiIndexEndpoint", "encryptionSpec.kmsKeyName"
    ),
    "encryption-vertex-legacy-features-kms": key_table(
        "gcp:vertex/aiFeatureStore:AiFeatureStore", "encryptionSpec.kmsKeyName"
    ),
    "encryption-vertex-metadata-kms": key_table(
        "gcp:vertex/aiMetadataStore:AiMetadataStore", "encryptionSpec.kmsKeyName"
    ),
    "encryption-vertex-tensorboard-kms": key_table(
        "gcp:vertex/aiTensorboard:AiTensorboard", "encryptionSpec.kmsKeyName"
    ),
    "encryption-colab-kms": key_table(
        "gcp:colab/runtimeTemplate:RuntimeTemplate", "encryptionSpec.kmsKeyName"
    ),
    "encryption-spanner-kms": key_table(
        "gcp:spanner/database:Database", "encryptionConfig.kmsKeyName"
    ),
    "encryption-dataproc-kms": key_table(
        "gcp:dataproc/cluster:Cluster", "clusterConfig.encryptionConfig.kmsKeyName"
    ),
    "encryption-gcp-snapshot-kms": key_table(
        "gcp:compute/snapshot:Snapshot", "snapshotEncryptionKey.kmsKeySelfLink"
    ),
    "encryption-gcp-image-kms": key_table(
        "gcp:compute/image:Image", "imageEncryptionKey.kmsKeySelfLink"
    ),
    "encryption-vertex-workbench-kms": Table(
        "gcp:workbench/instance:Instance",
        good=[_notebook({"diskEncryption": "CMEK", "kmsKey": UNKNOWN})],
        bad=[
            ({}, "diskEncryption is not set, which means GMEK"),
            ({"gceSetup": UNKNOWN}, "gceSetup is not known"),
            (_notebook({"diskEncryption": "CMEK"}), "kmsKey is not set"),
            (_notebook({"diskEncryption": UNKNOWN}), "diskEncryption is not known"),
            (_notebook({"diskEncryption": "CMEK", "kmsKey": "k"}, {}), "diskEncryption is not set"),
        ],
    ),
    "encryption-bigtable-kms": Table(
        "gcp:bigtable/instance:Instance",
        good=[{"clusters": [{"kmsKeyName": UNKNOWN}]}],
        bad=[
            ({"clusters": [{"kmsKeyName": "k"}, {}]}, "kmsKeyName is not set"),
            ({"clusters": UNKNOWN}, "clusters is not known"),
        ],
    ),
}
