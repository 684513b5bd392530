"""Backups and protection from deletion on Google Cloud."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from plinth.graph import Resource
from plinth_policies.backup.guards import DAY, Least, register
from plinth_policies.controls import BACKUP, KEYS
from plinth_policies.encryption.gcp_stores import CLUSTER
from plinth_policies.model import REGISTRY, Scope
from plinth_policies.settings import Setting
from plinth_policies.values import get, known, switch_off, too_little

BUCKET: Final = "gcp:storage/bucket:Bucket"
SQL: Final = "gcp:sql/databaseInstance:DatabaseInstance"

_REDIS: Final = "gcp:redis/instance:Instance"
_REDIS_CLUSTER: Final = "gcp:redis/cluster:Cluster"
_VALKEY: Final = "gcp:memorystore/instance:Instance"
_SEALED: Final = "gcp:secretmanager/secret:Secret"
_FIRESTORE: Final = "gcp:firestore/database:Database"
_ALLOYDB: Final = "gcp:alloydb/cluster:Cluster"

_SQL_BACKUP: Final = "settings.backupConfiguration"
_ON: Final = ("true",)

register(
    "backup-gcp-deletion-protection",
    {
        SQL: (
            Setting("deletionProtection", _ON, default="true"),
            Setting("settings.deletionProtectionEnabled", _ON, default="false"),
        ),
        CLUSTER: (Setting("deletionProtection", _ON, default="true"),),
        _REDIS: (Setting("deletionProtection", _ON, default="true"),),
        _REDIS_CLUSTER: (Setting("deletionProtectionEnabled", _ON, default="true"),),
        _VALKEY: (Setting("deletionProtectionEnabled", _ON),),
        _ALLOYDB: (Setting("deletionProtection", _ON, default="true"),),
        _SEALED: (Setting("deletionProtection", _ON, default="false"),),
        _FIRESTORE: (
            Setting(
                "deleteProtectionState",
                ("DELETE_PROTECTION_ENABLED",),
                default="DELETE_PROTECTION_DISABLED",
            ),
        ),
        "gcp:filestore/instance:Instance": (
            Setting("deletionProtectionEnabled", _ON, default="false"),
        ),
        "gcp:artifactregistry/repository:Repository": (
            Setting("deletionPolicy", ("PREVENT", "ABANDON"), default="DELETE"),
        ),
    },
    when="durable",
    title="What holds data of a durable environment is not deleted on Google Cloud",
    why="One wrong command deletes a database that nothing guards.",
    fix="turn deletion protection on",
    good={"deletionProtection": True, "settings": {"deletionProtectionEnabled": True}},
    bad={"deletionProtection": False, "settings": {"deletionProtectionEnabled": False}},
)

register(
    "backup-gcp-force-destroy",
    {
        BUCKET: (Setting("forceDestroy", ("false",), default="false"),),
        "gcp:bigquery/dataset:Dataset": (
            Setting("deleteContentsOnDestroy", ("false",), default="false"),
        ),
    },
    when="durable",
    title="What is not empty is not deleted on Google Cloud",
    why="Deleted by force, a bucket or a dataset takes all that is in it along.",
    fix="leave it to Google Cloud to refuse, and turn the force off",
    good={"forceDestroy": False},
    bad={"forceDestroy": True},
)

register(
    "backup-gcs-soft-delete",
    {
        BUCKET: (
            Least("softDeletePolicy.retentionDurationSeconds", least=7, default=7 * DAY, unit=DAY),
        )
    },
    when="durable",
    title="Deleted GCS buckets and objects can be brought back for a week",
    why="Versions go with their bucket; soft delete keeps both.",
    fix="set softDeletePolicy.retentionDurationSeconds to 604800 or more",
    good={"softDeletePolicy": {"retentionDurationSeconds": 604800}},
    bad={"softDeletePolicy": {"retentionDurationSeconds": 0}},
)

register(
    "backup-gcp-standby",
    {
        SQL: (
            Setting("settings.availabilityType", ("REGIONAL",), "ZONAL", moot="masterInstanceName"),
        ),
        _REDIS: (Setting("tier", ("STANDARD_HA",), default="BASIC"),),
        _REDIS_CLUSTER: (Least("replicaCount", least=1),),
        _VALKEY: (Least("replicaCount", least=1),),
    },
    when="durable",
    title="Databases and caches on Google Cloud have a standby in another zone",
    why="A database in one zone is gone for as long as the zone is.",
    fix="set availabilityType to REGIONAL, tier to STANDARD_HA, or replicaCount to 1 or more",
    good={"settings": {"availabilityType": "REGIONAL"}},
    bad={"settings": {"availabilityType": "ZONAL"}},
)

register(
    "backup-gcp-recovery-window",
    {
        "gcp:kms/cryptoKey:CryptoKey": (
            Least("destroyScheduledDuration", least=7, default=30 * DAY, unit=DAY),
        ),
        _SEALED: (Least("versionDestroyTtl", least=7, unit=DAY),),
    },
    when="durable",
    title="Destroyed keys and secrets of Google Cloud can be brought back for a week",
    why="What is encrypted with a key that is gone can never be read again.",
    fix="set destroyScheduledDuration, and versionDestroyTtl of secrets, to 604800s or more",
    controls=(*BACKUP, *KEYS),
    good={"destroyScheduledDuration": "2592000s"},
    bad={"destroyScheduledDuration": "86400s"},
)


def _versioned(resource: Resource, _scope: Scope) -> Mapping[str, Any]:
    return {**resource.inputs, "versioning": {"enabled": True}}


register(
    "backup-gcs-versioning",
    {BUCKET: (Setting("versioning.enabled", _ON, default="false"),)},
    when="backups",
    title="GCS buckets keep versions of their objects",
    why="What is overwritten or deleted in a bucket without versions is lost.",
    fix="turn versioning.enabled on",
    good={"versioning": {"enabled": True}},
    bad={"versioning": {"enabled": False}},
    mend=_versioned,
)

register(
    "backup-gcp-database-point-in-time",
    {
        _FIRESTORE: (
            Setting("pointInTimeRecoveryEnablement", ("POINT_IN_TIME_RECOVERY_ENABLED",)),
        ),
        _ALLOYDB: (
            Setting("continuousBackupConfig.enabled", _ON, default="true"),
            Least("continuousBackupConfig.recoveryWindowDays", default=14),
        ),
    },
    when="backups",
    title="Firestore and AlloyDB can be restored to any point of the last days",
    why="Without backups a bad deployment or a wrong delete cannot be undone.",
    fix="turn recovery to a point in time on",
    good={"pointInTimeRecoveryEnablement": "POINT_IN_TIME_RECOVERY_ENABLED"},
    bad={"pointInTimeRecoveryEnablement": "POINT_IN_TIME_RECOVERY_DISABLED"},
)


@REGISTRY.rule(
    "backup-cloud-sql",
    title="Cloud SQL is backed up and can be restored to any point of the last days",
    why="Without backups a bad migration or a wrong delete cannot be undone.",
    fix="turn settings.backupConfiguration on, with pointInTimeRecoveryEnabled (binaryLogEnabled "
    "for MySQL), and keep as many backups as the environment asks for",
    judges={
        SQL: (
            "databaseVersion",
            "masterInstanceName",
            f"{_SQL_BACKUP}.enabled",
            f"{_SQL_BACKUP}.pointInTimeRecoveryEnabled",
            f"{_SQL_BACKUP}.binaryLogEnabled",
            f"{_SQL_BACKUP}.backupRetentionSettings.retainedBackups",
        )
    },
    parameters=("backups", "backup_retention_days"),
    controls=(*BACKUP, "cis-gcp/6.7"),
    good={
        "databaseVersion": "POSTGRES_17",
        "settings": {
            "backupConfiguration": {
                "enabled": True,
                "pointInTimeRecoveryEnabled": True,
                "backupRetentionSettings": {"retainedBackups": 35},
            }
        },
    },
    bad={"databaseVersion": "POSTGRES_17", "settings": {"backupConfiguration": {"enabled": False}}},
)
def _sql(resource: Resource, scope: Scope) -> Iterator[str]:
    inputs = resource.inputs
    if not scope.parameters.backups or inputs.get("masterInstanceName"):
        return
    engine = str(known(inputs.get("databaseVersion"), "databaseVersion"))
    log = "binaryLogEnabled" if engine.startswith("MYSQL") else "pointInTimeRecoveryEnabled"
    yield from switch_off(inputs, f"{_SQL_BACKUP}.enabled")
    yield from switch_off(inputs, f"{_SQL_BACKUP}.{log}")
    yield from too_little(
        inputs,
        f"{_SQL_BACKUP}.backupRetentionSettings.retainedBackups",
        max(1, scope.parameters.backup_retention_days),
        default=7,
    )


@REGISTRY.rule(
    "backup-memorystore-persistence",
    title="Memorystore writes its data to disk",
    why="A cache that only lives in memory comes back empty.",
    fix="set persistenceConfig to RDB or AOF, or keep automated backups",
    judges={
        _REDIS: ("persistenceConfig.persistenceMode",),
        _REDIS_CLUSTER: ("persistenceConfig.mode", "automatedBackupConfig.retention"),
        _VALKEY: ("persistenceConfig.mode", "automatedBackupConfig.retention"),
    },
    parameters=("backups",),
    controls=BACKUP,
    good={"persistenceConfig": {"persistenceMode": "RDB", "rdbSnapshotPeriod": "SIX_HOURS"}},
    bad={"persistenceConfig": {"persistenceMode": "DISABLED"}},
)
def _memorystore(resource: Resource, scope: Scope) -> Iterator[str]:
    if not scope.parameters.backups:
        return
    name = "persistenceConfig." + ("persistenceMode" if resource.type == _REDIS else "mode")
    mode = known(get(resource.inputs, name), name)
    copied = resource.type != _REDIS and get(resource.inputs, "automatedBackupConfig")
    if mode not in ("RDB", "AOF") and not copied:
        yield f"{name} is {mode or 'not set'}"
