"""Ports: what a platform needs of any cloud, and the typed handles that ports return.

A port is a small protocol.  A cloud's adapter implements the ports it can meet; the table of what
is supported is derived from that, never kept by hand.  Tools and capabilities know ports only, so
they run unchanged on every cloud.

Handles are frozen records of :class:`pulumi.Output` values plus plain facts.  Fields named ``ref``
are private to the adapter that made them (an ARN, a resource id): tools hand them back, unread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    from pulumi import Input, Output, ProviderResource, Resource

    from plinth.kube import Kube
    from plinth.spec.options import BucketOptions


class Port(StrEnum):
    """The needs that a cloud can meet."""

    OBJECT_STORE = "object-store"
    SQL = "sql-database"
    KEY_VALUE = "key-value-store"
    CLUSTER = "cluster"
    NODES = "nodes"
    IDENTITY = "identity"
    SECRETS = "secrets"
    KEYS = "keys"
    REGISTRY = "registry"
    NETWORK = "network"
    DNS = "dns"
    NOTIFICATIONS = "notifications"
    BUDGET = "budget"
    PROCESSES = "processes"


# --- handles -------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """An object-storage bucket: encrypted, versioned, private."""

    role: str
    name: Output[str]
    uri: Output[str]  #: as `fsspec` spells it: `s3://…`, `gs://…`, `abfss://…`, `file://…`
    #: Whose API it speaks, which decides how clients that know no `fsspec` spell its address.
    protocol: Literal["s3", "gcs", "azure", "file"]
    ref: Any
    #: Storage account that the bucket is in; only where ``protocol`` is ``azure``.
    account: Output[str] | None = None


@dataclass(frozen=True, kw_only=True)
class Secret:
    """A JSON document in the cloud's secret store; its values never pass through Plinth in clear.

    ``keys`` are the document's keys; ``name`` is what the secret store calls it.
    """

    name: Input[str]
    keys: tuple[str, ...]
    ref: Any = None


@dataclass(frozen=True, kw_only=True)
class SqlServer:
    """A PostgreSQL server that takes TLS connections only."""

    host: Output[str]
    port: int
    admin: Secret  #: keys `username` and `password`; made and rotated by the cloud where it can


@dataclass(frozen=True, kw_only=True)
class KeyValueServer:
    """A Redis-protocol server that takes authenticated TLS connections only."""

    host: Output[str]
    port: int
    auth: Secret  #: key `password`
    #: Certificate authority of the server, key `ca.crt`; ``None`` when it is publicly trusted.
    authority: Secret | None = None
    #: Whether the certificate names ``host``. Where it does not, the authority must be the server's
    #: own: then its certificates prove the server without a name.
    named: bool = True


@dataclass(frozen=True, kw_only=True)
class Installed:
    """What a cluster brings along, so that Plinth neither installs it twice nor assumes it.

    Attributes:
        services: Of :data:`SERVICES`, those that run already.
        storage_class: Class of every disk; ``None`` for the cluster's default.
        issuer: cert-manager's ClusterIssuer to take certificates from; ``None`` to make one.
        gateway_class: GatewayClass of the controller that is there.
        gateway: Namespace and name of a Gateway to attach to; ``None`` to make one.
        gateway_pods: Namespace that the gateway's connections come from, when it is another one.
    """

    services: frozenset[str] = frozenset()
    storage_class: str | None = None
    issuer: str | None = None
    gateway_class: str | None = None
    gateway: tuple[str, str] | None = None
    gateway_pods: str | None = None


#: The common services that a cluster may have already.
SERVICES = (
    "cert-manager",
    "external-dns",
    "external-secrets",
    "gateway",
    "kube-state-metrics",
    "metrics-server",
    "node-exporter",
    "prometheus-operator",
    "prometheus-operator-crds",
)


@dataclass(frozen=True, kw_only=True)
class LoadBalancer:
    """How the gateway's Service asks the cloud for its load balancer.

    Attributes:
        annotations: Of the Service.
        load_balancer_class: ``spec.loadBalancerClass``; ``None`` for the cluster's default.
        source_ranges: Networks that may connect; empty for all that reach it.
    """

    annotations: Mapping[str, Input[str]] = field(default_factory=dict)
    load_balancer_class: str | None = None
    source_ranges: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ClusterHandle:
    """A Kubernetes cluster that workloads may be put on.

    ``ready`` are resources that must exist before the first workload (nodes, networking add-ons)
    and outlive the last one, so that load balancers and disks die before their network does.
    """

    name: Output[str]
    endpoint: Output[str]
    connect: Output[str]  #: the command that gives a person access
    provider: ProviderResource
    ready: tuple[Resource, ...]
    installed: Installed = field(default_factory=Installed)
    #: Tolerations without which no pod runs on machines that may be taken away.
    spot: tuple[Mapping[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Repository:
    """A registry repository for container images: scanned, tags immutable."""

    url: Output[str]


@dataclass(frozen=True, kw_only=True)
class Topic:
    """A place to send notifications to, with its subscribers.

    Attributes:
        id: What the cloud calls it.
        receivers: Alertmanager's receiver settings: entries by `*_configs` key.  Empty when
            nothing but the alert pages themselves tells of an alert.
        files: Settings of ``receivers`` that name a file with a secret value: the file's name ->
            the secret and its key.  An entry refers to it as :data:`RECEIVER_FILES` + name.
        ref: The adapter's own.
    """

    id: Output[str]
    receivers: Mapping[str, Sequence[Mapping[str, Input[Any]]]]
    files: Mapping[str, tuple[Secret, str]] = field(default_factory=dict)
    ref: Any = None


#: Where Alertmanager finds the files of :attr:`Topic.files`.
RECEIVER_FILES = "/etc/alertmanager/secrets/alertmanager-receivers/"


@dataclass(frozen=True, kw_only=True)
class WorkloadIdentity:
    """Rights bound to a Kubernetes service account, without any static key where the cloud can."""

    #: Annotations that the service account needs (empty on clouds that bind from outside).
    annotations: Mapping[str, Input[str]] = field(default_factory=dict)
    #: Labels that the pods need.
    pod_labels: Mapping[str, str] = field(default_factory=dict)
    #: Variables that the containers need, and those from secrets of the namespace
    #: (variable -> secret, key): where the stores are when that is not theirs to find out, and
    #: keys for stores that know no workload identity.
    env: Mapping[str, Input[str]] = field(default_factory=dict)
    env_secrets: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    #: Folders that the containers need, from secrets of the namespace (mount path -> secret), such
    #: as the certificate authority that a variable of ``env`` points to.
    secret_files: Mapping[str, str] = field(default_factory=dict)
    #: What must exist before a pod that uses the identity starts.
    ready: tuple[Resource, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Grant:
    """A right on one thing: to read it, or to read and write it (a topic: to publish)."""

    to: Bucket | Secret | Topic
    access: Literal["read", "write"] = "read"


@dataclass(frozen=True, kw_only=True)
class Generated:
    """How a secret value is made, once: letters and digits, or random bytes in base64."""

    kind: Literal["password", "bytes"] = "password"
    length: int = 32


@dataclass(frozen=True, kw_only=True)
class Executable:
    """A program of this machine.

    Attributes:
        path: Where it is; empty when it cannot be had.
        missing: Why it cannot be had; empty when it can.
    """

    path: Output[str]
    missing: Output[str]


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """Where a program shows its metrics, and how they are labelled: as on a cluster.

    Attributes:
        namespace: Label: the capability. The label ``job`` is the program's name.
        path: Where they are answered.
        password: Of the user :data:`METRICS_USER`, where they are shown to users only; one for all
            programs of a capability.
        pushed: Whether they are of others, who pushed them: those keep their labels.
    """

    namespace: str
    path: str = "/metrics"
    password: Input[str] | None = None
    pushed: bool = False


#: Who asks for metrics that are shown to users only.
METRICS_USER = "admin"
#: Where programs that have metrics are listed, seen from the working directory of any program:
#: ``<group>.<program>.json``, as Prometheus reads it.  Those with a password are in the group of
#: their namespace, and the password is in ``<namespace>.password``; those with pushed metrics in
#: ``pushed``, all others in ``open``.
TARGETS = "../../targets"


@dataclass(frozen=True, kw_only=True)
class Program:
    """A program that keeps running on this machine.

    Attributes:
        command: Program and arguments. No secrets: everybody on the machine sees them. An empty
            argument is left out.
        port: Where it listens on the loopback interface; from :meth:`ProcessPort.port`.
            ``None`` for one that answers nobody: that is ready once it has run for a while.
        health: Path that answers 200 once it is ready.
        environment: Its variables; it sees few others.
        files: Files in its working directory, by name.
        before: Commands that must succeed before each start, such as a migration.
        ready: Command that succeeds once it is ready, in place of ``health``, for one that does not
            speak HTTP.
        stop: Signal that ends it.
        seconds: How long it may take until it is ready.
        metrics: Where it shows its metrics, if it does.
        missing: Why it cannot run, if anything may be missing: then it is skipped, with a warning.
    """

    command: Sequence[Input[str]]
    port: Input[int] | None = None
    health: str = "/"
    environment: Mapping[str, Input[str]] = field(default_factory=dict)
    files: Mapping[str, Input[str]] = field(default_factory=dict)
    before: Sequence[Sequence[Input[str]]] = ()
    ready: Sequence[Input[str]] | None = None
    stop: Literal["INT"] | None = None
    seconds: int = 600
    metrics: Metrics | None = None
    missing: Input[str] | None = None


@dataclass(frozen=True, kw_only=True)
class Process:
    """A program that runs; ``ref`` is what others wait for that need it."""

    url: Output[str]  #: empty for one that has no port, and while it is skipped
    ref: Resource


@dataclass(frozen=True, kw_only=True)
class ProcessDatabase:
    """The PostgreSQL server that services of this machine share.

    Attributes:
        address: Role, host and port, as they stand in a URI.
        variables: By which libpq finds it and logs in, as a role that may make databases.
        missing: Why there is none, as :attr:`Program.missing` has it.
        ref: What to wait for.
    """

    address: Output[str]
    variables: Mapping[str, Input[str]]
    missing: Input[str]
    ref: Resource


# --- ports ---------------------------------------------------------------------------------------


@runtime_checkable
class ObjectStore(Protocol):
    """Buckets."""

    def bucket(self, role: str, options: BucketOptions, *, parent: Resource) -> Bucket:
        """Makes a bucket named after the platform, the environment and ``role``."""
        ...


@runtime_checkable
class SqlDatabase(Protocol):
    """One PostgreSQL server a platform."""

    def sql_server(self) -> SqlServer:
        """The server; made at the first call."""
        ...


@runtime_checkable
class KeyValueStore(Protocol):
    """One Redis-protocol server a platform."""

    def key_value_server(self) -> KeyValueServer:
        """The server; made at the first call."""
        ...


@runtime_checkable
class ClusterPort(Protocol):
    """One Kubernetes cluster a platform."""

    def cluster(self) -> ClusterHandle:
        """The cluster with its node pools; made at the first call."""
        ...

    def cluster_addons(self, kube: Kube, *, parent: Resource) -> tuple[Resource, ...]:
        """Makes what this cloud's cluster needs beyond the common services.

        Such as a load balancer controller and the storage class. Returns what workloads must
        wait for.
        """
        ...

    def load_balancer(self) -> LoadBalancer:
        """The gateway's load balancer, by the spec's `domain.exposure` and `domain.allow`."""
        ...


@runtime_checkable
class IdentityPort(Protocol):
    """Rights for workloads."""

    def workload_identity(
        self,
        name: str,
        *,
        namespace: str,
        service_account: str,
        grants: Sequence[Grant],
        parent: Resource,
        kube: Kube | None = None,
        depends_on: Sequence[Resource] = (),
    ) -> WorkloadIdentity:
        """Binds ``grants``, and nothing more, to a service account.

        With ``kube``, the namespace is Plinth's own and ``depends_on`` is what makes it: there the
        adapter may leave what pods need to prove themselves.
        """
        ...


@runtime_checkable
class SecretsPort(Protocol):
    """The cloud's secret store, and the way from it into a namespace."""

    def generate(
        self, name: str, values: Mapping[str, Generated | Input[str]], *, parent: Resource
    ) -> Secret:
        """Makes a secret; generated values are made once and kept."""
        ...

    def existing(self, name: str, keys: Sequence[str]) -> Secret:
        """A secret that somebody else keeps in the store."""
        ...

    def secret_store(
        self, kube: Kube, *, parent: Resource, depends_on: Sequence[Resource]
    ) -> tuple[Resource, ...]:
        """Opens the store to the cluster, once its operator runs."""
        ...

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
        """Makes the Kubernetes Secret ``name`` and keeps it in step with the store.

        ``data`` values are text in which ``${source.key}`` stands for a secret value, such as
        ``postgresql://${db.username}:${db.password}@host/mlflow`` with ``sources={"db": …}``.
        """
        ...


