"""Customer-managed keys: one a concern, so that a right on one kind of data is no right on another.

Keys live in the platform's Key Vault, which no public network reaches.  Whatever stores data is
given an identity of the concern that may wrap and unwrap with that one key; Azure's own services
come to the vault by its exception for them, or by its private endpoint.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import cached_property
from typing import Any, Final, NamedTuple

from pulumi import Input, Output, Resource
from pulumi_azure_native import keyvault

from plinth.clouds.azure.site import Component, Site

#: Resource ID of a key: its vault, the vault's name, the key's name.
KEY_ID: Final = re.compile(
    r"(/subscriptions/[0-9a-fA-F-]{36}/resourceGroups/[^/]+/providers/Microsoft\.KeyVault/vaults/"
    r"([0-9a-zA-Z-]{3,24}))/keys/([0-9a-zA-Z-]{1,127})"
)
#: What a deleted vault is kept for when nothing durable was in it; Azure's least.
_LEAST_DAYS: Final = 7
#: Days between the version that is made and the end of the one before; Azure asks for 7 at least.
_OVERLAP_DAYS: Final = 30


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
    identity_id: Output[str]
    principal_id: Output[str]
    client_id: Output[str]
    ready: Resource

    @property
    def identities(self) -> dict[str, Any]:
        """The ``identity`` of a resource that takes user-assigned ones."""
        return {"type": "UserAssigned", "user_assigned_identities": [self.identity_id]}


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

    def __init__(self, *, site: Site, parent: Resource) -> None:
        super().__init__("Vault", "vault", site, parent)
        kept = site.blueprint.settings.encryption.deletion_window_days
        vault = keyvault.Vault(
            "vault",
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
            # Azure never changes the retention of a vault that is there.
            opts=self.child(stateful=True, ignore_changes=["properties.softDeleteRetentionInDays"]),
        )
        self.id, self.name = vault.id, vault.name
        self.uri = vault.properties.vault_uri
        self.register_outputs({"uri": self.uri})


class Key(Component):
    """A key, and the identity that encrypts with it (``plinth:index:Key``).

    Its material is renewed by Key Vault.
    """

    encryption: Encryption

    def __init__(self, concern: Concern, *, keys: Keys, site: Site, parent: Resource) -> None:
        super().__init__("Key", concern, site, parent)
        adopted = site.blueprint.settings.encryption.key
        if adopted is not None:
            found = _adopted(adopted)
        else:
            made, vault = self._make(concern, keys.vault), keys.vault
            found = _Found(vault.id, vault.uri, made.id, concern, made.key_uri)
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

    def _make(self, concern: Concern, vault: Vault) -> Any:
        """The key in the platform's vault.

        Azure Resource Manager makes keys and neither changes nor deletes them: that is done on the
        vault's own address, which nobody outside the network reaches.  So a key goes with its
        vault.
        """
        days = self.site.blueprint.settings.encryption.rotation_days
        return keyvault.Key(
            concern,
            resource_group_name=self.site.group,
            vault_name=vault.name,
            key_name=concern,
            properties={
                "kty": "RSA-HSM" if self.site.durable else "RSA",
                "key_size": 3072,
                "key_ops": ["encrypt", "decrypt", "wrapKey", "unwrapKey"],
                "rotation_policy": {
                    "attributes": {"expiry_time": f"P{days + _OVERLAP_DAYS}D"},
                    "lifetime_actions": [
                        {
                            "action": {"type": "rotate"},
                            "trigger": {"time_after_create": f"P{days}D"},
                        }
                    ],
                },
            },
            opts=self.child(stateful=True, keep=True, ignore_changes=["properties"]),
        )


class Keys:
    """The vault and the keys in use, each made when something first needs it."""

    def __init__(self, site: Site, parent: Resource) -> None:
        self._site = site
        self._parent = parent
        self._made: dict[Concern, Key] = {}

    @cached_property
    def vault(self) -> Vault:
        """The platform's vault, which holds its keys and its secrets."""
        return Vault(site=self._site, parent=self._parent)

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


def _adopted(key_id: str) -> _Found:
    found = KEY_ID.fullmatch(key_id)
    if found is None:
        raise ValueError(f"not the resource ID of a key: {key_id}")
    vault_id, vault, name = found.groups()
    uri = f"https://{vault}.vault.azure.net/"
    return _Found(vault_id, uri, key_id, name, f"{uri}keys/{name}")
