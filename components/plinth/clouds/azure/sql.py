"""The PostgreSQL server: Azure's flexible server, reached by private endpoint, TLS only."""

from __future__ import annotations

from typing import Any, Final

import pulumi_random as random
from pulumi import Output, Resource
from pulumi_azure_native import dbforpostgresql as postgres

from plinth import naming
from plinth.clouds.azure import machines
from plinth.clouds.azure.keys import Concern, Keys
from plinth.clouds.azure.network import Network
from plinth.clouds.azure.options import options
from plinth.clouds.azure.secrets import Secrets
from plinth.clouds.azure.site import Component, Site
from plinth.clouds.azure.waiting import once
from plinth.ports import SqlServer

PORT: Final = 5432
ADMIN: Final = "plinth"
_PARAMETERS: Final = {
    "require_secure_transport": "on",
    "ssl_min_protocol_version": "TLSv1.2",
    "log_statement": "ddl",
    "log_min_duration_statement": "1000",
}
#: The least that Azure keeps; up to the database's own size backups cost nothing.
_LEAST_BACKUP_DAYS: Final = 7


class Sql(Component):
    """A flexible server behind a private endpoint (``plinth:index:Sql``).

    Tools sign in with passwords, people with Entra: those of ``clouds.azure.database_admins``, who
    may let others in.

    Attributes:
        server: The port's handle.
    """

    server: SqlServer

    def __init__(
        self, *, site: Site, keys: Keys, secrets: Secrets, network: Network, parent: Resource
    ) -> None:
        super().__init__("Sql", "sql", site, parent)
        self._keys = keys
        # Azure wants characters of three kinds at least.
        made = random.RandomPassword(
            "sql",
            length=32,
            special=False,
            min_lower=1,
            min_numeric=1,
            min_upper=1,
            opts=self.child(stateful=True),
        )
        password: Output[str] = Output.secret(made.result)
        admin = secrets.generate("sql", {"username": ADMIN, "password": password}, self)
        server = self._server(password, network)
        changes = self._configure(server)
        changes += self._administrators(server, after=changes[-1:])
        endpoint = network.endpoint(
            "sql",
            server.id,
            group_id="postgresqlServer",
            zone="privatelink.postgres.database.azure.com",
            parent=self,
            # A server takes one change at a time, and answers others with ServerIsBusy.
            depends_on=changes,
        )
        ready = [*changes, endpoint]
        self.lock("sql", once(server.id, *ready))
        host = once(server.fully_qualified_domain_name, *ready)
        self.server = SqlServer(host=host, port=PORT, admin=admin)
        self.register_outputs({"host": host})

    def _server(self, password: Output[str], network: Network) -> Any:
        site = self.site
        encryption = self._keys.encryption(Concern.DATABASE)
        # Azure grows disks and never shrinks them, which it would be asked to after each refresh.
        grows = ["storage.storageSizeGB"] if self._grows else []
        return postgres.Server(
            "sql",
            server_name=site.unique("sql"),
            resource_group_name=site.group,
            version=site.blueprint.pins.postgres.split(".", maxsplit=1)[0],
            administrator_login=ADMIN,
            administrator_login_password=password,
            auth_config={
                "active_directory_auth": "Enabled",
                "password_auth": "Enabled",
                "tenant_id": site.tenant,
            },
            identity={
                "type": "UserAssigned",
                "user_assigned_identities": encryption.identity_id.apply(lambda one: {one: {}}),
            },
            data_encryption={
                "type": "AzureKeyVault",
                # Without a version, so that new ones are followed.
                "primary_key_uri": encryption.key_uri,
                "primary_user_assigned_identity_id": encryption.identity_id,
            },
            network={"public_network_access": "Disabled"},
            maintenance_window={
                "custom_window": "Enabled",
                "day_of_week": 0,  # Sunday
                "start_hour": 2,
                "start_minute": 0,
            },
            **self._size(),
            opts=self.child(
                stateful=True,
                depends_on=[encryption.ready, *network.ready],
                ignore_changes=grows,
            ),
        )

    @property
    def _grows(self) -> bool:
        """Whether the disk grows by itself. Azure knows no limit to that."""
        spec = self.site.blueprint.settings.database
        return spec.max_storage > spec.storage

    def _size(self) -> dict[str, Any]:
        spec = self.site.blueprint.settings.database
        return {
            "sku": machines.database(spec.cpu, spec.memory),
            "storage": {
                "storage_size_gb": machines.disk(spec.storage),
                "auto_grow": "Enabled" if self._grows else "Disabled",
            },
            "high_availability": {"mode": "ZoneRedundant" if spec.multi_zone else "Disabled"},
            "backup": {
                "backup_retention_days": max(self.site.backup_days, _LEAST_BACKUP_DAYS),
                # Copies in another region need a key and a vault there.
                "geo_redundant_backup": "Disabled",
            },
        }

    def _configure(self, server: Any) -> list[Resource]:
        """Server parameters; Azure changes one at a time, so each waits for the one before."""
        made: list[Resource] = []
        for name, value in _PARAMETERS.items():
            made.append(
                postgres.Configuration(
                    f"sql-{name}",
                    configuration_name=name,
                    server_name=server.name,
                    resource_group_name=self.site.group,
                    source="user-override",
                    value=value,
                    opts=self.child(depends_on=made[-1:]),
                )
            )
        return made

    def _administrators(self, server: Any, after: list[Resource]) -> list[Resource]:
        """People who may do everything in the databases, each group a role of its name.

        A lock on the server keeps them too, so that in a durable environment it has to be taken
        off before one can go.
        """
        made: list[Resource] = []
        for name, group in sorted(options(self.site.blueprint).database_admins.items()):
            made.append(
                postgres.AdministratorsMicrosoftEntra(
                    naming.physical("sql", group[:8], unique=group),
                    object_id=group,
                    principal_name=name,
                    principal_type="Group",
                    tenant_id=self.site.tenant,
                    server_name=server.name,
                    resource_group_name=self.site.group,
                    opts=self.child(depends_on=made[-1:] or after),
                )
            )
        return made
