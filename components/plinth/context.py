"""The context: everything that a tool may use to build itself.

Tools import no Pulumi; what they need of it (wiring values, making objects) is here, on the ports
of :mod:`plinth.ports` and on :class:`plinth.kube.Kube`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pulumi
from pulumi import Input, Output, Resource

from plinth import render
from plinth.blueprint import Blueprint
from plinth.capabilities.databases import Databases, LogicalDatabase
from plinth.capabilities.gateway import Gateway
from plinth.capabilities.services import ClusterServices
from plinth.kube import Kube, Manifest
from plinth.ports import Adapter, Grant, Secret, Topic, WorkloadIdentity
from plinth.results import Results
from plinth.spec.types import SecretRef


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a tool is given.

    Attributes:
        capability: The capability being built; also its namespace.
        parent: The capability's component; parent of everything the tool makes.
        cloud: The cloud's ports.
        peers: Results of the capabilities built before this one.
        cluster_services: See :attr:`services`; ``None`` on platforms without a cluster.
        databases: See :meth:`database`; ``None`` on platforms without a SQL server.
    """

    capability: str
    blueprint: Blueprint
    parent: Resource
    cloud: Adapter
    peers: Results
    cluster_services: ClusterServices | None
    databases: Databases | None

    @property
    def namespace(self) -> str:
        """The capability's namespace."""
        return self.capability

    @property
    def services(self) -> ClusterServices:
        """The cluster's common services. Only for tools that need the cluster port."""
        if self.cluster_services is None:
            raise RuntimeError(f"{self.capability} uses the cluster and does not say so in `needs`")
        return self.cluster_services

    @property
    def kube(self) -> Kube:
        """Makes Kubernetes objects with this capability's labels."""
        kube = self.services.kube
        return kube.labelled(capability=self.capability)

    @property
    def ready(self) -> tuple[Resource, ...]:
        """What workloads must wait for: nodes, add-ons, operators and their CRDs."""
        return self.services.ready

    @property
    def gateway(self) -> Gateway:
        """The gateway that pages and models are reached through."""
        return self.services.gateway

    @property
    def storage_class(self) -> str | None:
        """Class of every disk; ``None`` for the cluster's default."""
        return self.cloud.cluster().installed.storage_class

    @property
    def installed(self) -> frozenset[str]:
        """Of :data:`plinth.ports.SERVICES`, what the cluster has already."""
        return self.cloud.cluster().installed.services

    def open_namespace(
        self,
        *,
        profile: str = "restricted",
        callers: Sequence[str] = (),
        open_ports: Sequence[int] = (),
        depends_on: Sequence[Resource] = (),
    ) -> tuple[Resource, ...]:
        """Makes the capability's namespace; returns what its objects depend on.

        Metrics are scraped from `monitoring`, and pages are reached from the gateway: both may
        connect besides ``callers``. ``open_ports`` is as in :meth:`plinth.kube.Kube.namespace`.
        ``depends_on`` is what must outlive whatever people made in the namespace themselves.
        """
        allowed = [*dict.fromkeys(["monitoring", self.gateway.pods, *callers])]
        made = self.kube.namespace(
            self.namespace,
            parent=self.parent,
            depends_on=[*self.ready, *depends_on],
            profile=profile,
            callers=[caller for caller in allowed if caller != self.namespace],
            open_ports=open_ports,
        )
        return (*self.ready, *made)

    def identity(
        self,
        name: str,
        grants: Sequence[Grant],
        *,
        depends_on: Sequence[Resource] = (),
        account: bool = True,
        namespace: str | None = None,
    ) -> WorkloadIdentity:
        """Binds cloud rights to the service account ``name`` of a namespace, by default this one.

        Makes the service account too, unless ``account`` is false (a chart makes it).
        """
        namespace = namespace or self.namespace
        identity = self.cloud.workload_identity(
            f"{self.capability}-{name}",
            namespace=namespace,
            service_account=name,
            grants=grants,
            parent=self.parent,
            kube=self.kube,
            depends_on=depends_on,
        )
        if not account:
            return identity
        made = self.kube.service_account(
            name,
            namespace=namespace,
            annotations=identity.annotations,
            parent=self.parent,
            depends_on=depends_on,
        )
        return replace(identity, ready=(*identity.ready, made))

    def topic(
        self, name: str, emails: Sequence[str], *, depends_on: Sequence[Resource] = ()
    ) -> Topic:
        """A place for Alertmanager in this namespace to send notifications to."""
        return self.cloud.topic(
            name,
            emails,
            kube=self.kube,
            namespace=self.namespace,
            parent=self.parent,
            depends_on=depends_on,
        )

    def database(self, name: str) -> LogicalDatabase:
        """A database with a role of its own on the platform's SQL server."""
        if self.databases is None:
            raise RuntimeError(f"{self.capability} uses a database and does not say so in `needs`")
        return self.databases.create(name, parent=self.parent)

    def secret(
        self,
        name: str,
        data: Mapping[str, Input[str]],
        sources: Mapping[str, Secret],
        *,
        depends_on: Sequence[Resource] = (),
    ) -> Resource:
        """A Kubernetes Secret in this namespace, kept in step with the cloud's secret store.

        ``data`` is as in :meth:`plinth.ports.SecretsPort.deliver`.
        """
        return self.cloud.deliver(
            self.kube,
            name,
            namespace=self.namespace,
            data=data,
            sources=sources,
            parent=self.parent,
            depends_on=depends_on,
        )

    def existing_secret(self, reference: SecretRef) -> Secret:
        """The secret that the spec refers to."""
        return self.cloud.existing(reference.secret, [reference.key])

    def page(
        self,
        name: str,
        *,
        service: str,
        port: int,
        depends_on: Sequence[Resource] = (),
        sign_in: bool = True,
    ) -> str | None:
        """Gives a service a host name under the spec's domain, with TLS and sign-in.

        Returns its URL, or ``None`` without a domain.
        """
        return self.services.page(
            name,
            namespace=self.namespace,
            service=service,
            port=port,
            parent=self.parent,
            depends_on=depends_on,
            sign_in=sign_in,
        )

    def text(self, template: str, **values: Input[Any]) -> Output[str]:
        """Renders a template once all its values are known."""
        return Output.all(**values).apply(lambda known: render.text(template, **known))

    def format(self, pattern: str, *values: Input[Any]) -> Output[str]:
        """``str.format`` over outputs."""
        return Output.format(pattern, *values)

    def json(self, value: Input[Any]) -> Output[str]:
        """JSON text of nested outputs, keys sorted so that it never changes by itself."""
        return pulumi.Output.from_input(value).apply(
            lambda known: json.dumps(known, sort_keys=True)
        )

    def apply(
        self, name: str, manifest: Mapping[str, Any], *, depends_on: Sequence[Resource] = ()
    ) -> Manifest:
        """Makes one Kubernetes object below the capability."""
        return self.kube.apply(name, manifest, parent=self.parent, depends_on=depends_on)
