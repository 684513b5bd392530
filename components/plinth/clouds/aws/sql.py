"""The PostgreSQL server: RDS, TLS only, its administrator's password made and rotated by RDS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pulumi_aws as aws
import pulumi_random as random
from pulumi import Input, Output, Resource

from plinth.clouds.aws import machines
from plinth.clouds.aws.keys import Concern, Keys
from plinth.clouds.aws.network import Network, inbound
from plinth.clouds.aws.site import Component, Site, assume
from plinth.ports import Secret, SqlServer

PORT: Final = 5432
_LOGS: Final = ("postgresql", "upgrade")
_PARAMETERS: Final = {
    "rds.force_ssl": "1",
    "log_statement": "ddl",
    "log_min_duration_statement": "1000",
}
_MONITORING: Final = "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"


class Sql(Component):
    """An RDS instance in the private subnets (``plinth:index:Sql``).

    Attributes:
        server: The port's handle.
        admin_arn: ARN of the administrator's secret.
    """

    server: SqlServer
    admin_arn: Output[str]

    def __init__(
        self,
        *,
        site: Site,
        keys: Keys,
        network: Network,
        callers: Mapping[str, Input[str]],
        parent: Resource,
    ) -> None:
        super().__init__("Sql", "sql", site, parent)
        self._keys = keys
        group = inbound(self, "sql", network=network, port=PORT, callers=callers)
        subnets = aws.rds.SubnetGroup(
            "sql", subnet_ids=network.private, tags=self.tags(), opts=self.child()
        )
        database = aws.rds.Instance(
            "sql",
            identifier=site.named(),
            engine="postgres",
            port=PORT,
            db_subnet_group_name=subnets.name,
            vpc_security_group_ids=[group.id],
            publicly_accessible=False,
            parameter_group_name=self._parameters().name,
            ca_cert_identifier="rds-ca-rsa2048-g1",
            iam_database_authentication_enabled=True,
            auto_minor_version_upgrade=True,
            copy_tags_to_snapshot=True,
            apply_immediately=not site.durable,
            **self._size(),
            **self._secrets(),
            **self._watching(),
            **self._keeping(),
            tags=self.tags("sql"),
            opts=self.child(stateful=True, depends_on=self._log_groups()),
        )
        self.admin_arn = database.master_user_secrets[0]["secret_arn"]
        self.server = SqlServer(
            host=database.address,
            port=PORT,
            admin=Secret(name=self.admin_arn, keys=("username", "password"), ref=self.admin_arn),
        )
        self.register_outputs({"host": database.address})

    def _size(self) -> dict[str, Any]:
        spec = self.site.blueprint.settings.database
        return {
            "engine_version": self.site.blueprint.pins.postgres,
            "instance_class": machines.database(spec.cpu, spec.memory),
            "storage_type": "gp3",
            "allocated_storage": spec.storage,
            "max_allocated_storage": spec.max_storage if spec.max_storage > spec.storage else None,
            "multi_az": bool(spec.multi_zone),
        }

    def _secrets(self) -> dict[str, Any]:
        return {
            "storage_encrypted": True,
            "kms_key_id": self._keys.arn(Concern.DATABASE),
            "username": "plinth",
            "manage_master_user_password": True,
            "master_user_secret_kms_key_id": self._keys.arn(Concern.SECRETS),
        }

    def _watching(self) -> dict[str, Any]:
        role = aws.iam.Role(
            "monitoring",
            assume_role_policy=assume(
                "monitoring.rds.amazonaws.com",
                {"StringEquals": {"aws:SourceAccount": self.site.account}},
            ),
            tags=self.tags(),
            opts=self.child(),
        )
        rights = aws.iam.RolePolicyAttachment(
            "monitoring", role=role.name, policy_arn=_MONITORING, opts=self.child()
        )
        return {
            "enabled_cloudwatch_logs_exports": list(_LOGS),
            "monitoring_interval": 60,
            # RDS tries the role out at once, so it has to come with its rights.
            "monitoring_role_arn": Output.all(role.arn, rights.id).apply(lambda known: known[0]),
            "performance_insights_enabled": True,
            "performance_insights_kms_key_id": self._keys.arn(Concern.DATABASE),
            "performance_insights_retention_period": 7,  # free of charge
        }

    def _keeping(self) -> dict[str, Any]:
        """Deletion protection, backups and the last snapshot.

        A day of backups is kept even where none are asked for: up to the database's own size they
        cost nothing.
        """
        keeping: dict[str, Any] = {
            "backup_retention_period": self.site.backup_days or 1,
            "deletion_protection": self.site.durable,
            "delete_automated_backups": not self.site.durable,
            "skip_final_snapshot": not self.site.durable,
        }
        if self.site.durable:
            keeping["final_snapshot_identifier"] = final_snapshot(self, "sql")
        return keeping

    def _parameters(self) -> Any:
        major = self.site.blueprint.pins.postgres.split(".", maxsplit=1)[0]
        return aws.rds.ParameterGroup(
            "sql",
            family=f"postgres{major}",
            parameters=[{"name": key, "value": value} for key, value in _PARAMETERS.items()],
            tags=self.tags(),
            opts=self.child(),
        )

    def _log_groups(self) -> list[Resource]:
        key = self._keys.arn(Concern.LOGS)
        days = self.site.blueprint.settings.log_retention_days
        path = f"/aws/rds/instance/{self.site.named()}"
        return [self.log_group(f"sql-{log}", f"{path}/{log}", key, days) for log in _LOGS]


def final_snapshot(component: Component, name: str) -> Output[str]:
    """A name for the last snapshot that no earlier life of the platform has taken."""
    life = random.RandomId(f"{name}-final-snapshot", byte_length=4, opts=component.child())
    return Output.concat(component.site.named(name), "-final-", life.dec)
