"""The spec: what a platform team writes, in the field's own words.

:class:`Settings` is one environment with its overlay applied; :class:`Spec` is the whole document.
Defaults that depend on other values (such as one NAT gateway a zone when durable) are ``None``
here and become explicit in :mod:`plinth.blueprint`.  Nothing here knows a tool or a cloud: those
are checked against :mod:`plinth.registry`.
"""

from __future__ import annotations

import ipaddress
import re
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from plinth.spec.types import (
    Cidr,
    Days,
    Derived,
    Email,
    Host,
    HttpsUrl,
    Label,
    Model,
    Percent,
    Principals,
    SecretRef,
)

#: The capabilities, in the order in which they are built.
CAPABILITIES = ("artifacts", "monitoring", "tracking", "orchestration", "features", "serving")

#: A cloud's block of ``clouds``, checked by the cloud's own model.
CloudBlock = dict[str, Any]
#: A capability's block: ``tool`` and that tool's options, checked by the tool's own model.
CapabilityBlock = dict[str, Any]


class Cost(Model):
    """Who pays, and how much is fine."""

    center: str = Field(
        description="Cost centre that every resource is tagged with.",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$",
        examples=["4711"],
    )
    monthly_budget: float = Field(
        gt=0,
        allow_inf_nan=False,
        description="What the environment may cost a month.",
        examples=[3000],
    )
    currency: str = Field(default="USD", pattern=r"^[A-Z]{3}$", description="ISO 4217 code.")
    thresholds: tuple[Percent, ...] = Field(
        default=(50, 80, 100),
        min_length=1,
        description="Percentages of the budget at which people are told.",
    )
    notify: tuple[Email, ...] = Field(
        default=(), description="Who is told; the owner always is.", max_length=9
    )


class AdoptedNetwork(Model):
    """A network that is there already; Plinth uses it and never changes or deletes it."""

    network: str = Field(min_length=1, description="Identifier of the VPC, VNet or network.")
    private_subnets: tuple[str, ...] = Field(
        min_length=1, description="Identifiers of subnets with a way out, one a zone."
    )
    public_subnets: tuple[str, ...] = Field(
        default=(), description="Identifiers of subnets for public load balancers."
    )


class FlowLogs(Model):
    """Records of the network's traffic."""

    enabled: bool = Field(default=True, description="Whether traffic is recorded.")
    retention_days: Literal[7, 14, 30, 60, 90, 180, 365] = Field(
        default=365, description="How long records are kept."
    )


class Network(Model):
    """The private network: made by Plinth, or adopted."""

    cidr: Cidr = Field(default="10.0.0.0/16", description="Address range of a created network.")
    zones: int = Field(default=3, ge=2, le=3, description="Availability zones to span.")
    nat: Annotated[
        Literal["single", "per-zone", "none"] | None,
        Derived(durable="per-zone", otherwise="single"),
    ] = Field(
        default=None,
        description="NAT gateways: one in all, one a zone, or none (fully private; images must "
        "then come from mirrored registries). Default: one a zone when durable, else one.",
    )
    endpoints: bool = Field(
        default=True, description="Reach the cloud's own services without the internet."
    )
    flow_logs: FlowLogs = Field(default_factory=FlowLogs, description="Traffic records.")
    adopt: AdoptedNetwork | None = Field(
        default=None, description="Use a network that is there already."
    )

    @field_validator("cidr")
    @classmethod
    def _wide_enough(cls, value: str) -> str:
        network = ipaddress.ip_network(value)
        if network.version != 4 or not 16 <= network.prefixlen <= 20:
            raise PydanticCustomError(
                "cidr-size",
                "a platform's network needs an IPv4 range from /16 to /20, not {value}",
                {"value": value, "fix": "Choose a prefix length from 16 to 20."},
            )
        if not network.is_private:
            raise PydanticCustomError(
                "cidr-public",
                "{value} is not a private range",
                {
                    "value": value,
                    "fix": "Choose a range inside 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16.",
                },
            )
        return value


