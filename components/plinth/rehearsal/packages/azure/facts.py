"""Facts about Azure types that the SDK does not state.

Where they come from is said at each table. *Read* are those of pulumi-azure-native (the
generator's ``replacement.go``, the provider's naming code) and of the REST specifications that the
provider is generated from (``x-ms-mutability``), and sentences of the SDK's documentation.
*Believed* is what is generally known of the service and was compared with nothing.

The provider replaces a resource for little: its path, its location, and what the first table has.
Most of what a service holds fixed is not marked in its specification.  Then a preview promises an
update, and the service refuses it while it is under way; so does the rehearsal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

#: The property with the physical name, where the general rule does not find it.
NAMES: Final[Mapping[str, str]] = {
    "azure-native:azureactivedirectory:B2CTenant": "resourceName",
    "azure-native:dbforpostgresql:Administrator": "objectId",
    "azure-native:dbforpostgresql:AdministratorsMicrosoftEntra": "objectId",
    "azure-native:dns:RecordSet": "relativeRecordSetName",
    "azure-native:privatedns:PrivateRecordSet": "relativeRecordSetName",
}

#: Types whose names are UUIDs: made up as such, and refused otherwise. Read: role assignments in
#: the SDK; definitions are believed.
UUID_NAMES: Final = frozenset(
    {
        "azure-native:authorization:RoleAssignment",
        "azure-native:authorization:RoleDefinition",
    }
)

#: Enumerations of the SDK that leave out values which Azure takes. The streams of a data collection
#: rule may be custom ones. Of enumerations with the same name in two specifications the SDK keeps
#: one: it gives the operators of one kind of alert for those of the other, and the principals and
#: identities of PostgreSQL's clusters for those of its servers.
OPEN: Final = frozenset(
    {
        "dbforpostgresql:IdentityType",
        "dbforpostgresql:PrincipalType",
        "monitor:ConditionOperator",
        "monitor:KnownDataFlowStreams",
        "monitor:KnownExtensionDataSourceStreams",
        "monitor:KnownPerfCounterDataSourceStreams",
        "monitor:KnownPrometheusForwarderDataSourceStreams",
        "monitor:KnownSyslogDataSourceStreams",
        "monitor:KnownWindowsEventLogDataSourceStreams",
    }
)

#: Type -> properties whose change makes a new resource, beyond path and location. Read: the
#: specification of PostgreSQL (2025-08-01); for the others ``replacement.go``. The specifications
#: of the others were not read, so they may have more.
REPLACES: Final[Mapping[str, tuple[str, ...]]] = {
    "azure-native:authorization:RoleAssignment": ("principalId", "scope"),
    "azure-native:authorization:RoleDefinition": ("scope",),
    "azure-native:containerservice:AgentPool": (
        "gpuInstanceProfile", "vmSize", "networkProfile.nodePublicIPTags",
    ),
    "azure-native:containerservice:ManagedCluster": (
        "diskEncryptionSetID", "dnsPrefix", "fqdnSubdomain", "linuxProfile", "nodeResourceGroup",
        "windowsProfile", "networkProfile.serviceCidr", "networkProfile.serviceCidrs",
        "networkProfile.dnsServiceIP", "networkProfile.networkMode",
        "networkProfile.networkPlugin", "networkProfile.networkPluginMode",
        "networkProfile.podCidr", "networkProfile.networkDataplane",
        "networkProfile.networkPolicy", "networkProfile.outboundType",
    ),
    "azure-native:dbforpostgresql:Server": (
        "administratorLogin", "availabilityZone", "backup.geoRedundantBackup", "pointInTimeUTC",
        "sourceServerResourceId",
    ),
    "azure-native:network:PrivateEndpoint": ("subnet",),
    "azure-native:network:PublicIPAddress": ("publicIPAddressVersion", "publicIPPrefix", "sku"),
    "azure-native:storage:StorageAccount": ("isHnsEnabled",),
}  # fmt: skip

_POOL: Final = (
    "availabilityZones", "enableEncryptionAtHost", "enableFIPS", "enableNodePublicIP",
    "enableUltraSSD", "hostGroupID", "kubeletDiskType", "maxPods", "nodePublicIPPrefixID",
    "osDiskSizeGB", "osDiskType", "osType", "podSubnetID", "proximityPlacementGroupID",
    "scaleSetEvictionPolicy", "scaleSetPriority", "type", "vnetSubnetID",
)  # fmt: skip

#: Type -> properties that the service does not change, although the provider asks it to. Read in
#: the SDK: ``hostGroupID`` of a pool, versioned immutability, the clustering of a cache, a
#: subnet's outbound access. Believed: everything else, after the services' own documentation.
FROZEN: Final[Mapping[str, tuple[str, ...]]] = {
    "azure-native:authorization:RoleAssignment": ("roleDefinitionId",),
    "azure-native:compute:DiskEncryptionSet": ("encryptionType",),
    "azure-native:consumption:Budget": ("category", "timeGrain", "timePeriod.startDate"),
    "azure-native:costmanagement:Budget": ("category", "timeGrain", "timePeriod.startDate"),
    "azure-native:containerregistry:Registry": ("encryption.status", "zoneRedundancy"),
    "azure-native:containerservice:AgentPool": _POOL,
    "azure-native:containerservice:ManagedCluster": (
        "apiServerAccessProfile.enablePrivateCluster", "apiServerAccessProfile.privateDNSZone",
        "enableRBAC", "networkProfile.ipFamilies", "networkProfile.loadBalancerSku",
        "networkProfile.podCidrs", "agentPoolProfiles[*].vmSize",
        *(f"agentPoolProfiles[*].{name}" for name in _POOL),
    ),
    "azure-native:dbforpostgresql:Server": (
        "dataEncryption.type", "network.delegatedSubnetResourceId",
    ),
    "azure-native:keyvault:Key": (
        "properties.kty", "properties.keySize", "properties.curveName",
    ),
    "azure-native:keyvault:Vault": ("properties.softDeleteRetentionInDays", "properties.tenantId"),
    "azure-native:network:Subnet": ("defaultOutboundAccess",),
    "azure-native:redisenterprise:Database": ("clusteringPolicy", "modules", "port"),
    "azure-native:redisenterprise:RedisEnterprise": ("zones",),
    "azure-native:storage:BlobContainer": ("immutableStorageWithVersioning",),
    "azure-native:storage:EncryptionScope": ("requireInfrastructureEncryption",),
    "azure-native:storage:StorageAccount": (
        "encryption.requireInfrastructureEncryption", "enableNfsV3",
        "immutableStorageWithVersioning.enabled", "kind",
    ),
}  # fmt: skip

#: Type -> switches that stay on. Read in the SDK: both of a vault; of the enterprise cache in Azure
#: Managed Redis' documentation, "Plan reliability and durability"; the rest is believed.
ONE_WAY: Final[Mapping[str, tuple[str, ...]]] = {
    "azure-native:containerservice:ManagedCluster": ("oidcIssuerProfile.enabled",),
    "azure-native:keyvault:Vault": (
        "properties.enablePurgeProtection",
        "properties.enableSoftDelete",
    ),
    "azure-native:redisenterprise:RedisEnterprise": ("highAvailability",),
}

#: The kinds of storage account that can become another one.
UPGRADES: Final = {("Storage", "StorageV2"), ("BlobStorage", "StorageV2")}
