"""MLflow: experiment tracking and the model registry, as a Deployment of our own.

The published charts do not fit (the official one exists as 0.1.0 only, and its migration hook needs
a service account that is made later; the community's uses another image), and the server is one
container.

Every copy is equal: state is in PostgreSQL and the models bucket, the session key and the key that
guards stored secrets are shared, and nothing is scheduled inside the server.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from plinth import render
from plinth.ports import Generated, Grant, Port
from plinth.results import Tracking
from plinth.spec.options import TrackingOptions
from plinth.spec.types import Cpu, Label, Memory, Replicas
from plinth.tools import Tool, Way
from plinth.tools.tracking import mlflow_processes
from plinth.workloads import Container, WebApp

if TYPE_CHECKING:
    from pulumi import Input, Resource

    from plinth.capabilities.databases import LogicalDatabase
    from plinth.context import Context
    from plinth.ports import Secret, WorkloadIdentity

NAME = "mlflow"
PORT = 5000
#: `MLFLOW_TRACKING_URI` inside the cluster.
URI = f"http://{NAME}.tracking.svc.cluster.local:{PORT}"

#: Kubernetes secret with the administrator's `username` and `password`.
_ADMIN = "mlflow-admin"
#: Kubernetes secret with what the server itself needs.
_SERVER = "mlflow-server"
_CONFIG = "/etc/mlflow"
#: libpq fills in host, user and password from the environment.
_FROM_ENVIRONMENT = "postgresql+psycopg2://"
_METRICS_FOLDER = "/tmp/metrics"  # noqa: S108 - a path inside the pod
#: Capabilities whose workloads log runs or load models.
_CLIENTS = ("orchestration", "serving", "features", "monitoring")


class Options(TrackingOptions):
    """Options of MLflow."""

    workers: int = Field(default=2, ge=1, le=16, description="Server processes a copy.")
    cpu: Cpu = Field(default="500m", description="CPU a copy.")
    memory: Memory = Field(default="2Gi", description="Memory a copy; about 700Mi a worker.")
    default_permission: Literal["READ", "EDIT", "MANAGE", "NO_PERMISSIONS"] = Field(
        default="READ",
        description="What users may do with experiments and models that nobody granted them.",
    )
    allow_from: tuple[Label, ...] = Field(
        default=(), description="Namespaces of your own whose workloads may connect."
    )


def allowed_hosts(host: str | None, *, scraped: bool) -> tuple[str, ...]:
    """``Host`` headers that the server answers; all others get 403 (DNS rebinding).

    Names are compared whole, port included. Patterns of addresses match addresses only, and an
    address cannot be rebound, so pods may be reached at theirs (MLflow 3.18,
    ``server/security_utils.py``).

    Args:
        host: Public name, if there is one.
        scraped: Whether Prometheus asks pods at their addresses.
    """
    names = (NAME, f"{NAME}.tracking", f"{NAME}.tracking.svc", f"{NAME}.tracking.svc.cluster.local")
    return (
        *(f"{name}{port}" for name in names for port in ("", f":{PORT}")),
        "localhost:*",  # kubectl port-forward
        "127.0.0.1:*",
        *((host,) if host else ()),
        *(("10.*", "100.*", "172.*", "192.168.*") if scraped else ()),
    )


def server_args(options: Options, *, scraped: bool) -> list[str]:
    """Arguments of ``mlflow server``; the rest of its settings comes from the environment."""
    return [
        *("server", "--host", "0.0.0.0", "--port", str(PORT)),  # noqa: S104 - inside the pod
        *("--app-name", "basic-auth", "--workers", str(options.workers)),
        # TLS ends at the gateway, which says so in headers; only it and peers can connect.
        *("--uvicorn-opts", "--proxy-headers --forwarded-allow-ips=*"),
        *(("--expose-prometheus", _METRICS_FOLDER) if scraped else ()),
    ]


def settings(url: str | None, *, scraped: bool) -> dict[str, str]:
    """Plain settings of the server."""
    host = url.removeprefix("https://") if url else None
    return {
        "HOME": "/tmp",  # noqa: S108 - a path inside the pod
        "MLFLOW_AUTH_CONFIG_PATH": f"{_CONFIG}/basic_auth.ini",
        "MLFLOW_SERVER_ALLOWED_HOSTS": ",".join(allowed_hosts(host, scraped=scraped)),
        **({"MLFLOW_SERVER_CORS_ALLOWED_ORIGINS": url} if url else {}),
        # Jobs would be queued in each copy's own SQLite file.
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
    }


def _postgres(database: LogicalDatabase) -> dict[str, Input[str]]:
    return {
        "PGHOST": database.host,
        "PGPORT": str(database.port),
        "PGDATABASE": database.name,
        "PGSSLMODE": "require",
    }


def _secrets(
    context: Context,
    runs: LogicalDatabase,
    users: LogicalDatabase,
    admin: Secret,
    depends_on: Sequence[Resource],
) -> tuple[Resource, Resource]:
    keys = context.cloud.generate(
        "mlflow-keys",
        {"session": Generated(length=48), "vault": Generated(length=48)},
        parent=context.parent,
    )
    # Generated passwords are letters and digits, so nothing in the address needs encoding.
    address = context.format(
        "postgresql+psycopg2://${{runs.username}}:${{runs.password}}@{}:{}/{}?sslmode=require",
        runs.host,
        str(runs.port),
        runs.name,
    )
    server = context.secret(
        _SERVER,
        {
            "backend-store-uri": address,
            "runs-username": "${runs.username}",
            "runs-password": "${runs.password}",
            "users-username": "${users.username}",
            "users-password": "${users.password}",
            "session-key": "${keys.session}",
            "vault-passphrase": "${keys.vault}",
        },
        {"runs": runs.credentials, "users": users.credentials, "keys": keys},
        depends_on=depends_on,
    )
    login = context.secret(
        _ADMIN,
        {"username": "${admin.username}", "password": "${admin.password}"},
        {"admin": admin},
        depends_on=depends_on,
    )
    return server, login


def _build(options: Options, context: Context) -> Tracking:
    artifacts = context.peers.artifacts
    if artifacts is None:
        raise RuntimeError("MLflow without artifacts is refused by the blueprint")
    space = context.open_namespace(callers=options.allow_from)
    runs, users = context.database("mlflow"), context.database("mlflow-users")
    admin = context.cloud.generate(
        _ADMIN, {"username": "admin", "password": Generated()}, parent=context.parent
    )
    secrets = _secrets(context, runs, users, admin, space)
    identity = context.identity(
        NAME, [Grant(to=artifacts.buckets["models"], access="write")], depends_on=space
    )
    config = context.kube.config_map(
        NAME,
        {
            "basic_auth.ini": render.text(
                "mlflow/basic_auth.ini.j2",
                default_permission=options.default_permission,
                database_uri=_FROM_ENVIRONMENT,
            ),
            "migrate.py": render.text("mlflow/migrate.py.j2"),
        },
        namespace=context.namespace,
        parent=context.parent,
        depends_on=space,
    )
    url = context.page(NAME, service=NAME, port=PORT, depends_on=space)
    ready = (*space, *secrets, config, *runs.ready, *users.ready, *identity.ready)
    environment = {
        **settings(url, scraped="monitoring" in context.blueprint.choices),
        **_postgres(users),
        "MLFLOW_ARTIFACTS_DESTINATION": artifacts.mlflow_root,
    }
    server = _serve(options, context, environment, identity, ready)
    _collect_garbage(options, context, runs, [server])
    return Tracking(uri=URI, url=url, namespace=context.namespace, credentials=admin)


def _serve(
    options: Options,
    context: Context,
    environment: Mapping[str, Input[str]],
    identity: WorkloadIdentity,
    ready: Sequence[Resource],
) -> Resource:
    scraped = "monitoring" in context.blueprint.choices
    replicas = options.replicas or Replicas()
    return context.kube.web_app(
        NAME,
        WebApp(
            namespace=context.namespace,
            container=_container(
                context,
                env={**environment, **identity.env},
                env_secrets={
                    **identity.env_secrets,
                    "MLFLOW_AUTH_ADMIN_USERNAME": (_ADMIN, "username"),
                    "MLFLOW_AUTH_ADMIN_PASSWORD": (_ADMIN, "password"),
                    "MLFLOW_FLASK_SERVER_SECRET_KEY": (_SERVER, "session-key"),
                    "MLFLOW_CRYPTO_KEK_PASSPHRASE": (_SERVER, "vault-passphrase"),
                    **_STORES,
                },
                command=["mlflow"],
                args=server_args(options, scraped=scraped),
                cpu=options.cpu,
                memory=options.memory,
                secret_files=identity.secret_files,
            ),
            # In front of every copy rather than in a Job: a Job cannot change its image, and a
            # copy of another version that comes later would find a schema it refuses.
            migrate=[
                _container(
                    context,
                    env=environment,
                    env_secrets=_STORES,
                    command=["python"],
                    args=[f"{_CONFIG}/migrate.py"],
                    cpu=options.cpu,
                    memory="1Gi",
                )
            ],
            port=PORT,
            health="/health",
            min=replicas.min,
            max=replicas.max,
            metrics="/metrics" if scraped else None,
            metrics_auth=_ADMIN,
            callers=[*_CLIENTS, context.gateway.pods, *options.allow_from],
            pod_labels=identity.pod_labels,
        ),
        parent=context.parent,
        depends_on=ready,
    )


_STORES = {
    "MLFLOW_BACKEND_STORE_URI": (_SERVER, "backend-store-uri"),
    "PGUSER": (_SERVER, "users-username"),
    "PGPASSWORD": (_SERVER, "users-password"),
}


def _container(context: Context, **fields: Any) -> Container:
    """A container of the server's image that sees its configuration."""
    return Container(image=context.blueprint.pins.images[NAME], files={_CONFIG: NAME}, **fields)


