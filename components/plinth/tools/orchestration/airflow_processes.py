"""Airflow 3 as processes: its parts as on a cluster, with tasks in the scheduler's workers.

Its database is SQLite, which the LocalExecutor may use since Airflow 3.0.  Pipelines come from a
folder of one's own and from the spec's repository.  That one git reaches as it reaches others for
the person who runs it, as no cloud's secrets are at hand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from plinth import render
from plinth.ports import Generated, Metrics, Program
from plinth.results import Orchestration
from plinth.tools.features import feast
from plinth.tools.orchestration import retraining

if TYPE_CHECKING:
    from pulumi import Input

    from plinth.context import Context
    from plinth.results import Artifacts
    from plinth.tools.orchestration.airflow import Options

NAME: Final = "airflow"
PORT: Final = 8080
#: Where the scheduler tells how it is.
SCHEDULER: Final = "airflow-scheduler"
SCHEDULER_PORT: Final = 8974
#: What turns the parts' metrics, which they send, into what Prometheus asks for.
STATSD: Final = "airflow-statsd"
STATSD_PORT: Final = 9102
EXPORTER_NAMES: Final = ("statsd_exporter", "prometheus-statsd-exporter")
EXPORTER_PACKAGE: Final = "prometheus-statsd-exporter"  # not in Debian 12
EXPORTER_MODULE: Final = "github.com/prometheus/statsd_exporter@v0.30.0"
#: Tasks that run at once, unless the spec says. Each has a worker, there from the start.
PARALLELISM: Final = 2
_USER: Final = "admin"
_PASSWORDS: Final = "passwords.json"
#: Parts that answer nobody. Without a triggerer, a task that defers would wait for ever.
_OTHERS: Final = {"dag-processor": (), "triggerer": ("--skip-serve-logs",)}

Settings = dict[str, "Input[str]"]


def build(options: Options, context: Context) -> Orchestration:
    """Runs the parts, the scheduler first: it brings the database to the others' version."""
    cloud, parent = context.cloud, context.parent
    artifacts = context.peers.artifacts
    if artifacts is None:
        raise RuntimeError("Airflow without artifacts is refused by the blueprint")
    port, health = cloud.port(NAME, PORT), cloud.port(SCHEDULER, SCHEDULER_PORT)
    url = context.format("http://127.0.0.1:{}", port)
    dags = cloud.folder("airflow-dags", parent=parent)
    password = cloud.password("airflow-admin", parent=parent)
    program = context.format("{}/bin/airflow", cloud.python(NAME))
    shared: Settings = {
        **_settings(options, context, url=url, dags=dags),
        **(_metrics(context) if "monitoring" in context.blueprint.choices else {}),
        **_environment(options, context, artifacts),
    }
    # The log server would listen for everybody; the API server reads the files themselves.
    scheduler = Program(
        command=[program, "scheduler", "--skip-serve-logs"],
        environment={
            **shared,
            "AIRFLOW__CORE__PARALLELISM": str(options.parallelism or PARALLELISM),
            "AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK": "True",
            "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_HOST": "127.0.0.1",
            "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_PORT": context.format("{}", health),
        },
        before=[[program, "db", "migrate"]],
        port=health,
        health="/health",
    )
    first = [cloud.run(SCHEDULER, scheduler, parent=parent).ref]
    server = Program(
        command=[program, "api-server"],
        environment={
            **shared,
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": context.format("{}", port),
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{_USER}:admin",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": _PASSWORDS,
        },
        files={_PASSWORDS: context.json({_USER: password})},
        port=port,
        health="/api/v2/version",
    )
    process = cloud.run("airflow-api-server", server, parent=parent, depends_on=first)
    for part, arguments in _OTHERS.items():
        other = Program(command=[program, part, *arguments], environment=shared)
        cloud.run(f"airflow-{part}", other, parent=parent, depends_on=first)
    client: Settings = {
        "AIRFLOW_API_URL": process.url,
        "AIRFLOW_USERNAME": _USER,
        "AIRFLOW_PASSWORD": password,
        "AIRFLOW_DAGS_FOLDER": dags,
    }
    retraining.run(context, client, depends_on=[process.ref])
    return Orchestration(uri=process.url, url=process.url, namespace=None, client=client)


