"""What the provider of Azure accepts, plans and refuses."""

from __future__ import annotations

import re
from typing import Any

import pytest
from rehearsal_azure import (
    ACCOUNT,
    ACCOUNT_OF_DATA,
    CLUSTER,
    GROUP,
    IN,
    OTHER,
    POOL,
    ROLE,
    SKU,
    VAULT,
    Azure,
)
from rehearsal_client import Made

from plinth.errors import EngineError
from plinth.graph import UNKNOWN
from plinth.rehearsal.cloud import Cloud
from plinth.rehearsal.unmanaged import create

CACHE = {
    "clusterName": "one",
    "publicNetworkAccess": "Disabled",
    "sku": {"name": "Balanced_B0"},
}


def network(azure: Azure, prefix: str = "10.0.0.0/24") -> tuple[Made, Made]:
    space = {"addressPrefixes": ["10.0.0.0/16"]}
    net = azure.make("network:VirtualNetwork", virtualNetworkName="net", addressSpace=space)
    given = {"virtualNetworkName": "net", "subnetName": "a", "addressPrefix": prefix}
    return net, azure.make("network:Subnet", **given)


class TestNames:
    def test_a_name_is_the_logical_one_and_eight_digits(self, azure: Azure) -> None:
        token = "azure-native:resources:ResourceGroup"
        inputs, _ = azure.client.check(token, {}, name="net")
        assert inputs["resourceGroupName"] == "net01234567"
        again, _ = azure.client.check(token, {}, name="other", olds=inputs)
        assert again["resourceGroupName"] == "net01234567"

    def test_a_made_up_name_that_the_service_refuses_is_refused(self, azure: Azure) -> None:
        token, known = "azure-native:storage:StorageAccount", {**IN, **ACCOUNT_OF_DATA}
        assert azure.client.check(token, known, name="data")[0]["accountName"] == "data01234567"
        assert list(azure.client.check(token, known, name="my-data")[1]) == ["accountName"]

    def test_role_assignments_are_named_by_a_uuid(self, azure: Azure) -> None:
        token = "azure-native:authorization:RoleAssignment"
        known = {"scope": GROUP, "principalId": OTHER, "roleDefinitionId": ROLE}
        inputs, failures = azure.client.check(token, known)
        assert not failures
        assert re.fullmatch(
            r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", inputs["roleAssignmentName"]
        )
        wrong = {**known, "roleAssignmentName": "reader"}
        assert list(azure.client.check(token, wrong)[1]) == ["roleAssignmentName"]

    def test_parents_get_no_name(self, azure: Azure) -> None:
        assert list(azure.check("network:Subnet")) == ["virtualNetworkName"]

    def test_some_names_are_taken_for_everyone(self, azure: Azure, cloud: Cloud) -> None:
        elsewhere = {"subscriptionId": OTHER}
        create(
            cloud,
            "azure-native:resources:ResourceGroup",
            "rg",
            {"resourceGroupName": "rg"},
            **elsewhere,
        )
        given = {**IN, **ACCOUNT_OF_DATA, "accountName": "data1"}
        create(cloud, "azure-native:storage:StorageAccount", "d", given, **elsewhere)
        azure.refused(
            lambda: azure.make("storage:StorageAccount", **given), "AlreadyExists: the name data1"
        )

    def test_a_deleted_vault_keeps_its_name(self, azure: Azure) -> None:
        given = {"vaultName": "box", "properties": VAULT}
        azure.client.delete(azure.make("keyvault:Vault", **given))
        azure.refused(lambda: azure.make("keyvault:Vault", **given), "exists in deleted state")
        recovered = {**VAULT, "createMode": "recover"}
        azure.make("keyvault:Vault", vaultName="box", properties=recovered)


class TestDefaults:
    def test_the_location_is_that_of_the_provider(self, azure: Azure) -> None:
        assert azure.group.inputs["location"] == "westeurope"
        zone = azure.make("privatedns:PrivateZone", privateZoneName="a.b")
        assert "location" not in zone.inputs

    def test_settings_of_the_provider(self, azure: Azure) -> None:
        check = azure.client.check_config
        assert check("azure-native", subscriptionId=ACCOUNT, useMsi=True, version="3.0.0") == {}
        assert list(check("azure-native", subscriptionId="mine")) == ["subscriptionId"]
        assert list(check("azure-native", region="westeurope")) == ["region"]

    def test_previews_leave_open_what_azure_decides(self, azure: Azure) -> None:
        known = {**IN, "accountName": "data1", **ACCOUNT_OF_DATA}
        seen = azure.client.preview("azure-native:storage:StorageAccount", known)
        assert seen["primaryEndpoints"] == UNKNOWN
        assert seen["sku"] == {"name": "Standard_ZRS"}