class Encryption(Model):
    """Customer-managed keys for everything that is stored."""

    key: str | None = Field(
        default=None,
        min_length=1,
        description="Identifier of an existing key to adopt. Default: Plinth makes the keys.",
    )
    rotation_days: int = Field(
        default=90, ge=90, le=2560, description="How often key material is renewed."
    )
    deletion_window_days: int = Field(
        default=30, ge=7, le=30, description="How long a deleted key can still be brought back."
    )


class Tls(Model):
    """Where certificates come from."""

    issuer: Literal["acme", "private-ca"] = Field(
        default="private-ca",
        description="acme: publicly trusted, proven by DNS (needs domain.zone); private-ca: a "
        "certificate authority inside the cluster.",
    )
    email: Email | None = Field(
        default=None, description="Contact for the ACME account. Default: the owner."
    )
    server: HttpsUrl = Field(
        default="https://acme-v02.api.letsencrypt.org/directory",
        description="ACME directory.",
    )


class Domain(Model):
    """The name under which people reach the platform, and from where."""

    name: Host = Field(description="Parent of all host names, such as mlflow.<name>.")
    zone: str | None = Field(
        default=None,
        min_length=1,
        description="Identifier of the DNS zone to keep records in. Default: records are yours.",
    )
    tls: Tls = Field(default_factory=Tls, description="Certificates.")
    exposure: Literal["internal", "public"] = Field(
        default="internal", description="Whether the load balancer has a public address."
    )
    allow: tuple[Cidr, ...] = Field(
        default=(), description="Who may connect when public. Required then."
    )


class IdentityProvider(Model):
    """OpenID Connect sign-in in front of every web page of the platform."""

    issuer: HttpsUrl = Field(description="Issuer URL of the OIDC provider.")
    client_id: str = Field(min_length=1, description="Client registered for the platform.")
    client_secret: SecretRef = Field(description="Where the client's secret is kept.")
    scopes: tuple[str, ...] = Field(
        default=("openid", "email", "profile"), description="Scopes to ask for."
    )


class Gpu(Model):
    """Accelerators of one node."""

    type: Literal["t4", "l4", "a10g", "a100", "h100", "v100"] = Field(
        description="Accelerator family."
    )
    count: Literal[1, 2, 4, 8] = Field(default=1, description="Accelerators a node.")


class Taint(Model):
    """Keeps workloads away that do not ask for this pool."""

    key: str = Field(min_length=1, description="Taint key.")
    value: str = Field(default="true", description="Taint value.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] = Field(
        default="NoSchedule", description="What happens to pods that do not tolerate it."
    )


class NodePool(Model):
    """A group of equal machines. Sizes are asked for; the cloud's adapter picks the machine."""

    cpu: Literal[2, 4, 8, 16, 32, 48, 64, 96] = Field(default=4, description="Cores a node.")
    memory: int = Field(default=16, ge=4, le=2048, description="Memory a node, in GiB.")
    gpu: Gpu | None = Field(default=None, description="Accelerators a node.")
    machine: str | None = Field(
        default=None,
        min_length=2,
        description="The cloud's own machine type, instead of cpu, memory and gpu.",
        examples=["m7i.xlarge"],
    )
    spot: bool = Field(default=False, description="Cheap machines that may be taken away.")
    min: int = Field(default=0, ge=0, le=1000, description="Nodes at rest; 0 scales to zero.")
    max: int = Field(default=5, ge=1, le=1000, description="Nodes under load.")
    disk: int = Field(default=100, ge=30, le=16384, description="Disk a node, in GiB.")
    labels: dict[str, str] = Field(default_factory=dict, description="Node labels.")
    taints: tuple[Taint, ...] = Field(
        default=(), description="Node taints. Pools with GPUs get one by themselves."
    )

    def model_post_init(self, _context: Any, /) -> None:
        """Refuses a range that is empty."""
        if self.max < self.min:
            raise PydanticCustomError(
                "range",
                "max ({max}) is smaller than min ({min})",
                {"max": self.max, "min": self.min, "fix": f"Set max to {self.min} or more."},
            )


