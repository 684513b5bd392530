"""Backups and protection from deletion on AWS."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from plinth.graph import Resource
from plinth_policies.backup.guards import Least, Named, register
from plinth_policies.controls import BACKUP, KEYS
from plinth_policies.encryption.aws import BUCKET
from plinth_policies.model import REGISTRY, Scope
from plinth_policies.settings import Setting
from plinth_policies.values import get, is_on, known, value_refused

BUCKET_VERSIONING: Final = "aws:s3/bucketVersioning:BucketVersioning"

_RDS: Final = "aws:rds/instance:Instance"
_RDS_CLUSTER: Final = "aws:rds/cluster:Cluster"
_CACHE: Final = "aws:elasticache/replicationGroup:ReplicationGroup"
_TABLE: Final = "aws:dynamodb/table:Table"
_FILES: Final = "aws:efs/fileSystem:FileSystem"
_FILES_BACKUP: Final = "aws:efs/backupPolicy:BackupPolicy"
_STATUS: Final = "versioningConfiguration.status"

#: What makes a database a copy of another one, which is what counts.
_COPY: Final = {_RDS: "replicateSourceDb", _RDS_CLUSTER: "replicationSourceIdentifier"}

register(
    "backup-aws-deletion-protection",
    {
        _RDS: (Setting("deletionProtection", ("true",), default="false"),),
        _RDS_CLUSTER: (Setting("deletionProtection", ("true",), default="false"),),
        _TABLE: (Setting("deletionProtectionEnabled", ("true",), default="false"),),
        "aws:eks/cluster:Cluster": (Setting("deletionProtection", ("true",), default="false"),),
    },
    when="durable",
    title="AWS refuses to delete what holds data of a durable environment",
    why="One wrong command deletes a database that nothing guards.",
    fix="turn deletion protection on",
    good={"deletionProtection": True},
    bad={"deletionProtection": False},
)

register(
    "backup-aws-force-delete",
    {
        BUCKET: (Setting("forceDestroy", ("false",), default="false"),),
        "aws:ecr/repository:Repository": (Setting("forceDelete", ("false",), default="false"),),
        "aws:backup/vault:Vault": (Setting("forceDestroy", ("false",), default="false"),),
    },
    when="durable",
    title="What is not empty is not deleted on AWS",
    why="Deleted by force, a bucket or a repository takes all that is in it along.",
    fix="leave it to AWS to refuse, and turn the force off",
    good={"forceDestroy": False},
    bad={"forceDestroy": True},
)

register(
    "backup-aws-final-snapshot",
    {
        **{
            token: (
                Setting("skipFinalSnapshot", ("false",), default="false", moot=copy),
                Named("finalSnapshotIdentifier", moot=copy),
                Setting("deleteAutomatedBackups", ("false",), default="true", moot=copy),
            )
            for token, copy in _COPY.items()
        },
        _CACHE: (Named("finalSnapshotIdentifier"),),
    },
    when="durable",
    title="What a database on AWS held can be restored after its deletion",
    why="With the last snapshot skipped, and backups deleted along, nothing is left.",
    fix="name a final snapshot, and keep the automated backups",
    good={"finalSnapshotIdentifier": "models-final", "deleteAutomatedBackups": False},
    bad={"skipFinalSnapshot": True, "deleteAutomatedBackups": True},
)

register(
    "backup-aws-standby",
    {
        _RDS: (Setting("multiAz", ("true",), default="false", moot=_COPY[_RDS]),),
        _CACHE: (
            Setting("automaticFailoverEnabled", ("true",), default="false"),
            Setting("multiAzEnabled", ("true",), default="false"),
        ),
    },
    when="durable",
    title="Databases and caches on AWS have a standby in another zone",
    why="A database in one zone is gone for as long as the zone is.",
    fix="turn Multi-AZ, and for caches automatic failover, on",
    good={"multiAz": True},
    bad={"multiAz": False},
)

register(
    "backup-aws-recovery-window",
    {
        "aws:kms/key:Key": (Least("deletionWindowInDays", least=7, default=30),),
        "aws:secretsmanager/secret:Secret": (Least("recoveryWindowInDays", least=7, default=30),),
    },
    when="durable",
    title="Deleted keys and secrets of AWS can be brought back for a week",
    why="What is encrypted with a key that is gone can never be read again.",
    fix="set deletionWindowInDays, and recoveryWindowInDays of secrets, to 7 or more",
    controls=(*BACKUP, *KEYS),
    good={"deletionWindowInDays": 30},
    bad={"deletionWindowInDays": 1},
)

register(
    "backup-aws-retention",
    {
        _RDS: (Least("backupRetentionPeriod", moot=_COPY[_RDS]),),
        _RDS_CLUSTER: (Least("backupRetentionPeriod", default=1, moot=_COPY[_RDS_CLUSTER]),),
        _CACHE: (Least("snapshotRetentionLimit"),),
        "aws:elasticache/serverlessCache:ServerlessCache": (Least("snapshotRetentionLimit"),),
    },
    when="backups",
    title="Databases and caches on AWS are backed up, and backups are kept for long enough",
    why="Without backups a bad migration or a wrong delete cannot be undone.",
    fix="keep backups for as many days as the environment asks for, one at least",
    good={"backupRetentionPeriod": 14},
    bad={"backupRetentionPeriod": 0},
)

register(
    "backup-dynamodb-point-in-time",
    {
        _TABLE: (
            Setting("pointInTimeRecovery.enabled", ("true",), default="false"),
            Least("pointInTimeRecovery.recoveryPeriodInDays", default=35),
        )
    },
    when="backups",
    title="DynamoDB tables can be restored to any point of the last days",
    why="Without backups a bad deployment or a wrong delete cannot be undone.",
    fix="turn pointInTimeRecovery on for as many days as the environment asks for",
    good={"pointInTimeRecovery": {"enabled": True}},
    bad={"pointInTimeRecovery": {"enabled": False}},
)


def _versioned(resource: Resource, _scope: Scope) -> Mapping[str, Any]:
    name = "versioningConfiguration"
    configuration = known(resource.inputs.get(name), name) or {}
    return {**resource.inputs, name: {**configuration, "status": "Enabled"}}


register(
    "backup-s3-versioning-status",
    {BUCKET_VERSIONING: (Setting(_STATUS, ("Enabled",)),)},
    when="backups",
    title="Versioning of S3 buckets is enabled where it is configured",
    why="While versioning is suspended, each object overwritten is an object lost.",
    fix="set versioningConfiguration.status to Enabled",
    good={"bucket": "models", "versioningConfiguration": {"status": "Enabled"}},
    bad={"bucket": "models", "versioningConfiguration": {"status": "Suspended"}},
    mend=_versioned,
)


@REGISTRY.rule(
    "backup-s3-versioning",
    title="S3 buckets keep versions of their objects",
    why="What is overwritten or deleted in a bucket without versions is lost.",
    fix="attach a versioning configuration to the bucket",
    judges={BUCKET: ("versioning.enabled",)},
    consults={BUCKET_VERSIONING: ("bucket",)},
    parameters=("backups",),
    controls=BACKUP,
    good=((BUCKET, {"bucket": "models"}), (BUCKET_VERSIONING, {"bucket": "models"})),
    bad=((BUCKET, {"bucket": "models"}), (BUCKET_VERSIONING, {"bucket": "other"})),
)
def _s3(resource: Resource, scope: Scope) -> Iterator[str]:
    # As an output the inline block is there for every bucket and unknown in a preview, so only a
    # known one counts.
    inline = is_on(get(resource.inputs, "versioning.enabled"))
    companions = scope.companions(resource, BUCKET_VERSIONING, "bucket")
    if scope.parameters.backups and not (inline or companions):
        yield "nothing turns the bucket's versioning on"


@REGISTRY.rule(
    "backup-efs",
    title="EFS file systems are backed up",
    why="A file deleted from a file system without backups is lost.",
    fix="attach a backup policy with status ENABLED",
    judges={_FILES: ()},
    consults={_FILES_BACKUP: ("fileSystemId", "backupPolicy.status")},
    parameters=("backups",),
    controls=BACKUP,
    good=(
        (_FILES, {"encrypted": True}),
        (_FILES_BACKUP, {"fileSystemId": "subject", "backupPolicy": {"status": "ENABLED"}}),
    ),
    bad=(
        (_FILES, {"encrypted": True}),
        (_FILES_BACKUP, {"fileSystemId": "subject", "backupPolicy": {"status": "DISABLED"}}),
    ),
)
def _efs(resource: Resource, scope: Scope) -> Iterator[str]:
    if not scope.parameters.backups:
        return
    companions = scope.companions(resource, _FILES_BACKUP, "fileSystemId")
    if not companions:
        yield "the file system has no backup policy"
    for companion in companions:
        yield from value_refused(companion.inputs, "backupPolicy.status", ("ENABLED",))
