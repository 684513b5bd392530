"""Identifiers of Azure Resource Manager: where each type lives, and what follows from that.

An identifier is a path: the subscription, the resource group, and then pairs of type and name
below a provider's namespace.  What a resource belongs to is its path without the last pair.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from plinth.graph import UNKNOWN
from plinth.rehearsal.packages.base import Birth

_GROUP: Final = "/subscriptions/{subscription}/resourceGroups/{resourceGroupName}"
_AUTHORIZATION: Final = "/providers/Microsoft.Authorization"

#: Type -> path below the resource group. The names in braces are inputs; that the SDK knows them
#: all is tested. The paths are those of the REST reference of each service.
_IN_GROUP: Final[Mapping[str, str]] = {
    "compute:DiskEncryptionSet": "Microsoft.Compute/diskEncryptionSets/{diskEncryptionSetName}",
    "containerregistry:CacheRule":
        "Microsoft.ContainerRegistry/registries/{registryName}/cacheRules/{cacheRuleName}",
    "containerregistry:CredentialSet":
        "Microsoft.ContainerRegistry/registries/{registryName}/credentialSets/{credentialSetName}",
    "containerregistry:Registry": "Microsoft.ContainerRegistry/registries/{registryName}",
    "containerregistry:Replication":
        "Microsoft.ContainerRegistry/registries/{registryName}/replications/{replicationName}",
    "containerregistry:ScopeMap":
        "Microsoft.ContainerRegistry/registries/{registryName}/scopeMaps/{scopeMapName}",
    "containerregistry:Token":
        "Microsoft.ContainerRegistry/registries/{registryName}/tokens/{tokenName}",
    "containerservice:AgentPool":
        "Microsoft.ContainerService/managedClusters/{resourceName}/agentPools/{agentPoolName}",
    "containerservice:MaintenanceConfiguration":
        "Microsoft.ContainerService/managedClusters/{resourceName}"
        "/maintenanceConfigurations/{configName}",
    "containerservice:ManagedCluster": "Microsoft.ContainerService/managedClusters/{resourceName}",
    "dataprotection:BackupInstance":
        "Microsoft.DataProtection/backupVaults/{vaultName}/backupInstances/{backupInstanceName}",
    "dataprotection:BackupPolicy":
        "Microsoft.DataProtection/backupVaults/{vaultName}/backupPolicies/{backupPolicyName}",
    "dataprotection:BackupVault": "Microsoft.DataProtection/backupVaults/{vaultName}",
    "dbforpostgresql:Administrator":
        "Microsoft.DBforPostgreSQL/flexibleServers/{serverName}/administrators/{objectId}",
    "dbforpostgresql:AdministratorsMicrosoftEntra":
        "Microsoft.DBforPostgreSQL/flexibleServers/{serverName}/administrators/{objectId}",
    "dbforpostgresql:Backup":
        "Microsoft.DBforPostgreSQL/flexibleServers/{serverName}/backups/{backupName}",
    "dbforpostgresql:BackupsAutomaticAndOnDemand":
        "Microsoft.DBforPostgreSQL/flexibleServers/{serverName}/backups/{backupName}",
    "dbforpostgresql:Configuration":
        "Microsoft.DBforPostgreSQL/flexibleServers/{serverName}/configurations/{configurationName}",
    "dbforpostgresql:Database":
        "Microsoft.DBforPostgreSQL/flexibleServers/{serverName}/databases/{databaseName}",
    "dbforpostgresql:FirewallRule":
        "Microsoft.DBforPostgreSQL/flexibleServers/{serverName}/firewallRules/{firewallRuleName}",
    "dbforpostgresql:Server": "Microsoft.DBforPostgreSQL/flexibleServers/{serverName}",
    "dns:RecordSet": "Microsoft.Network/dnsZones/{zoneName}/{recordType}/{relativeRecordSetName}",
    "dns:Zone": "Microsoft.Network/dnsZones/{zoneName}",
    "keyvault:Key": "Microsoft.KeyVault/vaults/{vaultName}/keys/{keyName}",
    "keyvault:Secret": "Microsoft.KeyVault/vaults/{vaultName}/secrets/{secretName}",
    "keyvault:Vault": "Microsoft.KeyVault/vaults/{vaultName}",
    "managedidentity:FederatedIdentityCredential":
        "Microsoft.ManagedIdentity/userAssignedIdentities/{resourceName}"
        "/federatedIdentityCredentials/{federatedIdentityCredentialResourceName}",
    "managedidentity:UserAssignedIdentity":
        "Microsoft.ManagedIdentity/userAssignedIdentities/{resourceName}",
    "monitor:ActionGroup": "Microsoft.Insights/actionGroups/{actionGroupName}",
    "monitor:ActivityLogAlert": "Microsoft.Insights/activityLogAlerts/{activityLogAlertName}",
    "monitor:AzureMonitorWorkspace": "Microsoft.Monitor/accounts/{azureMonitorWorkspaceName}",
    "monitor:DataCollectionEndpoint":
        "Microsoft.Insights/dataCollectionEndpoints/{dataCollectionEndpointName}",
    "monitor:DataCollectionRule": "Microsoft.Insights/dataCollectionRules/{dataCollectionRuleName}",
    "monitor:MetricAlert": "Microsoft.Insights/metricAlerts/{ruleName}",
    "monitor:ScheduledQueryRule": "Microsoft.Insights/scheduledQueryRules/{ruleName}",
    "network:FlowLog":
        "Microsoft.Network/networkWatchers/{networkWatcherName}/flowLogs/{flowLogName}",
    "network:NatGateway": "Microsoft.Network/natGateways/{natGatewayName}",
    "network:NetworkSecurityGroup":
        "Microsoft.Network/networkSecurityGroups/{networkSecurityGroupName}",
    "network:NetworkWatcher": "Microsoft.Network/networkWatchers/{networkWatcherName}",
    "network:PrivateDnsZoneGroup":
        "Microsoft.Network/privateEndpoints/{privateEndpointName}"
        "/privateDnsZoneGroups/{privateDnsZoneGroupName}",
    "network:PrivateEndpoint": "Microsoft.Network/privateEndpoints/{privateEndpointName}",
    "network:PublicIPAddress": "Microsoft.Network/publicIPAddresses/{publicIpAddressName}",
    "network:PublicIPPrefix": "Microsoft.Network/publicIPPrefixes/{publicIpPrefixName}",
    "network:RouteTable": "Microsoft.Network/routeTables/{routeTableName}",
    "network:SecurityRule":
        "Microsoft.Network/networkSecurityGroups/{networkSecurityGroupName}"
        "/securityRules/{securityRuleName}",
    "network:Subnet": "Microsoft.Network/virtualNetworks/{virtualNetworkName}/subnets/{subnetName}",
    "network:VirtualNetwork": "Microsoft.Network/virtualNetworks/{virtualNetworkName}",
    "operationalinsights:Table":
        "Microsoft.OperationalInsights/workspaces/{workspaceName}/tables/{tableName}",
    "operationalinsights:Workspace": "Microsoft.OperationalInsights/workspaces/{workspaceName}",
    "privatedns:PrivateRecordSet":
        "Microsoft.Network/privateDnsZones/{privateZoneName}/{recordType}/{relativeRecordSetName}",
    "privatedns:PrivateZone": "Microsoft.Network/privateDnsZones/{privateZoneName}",
    "privatedns:VirtualNetworkLink":
        "Microsoft.Network/privateDnsZones/{privateZoneName}"
        "/virtualNetworkLinks/{virtualNetworkLinkName}",
    "redis:Redis": "Microsoft.Cache/redis/{name}",
    "redisenterprise:AccessPolicyAssignment":
        "Microsoft.Cache/redisEnterprise/{clusterName}/databases/{databaseName}"
        "/accessPolicyAssignments/{accessPolicyAssignmentName}",
    "redisenterprise:Database":
        "Microsoft.Cache/redisEnterprise/{clusterName}/databases/{databaseName}",
    "redisenterprise:RedisEnterprise": "Microsoft.Cache/redisEnterprise/{clusterName}",
    "storage:BlobContainer":
        "Microsoft.Storage/storageAccounts/{accountName}/blobServices/default"
        "/containers/{containerName}",
    "storage:BlobContainerImmutabilityPolicy":
        "Microsoft.Storage/storageAccounts/{accountName}/blobServices/default"
        "/containers/{containerName}/immutabilityPolicies/{immutabilityPolicyName}",
    "storage:BlobServiceProperties":
        "Microsoft.Storage/storageAccounts/{accountName}/blobServices/{blobServicesName}",
    "storage:EncryptionScope":
        "Microsoft.Storage/storageAccounts/{accountName}/encryptionScopes/{encryptionScopeName}",
    "storage:ManagementPolicy":
        "Microsoft.Storage/storageAccounts/{accountName}/managementPolicies/{managementPolicyName}",
    "storage:StorageAccount": "Microsoft.Storage/storageAccounts/{accountName}",
}  # fmt: skip

#: ... and the whole path of what lives elsewhere.
_ELSEWHERE: Final[Mapping[str, str]] = {
    "authorization:ManagementLockAtResourceGroupLevel":
        f"{_GROUP}{_AUTHORIZATION}/locks/{{lockName}}",
    "authorization:ManagementLockAtResourceLevel":
        f"{_GROUP}/providers/{{resourceProviderNamespace}}/{{parentResourcePath}}/{{resourceType}}"
        f"/{{resourceName}}{_AUTHORIZATION}/locks/{{lockName}}",
    "authorization:ManagementLockAtSubscriptionLevel":
        f"/subscriptions/{{subscription}}{_AUTHORIZATION}/locks/{{lockName}}",
    "authorization:ManagementLockByScope": f"/{{scope}}{_AUTHORIZATION}/locks/{{lockName}}",
    "authorization:RoleAssignment":
        f"/{{scope}}{_AUTHORIZATION}/roleAssignments/{{roleAssignmentName}}",
    "authorization:RoleDefinition":
        f"/{{scope}}{_AUTHORIZATION}/roleDefinitions/{{roleDefinitionId}}",
    "consumption:Budget": "/{scope}/providers/Microsoft.Consumption/budgets/{budgetName}",
    "costmanagement:Budget": "/{scope}/providers/Microsoft.CostManagement/budgets/{budgetName}",
    "monitor:DataCollectionRuleAssociation":
        "/{resourceUri}/providers/Microsoft.Insights"
        "/dataCollectionRuleAssociations/{associationName}",
    "monitor:DiagnosticSetting":
        "/{resourceUri}/providers/Microsoft.Insights/diagnosticSettings/{name}",
    "monitor:SubscriptionDiagnosticSetting":
        "/subscriptions/{subscription}/providers/Microsoft.Insights/diagnosticSettings/{name}",
    "resources:ResourceGroup": _GROUP,
}  # fmt: skip

#: Type token -> path.
PATHS: Final[Mapping[str, str]] = {
    f"azure-native:{type_}": path
    for type_, path in (
        *((type_, f"{_GROUP}/providers/{path}") for type_, path in _IN_GROUP.items()),
        *_ELSEWHERE.items(),
    )
}

#: Inputs that say what a resource of any other type extends.
SCOPES: Final = ("scope", "resourceUri", "resourceScope", "resourceId")


def identifier(birth: Birth, key: str) -> str:
    """The identifier of a resource.

    Args:
        birth: The resource.
        key: The property with its physical name.
    """
    values = {name: birth.text(name, name) for name in birth.inputs}
    values |= {"subscription": birth.account, key: birth.name}
    path = PATHS.get(birth.type) or _path(birth, key)
    whole = re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], found[1]), path)
    return "/" + "/".join(part for part in whole.split("/") if part)


def _path(birth: Birth, key: str) -> str:
    """A plausible path for any other type: parents are what it names, in order of its inputs."""
    _, module, kind = birth.type.split(":")
    scope = next((f"/{{{s}}}" for s in SCOPES if birth.text(s)), "")
    group = _GROUP if birth.text("resourceGroupName") else "/subscriptions/{subscription}"
    named = [k for k in birth.inputs if k.endswith("Name") and k not in ("resourceGroupName", key)]
    parents = "".join(f"/{k.removesuffix('Name')}s/{{{k}}}" for k in sorted(named))
    namespace = "Microsoft." + module.split("/")[0].capitalize()
    return (
        f"{scope or group}/providers/{namespace}{parents}/{kind[:1].lower()}{kind[1:]}s/{{{key}}}"
    )


def resource_type(path: str) -> str:
    """The type in an identifier, such as ``Microsoft.KeyVault/vaults/keys``."""
    _, found, tail = path.rpartition("/providers/")
    parts = tail.split("/")
    return "/".join([parts[0], *parts[1::2]]) if found else "Microsoft.Resources/resourceGroups"


def owner(path: str) -> str:
    """What a resource belongs to: its parent, its group, its subscription, or what it extends.

    Things named ``default`` come with what they belong to, so that is the owner.
    """
    head, _, tail = path.rpartition("/providers/")
    parts = tail.split("/")
    if not head:
        return path.rpartition("/resourceGroups/")[0]
    if len(parts) <= len(("namespace", "type", "name")):
        return head
    above = "/".join([head, "providers", *parts[:-2]])
    return owner(above) if above.endswith("/default") else above


def extends(path: str) -> bool:
    """Whether a resource extends another one, as roles, locks and diagnostic settings do."""
    return "/providers/" in path.rpartition("/providers/")[0]


def tracked(path: str) -> str:
    """The thing on top of a path: a vault of its secrets, an account of its containers."""
    head, found, tail = path.partition("/providers/")
    return "/".join([head + found + tail.split("/")[0], *tail.split("/")[1:3]]) if found else path


def last(path: Any) -> str:
    """The name at the end of an identifier."""
    return "" if path in (None, UNKNOWN) else str(path).rsplit("/", 1)[-1]
