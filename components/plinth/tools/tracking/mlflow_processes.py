"""MLflow as a process: the same server and login as on a cluster.

Runs and users are in SQLite, or on the machine's PostgreSQL server where it has one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from plinth import render
from plinth.ports import METRICS_USER, Metrics, Program, Secret
from plinth.results import Tracking

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pulumi import Input, Resource

    from plinth.context import Context
    from plinth.tools.tracking.mlflow import Options

NAME = "mlflow"
PORT = 5000
_USER = METRICS_USER


def build(options: Options, context: Context) -> Tracking:
    """Runs the server; artifacts are in the models folder, handed out by the server."""
    cloud, parent = context.cloud, context.parent
    artifacts = context.peers.artifacts
    if artifacts is None:
        raise RuntimeError("MLflow without artifacts is refused by the blueprint")
    program = context.format("{}/bin/mlflow", cloud.python(NAME))
    store = _store(context, program)
    port = cloud.port(NAME, PORT)
    password = cloud.password("mlflow-admin", parent=parent)
    session = cloud.password("mlflow-session", parent=parent)
    vault = cloud.password("mlflow-vault", parent=parent)
    scraped = "monitoring" in context.blueprint.choices
    server = Program(
        command=[
            program,
            *("server", "--host", "127.0.0.1", "--port", context.format("{}", port)),
            *("--app-name", "basic-auth", "--workers", "1"),
            *(("--expose-prometheus", "metrics") if scraped else ()),
        ],
        environment={
            **store.variables,
            "MLFLOW_BACKEND_STORE_URI": store.runs,
            "MLFLOW_ARTIFACTS_DESTINATION": artifacts.mlflow_root,
            "MLFLOW_AUTH_CONFIG_PATH": "basic_auth.ini",
            "MLFLOW_AUTH_ADMIN_USERNAME": _USER,
            "MLFLOW_AUTH_ADMIN_PASSWORD": password,
            "MLFLOW_FLASK_SERVER_SECRET_KEY": session,
            "MLFLOW_CRYPTO_KEK_PASSPHRASE": vault,
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "DO_NOT_TRACK": "true",
        },
        files={
            "basic_auth.ini": context.text(
                "mlflow/basic_auth.ini.j2",
                default_permission=options.default_permission,
                database_uri=store.users,
            ),
            **store.files,
        },
        before=store.before,
        port=port,
        health="/health",
        metrics=Metrics(namespace=context.namespace, password=password) if scraped else None,
        missing=store.missing,
    )
    process = cloud.run(NAME, server, parent=parent, depends_on=store.ready)
    return Tracking(
        uri=process.url,
        url=process.url,
        namespace=None,
        credentials=Secret(
            name="mlflow-admin",
            keys=("username", "password"),
            ref={"username": _USER, "password": password},
        ),
        client={
            "MLFLOW_TRACKING_URI": process.url,
            "MLFLOW_TRACKING_USERNAME": _USER,
            "MLFLOW_TRACKING_PASSWORD": password,
        },
    )


@dataclass(frozen=True, kw_only=True)
class _Store:
    """Where runs and users are, and what the server needs to reach them."""

    runs: Input[str]
    users: Input[str]
    variables: Mapping[str, Input[str]] = field(default_factory=dict)
    files: Mapping[str, Input[str]] = field(default_factory=dict)
    before: Sequence[Sequence[Input[str]]]
    missing: Input[str] | None = None
    ready: Sequence[Resource] = ()


def _store(context: Context, program: Input[str]) -> _Store:
    cloud = context.cloud
    if database := cloud.database():
        python = context.format("{}/bin/python", cloud.python(NAME))
        server = context.format("postgresql+psycopg2://{}", database.address)
        runs = context.format("{}/mlflow", server)
        return _Store(
            runs=runs,
            users=context.format("{}/mlflow-users", server),
            # With the password, which the address must not have: it is one of the arguments.
            variables=database.variables,
            files={"databases.py": render.text("postgres/databases.py")},
            before=[
                [python, "databases.py", "mlflow", "mlflow-users"],
                [program, "db", "upgrade", runs],
            ],
            missing=database.missing,
            ready=[database.ref],
        )
    data = cloud.folder(NAME, parent=context.parent)
    file = context.format("{}/mlflow.db", data)
    return _Store(
        runs=context.format("sqlite:///{}", file),
        users=context.format("sqlite:///{}/users.db", data),
        files={"upgrade.sh": render.text("mlflow/upgrade.sh")},
        before=[["sh", "upgrade.sh", file]],
    )