class TestChecks:
    @pytest.mark.parametrize(
        ("type_", "inputs", "path"),
        [
            ("keyvault:Vault",
             {"vaultName": "box", "properties": {**VAULT, "enablePurgeProtection": False}},
             "properties.enablePurgeProtection"),
            ("keyvault:Vault",
             {"vaultName": "box", "properties": {**VAULT, "softDeleteRetentionInDays": 1}},
             "properties.softDeleteRetentionInDays"),
            ("keyvault:Vault", {"vaultName": "box", "properties": {"sku": SKU, "tenantId": OTHER}},
             "properties.accessPolicies"),
            ("containerservice:ManagedCluster", {**CLUSTER, "dnsPrefix": None}, "dnsPrefix"),
            ("containerservice:ManagedCluster", {**CLUSTER, "identity": None}, "identity"),
            ("containerservice:ManagedCluster",
             {**CLUSTER, "agentPoolProfiles": [{**POOL, "name": "System"}]},
             "agentPoolProfiles[0].name"),
            ("containerservice:ManagedCluster",
             {**CLUSTER, "securityProfile": {"workloadIdentity": {"enabled": True}}},
             "oidcIssuerProfile.enabled"),
            ("dbforpostgresql:Server", {"network": {"delegatedSubnetResourceId": "x"}},
             "network.privateDnsZoneArmResourceId"),
            ("dbforpostgresql:Server", {"dataEncryption": {"type": "AzureKeyVault"}}, "identity"),
            ("dbforpostgresql:Server", {"backup": {"backupRetentionDays": 1}},
             "backup.backupRetentionDays"),
        ],
    )  # fmt: skip
    def test_settings_that_do_not_go_together(
        self, azure: Azure, type_: str, inputs: dict[str, Any], path: str
    ) -> None:
        assert list(azure.check(type_, **inputs)) == [path]

    def test_unknown_values_are_left_alone(self, azure: Azure) -> None:
        unknown = {**CLUSTER, "dnsPrefix": UNKNOWN, "agentPoolProfiles": UNKNOWN}
        assert azure.check("containerservice:ManagedCluster", **unknown) == {}


class TestChanges:
    @pytest.mark.parametrize(
        ("type_", "old", "new", "forced"),
        [
            ("storage:StorageAccount", {"accountName": "one", **ACCOUNT_OF_DATA},
             {"accountName": "two", **ACCOUNT_OF_DATA}, ["accountName"]),
            ("storage:StorageAccount", {"accountName": "one", **ACCOUNT_OF_DATA},
             {"accountName": "one", **ACCOUNT_OF_DATA, "isHnsEnabled": True}, ["isHnsEnabled"]),
            ("storage:StorageAccount", {"accountName": "one", **ACCOUNT_OF_DATA},
             {"accountName": "one", **ACCOUNT_OF_DATA, "allowSharedKeyAccess": False}, []),
            ("containerservice:ManagedCluster", CLUSTER, {**CLUSTER, "dnsPrefix": "api"},
             ["dnsPrefix"]),
            ("containerservice:ManagedCluster", CLUSTER,
             {**CLUSTER, "location": "northeurope"}, ["location"]),
            ("containerservice:ManagedCluster",
             {**CLUSTER, "networkProfile": {"podCidr": "10.1.0.0/16"}},
             {**CLUSTER, "networkProfile": {"podCidr": "10.2.0.0/16"}}, ["networkProfile.podCidr"]),
            ("dbforpostgresql:Server", {"serverName": "one", "availabilityZone": "1"},
             {"serverName": "one", "availabilityZone": "2"}, ["availabilityZone"]),
            ("network:VirtualNetwork", {"tags": {"name": "a"}}, {"tags": {"name": "b"}}, []),
        ],
    )  # fmt: skip
    def test_what_needs_a_new_resource(
        self,
        azure: Azure,
        type_: str,
        old: dict[str, Any],
        new: dict[str, Any],
        forced: list[str],
    ) -> None:
        found = azure.client.diff(azure.make(type_, **old), {**IN, **new})
        assert found.changed
        assert found.replaces == forced

    def test_parents_are_part_of_the_path(self, azure: Azure) -> None:
        _, subnet = network(azure)
        azure.make("network:VirtualNetwork", virtualNetworkName="other")
        moved = {**subnet.inputs, "virtualNetworkName": "other"}
        assert azure.client.diff(subnet, moved).replaces == ["virtualNetworkName"]
        wider = {**subnet.inputs, "addressPrefix": "10.0.0.0/23"}
        assert azure.client.diff(subnet, wider).replaces == []

    @pytest.mark.parametrize(
        ("type_", "old", "new"),
        [
            ("storage:StorageAccount", {"accountName": "one", **ACCOUNT_OF_DATA},
             {"accountName": "one", **ACCOUNT_OF_DATA, "kind": "BlockBlobStorage"}),
            ("keyvault:Vault",
             {"vaultName": "box", "properties": {**VAULT, "enableSoftDelete": True}},
             {"vaultName": "box", "properties": {**VAULT, "enableSoftDelete": False}}),
            ("dbforpostgresql:Server", {"serverName": "one", "version": "17"},
             {"serverName": "one", "version": "16"}),
            ("redisenterprise:RedisEnterprise", {**CACHE, "highAvailability": "Enabled"},
             {**CACHE, "highAvailability": "Disabled"}),
            ("dbforpostgresql:Server",
             {"serverName": "one", "identity": {"type": "SystemAssigned"}},
             {"serverName": "one", "identity": {"type": "SystemAssigned"},
              "dataEncryption": {"type": "AzureKeyVault"}}),
            ("containerservice:ManagedCluster", CLUSTER,
             {**CLUSTER, "agentPoolProfiles": [{**POOL, "scaleSetPriority": "Spot"}]}),
        ],
    )  # fmt: skip
    def test_what_is_planned_as_an_update_and_refused_by_the_service(
        self, azure: Azure, type_: str, old: dict[str, Any], new: dict[str, Any]
    ) -> None:
        made = azure.make(type_, **old)
        assert azure.client.diff(made, {**IN, **new}).replaces == []
        azure.refused(lambda: azure.client.update(made, {**IN, **new}), "NotAllowed")

    def test_what_the_service_does_change(self, azure: Azure) -> None:
        older = {"accountName": "one", "kind": "Storage", "sku": {"name": "Standard_LRS"}}
        account = azure.make("storage:StorageAccount", **older)
        azure.client.update(account, {**IN, **older, "kind": "StorageV2"})
        server = azure.make("dbforpostgresql:Server", serverName="one", version="16")
        changed = azure.client.update(server, {**IN, "serverName": "one", "version": "17"})
        assert changed["version"] == "17"


