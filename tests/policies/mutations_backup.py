"""How the example platform breaks each rule on backups and protection from deletion."""

from __future__ import annotations

from mutation import Break

from plinth_policies.backup.aws import BUCKET_VERSIONING
from plinth_policies.backup.azure import BLOB_SERVICE
from plinth_policies.backup.gcp import BUCKET, SQL
from plinth_policies.backup.kubernetes import ARCHIVE, POSTGRES, SCHEDULE

_RDS = "aws:rds/instance:Instance"

MUTATIONS: dict[str, Break] = {
    "backup-aws-deletion-protection": Break(
        cloud="aws",
        durable=True,
        token="aws:eks/cluster:Cluster",
        change={"deletionProtection": False},
    ),
    "backup-aws-force-delete": Break(
        cloud="aws", durable=True, token="aws:s3/bucket:Bucket", change={"forceDestroy": True}
    ),
    "backup-aws-final-snapshot": Break(
        cloud="aws",
        durable=True,
        token=_RDS,
        change={"skipFinalSnapshot": True, "finalSnapshotIdentifier": None},
    ),
    "backup-aws-standby": Break(cloud="aws", durable=True, token=_RDS, change={"multiAz": False}),
    "backup-aws-recovery-window": Break(
        cloud="aws",
        durable=True,
        token="aws:secretsmanager/secret:Secret",
        change={"recoveryWindowInDays": 0},
    ),
    "backup-aws-retention": Break(
        cloud="aws",
        token="aws:elasticache/replicationGroup:ReplicationGroup",
        change={"snapshotRetentionLimit": 0},
    ),
    "backup-s3-versioning-status": Break(
        cloud="aws",
        token=BUCKET_VERSIONING,
        change={"versioningConfiguration.status": "Suspended"},
    ),
    "backup-s3-versioning": Break(cloud="aws", token=BUCKET_VERSIONING, drop=True),
    "backup-azure-standby": Break(
        cloud="azure",
        durable=True,
        token="azure-native:dbforpostgresql:Server",
        change={"highAvailability.mode": "Disabled"},
    ),
    "backup-azure-retention": Break(
        cloud="azure",
        token="azure-native:dbforpostgresql:Server",
        change={"backup.backupRetentionDays": 0},
    ),
    "backup-azure-blob-soft-delete": Break(
        cloud="azure", token=BLOB_SERVICE, change={"containerDeleteRetentionPolicy": None}
    ),
    "backup-azure-blob-versioning": Break(
        cloud="azure", token=BLOB_SERVICE, change={"isVersioningEnabled": False}
    ),
    "backup-azure-blob-service": Break(cloud="azure", token=BLOB_SERVICE, drop=True),
    "backup-azure-cache-persistence": Break(
        cloud="azure",
        token="azure-native:redisenterprise:Database",
        change={"persistence.rdbEnabled": False},
    ),
    "backup-acr-untagged": Break(
        cloud="azure",
        durable=True,
        token="azure-native:containerregistry:Registry",
        change={"policies.retentionPolicy.days": 1},
    ),
    "backup-azure-lock": Break(
        cloud="azure",
        durable=True,
        token="azure-native:authorization:ManagementLockByScope",
        drop=True,
    ),
    "backup-gcp-deletion-protection": Break(
        cloud="gcp", durable=True, token=SQL, change={"settings.deletionProtectionEnabled": False}
    ),
    "backup-gcp-force-destroy": Break(
        cloud="gcp", durable=True, token=BUCKET, change={"forceDestroy": True}
    ),
    "backup-gcs-soft-delete": Break(
        cloud="gcp",
        durable=True,
        token=BUCKET,
        change={"softDeletePolicy.retentionDurationSeconds": 0},
    ),
    "backup-gcp-standby": Break(
        cloud="gcp", durable=True, token="gcp:redis/instance:Instance", change={"tier": "BASIC"}
    ),
    "backup-gcp-recovery-window": Break(
        cloud="gcp",
        durable=True,
        token="gcp:kms/cryptoKey:CryptoKey",
        change={"destroyScheduledDuration": "86400s"},
    ),
    "backup-gcs-versioning": Break(cloud="gcp", token=BUCKET, change={"versioning.enabled": False}),
    "backup-cloud-sql": Break(
        cloud="gcp",
        token=SQL,
        change={"settings.backupConfiguration.pointInTimeRecoveryEnabled": False},
    ),
    "backup-memorystore-persistence": Break(
        cloud="gcp",
        token="gcp:redis/instance:Instance",
        change={"persistenceConfig.persistenceMode": "DISABLED"},
    ),
    "backup-volume-retain": Break(
        cloud="aws",
        durable=True,
        token="kubernetes:storage.k8s.io/v1:StorageClass",
        change={"reclaimPolicy": "Delete"},
    ),
    "backup-postgres-standby": Break(
        cloud="kubernetes", token=POSTGRES, change={"spec.instances": 0}, asks={"durable": True}
    ),
    "backup-postgres-archive": Break(cloud="kubernetes", token=SCHEDULE, drop=True),
    "backup-postgres-retention": Break(
        cloud="kubernetes", token=ARCHIVE, change={"spec.retentionPolicy": "0d"}
    ),
    "backup-disruption-budget": Break(
        cloud="kubernetes",
        durable=True,
        token="kubernetes:policy/v1:PodDisruptionBudget",
        change={"spec.maxUnavailable": "100%"},
    ),
}
