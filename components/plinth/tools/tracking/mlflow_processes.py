"""MLflow as a process: the same server and login as on a cluster, runs in SQLite."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plinth.ports import METRICS_USER, Metrics, Program, Secret
from plinth.results import Tracking

if TYPE_CHECKING:
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
    data = cloud.folder(NAME, parent=parent)
    port = cloud.port(NAME, PORT)
    password = cloud.password("mlflow-admin", parent=parent)
    session = cloud.password("mlflow-session", parent=parent)
    vault = cloud.password("mlflow-vault", parent=parent)
    scraped = "monitoring" in context.blueprint.choices
    runs = context.format("sqlite:///{}/mlflow.db", data)
    program = context.format("{}/bin/mlflow", cloud.python(NAME))
    server = Program(
        command=[
            program,
            *("server", "--host", "127.0.0.1", "--port", context.format("{}", port)),
            *("--app-name", "basic-auth", "--workers", "1"),
            *(("--expose-prometheus", "metrics") if scraped else ()),
        ],
        environment={
            "MLFLOW_BACKEND_STORE_URI": runs,
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
                database_uri=context.format("sqlite:///{}/users.db", data),
            )
        },
        before=[[program, "db", "upgrade", runs]],
        port=port,
        health="/health",
        metrics=Metrics(namespace=context.namespace, password=password) if scraped else None,
    )
    process = cloud.run(NAME, server, parent=parent)
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
