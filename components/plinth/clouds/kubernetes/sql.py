"""The PostgreSQL server: CloudNativePG, TLS only, with backups to the object store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pulumi import Input, Output, Resource

from plinth import ports
from plinth.clouds import external_secrets
from plinth.clouds.kubernetes.facts import STORES
from plinth.clouds.kubernetes.site import Component, Site
from plinth.clouds.kubernetes.stores import OPERATORS, Stores, host
from plinth.ports import Secret

NAME: Final = "database"
PORT: Final = 5432
HOST: Final = host(f"{NAME}-rw")
#: The superuser's name, which CloudNativePG fixes.
ADMIN: Final = "postgres"
_SUPERUSER: Final = "database-admin"
_BACKUPS: Final = "database-backups"
_API: Final = "postgresql.cnpg.io/v1"
_PLUGIN: Final = "barman-cloud.cloudnative-pg.io"
_IMAGE: Final = "ghcr.io/cloudnative-pg/postgresql"
#: Port of the operator's webhooks, which the API server calls.
_WEBHOOK: Final = 9443
_AWAIT: Final = {"pulumi.com/waitFor": "condition=Ready"}


class Operator(Component):
    """CloudNativePG's operator, and its backup plugin (``plinth:index:SqlOperator``)."""

    ready: tuple[Resource, ...]

    def __init__(self, *, site: Site, parent: Resource, depends_on: Sequence[Resource]) -> None:
        """Installs them, once cert-manager (``depends_on``) runs: the plugin's certificates.

        Where they run already, there is nothing to make.
        """
        super().__init__("SqlOperator", "database-operator", site, parent)
        self.ready = ()
        if not site.options.installed.cloudnative_pg:
            self.ready = self._install(depends_on)
        self.register_outputs({})

    def _install(self, depends_on: Sequence[Resource]) -> tuple[Resource, ...]:
        space = self.kube.namespace(
            OPERATORS, parent=self, depends_on=depends_on, open_ports=[_WEBHOOK]
        )
        operator = self._chart("cloudnative-pg", {"replicaCount": self.site.copies}, space)
        if not self.site.backup_days:
            return (operator,)
        return operator, self._chart("plugin-barman-cloud", {}, [operator])

    def _chart(
        self, name: str, values: Mapping[str, Any], depends_on: Sequence[Resource]
    ) -> Resource:
        return self.kube.release(
            name,
            self.site.blueprint.pins.charts[name],
            namespace=OPERATORS,
            values={
                "podLabels": self.kube.labels,
                "resources": {
                    "requests": {"cpu": "50m", "memory": "128Mi"},
                    "limits": {"memory": "512Mi"},
                },
                **values,
            },
            parent=self,
            depends_on=depends_on,
        )


class Sql(Component):
    """A cluster of PostgreSQL instances (``plinth:index:Sql``).

    Attributes:
        ready: What a client must wait for.
    """

    ready: Resource

    def __init__(self, *, site: Site, stores: Stores, admin: Secret, parent: Resource) -> None:
        super().__init__("Sql", NAME, site, parent)
        self._operator = Operator(site=site, parent=self, depends_on=stores.ready)
        self._stores = stores
        self._superuser = external_secrets.deliver(
            self.kube,
            _SUPERUSER,
            namespace=STORES,
            data={key: f"${{admin.{key}}}" for key in admin.keys},
            sources={"admin": admin},
            parent=self,
            depends_on=stores.ready,
        )

    def start(self, backups: Backups | None) -> None:
        """Makes the server; ``backups`` is where its copies go."""
        archive = self._archive(backups) if backups else []
        access = self._stores.admit(self.kube, NAME, PORT, parent=self, all_=False)
        self.ready = self.guarded.apply(
            NAME,
            {
                "apiVersion": _API,
                "kind": "Cluster",
                "metadata": {"name": NAME, "namespace": STORES, "annotations": _AWAIT},
                "spec": {
                    **server(self.site),
                    "inheritedMetadata": {"labels": self.kube.labels},
                    **({"plugins": [_archiver()]} if backups else {}),
                },
            },
            parent=self,
            depends_on=[*self._operator.ready, self._superuser, access, *archive],
        )
        if backups:
            self._schedule()
        self.register_outputs({"host": Output.from_input(HOST)})

    def _archive(self, backups: Backups) -> list[Resource]:
        store = self.kube.apply(
            _BACKUPS,
            {
                "apiVersion": "barmancloud.cnpg.io/v1",
                "kind": "ObjectStore",
                "metadata": {"name": _BACKUPS, "namespace": STORES},
                "spec": {
                    "configuration": backups.configuration,
                    "retentionPolicy": f"{self.site.backup_days}d",
                    "instanceSidecarConfiguration": {
                        "env": [{"name": k, "value": v} for k, v in backups.env.items()]
                    },
                },
            },
            parent=self,
            depends_on=[*self._operator.ready, *backups.ready],
        )
        return [store]

    def _schedule(self) -> None:
        """A copy a night; six fields, the first of them seconds."""
        self.kube.apply(
            f"{_BACKUPS}-schedule",
            {
                "apiVersion": _API,
                "kind": "ScheduledBackup",
                "metadata": {"name": NAME, "namespace": STORES},
                "spec": {
                    "schedule": "0 0 2 * * *",
                    "immediate": True,
                    "backupOwnerReference": "self",
                    "cluster": {"name": NAME},
                    "method": "plugin",
                    "pluginConfiguration": {"name": _PLUGIN},
                },
            },
            parent=self,
            depends_on=[self.ready],
        )


