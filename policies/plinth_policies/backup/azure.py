"""Backups and protection from deletion on Azure.

Soft delete and purge protection of key vaults belong to encryption: services ask for both before
they take a key.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from plinth.graph import Resource
from plinth_policies.backup.guards import Least, register
from plinth_policies.controls import BACKUP
from plinth_policies.model import REGISTRY, Scope, kind_of
from plinth_policies.settings import Setting
from plinth_policies.values import get, is_on, known, too_little, value_refused

ACCOUNT: Final = "azure-native:storage:StorageAccount"
BLOB_SERVICE: Final = "azure-native:storage:BlobServiceProperties"
POSTGRES: Final = "azure-native:dbforpostgresql:Server"
MYSQL: Final = "azure-native:dbformysql:Server"

_CACHE: Final = "azure-native:redisenterprise:RedisEnterprise"
_CACHE_DATABASE: Final = "azure-native:redisenterprise:Database"
_OLD_CACHE: Final = "azure-native:redis:Redis"
_REGISTRY: Final = "azure-native:containerregistry:Registry"
_FLOW_LOG: Final = "azure-native:network:FlowLog"
_LOCK: Final = "azure-native:authorization:ManagementLockByScope"

#: The source of a copy, which is what counts.
_COPY: Final = "sourceServerResourceId"
#: Tiers of storage with copies in other zones, and perhaps in another region.
_SPREAD: Final = (
    "Standard_ZRS",
    "Standard_GRS",
    "Standard_RAGRS",
    "Standard_GZRS",
    "Standard_RAGZRS",
    "Premium_ZRS",
)
#: Kinds of storage account that keep blobs.
_BLOBS: Final = ("StorageV2", "Storage", "BlobStorage", "BlockBlobStorage")
_ACR_POLICY: Final = "policies.retentionPolicy"
#: How long images that no tag points to any more can still be found.
_UNTAGGED_DAYS: Final = 7

register(
    "backup-azure-standby",
    {
        **{
            token: (Setting("highAvailability.mode", ("ZoneRedundant",), "Disabled", moot=_COPY),)
            for token in (POSTGRES, MYSQL)
        },
        _CACHE: (Setting("highAvailability", ("Enabled",), default="Enabled"),),
        ACCOUNT: (Setting("sku.name", _SPREAD),),
    },
    when="durable",
    title="Databases, caches and storage accounts on Azure have copies in other zones",
    why="What is kept in one zone is gone for as long as the zone is.",
    fix="make servers zone-redundant, caches highly available, and accounts at least ZRS",
    good={"highAvailability": {"mode": "ZoneRedundant"}},
    bad={"highAvailability": {"mode": "Disabled"}},
)

register(
    "backup-azure-retention",
    dict.fromkeys((POSTGRES, MYSQL), (Least("backup.backupRetentionDays", _COPY, default=7),)),
    when="backups",
    title="Backups of Azure's database servers are kept for long enough",
    why="What went wrong is often noticed only after days.",
    fix="keep backups for as many days as the environment asks for",
    good={"backup": {"backupRetentionDays": 35}},
    bad={"backup": {"backupRetentionDays": 0}},
)

register(
    "backup-azure-blob-soft-delete",
    {
        BLOB_SERVICE: tuple(
            guard
            for policy in ("deleteRetentionPolicy", "containerDeleteRetentionPolicy")
            for guard in (
                Setting(f"{policy}.enabled", ("true",), default="false"),
                Least(f"{policy}.days"),
            )
        )
    },
    when="backups",
    title="Deleted blobs and containers can be brought back",
    why="Without soft delete, one call deletes a container with all its models for good.",
    fix="turn soft delete of blobs and of containers on, for as many days as backups are kept",
    controls=(*BACKUP, "cis-azure/4.10"),
    good={
        "deleteRetentionPolicy": {"enabled": True, "days": 35},
        "containerDeleteRetentionPolicy": {"enabled": True, "days": 35},
    },
    bad={
        "deleteRetentionPolicy": {"enabled": False},
        "containerDeleteRetentionPolicy": {"enabled": False},
    },
)


def _versioned(resource: Resource, _scope: Scope) -> Mapping[str, Any]:
    return {**resource.inputs, "isVersioningEnabled": True}


register(
    "backup-azure-blob-versioning",
    {BLOB_SERVICE: (Setting("isVersioningEnabled", ("true",), default="false"),)},
    when="backups",
    title="Storage accounts keep versions of blobs",
    why="A blob that is overwritten without versions is lost.",
    fix="turn isVersioningEnabled on",
    good={"isVersioningEnabled": True},
    bad={"isVersioningEnabled": False},
    mend=_versioned,
)


@REGISTRY.rule(
    "backup-azure-blob-service",
    title="Storage accounts say how blobs are kept",
    why="Unless it is told otherwise, Azure keeps neither versions nor what was deleted.",
    fix="add the account's BlobServiceProperties, with versioning and soft delete",
    judges={ACCOUNT: ("kind",)},
    consults={BLOB_SERVICE: ("accountName",), _FLOW_LOG: ("storageId",)},
    parameters=("backups",),
    controls=(*BACKUP, "cis-azure/4.10"),
    good=(
        (ACCOUNT, {"kind": "StorageV2"}),
        (BLOB_SERVICE, {"accountName": "subject"}),
    ),
    bad=(
        (ACCOUNT, {"kind": "StorageV2"}),
        (BLOB_SERVICE, {"accountName": "other"}),
    ),
)
def _blob_service(resource: Resource, scope: Scope) -> Iterator[str]:
    if not scope.parameters.backups or known(resource.inputs.get("kind"), "kind") not in _BLOBS:
        return
    if scope.companions(resource, _FLOW_LOG, "storageId"):
        # An hour's records are one blob, which Azure writes anew every minute: each time would
        # leave a version behind (Azure documentation, "Virtual network flow logs").
        return
    if not scope.companions(resource, BLOB_SERVICE, "accountName"):
        yield "nothing sets the account's versioning and soft delete"


@REGISTRY.rule(
    "backup-azure-cache-persistence",
    title="Azure's caches write their data to disk",
    why="A cache that only lives in memory comes back empty.",
    fix="turn persistence by snapshots or by a log on",
    judges={
        _CACHE_DATABASE: ("persistence.rdbEnabled", "persistence.aofEnabled"),
        _OLD_CACHE: ("redisConfiguration.rdbBackupEnabled", "redisConfiguration.aofBackupEnabled"),
    },
    parameters=("backups",),
    controls=BACKUP,
    good={"persistence": {"rdbEnabled": True, "rdbFrequency": "12h"}},
    bad={"persistence": {"rdbEnabled": False, "aofEnabled": False}},
)
def _persistence(resource: Resource, scope: Scope) -> Iterator[str]:
    if not scope.parameters.backups:
        return
    place, suffix = ("persistence", "Enabled")
    if kind_of(resource.type) == _OLD_CACHE:
        place, suffix = ("redisConfiguration", "BackupEnabled")
    switches = [f"{place}.{way}{suffix}" for way in ("rdb", "aof")]
    if not any(is_on(known(get(resource.inputs, name), name)) for name in switches):
        yield f"neither {switches[0]} nor {switches[1]} is on"


@REGISTRY.rule(
    "backup-acr-untagged",
    title="Images whose tag has moved stay in Azure's container registries for a week",
    why="A roll back asks for the image that was there before, which has lost its tag.",
    fix=f"keep untagged manifests for {_UNTAGGED_DAYS} days",
    judges={_REGISTRY: (f"{_ACR_POLICY}.status", f"{_ACR_POLICY}.days")},
    parameters=("durable",),
    controls=BACKUP,
    good={"policies": {"retentionPolicy": {"status": "enabled", "days": 14}}},
    bad={"policies": {"retentionPolicy": {"status": "enabled", "days": 1}}},
)
def _untagged(resource: Resource, scope: Scope) -> Iterator[str]:
    if not scope.parameters.durable:
        return
    status = f"{_ACR_POLICY}.status"
    if str(known(get(resource.inputs, status), status)).casefold() == "enabled":
        yield from too_little(
            resource.inputs, f"{_ACR_POLICY}.days", _UNTAGGED_DAYS, default=_UNTAGGED_DAYS
        )


@REGISTRY.rule(
    "backup-azure-lock",
    title="A lock keeps what holds data on Azure from being deleted",
    why="Azure's databases and caches have no protection from deletion of their own.",
    fix="set a management lock of level CanNotDelete on it",
    judges=dict.fromkeys((POSTGRES, MYSQL, _CACHE), ()),
    consults={_LOCK: ("scope", "level")},
    parameters=("durable",),
    controls=(*BACKUP, "cis-azure/10.1"),
    good=(
        (POSTGRES, {"serverName": "models"}),
        (_LOCK, {"scope": "subject", "level": "CanNotDelete"}),
    ),
    bad=(
        (POSTGRES, {"serverName": "models"}),
        (_LOCK, {"scope": "other", "level": "CanNotDelete"}),
    ),
)
def _lock(resource: Resource, scope: Scope) -> Iterator[str]:
    if not scope.parameters.durable:
        return
    locks = scope.companions(resource, _LOCK, "scope")
    if not locks:
        yield "no lock keeps it from being deleted"
    for lock in locks:
        yield from value_refused(lock.inputs, "level", ("CanNotDelete", "ReadOnly"))
