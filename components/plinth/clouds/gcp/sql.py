"""The PostgreSQL server: Cloud SQL, without a public address, TLS only."""

from __future__ import annotations

from typing import Any, Final

import pulumi_gcp as gcp
from pulumi import Resource

from plinth.clouds.gcp import machines
from plinth.clouds.gcp.keys import Concern, Keys
from plinth.clouds.gcp.labels import all_labels
from plinth.clouds.gcp.network import Network, endpoint
from plinth.clouds.gcp.secrets import Secrets
from plinth.clouds.gcp.site import Component, Site, after
from plinth.ports import Generated, SqlServer

PORT: Final = 5432
ADMIN: Final = "plinth"

#: Who came, who went, who waited, what failed and what was changed; and roles for IAM identities.
#: No statement is written for having been slow, as values are in it: Query Insights shows those,
#: without their values.  pgAudit waits for a database in which it is made (`create extension`).
_FLAGS: Final = {
    "cloudsql.enable_pgaudit": "on",
    "cloudsql.iam_authentication": "on",
    "log_checkpoints": "on",
    "log_connections": "on",
    "log_disconnections": "on",
    "log_lock_waits": "on",
    "log_min_duration_statement": "-1",
    "log_min_error_statement": "error",
    "log_statement": "ddl",
    "log_temp_files": "0",
}
#: Logs of changes that the Enterprise edition keeps for recovery to a point in time, in days.
_MOST_LOG_DAYS: Final = 7
#: How long the backup that is taken at the very end is kept, in days.
_FINAL_BACKUP_DAYS: Final = 30


class Sql(Component):
    """A Cloud SQL instance behind an endpoint in our subnet (``plinth:index:Sql``).

    The engine names the instance with random characters: a deleted one's name stays taken for a
    week (Cloud SQL documentation, "Delete instances").

    Client certificates are not asked for: each would be one more long-lived secret for every pod.
    Passwords are sent over TLS, inside the network.

    Attributes:
        server: The port's handle.
    """

    services = ("sqladmin",)
    server: SqlServer

    def __init__(
        self, *, site: Site, keys: Keys, secrets: Secrets, network: Network, parent: Resource
    ) -> None:
        super().__init__("Sql", "sql", site, parent)
        major = site.blueprint.pins.postgres.split(".", maxsplit=1)[0]
        spec = site.blueprint.settings.database
        database = gcp.sql.DatabaseInstance(
            "sql",
            project=site.project,
            region=site.region,
            database_version=f"POSTGRES_{major}",
            encryption_key_name=keys.key(Concern.DATABASE),
            deletion_protection=site.durable,
            settings={
                **self._size(),
                **self._access(),
                **self._keeping(),
                **self._watching(),
                "user_labels": all_labels(self),
            },
            opts=self.child(
                stateful=True,
                # What the disk has grown to is more than what it began with.
                ignore_changes=["settings.diskSize"] if spec.max_storage > spec.storage else (),
            ),
        )
        password = self.value("sql-password", Generated())
        admin = gcp.sql.User(
            ADMIN,
            name=ADMIN,
            instance=database.name,
            project=site.project,
            password=password,
            # A role that owns something cannot be dropped; it goes with the instance.
            deletion_policy="ABANDON",
            opts=self.child(),
        )
        address = endpoint(
            self, "sql", network=network, target=database.psc_service_attachment_link
        )
        self.server = SqlServer(
            host=after(address, admin),
            port=PORT,
            admin=secrets.generate("sql-admin", {"username": ADMIN, "password": password}, self),
        )
        self.register_outputs({"host": self.server.host})

    def _size(self) -> dict[str, Any]:
        spec = self.site.blueprint.settings.database
        grows = spec.max_storage > spec.storage
        return {
            # The default for new versions of PostgreSQL is Enterprise Plus, at twice the price.
            "edition": "ENTERPRISE",
            "tier": machines.database(spec.cpu, spec.memory),
            "availability_type": "REGIONAL" if spec.multi_zone else "ZONAL",
            "disk_type": "PD_SSD",
            "disk_size": spec.storage,
            "disk_autoresize": grows,
            "disk_autoresize_limit": spec.max_storage if grows else 0,
        }

    def _access(self) -> dict[str, Any]:
        return {
            "ip_configuration": {
                "ipv4_enabled": False,
                "ssl_mode": "ENCRYPTED_ONLY",
                "psc_configs": [
                    {"psc_enabled": True, "allowed_consumer_projects": [self.site.project]}
                ],
            },
            "connector_enforcement": "NOT_REQUIRED",
        }

    def _keeping(self) -> dict[str, Any]:
        """Deletion protection, backups in the region, and the last one.

        A standby asks for backups and logs of changes, so a day of them is kept even where none
        are asked for.
        """
        days = self.site.backup_days
        backed_up = bool(days or self.site.blueprint.settings.database.multi_zone)
        backups: dict[str, Any] = {"enabled": backed_up}
        if backed_up:
            backups |= {
                "location": self.site.region,
                "start_time": "02:00",
                "point_in_time_recovery_enabled": True,
                "transaction_log_retention_days": min(days or 1, _MOST_LOG_DAYS),
                "backup_retention_settings": {
                    "retention_unit": "COUNT",
                    "retained_backups": days or 1,
                },
            }
        return {
            "deletion_protection_enabled": self.site.durable,
            "backup_configuration": backups,
            "retain_backups_on_delete": self.site.durable and backed_up,
            "final_backup_config": {
                "enabled": self.site.durable,
                **({"retention_days": _FINAL_BACKUP_DAYS} if self.site.durable else {}),
            },
            # Sunday at three, UTC.
            "maintenance_window": {"day": 7, "hour": 3, "update_track": "stable"},
        }

    def _watching(self) -> dict[str, Any]:
        return {
            "database_flags": [{"name": name, "value": value} for name, value in _FLAGS.items()],
            "insights_config": {
                "query_insights_enabled": True,
                "query_string_length": 1024,
                "query_plans_per_minute": 5,
                "record_application_tags": True,
                "record_client_address": True,
            },
        }
