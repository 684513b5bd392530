"""Options that every tool of a capability understands; tools extend them.

The blocks ``artifacts:`` … ``monitoring:`` of a spec hold ``tool`` and these options.  A tool's
own model (``plinth.tools.<capability>.<tool>``) derives from the capability's model here, so that
specs keep their shape when the tool changes.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from plinth.spec.types import (
    Cpu,
    Cron,
    Days,
    Derived,
    Emails,
    Label,
    Memory,
    Model,
    Principals,
    SecretRef,
    ServerReplicas,
)


class CloudOptions(Model):
    """Settings for one cloud (``clouds.<name>``); clouds add what only they understand."""

    region: str | None = Field(
        default=None, min_length=2, description="Takes the place of `region` on this cloud."
    )
    account: str | None = Field(
        default=None, min_length=1, description="Takes the place of `account` on this cloud."
    )
    zone: str | None = Field(
        default=None, min_length=1, description="Takes the place of `domain.zone` on this cloud."
    )
    admins: Principals | None = Field(
        default=None, description="Takes the place of `cluster.admins` on this cloud."
    )
    viewers: Principals | None = Field(
        default=None, description="Takes the place of `cluster.viewers` on this cloud."
    )


class CapabilityOptions(Model):
    """What all capabilities share."""


class BucketOptions(Model):
    """How one bucket keeps its objects."""

    expire_after_days: Days | None = Field(
        default=None, description="Objects are deleted at this age. Default: never."
    )
    archive_after_days: Days | None = Field(
        default=None, description="Objects move to cheaper storage at this age. Default: never."
    )


class BucketAccess(Model):
    """A workload of your own that may use buckets, by workload identity."""

    namespace: Label = Field(description="Kubernetes namespace of the workload.")
    service_account: Label = Field(description="Its service account.")
    read: tuple[Label, ...] = Field(default=(), description="Buckets it may read.")
    write: tuple[Label, ...] = Field(default=(), description="Buckets it may read and write.")


def _standard_buckets() -> dict[str, BucketOptions]:
    return {
        "models": BucketOptions(),
        "datasets": BucketOptions(),
        "logs": BucketOptions(expire_after_days=365, archive_after_days=30),
    }


class ArtifactsOptions(CapabilityOptions):
    """Buckets for models, datasets and logs."""

    buckets: dict[Label, BucketOptions] = Field(
        default_factory=_standard_buckets,
        description="Buckets by role; `models`, `datasets` and `logs` are always there.",
    )

    @field_validator("buckets")
    @classmethod
    def _standard_buckets(cls, value: dict[str, BucketOptions]) -> dict[str, BucketOptions]:
        return {**_standard_buckets(), **value}

    access: dict[Label, BucketAccess] = Field(
        default_factory=dict, description="Workloads of your own that may use the buckets."
    )


class TrackingOptions(CapabilityOptions):
    """Experiment tracking and the model registry."""

    replicas: ServerReplicas = Field(
        default=None, description="Server copies. Default: 2 to 6 when durable, else 1 to 3."
    )
    keep_deleted_days: Days = Field(
        default=30, description="Deleted runs can be restored for this long."
    )


class Repository(Model):
    """A git repository."""

    repository: str = Field(
        pattern=r"^(https://|ssh://|git@)[^\s]+$",
        description="Clone URL.",
        examples=["https://example.com/ml/dags.git"],
    )
    branch: str = Field(default="main", min_length=1, description="Branch to follow.")
    path: str = Field(default="", pattern=r"^[^/].*$|^$", description="Folder inside it.")
    credentials: SecretRef | None = Field(
        default=None,
        description="Secret with keys `username` and `password` (a read-only token). "
        "Default: the repository is public.",
    )


class OrchestrationOptions(CapabilityOptions):
    """Pipelines."""

    dags: Repository | None = Field(
        default=None, description="Where pipelines come from. Default: none yet."
    )


class FeaturesOptions(CapabilityOptions):
    """Feature store: registry, online store, offline store, materialisation."""

    repository: Repository | None = Field(
        default=None, description="Where feature definitions come from. Default: none yet."
    )
    materialize: Cron = Field(
        default="0 * * * *", description="When offline features move to the online store, UTC."
    )
    replicas: ServerReplicas = Field(
        default=None, description="Server copies. Default: 2 to 6 when durable, else 1 to 3."
    )


Framework = Literal[
    "sklearn",
    "xgboost",
    "lightgbm",
    "pytorch",
    "tensorflow",
    "onnx",
    "mlflow",
    "huggingface",
    "triton",
]


class ServedModel(Model):
    """A model to serve."""

    uri: str = Field(
        pattern=r"^(models:/[\w.-]+(@[\w-]+|/\d+)|(s3|gs|https|abfss|pvc|hf|file)://\S+)$",
        description="Registry reference (`models:/name@alias` or `models:/name/version`) or a "
        "storage address; `file://` is for the cloud `local`.",
        examples=["models:/churn@champion", "s3://bucket/churn/1"],
    )
    framework: Framework = Field(description="What the model was made with.")
    replicas: ServerReplicas = Field(
        default=None, description="Server copies. Default: 2 to 6 when durable, else 1 to 3."
    )
    cpu: Cpu = Field(default="1", description="CPU a copy.")
    memory: Memory = Field(default="2Gi", description="Memory a copy.")
    gpu: int = Field(default=0, ge=0, le=8, description="Accelerators a copy.")
    cost_per_hour: float | None = Field(
        default=None, gt=0, description="What a copy costs an hour, for cost per inference."
    )
    retrain: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9_.-]+$",
        description="Pipeline (DAG) to run when the model's inputs drift or it gets worse.",
        examples=["retrain_churn"],
    )


class ServingOptions(CapabilityOptions):
    """Model serving."""

    models: dict[Label, ServedModel] = Field(
        default_factory=dict, description="Models by name; each gets an endpoint."
    )


class Alerts(Model):
    """Who is told, and when."""

    email: Emails = Field(default=(), description="Addresses. Default: the owner.", max_length=20)
    slack: SecretRef | None = Field(
        default=None, description="Secret that holds an incoming-webhook URL."
    )
    latency_seconds: Annotated[float, Field(gt=0)] = Field(
        default=1.0, description="95th percentile of model latency that is still fine."
    )
    error_percent: Annotated[float, Field(gt=0, le=100)] = Field(
        default=5.0, description="Share of failed predictions that is still fine."
    )
    drift_score: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.3, description="Share of drifted columns that is still fine."
    )
    performance_drop: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.1,
        description="Share of a model's performance at promotion whose loss is still fine.",
    )


class MonitoringOptions(CapabilityOptions):
    """Metrics, dashboards and alerts."""

    alerts: Alerts = Field(default_factory=Alerts, description="Who is told, and when.")
    retention_days: Days = Field(default=30, description="How long metrics are kept.")
    storage: int = Field(default=50, ge=10, le=4096, description="Disk for metrics, in GiB.")
    replicas: Annotated[int | None, Derived(durable=2, otherwise=1)] = Field(
        default=None, ge=1, le=3, description="Prometheus copies. Default: 2 when durable, else 1."
    )
