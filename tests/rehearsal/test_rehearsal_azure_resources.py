"""Each type that a platform on Azure is made of: made, and a mistake in it refused."""

from __future__ import annotations

from typing import Any

import pytest
from rehearsal_azure import ACCOUNT_OF_DATA, CLUSTER, IN, OTHER, POOL, VAULT, Azure

#: Type, inputs that it is made with, what one output is, a mistake, and where that is refused.
CASES: list[tuple[str, dict[str, Any], str, Any, dict[str, Any], str]] = [
    ("resources:ResourceGroup", {"resourceGroupName": "one"}, "name", "one",
     {"resourceGroupName": "one."}, "resourceGroupName"),
    ("network:VirtualNetwork", {"virtualNetworkName": "v1"}, "provisioningState", "Succeeded",
     {"addressSpace": {"prefixes": []}}, "addressSpace.prefixes"),
    ("network:NetworkSecurityGroup", {"networkSecurityGroupName": "n"}, "name", "n",
     {"securityRules": [{"access": "Maybe", "direction": "Inbound", "protocol": "Tcp"}]},
     "securityRules[0].access"),
    ("network:NatGateway", {"natGatewayName": "n", "sku": {"name": "Standard"}}, "name", "n",
     {"sku": {"name": "Huge"}}, "sku.name"),
    ("network:PublicIPAddress", {"publicIpAddressName": "p"}, "publicIPAddressVersion", "IPv4",
     {"publicIPAllocationMethod": "Fixed"}, "publicIPAllocationMethod"),
    ("network:PrivateEndpoint", {"privateEndpointName": "pe"}, "name", "pe",
     {"privateEndpointName": "p"}, "privateEndpointName"),
    ("network:FlowLog",
     {"resourceGroupName": "NetworkWatcherRG", "networkWatcherName": "NetworkWatcher_westeurope",
      "flowLogName": "f", "storageId": "s", "targetResourceId": "t"}, "enabled", True,
     {"networkWatcherName": "w", "targetResourceId": "t"}, "storageId"),
    ("network:NetworkWatcher", {"networkWatcherName": "w"}, "location", "westeurope",
     {"networkWatcherName": "-w"}, "networkWatcherName"),
    ("network:RouteTable", {"routeTableName": "r"}, "name", "r",
     {"routes": [{"nextHopType": "Nowhere"}]}, "routes[0].nextHopType"),
    ("privatedns:PrivateZone", {"privateZoneName": "a.b", "location": "Global"}, "name", "a.b",
     {"privateZoneName": "a.b", "location": "westeurope"}, "location"),
    ("keyvault:Vault", {"vaultName": "box", "properties": VAULT}, "name", "box",
     {"vaultName": "9box", "properties": VAULT}, "vaultName"),
    ("containerservice:ManagedCluster", {"resourceName": "web", **CLUSTER}, "fqdn", None,
     {**CLUSTER, "agentPoolProfiles": [{**POOL, "mode": "User"}]}, "agentPoolProfiles"),
    ("compute:DiskEncryptionSet", {"diskEncryptionSetName": "d"}, "provisioningState", "Succeeded",
     {"encryptionType": "None"}, "encryptionType"),
    ("managedidentity:UserAssignedIdentity", {"resourceName": "app"}, "principalId", None,
     {"resourceName": "a"}, "resourceName"),
    ("storage:StorageAccount", {"accountName": "data1", **ACCOUNT_OF_DATA}, "name", "data1",
     {"accountName": "my-data", **ACCOUNT_OF_DATA}, "accountName"),
    ("dbforpostgresql:Server", {"serverName": "orders"}, "state", "Ready",
     {"serverName": "Orders"}, "serverName"),
    ("redisenterprise:RedisEnterprise",
     {"clusterName": "c", "publicNetworkAccess": "Disabled", "sku": {"name": "Balanced_B0"}},
     "resourceState", "Running",
     {"clusterName": "c", "sku": {"name": "Balanced_B0"}}, "publicNetworkAccess"),
    ("containerregistry:Registry", {"registryName": "images", "sku": {"name": "Premium"}},
     "loginServer", "images.azurecr.io",
     {"registryName": "my-images", "sku": {"name": "Premium"}}, "registryName"),
    ("operationalinsights:Workspace", {"workspaceName": "logs"}, "customerId", None,
     {"workspaceName": "log"}, "workspaceName"),
    ("monitor:ActionGroup",
     {"actionGroupName": "a", "enabled": True, "groupShortName": "a"}, "location", "global",
     {"enabled": "yes", "groupShortName": "a"}, "enabled"),
    ("monitor:DataCollectionEndpoint", {"dataCollectionEndpointName": "d"}, "name", "d",
     {"kind": "BSD"}, "kind"),
    ("monitor:DataCollectionRule",
     {"dataCollectionRuleName": "d", "dataFlows": [{"streams": ["Custom-mine"]}]}, "name", "d",
     {"kinds": "Linux"}, "kinds"),
    ("monitor:ScheduledQueryRule", {"ruleName": "q"}, "isLegacyLogAnalyticsRule", False,
     {"scope": []}, "scope"),
    ("dns:Zone", {"zoneName": "example.com"}, "location", "global",
     {"zoneName": "example"}, "zoneName"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_types_are_made_and_mistakes_refused(azure: Azure, case: tuple[Any, ...]) -> None:
    type_, inputs, output, value, wrong, path = case
    given = azure.make(type_, **inputs).outputs[output]
    assert given == value if value is not None else given
    wrong = wrong if type_.startswith("resources:") else {**IN, **wrong}
    assert list(azure.client.check(f"azure-native:{type_}", wrong)[1]) == [path]


#: The same for what lives in something else: parent, its inputs, type, inputs, mistake, path.
NESTED: list[tuple[str, dict[str, Any], str, dict[str, Any], dict[str, Any], str]] = [
    ("network:VirtualNetwork", {"virtualNetworkName": "net"}, "network:Subnet",
     {"virtualNetworkName": "net", "subnetName": "a"},
     {"addressPrefixs": []}, "addressPrefixs"),
    ("network:PrivateEndpoint", {"privateEndpointName": "pe"}, "network:PrivateDnsZoneGroup",
     {"privateEndpointName": "pe", "privateDnsZoneGroupName": "default"},
     {"privateDnsZoneConfigs": {}}, "privateDnsZoneConfigs"),
    ("privatedns:PrivateZone", {"privateZoneName": "a.b"}, "privatedns:VirtualNetworkLink",
     {"privateZoneName": "a.b", "virtualNetworkLinkName": "l"},
     {"location": "westeurope"}, "location"),
    ("keyvault:Vault", {"vaultName": "box", "properties": VAULT}, "keyvault:Key",
     {"vaultName": "box", "keyName": "k", "properties": {"kty": "RSA"}},
     {"properties": {"kty": "DSA"}}, "properties.kty"),
    ("keyvault:Vault", {"vaultName": "box", "properties": VAULT}, "keyvault:Secret",
     {"vaultName": "box", "secretName": "s", "properties": {"value": "x"}},
     {"secretName": "a_b"}, "secretName"),
    ("containerservice:ManagedCluster", {"resourceName": "web", **CLUSTER},
     "containerservice:AgentPool", {"resourceName": "web", "agentPoolName": "gpu"},
     {"agentPoolName": "GPU"}, "agentPoolName"),
    ("containerservice:ManagedCluster", {"resourceName": "web", **CLUSTER},
     "containerservice:MaintenanceConfiguration", {"resourceName": "web", "configName": "default"},
     {"timeInWeek": [{"day": "Caturday"}]}, "timeInWeek[0].day"),
    ("managedidentity:UserAssignedIdentity", {"resourceName": "app"},
     "managedidentity:FederatedIdentityCredential",
     {"resourceName": "app", "federatedIdentityCredentialResourceName": "pod",
      "issuer": "https://a", "subject": "s", "audiences": ["api://AzureADTokenExchange"]},
     {"audiences": "all"}, "audiences"),
    ("storage:StorageAccount", {"accountName": "data1", **ACCOUNT_OF_DATA},
     "storage:BlobContainer", {"accountName": "data1", "containerName": "raw"},
     {"containerName": "a--b"}, "containerName"),
    ("storage:StorageAccount", {"accountName": "data1", **ACCOUNT_OF_DATA},
     "storage:BlobServiceProperties", {"accountName": "data1", "blobServicesName": "default"},
     {"blobServicesName": "mine"}, "blobServicesName"),
    ("storage:StorageAccount", {"accountName": "data1", **ACCOUNT_OF_DATA},
     "storage:ManagementPolicy",
     {"accountName": "data1", "managementPolicyName": "default", "policy": {"rules": []}},
     {"managementPolicyName": "mine"}, "managementPolicyName"),
    ("storage:StorageAccount", {"accountName": "data1", **ACCOUNT_OF_DATA},
     "storage:EncryptionScope", {"accountName": "data1", "encryptionScopeName": "tenant"},
     {"source": "Here"}, "source"),
    ("dbforpostgresql:Server", {"serverName": "orders"}, "dbforpostgresql:Configuration",
     {"serverName": "orders", "configurationName": "work_mem", "value": "8192"},
     {"valeu": "1"}, "valeu"),
    ("dbforpostgresql:Server", {"serverName": "orders"}, "dbforpostgresql:Administrator",
     {"serverName": "orders", "objectId": OTHER}, {"tenantId": ["a"]}, "tenantId"),
    ("dbforpostgresql:Server", {"serverName": "orders"}, "dbforpostgresql:Database",
     {"serverName": "orders", "databaseName": "app"}, {"charset": 8}, "charset"),
    ("dbforpostgresql:Server", {"serverName": "orders"}, "dbforpostgresql:Backup",
     {"serverName": "orders", "backupName": "before"}, {"serverName": None}, "serverName"),
    ("redisenterprise:RedisEnterprise",
     {"clusterName": "c", "publicNetworkAccess": "Disabled", "sku": {"name": "Balanced_B0"}},
     "redisenterprise:Database", {"clusterName": "c", "databaseName": "default"},
     {"databaseName": "mine"}, "databaseName"),
    ("containerregistry:Registry", {"registryName": "images", "sku": {"name": "Premium"}},
     "containerregistry:CacheRule", {"registryName": "images", "cacheRuleName": "hub"},
     {"source": "docker.io"}, "source"),
    ("operationalinsights:Workspace", {"workspaceName": "logs"}, "operationalinsights:Table",
     {"workspaceName": "logs", "tableName": "ContainerLogV2"}, {"plan": "Free"}, "plan"),
    ("dns:Zone", {"zoneName": "example.com"}, "dns:RecordSet",
     {"zoneName": "example.com", "recordType": "A", "relativeRecordSetName": "www"},
     {"ttl": "soon"}, "ttl"),
]  # fmt: skip


@pytest.mark.parametrize("case", NESTED, ids=[case[2] for case in NESTED])
def test_parents_have_to_exist(azure: Azure, case: tuple[Any, ...]) -> None:
    parent, base, type_, inputs, wrong, path = case
    azure.refused(lambda: azure.make(type_, **inputs), "ResourceNotFound: .*does not exist")
    above = azure.make(parent, **base)
    made = azure.make(type_, **inputs)
    assert made.id.startswith(above.id)
    assert list(azure.check(type_, **{**inputs, **wrong})) == [path]
    azure.client.delete(azure.group)
    assert azure.cloud.resources() == []
