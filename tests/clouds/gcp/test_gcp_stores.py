"""Buckets, databases, caches and images: encryption, guards, sizes, ways in."""

from __future__ import annotations

from functools import cache as once
from typing import Any

import pulumi
import pytest
from gcp_parts import PROJECT, Parts, blueprint, names, one, recorded

from plinth.clouds.gcp import keyvalue
from plinth.clouds.gcp.keyvalue import KeyValue
from plinth.clouds.gcp.registry import Registry
from plinth.clouds.gcp.sql import Sql
from plinth.clouds.gcp.storage import Buckets
from plinth.graph import SECRET, Graph
from plinth.ports import Bucket, KeyValueServer, SqlServer
from plinth.spec.options import BucketOptions

OPTIONS = BucketOptions(expire_after_days=365, archive_after_days=30)


def buckets(**changes: Any) -> tuple[Graph, Bucket]:
    made: list[Bucket] = []

    def program(parts: Parts) -> None:
        store = Buckets(parts.site, parts.keys, parts.parent)
        made.append(store.create("models", OPTIONS, parts.parent))
        store.create("datasets", BucketOptions(), parts.parent)

    return recorded(blueprint(**changes), program), made[0]


def sql(**changes: Any) -> tuple[Graph, SqlServer]:
    made: list[SqlServer] = []

    def program(parts: Parts) -> None:
        made.append(
            Sql(
                site=parts.site,
                keys=parts.keys,
                secrets=parts.secrets,
                network=parts.network(),
                parent=parts.parent,
            ).server
        )

    return recorded(blueprint(**changes), program), made[0]


def cache(**changes: Any) -> tuple[Graph, KeyValueServer]:
    made: list[KeyValueServer] = []

    def program(parts: Parts) -> None:
        made.append(
            KeyValue(
                site=parts.site,
                keys=parts.keys,
                secrets=parts.secrets,
                network=parts.network(),
                parent=parts.parent,
            ).server
        )

    return recorded(blueprint(**changes), program), made[0]


plain_buckets = once(buckets)
plain_sql = once(sql)
plain_cache = once(cache)


def sealed(found: Graph, name: str) -> Any:
    """What a secret's version holds, which only a secret value may."""
    return one(found, ":SecretVersion", name).inputs["secretData"]


# --- buckets -------------------------------------------------------------------------------------


def test_buckets_are_private_versioned_and_encrypted_with_our_key_alone() -> None:
    found, handle = plain_buckets()
    assert names(found, "storage/bucket:Bucket") == ["access-logs", "datasets", "models"]
    key = one(found, ":CryptoKey", "storage").id
    for name in ("access-logs", "datasets", "models"):
        inputs = one(found, "storage/bucket:Bucket", name).inputs
        assert inputs["encryption"]["defaultKmsKeyName"] == key
        for other in ("googleManaged", "customerSupplied"):
            mode = inputs["encryption"][f"{other}EncryptionEnforcementConfig"]["restrictionMode"]
            assert mode == "FullyRestricted"
        assert inputs["publicAccessPrevention"] == "enforced"
        assert inputs["uniformBucketLevelAccess"] is True
        assert inputs["versioning"] == {"enabled": True}
        assert inputs["location"] == "EUROPE-WEST4"
    assert handle.protocol == "gcs"


def test_buckets_log_access_to_one_that_only_google_s_writers_add_to() -> None:
    found, _ = buckets(log_retention_days=120)
    logs = one(found, "storage/bucket:Bucket", "access-logs")
    assert "logging" not in logs.inputs
    assert one(found, "storage/bucket:Bucket", "models").inputs["logging"] == {
        "logBucket": logs.inputs["name"],
        "logObjectPrefix": "models/",
    }
    right = one(found, ":BucketIAMMember").inputs
    assert right["bucket"] == logs.inputs["name"]
    assert right["role"] == "roles/storage.objectCreator"
    ages = [rule["condition"].get("age") for rule in logs.inputs["lifecycleRules"]]
    assert 120 in ages


def test_objects_move_and_go_at_the_ages_asked_for() -> None:
    found, _ = plain_buckets()

    def rules(name: str) -> list[tuple[Any, ...]]:
        return [
            (rule["action"]["type"], rule["action"].get("storageClass"), rule["condition"])
            for rule in one(found, "storage/bucket:Bucket", name).inputs["lifecycleRules"]
        ]

    always = [
        ("AbortIncompleteMultipartUpload", None, {"age": 7}),
        ("Delete", None, {"daysSinceNoncurrentTime": 90, "withState": "ARCHIVED"}),
    ]
    assert rules("datasets") == always
    assert rules("models") == [
        *always,
        ("SetStorageClass", "COLDLINE", {"age": 30, "matchesStorageClasses": ["STANDARD"]}),
        ("Delete", None, {"age": 365, "withState": "LIVE"}),
    ]