def _collect_garbage(
    options: Options, context: Context, runs: LogicalDatabase, depends_on: Sequence[Resource]
) -> None:
    """Removes what was deleted long enough ago, artifacts through the server as users would."""
    context.kube.job(
        "mlflow-gc",
        _container(
            context,
            env={
                "HOME": "/tmp",  # noqa: S108 - a path inside the pod
                "MLFLOW_TRACKING_URI": URI,
                "MLFLOW_DISABLE_TELEMETRY": "true",
                **_postgres(runs),
            },
            env_secrets={
                "MLFLOW_TRACKING_USERNAME": (_ADMIN, "username"),
                "MLFLOW_TRACKING_PASSWORD": (_ADMIN, "password"),
                "PGUSER": (_SERVER, "runs-username"),
                "PGPASSWORD": (_SERVER, "runs-password"),
            },
            command=["mlflow"],
            args=[
                *("gc", "--older-than", f"{options.keep_deleted_days}d"),
                *("--backend-store-uri", _FROM_ENVIRONMENT),
            ],
            memory="1Gi",
        ),
        namespace=context.namespace,
        service_account="default",
        parent=context.parent,
        depends_on=depends_on,
        schedule="30 3 * * *",
    )


TOOL = Tool(
    capability="tracking",
    name=NAME,
    title="MLflow",
    summary="Experiment tracking and model registry: runs in PostgreSQL, artifacts in the models "
    "bucket, users with passwords and permissions.",
    options=Options,
    ways=(
        Way(
            needs=frozenset(
                {Port.CLUSTER, Port.IDENTITY, Port.SECRETS, Port.SQL, Port.OBJECT_STORE}
            ),
            build=_build,
        ),
        Way(needs=frozenset({Port.PROCESSES, Port.OBJECT_STORE}), build=mlflow_processes.build),
    ),
    requires=frozenset({"artifacts"}),
)