class TestOrder:
    def test_groups_have_to_exist(self, azure: Azure) -> None:
        azure.refused(
            lambda: azure.make("network:VirtualNetwork", resourceGroupName="none"),
            f"ResourceGroupNotFound: /subscriptions/{ACCOUNT}/resourceGroups/none does not exist",
        )

    def test_what_is_named_has_to_exist(self, azure: Azure) -> None:
        wanted: dict[str, Any] = {f"{GROUP}/providers/M.I/u/app": {}}
        given = {"type": "UserAssigned", "userAssignedIdentities": wanted}
        azure.refused(
            lambda: azure.make("dbforpostgresql:Server", serverName="one", identity=given),
            "ResourceNotFound: .*/u/app does not exist",
        )

    def test_what_comes_along_with_something_exists(self, azure: Azure) -> None:
        cluster = azure.make("containerservice:ManagedCluster", resourceName="web", **CLUSTER)
        id_ = cluster.outputs["identityProfile"]["kubeletidentity"]["resourceId"]
        given = {"scope": id_, "principalId": OTHER, "roleDefinitionId": ROLE}
        azure.make("authorization:RoleAssignment", **given)

    def test_roles_are_for_things_inside_of_what_exists(self, azure: Azure) -> None:
        vault = f"{GROUP}/providers/Microsoft.KeyVault/vaults/box"
        given = {"principalId": OTHER, "roleDefinitionId": ROLE, "scope": f"{vault}/secrets/later"}
        azure.refused(
            lambda: azure.make("authorization:RoleAssignment", **given),
            "ResourceNotFound: .*/vaults/box does not exist",
        )
        azure.make("keyvault:Vault", vaultName="box", properties=VAULT)
        azure.make("authorization:RoleAssignment", **given)

    def test_subnets_fit_into_their_network(self, azure: Azure) -> None:
        azure.refused(lambda: network(azure, "10.1.0.0/24"), "NetcfgInvalidSubnet")
        given = {"virtualNetworkName": "net", "addressPrefix": "10.0.0.0/24"}
        azure.make("network:Subnet", subnetName="a", **given)
        azure.refused(
            lambda: azure.make("network:Subnet", subnetName="b", **given),
            "NetcfgSubnetRangesOverlap: 10.0.0.0/24 overlaps with a",
        )

    def test_the_same_role_twice(self, azure: Azure) -> None:
        given = {"scope": GROUP, "principalId": OTHER, "roleDefinitionId": ROLE}
        azure.make("authorization:RoleAssignment", **given, roleAssignmentName=ACCOUNT)
        azure.refused(
            lambda: azure.make("authorization:RoleAssignment", **given, roleAssignmentName=OTHER),
            "RoleAssignmentExists",
        )

    def test_custom_roles(self, azure: Azure) -> None:
        given = {"scope": GROUP, "roleName": "Ops", "roleDefinitionId": OTHER}
        role = azure.make("authorization:RoleDefinition", **given)
        use = {"scope": GROUP, "principalId": OTHER, "roleDefinitionId": role.id}
        azure.make("authorization:RoleAssignment", **use)
        azure.refused(lambda: azure.client.delete(role), "RoleDefinitionHasAssignments")

    def test_credentials_of_one_identity(self, azure: Azure) -> None:
        azure.make("managedidentity:UserAssignedIdentity", resourceName="app")

        def trust(number: int, subject: str) -> None:
            azure.make(
                "managedidentity:FederatedIdentityCredential",
                resourceName="app",
                federatedIdentityCredentialResourceName=f"pod{number}",
                issuer="https://issuer",
                subject=subject,
                audiences=["api://AzureADTokenExchange"],
            )

        for number in range(20):
            trust(number, f"pod-{number}")
        azure.refused(lambda: trust(20, "pod-0"), "Conflict")
        azure.refused(lambda: trust(20, "pod-20"), "can have no more")


