"""Every type that has a row: its path, its outputs, its tables."""

from __future__ import annotations

import re
from typing import Any

import pytest

from plinth.rehearsal import packages
from plinth.rehearsal.outputs import computed
from plinth.rehearsal.packages.azure.facts import FROZEN, NAMES, ONE_WAY, OPEN, REPLACES
from plinth.rehearsal.packages.azure.outputs import MAKERS
from plinth.rehearsal.packages.azure.paths import PATHS, last, owner, resource_type
from plinth.rehearsal.packages.azure.rules import GLOBAL, HOLDS, NAME_RULES, NESTED, UNIQUE
from plinth.rehearsal.sdk import Kind

AZURE = packages.find("azure-native")
ACCOUNT = "11111111-1111-1111-1111-111111111111"
GROUP = f"/subscriptions/{ACCOUNT}/resourceGroups/rg"
TOKENS = sorted({*PATHS, *MAKERS})


def kind(token: str) -> Kind:
    found = AZURE.kind(token)
    assert found is not None, f"{token} is not a type"
    return found


def made(type_: str, name: str = "web", **inputs: Any) -> tuple[str, dict[str, Any]]:
    known = {"resourceGroupName": "rg", **inputs}
    return computed(f"azure-native:{type_}", name, known, region="westeurope", account=ACCOUNT)


@pytest.mark.parametrize("token", TOKENS)
def test_outputs_are_those_of_the_type_and_leave_nothing_out(token: str) -> None:
    known = kind(token)
    identifier, outputs = made(token.removeprefix("azure-native:"))
    assert identifier.startswith(("/", "https://"))
    assert set(outputs) <= set(known.outputs)
    given = {name for name, field in known.inputs.items() if field.required}
    promised = {name for name, field in known.outputs.items() if not field.type.optional}
    assert promised - given <= set(outputs)
    assert outputs == made(token.removeprefix("azure-native:"))[1]


@pytest.mark.parametrize("token", sorted(PATHS))
def test_paths_are_made_of_inputs_and_end_in_the_name(token: str) -> None:
    parts = re.findall(r"\{(\w+)\}", PATHS[token])
    assert {*parts} - {"subscription"} <= set(kind(token).inputs)
    assert parts[-1] == AZURE.name_key(token)


@pytest.mark.parametrize("table", [NAMES, REPLACES, FROZEN, ONE_WAY, NAME_RULES, UNIQUE, HOLDS])
def test_tables_speak_of_types_that_exist(table: dict[str, Any]) -> None:
    for token in table:
        kind(token)
    for token in (*NESTED, *GLOBAL):
        kind(token)


@pytest.mark.parametrize("table", [REPLACES, FROZEN, ONE_WAY])
def test_tables_speak_of_properties_that_exist(table: dict[str, tuple[str, ...]]) -> None:
    for token, patterns in table.items():
        for pattern in patterns:
            fields = kind(token).inputs
            for key in pattern.replace("[*]", "").split("."):
                assert key in fields, f"{token} has no {pattern}"
                type_ = fields[key].type
                objects = (type_.items or type_).objects
                fields = AZURE.sdk.fields(objects[0]) if objects else {}


@pytest.mark.parametrize(
    ("token", "key"),
    [
        ("storage:StorageAccount", "accountName"),
        ("containerservice:AgentPool", "agentPoolName"),
        ("network:Subnet", "subnetName"),
        ("sql:Database", "databaseName"),
        ("authorization:RoleDefinition", "roleDefinitionId"),
        ("redis:Redis", "name"),
    ],
)
def test_the_name_is_the_last_part_of_the_path(token: str, key: str) -> None:
    assert AZURE.name_key(f"azure-native:{token}") == key


def test_all_types_of_the_sdk_are_understood() -> None:
    for module in ("network", "storage", "containerservice", "web", "sql"):
        tokens = [t for t in AZURE.sdk.tokens if t.startswith(f"azure-native:{module}:")]
        assert tokens
        for token in tokens:
            assert kind(token).outputs
            assert made(token.removeprefix("azure-native:"))[0]


