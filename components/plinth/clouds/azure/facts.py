"""What Plinth knows of Azure without asking it. Pure data.

Only the public cloud is served; China and US Government have names and endpoints of their own.
Zones are numbers, and mean another place in each subscription; regions without zones are left out,
and Qatar Central, where API servers cannot be in the network (Azure Kubernetes Service
documentation, "API Server VNet Integration", availability).

Sources: Azure documentation, "Azure regions with availability zone support"; "Azure built-in
roles".
"""

from __future__ import annotations

from typing import Final

#: Regions with availability zones, and where each is.
REGIONS: Final = {
    "australiaeast": "oceania/au",
    "austriaeast": "europe/at",
    "belgiumcentral": "europe/be",
    "brazilsouth": "south-america/br",
    "canadacentral": "north-america/ca",
    "centralindia": "asia/in",
    "centralus": "north-america/us/central",
    "chilecentral": "south-america/cl",
    "eastasia": "asia/hk",
    "eastus": "north-america/us/east",
    "eastus2": "north-america/us/east",
    "francecentral": "europe/fr",
    "germanywestcentral": "europe/de",
    "indonesiacentral": "asia/id",
    "israelcentral": "middle-east/il",
    "italynorth": "europe/it",
    "japaneast": "asia/jp",
    "japanwest": "asia/jp",
    "koreacentral": "asia/kr",
    "malaysiawest": "asia/my",
    "mexicocentral": "north-america/mx",
    "newzealandnorth": "oceania/nz",
    "northeurope": "europe/ie",
    "norwayeast": "europe/no",
    "polandcentral": "europe/pl",
    "southafricanorth": "africa/za",
    "southcentralus": "north-america/us/central",
    "southeastasia": "asia/sg",
    "spaincentral": "europe/es",
    "swedencentral": "europe/se",
    "switzerlandnorth": "europe/ch",
    "uaenorth": "middle-east/ae",
    "uksouth": "europe/gb",
    "westeurope": "europe/nl",
    "westus2": "north-america/us/west",
    "westus3": "north-america/us/west",
}

#: Zones of every one of these regions.
ZONES: Final = ("1", "2", "3")

#: Days that a Log Analytics workspace keeps logs for, at least and at most (Azure Monitor
#: documentation, "Manage data retention in a Log Analytics workspace").
LOG_DAYS: Final = (30, 730)

#: Definitions of the built-in roles in use.
ROLES: Final = {
    "AcrPull": "7f951dda-4ed3-4680-a7ca-43fe172d538d",
    "Azure Kubernetes Service Cluster User Role": "4abbcc35-e782-43d8-92c5-2d3f1bd2253f",
    "Azure Kubernetes Service RBAC Cluster Admin": "b1ff04bb-8a4e-4dc4-8eb5-8693973ce19b",
    "Azure Kubernetes Service RBAC Reader": "7f6c6a51-bcf8-42ba-9220-52d62157d7db",
    "DNS Zone Contributor": "befefa01-2a29-4197-83a8-272ff33ce314",
    "Disk Encryption Set Operator for Managed Disks": "136d308c-0937-4a49-9bd7-edfb42adbffc",
    "Key Vault Contributor": "f25e0fa2-a7c8-4377-a976-54943a77a395",
    "Key Vault Crypto Service Encryption User": "e147488a-f6f5-4113-8e2d-b22465e65bf6",
    "Key Vault Crypto User": "12338af0-0e69-4776-bea7-57ae8d297424",
    "Key Vault Secrets Officer": "b86a8fe4-44ce-4948-aee5-eccb2c155cd7",
    "Key Vault Secrets User": "4633458b-17de-408a-b874-0445c86b69e6",
    "Managed Identity Operator": "f1a07417-d97a-45cb-824c-7a7467783830",
    "Monitoring Metrics Publisher": "3913510d-42f4-4e42-8a64-420c390055eb",
    "Network Contributor": "4d97b98b-1d4f-4787-a291-c67834d212e7",
    "Private DNS Zone Contributor": "b12aa53e-6015-4669-85d0-8515ebb3ae7f",
    "Reader": "acdd72a7-3385-48ef-bd42-f606fba81ae7",
    "Storage Blob Data Contributor": "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
    "Storage Blob Data Reader": "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
}

#: Pulumi types whose loss loses data, or locks others out of theirs.
STATEFUL: Final = frozenset(
    {
        "azure-native:compute:DiskEncryptionSet",
        "azure-native:containerregistry:Registry",
        "azure-native:containerservice:ManagedCluster",
        "azure-native:dbforpostgresql:Server",
        "azure-native:keyvault:Key",
        "azure-native:keyvault:Secret",
        "azure-native:keyvault:Vault",
        "azure-native:operationalinsights:Workspace",
        "azure-native:redisenterprise:Database",
        "azure-native:redisenterprise:RedisEnterprise",
        "azure-native:resources:ResourceGroup",
        "azure-native:storage:BlobContainer",
        "azure-native:storage:StorageAccount",
    }
)

#: Pulumi types that are most of a bill -> the properties that it goes by.
COSTLY: Final = {
    "azure-native:containerregistry:Registry": ("sku",),
    "azure-native:containerservice:AgentPool": (
        "count",
        "maxCount",
        "minCount",
        "osDiskSizeGB",
        "scaleSetPriority",
        "vmSize",
    ),
    "azure-native:containerservice:ManagedCluster": ("agentPoolProfiles", "sku"),
    "azure-native:dbforpostgresql:Server": ("highAvailability", "sku", "storage"),
    "azure-native:network:NatGateway": (),
    "azure-native:network:PrivateEndpoint": (),
    "azure-native:redisenterprise:RedisEnterprise": ("highAvailability", "sku"),
    "azure-native:storage:StorageAccount": ("sku",),
}

#: What every storage account of ours refuses, whoever may reach it.
GUARDED_ACCOUNT: Final[dict[str, bool | str]] = {
    "allow_blob_public_access": False,
    "allow_cross_tenant_replication": False,
    "allow_shared_key_access": False,
    "default_to_o_auth_authentication": True,
    "enable_https_traffic_only": True,
    "is_hns_enabled": False,
    "is_local_user_enabled": False,
    "minimum_tls_version": "TLS1_2",
}