class Cluster(Model):
    """The Kubernetes cluster that self-hosted tools run on."""

    node_pools: dict[Label, NodePool] = Field(
        default_factory=lambda: {"general": NodePool(min=2, max=6)},
        min_length=1,
        description="Node pools by name. At least one must keep a node without GPU.",
    )
    public_access: tuple[Cidr, ...] = Field(
        default=(), description="Who may reach the API server over the internet. Default: nobody."
    )
    admins: Principals = Field(
        default=(), description="Cloud identities with full rights on the cluster."
    )
    viewers: Principals = Field(
        default=(), description="Cloud identities that may look and not touch."
    )

    @field_validator("public_access")
    @classmethod
    def _not_everyone(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if "0.0.0.0/0" in value or "::/0" in value:
            raise PydanticCustomError(
                "open-to-all",
                "the API server may not be open to the whole internet",
                {"fix": "List the networks that your people and your CI come from."},
            )
        return value

    @field_validator("node_pools")
    @classmethod
    def _room_for_services(cls, value: dict[str, NodePool]) -> dict[str, NodePool]:
        if not any(pool.min > 0 and pool.gpu is None and not pool.spot for pool in value.values()):
            raise PydanticCustomError(
                "no-system-pool",
                "no node pool keeps an ordinary node running, so the platform's own services "
                "would have nowhere to run",
                {"fix": "Give one pool without gpu and spot a min of 1 or more."},
            )
        return value


class Database(Model):
    """The PostgreSQL server that tools share; each gets a database and a role of its own."""

    cpu: Literal[2, 4, 8, 16, 32] = Field(default=2, description="Cores.")
    memory: int = Field(default=4, ge=4, le=512, description="Memory in GiB.")
    storage: int = Field(default=50, ge=20, le=16384, description="Disk in GiB.")
    max_storage: int = Field(default=500, ge=20, le=65536, description="Disk may grow to, in GiB.")
    multi_zone: Annotated[bool | None, Derived(durable=True, otherwise=False)] = Field(
        default=None, description="Keep a standby in another zone. Default: when durable."
    )


class Cache(Model):
    """The Valkey (Redis protocol) server behind online features."""

    memory: float = Field(default=1, gt=0, le=512, description="Memory in GiB.")
    replicas: Annotated[int | None, Derived(durable=1, otherwise=0)] = Field(
        default=None, ge=0, le=5, description="Copies beside the primary. Default: 1 when durable."
    )


class Backups(Model):
    """Copies to come back to. A separate switch from ``durable``."""

    enabled: Annotated[bool | None, Derived(durable=True, otherwise=False)] = Field(
        default=None, description="Default: when durable."
    )
    retention_days: int = Field(default=14, ge=1, le=35, description="How long copies are kept.")


Tag = Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[A-Za-z0-9 ._@/=+-]+$")]

#: What every cloud's tags and every Kubernetes label can be called.
TagKey = Annotated[str, Field(pattern=r"^[A-Za-z]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$")]


class Limits(Model):
    """What policies compare with. Left out, a comparison is off, or as said below."""

    allowed_regions: tuple[str, ...] = Field(
        default=(), description="Regions that may hold data. Default: the environment's own."
    )
    allowed_registries: tuple[str, ...] = Field(
        default=(),
        description="Registries, or paths in them, that images may come from.",
        examples=[["ghcr.io", "docker.io/apache"]],
    )
    machine_families: tuple[str, ...] = Field(
        default=(),
        description="Patterns of the machine types that nodes may have.",
        examples=[["m7i.*", "g6.*"]],
    )
    max_nodes: int = Field(
        default=0, ge=0, le=5000, description="How many nodes a pool may grow to; 0 for any."
    )
    log_retention_days: int = Field(
        default=0, ge=0, le=3650, description="How long logs must be kept; 0 for any."
    )
    backup_retention_days: int = Field(
        default=0, ge=0, le=35, description="How long backups must be kept; 0 for any."
    )
    required_tags: tuple[TagKey, ...] = Field(
        default=(), description="Tags that everything must carry, beside Plinth's own."
    )
    cost_center_pattern: str | None = Field(
        default=None,
        description="Regular expression that a cost centre must match as a whole.",
        examples=["[0-9]{4}"],
    )

    @field_validator("cost_center_pattern")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        try:
            re.compile(value or "")
        except re.error as error:
            raise PydanticCustomError(
                "pattern",
                "'{value}' is not a regular expression: {reason}",
                {"value": value, "reason": str(error), "fix": "Write it as Python's `re` has it."},
            ) from error
        return value


class Waiver(Model):
    """Leave to break one rule for a while."""

    rule: str = Field(min_length=1, description="The rule's id, or a pattern of ids.")
    resource: str = Field(
        min_length=1, description="Pattern that the resource's logical name or URN must match."
    )
    reason: str = Field(min_length=10, description="Why it is fine.")
    owner: Email = Field(description="Who answers for it.")
    expires: date = Field(description="Last day on which it counts.", examples=["2027-06-30"])


class Compliance(Model):
    """How policies judge the environment; ``policies`` says whether they warn or stop."""

    rules: dict[str, Literal["disabled", "advisory", "mandatory", "remediate"]] = Field(
        default_factory=dict,
        description="How far single rules go, by id or pattern. `remediate` mends what can safely "
        "be mended.",
        examples=[{"images-digest": "mandatory"}],
    )
    limits: Limits = Field(default_factory=Limits, description="What policies compare with.")
    waivers: tuple[Waiver, ...] = Field(
        default=(), description="What may break a rule, why, and until when."
    )


class State(Model):
    """Where the engine keeps what it knows, and what encrypts the secrets in it."""

    backend: str = Field(
        description="`account` for the bucket that `plinth bootstrap` made in the environment's "
        "account, or the address of a Pulumi backend. PULUMI_BACKEND_URL goes first.",
        examples=["account", "s3://my-state?region=eu-west-1&awssdk=v2"],
    )
    secrets: str | None = Field(
        default=None,
        pattern=r"^(awskms|azurekeyvault|gcpkms|hashivault)://.+$",
        description="Pulumi secrets provider of a stack that is made anew. Default: with "
        "`account` the key that is there, else a passphrase.",
        examples=["awskms:///alias/plinth-state?region=eu-west-1"],
    )

    @field_validator("backend")
    @classmethod
    def _known(cls, value: str) -> str:
        if value != "account" and not re.match(r"(s3|gs|azblob|file|https?)://.", value):
            raise PydanticCustomError(
                "backend",
                "'{value}' is neither `account` nor the address of a backend",
                {
                    "value": value,
                    "fix": "Write account, or an address that begins with s3://, gs://, "
                    "azblob://, https:// or file://.",
                },
            )
        return value


class Approval(Model):
    """Leave to replace or delete something that keeps data, for a while."""

    resource: str = Field(
        min_length=1, description="Pattern that the resource's logical name or URN must match."
    )
    change: Literal["replace", "delete"] = Field(description="What may happen to it.")
    reason: str = Field(min_length=10, description="Why it is fine.")
    approver: Email = Field(description="Who says so.")
    expires: date = Field(description="Last day on which it counts.", examples=["2027-06-30"])


class Versions(Model):
    """Versions that differ from Plinth's own pins. Left out, the pins in force stay in force."""

    kubernetes: str | None = Field(
        default=None, pattern=r"^1\.[0-9]{2}$", description="Kubernetes minor.", examples=["1.35"]
    )
    postgres: str | None = Field(
        default=None, pattern=r"^[0-9]{2}(\.[0-9]+)?$", description="PostgreSQL.", examples=["17"]
    )
    valkey: str | None = Field(
        default=None, pattern=r"^[0-9]+\.[0-9]+$", description="Valkey.", examples=["8.1"]
    )
    charts: dict[str, str] = Field(
        default_factory=dict,
        description="Chart versions by chart name.",
        examples=[{"airflow": "1.22.0"}],
    )
    images: dict[str, str] = Field(
        default_factory=dict,
        description="Image references by image name.",
    )


class Settings(Model):
    """One environment's settings, with its overlay applied."""

    apiVersion: Literal["plinth/v1"] = Field(  # noqa: N815 - spelled as in Kubernetes manifests
        description="Version of this format."
    )
    name: Label = Field(description="Name of the platform; part of every resource's name.")
    owner: Email = Field(description="Team that answers for the platform.")
    cost: Cost = Field(description="Who pays, and how much is fine.")
    cloud: str = Field(description="Where the platform runs.", examples=["aws"])
    region: str | None = Field(
        default=None, min_length=2, description="Region of the cloud.", examples=["eu-west-1"]
    )
    account: str | None = Field(
        default=None,
        min_length=1,
        description="Account, subscription or project. Compared with the credentials in hand.",
        examples=["111111111111"],
    )
    state: State | None = Field(
        default=None,
        description="Where the state is kept. Default: the backend you are logged in to, else "
        "local files.",
        examples=[{"backend": "account"}],
    )
    clouds: dict[str, CloudBlock] = Field(
        default_factory=dict,
        description="Settings that hold on one cloud only, by cloud: region and account there, and "
        "what no other cloud understands.",
    )
    network: Network = Field(default_factory=Network, description="The private network.")
    encryption: Encryption = Field(default_factory=Encryption, description="Encryption at rest.")
    domain: Domain | None = Field(
        default=None, description="Host names. Default: services are reached inside the cluster."
    )
    identity: IdentityProvider | None = Field(default=None, description="Sign-in for people.")
    cluster: Cluster = Field(default_factory=Cluster, description="The Kubernetes cluster.")
    database: Database = Field(default_factory=Database, description="The SQL server.")
    cache: Cache = Field(default_factory=Cache, description="The key-value server.")
    durable: bool = Field(
        default=False,
        description="Guard everything that holds data: deletion protection, standby copies.",
    )
    backups: Backups = Field(default_factory=Backups, description="Copies to come back to.")
    log_retention_days: Days = Field(default=365, description="How long logs are kept.")
    policies: Literal["advisory", "mandatory"] = Field(
        default="advisory", description="Whether a violated policy warns or stops."
    )
    compliance: Compliance = Field(
        default_factory=Compliance, description="Single rules, their limits, and waivers."
    )
    approvals: tuple[Approval, ...] = Field(
        default=(),
        description="What may be replaced or deleted although it keeps data, why, and until when.",
    )
    tags: dict[TagKey, Tag] = Field(
        default_factory=dict,
        description="Further tags or labels for every resource.",
        max_length=20,
    )
    versions: Versions = Field(default_factory=Versions, description="Versions to hold.")
    artifacts: CapabilityBlock | None = Field(
        default=None, description="Buckets for models, datasets and logs."
    )
    tracking: CapabilityBlock | None = Field(
        default=None, description="Experiment tracking and model registry."
    )
    orchestration: CapabilityBlock | None = Field(default=None, description="Pipelines.")
    features: CapabilityBlock | None = Field(default=None, description="Feature store.")
    serving: CapabilityBlock | None = Field(default=None, description="Model serving.")
    monitoring: CapabilityBlock | None = Field(
        default=None, description="Metrics, dashboards and alerts."
    )


def _one_environment() -> dict[str, dict[str, Any] | None]:
    return {"dev": None}


class Spec(Settings):
    """The whole document: shared settings and the environments' overlays."""

    environments: dict[Label, dict[str, Any] | None] = Field(
        default_factory=_one_environment,
        min_length=1,
        description="What differs in each environment; an overlay may change anything.",
    )