def test_a_type_without_a_row_gets_something_sensible() -> None:
    identifier, outputs = made("servicebus:Queue", "jobs", namespaceName="bus")
    assert identifier == f"{GROUP}/providers/Microsoft.Servicebus/namespaces/bus/queues/jobs"
    assert outputs["name"] == "jobs"
    assert outputs["systemData"]["createdByType"] == "Application"
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", outputs["azureApiVersion"])


def test_versioned_modules_are_not_in_the_sdk() -> None:
    assert AZURE.kind("azure-native:storage/v20240101:StorageAccount") is None


@pytest.mark.parametrize(
    ("path", "above"),
    [
        (GROUP, f"/subscriptions/{ACCOUNT}"),
        (f"{GROUP}/providers/Microsoft.A/b/c", GROUP),
        (f"{GROUP}/providers/Microsoft.A/b/c/d/e", f"{GROUP}/providers/Microsoft.A/b/c"),
        (f"{GROUP}/providers/M.A/b/c/d/default/e/f", f"{GROUP}/providers/M.A/b/c"),
        (
            f"{GROUP}/providers/M.A/b/c/providers/Microsoft.Authorization/locks/l",
            f"{GROUP}/providers/M.A/b/c",
        ),
    ],
)
def test_owners(path: str, above: str) -> None:
    assert owner(path) == above


def test_types_and_names_of_paths() -> None:
    path = f"{GROUP}/providers/Microsoft.KeyVault/vaults/one/keys/two"
    assert resource_type(path) == "Microsoft.KeyVault/vaults/keys"
    assert last(path) == "two"


def test_a_cluster() -> None:
    identifier, cluster = made(
        "containerservice:ManagedCluster",
        dnsPrefix="web",
        location="northeurope",
        identity={"type": "SystemAssigned"},
        oidcIssuerProfile={"enabled": True},
        networkProfile={"networkPlugin": "azure", "serviceCidr": "172.16.0.0/16"},
        apiServerAccessProfile={"enablePrivateCluster": True},
        addonProfiles={"azureKeyvaultSecretsProvider": {"enabled": True}},
    )
    assert identifier == f"{GROUP}/providers/Microsoft.ContainerService/managedClusters/web"
    issuer = cluster["oidcIssuerProfile"]["issuerURL"]
    assert issuer.startswith(
        f"https://northeurope.oic.prod-aks.azure.com/{cluster['identity']['tenantId']}/"
    )
    assert cluster["nodeResourceGroup"] == "MC_rg_web_northeurope"
    kubelet = cluster["identityProfile"]["kubeletidentity"]
    assert "/resourceGroups/MC_rg_web_northeurope/" in kubelet["resourceId"]
    assert cluster["privateFQDN"].endswith(".privatelink.northeurope.azmk8s.io")
    assert cluster["networkProfile"]["serviceCidr"] == "172.16.0.0/16"
    assert cluster["addonProfiles"]["azureKeyvaultSecretsProvider"]["identity"]["clientId"]
    assert "location" not in cluster


def test_an_identity_is_the_same_principal_wherever_it_is_named() -> None:
    id_, identity = made("managedidentity:UserAssignedIdentity", "one")
    given = {"type": "UserAssigned", "userAssignedIdentities": [id_]}
    _, server = made("dbforpostgresql:Server", identity=given)
    principal = server["identity"]["userAssignedIdentities"][id_]
    assert principal["principalId"] == identity["principalId"]
    assert principal["clientId"] == identity["clientId"]
    kubelet = {"kubeletidentity": {"resourceId": id_}}
    _, cluster = made("containerservice:ManagedCluster", identityProfile=kubelet)
    assert cluster["identityProfile"]["kubeletidentity"]["objectId"] == identity["principalId"]


def test_vaults_keys_and_secrets_have_addresses() -> None:
    properties = {"sku": {"name": "standard"}, "enablePurgeProtection": True}
    _, vault = made("keyvault:Vault", "box", properties=properties)
    assert vault["properties"]["vaultUri"] == "https://box.vault.azure.net/"
    assert vault["properties"]["enablePurgeProtection"] is True
    _, key = made("keyvault:Key", "disk", vaultName="box", properties={"kty": "EC"})
    assert key["keyUri"] == "https://box.vault.azure.net/keys/disk"
    assert re.fullmatch(rf"{key['keyUri']}/[0-9a-f]{{32}}", key["keyUriWithVersion"])
    assert key["curveName"] == "P-256"
    assert "keySize" not in key
    _, secret = made("keyvault:Secret", "pass", vaultName="box", properties={"value": "x"})
    assert secret["properties"]["secretUri"] == "https://box.vault.azure.net/secrets/pass"


