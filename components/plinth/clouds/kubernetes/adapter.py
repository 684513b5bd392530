"""The adapter for a cluster that is there: stores that the spec names, or run on the cluster.

Stores need cert-manager and External Secrets, which the platform installs after it has asked for
the stores.  So their handles come first, as names on a cluster are known beforehand, and what they
name is made in :meth:`Kubernetes.secret_store`, once both operators run; whatever is brought a
store's secret waits for the store.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

from pulumi import Input, Output, Resource

from plinth import ports
from plinth.blueprint import Blueprint
from plinth.clouds import external_secrets
from plinth.clouds.kubernetes import identity, keyvalue, notifications, objects, sql
from plinth.clouds.kubernetes.cluster import Cluster
from plinth.clouds.kubernetes.facts import STORES
from plinth.clouds.kubernetes.secrets import Secrets, waits_for
from plinth.clouds.kubernetes.site import Pending, Site
from plinth.clouds.kubernetes.stores import AUTHORITY, Stores
from plinth.kube import Kube
from plinth.ports import Generated, Port, Secret
from plinth.spec.options import BucketOptions

#: RFC 1918.
_PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")


class Kubernetes:
    """Meets the ports that a cluster can meet (:class:`plinth.ports.Adapter`, but for a few)."""

    def __init__(self, blueprint: Blueprint, *, parent: Resource) -> None:
        """Makes the providers; the rest is made when a port is first used, below ``parent``."""
        self._blueprint = blueprint
        self._parent = parent
        self._site = Site.open(blueprint, parent)
        self._options = self._site.options
        self._secrets = Secrets(self._site)
        self._sql, self._key_value = Pending(), Pending()
        self._client: objects.Client | None = None

    # --- cluster ---------------------------------------------------------------------------------

    @cached_property
    def _cluster(self) -> Cluster:
        return Cluster(site=self._site, parent=self._parent)

    def cluster(self) -> ports.ClusterHandle:
        """The cluster of the spec's context."""
        return self._cluster.handle

    def cluster_addons(
        self,
        kube: Kube,  # noqa: ARG002 - a cluster that is there has its own
        *,
        parent: Resource,  # noqa: ARG002
    ) -> tuple[Resource, ...]:
        """None: the cluster came with what it needs."""
        return ()

    def load_balancer(self) -> ports.LoadBalancer:
        """As the spec says; when internal, only private networks are let in.

        How to ask for an address inside differs from cluster to cluster, and is said in the spec.
        """
        domain = self._blueprint.settings.domain
        wanted = self._options.load_balancer
        public = domain is not None and domain.exposure == "public"
        return ports.LoadBalancer(
            annotations=wanted.annotations,
            load_balancer_class=wanted.class_name,
            source_ranges=domain.allow if domain is not None and public else _PRIVATE,
        )

    # --- stores ----------------------------------------------------------------------------------

    @cached_property
    def _sql_server(self) -> ports.SqlServer:
        there = self._options.database
        if there is not None:
            admin = self.existing(there.admin.secret, ["username", "password"])
            return ports.SqlServer(host=Output.from_input(there.host), port=there.port, admin=admin)
        admin = self._generate(
            sql.NAME, {"username": sql.ADMIN, "password": Generated()}, self._parent, self._sql
        )
        return ports.SqlServer(host=Output.from_input(sql.HOST), port=sql.PORT, admin=admin)

    def sql_server(self) -> ports.SqlServer:
        """The PostgreSQL that is there, or CloudNativePG's."""
        return self._sql_server

    @cached_property
    def _key_value_server(self) -> ports.KeyValueServer:
        there = self._options.cache
        if there is not None:
            return ports.KeyValueServer(
                host=Output.from_input(there.host),
                port=there.port,
                auth=self.existing(there.auth.secret, ["password"]),
                authority=self.existing(there.ca.secret, ["ca.crt"]) if there.ca else None,
            )
        auth = self._generate(
            keyvalue.NAME, {"password": Generated(length=64)}, self._parent, self._key_value
        )
        return ports.KeyValueServer(
            host=Output.from_input(keyvalue.HOST),
            port=keyvalue.PORT,
            auth=auth,
            authority=Secret(name=AUTHORITY, keys=("ca.crt",), ref=self._key_value),
        )

    def key_value_server(self) -> ports.KeyValueServer:
        """The Redis-protocol server that is there, or Valkey."""
        return self._key_value_server

    def bucket(self, role: str, options: BucketOptions, *, parent: Resource) -> ports.Bucket:
        """A bucket on the store that is there, or on SeaweedFS."""
        return self._objects.bucket(role, options, parent)

    @property
    def _objects(self) -> objects.Client:
        if self._client is None:
            raise RuntimeError("buckets come after the cluster's services")
        return self._client

    def _start(self, depends_on: Sequence[Resource]) -> None:
        """Makes the stores that the platform uses and the spec does not name."""
        needs, options = self._blueprint.needs, self._options
        own_sql = Port.SQL in needs and options.database is None
        own_cache = Port.KEY_VALUE in needs and options.cache is None
        own_objects = options.object_store.endpoint is None and (
            Port.OBJECT_STORE in needs or bool(own_sql and self._site.backup_days)
        )
        stores = None
        if own_sql or own_cache or own_objects:
            stores = Stores(site=self._site, parent=self._parent, depends_on=depends_on)
        if stores and own_objects:
            self._run_objects(stores)
        elif options.object_store.endpoint is not None:
            there = objects.there(self._site, depends_on)
            self._client = objects.Client(site=self._site, store=there, parent=self._parent)
        if stores and own_sql:
            self._run_sql(stores)
        if stores and own_cache:
            made = keyvalue.KeyValue(
                site=self._site,
                stores=stores,
                auth=self._key_value_server.auth,
                parent=self._parent,
            )
            self._key_value.ready.append(made.ready)

    def _run_objects(self, stores: Stores) -> None:
        root = self._generate(objects.ROOT, identity.KEY, self._parent)
        made = objects.SeaweedFs(site=self._site, stores=stores, root=root, parent=self._parent)
        self._client = objects.Client(site=self._site, store=made.store, parent=self._parent)

    def _run_sql(self, stores: Stores) -> None:
        made = sql.Sql(
            site=self._site, stores=stores, admin=self._sql_server.admin, parent=self._parent
        )
        made.start(self._backups(made, stores) if self._site.backup_days else None)
        self._sql.ready.append(made.ready)

    def _backups(self, database: sql.Sql, stores: Stores) -> sql.Backups:
        name = "database-backups"
        bucket = self.bucket(name, BucketOptions(), parent=database)
        right = self.workload_identity(
            name,
            namespace=STORES,
            service_account=sql.NAME,
            grants=[ports.Grant(to=bucket, access="write")],
            parent=database,
            kube=database.kube,
            depends_on=stores.ready,
        )
        return sql.Backups(bucket, right)

    # --- rights and secrets ----------------------------------------------------------------------

    def workload_identity(
        self,
        name: str,
        *,
        namespace: str,
        service_account: str,
        grants: Sequence[ports.Grant],
        parent: Resource,
        kube: Kube | None = None,
        depends_on: Sequence[Resource] = (),
    ) -> ports.WorkloadIdentity:
        """A key for the granted buckets, and the right to read the granted secrets.

        Without ``kube`` the namespace is the team's own, and so is bringing the key there: it is
        in the secret ``plinth-<name>-key`` of the secrets' namespace.
        """
        ready: tuple[Resource, ...] = ()
        named = [grant.to for grant in grants if isinstance(grant.to, Secret)]
        if named:
            ready = self._secrets.allow(
                self._site.kube(), name, named, (namespace, service_account), parent=parent
            )
        if not any(isinstance(grant.to, ports.Bucket) for grant in grants):
            return ports.WorkloadIdentity(ready=ready)
        key = identity.Key(name, grants, client=self._objects, secrets=self._secrets, parent=parent)
        if kube is None:
            return ports.WorkloadIdentity(ready=(*ready, *key.ready))
        return identity.deliver(
            key,
            name,
            namespace=namespace,
            client=self._objects,
            kube=kube,
            parent=parent,
            depends_on=[*depends_on, *ready],
        )

    def _generate(
        self,
        name: str,
        values: Mapping[str, Generated | Input[str]],
        parent: Resource,
        pending: Pending | None = None,
    ) -> Secret:
        return self._secrets.generate(
            name, values, parent=parent, depends_on=self.cluster().ready, pending=pending
        )

    def generate(
        self, name: str, values: Mapping[str, Generated | Input[str]], *, parent: Resource
    ) -> Secret:
        """A Secret in the secrets' namespace."""
        return self._generate(name, values, parent)

    def existing(self, name: str, keys: Sequence[str]) -> Secret:
        """A Secret that the team keeps in the secrets' namespace."""
        return self._secrets.existing(name, keys)

    def secret_store(
        self, kube: Kube, *, parent: Resource, depends_on: Sequence[Resource]
    ) -> tuple[Resource, ...]:
        """The ClusterSecretStore; the stores on the cluster start behind it.

        No pod has to wait for all of them: each waits for those whose secrets it is brought.
        """
        store = self._secrets.store(kube, parent, [*depends_on, *self.cluster().ready])
        self._start([*depends_on, store])
        return (*depends_on, store)

    def deliver(
        self,
        kube: Kube,
        name: str,
        *,
        namespace: str,
        data: Mapping[str, Input[str]],
        sources: Mapping[str, Secret],
        parent: Resource,
        depends_on: Sequence[Resource] = (),
    ) -> Resource:
        """An ExternalSecret, once the stores that its secrets open are there."""
        waits = [resource for source in sources.values() for resource in waits_for(source)]
        return external_secrets.deliver(
            kube,
            name,
            namespace=namespace,
            data=data,
            sources=sources,
            parent=parent,
            depends_on=[*depends_on, *waits],
        )

    # --- people ----------------------------------------------------------------------------------

    def topic(
        self,
        name: str,  # noqa: ARG002 - Alertmanager mails by itself
        emails: Sequence[str],
        *,
        kube: Kube,  # noqa: ARG002
        namespace: str,  # noqa: ARG002
        parent: Resource,  # noqa: ARG002
        depends_on: Sequence[Resource] = (),  # noqa: ARG002
    ) -> ports.Topic:
        """Mails by the spec's mail server."""
        return notifications.topic(emails, self._options.mail)

    def outputs(self) -> Mapping[str, Input[str]]:
        """The cluster and the way into it."""
        region = self._site.region
        return {
            **({"region": region} if region else {}),
            "cluster": self._cluster.handle.name,
            "cluster_connect": self._cluster.handle.connect,
        }
