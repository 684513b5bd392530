"""The spec's block ``clouds.kubernetes``: which cluster, and what is there already."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field
from pydantic_core import PydanticCustomError

from plinth.ports import SERVICES
from plinth.spec.options import CloudOptions
from plinth.spec.types import Email, HttpsUrl, Model, SecretRef

#: The names of :data:`plinth.ports.SERVICES`, for the schema.
Service = Literal[
    "cert-manager",
    "external-dns",
    "external-secrets",
    "gateway",
    "kube-state-metrics",
    "metrics-server",
    "node-exporter",
    "prometheus-operator",
    "prometheus-operator-crds",
]


class GatewayOptions(Model):
    """The cluster's own way in, by the Gateway API."""

    class_name: str | None = Field(
        default=None,
        min_length=1,
        description="GatewayClass to make the platform's Gateway of.",
    )
    name: str | None = Field(
        default=None, min_length=1, description="Gateway to attach to, instead of making one."
    )
    namespace: str | None = Field(
        default=None, min_length=1, description="Namespace of that Gateway."
    )
    pods: str | None = Field(
        default=None,
        min_length=1,
        description="Namespace that its connections come from, when it is another one.",
    )
    envoy: bool = Field(
        default=False,
        description="Whether it is Envoy Gateway's, which sign-in (`identity`) needs.",
    )

    def model_post_init(self, _context: Any, /) -> None:
        """A Gateway is found by name and namespace."""
        if (self.name is None) != (self.namespace is None):
            raise PydanticCustomError(
                "half-a-gateway",
                "a Gateway is found by its name and its namespace",
                {"fix": "Write both `name` and `namespace`, or neither."},
            )


class InstalledOptions(Model):
    """What the cluster has already; Plinth installs the rest."""

    services: tuple[Service, ...] = Field(
        default=(), description=f"Common services that run already: {', '.join(SERVICES)}."
    )
    issuer: str | None = Field(
        default=None,
        min_length=1,
        description="cert-manager's ClusterIssuer for pages. Default: Plinth makes one.",
    )
    gateway: GatewayOptions = Field(
        default_factory=GatewayOptions, description="The Gateway API's objects that are there."
    )
    cloudnative_pg: str | None = Field(
        default=None,
        min_length=1,
        description="Namespace in which CloudNativePG's operator runs, for databases on the "
        "cluster; with `backups`, its plugin barman-cloud too. Default: Plinth installs them.",
        examples=["cnpg-system"],
    )

    def model_post_init(self, _context: Any, /) -> None:
        """Whoever brings a service along says how to use it."""
        known = self.gateway.class_name or self.gateway.name
        if "gateway" in self.services and not known:
            raise PydanticCustomError(
                "gateway-unknown",
                "a gateway runs already, but neither its class nor a Gateway is named",
                {"fix": "Add `gateway: {class_name: …}`, or `gateway: {name: …, namespace: …}`."},
            )
        if known and "gateway" not in self.services:
            raise PydanticCustomError(
                "gateway-not-installed",
                "a gateway is described, but not listed among the services that run",
                {"fix": "Add gateway to `services`."},
            )
        if self.issuer and "cert-manager" not in self.services:
            raise PydanticCustomError(
                "issuer-not-installed",
                "an issuer is there only where cert-manager is",
                {"fix": "Add cert-manager to `services`, or remove issuer."},
            )


class BalancerOptions(Model):
    """How the cluster is asked for a load balancer; whether it is internal is said here too."""

    class_name: str | None = Field(
        default=None, min_length=1, description="The Service's loadBalancerClass."
    )
    annotations: dict[str, str] = Field(
        default_factory=dict, description="Annotations of the gateway's Service."
    )