@runtime_checkable
class RegistryPort(Protocol):
    """Container images."""

    def repository(self, name: str, *, parent: Resource) -> Repository:
        """Makes a repository named after the platform, the environment and ``name``."""
        ...


@runtime_checkable
class DnsPort(Protocol):
    """Records in the spec's zone."""

    def dns_solver(self) -> Mapping[str, Any]:
        """cert-manager's DNS-01 solver for the zone (the value below `solvers[].dns01`)."""
        ...

    def dns_provider(self) -> str:
        """external-dns' name of the provider."""
        ...

    def dns_values(self) -> Mapping[str, Any]:
        """What external-dns' chart must be told besides; nothing secret."""
        ...

    def dns_identity(
        self, name: str, *, namespace: str, service_account: str, parent: Resource
    ) -> WorkloadIdentity:
        """The right to change records of the zone, and of no other."""
        ...


@runtime_checkable
class NotificationsPort(Protocol):
    """Messages to people."""

    def topic(
        self,
        name: str,
        emails: Sequence[str],
        *,
        kube: Kube,
        namespace: str,
        parent: Resource,
        depends_on: Sequence[Resource] = (),
    ) -> Topic:
        """Makes a topic and subscribes the addresses.

        ``namespace`` is Alertmanager's own, and ``depends_on`` what makes it: a cloud that
        Alertmanager cannot speak to puts a go-between there.
        """
        ...


