"""The Redis-protocol server: ElastiCache for Valkey, authenticated and TLS only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pulumi_aws as aws
import pulumi_random as random
from pulumi import Input, Resource

from plinth.clouds.aws import machines
from plinth.clouds.aws.keys import Concern, Keys
from plinth.clouds.aws.network import Network, inbound
from plinth.clouds.aws.secrets import Secrets
from plinth.clouds.aws.site import Component, Site
from plinth.clouds.aws.sql import final_snapshot
from plinth.ports import KeyValueServer

PORT: Final = 6379
_LOGS: Final = ("slow-log", "engine-log")


class KeyValue(Component):
    """A Valkey replication group in the private subnets (``plinth:index:KeyValue``).

    Attributes:
        server: The port's handle.
    """

    server: KeyValueServer

    def __init__(
        self,
        *,
        site: Site,
        keys: Keys,
        secrets: Secrets,
        network: Network,
        callers: Mapping[str, Input[str]],
        parent: Resource,
    ) -> None:
        super().__init__("KeyValue", "key-value", site, parent)
        group = inbound(self, "key-value", network=network, port=PORT, callers=callers)
        subnets = aws.elasticache.SubnetGroup(
            "key-value", subnet_ids=network.private, tags=self.tags(), opts=self.child()
        )
        # ElastiCache takes 16 to 128 characters without most special ones.
        token = random.RandomPassword(
            "key-value", length=64, special=False, opts=self.child(stateful=True)
        )
        cache = aws.elasticache.ReplicationGroup(
            "key-value",
            # ElastiCache API reference, "CreateReplicationGroup": 40 characters.
            replication_group_id=site.named(limit=40),
            description=f"{site.prefix}: key-value store",
            engine="valkey",
            port=PORT,
            subnet_group_name=subnets.name,
            security_group_ids=[group.id],
            parameter_group_name=self._parameters().name,
            at_rest_encryption_enabled=True,
            kms_key_id=keys.arn(Concern.DATABASE),
            transit_encryption_enabled=True,
            transit_encryption_mode="required",
            auth_token=token.result,
            auto_minor_version_upgrade=True,
            apply_immediately=not site.durable,
            log_delivery_configurations=self._logs(keys.arn(Concern.LOGS)),
            **self._size(),
            **self._keeping(),
            tags=self.tags("key-value"),
            opts=self.child(stateful=True),
        )
        self.server = KeyValueServer(
            host=cache.primary_endpoint_address,
            port=PORT,
            auth=secrets.generate("key-value", {"password": token.result}, self),
        )
        self.register_outputs({"host": cache.primary_endpoint_address})

    def _size(self) -> dict[str, Any]:
        spec = self.site.blueprint.settings.cache
        replicas = spec.replicas or 0
        return {
            "engine_version": self.site.blueprint.pins.valkey,
            "node_type": machines.cache(spec.memory),
            "num_cache_clusters": 1 + replicas,
            "automatic_failover_enabled": replicas > 0,
            "multi_az_enabled": replicas > 0,
        }

    def _keeping(self) -> dict[str, Any]:
        keeping: dict[str, Any] = {"snapshot_retention_limit": self.site.backup_days}
        if self.site.durable:
            keeping["final_snapshot_identifier"] = final_snapshot(self, "key-value")
        return keeping

    def _parameters(self) -> Any:
        major = self.site.blueprint.pins.valkey.split(".", maxsplit=1)[0]
        return aws.elasticache.ParameterGroup(
            "key-value",
            family=f"valkey{major}",
            description=f"{self.site.prefix}: key-value store",
            # Only keys that carry an expiry may be dropped when memory runs out: features do not.
            parameters=[{"name": "maxmemory-policy", "value": "volatile-lru"}],
            tags=self.tags(),
            opts=self.child(),
        )

    def _logs(self, key: Input[str]) -> list[dict[str, Any]]:
        days = self.site.blueprint.settings.log_retention_days
        found = []
        for log in _LOGS:
            path = f"/plinth/{self.site.prefix}/key-value/{log}"
            group = self.log_group(f"key-value-{log}", path, key, days)
            found.append(
                {
                    "destination": group.name,
                    "destination_type": "cloudwatch-logs",
                    "log_format": "json",
                    "log_type": log,
                }
            )
        return found
