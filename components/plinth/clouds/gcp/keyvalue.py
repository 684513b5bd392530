"""The Redis-protocol server: Memorystore for Redis, authenticated and TLS only.

Redis and not Valkey: Memorystore for Valkey knows no passwords, only short-lived IAM tokens, which
tools cannot renew. So the spec's `versions.valkey` has no meaning here; the newest Redis that
Memorystore offers speaks the same protocol.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pulumi_gcp as gcp
from pulumi import Output, Resource

from plinth.clouds.gcp import machines
from plinth.clouds.gcp.keys import Concern, Keys
from plinth.clouds.gcp.network import Network
from plinth.clouds.gcp.secrets import Secrets
from plinth.clouds.gcp.site import Component, Site
from plinth.ports import KeyValueServer

VERSION: Final = "REDIS_7_2"
#: Where Memorystore listens once TLS is on.
PORT: Final = 6378
#: Addresses of an instance with read replicas; without, half of them would do ("Networking",
#: Memorystore for Redis documentation).
_RANGE: Final = 28


class KeyValue(Component):
    """A Memorystore instance, reached through a peering (``plinth:index:KeyValue``).

    With backups, the latest snapshot outlives a crash; Memorystore keeps no older ones.

    There is a standby in another zone even where `cache.replicas` asks for none: Memorystore fixes
    the tier when an instance is made, so `durable` could otherwise be turned neither on nor off
    without losing the data.

    Attributes:
        server: The port's handle.
    """

    services = ("redis",)
    server: KeyValueServer

    def __init__(
        self, *, site: Site, keys: Keys, secrets: Secrets, network: Network, parent: Resource
    ) -> None:
        super().__init__("KeyValue", "key-value", site, parent)
        cache = gcp.redis.Instance(
            "key-value",
            project=site.project,
            region=site.region,
            display_name=f"{site.prefix}: key-value store",
            redis_version=VERSION,
            authorized_network=network.network_id,
            connect_mode="DIRECT_PEERING",
            reserved_ip_range=_addresses(network.peered),
            auth_enabled=True,
            transit_encryption_mode="SERVER_AUTHENTICATION",
            customer_managed_key=keys.key(Concern.DATABASE),
            # Only keys that carry an expiry may be dropped when memory runs out: features do not.
            redis_configs={"maxmemory-policy": "volatile-lru"},
            maintenance_policy={
                "weekly_maintenance_windows": [
                    {"day": "SUNDAY", "start_time": {"hours": 3, "minutes": 0}}
                ]
            },
            deletion_protection=site.durable,
            **self._size(),
            **self._keeping(),
            labels=self.labels(),
            opts=self.child(stateful=True, depends_on=network.ready),
        )
        authority = cache.server_ca_certs.apply(bundle)
        self.server = KeyValueServer(
            host=cache.host,
            port=PORT,
            auth=secrets.generate(
                "key-value", {"password": Output.secret(cache.auth_string)}, self
            ),
            authority=secrets.generate("key-value-authority", {"ca.crt": authority}, self),
            # The authority is this instance's own, and its certificate has the address in its
            # common name only, which clients no longer read (envoyproxy/ratelimit#409).
            named=False,
        )
        self.register_outputs({"host": cache.host})

    def _size(self) -> dict[str, Any]:
        spec = self.site.blueprint.settings.cache
        replicas = spec.replicas or 0
        size: dict[str, Any] = {
            "memory_size_gb": machines.cache(spec.memory),
            "tier": "STANDARD_HA",
        }
        if replicas > 1:
            size |= {"read_replicas_mode": "READ_REPLICAS_ENABLED", "replica_count": replicas}
        return size

    def _keeping(self) -> dict[str, Any]:
        if not self.site.backup_days:
            return {"persistence_config": {"persistence_mode": "DISABLED"}}
        return {
            "persistence_config": {"persistence_mode": "RDB", "rdb_snapshot_period": "SIX_HOURS"}
        }


def _addresses(peered: str | None) -> str | None:
    """The instance's part of the range for peered services."""
    if peered is None:
        return None
    return str(next(ipaddress.IPv4Network(peered).subnets(new_prefix=_RANGE)))


def bundle(certificates: Sequence[Mapping[str, str]]) -> str:
    """All authorities in one file: for years, an old one and its successor hold at once."""
    return "\n".join(certificate["cert"].strip() for certificate in certificates) + "\n"