@runtime_checkable
class BudgetPort(Protocol):
    """Spending limits."""

    def budget(self, *, parent: Resource) -> None:
        """Makes the spec's budget, filtered to this environment's tags, with its thresholds."""
        ...


@runtime_checkable
class ProcessPort(Protocol):
    """Programs on this machine, and what they need of it."""

    def folder(self, name: str, *, parent: Resource) -> Output[str]:
        """Makes a data folder, kept on destroy where the environment is durable; its path."""
        ...

    def python(self, lock: str) -> Output[str]:
        """Makes a Python environment of ``plinth/locks/<lock>.txt``; its folder."""
        ...

    def executable(
        self, names: Sequence[str], package: str = "", *, module: str = ""
    ) -> Executable:
        """Finds a program by one of its names, else takes it from a Debian package.

        Else builds it from a Go ``module`` at one version, such as ``example.org/gauge@v1.2.3``.
        """
        ...

    def password(
        self, name: str, made: Generated | None = None, *, parent: Resource
    ) -> Output[str]:
        """Makes a secret, once; ``None`` for a password of the usual length."""
        ...

    def database(self) -> ProcessDatabase | None:
        """The server for what services know; ``None`` where each keeps that in files of its own."""
        ...

    def port(self, name: str, default: int) -> Output[int]:
        """A port of the loopback interface, the default one if it is free.

        One for all who name it, so that a tool can tell where another one will listen.
        """
        ...

    def run(
        self,
        name: str,
        program: Program,
        *,
        parent: Resource,
        depends_on: Sequence[Resource] = (),
    ) -> Process:
        """Runs a program, and waits until it is ready."""
        ...