def test_accounts_have_endpoints() -> None:
    sku = {"name": "Standard_RAGRS"}
    _, account = made("storage:StorageAccount", "data", sku=sku, kind="StorageV2")
    assert account["primaryEndpoints"]["blob"] == "https://data.blob.core.windows.net/"
    assert account["secondaryEndpoints"]["dfs"] == "https://data-secondary.dfs.core.windows.net/"
    assert made("storage:StorageAccount", "data")[1]["secondaryEndpoints"] == {}
    id_, container = made("storage:BlobContainer", "raw", accountName="data")
    assert id_.endswith("/storageAccounts/data/blobServices/default/containers/raw")
    assert container["type"] == "Microsoft.Storage/storageAccounts/blobServices/containers"


@pytest.mark.parametrize(
    ("type_", "output", "value"),
    [
        ("dbforpostgresql:Server", "fullyQualifiedDomainName", "web.postgres.database.azure.com"),
        ("redisenterprise:RedisEnterprise", "hostName", "web.westeurope.redis.azure.net"),
        ("redis:Redis", "hostName", "web.redis.cache.windows.net"),
        ("containerregistry:Registry", "loginServer", "web.azurecr.io"),
        ("privatedns:PrivateZone", "location", "global"),
        ("storage:Blob", "name", "web"),
    ],
)
def test_names_make_addresses(type_: str, output: str, value: str) -> None:
    assert made(type_)[1][output] == value


def test_networks() -> None:
    _, network = made("network:VirtualNetwork", "net", subnets=[{"name": "a"}])
    (subnet,) = network["subnets"]
    assert subnet["id"] == made("network:Subnet", "a", virtualNetworkName="net")[0]
    link = {"groupIds": ["vault"], "privateLinkServiceId": f"{GROUP}/providers/M.K/vaults/box"}
    _, endpoint = made("network:PrivateEndpoint", privateLinkServiceConnections=[link])
    assert endpoint["customDnsConfigs"][0]["fqdn"] == "box.vault.azure.net"
    assert "/networkInterfaces/web.nic." in endpoint["networkInterfaces"][0]["id"]
    assert made("network:PublicIPAddress", publicIPAllocationMethod="Static")[1]["ipAddress"]
    assert "ipAddress" not in made("network:PublicIPAddress")[1]
    servers = made("dns:Zone", "example.com")[1]["nameServers"]
    assert re.fullmatch(r"ns1-0\d\.azure-dns\.com\.", servers[0])
    assert made("dns:RecordSet", "@", zoneName="example.com")[1]["fqdn"] == "example.com."


def test_monitoring() -> None:
    assert made("monitor:DataCollectionRule")[1]["immutableId"].startswith("dcr-")
    endpoint = made("monitor:DataCollectionEndpoint", "logs")[1]["logsIngestion"]["endpoint"]
    assert re.fullmatch(r"https://logs-\w{4}\.westeurope-1\.ingest\.monitor\.azure\.com", endpoint)
    assert re.fullmatch(r"[0-9a-f-]{36}", made("operationalinsights:Workspace")[1]["customerId"])


@pytest.mark.parametrize("enumeration", sorted(OPEN))
def test_enumerations_left_open_are_enumerations_of_the_sdk(enumeration: str) -> None:
    module, name = enumeration.split(":")
    text = (AZURE.sdk.root / module / "_enums.py").read_text()
    assert f"class {name}(" in text


def test_the_same_property_is_open_here_and_closed_there() -> None:
    def wrong(token: str) -> list[str]:
        fields = {"principalType": kind(token).inputs["principalType"]}
        return [f.path for f in AZURE.checker.fields({"principalType": "Robot"}, fields)]

    assert wrong("azure-native:authorization:RoleAssignment") == ["principalType"]
    assert wrong("azure-native:dbforpostgresql:Administrator") == []
