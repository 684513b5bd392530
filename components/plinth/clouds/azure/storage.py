"""Buckets: containers of one storage account, which no public network and no key of its own opens.

The account has a flat namespace, because the hierarchical one knows no versions of blobs (Azure
documentation, "Blob Storage feature support").  Clients read and write at its `blob` address.  Some
ask the `dfs` address first which kind of account this is (Arrow's file system does, and takes the
refusal for an answer), so that one is reachable too.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, Final

from pulumi import Output, Resource
from pulumi_azure_native import storage

from plinth import ports
from plinth.clouds.azure.facts import GUARDED_ACCOUNT
from plinth.clouds.azure.keys import Concern, Encryption, Keys
from plinth.clouds.azure.network import Network
from plinth.clouds.azure.site import Component, Site
from plinth.clouds.azure.waiting import once
from plinth.spec.options import BucketOptions

_ENDPOINTS: Final = ("blob", "dfs")
#: Days for which deleted things can be brought back where no backups are asked for.
_UNDELETE_DAYS: Final = 7
#: Age at which versions and snapshots go. Azure counts from when a version was written, so what
#: was overwritten after that goes soon, and then is kept for as long as all that is deleted.
_OLD_VERSION_DAYS: Final = 90


class Account(Component):
    """The storage account of all buckets (``plinth:index:Storage``).

    No lock guards it: identities come and go with workloads, and their rights stand on its
    containers, where a lock on the account would keep them (Azure Resource Manager, "Lock your
    resources": what is below inherits it).  Azure keeps a deleted account for 14 days.

    Attributes:
        name: Name of the account.
        ready: What must exist before a container is made.
    """

    name: Output[str]
    ready: tuple[Resource, ...]

    def __init__(self, *, site: Site, keys: Keys, network: Network, parent: Resource) -> None:
        super().__init__("Storage", "storage", site, parent)
        encryption = keys.encryption(Concern.STORAGE)
        account = storage.StorageAccount(
            "storage",
            account_name=site.unique("data", limit=24, separator=""),
            resource_group_name=site.group,
            kind="StorageV2",
            access_tier="Hot",
            sku={"name": "Standard_ZRS" if site.durable else "Standard_LRS"},
            identity=encryption.identities,
            encryption=_encryption(encryption),
            **GUARDED_ACCOUNT,
            public_network_access="Disabled",
            network_rule_set={"bypass": "None", "default_action": "Deny"},
            # Azure spreads an account over zones later on request only ("Change the redundancy
            # configuration"), and refuses it as an update.
            opts=self.child(
                stateful=True,
                depends_on=[encryption.ready, *network.ready],
                ignore_changes=["sku"],
            ),
        )
        self.name = account.name
        days = site.backup_days or _UNDELETE_DAYS
        service = storage.BlobServiceProperties(
            "storage",
            account_name=account.name,
            resource_group_name=site.group,
            blob_services_name="default",
            is_versioning_enabled=True,
            delete_retention_policy={"enabled": True, "days": days},
            container_delete_retention_policy={"enabled": True, "days": days},
            opts=self.child(),
        )
        self.ready = (service,)
        for part in _ENDPOINTS:
            endpoint = network.endpoint(
                f"storage-{part}",
                account.id,
                group_id=part,
                zone=f"privatelink.{part}.core.windows.net",
                parent=self,
                # An account takes one such change at a time (Azure/bicep-registry-modules#6001,
                # StorageAccountOperationInProgress).
                depends_on=self.ready,
            )
            self.ready = (*self.ready, endpoint)
        self.register_outputs({"name": account.name})

    def expire(self, rules: Output[list[dict[str, Any]]]) -> None:
        """Sets the account's one lifecycle policy."""
        storage.ManagementPolicy(
            "storage",
            account_name=self.name,
            resource_group_name=self.site.group,
            management_policy_name="default",
            policy={"rules": rules},
            # Rules on versions are refused while versioning is still being switched on.
            opts=self.child(depends_on=[self.ready[0]]),
        )


class Container(Component):
    """A container of the account (``plinth:index:Bucket``)."""

    handle: ports.Bucket

    def __init__(self, role: str, *, account: Account, site: Site, parent: Resource) -> None:
        super().__init__("Bucket", role, site, parent)
        container = storage.BlobContainer(
            role,
            account_name=account.name,
            resource_group_name=site.group,
            container_name=role,
            public_access="None",
            opts=self.child(stateful=True, depends_on=account.ready),
        )
        # Not before the endpoints: they are how the name is reached.
        name = once(container.name, *account.ready)
        self.handle = ports.Bucket(
            role=role,
            name=name,
            uri=Output.concat("abfss://", name, "@", account.name, ".dfs.core.windows.net"),
            protocol="azure",
            account=account.name,
            ref=container.id,
        )
        self.register_outputs({"name": name})


class Buckets:
    """Makes buckets, and with the first one the account that holds them all."""

    def __init__(self, site: Site, keys: Keys, network: Network, parent: Resource) -> None:
        self._site = site
        self._keys = keys
        self._network = network
        self._parent = parent
        self._rules: list[dict[str, Any]] = [_tidy()]

    @cached_property
    def _account(self) -> Account:
        account = Account(
            site=self._site, keys=self._keys, network=self._network, parent=self._parent
        )
        account.expire(Output.from_input(self._all_rules()))
        return account

    async def _all_rules(self) -> list[dict[str, Any]]:
        """Every bucket's rules, for the account's one policy.

        Values are awaited once the program has run, and by then all buckets are known.
        """
        return self._rules

    def create(self, role: str, options: BucketOptions, parent: Resource) -> ports.Bucket:
        """A bucket of a role."""
        account = self._account
        self._rules += _lifecycle(role, options)
        return Container(role, account=account, site=self._site, parent=parent).handle


def _encryption(key: Encryption) -> dict[str, Any]:
    """The concern's key, whose new versions are followed, over one of Azure's own."""
    return {
        "key_source": "Microsoft.Keyvault",
        "require_infrastructure_encryption": True,
        "encryption_identity": {"encryption_user_assigned_identity": key.identity_id},
        "key_vault_properties": {"key_name": key.key_name, "key_vault_uri": key.vault_uri},
    }


def _tidy() -> dict[str, Any]:
    old = {"delete": {"days_after_creation_greater_than": _OLD_VERSION_DAYS}}
    return _rule("tidy", ["blockBlob", "appendBlob"], {"version": old, "snapshot": old})


def _lifecycle(role: str, options: BucketOptions) -> list[dict[str, Any]]:
    rules = []
    if options.archive_after_days is not None:
        # The cold tier: blobs stay readable in milliseconds, so no tool notices.
        move = {"days_after_modification_greater_than": options.archive_after_days}
        actions = {"base_blob": {"tier_to_cold": move}}
        rules.append(_rule(f"archive-{role}", ["blockBlob"], actions, role))
    if options.expire_after_days is not None:
        go = {"days_after_modification_greater_than": options.expire_after_days}
        actions = {"base_blob": {"delete": go}}
        rules.append(_rule(f"expire-{role}", ["blockBlob", "appendBlob"], actions, role))
    return rules


def _rule(
    name: str, kinds: list[str], actions: dict[str, Any], role: str | None = None
) -> dict[str, Any]:
    filters: dict[str, Any] = {"blob_types": kinds}
    if role is not None:
        filters["prefix_match"] = [f"{role}/"]
    return {
        "name": name,
        "enabled": True,
        "type": "Lifecycle",
        "definition": {"actions": actions, "filters": filters},
    }
