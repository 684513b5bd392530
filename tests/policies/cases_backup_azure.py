"""Good and bad cases of the rules on backups and protection from deletion on Azure."""

from __future__ import annotations

from dataclasses import replace

from policy_support import Inputs, Table, resource, settings_table

from plinth.graph import UNKNOWN, Resource
from plinth_policies.backup.azure import ACCOUNT, BLOB_SERVICE, MYSQL, POSTGRES

CACHE = "azure-native:redisenterprise:RedisEnterprise"
CACHE_DATABASE = "azure-native:redisenterprise:Database"
OLD_CACHE = "azure-native:redis:Redis"
REGISTRY = "azure-native:containerregistry:Registry"
FLOW_LOG = "azure-native:network:FlowLog"
LOCK = "azure-native:authorization:ManagementLockByScope"


def _account(companion: str, through: str) -> list[Resource]:
    account = resource(ACCOUNT, {"kind": "StorageV2"})
    sources = {through: (account.urn,)}
    return [account, resource(companion, {through: UNKNOWN}, property_dependencies=sources)]


def _locked(token: str, level: object) -> list[Resource]:
    thing = resource(token, {})
    lock = {"scope": UNKNOWN, "level": level}
    return [thing, resource(LOCK, lock, property_dependencies={"scope": (thing.urn,)})]


def _untagged(**policy: object) -> Inputs:
    return {"policies": {"retentionPolicy": policy}}


_STANDBY = settings_table(
    (POSTGRES, "highAvailability.mode", "ZoneRedundant", "SameZone"),
    (MYSQL, "highAvailability.mode", "ZoneRedundant", "Disabled"),
    (CACHE, "highAvailability", "Enabled", "Disabled"),
    (ACCOUNT, "sku.name", "Standard_ZRS", "Standard_LRS"),
)
_RETENTION = settings_table(
    (POSTGRES, "backup.backupRetentionDays", 14, 7), (MYSQL, "backup.backupRetentionDays", 35, 1)
)
_SOFT_DELETE = settings_table(
    (BLOB_SERVICE, "deleteRetentionPolicy.enabled", True, False),
    (BLOB_SERVICE, "deleteRetentionPolicy.days", 14, 7),
    (BLOB_SERVICE, "containerDeleteRetentionPolicy.enabled", True, None),
    (BLOB_SERVICE, "containerDeleteRetentionPolicy.days", 14, 1),
)

TABLES = {
    "backup-azure-standby": replace(
        _STANDBY,
        good=[*_STANDBY.good, [resource(CACHE, {})], {"sourceServerResourceId": UNKNOWN}],
        bad=[
            *_STANDBY.bad,
            ({}, "highAvailability.mode is not set, which means Disabled"),
            ([resource(ACCOUNT, {})], "sku.name is not set"),
        ],
    ),
    "backup-azure-retention": replace(
        _RETENTION, bad=[*_RETENTION.bad, ({}, "backupRetentionDays is not set, which means 7")]
    ),
    "backup-azure-blob-soft-delete": replace(
        _SOFT_DELETE,
        bad=[
            *_SOFT_DELETE.bad,
            ({}, "deleteRetentionPolicy.enabled is not set, which means false"),
            ({}, "containerDeleteRetentionPolicy.days is not set, which means 0"),
        ],
    ),
    "backup-azure-blob-versioning": settings_table(
        (BLOB_SERVICE, "isVersioningEnabled", True, None)
    ),
    "backup-azure-blob-service": Table(
        ACCOUNT,
        good=[
            _account(BLOB_SERVICE, "accountName"),
            _account(FLOW_LOG, "storageId"),
            {"kind": "FileStorage"},
        ],
        bad=[
            ({"kind": "StorageV2"}, "nothing sets the account's versioning"),
            ({"kind": UNKNOWN}, "kind is not known"),
            (_account(BLOB_SERVICE, "other"), "nothing sets the account's versioning"),
        ],
    ),
    "backup-azure-cache-persistence": Table(
        CACHE_DATABASE,
        good=[
            {"persistence": {"rdbEnabled": True}},
            {"persistence": {"aofEnabled": True, "rdbEnabled": False}},
            [resource(OLD_CACHE, {"redisConfiguration": {"rdbBackupEnabled": "true"}})],
        ],
        bad=[
            ({}, "neither persistence.rdbEnabled nor persistence.aofEnabled is on"),
            ({"persistence": {"rdbEnabled": False}}, "is on"),
            ({"persistence": UNKNOWN}, "persistence.rdbEnabled is not known"),
            ([resource(OLD_CACHE, {})], "neither redisConfiguration.rdbBackupEnabled"),
        ],
    ),
    "backup-acr-untagged": Table(
        REGISTRY,
        good=[
            {},
            _untagged(status="enabled"),
            _untagged(status="enabled", days=14),
            _untagged(status="disabled", days=1),
        ],
        bad=[
            (_untagged(status="Enabled", days=1), "days is 1, which is less than 7"),
            (_untagged(status="enabled", days=UNKNOWN), "days is not known"),
            (_untagged(status=UNKNOWN, days=14), "status is not known"),
        ],
    ),
    "backup-azure-lock": Table(
        POSTGRES,
        good=[_locked(POSTGRES, "CanNotDelete"), _locked(CACHE, "ReadOnly")],
        bad=[
            ({}, "no lock keeps it from being deleted"),
            ([resource(MYSQL, {})], "no lock keeps it from being deleted"),
            ([resource(CACHE, {})], "no lock keeps it from being deleted"),
            (_locked(POSTGRES, "NotSpecified"), "level is NotSpecified"),
            (_locked(POSTGRES, UNKNOWN), "level is not known"),
        ],
    ),
}