def _settings(options: Options, context: Context, *, url: Input[str], dags: Input[str]) -> Settings:
    """What all parts must agree on (Airflow's "Configuration Reference")."""
    cloud, parent = context.cloud, context.parent
    home = cloud.folder(NAME, parent=parent)
    return {
        "AIRFLOW_HOME": home,
        # Airflow would write all defaults of this version into a file, where they outlive it.
        "AIRFLOW_CONFIG": "/dev/null",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": dags,
        "AIRFLOW__CORE__FERNET_KEY": cloud.password(
            "airflow-fernet", Generated(kind="bytes"), parent=parent
        ),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__SECRET_KEY": cloud.password(
            "airflow-api", Generated(length=64), parent=parent
        ),
        "AIRFLOW__API_AUTH__JWT_SECRET": cloud.password(
            "airflow-jwt", Generated(length=64), parent=parent
        ),
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": context.json(_bundles(options, dags)),
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH": context.format("{}/bundles", home),
        # A task's standard input is a socket. Bash takes that for a login from afar and reads the
        # person's ~/.bashrc, unless it is a shell within a shell (shell.c, `run_startup_files`).
        "SHLVL": "1",
        # Of a repository that nobody gave access to, git would ask the terminal for a password.
        "GIT_TERMINAL_PROMPT": "0",
    }


def _metrics(context: Context) -> Settings:
    """Runs StatsD's exporter, as the chart does; returns how the parts reach it.

    They send datagrams, which are lost while it is not there: they need not wait for it.
    """
    cloud = context.cloud
    found = cloud.executable(EXPORTER_NAMES, EXPORTER_PACKAGE, module=EXPORTER_MODULE)
    port = cloud.port(STATSD, STATSD_PORT)
    exporter = Program(
        command=[
            found.path,
            context.format("--web.listen-address=127.0.0.1:{}", port),
            context.format("--statsd.listen-udp=127.0.0.1:{}", port),
            "--statsd.listen-tcp=",
            "--statsd.mapping-config=mapping.yml",
        ],
        files={"mapping.yml": render.text("airflow/statsd.yaml.j2")},
        port=port,
        health="/metrics",
        metrics=Metrics(namespace=context.namespace),
        missing=found.missing,
    )
    cloud.run(STATSD, exporter, parent=context.parent)
    return {
        "AIRFLOW__METRICS__STATSD_ON": "True",
        "AIRFLOW__METRICS__STATSD_HOST": "127.0.0.1",
        "AIRFLOW__METRICS__STATSD_PORT": context.format("{}", port),
        "AIRFLOW__METRICS__STATSD_PREFIX": "airflow",
    }


def _bundles(options: Options, dags: Input[str]) -> list[dict[str, Any]]:
    """Where pipelines come from; one's own are looked for often, as they are being written."""
    own: dict[str, Any] = {"path": dags, "refresh_interval": 10}
    found = [("dags", "airflow.dag_processing.bundles.local.LocalDagBundle", own)]
    if options.dags:
        followed = {
            "repo_url": options.dags.repository,
            "tracking_ref": options.dags.branch,
            "subdir": options.dags.path or None,
            "refresh_interval": 60,
        }
        found.append(("repository", "airflow.providers.git.bundles.git.GitDagBundle", followed))
    return [{"name": name, "classpath": path, "kwargs": kwargs} for name, path, kwargs in found]


def _environment(options: Options, context: Context, artifacts: Artifacts) -> Settings:
    """How tasks find the platform's other services, as on a cluster; the spec's own win."""
    found: Settings = {**artifacts.variables}
    if context.peers.tracking:
        found |= context.peers.tracking.client
    if context.peers.monitoring:
        found["PUSHGATEWAY_URL"] = context.peers.monitoring.pushgateway
    features = context.blueprint.choices.get("features")
    if features and features.tool == feast.NAME:
        # Built later; where it will listen is known before.
        port = context.cloud.port(feast.NAME, feast.PORT)
        found["FEATURE_SERVER_URI"] = context.format("http://127.0.0.1:{}", port)
    return {**found, **options.environment}