class ObjectStoreOptions(Model):
    """An S3-compatible store: one that is there, or SeaweedFS on the cluster."""

    endpoint: HttpsUrl | None = Field(
        default=None, description="Address of a store that is there. Default: Plinth runs one."
    )
    region: str = Field(
        default="us-east-1", min_length=1, description="Region that requests are signed for."
    )
    credentials: SecretRef | None = Field(
        default=None,
        description="Secret with keys `access_key` and `secret_key`, which may make buckets.",
    )
    ca: SecretRef | None = Field(
        default=None, description="Certificate authority to trust. Default: the public ones."
    )
    storage: int = Field(
        default=200, ge=10, le=65536, description="Disk of the store on the cluster, in GiB."
    )

    def model_post_init(self, _context: Any, /) -> None:
        """A store that is there needs a key, and only that one does."""
        if self.endpoint and not self.credentials:
            raise PydanticCustomError(
                "credentials-missing",
                "the object store's key is missing",
                {"fix": "Add `credentials: {secret: …}`, with keys access_key and secret_key."},
            )
        if not self.endpoint and (self.credentials or self.ca):
            raise PydanticCustomError(
                "endpoint-missing",
                "credentials and ca are those of a store that is there, and none is named",
                {"fix": "Add `endpoint: https://…`, or remove them."},
            )


class DatabaseOptions(Model):
    """A PostgreSQL server that is there."""

    host: str = Field(min_length=1, description="Address, as pods on the cluster reach it.")
    port: int = Field(default=5432, ge=1, le=65535, description="Port.")
    admin: SecretRef = Field(
        description="Secret with keys `username` and `password` of a role that may create roles "
        "and databases."
    )


class CacheOptions(Model):
    """A server of the Redis protocol with TLS that is there."""

    host: str = Field(min_length=1, description="Address, as pods on the cluster reach it.")
    port: int = Field(default=6379, ge=1, le=65535, description="TLS port.")
    auth: SecretRef = Field(description="Secret with the key `password`.")
    ca: SecretRef | None = Field(
        default=None,
        description="Secret with the key `ca.crt`. Default: the public authorities.",
    )


class MailOptions(Model):
    """The mail server that alerts leave by."""

    host: str = Field(min_length=1, description="Address of the mail server.")
    port: int = Field(default=587, ge=1, le=65535, description="Port; STARTTLS is required.")
    sender: Email = Field(description="Address that alerts come from.")
    username: str | None = Field(default=None, min_length=1, description="User to sign in as.")
    password: SecretRef | None = Field(default=None, description="Password of that user.")

    def model_post_init(self, _context: Any, /) -> None:
        """A user has a password."""
        if (self.username is None) != (self.password is None):
            raise PydanticCustomError(
                "half-a-sign-in",
                "signing in to the mail server takes a username and a password",
                {"fix": "Write both, or neither."},
            )


class KubernetesOptions(CloudOptions):
    """Any Kubernetes cluster that is there, and the stores beside it."""

    context: str | None = Field(
        default=None,
        min_length=1,
        description="Context of the kubeconfig; no other cluster is ever touched. Required when "
        "durable. Default: the current one.",
        examples=["ml-production"],
    )
    kubeconfig: str | None = Field(
        default=None,
        min_length=1,
        description="Path of the kubeconfig. Default: KUBECONFIG, or ~/.kube/config.",
    )
    storage_class: str | None = Field(
        default=None, min_length=1, description="Class of every disk. Default: the cluster's."
    )
    installed: InstalledOptions = Field(
        default_factory=InstalledOptions, description="What the cluster has already."
    )
    load_balancer: BalancerOptions = Field(
        default_factory=BalancerOptions, description="The gateway's load balancer."
    )
    object_store: ObjectStoreOptions = Field(
        default_factory=ObjectStoreOptions, description="Where buckets are."
    )
    database: DatabaseOptions | None = Field(
        default=None, description="PostgreSQL that is there. Default: Plinth runs one."
    )
    cache: CacheOptions | None = Field(
        default=None, description="Redis protocol that is there. Default: Plinth runs Valkey."
    )
    mail: MailOptions | None = Field(
        default=None, description="How alerts are mailed. Default: they are not."
    )