class TestDeletion:
    def test_a_group_takes_along_what_is_in_it(self, azure: Azure, cloud: Cloud) -> None:
        network(azure)
        azure.client.delete(azure.group)
        assert cloud.resources() == []

    def test_a_subnet_in_use(self, azure: Azure) -> None:
        net, subnet = network(azure)
        endpoint = azure.make("network:PrivateEndpoint", subnet={"id": subnet.id})
        azure.refused(lambda: azure.client.delete(subnet), "InUseSubnetCannotBeDeleted")
        azure.refused(lambda: azure.client.delete(net), "InUseSubnetCannotBeDeleted")
        azure.client.delete(endpoint)
        azure.client.delete(subnet)

    def test_a_zone_with_links(self, azure: Azure) -> None:
        zone = azure.make("privatedns:PrivateZone", privateZoneName="a.b")
        link = azure.make("privatedns:VirtualNetworkLink", privateZoneName="a.b")
        azure.refused(lambda: azure.client.delete(zone), "CannotDeleteResource")
        azure.client.delete(link)
        azure.client.delete(zone)

    def test_locks(self, azure: Azure) -> None:
        account = azure.make("storage:StorageAccount", accountName="one", **ACCOUNT_OF_DATA)
        given = {"scope": account.id, "level": "CanNotDelete", "lockName": "keep"}
        lock = azure.make("authorization:ManagementLockByScope", **given)
        azure.refused(lambda: azure.client.delete(account), "ScopeLocked")
        azure.refused(lambda: azure.client.delete(azure.group), "ScopeLocked")
        role = {"scope": account.id, "principalId": OTHER, "roleDefinitionId": ROLE}
        assignment = azure.make("authorization:RoleAssignment", **role)
        azure.refused(lambda: azure.client.delete(assignment), "ScopeLocked")
        changed = {**account.inputs, "allowSharedKeyAccess": False}
        azure.client.update(account, changed)
        azure.client.delete(lock)
        azure.client.delete(account)

    def test_a_lock_on_a_group_is_for_everything_in_it(self, azure: Azure) -> None:
        account = azure.make("storage:StorageAccount", accountName="one", **ACCOUNT_OF_DATA)
        azure.make(
            "authorization:ManagementLockAtResourceGroupLevel",
            resourceGroupName="rg",
            level="ReadOnly",
            lockName="freeze",
        )
        azure.refused(lambda: azure.client.delete(account), "ScopeLocked")
        changed = {**account.inputs, "allowSharedKeyAccess": False}
        azure.refused(lambda: azure.client.update(account, changed), "ScopeLocked")
        azure.refused(lambda: azure.make("network:VirtualNetwork"), "ScopeLocked")

    def test_a_lock_on_one_thing_is_not_for_its_neighbours(self, azure: Azure) -> None:
        given = {"kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
        azure.make("storage:StorageAccount", accountName="one", **given)
        other = azure.make("storage:StorageAccount", accountName="onemore", **given)
        azure.make(
            "authorization:ManagementLockAtResourceLevel",
            resourceGroupName="rg",
            resourceProviderNamespace="Microsoft.Storage",
            parentResourcePath="",
            resourceType="storageAccounts",
            resourceName="one",
            apiVersion="2024-01-01",
            level="CanNotDelete",
            lockName="keep",
        )
        azure.client.delete(other)


def test_things_made_by_hand_obey_the_rules(azure: Azure, cloud: Cloud) -> None:
    config = {"subscriptionId": ACCOUNT}
    zone = create(cloud, "azure-native:dns:Zone", "example.com", IN, **config)
    assert zone.id == f"{GROUP}/providers/Microsoft.Network/dnsZones/example.com"
    with pytest.raises(EngineError, match="ResourceGroupNotFound"):
        create(cloud, "azure-native:dns:Zone", "b.com", {"resourceGroupName": "x"}, **config)