@pytest.mark.parametrize(("durable", "seconds"), [(True, 7 * 86400), (False, 0)])
def test_durable_buckets_come_back_and_others_go_with_their_objects(
    durable: bool, seconds: int
) -> None:
    found, _ = buckets(durable=durable)
    bucket = one(found, "storage/bucket:Bucket", "models")
    assert bucket.inputs["forceDestroy"] is not durable
    assert bucket.inputs["softDeletePolicy"] == {"retentionDurationSeconds": seconds}
    assert bucket.protect is durable


# --- SQL -----------------------------------------------------------------------------------------


def test_the_database_has_no_public_address_and_takes_tls_only() -> None:
    found, server = plain_sql()
    database = one(found, ":DatabaseInstance")
    settings = database.inputs["settings"]
    address = settings["ipConfiguration"]
    assert address["ipv4Enabled"] is False
    assert address["sslMode"] == "ENCRYPTED_ONLY"
    assert address["pscConfigs"] == [{"pscEnabled": True, "allowedConsumerProjects": [PROJECT]}]
    assert database.inputs["encryptionKeyName"] == one(found, ":CryptoKey", "database").id
    assert database.inputs["databaseVersion"] == "POSTGRES_17"
    assert settings["edition"] == "ENTERPRISE"
    assert settings["tier"] == "db-custom-2-4096"
    assert settings["userLabels"]["platform"] == "churn"
    assert settings["userLabels"]["capability"] == "foundation"
    rule = one(found, ":ForwardingRule", "sql")
    assert database.urn in rule.dependencies
    assert server.port == 5432


def test_the_administrator_s_password_is_in_the_store_and_nowhere_in_clear() -> None:
    found, server = plain_sql()
    user = one(found, "sql/user:User")
    assert user.inputs["name"] == "plinth"
    assert user.inputs["password"] == SECRET
    assert user.inputs["deletionPolicy"] == "ABANDON"
    assert sealed(found, "sql-admin") == SECRET
    assert server.admin.keys == ("username", "password")


def test_the_name_of_the_database_is_the_engine_s_to_make() -> None:
    found, _ = plain_sql()
    assert "name" not in one(found, ":DatabaseInstance").inputs


@pytest.mark.parametrize(
    ("changes", "standby", "kept", "logged"),
    [
        ({}, "ZONAL", 0, 0),
        ({"database": {"multi_zone": True}}, "REGIONAL", 1, 1),
        ({"backups": {"enabled": True, "retention_days": 5}}, "ZONAL", 5, 5),
        ({"durable": True, "backups": {"retention_days": 30}}, "REGIONAL", 30, 7),
        ({"durable": True, "backups": {"enabled": False}}, "REGIONAL", 1, 1),
    ],
)
def test_standby_and_backups(changes: dict[str, Any], standby: str, kept: int, logged: int) -> None:
    found, _ = sql(**changes)
    database = one(found, ":DatabaseInstance")
    settings = database.inputs["settings"]
    durable = changes.get("durable", False)
    assert settings["availabilityType"] == standby
    backup = settings["backupConfiguration"]
    if kept:
        assert backup["backupRetentionSettings"]["retainedBackups"] == kept
        assert backup["transactionLogRetentionDays"] == logged
        assert backup["enabled"] is backup["pointInTimeRecoveryEnabled"] is True
        assert backup["location"] == "europe-west4"
    else:
        assert backup == {"enabled": False}
    assert database.inputs["deletionProtection"] is durable
    assert settings["deletionProtectionEnabled"] is durable
    assert settings["finalBackupConfig"]["enabled"] is durable
    assert settings["retainBackupsOnDelete"] is durable
    assert database.protect is durable


def test_the_disk_grows_to_its_limit_and_is_not_made_anew_for_it() -> None:
    found, _ = sql(database={"storage": 50, "max_storage": 200})
    settings = one(found, ":DatabaseInstance").inputs["settings"]
    assert (settings["diskSize"], settings["diskAutoresizeLimit"]) == (50, 200)
    assert settings["diskAutoresize"] is True
    fixed, _ = sql(database={"storage": 50, "max_storage": 50})
    assert one(fixed, ":DatabaseInstance").inputs["settings"]["diskAutoresize"] is False


