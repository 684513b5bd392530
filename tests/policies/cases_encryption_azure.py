"""Good and bad cases of the rules on encryption at rest on Azure."""

from __future__ import annotations

from policy_support import Table, key_table, mode_table, resource, settings_table

from plinth.graph import UNKNOWN, Resource

MACHINE = "azure-native:compute:VirtualMachine"
CLUSTER = "azure-native:containerservice:ManagedCluster"
VAULT = "azure-native:keyvault:Vault"
BY_SET = "EncryptionAtRestWithCustomerKey"


def _disk(kind: str) -> Table:
    return mode_table(
        f"azure-native:compute:{kind}",
        "encryption.diskEncryptionSetId",
        "encryption.type",
        BY_SET,
        "EncryptionAtRestWithPlatformKey",
    )


def _database(engine: str) -> Table:
    return mode_table(
        f"azure-native:dbfor{engine}:Server",
        "dataEncryption.primaryKeyURI",
        "dataEncryption.type",
        "AzureKeyVault",
        "SystemManaged",
    )


def _broker(service: str) -> Table:
    return mode_table(
        f"azure-native:{service}:Namespace",
        "encryption.keyVaultProperties",
        "encryption.keySource",
        "Microsoft.KeyVault",
        "Microsoft.EventHub",
    )


def _pool(**inputs: object) -> list[Resource]:
    return [resource("azure-native:containerservice:AgentPool", inputs)]


def _rotating(*kinds: str) -> dict[str, object]:
    actions = [{"action": {"type": kind}} for kind in kinds]
    return {"properties": {"rotationPolicy": {"lifetimeActions": actions}}}


def _storage(system: object, *data: object) -> dict[str, object]:
    disks = [{"managedDisk": {"diskEncryptionSet": disk}} for disk in data]
    profile = {"osDisk": {"managedDisk": {"diskEncryptionSet": system}}, "dataDisks": disks}
    return {"virtualMachineProfile": {"storageProfile": profile}}


TABLES = {
    "encryption-azure-disk-kms": _disk("Disk"),
    "encryption-azure-snapshot-kms": _disk("Snapshot"),
    "encryption-azure-postgresql-kms": _database("postgresql"),
    "encryption-azure-mysql-kms": _database("mysql"),
    "encryption-eventhub-kms": _broker("eventhub"),
    "encryption-servicebus-kms": _broker("servicebus"),
    "encryption-storage-account-kms": mode_table(
        "azure-native:storage:StorageAccount",
        "encryption.keyVaultProperties.keyName",
        "encryption.keySource",
        "Microsoft.Keyvault",
        "Microsoft.Storage",
    ),
    "encryption-azure-redis-kms": key_table(
        "azure-native:redisenterprise:RedisEnterprise",
        "encryption.customerManagedKeyEncryption.keyEncryptionKeyUrl",
    ),
    "encryption-container-registry-kms": mode_table(
        "azure-native:containerregistry:Registry",
        "encryption.keyVaultProperties.keyIdentifier",
        "encryption.status",
        "enabled",
        "disabled",
    ),
    "encryption-disk-encryption-set-kms": key_table(
        "azure-native:compute:DiskEncryptionSet",
        "activeKey.keyUrl",
        "rotationToLatestKeyVersionEnabled",
    ),
    "encryption-aks-disks-kms": key_table(CLUSTER, "diskEncryptionSetID"),
    "encryption-aks-secrets-kms": key_table(
        CLUSTER,
        "securityProfile.azureKeyVaultKms.keyId",
        "securityProfile.azureKeyVaultKms.enabled",
    ),
    "encryption-cosmos-account-kms": key_table(
        "azure-native:cosmosdb:DatabaseAccount", "keyVaultKeyUri"
    ),
    "encryption-azure-sql-kms": key_table("azure-native:sql:Server", "keyId"),
    "encryption-azure-ai-account-kms": mode_table(
        "azure-native:cognitiveservices:Account",
        "properties.encryption.keyVaultProperties.keyName",
        "properties.encryption.keySource",
        "Microsoft.KeyVault",
        "Microsoft.CognitiveServices",
    ),
    "encryption-azure-ml-workspace-kms": mode_table(
        "azure-native:machinelearningservices:Workspace",
        "encryption.keyVaultProperties.keyIdentifier",
        "encryption.status",
        "Enabled",
        "Disabled",
    ),
    "encryption-keyvault-purge-protection": settings_table(
        (VAULT, "properties.enablePurgeProtection", True, None),
        (VAULT, "properties.enableSoftDelete", True, False),
    ),
    "encryption-aks-host": Table(
        CLUSTER,
        good=[
            {"agentPoolProfiles": [{"enableEncryptionAtHost": True}]},
            _pool(enableEncryptionAtHost=True),
        ],
        bad=[
            ({"agentPoolProfiles": [{"name": "system"}]}, "enableEncryptionAtHost is not set"),
            ({"agentPoolProfiles": UNKNOWN}, "agentPoolProfiles is not known"),
            (_pool(), "enableEncryptionAtHost is not set"),
            (_pool(enableEncryptionAtHost=False), "enableEncryptionAtHost is off"),
        ],
    ),
    "encryption-keyvault-key-rotation": Table(
        "azure-native:keyvault:Key",
        good=[_rotating("rotate"), _rotating("notify", "Rotate")],
        bad=[
            ({}, "no lifetime action rotates"),
            (_rotating("notify"), "no lifetime action rotates"),
            (_rotating(UNKNOWN), "is not known"),
            ({"properties": {"rotationPolicy": UNKNOWN}}, "is not known"),
        ],
    ),
    "encryption-azure-machine-kms": Table(
        "azure-native:compute:VirtualMachineScaleSet",
        good=[_storage({"id": UNKNOWN}), _storage({"id": UNKNOWN}, {"id": "set"})],
        bad=[
            ({}, "diskEncryptionSet.id is not set"),
            (_storage({"id": "set"}, {}), "diskEncryptionSet.id is not set"),
            ({"virtualMachineProfile": UNKNOWN}, "storageProfile is not known"),
            ([resource(MACHINE, {"storageProfile": {"osDisk": {}}})], "is not set"),
        ],
    ),
    "encryption-databricks-disks-kms": mode_table(
        "azure-native:databricks:Workspace",
        "encryption.entities.managedDisk.keyVaultProperties.keyName",
        "encryption.entities.managedDisk.keySource",
        "Microsoft.Keyvault",
        "Default",
    ),
    "encryption-databricks-services-kms": mode_table(
        "azure-native:databricks:Workspace",
        "encryption.entities.managedServices.keyVaultProperties.keyName",
        "encryption.entities.managedServices.keySource",
        "Microsoft.Keyvault",
        "Default",
    ),
    "encryption-recovery-vault-kms": key_table(
        "azure-native:recoveryservices:Vault", "properties.encryption.keyVaultProperties.keyUri"
    ),
    "encryption-azure-search-kms": settings_table(
        ("azure-native:search:Service", "encryptionWithCmk.enforcement", "Enabled", "Disabled"),
    ),
}
