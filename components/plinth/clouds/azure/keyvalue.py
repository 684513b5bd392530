"""The Redis-protocol server: Azure Managed Redis, authenticated and TLS only."""

from __future__ import annotations

from typing import Any, Final

import pulumi
from pulumi import Input, Output, Resource
from pulumi_azure_native import keyvault, redisenterprise

from plinth.clouds.azure import machines
from plinth.clouds.azure.keys import Concern, Encryption, Keys
from plinth.clouds.azure.network import Network
from plinth.clouds.azure.secrets import Secrets
from plinth.clouds.azure.site import Component, Site
from plinth.clouds.azure.waiting import once
from plinth.ports import KeyValueServer

PORT: Final = 10000


class KeyValue(Component):
    """A Managed Redis instance behind a private endpoint (``plinth:index:KeyValue``).

    Attributes:
        server: The port's handle.
    """

    server: KeyValueServer

    def __init__(
        self, *, site: Site, keys: Keys, secrets: Secrets, network: Network, parent: Resource
    ) -> None:
        super().__init__("KeyValue", "key-value", site, parent)
        cluster = self._cluster(keys.encryption(Concern.DATABASE), network)
        database = self._database(cluster)
        endpoint = network.endpoint(
            "key-value",
            cluster.id,
            group_id="redisEnterprise",
            zone="privatelink.redis.azure.net",
            parent=self,
            # An instance takes one change at a time.
            depends_on=[database],
        )
        self.lock("key-value", once(cluster.id, database, endpoint))
        access = redisenterprise.list_database_keys_output(
            cluster_name=cluster.name,
            database_name=database.name,
            resource_group_name=site.group,
            opts=self._lookup(),
        )
        password = Output.secret(access.apply(lambda known: str(known.primary_key)))
        host = once(cluster.host_name, database, endpoint)
        self.server = KeyValueServer(
            host=host,
            port=PORT,
            auth=secrets.generate("key-value", {"password": password}, self),
        )
        self.register_outputs({"host": host})

    def _cluster(self, encryption: Encryption, network: Network) -> Any:
        spec = self.site.blueprint.settings.cache
        return redisenterprise.RedisEnterprise(
            "key-value",
            cluster_name=self.site.unique("key-value", limit=60),
            resource_group_name=self.site.group,
            sku={"name": machines.cache(spec.memory)},
            high_availability="Enabled" if spec.replicas else "Disabled",
            minimum_tls_version="1.2",
            public_network_access="Disabled",
            identity=encryption.identities,
            encryption={
                "customer_managed_key_encryption": {
                    "key_encryption_key_identity": {
                        "identity_type": "userAssignedIdentity",
                        "user_assigned_identity_resource_id": encryption.identity_id,
                    },
                    "key_encryption_key_url": self._key_version(encryption),
                }
            },
            opts=self.child(
                stateful=True,
                depends_on=[encryption.ready, *network.ready],
                # What has a copy keeps it (Azure Managed Redis documentation, "Plan reliability
                # and durability"): asked to let it go, Azure refuses.
                ignore_changes=[] if spec.replicas else ["highAvailability"],
            ),
        )

    def _database(self, cluster: Any) -> Any:
        backed_up = self.site.backup_days > 0
        persistence: dict[str, Any] = {"aof_enabled": False, "rdb_enabled": backed_up}
        if backed_up:
            persistence["rdb_frequency"] = "12h"
        return redisenterprise.Database(
            "key-value",
            database_name="default",
            cluster_name=cluster.name,
            resource_group_name=self.site.group,
            port=PORT,
            client_protocol="Encrypted",
            # One address that hides the shards: clients need not know of clusters.
            clustering_policy="EnterpriseCluster",
            # Only keys that carry an expiry may be dropped when memory runs out: features do not.
            eviction_policy="VolatileLRU",
            access_keys_authentication="Enabled",
            persistence=persistence,
            opts=self.child(stateful=True),
        )

    def _key_version(self, encryption: Encryption) -> Output[str]:
        """The key with its present version, which Managed Redis wants named.

        A version that has been renewed goes on working for a month: any `up` in it follows.
        """
        found = keyvault.get_key_output(
            key_name=encryption.key_name,
            vault_name=_segment(encryption.vault_id, -1),
            resource_group_name=_segment(encryption.vault_id, 4),
            opts=self._lookup(),
        )
        version: Output[str] = found.apply(lambda key: str(key.key_uri_with_version))
        return version

    def _lookup(self) -> pulumi.InvokeOutputOptions:
        return pulumi.InvokeOutputOptions(parent=self)


def _segment(resource_id: Input[str], index: int) -> Output[str]:
    """One part of a resource ID: 4 is the resource group's name, -1 the thing's own."""
    return Output.from_input(resource_id).apply(lambda known: known.split("/")[index])
