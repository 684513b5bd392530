"""Encryption at rest on Azure.

Log Analytics takes a customer's key for dedicated clusters alone, and Azure Cache for Redis for
none of its tiers but Enterprise, so there is no rule on them (Azure documentation, "Azure Monitor
customer-managed keys" and "Configure disk encryption").
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from plinth.graph import Resource
from plinth_policies.encryption.stores import WHY, Store, register
from plinth_policies.model import REGISTRY, Scope, kind_of
from plinth_policies.settings import Setting
from plinth_policies.settings import register as register_settings
from plinth_policies.values import blocks, get, key_missing, known, switch_off

CLUSTER: Final = "azure-native:containerservice:ManagedCluster"
AGENT_POOL: Final = "azure-native:containerservice:AgentPool"
VAULT: Final = "azure-native:keyvault:Vault"

_DISK_MODES: Final = (
    "EncryptionAtRestWithCustomerKey",
    "EncryptionAtRestWithPlatformAndCustomerKeys",
)
_LIFETIME: Final = "properties.rotationPolicy.lifetimeActions"
_KMS: Final = "securityProfile.azureKeyVaultKms"


def _brokers() -> Iterator[Store]:
    for service, what in (("eventhub", "Event Hubs"), ("servicebus", "Service Bus")):
        yield Store(
            service,
            f"{what} namespaces",
            f"azure-native:{service}:Namespace",
            "encryption.keyVaultProperties",
            mode="encryption.keySource",
            modes=("Microsoft.KeyVault",),
        )


def _databases() -> Iterator[Store]:
    for engine, what in (("postgresql", "PostgreSQL"), ("mysql", "MySQL")):
        yield Store(
            f"azure-{engine}",
            f"Azure's {what} servers",
            f"azure-native:dbfor{engine}:Server",
            "dataEncryption.primaryKeyURI",
            mode="dataEncryption.type",
            modes=("AzureKeyVault",),
        )


def _disks() -> Iterator[Store]:
    for kind in ("Disk", "Snapshot"):
        yield Store(
            f"azure-{kind.lower()}",
            f"Azure's {kind.lower()}s",
            f"azure-native:compute:{kind}",
            "encryption.diskEncryptionSetId",
            mode="encryption.type",
            modes=_DISK_MODES,
        )


register(
    *_brokers(),
    *_databases(),
    *_disks(),
    Store(
        "storage-account",
        "storage accounts",
        "azure-native:storage:StorageAccount",
        "encryption.keyVaultProperties.keyName",
        mode="encryption.keySource",
        modes=("Microsoft.Keyvault",),
    ),
    Store(
        "azure-redis",
        "Azure's managed Redis",
        "azure-native:redisenterprise:RedisEnterprise",
        "encryption.customerManagedKeyEncryption.keyEncryptionKeyUrl",
    ),
    Store(
        "container-registry",
        "Azure's container registries",
        "azure-native:containerregistry:Registry",
        "encryption.keyVaultProperties.keyIdentifier",
        mode="encryption.status",
        modes=("enabled",),
    ),
    Store(
        "disk-encryption-set",
        "disk encryption sets",
        "azure-native:compute:DiskEncryptionSet",
        "activeKey.keyUrl",
        "rotationToLatestKeyVersionEnabled",
    ),
    Store("aks-disks", "AKS nodes and volumes", CLUSTER, "diskEncryptionSetID"),
    Store("aks-secrets", "Kubernetes secrets on AKS", CLUSTER, f"{_KMS}.keyId", f"{_KMS}.enabled"),
    Store(
        "cosmos-account",
        "Cosmos DB accounts",
        "azure-native:cosmosdb:DatabaseAccount",
        "keyVaultKeyUri",
    ),
    Store("azure-sql", "Azure's SQL servers", "azure-native:sql:Server", "keyId"),
    Store(
        "azure-ai-account",
        "Azure's AI services",
        "azure-native:cognitiveservices:Account",
        "properties.encryption.keyVaultProperties.keyName",
        mode="properties.encryption.keySource",
        modes=("Microsoft.KeyVault",),
    ),
    Store(
        "azure-ml-workspace",
        "Azure's machine learning workspaces",
        "azure-native:machinelearningservices:Workspace",
        "encryption.keyVaultProperties.keyIdentifier",
        mode="encryption.status",
        modes=("Enabled",),
    ),
)

register_settings(
    "encryption-keyvault-purge-protection",
    {
        VAULT: (
            Setting("properties.enablePurgeProtection", ("true",)),
            Setting("properties.enableSoftDelete", ("true",), default="true"),
        )
    },
    title="Keys in key vaults cannot be destroyed at once",
    why="What is encrypted with a key that was purged can never be read again.",
    fix="turn enablePurgeProtection on and leave enableSoftDelete on",
)


@REGISTRY.rule(
    "encryption-aks-host",
    title="Temporary disks and disk caches of AKS nodes are encrypted",
    why="A disk encryption set covers neither temporary disks nor caches.",
    fix="turn enableEncryptionAtHost on for every node pool",
    judges={
        CLUSTER: ("agentPoolProfiles.enableEncryptionAtHost",),
        AGENT_POOL: ("enableEncryptionAtHost",),
    },
)
def _host(resource: Resource, _scope: Scope) -> Iterator[str]:
    pools = [resource.inputs]
    if kind_of(resource.type) == CLUSTER:
        pools = blocks(resource.inputs.get("agentPoolProfiles"), "agentPoolProfiles")
    for pool in pools:
        yield from switch_off(pool, "enableEncryptionAtHost")


@REGISTRY.rule(
    "encryption-keyvault-key-rotation",
    title="Keys in key vaults rotate",
    why="Rotation bounds how much data one set of key material protects.",
    fix="set properties.rotationPolicy with a lifetime action of type rotate",
    judges={
        "azure-native:keyvault:Key": ("properties.rotationPolicy.lifetimeActions.action.type",)
    },
)
def _rotation(resource: Resource, _scope: Scope) -> Iterator[str]:
    actions = blocks(get(resource.inputs, _LIFETIME), _LIFETIME)
    kinds = [str(known(get(action, "action.type"), "action.type")) for action in actions]
    if "rotate" not in (kind.casefold() for kind in kinds):
        yield "no lifetime action rotates the key"


@REGISTRY.rule(
    "encryption-azure-scale-set-kms",
    title="Disks of Azure's scale sets are encrypted with a customer-managed key",
    why=WHY,
    fix="set managedDisk.diskEncryptionSet on the system disk and on every data disk",
    judges={
        "azure-native:compute:VirtualMachineScaleSet": (
            "virtualMachineProfile.storageProfile.osDisk.managedDisk.diskEncryptionSet.id",
            "virtualMachineProfile.storageProfile.dataDisks.managedDisk.diskEncryptionSet.id",
        )
    },
)
def _scale_set(resource: Resource, _scope: Scope) -> Iterator[str]:
    name = "virtualMachineProfile.storageProfile"
    storage = known(get(resource.inputs, name), name) or {}
    system = known(storage.get("osDisk"), "osDisk") or {}
    for disk in (system, *blocks(storage.get("dataDisks"), "dataDisks")):
        yield from key_missing(disk, "managedDisk.diskEncryptionSet.id")
