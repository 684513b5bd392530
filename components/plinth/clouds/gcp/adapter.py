"""The GCP adapter: every port, each made at its first use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from pulumi import Input, Output, Resource

from plinth import ports
from plinth.blueprint import Blueprint
from plinth.clouds import external_secrets
from plinth.clouds.gcp import dns, secrets
from plinth.clouds.gcp.addons import Addons
from plinth.clouds.gcp.budget import Budget
from plinth.clouds.gcp.cluster import Cluster
from plinth.clouds.gcp.identity import Rights
from plinth.clouds.gcp.keys import Concern, Keys
from plinth.clouds.gcp.keyvalue import KeyValue
from plinth.clouds.gcp.network import Network
from plinth.clouds.gcp.notifications import Notifications
from plinth.clouds.gcp.registry import Registry
from plinth.clouds.gcp.site import Site
from plinth.clouds.gcp.sql import Sql
from plinth.clouds.gcp.storage import Buckets
from plinth.kube import Kube
from plinth.ports import Port
from plinth.spec.options import BucketOptions

#: What lives in the network, which is made with the first of them.
_IN_NETWORK = frozenset({Port.CLUSTER, Port.SQL, Port.KEY_VALUE})


class Gcp:
    """Meets every port on GCP (:class:`plinth.ports.Adapter`)."""

    def __init__(self, blueprint: Blueprint, *, parent: Resource) -> None:
        """Makes the providers; the rest is made when a port is first used, below ``parent``."""
        self._blueprint = blueprint
        self._parent = parent
        self._site = Site.open(blueprint, parent)
        self._keys = Keys(self._site, parent)
        clustered = Port.CLUSTER in blueprint.needs
        self._secrets = secrets.Secrets(
            self._site, self._keys, self._operator if clustered else None
        )
        self._buckets = Buckets(self._site, self._keys, parent)

    # --- foundation ------------------------------------------------------------------------------

    @cached_property
    def _network(self) -> Network:
        return Network(site=self._site, keys=self._keys, parent=self._parent)

    @cached_property
    def _cluster(self) -> Cluster:
        return Cluster(site=self._site, keys=self._keys, network=self._network, parent=self._parent)

    @cached_property
    def _sql(self) -> Sql:
        return Sql(
            site=self._site,
            keys=self._keys,
            secrets=self._secrets,
            network=self._network,
            parent=self._parent,
        )

    @cached_property
    def _key_value(self) -> KeyValue:
        return KeyValue(
            site=self._site,
            keys=self._keys,
            secrets=self._secrets,
            network=self._network,
            parent=self._parent,
        )

    def _operator(self) -> Output[str]:
        """The External Secrets operator as an IAM member."""
        return self._cluster.pool.member(
            external_secrets.NAMESPACE, external_secrets.SERVICE_ACCOUNT
        )

    # --- data ------------------------------------------------------------------------------------

    def bucket(self, role: str, options: BucketOptions, *, parent: Resource) -> ports.Bucket:
        """A bucket named after the platform, the environment and ``role``."""
        return self._buckets.create(role, options, parent)

    def sql_server(self) -> ports.SqlServer:
        """The Cloud SQL instance."""
        return self._sql.server

    def key_value_server(self) -> ports.KeyValueServer:
        """The Memorystore instance."""
        return self._key_value.server

    # --- cluster ---------------------------------------------------------------------------------

    def cluster(self) -> ports.ClusterHandle:
        """The GKE cluster."""
        return self._cluster.handle

    def cluster_addons(self, kube: Kube, *, parent: Resource) -> tuple[Resource, ...]:
        """The storage class, and the operator's rights on secrets that the spec names."""
        addons = Addons(
            site=self._site,
            parent=parent,
            kube=kube,
            cluster=self._cluster,
            disk_key=self._keys.key(Concern.CLUSTER),
            secrets=self._secrets,
            operator=self._operator(),
        )
        return addons.ready

    def load_balancer(self) -> ports.LoadBalancer:
        """A passthrough network load balancer, with an address of the subnet or a public one.

        Source: GKE documentation, "LoadBalancer Service parameters".
        """
        domain = self._blueprint.settings.domain
        public = domain is not None and domain.exposure == "public"
        annotations = (
            {"cloud.google.com/l4-rbs": "enabled"}
            if public
            else {"networking.gke.io/load-balancer-type": "Internal"}
        )
        return ports.LoadBalancer(
            annotations=annotations,
            source_ranges=domain.allow if domain is not None and public else (),
        )

    # --- rights and secrets ----------------------------------------------------------------------

    def workload_identity(
        self,
        name: str,
        *,
        namespace: str,
        service_account: str,
        grants: Sequence[ports.Grant],
        parent: Resource,
        kube: Kube | None = None,  # noqa: ARG002 - IAM knows service accounts by name
        depends_on: Sequence[Resource] = (),  # noqa: ARG002
    ) -> ports.WorkloadIdentity:
        """Roles for the service account, on what it is granted and nothing else."""
        rights = Rights(
            name,
            site=self._site,
            parent=parent,
            member=self._cluster.pool.member(namespace, service_account),
            grants=grants,
        )
        return ports.WorkloadIdentity(ready=rights.ready)

    def generate(
        self, name: str, values: Mapping[str, ports.Generated | Input[str]], *, parent: Resource
    ) -> ports.Secret:
        """A secret in Secret Manager."""
        return self._secrets.generate(name, values, parent)

    def existing(self, name: str, keys: Sequence[str]) -> ports.Secret:
        """A secret of the project that somebody else keeps, by name."""
        return self._secrets.existing(name, keys)

    def secret_store(
        self, kube: Kube, *, parent: Resource, depends_on: Sequence[Resource]
    ) -> tuple[Resource, ...]:
        """The ClusterSecretStore."""
        return (*depends_on, self._secrets.store(kube, parent, depends_on))

    def deliver(
        self,
        kube: Kube,
        name: str,
        *,
        namespace: str,
        data: Mapping[str, Input[str]],
        sources: Mapping[str, ports.Secret],
        parent: Resource,
        depends_on: Sequence[Resource] = (),
    ) -> Resource:
        """An ExternalSecret."""
        return external_secrets.deliver(
            kube,
            name,
            namespace=namespace,
            data=data,
            sources=sources,
            parent=parent,
            depends_on=depends_on,
        )

    # --- registry, names, people, money ----------------------------------------------------------

    def repository(self, name: str, *, parent: Resource) -> ports.Repository:
        """An Artifact Registry repository, which the cluster's nodes may pull from."""
        made = Registry(name, site=self._site, keys=self._keys, parent=parent)
        if Port.CLUSTER in self._blueprint.needs:
            self._cluster.nodes.pull(name, made.ref)
        return made.handle

    @property
    def _zone(self) -> str:
        domain = self._blueprint.settings.domain
        if domain is None or domain.zone is None:
            raise RuntimeError("the spec names no zone")
        return domain.zone

    def dns_solver(self) -> Mapping[str, Any]:
        """cert-manager's solver for the zone."""
        return dns.solver(self._site.project, self._zone)

    def dns_provider(self) -> str:
        """external-dns' name for Cloud DNS."""
        return dns.provider()

    def dns_values(self) -> Mapping[str, Any]:
        """The project and the zone, so that no other zone of the same domain is touched."""
        project = Output.concat("--google-project=", self._site.project)
        return {"extraArgs": [project, f"--zone-id-filter={self._zone}"]}

    def dns_identity(
        self, name: str, *, namespace: str, service_account: str, parent: Resource
    ) -> ports.WorkloadIdentity:
        """The right to change records of the zone."""
        member = self._cluster.pool.member(namespace, service_account)
        rights = Rights(name, site=self._site, parent=parent, member=member, grants=())
        return ports.WorkloadIdentity(
            ready=dns.rights(rights, name, zone=self._zone, member=member)
        )

    def topic(
        self,
        name: str,
        emails: Sequence[str],
        *,
        kube: Kube,
        namespace: str,
        parent: Resource,
        depends_on: Sequence[Resource] = (),
    ) -> ports.Topic:
        """Cloud Monitoring's channels, and the relay that Alertmanager reaches them through."""
        return Notifications(
            name,
            emails,
            site=self._site,
            kube=kube,
            namespace=namespace,
            parent=parent,
            depends_on=depends_on,
        ).handle

    def budget(self, *, parent: Resource) -> None:
        """The monthly budget."""
        Budget(site=self._site, parent=parent)

    def outputs(self) -> Mapping[str, Input[Any]]:
        """Region, project, and where they exist the network and the way into the cluster."""
        found: dict[str, Input[Any]] = {"region": self._site.region, "account": self._site.account}
        if self._blueprint.needs & _IN_NETWORK:
            found["network"] = self._network.network_id
        if Port.CLUSTER in self._blueprint.needs:
            found["cluster"] = self._cluster.handle.name
            found["cluster_connect"] = self._cluster.handle.connect
        return found
