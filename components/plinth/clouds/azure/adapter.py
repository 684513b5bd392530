"""The Azure adapter: every port, each made at its first use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from pulumi import Input, Output, Resource

from plinth import ports
from plinth.blueprint import Blueprint
from plinth.clouds import external_secrets
from plinth.clouds.azure import dns, secrets
from plinth.clouds.azure.addons import Addons
from plinth.clouds.azure.budget import Budget
from plinth.clouds.azure.cluster import Cluster
from plinth.clouds.azure.identity import CLIENT_ID, PodIdentity, Right, rights
from plinth.clouds.azure.keys import Keys
from plinth.clouds.azure.keyvalue import KeyValue
from plinth.clouds.azure.network import Network
from plinth.clouds.azure.notifications import Notifications
from plinth.clouds.azure.registry import Registry
from plinth.clouds.azure.site import Site, last
from plinth.clouds.azure.sql import Sql
from plinth.clouds.azure.storage import Buckets
from plinth.kube import Kube
from plinth.ports import Port
from plinth.spec.options import BucketOptions


class Azure:
    """Meets every port on Azure (:class:`plinth.ports.Adapter`)."""

    def __init__(self, blueprint: Blueprint, *, parent: Resource) -> None:
        """Makes the providers and the resource group; the rest follows as ports are first used."""
        self._blueprint = blueprint
        self._parent = parent
        self._site = Site.open(blueprint, parent)
        self._keys = Keys(self._site, parent)
        self._secrets = secrets.Secrets(self._site, self._keys)
        self._solver: Input[str] | None = None

    # --- foundation ------------------------------------------------------------------------------

    @cached_property
    def _network(self) -> Network:
        """The network, which everything has its endpoint in."""
        return Network(site=self._site, keys=self._keys, parent=self._parent)

    @cached_property
    def _cluster(self) -> Cluster:
        return Cluster(site=self._site, keys=self._keys, network=self._network, parent=self._parent)

    @cached_property
    def _buckets(self) -> Buckets:
        return Buckets(self._site, self._keys, self._network, self._parent)

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

    # --- data ------------------------------------------------------------------------------------

    def bucket(self, role: str, options: BucketOptions, *, parent: Resource) -> ports.Bucket:
        """A container of the platform's storage account."""
        return self._buckets.create(role, options, parent)

    def sql_server(self) -> ports.SqlServer:
        """The flexible server."""
        return self._sql.server

    def key_value_server(self) -> ports.KeyValueServer:
        """The Managed Redis instance."""
        return self._key_value.server

    # --- cluster ---------------------------------------------------------------------------------

    def cluster(self) -> ports.ClusterHandle:
        """The AKS cluster."""
        return self._cluster.handle

    def cluster_addons(self, kube: Kube, *, parent: Resource) -> tuple[Resource, ...]:
        """Storage class and device plugin."""
        return Addons(site=self._site, parent=parent, kube=kube, cluster=self._cluster).ready

    def load_balancer(self) -> ports.LoadBalancer:
        """A standard load balancer, with an address of the nodes' subnet or a public one."""
        domain = self._blueprint.settings.domain
        prefix = "service.beta.kubernetes.io/azure"
        if domain is not None and domain.exposure == "public":
            tags = {**self._blueprint.tags, "capability": "foundation"}
            pairs = ",".join(f"{name}={value}" for name, value in sorted(tags.items()))
            return ports.LoadBalancer(
                annotations={f"{prefix}-pip-tags": pairs}, source_ranges=domain.allow
            )
        subnet = Output.from_input(self._network.nodes[0].id)
        return ports.LoadBalancer(
            annotations={
                f"{prefix}-load-balancer-internal": "true",
                f"{prefix}-load-balancer-internal-subnet": last(subnet),
            }
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
        kube: Kube | None = None,  # noqa: ARG002 - AKS binds from outside
        depends_on: Sequence[Resource] = (),  # noqa: ARG002
    ) -> ports.WorkloadIdentity:
        """An identity that trusts the service account."""
        return self._identity(name, namespace, service_account, rights(grants), parent)

    def _identity(
        self,
        name: str,
        namespace: str,
        service_account: str,
        given: Sequence[Right],
        parent: Resource,
    ) -> ports.WorkloadIdentity:
        return PodIdentity(
            name,
            site=self._site,
            parent=parent,
            issuer=self._cluster.issuer,
            namespace=namespace,
            service_account=service_account,
            rights=given,
        ).handle

    def generate(
        self, name: str, values: Mapping[str, ports.Generated | Input[str]], *, parent: Resource
    ) -> ports.Secret:
        """A secret in the platform's Key Vault."""
        return self._secrets.generate(name, values, parent)

    def existing(self, name: str, keys: Sequence[str]) -> ports.Secret:
        """A secret that somebody else keeps in Key Vault."""
        return self._secrets.existing(name, keys)

    def secret_store(
        self, kube: Kube, *, parent: Resource, depends_on: Sequence[Resource]
    ) -> tuple[Resource, ...]:
        """The ClusterSecretStore, and the identity that opens the vault."""
        identity = self._identity(
            "external-secrets",
            external_secrets.NAMESPACE,
            secrets.ACCOUNT,
            self._secrets.reading(),
            parent,
        )
        # Its address is the endpoint's, which nothing else of the store refers to.
        ready = [*depends_on, *self._network.ready]
        return self._secrets.store(kube, identity, parent, ready)

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
        return self._secrets.deliver(
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
        """A registry, which the cluster's nodes may pull from."""
        registry = Registry(
            name, site=self._site, keys=self._keys, network=self._network, parent=parent
        )
        if Port.CLUSTER in self._blueprint.needs:
            self._cluster.allow_pull(name, registry.id)
        return registry.handle

    @property
    def _zone(self) -> str:
        domain = self._blueprint.settings.domain
        if domain is None or domain.zone is None:
            raise RuntimeError("the spec names no zone")
        return domain.zone

    def dns_solver(self) -> Mapping[str, Any]:
        """cert-manager's solver for the zone, by the first identity that was given rights on it."""
        if self._solver is None:
            raise RuntimeError("cert-manager is given its rights first")
        return dns.solver(self._zone, self._solver)

    def dns_provider(self) -> str:
        """external-dns' name for Azure DNS."""
        return dns.provider()

    def dns_values(self) -> Mapping[str, Any]:
        """The file in which external-dns looks for the zone's place."""
        settings = Output.json_dumps(dns.settings(self._zone, self._site.tenant), sort_keys=True)
        folder, _, file = dns.SETTINGS_FILE.rpartition("/")
        return {
            "secretConfiguration": {
                "enabled": True,
                "mountPath": folder,
                "data": {file: settings},
            }
        }

    def dns_identity(
        self, name: str, *, namespace: str, service_account: str, parent: Resource
    ) -> ports.WorkloadIdentity:
        """The right to change records of the zone."""
        given = dns.rights(self._zone)
        identity = self._identity(name, namespace, service_account, given, parent)
        if self._solver is None:
            self._solver = identity.annotations[CLIENT_ID]
        return identity

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
        """An action group, and the relay to it."""
        return Notifications(
            name,
            emails,
            site=self._site,
            identity=self._identity,
            kube=kube,
            namespace=namespace,
            parent=parent,
            depends_on=depends_on,
        ).handle

    def budget(self, *, parent: Resource) -> None:
        """The monthly budget."""
        Budget(site=self._site, parent=parent)

    def outputs(self) -> Mapping[str, Input[Any]]:
        """Region, subscription, and where they exist the network and the way into the cluster."""
        found: dict[str, Input[Any]] = {"region": self._site.region, "account": self._site.account}
        if "_network" in vars(self):
            found["network"] = self._network.vnet_id
        if Port.CLUSTER in self._blueprint.needs:
            found["cluster"] = self._cluster.handle.name
            found["cluster_connect"] = self._cluster.handle.connect
        return found
