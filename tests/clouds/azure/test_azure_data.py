"""What holds data on Azure: encrypted, closed, guarded; and the way of an alert to people."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from itertools import pairwise
from typing import Any

import pulumi
import pytest

from plinth import versions
from plinth.blueprint import Blueprint, complete
from plinth.clouds import relay
from plinth.clouds.azure import dns
from plinth.clouds.azure.budget import Budget
from plinth.clouds.azure.identity import PodIdentity, Right
from plinth.clouds.azure.keys import Keys
from plinth.clouds.azure.keyvalue import KeyValue
from plinth.clouds.azure.network import Network
from plinth.clouds.azure.notifications import Notifications
from plinth.clouds.azure.options import AzureOptions
from plinth.clouds.azure.registry import Registry
from plinth.clouds.azure.secrets import Secrets
from plinth.clouds.azure.site import Site, tagging
from plinth.clouds.azure.sql import Sql
from plinth.clouds.azure.storage import Buckets
from plinth.graph import SECRET, Graph, Resource
from plinth.kube import Kube
from plinth.ports import WorkloadIdentity
from plinth.recorder import record
from plinth.spec.models import Settings
from plinth.spec.options import BucketOptions

SUBSCRIPTION = "00000000-1111-2222-3333-444444444444"
KEY = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/shared/providers/Microsoft.KeyVault"
    "/vaults/team-keys/keys/platform"
)
BASE: dict[str, Any] = {
    "apiVersion": "plinth/v1",
    "name": "churn",
    "owner": "ml@example.com",
    "cost": {"center": "4711", "monthly_budget": 3000, "notify": ["cfo@example.com"]},
    "cloud": "azure",
    "region": "westeurope",
    "account": SUBSCRIPTION,
}


def blueprint(**changes: Any) -> Blueprint:
    options = AzureOptions.model_validate(changes.pop("clouds", {}))
    settings = Settings.model_validate({**BASE, **changes})
    return Blueprint.model_construct(
        environment="dev",
        settings=complete(settings, durable=settings.durable),
        cloud_options=options,
        choices={},
        pins=versions.defaults(),
    )


def recorded(plain: Blueprint, program: Callable[[Stores], object]) -> Graph:
    def run() -> None:
        pulumi.runtime.register_stack_transformation(tagging(plain))
        program(Stores(plain))

    return record(
        run,
        project="churn",
        environment="dev",
        cloud="azure",
        region=plain.region,
        account=SUBSCRIPTION,
    )


class Stores:
    """Makes the parts of a platform, as the adapter does."""

    def __init__(self, plain: Blueprint) -> None:
        self.parent = pulumi.ComponentResource("plinth:index:Foundation", "foundation")
        self.site = Site.open(plain, self.parent)
        self.keys = Keys(self.site, self.parent)
        self.secrets = Secrets(self.site, self.keys)
        self.network = Network(site=self.site, keys=self.keys, parent=self.parent)
        self.buckets = Buckets(self.site, self.keys, self.network, self.parent)

    def everything(self) -> None:
        stores: dict[str, Any] = {
            "site": self.site,
            "keys": self.keys,
            "secrets": self.secrets,
            "network": self.network,
            "parent": self.parent,
        }
        sql, cache_server = Sql(**stores), KeyValue(**stores)
        pulumi.export("sql", sql.server.host)
        pulumi.export("cache", cache_server.server.host)
        tool = pulumi.ComponentResource("plinth:index:Artifacts", "artifacts")
        models = self.buckets.create("models", BucketOptions(), tool)
        self.buckets.create(
            "logs", BucketOptions(expire_after_days=365, archive_after_days=30), tool
        )
        pulumi.export("models", models.uri)
        registry = Registry(
            "images", site=self.site, keys=self.keys, network=self.network, parent=self.parent
        )
        pulumi.export("registry", registry.handle.url)
        Budget(site=self.site, parent=self.parent)
        self.alerts()

    def alerts(self) -> None:
        cluster = pulumi.ComponentResource("plinth:index:Cluster", "cluster")
        provider: Any = pulumi.ProviderResource("kubernetes", "cluster", {})
        topic = Notifications(
            "alerts",
            ["oncall@example.com"],
            site=self.site,
            identity=self.identity,
            kube=Kube(provider, {"platform": "churn"}),
            namespace="monitoring",
            parent=cluster,
        )
        pulumi.export("receivers", topic.handle.receivers)

    def identity(
        self,
        name: str,
        namespace: str,
        service_account: str,
        rights: Any,
        parent: pulumi.Resource,
    ) -> WorkloadIdentity:
        return PodIdentity(
            name,
            site=self.site,
            parent=parent,
            issuer="https://issuer.example.com/",
            namespace=namespace,
            service_account=service_account,
            rights=rights,
        ).handle


@cache
def graph(name: str) -> Graph:
    changes: dict[str, dict[str, Any]] = {
        "dev": {},
        "prod": {"durable": True},
        "adopted": {"encryption": {"key": KEY}},
    }
    return recorded(blueprint(**changes[name]), Stores.everything)


def of_type(found: Graph, suffix: str) -> list[Resource]:
    return [resource for resource in found if resource.type.endswith(suffix)]


def one(found: Graph, suffix: str, name: str | None = None) -> Resource:
    (resource,) = [r for r in of_type(found, suffix) if name in (None, r.name)]
    return resource


NAMES = ["dev", "prod", "adopted"]


# --- closed and encrypted ------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_reached_but_by_private_endpoint(name: str) -> None:
    found = graph(name)
    closed = [
        one(found, "storage:StorageAccount", "storage"),
        one(found, "redisenterprise:RedisEnterprise"),
        one(found, "containerregistry:Registry"),
    ]
    assert {store.inputs["publicNetworkAccess"] for store in closed} == {"Disabled"}
    server = one(found, "dbforpostgresql:Server")
    assert server.inputs["network"] == {"publicNetworkAccess": "Disabled"}
    targets = {
        (link["privateLinkServiceId"], *link["groupIds"])
        for endpoint in of_type(found, "network:PrivateEndpoint")
        for link in endpoint.inputs["privateLinkServiceConnections"]
    }
    account, cache_server, registry = (store.id for store in closed)
    assert targets >= {
        (account, "blob"),
        (account, "dfs"),
        (cache_server, "redisEnterprise"),
        (registry, "registry"),
        (server.id, "postgresqlServer"),
    }


@pytest.mark.parametrize("name", NAMES)
def test_everything_is_under_a_key_of_ones_own(name: str) -> None:
    found = graph(name)
    vault = "https://team-keys.vault.azure.net/" if name == "adopted" else None
    account = one(found, "storage:StorageAccount", "storage").inputs["encryption"]
    assert account["keySource"] == "Microsoft.Keyvault"
    assert account["requireInfrastructureEncryption"]
    identity = account["encryptionIdentity"]["encryptionUserAssignedIdentity"]
    assert "/userAssignedIdentities/" in identity
    server = one(found, "dbforpostgresql:Server").inputs
    encryption = server["dataEncryption"]
    assert [*server["identity"]["userAssignedIdentities"]] == [
        encryption["primaryUserAssignedIdentityId"]
    ]
    redis = one(found, "redisenterprise:RedisEnterprise").inputs["encryption"]
    versioned = redis["customerManagedKeyEncryption"]["keyEncryptionKeyUrl"]
    registry = one(found, "containerregistry:Registry").inputs["encryption"]
    followed = registry["keyVaultProperties"]["keyIdentifier"]
    # Those that follow new versions are told of none; one has to be.
    assert encryption["primaryKeyURI"].count("/") == followed.count("/") == 4
    assert versioned.count("/") == 5
    if vault is not None:
        uris = (account["keyVaultProperties"]["keyVaultUri"], versioned, followed)
        assert all(uri.startswith(vault) for uri in uris)
        assert not of_type(found, "keyvault:Key")


@pytest.mark.parametrize("name", NAMES)
def test_keys_of_the_stores_open_nothing(name: str) -> None:
    found = graph(name)
    account = one(found, "storage:StorageAccount", "storage").inputs
    assert not account["allowSharedKeyAccess"]
    assert not account["allowBlobPublicAccess"]
    assert account["minimumTlsVersion"] == "TLS1_2"
    assert not one(found, "containerregistry:Registry").inputs["adminUserEnabled"]
    assert {c.inputs["publicAccess"] for c in of_type(found, "storage:BlobContainer")} == {"None"}


def test_connections_are_encrypted() -> None:
    found = graph("dev")
    parameters = {
        made.inputs["configurationName"]: made.inputs["value"]
        for made in of_type(found, "dbforpostgresql:Configuration")
    }
    assert parameters["require_secure_transport"] == "on"
    assert parameters["ssl_min_protocol_version"] == "TLSv1.2"
    assert one(found, "redisenterprise:Database").inputs["clientProtocol"] == "Encrypted"


def test_passwords_are_secret_wherever_they_go() -> None:
    found = graph("prod")
    assert one(found, "dbforpostgresql:Server").inputs["administratorLoginPassword"] == SECRET
    kept = {secret.name: secret.inputs for secret in of_type(found, "keyvault:Secret")}
    assert {*kept} == {"sql", "key-value"}
    assert {inputs["properties"]["value"] for inputs in kept.values()} == {SECRET}


def test_parameters_are_set_one_after_the_other() -> None:
    made = of_type(graph("dev"), "dbforpostgresql:Configuration")
    for before, after in pairwise(made):
        assert before.urn in after.dependencies


def test_people_sign_in_to_the_database_with_entra() -> None:
    found = graph("dev")
    server = one(found, "dbforpostgresql:Server")
    assert server.inputs["authConfig"]["activeDirectoryAuth"] == "Enabled"
    assert not of_type(found, "dbforpostgresql:AdministratorsMicrosoftEntra")

    groups = {"ml-dba": f"22222222{SUBSCRIPTION[8:]}", "auditors": f"33333333{SUBSCRIPTION[8:]}"}
    found = recorded(blueprint(clouds={"database_admins": groups}), Stores.everything)
    made = of_type(found, "dbforpostgresql:AdministratorsMicrosoftEntra")
    assert {m.inputs["principalName"]: m.inputs["objectId"] for m in made} == groups
    assert {(m.inputs["principalType"], m.inputs["serverName"]) for m in made} == {
        ("Group", one(found, "dbforpostgresql:Server").inputs["serverName"])
    }
    # One change at a time, and nobody connects before all are done.
    first, second = made
    assert of_type(found, "dbforpostgresql:Configuration")[-1].urn in first.dependencies
    assert first.urn in second.dependencies
    assert second.urn in one(found, "network:PrivateEndpoint", "sql").dependencies


# --- guards --------------------------------------------------------------------------------------


def test_durable_turns_on_every_guard() -> None:
    found = graph("prod")
    server = one(found, "dbforpostgresql:Server")
    assert server.protect
    assert server.inputs["highAvailability"] == {"mode": "ZoneRedundant"}
    # Neither of the two can change together with the other.
    assert server.inputs["sku"] == one(graph("dev"), "dbforpostgresql:Server").inputs["sku"]
    assert server.inputs["backup"]["backupRetentionDays"] == 14
    account = one(found, "storage:StorageAccount", "storage")
    assert (account.protect, account.inputs["sku"]) == (True, {"name": "Standard_ZRS"})
    cache_server = one(found, "redisenterprise:RedisEnterprise")
    assert (cache_server.protect, cache_server.inputs["highAvailability"]) == (True, "Enabled")
    assert one(found, "redisenterprise:Database").inputs["persistence"]["rdbEnabled"]
    locked = {lock.inputs["scope"] for lock in of_type(found, ":ManagementLockByScope")}
    assert locked == {server.id, cache_server.id}


def test_what_is_not_durable_can_be_taken_down() -> None:
    found = graph("dev")
    assert not of_type(found, ":ManagementLockByScope")
    assert not [resource.urn for resource in found if resource.protect]
    server = one(found, "dbforpostgresql:Server").inputs
    assert server["highAvailability"] == {"mode": "Disabled"}
    assert server["sku"] == {"name": "Standard_D2ds_v5", "tier": "GeneralPurpose"}
    assert server["backup"]["backupRetentionDays"] == 7
    assert one(found, "redisenterprise:RedisEnterprise").inputs["highAvailability"] == "Disabled"
    assert not one(found, "redisenterprise:Database").inputs["persistence"]["rdbEnabled"]


def test_no_lock_stands_above_what_daily_work_takes_away() -> None:
    found = graph("prod")
    locked = [lock.inputs["scope"] for lock in of_type(found, ":ManagementLockByScope")]
    rights = {right.inputs["scope"] for right in of_type(found, ":RoleAssignment")}
    assert rights
    assert not [scope for scope in rights for lock in locked if scope.startswith(lock)]


def test_a_store_is_changed_by_one_thing_at_a_time() -> None:
    found = graph("dev")
    for later, earlier in (
        ("storage-blob", one(found, "storage:BlobServiceProperties")),
        ("storage-dfs", one(found, "network:PrivateDnsZoneGroup", "storage-blob")),
        ("sql", of_type(found, "dbforpostgresql:Configuration")[-1]),
        ("key-value", one(found, "redisenterprise:Database")),
    ):
        assert earlier.urn in one(found, "network:PrivateEndpoint", later).dependencies


def test_stores_come_after_the_network_as_rights_on_keys_take_their_time() -> None:
    found = graph("dev")
    last = one(found, "network:PrivateDnsZoneGroup", "vault")
    for kind in (
        "storage:StorageAccount",
        "dbforpostgresql:Server",
        "redisenterprise:RedisEnterprise",
        "containerregistry:Registry",
    ):
        stores = [store for store in of_type(found, kind) if store.name != "flow-logs"]
        assert stores
        assert all(last.urn in store.dependencies for store in stores)


def test_locks_are_the_last_to_come_so_that_they_are_the_first_to_go() -> None:
    found = graph("prod")
    lock = one(found, ":ManagementLockByScope", "key-value")
    assert one(found, "redisenterprise:Database").urn in lock.dependencies


@pytest.mark.parametrize(
    ("database", "grows", "size"),
    [({}, "Enabled", 64), ({"storage": 200, "max_storage": 200}, "Disabled", 256)],
)
def test_disks_grow_where_the_spec_leaves_room(
    database: dict[str, int], grows: str, size: int
) -> None:
    def program(stores: Stores) -> None:
        Sql(
            site=stores.site,
            keys=stores.keys,
            secrets=stores.secrets,
            network=stores.network,
            parent=stores.parent,
        )

    found = recorded(blueprint(database=database), program)
    disk = one(found, "dbforpostgresql:Server").inputs["storage"]
    assert (disk["autoGrow"], disk["storageSizeGB"]) == (grows, size)


# --- buckets -------------------------------------------------------------------------------------


def test_one_policy_holds_the_rules_of_all_buckets() -> None:
    rules = {
        rule["name"]: rule["definition"]
        for rule in one(graph("dev"), "storage:ManagementPolicy").inputs["policy"]["rules"]
    }
    assert {*rules} == {"tidy", "archive-logs", "expire-logs"}
    archive, expire = rules["archive-logs"], rules["expire-logs"]
    assert archive["filters"]["prefixMatch"] == expire["filters"]["prefixMatch"] == ["logs/"]
    age = "daysAfterModificationGreaterThan"
    assert archive["actions"] == {"baseBlob": {"tierToCold": {age: 30}}}
    assert expire["actions"] == {"baseBlob": {"delete": {age: 365}}}
    assert "prefixMatch" not in rules["tidy"]["filters"]


def test_what_is_deleted_or_overwritten_can_be_brought_back() -> None:
    for name, days in (("dev", 7), ("prod", 14)):
        service = one(graph(name), "storage:BlobServiceProperties").inputs
        assert service["isVersioningEnabled"]
        assert service["deleteRetentionPolicy"] == {"enabled": True, "days": days}
        assert service["containerDeleteRetentionPolicy"] == {"enabled": True, "days": days}


def test_a_bucket_is_named_as_fsspec_spells_it() -> None:
    found = graph("dev")
    account = one(found, "storage:StorageAccount", "storage").inputs["accountName"]
    assert 3 <= len(account) <= 24
    assert account.isalnum()
    assert found.outputs["models"] == f"abfss://models@{account}.dfs.core.windows.net"
    container = one(found, "storage:BlobContainer", "models").inputs
    assert (container["accountName"], container["containerName"]) == (account, "models")


# --- addresses -----------------------------------------------------------------------------------


def test_addresses_are_the_services_own() -> None:
    found = graph("dev")
    assert found.outputs["sql"].endswith(".postgres.database.azure.com")
    assert found.outputs["cache"].endswith(".westeurope.redis.azure.net")
    assert found.outputs["registry"].endswith(".azurecr.io/images")
    assert one(found, "redisenterprise:Database").inputs["port"] == 10000


# --- money and people ----------------------------------------------------------------------------


def test_budget_counts_what_is_in_the_environments_groups() -> None:
    budget = one(graph("dev"), "consumption:Budget").inputs
    assert budget["scope"] == f"/subscriptions/{SUBSCRIPTION}"
    group = one(graph("dev"), "resources:ResourceGroup").inputs["resourceGroupName"]
    counted = budget["filter"]["dimensions"]
    assert (counted["name"], counted["values"]) == ("ResourceGroupName", [group, f"{group}-nodes"])
    told = budget["notifications"]
    assert {*told} == {"Actual_50", "Actual_80", "Actual_100", "Forecasted_100"}
    assert told["Forecasted_100"]["thresholdType"] == "Forecasted"
    assert told["Actual_80"]["contactEmails"] == ["ml@example.com", "cfo@example.com"]
    assert budget["timePeriod"] == {"startDate": f"{datetime.now(UTC):%Y-%m}-01T00:00:00Z"}


def test_the_relay_may_write_to_the_one_rule_and_knows_where_it_is() -> None:
    found = graph("dev")
    rule = one(found, "monitor:DataCollectionRule")
    (right,) = [r for r in of_type(found, ":RoleAssignment") if r.inputs["scope"] == rule.id]
    identity = one(found, ":UserAssignedIdentity", "alerts-relay")
    assert right.inputs["principalId"] == identity.outputs["principalId"]
    endpoint = one(found, "monitor:DataCollectionEndpoint").outputs["logsIngestion"]["endpoint"]
    deployment = json.dumps(one(found, "apps/v1:Deployment").inputs)
    immutable = rule.outputs["immutableId"]
    stream = "Custom-PlinthAlerts_CL"
    assert f"{endpoint}/dataCollectionRules/{immutable}/streams/{stream}?api-version=" in deployment
    assert '"azure.workload.identity/use": "true"' in deployment
    url = found.outputs["receivers"]["webhook_configs"][0]["url"]
    assert url == f"http://{relay.NAME}.monitoring.svc.cluster.local:{relay.PORT}/alerts"


def test_what_the_relay_writes_is_what_the_table_takes_and_the_rule_asks_for() -> None:
    found = graph("dev")
    table = one(found, "operationalinsights:Table").inputs
    columns = {column["name"]: column["type"] for column in table["schema"]["columns"]}
    assert columns == {**relay.COLUMNS, "TimeGenerated": "dateTime"}
    (stream,) = one(found, "monitor:DataCollectionRule").inputs["streamDeclarations"].values()
    assert {column["name"]: column["type"] for column in stream["columns"]} == relay.COLUMNS
    (condition,) = one(found, "monitor:ScheduledQueryRule").inputs["criteria"]["allOf"]
    assert condition["query"].startswith(table["tableName"])
    for dimension in condition["dimensions"]:
        assert dimension["name"] in condition["query"]
    group = one(found, "monitor:ActionGroup")
    actions = one(found, "monitor:ScheduledQueryRule").inputs["actions"]
    assert actions == {"actionGroups": [group.id]}
    (receiver,) = group.inputs["emailReceivers"]
    assert receiver["emailAddress"] == "oncall@example.com"


@pytest.mark.parametrize(("kept", "workspace"), [(7, 30), (90, 90), (730, 730)])
def test_alerts_are_kept_for_as_long_as_logs(kept: int, workspace: int) -> None:
    found = recorded(blueprint(log_retention_days=kept), Stores.alerts)
    assert (
        one(found, "operationalinsights:Workspace", "alerts").inputs["retentionInDays"] == workspace
    )
    # Its table keeps them for as long as the workspace.
    assert "totalRetentionInDays" not in one(found, "operationalinsights:Table").inputs


def test_alerts_are_written_by_identities_only() -> None:
    found = recorded(blueprint(), Stores.alerts)
    assert one(found, "operationalinsights:Workspace", "alerts").inputs["features"][
        "disableLocalAuth"
    ]


# --- records -------------------------------------------------------------------------------------

ZONE = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/dns"
    "/providers/Microsoft.Network/dnsZones/a.example.com"
)


def test_records_of_one_zone_may_be_changed_and_no_more() -> None:
    change, find = dns.rights(ZONE)
    assert change == Right("zone", "DNS Zone Contributor", ZONE)
    assert find.role == "Reader"
    assert ZONE.startswith(f"{find.scope}/providers/")


def test_the_zone_is_named_by_its_parts() -> None:
    solver = dns.solver(ZONE, "client")["azureDNS"]
    assert (solver["resourceGroupName"], solver["hostedZoneName"]) == ("dns", "a.example.com")
    assert solver["managedIdentity"] == {"clientID": "client"}
    assert dns.settings(ZONE, "tenant") == {
        "tenantId": "tenant",
        "subscriptionId": SUBSCRIPTION,
        "resourceGroup": "dns",
        "useWorkloadIdentityExtension": True,
    }
    with pytest.raises(ValueError, match="not the resource ID"):
        dns.parse("a.example.com")
