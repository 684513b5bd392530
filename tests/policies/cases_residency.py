"""Good and bad cases of the rules on where data is kept."""

from __future__ import annotations

from dataclasses import replace

from policy_support import Inputs, Table, resource, settings_table

from plinth.graph import UNKNOWN, Resource
from plinth_policies.encryption.aws import BUCKET

QUEUE = "aws:sqs/queue:Queue"
VAULT = "azure-native:keyvault:Vault"
ZONE = "azure-native:privatedns:PrivateZone"
GCS = "gcp:storage/bucket:Bucket"
RING = "gcp:kms/keyRing:KeyRing"
DISK = "gcp:compute/disk:Disk"
TABLE = "aws:dynamodb/table:Table"
AWS_SECRET = "aws:secretsmanager/secret:Secret"
GCP_SECRET = "gcp:secretmanager/secret:Secret"
SQL = "gcp:sql/databaseInstance:DatabaseInstance"
COSMOS = "azure-native:cosmosdb:DatabaseAccount"
ACCOUNT = "azure-native:storage:StorageAccount"
POSTGRES = "azure-native:dbforpostgresql:Server"
MYSQL = "azure-native:dbformysql:Server"
REPLICATION = "aws:s3/bucketReplicationConfig:BucketReplicationConfig"
ECR = "aws:ecr/replicationConfiguration:ReplicationConfiguration"


def _owned(token: str, inputs: Inputs, provider: Inputs) -> list[Resource]:
    """A resource and the provider that owns it."""
    package = token.split(":", maxsplit=1)[0]
    owner = resource(f"pulumi:providers:{package}", provider, "provider")
    return [resource(token, inputs, provider=f"{owner.urn}::1"), owner]


def _replicated(bucket: object, *, ours: bool = True) -> list[Resource]:
    target = resource(BUCKET, {"bucket": "copies"}, "copies")
    rules = [{"destination": {"bucket": bucket}}]
    sources = {"rules": (target.urn,)} if ours else {}
    return [resource(REPLICATION, {"rules": rules}, property_dependencies=sources), target]


def _ecr(region: object) -> Inputs:
    return {"replicationConfiguration": {"rules": [{"destinations": [{"region": region}]}]}}


_PAIRED = settings_table(
    (ACCOUNT, "sku.name", "Standard_ZRS", "Standard_RAGZRS"),
    (POSTGRES, "backup.geoRedundantBackup", "Disabled", "Enabled"),
    (MYSQL, "backup.geoRedundantBackup", None, "Enabled"),
)

TABLES = {
    "residency-region": Table(
        QUEUE,
        good=[
            _owned(QUEUE, {}, {"region": "eu-west-1"}),
            _owned(QUEUE, {"region": "eu-west-1"}, {"region": "us-east-1"}),
            _owned("aws:iam/role:Role", {}, {"region": "us-east-1"}),
            [resource(VAULT, {"location": "West Europe"})],
            _owned(VAULT, {}, {"location": "westeurope"}),
            [resource(ZONE, {"location": "global"})],
            [resource(GCS, {"location": "EUROPE-WEST4"})],
            [resource(DISK, {"zone": "europe-west4-a"})],
            _owned(GCS, {}, {"region": "europe-west4"}),
            [resource("gcp:iam/workforcePool:WorkforcePool", {"location": "global"})],
        ],
        bad=[
            ({}, "neither the resource nor its provider has a region"),
            (_owned(QUEUE, {}, {"region": "us-east-1"}), "the provider's region is us-east-1"),
            (_owned(QUEUE, {"region": "us-east-1"}, {"region": "eu-west-1"}), "region is us-east"),
            (_owned(QUEUE, {}, {"region": UNKNOWN}), "region is not known"),
            ([resource(VAULT, {"location": "eastus"})], "location is eastus, which is not allowed"),
            ([resource(VAULT, {})], "neither the resource nor its provider has a location"),
            ([resource(VAULT, {"location": UNKNOWN})], "location is not known"),
            ([resource(GCS, {"location": "EU"})], "location is EU, which is not allowed"),
            ([resource(RING, {"location": "global"})], "location is global"),
            ([resource(DISK, {"zone": "us-central1-a"})], "zone is us-central1-a"),
        ],
    ),
    "residency-copies": Table(
        TABLE,
        good=[
            {},
            {"replicas": [{"regionName": "eu-west-1"}]},
            [resource(ECR, _ecr("eu-west-1"))],
            [resource(COSMOS, {"locations": [{"locationName": "West Europe"}]})],
            [resource(SQL, {"settings": {"backupConfiguration": {"enabled": False}}})],
            [
                resource(
                    GCP_SECRET,
                    {"replication": {"userManaged": {"replicas": [{"location": "europe-west4"}]}}},
                )
            ],
        ],
        bad=[
            ({"replicas": [{"regionName": "us-east-1"}]}, "replicas.regionName is us-east-1"),
            ({"replicas": UNKNOWN}, "replicas.regionName is not known"),
            ([resource(AWS_SECRET, {"replicas": [{"region": "us-east-1"}]})], "region is us-east"),
            ([resource(ECR, _ecr("us-east-1"))], "destinations.region is us-east-1"),
            ([resource(ECR, _ecr(UNKNOWN))], "destinations.region is not known"),
            ([resource(COSMOS, {"locations": [{"locationName": "East US"}]})], "is East US"),
            (
                [resource(GCS, {"customPlacementConfig": {"dataLocations": ["US-EAST1"]}})],
                "dataLocations is US-EAST1",
            ),
            (
                [
                    resource(
                        "gcp:alloydb/cluster:Cluster",
                        {"automatedBackupPolicy": {"location": "us-east1"}},
                    )
                ],
                "automatedBackupPolicy.location is us-east1",
            ),
            ([resource(GCP_SECRET, {"replication": {"auto": {}}})], "Google chooses where"),
            (
                [resource(SQL, {"settings": {"backupConfiguration": {"enabled": True}}})],
                "backups are spread over a continent",
            ),
            (
                [
                    resource(
                        SQL,
                        {"settings": {"backupConfiguration": {"enabled": True, "location": "us"}}},
                    )
                ],
                "settings.backupConfiguration.location is us",
            ),
        ],
    ),
    "residency-azure-paired-region": replace(_PAIRED, good=[*_PAIRED.good, {}]),
    "residency-s3-replication": Table(
        REPLICATION,
        good=[_replicated(UNKNOWN), _replicated("arn:aws:s3:::copies", ours=False), {}],
        bad=[
            (_replicated(UNKNOWN, ours=False), "is no bucket of this platform"),
            (_replicated("arn:aws:s3:::elsewhere"), "is no bucket of this platform"),
            ({"rules": UNKNOWN}, "rules is not known"),
            ({"rules": [{}]}, "is no bucket of this platform"),
        ],
    ),
}
