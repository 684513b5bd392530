"""What programs are told when they ask Azure."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plinth.rehearsal import packages
from plinth.rehearsal.cloud import Cloud
from plinth.rehearsal.lookups import answer, ask
from plinth.rehearsal.packages.base import NotFoundError
from plinth.rehearsal.unmanaged import create

AZURE = packages.find("azure-native")
ACCOUNT = "11111111-1111-1111-1111-111111111111"
GROUP = f"/subscriptions/{ACCOUNT}/resourceGroups/rg"
CONFIG = {"subscriptionId": ACCOUNT, "location": "westeurope"}
IN = {"resourceGroupName": "rg"}


def offline(lookup: str, **args: Any) -> dict[str, Any]:
    return answer(f"azure-native:{lookup}", args, region="westeurope", account=ACCOUNT)


@pytest.fixture
def group(tmp_path: Path) -> Iterator[Cloud]:
    with Cloud(tmp_path / "cloud.db") as cloud:
        create(cloud, "azure-native:resources:ResourceGroup", "rg", IN, **CONFIG)
        yield cloud


def online(cloud: Cloud, lookup: str, **args: Any) -> dict[str, Any]:
    return ask(f"azure-native:{lookup}", args, AZURE.settings(CONFIG), cloud)


@pytest.mark.parametrize("token", sorted(AZURE.lookups))
def test_every_lookup_is_one_that_the_sdk_has(token: str) -> None:
    _, module, name = token.split(":")
    files = (AZURE.sdk.root / module).glob("*.py")
    file = next(f for f in files if f.stem.replace("_", "") == name.lower())
    assert f"'{token}'" in file.read_text(encoding="utf-8")


@pytest.mark.parametrize("token", sorted(AZURE.lookups))
def test_every_lookup_is_answered_offline(token: str) -> None:
    name = {"resourceGroupName": "rg", "resourceName": "web", "accountName": "data"}
    assert answer(token, name, region="westeurope", account=ACCOUNT)


def test_who_is_asking() -> None:
    known = offline("authorization:getClientConfig")
    assert known["subscriptionId"] == ACCOUNT
    assert known["tenantId"] == offline("authorization:getClientConfig")["tenantId"]
    settings = AZURE.settings({**CONFIG, "tenantId": ACCOUNT})
    found = ask("azure-native:authorization:getClientConfig", {}, settings, None)
    assert found["tenantId"] == ACCOUNT


def test_without_a_cloud_the_answer_is_a_likely_one() -> None:
    found = offline("network:getSubnet", **IN, virtualNetworkName="net", subnetName="a")
    assert found["id"] == f"{GROUP}/providers/Microsoft.Network/virtualNetworks/net/subnets/a"
    vault = offline("keyvault:getVault", **IN, vaultName="box")
    assert vault["properties"]["vaultUri"] == "https://box.vault.azure.net/"


def test_with_a_cloud_it_has_to_exist(group: Cloud) -> None:
    with pytest.raises(NotFoundError, match=r"privateDnsZones/a\.b does not exist"):
        online(group, "privatedns:getPrivateZone", **IN, privateZoneName="a.b")
    given = {**IN, "privateZoneName": "a.b", "tags": {"team": "ml"}}
    zone = create(group, "azure-native:privatedns:PrivateZone", "z", given, **CONFIG)
    found = online(group, "privatedns:getPrivateZone", **IN, privateZoneName="a.b")
    assert found["id"] == zone.id
    assert found["tags"] == {"team": "ml"}


def test_the_subscription_is_that_of_the_provider(group: Cloud) -> None:
    elsewhere = AZURE.settings({"subscriptionId": ACCOUNT.replace("1", "2")})
    with pytest.raises(NotFoundError):
        ask("azure-native:resources:getResourceGroup", IN, elsewhere, group)
    assert online(group, "resources:getResourceGroup", **IN)["location"] == "westeurope"


def test_credentials_lead_to_the_cluster() -> None:
    (found,) = offline(
        "containerservice:listManagedClusterUserCredentials", **IN, resourceName="web"
    )["kubeconfigs"]
    config = json.loads(base64.b64decode(found["value"]))
    cluster = offline("containerservice:getManagedCluster", **IN, resourceName="web")
    assert config["clusters"][0]["cluster"]["server"] == f"https://{cluster['fqdn']}:443"


def test_keys_differ_and_stay_the_same() -> None:
    args = {**IN, "accountName": "data"}
    keys = offline("storage:listStorageAccountKeys", **args)["keys"]
    assert keys[0]["value"] != keys[1]["value"]
    assert keys == offline("storage:listStorageAccountKeys", **args)["keys"]
    cache = offline(
        "redisenterprise:listDatabaseKeys", **IN, clusterName="c", databaseName="default"
    )
    assert cache["primaryKey"] != cache["secondaryKey"]


def test_roles_are_defined_or_come_with_azure(group: Cloud) -> None:
    scope = {"scope": GROUP, "roleDefinitionId": ACCOUNT}
    assert online(group, "authorization:getRoleDefinition", **scope)["roleType"] == "BuiltInRole"
    given = {**scope, "roleName": "Ops"}
    create(group, "azure-native:authorization:RoleDefinition", "ops", given, **CONFIG)
    assert online(group, "authorization:getRoleDefinition", **scope)["roleName"] == "Ops"
