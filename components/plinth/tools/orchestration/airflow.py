"""Airflow 3 by its official chart: every task is a pod, its log is in a bucket.

Tasks find the platform's other services in their environment: MLflow with a login, the feature
server, the Pushgateway, and every bucket's URI as ``BUCKET_<ROLE>``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from plinth.ports import Generated, Grant, Port
from plinth.results import Orchestration
from plinth.spec.options import OrchestrationOptions
from plinth.spec.types import Cpu, Days, Derived, Label, Memory, Replicas, ServerReplicas
from plinth.tools import Tool, Way, repositories
from plinth.tools.features import feast
from plinth.tools.orchestration import airflow_processes, retraining
from plinth.tools.orchestration import airflow_values as chart

if TYPE_CHECKING:
    from pulumi import Input, Resource

    from plinth.blueprint import Blueprint
    from plinth.context import Context
    from plinth.errors import Problem
    from plinth.ports import Bucket, WorkloadIdentity
    from plinth.results import Artifacts

#: Where the chart's StatsD exporter answers Prometheus: the Service's port of this name.
_METRICS = "statsd-scrape"


class Options(OrchestrationOptions):
    """Options of Airflow."""

    schedulers: Annotated[int | None, Derived(durable=2, otherwise=1)] = Field(
        default=None,
        ge=1,
        le=5,
        description="Copies of the scheduler and of the triggerer. Default: 2 when durable, "
        "else 1.",
    )
    api: ServerReplicas = Field(
        default=None, description="API server copies. Default: 2 to 6 when durable, else 1 to 3."
    )
    task_cpu: Cpu = Field(default="250m", description="CPU of a task, unless it asks otherwise.")
    task_memory: Memory = Field(
        default="1Gi", description="Memory of a task, unless it asks otherwise."
    )
    parallelism: int | None = Field(
        default=None,
        ge=1,
        le=5000,
        description="Tasks that run at once. Default: 32; as processes on one machine, 2.",
    )
    keep_history_days: Days = Field(
        default=90, description="Finished runs leave the database at this age."
    )
    environment: dict[Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")], str] = Field(
        default_factory=dict,
        description="Further variables of tasks and of Airflow itself. No secrets: they would "
        "show in the pods' definitions.",
    )
    allow_from: tuple[Label, ...] = Field(
        default=(), description="Namespaces of your own whose workloads may call the API."
    )


def _environment(options: Options, context: Context, artifacts: Artifacts) -> dict[str, Input[str]]:
    """Plain variables of every container; the spec's own win."""
    found: dict[str, Input[str]] = {**artifacts.variables}
    found |= _log_connection(context, artifacts.buckets["logs"])
    if context.peers.tracking:
        found["MLFLOW_TRACKING_URI"] = context.peers.tracking.uri
    if context.peers.monitoring:
        found["PUSHGATEWAY_URL"] = context.peers.monitoring.pushgateway
    features = context.blueprint.choices.get("features")
    if features and features.tool == feast.NAME:
        # Built later; its address is known before.
        found["FEATURE_SERVER_URI"] = feast.URI
    return {**found, **options.environment}


def _logs(context: Context, bucket: Bucket) -> dict[str, Any]:
    """Where task logs are kept, as Airflow's handler for the bucket's protocol wants it.

    The one for blob storage takes container and folder apart (Airflow's provider for Microsoft
    Azure, "Writing logs to Azure Blob Storage").
    """
    if bucket.protocol != "azure":
        return {"log_folder": context.format("{}/airflow", bucket.uri), "log_config": {}}
    container = {"remote_wasb_log_container": bucket.name}
    return {"log_folder": "wasb://airflow", "log_config": {"azure_remote_logging": container}}


def _log_connection(context: Context, bucket: Bucket) -> dict[str, Input[str]]:
    """The connection that the handler for blob storage wants.

    Without a key in it, the pod's own rights count.
    """
    if bucket.account is None:
        return {}
    connection = context.json({"conn_type": "wasb", "login": bucket.account})
    return {"AIRFLOW_CONN_WASB_DEFAULT": connection}


def _identities(
    context: Context, artifacts: Artifacts, space: Sequence[Resource]
) -> dict[str, WorkloadIdentity]:
    """Rights by service account: tasks may use all buckets, the rest deals in logs only."""
    logs = artifacts.buckets["logs"]
    grants: Mapping[str, Sequence[Grant]] = {
        chart.TASK: [Grant(to=bucket, access="write") for bucket in artifacts.buckets.values()],
        chart.SCHEDULER: [Grant(to=logs, access="write")],
        chart.TRIGGERER: [Grant(to=logs, access="write")],
        chart.API: [Grant(to=logs, access="read")],
    }
    return {
        name: context.identity(name, granted, account=False, depends_on=space)
        for name, granted in grants.items()
    }


