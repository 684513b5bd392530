"""Good and bad cases of the rules on backups and protection from deletion on AWS."""

from __future__ import annotations

from dataclasses import replace

from policy_support import Table, resource, settings_table

from plinth.graph import UNKNOWN, Resource
from plinth_policies.backup.aws import BUCKET_VERSIONING
from plinth_policies.encryption.aws import BUCKET

RDS = "aws:rds/instance:Instance"
RDS_CLUSTER = "aws:rds/cluster:Cluster"
CACHE = "aws:elasticache/replicationGroup:ReplicationGroup"
TABLE = "aws:dynamodb/table:Table"
FILES = "aws:efs/fileSystem:FileSystem"
FILES_BACKUP = "aws:efs/backupPolicy:BackupPolicy"
SECRET = "aws:secretsmanager/secret:Secret"

FINAL = {"finalSnapshotIdentifier": UNKNOWN, "deleteAutomatedBackups": False}


def _versioned(bucket: str = "models") -> list[Resource]:
    return [resource(BUCKET, {"bucket": "models"}), resource(BUCKET_VERSIONING, {"bucket": bucket})]


def _filed(status: object) -> list[Resource]:
    files = resource(FILES, {})
    policy = {"fileSystemId": UNKNOWN, "backupPolicy": {"status": status}}
    sources = {"fileSystemId": (files.urn,)}
    return [files, resource(FILES_BACKUP, policy, property_dependencies=sources)]


_WINDOWS = settings_table(
    ("aws:kms/key:Key", "deletionWindowInDays", 30, 1), (SECRET, "recoveryWindowInDays", 7, 0)
)
_RETENTION = settings_table(
    (RDS, "backupRetentionPeriod", 14, 13),
    (RDS_CLUSTER, "backupRetentionPeriod", 35, 1),
    (CACHE, "snapshotRetentionLimit", 14, 0),
    ("aws:elasticache/serverlessCache:ServerlessCache", "snapshotRetentionLimit", 14, 0),
)
_STANDBY = settings_table(
    (RDS, "multiAz", True, False),
    (CACHE, "automaticFailoverEnabled", True, False),
    (CACHE, "multiAzEnabled", True, False),
)
_POINT_IN_TIME = settings_table(
    (TABLE, "pointInTimeRecovery.enabled", True, False),
    (TABLE, "pointInTimeRecovery.recoveryPeriodInDays", 14, 7),
)
_STATUS = settings_table(
    (BUCKET_VERSIONING, "versioningConfiguration.status", "Enabled", "Suspended")
)

TABLES = {
    "backup-aws-deletion-protection": settings_table(
        (RDS, "deletionProtection", True, None),
        (RDS_CLUSTER, "deletionProtection", True, False),
        (TABLE, "deletionProtectionEnabled", True, None),
        ("aws:eks/cluster:Cluster", "deletionProtection", True, None),
    ),
    "backup-aws-force-delete": settings_table(
        (BUCKET, "forceDestroy", False, True),
        ("aws:ecr/repository:Repository", "forceDelete", None, True),
        ("aws:backup/vault:Vault", "forceDestroy", None, True),
    ),
    "backup-aws-final-snapshot": Table(
        RDS,
        good=[
            FINAL,
            {**FINAL, "skipFinalSnapshot": False},
            {"replicateSourceDb": UNKNOWN},
            [resource(CACHE, {"finalSnapshotIdentifier": UNKNOWN})],
        ],
        bad=[
            ({}, "finalSnapshotIdentifier is not set"),
            ({}, "deleteAutomatedBackups is not set, which means true"),
            ({**FINAL, "skipFinalSnapshot": True}, "skipFinalSnapshot is on"),
            ({**FINAL, "skipFinalSnapshot": UNKNOWN}, "skipFinalSnapshot is not known"),
            ([resource(RDS_CLUSTER, {"skipFinalSnapshot": True})], "skipFinalSnapshot is on"),
            ([resource(CACHE, {})], "finalSnapshotIdentifier is not set"),
        ],
    ),
    "backup-aws-standby": replace(
        _STANDBY,
        good=[*_STANDBY.good, [resource(RDS, {"replicateSourceDb": UNKNOWN})]],
        bad=[*_STANDBY.bad, ({}, "multiAz is not set, which means false")],
    ),
    "backup-aws-recovery-window": replace(_WINDOWS, good=[*_WINDOWS.good, {}]),
    "backup-aws-retention": replace(
        _RETENTION,
        good=[*_RETENTION.good, {"replicateSourceDb": UNKNOWN}],
        bad=[*_RETENTION.bad, ({}, "backupRetentionPeriod is not set, which means 0")],
    ),
    "backup-dynamodb-point-in-time": replace(
        _POINT_IN_TIME,
        good=[*_POINT_IN_TIME.good, {"pointInTimeRecovery": {"enabled": True}}],
        bad=[*_POINT_IN_TIME.bad, ({}, "enabled is not set, which means false")],
    ),
    "backup-s3-versioning-status": replace(
        _STATUS, bad=[*_STATUS.bad, ({"bucket": "models"}, "status is not set")]
    ),
    "backup-s3-versioning": Table(
        BUCKET,
        good=[_versioned(), {"versioning": {"enabled": True}}],
        bad=[
            ({}, "nothing turns the bucket's versioning on"),
            (_versioned("other"), "nothing turns the bucket's versioning on"),
            ({"versioning": {"enabled": False}}, "nothing turns the bucket's versioning on"),
            ({"versioning": UNKNOWN}, "nothing turns the bucket's versioning on"),
        ],
    ),
    "backup-efs": Table(
        FILES,
        good=[_filed("ENABLED")],
        bad=[
            ({}, "the file system has no backup policy"),
            (_filed("DISABLED"), "status is DISABLED"),
            (_filed(None), "status is not set"),
            (_filed(UNKNOWN), "status is not known"),
        ],
    ),
}
