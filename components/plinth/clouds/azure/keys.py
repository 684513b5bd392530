"""Customer-managed keys: one a concern, so that a right on one kind of data is no right on another.

Keys live in the platform's Key Vault, which no public network reaches.  Whatever stores data is
given an identity of the concern that may wrap and unwrap with that one key; Azure's own services
come to the vault by its exception for them, or by its private endpoint.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cached_property
from typing import Any, Final, NamedTuple

from pulumi import Input, Output, Resource
from pulumi_azure_native import keyvault, monitor, operationalinsights

from plinth.clouds.azure.facts import LOG_DAYS
from plinth.clouds.azure.site import Component, Site

#: How long a deleted vault is kept when nothing durable was in it; Azure's least.
_LEAST_DAYS: Final = 7


class Concern(StrEnum):
    """What a key protects."""

    STORAGE = "storage"
    DATABASE = "database"
    CLUSTER = "cluster"
    LOGS = "logs"


class Encryption(NamedTuple):
    """What encrypts with a concern's key: pass what the service asks for, and wait for ``ready``.

    Attributes:
        vault_id: Resource ID of the key's vault.
        vault_uri: Its address, ``https://<vault>.vault.azure.net/``.
        key_id: Resource ID of the key.
        key_name: Name of the key.
        key_uri: The key without a version, so that new ones are followed by themselves.
        version_uri: The key's first version, for those who ask for one and follow new ones even so;
            without a version where the key is adopted.
        identity_id: Resource ID of the user-assigned identity that may use the key.
        principal_id: Object ID of that identity.
        client_id: Client ID of that identity.
        ready: The identity's right on the key.
    """

    vault_id: Input[str]
    vault_uri: Input[str]
    key_id: Input[str]
    key_name: Input[str]
    key_uri: Input[str]
    version_uri: Input[str]
    identity_id: Output[str]
    principal_id: Output[str]
    client_id: Output[str]
    ready: Resource

    @property
    def identities(self) -> dict[str, Any]:
        """The ``identity`` of a resource that takes user-assigned ones."""
        return {"type": "UserAssigned", "user_assigned_identities": [self.identity_id]}


class AuditLogs(Component):
    """Who used which key and secret, in Log Analytics (``plinth:index:Logs``).

    It is no workspace of the cluster's: whoever may read logs of workloads need not see this.

    Attributes:
        id: Resource ID of the workspace.
    """

    id: Output[str]

    def __init__(self, *, site: Site, parent: Resource) -> None:
        super().__init__("Logs", "audit", site, parent)
        days = site.blueprint.settings.log_retention_days
        workspace = operationalinsights.Workspace(
            # The engine names it: a deleted workspace stays for two weeks, with its name.
            "audit",
            resource_group_name=site.group,
            sku={"name": "PerGB2018"},
            retention_in_days=max(days, LOG_DAYS[0]),
            features={"disable_local_auth": True},
            # What Azure itself sends comes another way.
            public_network_access_for_ingestion="Disabled",
            opts=self.child(stateful=True),
        )
        self.id = workspace.id
        self.register_outputs({"id": self.id})


class Vault(Component):
    """The platform's Key Vault (``plinth:index:Vault``).

    Purge protection is what services ask for before they take a key.  The price is that a deleted
    vault stays for days and keeps its name, which therefore is the engine's own and always new.

    Attributes:
        id: Resource ID.
        name: Name.
        uri: Address.
    """

    id: Output[str]
    name: Output[str]
    uri: Output[str]

    def __init__(self, name: str, *, logs: Input[str], site: Site, parent: Resource) -> None:
        super().__init__("Vault", name, site, parent)
        kept = site.blueprint.settings.encryption.deletion_window_days
        vault = keyvault.Vault(
            name,
            resource_group_name=site.group,
            properties={
                "sku": {"family": "A", "name": "premium" if site.durable else "standard"},
                "tenant_id": site.tenant,
                "enable_rbac_authorization": True,
                "enable_purge_protection": True,
                "enable_soft_delete": True,
                "soft_delete_retention_in_days": kept if site.durable else _LEAST_DAYS,
                "public_network_access": "Disabled",
                # Services on Azure's list of trusted ones come in with their identities.
                "network_acls": {"bypass": "AzureServices", "default_action": "Deny"},
            },
            opts=self.child(
                stateful=True,
                ignore_changes=[
                    # Azure never changes the retention of a vault that is there,
                    "properties.softDeleteRetentionInDays",
                    # and the keys of a premium one are in hardware for good.
                    *(() if site.durable else ("properties.sku",)),
                ],
            ),
        )
        monitor.DiagnosticSetting(
            name,
            name="plinth",
            resource_uri=vault.id,
            workspace_id=logs,
            logs=[{"category": "AuditEvent", "enabled": True}],
            opts=self.child(),
        )
        self.id, self.name = vault.id, vault.name
        self.uri = vault.properties.vault_uri
        self.register_outputs({"uri": self.uri})

    def key(self, name: str, owner: Component) -> Any:
        """A key in the vault, whose material is renewed by Key Vault.

        Azure Resource Manager makes keys and neither changes nor deletes them: that is done on the
        vault's own address, which nobody outside the network reaches.  So a key goes with its
        vault, and has a name of the engine's own, as the last one of that name may still be there.
        """
        site = self.site
        return keyvault.Key(
            name,
            resource_group_name=site.group,
            vault_name=self.name,
            properties={
                "kty": "RSA-HSM" if site.durable else "RSA",
                "key_size": 3072,
                "key_ops": ["encrypt", "decrypt", "wrapKey", "unwrapKey"],
                # No version ever expires: what it encrypted has to stay readable.
                "rotation_policy": {
                    "lifetime_actions": [
                        {
                            "action": {"type": "rotate"},
                            "trigger": {
                                "time_after_create": (
                                    f"P{site.blueprint.settings.encryption.rotation_days}D"
                                )
                            },
                        }
                    ]
                },
            },
            opts=owner.child(stateful=True, keep=True, ignore_changes=["properties"]),
        )


class Key(Component):
    """A key, and the identity that encrypts with it (``plinth:index:Key``)."""

    encryption: Encryption

    def __init__(self, concern: Concern, *, keys: Keys, site: Site, parent: Resource) -> None:
        super().__init__("Key", concern, site, parent)
        adopted = site.blueprint.settings.encryption.key
        if adopted is not None:
            found = _adopted(adopted)
        else:
            vault = keys.vault
            made = vault.key(concern, self)
            versioned = made.key_uri_with_version
            found = _Found(vault.id, vault.uri, made.id, made.name, made.key_uri, versioned)
        identity = self.identity(concern)
        right = self.assign(
            concern,
            "Key Vault Crypto Service Encryption User",
            scope=found.key_id,
            principal=identity.principal_id,
        )
        self.encryption = Encryption(
            *found,
            identity_id=identity.id,
            principal_id=identity.principal_id,
            client_id=identity.client_id,
            ready=right,
        )
        self.register_outputs({"uri": found.key_uri})


class EtcdKey(Component):
    """The key of what the cluster's API server stores (``plinth:index:Key``), in its own vault.

    The cluster reaches that vault by a private link that it makes for itself, for which it has to
    be the vault's contributor (Azure Kubernetes Service documentation, "Add KMS etcd encryption",
    private key vault).  So no other key, and no secret, is in there.

    Attributes:
        vault_id: Resource ID of the vault.
        version_uri: The key with its version, which the cluster asks for.
        ready: The cluster's rights.
    """

    vault_id: Output[str]
    version_uri: Output[str]
    ready: tuple[Resource, ...]

    def __init__(
        self, *, principal: Input[str], logs: Input[str], site: Site, parent: Resource
    ) -> None:
        super().__init__("Key", "etcd", site, parent)
        vault = Vault("etcd", logs=logs, site=site, parent=self)
        key = vault.key("etcd", self)
        self.vault_id, self.version_uri = vault.id, key.key_uri_with_version
        rights = {
            "etcd": ("Key Vault Crypto User", key.id),
            "etcd-link": ("Key Vault Contributor", vault.id),
        }
        self.ready = tuple(
            self.assign(name, role, scope=scope, principal=principal)
            for name, (role, scope) in rights.items()
        )
        self.register_outputs({})


class Keys:
    """The vault and the keys in use, each made when something first needs it."""

    def __init__(self, site: Site, parent: Resource) -> None:
        self._site = site
        self._parent = parent
        self._made: dict[Concern, Key] = {}

    @cached_property
    def vault(self) -> Vault:
        """The platform's vault, which holds its keys and its secrets."""
        return Vault("vault", logs=self.logs, site=self._site, parent=self._parent)

    @cached_property
    def logs(self) -> Output[str]:
        """The workspace that has what is done with keys and secrets."""
        return AuditLogs(site=self._site, parent=self._parent).id

    def encryption(self, concern: Concern) -> Encryption:
        """What encrypts a concern's data. An adopted key serves all of them."""
        if concern not in self._made:
            self._made[concern] = Key(concern, keys=self, site=self._site, parent=self._parent)
        return self._made[concern].encryption


class _Found(NamedTuple):
    vault_id: Input[str]
    vault_uri: Input[str]
    key_id: Input[str]
    key_name: Input[str]
    key_uri: Input[str]
    version_uri: Input[str]


def _adopted(key_id: str) -> _Found:
    vault_id, name = key_id.split("/keys/")
    uri = f"https://{vault_id.rsplit('/', maxsplit=1)[-1]}.vault.azure.net/"
    key_uri = f"{uri}keys/{name}"
    return _Found(vault_id, uri, key_id, name, key_uri, key_uri)