class Backups:
    """Where copies of the database go.

    Attributes:
        configuration: The ObjectStore's ``spec.configuration``.
        env: Variables of the plugin beside each instance.
        ready: What makes the bucket and its key.
    """

    def __init__(self, bucket: ports.Bucket, identity: ports.WorkloadIdentity) -> None:
        """Reads bucket and key from their handles.

        Args:
            bucket: The bucket.
            identity: The right to write it, delivered into the stores' namespace.
        """
        keys = identity.env_secrets
        trusted = next(iter(identity.secret_files.values()), None)
        configuration: dict[str, Input[Any]] = {
            "destinationPath": Output.concat(bucket.uri, "/"),
            "endpointURL": identity.env["AWS_ENDPOINT_URL"],
            "s3Credentials": {
                "accessKeyId": _key(keys["AWS_ACCESS_KEY_ID"]),
                "secretAccessKey": _key(keys["AWS_SECRET_ACCESS_KEY"]),
            },
            "wal": {"compression": "gzip"},
            "data": {"compression": "gzip"},
        }
        if trusted:
            configuration["endpointCA"] = {"name": trusted, "key": "ca.crt"}
        self.configuration = configuration
        self.env = {k: v for k, v in identity.env.items() if "CHECKSUM" in k or "REGION" in k}
        self.ready = identity.ready


def _key(reference: tuple[str, str]) -> dict[str, str]:
    name, key = reference
    return {"name": name, "key": key}


def _archiver() -> dict[str, Any]:
    return {
        "name": _PLUGIN,
        "isWALArchiver": True,
        "parameters": {"barmanObjectName": _BACKUPS},
    }


def server(site: Site) -> dict[str, Any]:
    """The Cluster's ``spec``, but for its backups."""
    spec = site.blueprint.settings.database
    disk: dict[str, Any] = {"size": f"{spec.storage}Gi", "resizeInUseVolumes": True}
    if site.options.storage_class:
        disk["storageClass"] = site.options.storage_class
    postgresql: dict[str, Any] = {
        "parameters": {"max_connections": "200", "shared_buffers": f"{spec.memory * 256}MB"},
        # These rules come before the operator's own, which let everyone in that has a password.
        "pg_hba": ["hostnossl all all all reject"],
    }
    if spec.multi_zone:
        # One standby has every commit, as long as one is there.
        postgresql["synchronous"] = {"method": "any", "number": 1, "dataDurability": "preferred"}
    return {
        "instances": 3 if spec.multi_zone else 1,
        "imageName": f"{_IMAGE}:{site.blueprint.pins.postgres}-standard-trixie",
        "primaryUpdateStrategy": "unsupervised",
        "enableSuperuserAccess": True,
        "superuserSecret": {"name": _SUPERUSER},
        # A budget for a single instance would keep its node from ever being drained.
        "enablePDB": bool(spec.multi_zone),
        "storage": disk,
        "resources": {
            "requests": {"cpu": str(spec.cpu), "memory": f"{spec.memory}Gi"},
            "limits": {"memory": f"{spec.memory}Gi"},
        },
        "postgresql": postgresql,
        "affinity": {
            "enablePodAntiAffinity": True,
            "podAntiAffinityType": "preferred",
            "topologyKey": "topology.kubernetes.io/zone",
        },
    }
