"""Logical databases: each consumer has a database and a role of its own on the shared server."""

from __future__ import annotations

from dataclasses import dataclass

from pulumi import Output, Resource

from plinth import render
from plinth.capabilities.services import NAMESPACE, ClusterServices
from plinth.ports import Adapter, Generated, Secret
from plinth.workloads import Container


@dataclass(frozen=True, kw_only=True)
class LogicalDatabase:
    """A database with a role that owns it and nothing else.

    Attributes:
        host: Server address. Connections without TLS are refused.
        port: Server port.
        name: Database name.
        credentials: Keys ``username`` and ``password``.
        ready: What must exist before the first connection.
    """

    host: Output[str]
    port: int
    name: str
    credentials: Secret
    ready: tuple[Resource, ...]


class Databases:
    """Makes logical databases by a Job in the cluster, as the server has no public address."""

    def __init__(self, cloud: Adapter, services: ClusterServices, image: str) -> None:
        self._cloud = cloud
        self._services = services
        self._image = image

    def create(self, name: str, *, parent: Resource) -> LogicalDatabase:
        """A database ``name`` with the role ``name``."""
        server = self._cloud.sql_server()
        credentials = self._cloud.generate(
            f"{name}-database", {"username": name, "password": Generated()}, parent=parent
        )
        kube, full_name = self._services.kube, f"database-{name}"
        after = self._services.ready
        secret = self._cloud.deliver(
            kube,
            full_name,
            namespace=NAMESPACE,
            data={
                # Of libpq's files that hold a password, the one that may be readable to a group.
                "service": "[server]\nuser=${admin.username}\npassword=${admin.password}\n",
                "role": "${role.username}",
                "password": "${role.password}",
            },
            sources={"admin": server.admin, "role": credentials},
            parent=parent,
            depends_on=after,
        )
        script = kube.config_map(
            full_name,
            {"create.sql": render.text("postgres/create.sql.j2")},
            namespace=NAMESPACE,
            parent=parent,
            depends_on=after,
        )
        container = Container(
            image=self._image,
            command=["psql"],
            args=["--no-psqlrc", "--set=ON_ERROR_STOP=1", "--file=/sql/create.sql"],
            env={
                "PGHOST": server.host,
                "PGPORT": str(server.port),
                "PGDATABASE": "postgres",
                "PGSSLMODE": "require",
                "PGSERVICE": "server",
                "PGSERVICEFILE": "/credentials/service",
                "DATABASE": name,
            },
            files={"/sql": full_name},
            secret_files={"/credentials": full_name},
            cpu="50m",
            memory="64Mi",
        )
        job = kube.job(
            full_name,
            container,
            namespace=NAMESPACE,
            service_account="default",
            parent=parent,
            depends_on=[secret, script],
        )
        return LogicalDatabase(
            host=server.host,
            port=server.port,
            name=name,
            credentials=credentials,
            ready=(job,),
        )