def _secrets(context: Context, after: Sequence[Resource]) -> list[Resource]:
    """What the chart is pointed at instead of holding it."""
    database = context.database(chart.RELEASE)
    keys = context.cloud.generate(
        chart.KEYS,
        {
            "fernet": Generated(kind="bytes", length=32),
            "api": Generated(length=64),
            "jwt": Generated(length=64),
        },
        parent=context.parent,
    )
    admin = context.cloud.generate(
        chart.ADMIN, {"username": "admin", "password": Generated()}, parent=context.parent
    )
    # Generated passwords are letters and digits, so nothing in the addresses needs encoding.
    address = "://${{db.username}}:${{db.password}}@{}:{}/{}"
    where = (database.host, str(database.port), database.name)
    environment: dict[str, Input[str]] = {
        # Airflow would derive it from the other one, and asyncpg knows no `sslmode`.
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": context.format(
            f"postgresql+asyncpg{address}?ssl=require", *where
        )
    }
    sources = {"db": database.credentials}
    if context.peers.tracking:
        sources["mlflow"] = context.peers.tracking.credentials
        environment["MLFLOW_TRACKING_USERNAME"] = "${mlflow.username}"
        environment["MLFLOW_TRACKING_PASSWORD"] = "${mlflow.password}"  # noqa: S105 - a reference
    metadata = {
        "connection": context.format(f"postgresql+psycopg2{address}?sslmode=require", *where)
    }
    return [
        *database.ready,
        context.secret(chart.METADATA, metadata, {"db": database.credentials}, depends_on=after),
        context.secret(
            chart.KEYS,
            {
                "fernet-key": "${keys.fernet}",
                "api-secret-key": "${keys.api}",
                "jwt-secret": "${keys.jwt}",
            },
            {"keys": keys},
            depends_on=after,
        ),
        context.secret(
            chart.ADMIN,
            {"username": "${admin.username}", "password": "${admin.password}"},
            {"admin": admin},
            depends_on=after,
        ),
        context.secret(chart.ENVIRONMENT, environment, sources, depends_on=after),
    ]


def _build(options: Options, context: Context) -> Orchestration:
    artifacts = context.peers.artifacts
    if artifacts is None:
        raise RuntimeError("Airflow without artifacts is refused by the blueprint")
    # Not `restricted`: pods that DAGs ask for are the DAGs' own business, within the baseline.
    space = context.open_namespace(profile="baseline", callers=options.allow_from)
    blueprint = context.blueprint
    accounts = _identities(context, artifacts, space)
    ready = [*space, *_secrets(context, space)]
    ready += [resource for identity in accounts.values() for resource in identity.ready]
    if options.dags:
        git = repositories.credentials(context, chart.GIT, options.dags, depends_on=space)
        ready += [git] if git else []
    url = context.page(chart.RELEASE, service=chart.SERVICE, port=chart.PORT, depends_on=space)
    scraped = "monitoring" in blueprint.choices
    facts = chart.Facts(
        image=blueprint.pins.images["airflow"],
        git_sync=blueprint.pins.images["git-sync"],
        labels=context.kube.labels,
        spot=context.kube.spot,
        owner=blueprint.settings.owner,
        url=url,
        durable=blueprint.settings.durable,
        scraped=scraped,
        **_logs(context, artifacts.buckets["logs"]),
        accounts=accounts,
        environment=_environment(options, context, artifacts),
        schedulers=options.schedulers or 1,
        api=options.api or Replicas(),
        task_cpu=options.task_cpu,
        task_memory=options.task_memory,
        parallelism=options.parallelism or 32,
        keep_history_days=options.keep_history_days,
        dags=options.dags,
    )
    release = context.kube.release(
        chart.RELEASE,
        blueprint.pins.charts["airflow"],
        namespace=context.namespace,
        values=chart.values(facts),
        parent=context.parent,
        depends_on=ready,
        timeout=1200,
    )
    if scraped:
        _scrape(context, release)
    retraining.deploy(context, depends_on=ready)
    return Orchestration(uri=chart.URI, url=url, namespace=context.namespace)


def _scrape(context: Context, release: Resource) -> None:
    """The chart makes a StatsD exporter and no ServiceMonitor for it."""
    context.apply(
        "airflow-metrics",
        {
            "apiVersion": "monitoring.coreos.com/v1",
            "kind": "ServiceMonitor",
            "metadata": {"name": chart.RELEASE, "namespace": context.namespace},
            "spec": {
                "selector": {"matchLabels": {"release": chart.RELEASE, "component": "statsd"}},
                "endpoints": [{"port": _METRICS, "path": "/metrics", "interval": "30s"}],
            },
        },
        depends_on=[release],
    )


def _check(_blueprint: Blueprint, options: Options) -> list[Problem]:
    return [*repositories.problems(options.dags, "dags")]


TOOL = Tool(
    capability="orchestration",
    name=chart.RELEASE,
    title="Airflow",
    summary="Pipelines from git, one pod a task, logs in a bucket, with MLflow, the feature "
    "server and the buckets handed to every task.",
    options=Options,
    ways=(
        Way(
            needs=frozenset(
                {Port.CLUSTER, Port.IDENTITY, Port.SECRETS, Port.SQL, Port.OBJECT_STORE}
            ),
            build=_build,
        ),
        Way(needs=frozenset({Port.PROCESSES, Port.OBJECT_STORE}), build=airflow_processes.build),
    ),
    requires=frozenset({"artifacts"}),
    check=_check,
)
