"""Good and bad cases of the rules on backups and protection from deletion on Google Cloud."""

from __future__ import annotations

from dataclasses import replace

from policy_support import Inputs, Table, resource, settings_table

from plinth.graph import UNKNOWN
from plinth_policies.backup.gcp import BUCKET, SQL

CLUSTER = "gcp:container/cluster:Cluster"
REDIS = "gcp:redis/instance:Instance"
REDIS_CLUSTER = "gcp:redis/cluster:Cluster"
VALKEY = "gcp:memorystore/instance:Instance"
SECRET = "gcp:secretmanager/secret:Secret"
FIRESTORE = "gcp:firestore/database:Database"
ALLOYDB = "gcp:alloydb/cluster:Cluster"
KEY = "gcp:kms/cryptoKey:CryptoKey"


def _sql(engine: object = "POSTGRES_17", **backup: object) -> Inputs:
    return {"databaseVersion": engine, "settings": {"backupConfiguration": backup}}


def _backups(number: object = 14, **more: object) -> dict[str, object]:
    return {"enabled": True, "backupRetentionSettings": {"retainedBackups": number}, **more}


_PROTECTION = settings_table(
    (SQL, "deletionProtection", True, False),
    (SQL, "settings.deletionProtectionEnabled", True, None),
    (CLUSTER, "deletionProtection", None, False),
    (REDIS, "deletionProtection", None, False),
    (REDIS_CLUSTER, "deletionProtectionEnabled", None, False),
    (VALKEY, "deletionProtectionEnabled", True, None),
    (ALLOYDB, "deletionProtection", None, False),
    (SECRET, "deletionProtection", True, None),
    (
        FIRESTORE,
        "deleteProtectionState",
        "DELETE_PROTECTION_ENABLED",
        "DELETE_PROTECTION_STATE_UNSPECIFIED",
    ),
    ("gcp:filestore/instance:Instance", "deletionProtectionEnabled", True, None),
    ("gcp:artifactregistry/repository:Repository", "deletionPolicy", "PREVENT", None),
)
_SOFT_DELETE = settings_table(
    (BUCKET, "softDeletePolicy.retentionDurationSeconds", 7 * 24 * 60 * 60, 0)
)
_STANDBY = settings_table(
    (SQL, "settings.availabilityType", "REGIONAL", "ZONAL"),
    (REDIS, "tier", "STANDARD_HA", "BASIC"),
    (REDIS_CLUSTER, "replicaCount", 1, 0),
    (VALKEY, "replicaCount", 2, 0),
)
_WINDOW = settings_table(
    (KEY, "destroyScheduledDuration", "604800s", "86400s"),
    (SECRET, "versionDestroyTtl", "604800s", "86400s"),
)
_POINT_IN_TIME = settings_table(
    (
        FIRESTORE,
        "pointInTimeRecoveryEnablement",
        "POINT_IN_TIME_RECOVERY_ENABLED",
        "POINT_IN_TIME_RECOVERY_DISABLED",
    ),
    (ALLOYDB, "continuousBackupConfig.enabled", True, False),
    (ALLOYDB, "continuousBackupConfig.recoveryWindowDays", 14, 7),
)

TABLES = {
    "backup-gcp-deletion-protection": _PROTECTION,
    "backup-gcp-force-destroy": settings_table(
        (BUCKET, "forceDestroy", None, True),
        ("gcp:bigquery/dataset:Dataset", "deleteContentsOnDestroy", None, True),
    ),
    "backup-gcs-soft-delete": replace(_SOFT_DELETE, good=[*_SOFT_DELETE.good, {}]),
    "backup-gcp-standby": replace(
        _STANDBY,
        good=[*_STANDBY.good, {"masterInstanceName": UNKNOWN}],
        bad=[
            *_STANDBY.bad,
            ({}, "availabilityType is not set, which means ZONAL"),
            ([resource(VALKEY, {})], "replicaCount is not set, which means 0"),
        ],
    ),
    "backup-gcp-recovery-window": replace(
        _WINDOW,
        good=[*_WINDOW.good, {}],
        bad=[*_WINDOW.bad, ([resource(SECRET, {})], "versionDestroyTtl is not set")],
    ),
    "backup-gcs-versioning": settings_table((BUCKET, "versioning.enabled", True, None)),
    "backup-gcp-database-point-in-time": replace(
        _POINT_IN_TIME,
        good=[*_POINT_IN_TIME.good, [resource(ALLOYDB, {})]],
        bad=[*_POINT_IN_TIME.bad, ({}, "pointInTimeRecoveryEnablement is not set")],
    ),
    "backup-cloud-sql": Table(
        SQL,
        good=[
            _sql(**_backups(pointInTimeRecoveryEnabled=True)),
            _sql("MYSQL_8_4", **_backups(binaryLogEnabled=True)),
            {"masterInstanceName": UNKNOWN},
        ],
        bad=[
            ({"databaseVersion": "POSTGRES_17"}, "backupConfiguration.enabled is not set"),
            (_sql(), "pointInTimeRecoveryEnabled is not set"),
            (_sql(), "retainedBackups is not set, which means 7"),
            (_sql("MYSQL_8_4", **_backups()), "binaryLogEnabled is not set"),
            (_sql(**_backups(), pointInTimeRecoveryEnabled=False), "Enabled is off"),
            (_sql(**_backups(3), pointInTimeRecoveryEnabled=True), "retainedBackups is 3"),
            (_sql(**_backups(UNKNOWN)), "retainedBackups is not known"),
            (_sql(UNKNOWN), "databaseVersion is not known"),
        ],
    ),
    "backup-memorystore-persistence": Table(
        REDIS,
        good=[
            {"persistenceConfig": {"persistenceMode": "RDB"}},
            [resource(REDIS_CLUSTER, {"persistenceConfig": {"mode": "AOF"}})],
            [resource(VALKEY, {"automatedBackupConfig": {"retention": "3024000s"}})],
        ],
        bad=[
            ({}, "persistenceConfig.persistenceMode is not set"),
            ({"persistenceConfig": {"persistenceMode": "DISABLED"}}, "persistenceMode is DISABLED"),
            ({"persistenceConfig": UNKNOWN}, "persistenceMode is not known"),
            ([resource(REDIS_CLUSTER, {})], "persistenceConfig.mode is not set"),
            ([resource(VALKEY, {"persistenceConfig": {"mode": "DISABLED"}})], "mode is DISABLED"),
        ],
    ),
}
