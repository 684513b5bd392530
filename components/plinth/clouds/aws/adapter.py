"""The AWS adapter: every port, each made at its first use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from pulumi import Input, Resource

from plinth import ports
from plinth.blueprint import Blueprint
from plinth.clouds import external_secrets
from plinth.clouds.aws import dns, secrets
from plinth.clouds.aws.addons import Addons
from plinth.clouds.aws.budget import Budget
from plinth.clouds.aws.cluster import Cluster
from plinth.clouds.aws.identity import PodIdentity, statements, workload
from plinth.clouds.aws.keys import Concern, Keys
from plinth.clouds.aws.keyvalue import KeyValue
from plinth.clouds.aws.network import Network
from plinth.clouds.aws.notifications import Notifications
from plinth.clouds.aws.registry import Registry
from plinth.clouds.aws.site import Site
from plinth.clouds.aws.sql import Sql
from plinth.clouds.aws.storage import Buckets
from plinth.kube import Kube
from plinth.ports import Port
from plinth.spec.options import BucketOptions

#: What lives in the network, which is made with the first of them.
_IN_NETWORK = frozenset({Port.CLUSTER, Port.SQL, Port.KEY_VALUE})


class Aws:
    """Meets every port on AWS (:class:`plinth.ports.Adapter`)."""

    def __init__(self, blueprint: Blueprint, *, parent: Resource) -> None:
        """Makes the providers; the rest is made when a port is first used, below ``parent``."""
        self._blueprint = blueprint
        self._parent = parent
        self._site = Site.open(blueprint, parent)
        self._keys = Keys(self._site, parent)
        self._secrets = secrets.Secrets(self._site, self._keys)
        self._buckets = Buckets(self._site, self._keys, parent)
        self._addons: Addons | None = None

    # --- foundation ------------------------------------------------------------------------------

    @cached_property
    def _network(self) -> Network:
        return Network(site=self._site, keys=self._keys, parent=self._parent)

    @cached_property
    def _cluster(self) -> Cluster:
        return Cluster(site=self._site, keys=self._keys, network=self._network, parent=self._parent)

    @property
    def _callers(self) -> Mapping[str, Input[str]]:
        """Who may connect to databases: the cluster's nodes; without a cluster, the network."""
        if Port.CLUSTER in self._blueprint.needs:
            return {"referenced_security_group_id": self._cluster.security_group_id}
        return {"cidr_ipv4": self._network.cidr}

    @cached_property
    def _sql(self) -> Sql:
        return Sql(
            site=self._site,
            keys=self._keys,
            network=self._network,
            callers=self._callers,
            parent=self._parent,
        )

    @cached_property
    def _key_value(self) -> KeyValue:
        return KeyValue(
            site=self._site,
            keys=self._keys,
            secrets=self._secrets,
            network=self._network,
            callers=self._callers,
            parent=self._parent,
        )

    # --- data ------------------------------------------------------------------------------------

    def bucket(self, role: str, options: BucketOptions, *, parent: Resource) -> ports.Bucket:
        """A bucket named after the platform, the environment and ``role``."""
        return self._buckets.create(role, options, parent)

    def sql_server(self) -> ports.SqlServer:
        """The RDS instance."""
        return self._sql.server

    def key_value_server(self) -> ports.KeyValueServer:
        """The ElastiCache replication group."""
        return self._key_value.server

    # --- cluster ---------------------------------------------------------------------------------

    def cluster(self) -> ports.ClusterHandle:
        """The EKS cluster."""
        return self._cluster.handle

    def cluster_addons(self, kube: Kube, *, parent: Resource) -> tuple[Resource, ...]:
        """Storage class, load balancer controller, autoscaler, and identities made before pods."""
        self._addons = Addons(
            site=self._site,
            parent=parent,
            kube=kube,
            cluster=self._cluster,
            network=self._network,
            disk_key=self._keys.arn(Concern.CLUSTER),
            secret_statements=self._secrets.operator_statements(),
        )
        return self._addons.ready

    def load_balancer(self) -> ports.LoadBalancer:
        """A network load balancer that sends to pods, in private or public subnets.

        Adopted subnets are named, as they need not carry the tags by which others are found.
        """
        domain = self._blueprint.settings.domain
        public = domain is not None and domain.exposure == "public"
        prefix = "service.beta.kubernetes.io/aws-load-balancer"
        tags = {**self._blueprint.tags, "capability": "foundation"}
        annotations: dict[str, Any] = {
            f"{prefix}-scheme": "internet-facing" if public else "internal",
            f"{prefix}-nlb-target-type": "ip",
            f"{prefix}-attributes": "load_balancing.cross_zone.enabled=true",
            f"{prefix}-additional-resource-tags": ",".join(
                f"{key}={value}" for key, value in sorted(tags.items())
            ),
        }
        adopted = self._blueprint.settings.network.adopt
        if adopted is not None:
            subnets = adopted.public_subnets if public else adopted.private_subnets
            annotations[f"{prefix}-subnets"] = ",".join(subnets)
        return ports.LoadBalancer(
            annotations=annotations,
            load_balancer_class="service.k8s.aws/nlb",
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
        kube: Kube | None = None,  # noqa: ARG002 - EKS binds from outside
        depends_on: Sequence[Resource] = (),  # noqa: ARG002
    ) -> ports.WorkloadIdentity:
        """A role for the service account, through EKS Pod Identity."""
        return self._identity(
            name, namespace, service_account, statements(grants, self._site, self._keys), parent
        )

    def _identity(
        self,
        name: str,
        namespace: str,
        service_account: str,
        rights: Sequence[Mapping[str, Any]],
        parent: Resource,
    ) -> ports.WorkloadIdentity:
        return workload(
            PodIdentity(
                name,
                site=self._site,
                parent=parent,
                cluster=self._cluster.ref,
                namespace=namespace,
                service_account=service_account,
                statements=rights,
            )
        )

    def generate(
        self, name: str, values: Mapping[str, ports.Generated | Input[str]], *, parent: Resource
    ) -> ports.Secret:
        """A secret in Secrets Manager."""
        return self._secrets.generate(name, values, parent)

    def existing(self, name: str, keys: Sequence[str]) -> ports.Secret:
        """A secret that somebody else keeps, by name or ARN."""
        return self._secrets.existing(name, keys)

    def secret_store(
        self, kube: Kube, *, parent: Resource, depends_on: Sequence[Resource]
    ) -> tuple[Resource, ...]:
        """The ClusterSecretStore, and the operator's right on the database's own secret.

        That right comes last because it needs the database, for which no pod has to wait.
        """
        ready = list(depends_on)
        if self._addons is not None and Port.SQL in self._blueprint.needs:
            rights = self._secrets.reading([self._sql.admin_arn])
            ready.append(self._addons.operator.grant("external-secrets-database", *rights))
        return (*ready, self._secrets.store(kube, parent, ready))

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
        """An ECR repository."""
        return Registry(name, site=self._site, keys=self._keys, parent=parent).handle

    @property
    def _zone(self) -> str:
        domain = self._blueprint.settings.domain
        if domain is None or domain.zone is None:
            raise RuntimeError("the spec names no zone")
        return domain.zone

    def dns_solver(self) -> Mapping[str, Any]:
        """cert-manager's solver for the zone."""
        return dns.solver(self._zone, self._site.region)

    def dns_provider(self) -> str:
        """external-dns' name for Route 53."""
        return "aws"

    def dns_values(self) -> Mapping[str, Any]:
        """The zone: records of another one of the same name cannot be read, nor then any."""
        return {"extraArgs": [f"--zone-id-filter={self._zone}"]}

    def dns_identity(
        self, name: str, *, namespace: str, service_account: str, parent: Resource
    ) -> ports.WorkloadIdentity:
        """The right to change records of the zone."""
        rights = dns.statements(self._zone)
        return self._identity(name, namespace, service_account, rights, parent)

    def topic(
        self,
        name: str,
        emails: Sequence[str],
        *,
        kube: Kube,  # noqa: ARG002 - Alertmanager speaks SNS
        namespace: str,  # noqa: ARG002
        parent: Resource,
        depends_on: Sequence[Resource] = (),  # noqa: ARG002
    ) -> ports.Topic:
        """An SNS topic."""
        return Notifications(name, emails, site=self._site, keys=self._keys, parent=parent).handle

    def budget(self, *, parent: Resource) -> None:
        """The monthly budget."""
        Budget(site=self._site, parent=parent)

    def outputs(self) -> Mapping[str, Input[Any]]:
        """Region, account, and where they exist the network and the way into the cluster."""
        found: dict[str, Input[Any]] = {"region": self._site.region, "account": self._site.account}
        if self._blueprint.needs & _IN_NETWORK:
            found["network"] = self._network.vpc_id
        if Port.CLUSTER in self._blueprint.needs:
            found["cluster"] = self._cluster.handle.name
            found["cluster_connect"] = self._cluster.handle.connect
        return found