#: The protocol behind each port that tools can ask for.  NETWORK, KEYS and NODES are met by the
#: adapter's foundation itself and show no methods to tools; a cloud without them does not own
#: these things.
PROTOCOLS: Mapping[Port, type] = {
    Port.OBJECT_STORE: ObjectStore,
    Port.SQL: SqlDatabase,
    Port.KEY_VALUE: KeyValueStore,
    Port.CLUSTER: ClusterPort,
    Port.IDENTITY: IdentityPort,
    Port.SECRETS: SecretsPort,
    Port.REGISTRY: RegistryPort,
    Port.DNS: DnsPort,
    Port.NOTIFICATIONS: NotificationsPort,
    Port.BUDGET: BudgetPort,
    Port.PROCESSES: ProcessPort,
}


def methods(protocol: type) -> tuple[str, ...]:
    """The names of a protocol's methods."""
    return tuple(name for name in vars(protocol) if not name.startswith("_"))


class Adapter(
    ObjectStore,
    SqlDatabase,
    KeyValueStore,
    ClusterPort,
    IdentityPort,
    SecretsPort,
    RegistryPort,
    DnsPort,
    NotificationsPort,
    BudgetPort,
    ProcessPort,
    Protocol,
):
    """What the platform hands to tools: all ports.

    The blueprint has refused by then whatever the cloud's real adapter does not implement, so a
    tool never meets a port that is missing.
    """

    def outputs(self) -> Mapping[str, Input[Any]]:
        """What the cloud itself adds to the stack's outputs, such as the network's identifier."""
        ...