def test_who_connects_and_what_fails_is_logged_and_no_statement_for_being_slow() -> None:
    found, _ = plain_sql()
    settings = one(found, ":DatabaseInstance").inputs["settings"]
    flags = {flag["name"]: flag["value"] for flag in settings["databaseFlags"]}
    assert flags["log_connections"] == flags["log_disconnections"] == "on"
    assert flags["cloudsql.iam_authentication"] == flags["cloudsql.enable_pgaudit"] == "on"
    assert flags["log_min_error_statement"] == "error"
    assert flags["log_min_duration_statement"] == "-1"
    assert settings["insightsConfig"]["queryInsightsEnabled"] is True


# --- cache ---------------------------------------------------------------------------------------


def test_the_cache_asks_for_a_password_over_tls() -> None:
    found, server = plain_cache()
    instance = one(found, "redis/instance:Instance")
    assert instance.inputs["authEnabled"] is True
    assert instance.inputs["transitEncryptionMode"] == "SERVER_AUTHENTICATION"
    assert instance.inputs["customerManagedKey"] == one(found, ":CryptoKey", "database").id
    assert instance.inputs["redisConfigs"] == {"maxmemory-policy": "volatile-lru"}
    assert server.port == 6378
    assert server.auth.keys == ("password",)
    assert server.authority is not None
    assert server.authority.keys == ("ca.crt",)
    assert not server.named
    assert sealed(found, "key-value") == SECRET
    assert sealed(found, "key-value-authority") == SECRET


def test_an_old_authority_and_its_successor_hold_at_once() -> None:
    assert keyvalue.bundle([{"cert": "old\n"}, {"cert": "new"}]) == "old\nnew\n"


def test_the_cache_s_addresses_are_out_of_everybody_else_s_way() -> None:
    found, _ = cache(network={"cidr": "10.20.0.0/16"})
    instance = one(found, "redis/instance:Instance").inputs
    assert instance["reservedIpRange"] == "10.20.96.0/28"
    adopted = {
        "network": f"projects/{PROJECT}/global/networks/main",
        "private_subnets": [f"projects/{PROJECT}/regions/europe-west4/subnetworks/ml"],
    }
    found, _ = cache(network={"adopt": adopted})
    assert "reservedIpRange" not in one(found, "redis/instance:Instance").inputs


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {"memorySizeGb": 1}),
        ({"cache": {"memory": 2.5}}, {"memorySizeGb": 3}),
        ({"durable": True}, {"deletionProtection": True}),
        (
            {"cache": {"memory": 6, "replicas": 3}},
            {"readReplicasMode": "READ_REPLICAS_ENABLED", "replicaCount": 3},
        ),
        (
            {"backups": {"enabled": True}},
            {"persistenceConfig": {"persistenceMode": "RDB", "rdbSnapshotPeriod": "SIX_HOURS"}},
        ),
        (
            {"backups": {"enabled": False}},
            {"persistenceConfig": {"persistenceMode": "DISABLED"}},
        ),
    ],
)
def test_sizes_copies_and_snapshots_of_the_cache(
    changes: dict[str, Any], expected: dict[str, Any]
) -> None:
    found, _ = cache(**changes)
    inputs = one(found, "redis/instance:Instance").inputs
    assert {key: inputs[key] for key in expected} == expected


def test_nothing_that_is_fixed_for_the_cache_s_life_depends_on_durable() -> None:
    fixed = ("tier", "connectMode", "transitEncryptionMode", "customerManagedKey")
    shapes = [one(cache(durable=d)[0], "redis/instance:Instance").inputs for d in (False, True)]
    assert {key: shapes[0][key] for key in fixed} == {key: shapes[1][key] for key in fixed}
    assert shapes[0]["tier"] == "STANDARD_HA"


# --- images --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("durable", "policy"), [(True, "PREVENT"), (False, "DELETE")])
def test_images_are_scanned_encrypted_and_tags_stay(durable: bool, policy: str) -> None:
    def program(parts: Parts) -> None:
        made = Registry("images", site=parts.site, keys=parts.keys, parent=parts.parent)
        pulumi.export("url", made.handle.url)

    found = recorded(blueprint(durable=durable), program)
    inputs = one(found, "artifactregistry/repository:Repository").inputs
    assert inputs["dockerConfig"] == {"immutableTags": True}
    assert inputs["kmsKeyName"] == one(found, ":CryptoKey", "storage").id
    assert inputs["deletionPolicy"] == policy
    assert inputs["cleanupPolicies"] == [
        {
            "id": "untagged",
            "action": "DELETE",
            "condition": {"tagState": "UNTAGGED", "olderThan": "1209600s"},
        }
    ]
    assert "containerscanning" in names(found, "projects/service:Service")
    url = f"europe-west4-docker.pkg.dev/{PROJECT}/churn-dev-images/images"
    assert found.outputs["url"] == url
