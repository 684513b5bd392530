"""Encryption at rest on Azure.

Log Analytics takes a customer's key for dedicated clusters alone, and Azure Cache for Redis for
none of its tiers but Enterprise, so there is no rule on them (Azure documentation, "Azure Monitor
customer-managed keys" and "Configure disk encryption").
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from plinth.graph import Resource
from plinth_policies.controls import AT_REST, KEYS
from plinth_policies.encryption.stores import WHY, Store, register
from plinth_policies.model import REGISTRY, Scope, kind_of
from plinth_policies.settings import Setting
from plinth_policies.settings import register as register_settings
from plinth_policies.values import blocks, get, key_missing, known, switch_off

CLUSTER: Final = "azure-native:containerservice:ManagedCluster"
AGENT_POOL: Final = "azure-native:containerservice:AgentPool"
VAULT: Final = "azure-native:keyvault:Vault"

#: A key in a vault, and the set that lends one to disks, as some properties name them.
_NAME: Final = "data"
_DISK_KEY: Final = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/churn/providers"
    "/Microsoft.Compute/diskEncryptionSets/disks"
)

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
            controls=("cis-azure/8.3", "cis-azure/8.4"),
            example=_DISK_KEY,
        )


def _databricks() -> Iterator[Store]:
    for what, entity in (("disks", "managedDisk"), ("services", "managedServices")):
        place = f"encryption.entities.{entity}"
        yield Store(
            f"databricks-{what}",
            f"{what} of Databricks workspaces",
            "azure-native:databricks:Workspace",
            f"{place}.keyVaultProperties.keyName",
            mode=f"{place}.keySource",
            modes=("Microsoft.Keyvault",),
            example=_NAME,
        )


register(
    *_brokers(),
    *_databases(),
    *_disks(),
    *_databricks(),
    Store(
        "recovery-vault",
        "recovery services vaults",
        "azure-native:recoveryservices:Vault",
        "properties.encryption.keyVaultProperties.keyUri",
    ),
    Store(
        "storage-account",
        "storage accounts",
        "azure-native:storage:StorageAccount",
        "encryption.keyVaultProperties.keyName",
        mode="encryption.keySource",
        modes=("Microsoft.Keyvault",),
        controls=("cis-azure/4.11",),
        example=_NAME,
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
        controls=("cis-azure/8.3", "cis-azure/3.3.8"),
    ),
    Store(
        "aks-disks",
        "AKS nodes and volumes",
        CLUSTER,
        "diskEncryptionSetID",
        controls=("cis-azure/8.3",),
        example=_DISK_KEY,
    ),
    Store(
        "aks-secrets",
        "Kubernetes secrets on AKS",
        CLUSTER,
        f"{_KMS}.keyId",
        f"{_KMS}.enabled",
        controls=("cis-aks/5.3.1",),
    ),
    Store(
        "cosmos-account",
        "Cosmos DB accounts",
        "azure-native:cosmosdb:DatabaseAccount",
        "keyVaultKeyUri",
    ),
    Store(
        "azure-sql",
        "Azure's SQL servers",
        "azure-native:sql:Server",
        "keyId",
        controls=("cis-azure/5.1.3",),
    ),
    Store(
        "azure-ai-account",
        "Azure's AI services",
        "azure-native:cognitiveservices:Account",
        "properties.encryption.keyVaultProperties.keyName",
        mode="properties.encryption.keySource",
        modes=("Microsoft.KeyVault",),
        example=_NAME,
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
    controls=(*KEYS, "cis-azure/3.3.5"),
)


register_settings(
    "encryption-azure-search-kms",
    {
        "azure-native:search:Service": (
            Setting("encryptionWithCmk.enforcement", ("Enabled",), default="Unspecified"),
        )
    },
    title="Search indexes on Azure must be encrypted with a customer-managed key",
    why=WHY,
    fix="set encryptionWithCmk.enforcement to Enabled, and a key on every index",
    controls=AT_REST,
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
    controls=AT_REST,
    good={"agentPoolProfiles": [{"name": "system", "enableEncryptionAtHost": True}]},
    bad={"agentPoolProfiles": [{"name": "system", "enableEncryptionAtHost": False}]},
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
    controls=(*KEYS, "cis-azure/3.3.8"),
    good={
        "properties": {
            "rotationPolicy": {
                "lifetimeActions": [
                    {"trigger": {"timeAfterCreate": "P365D"}, "action": {"type": "rotate"}}
                ]
            }
        }
    },
    bad={"properties": {"kty": "RSA"}},
)
def _rotation(resource: Resource, _scope: Scope) -> Iterator[str]:
    actions = blocks(get(resource.inputs, _LIFETIME), _LIFETIME)
    kinds = [str(known(get(action, "action.type"), "action.type")) for action in actions]
    if "rotate" not in (kind.casefold() for kind in kinds):
        yield "no lifetime action rotates the key"


#: Where a type of machine says which disks it brings.
_MACHINES: Final = {
    "azure-native:compute:VirtualMachine": "storageProfile",
    "azure-native:compute:VirtualMachineScaleSet": "virtualMachineProfile.storageProfile",
}
_SET: Final = "managedDisk.diskEncryptionSet.id"


def _system_disk(managed: Mapping[str, Any]) -> dict[str, Any]:
    disk = {"createOption": "FromImage", "managedDisk": managed}
    return {"storageProfile": {"osDisk": disk}}


@REGISTRY.rule(
    "encryption-azure-machine-kms",
    title="Disks of Azure's machines and scale sets are encrypted with a customer-managed key",
    why=WHY,
    fix="set managedDisk.diskEncryptionSet on the system disk and on every data disk",
    judges={
        token: (f"{profile}.osDisk.{_SET}", f"{profile}.dataDisks.{_SET}")
        for token, profile in _MACHINES.items()
    },
    controls=(*AT_REST, "cis-azure/8.3"),
    good=_system_disk({"diskEncryptionSet": {"id": _DISK_KEY}}),
    bad=_system_disk({"storageAccountType": "Premium_LRS"}),
)
def _machine(resource: Resource, _scope: Scope) -> Iterator[str]:
    name = _MACHINES[kind_of(resource.type)]
    storage = known(get(resource.inputs, name), name) or {}
    system = known(storage.get("osDisk"), "osDisk") or {}
    for disk in (system, *blocks(storage.get("dataDisks"), "dataDisks")):
        yield from key_missing(disk, _SET)
