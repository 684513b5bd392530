"""Prometheus, Alertmanager, Pushgateway and Grafana as processes of this machine.

The programs are the machine's own, or come from the Debian archive (12 has Prometheus 2.42,
Alertmanager 0.25 and Pushgateway 1.5, and no Grafana); what cannot be had is skipped.  Rules and
dashboards are those of a cluster: what they ask of Kubernetes is told from what processes show
(``templates/monitoring/rules/processes.yaml.j2``).  Whom to ask for metrics stands in files that
come and go with the programs, so nothing here changes when a capability is added.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from plinth import render
from plinth.ports import METRICS_USER, TARGETS, Metrics, Program, Secret, Topic
from plinth.results import Monitoring
from plinth.spec.options import MonitoringOptions
from plinth.tools.monitoring import definitions
from plinth.tools.orchestration import retraining

if TYPE_CHECKING:
    from pulumi import Input, Output

    from plinth.blueprint import Blueprint
    from plinth.context import Context

_FOLDER = "monitoring"
_USER = "admin"


def build(options: MonitoringOptions, context: Context) -> Monitoring:
    """Runs the servers; alerts are told on their pages only, and to who retrains models."""
    topic = Topic(id=context.format("none"), receivers={})
    webhook = _alertmanager(context, topic)
    prometheus = _prometheus(options, context)
    pushgateway = _pushgateway(context)
    grafana, login = _grafana(options, context, prometheus)
    return Monitoring(
        namespace=None,
        prometheus=prometheus,
        pushgateway=pushgateway,
        grafana=grafana,
        topic=topic,
        webhook=webhook,
        client={"PROMETHEUS_URL": prometheus, "PUSHGATEWAY_URL": pushgateway, **login},
    )


def rules(blueprint: Blueprint, options: MonitoringOptions) -> dict[str, Any]:
    """The groups of all rules, as one file of Prometheus'."""
    documents = [
        render.data(f"{_FOLDER}/rules/processes.yaml.j2"),
        *definitions.documents("rules", blueprint, options).values(),
    ]
    return {"groups": [group for document in documents for group in document["groups"]]}


def settings(blueprint: Blueprint) -> dict[str, Any]:
    """Prometheus' configuration."""
    jobs: dict[str, dict[str, Any]] = {
        "open": {},
        "pushed": {"honor_labels": True},
        # Prometheus takes credentials for a whole job only, hence one for each capability.
        **{
            capability: {
                "basic_auth": {
                    "username": METRICS_USER,
                    "password_file": f"{TARGETS}/{capability}.password",
                }
            }
            for capability in blueprint.choices
        },
    }
    return {
        "global": {
            "scrape_interval": "15s",
            "evaluation_interval": "15s",
            "external_labels": {
                "platform": blueprint.settings.name,
                "environment": blueprint.environment,
            },
        },
        "rule_files": ["rules.yml"],
        "alerting": {"alertmanagers": [_listed("open.alertmanager")]},
        "scrape_configs": [
            {"job_name": group, **settings, **_listed(f"{group}.*")}
            for group, settings in jobs.items()
        ],
    }


def _listed(name: str) -> dict[str, Any]:
    # Changes are seen at once; the interval is for a folder that was not there.
    return {"file_sd_configs": [{"files": [f"{TARGETS}/{name}.json"], "refresh_interval": "15s"}]}


def _prometheus(options: MonitoringOptions, context: Context) -> Output[str]:
    cloud, parent = context.cloud, context.parent
    found = cloud.executable(["prometheus"], "prometheus")
    port = cloud.port("prometheus", 9090)
    server = Program(
        command=[
            found.path,
            "--config.file=prometheus.yml",
            context.format("--web.listen-address=127.0.0.1:{}", port),
            context.format("--storage.tsdb.path={}", cloud.folder("prometheus", parent=parent)),
            f"--storage.tsdb.retention.time={options.retention_days}d",
            f"--storage.tsdb.retention.size={options.storage}GB",
        ],
        files={
            "prometheus.yml": context.json(settings(context.blueprint)),
            "rules.yml": context.json(rules(context.blueprint, options)),
        },
        port=port,
        health="/-/ready",
        metrics=Metrics(namespace=context.namespace),
        missing=found.missing,
    )
    return cloud.run("prometheus", server, parent=parent).url


def _alertmanager(context: Context, topic: Topic) -> Secret | None:
    """Runs it; what it proves itself with when a model is to be retrained, if any ever is."""
    cloud, parent = context.cloud, context.parent
    found = cloud.executable(["alertmanager", "prometheus-alertmanager"], "prometheus-alertmanager")
    port = cloud.port("alertmanager", 9093)
    receiver: Input[int] = 0
    webhook = None
    if retraining.pipelines(context.blueprint):
        # Built later; where it will listen is known before.
        receiver = cloud.port(retraining.NAME, retraining.PORT)
        token = cloud.password(retraining.WEBHOOK, parent=parent)
        webhook = Secret(name=retraining.WEBHOOK, keys=("token",), ref={"token": token})
    server = Program(
        command=[
            found.path,
            "--config.file=alertmanager.yml",
            context.format("--web.listen-address=127.0.0.1:{}", port),
            "--cluster.listen-address=",
            context.format("--storage.path={}", cloud.folder("alertmanager", parent=parent)),
        ],
        files={
            "alertmanager.yml": definitions.routes(
                context,
                topic,
                slack_url_file=None,
                retrain_url=context.format(f"http://127.0.0.1:{{}}{retraining.PATH}", receiver),
                retrain_token_file=definitions.RETRAIN_TOKEN,
            ),
            **({definitions.RETRAIN_TOKEN: webhook.ref["token"]} if webhook else {}),
        },
        port=port,
        health="/-/ready",
        metrics=Metrics(namespace=context.namespace),
        missing=found.missing,
    )
    cloud.run("alertmanager", server, parent=parent)
    return webhook


def _pushgateway(context: Context) -> Output[str]:
    cloud, parent = context.cloud, context.parent
    found = cloud.executable(["pushgateway", "prometheus-pushgateway"], "prometheus-pushgateway")
    port = cloud.port("pushgateway", 9091)
    data = cloud.folder("pushgateway", parent=parent)
    server = Program(
        command=[
            found.path,
            context.format("--web.listen-address=127.0.0.1:{}", port),
            context.format("--persistence.file={}/metrics", data),
        ],
        port=port,
        health="/-/ready",
        metrics=Metrics(namespace=context.namespace, pushed=True),
        missing=found.missing,
    )
    return cloud.run("pushgateway", server, parent=parent).url


def _grafana(
    options: MonitoringOptions, context: Context, prometheus: Input[str]
) -> tuple[Output[str], dict[str, Input[str]]]:
    """Where Grafana is, and by which variables clients log in."""
    cloud, parent = context.cloud, context.parent
    found = cloud.executable(["grafana"])
    port = cloud.port("grafana", 3000)
    data = cloud.folder("grafana", parent=parent)
    password = cloud.password("grafana-admin", parent=parent)
    # Grafana takes relative paths as relative to itself.
    own = context.format("{}/../../services/grafana", data)
    server = Program(
        command=[found.path, "server", found.path.apply(_home)],
        environment={
            "GF_SERVER_HTTP_ADDR": "127.0.0.1",
            "GF_SERVER_HTTP_PORT": context.format("{}", port),
            "GF_PATHS_DATA": data,
            "GF_PATHS_LOGS": context.format("{}/log", data),
            "GF_PATHS_PLUGINS": context.format("{}/plugins", data),
            "GF_PATHS_PROVISIONING": context.format("{}/provisioning", own),
            "GF_LOG_MODE": "console",
            "GF_SECURITY_ADMIN_USER": _USER,
            "GF_SECURITY_ADMIN_PASSWORD": password,
            "GF_USERS_ALLOW_SIGN_UP": "false",
            "GF_ANALYTICS_REPORTING_ENABLED": "false",
            "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
        },
        files={
            "provisioning/datasources/plinth.yaml": context.json(_sources(prometheus)),
            "provisioning/dashboards/plinth.yaml": context.json(_dashboards(own)),
            **{
                f"dashboards/plinth-{name}.json": definitions.dashboard(name, document)
                for name, document in definitions.documents(
                    "dashboards", context.blueprint, options
                ).items()
            },
        },
        port=port,
        health="/api/health",
        metrics=Metrics(namespace=context.namespace),
        missing=found.missing,
    )
    url = cloud.run("grafana", server, parent=parent).url
    client: dict[str, Input[str]] = {
        "GRAFANA_URL": url,
        "GRAFANA_USERNAME": _USER,
        "GRAFANA_PASSWORD": password,
    }
    return url, client


def _home(path: str) -> str:
    """Where Grafana's own files are: its packages' command knows, its archive's must be told."""
    packaged = not path or path.startswith(("/usr/bin/", "/usr/sbin/"))
    return "" if packaged else f"--homepath={PurePosixPath(path).parent.parent}"


def _sources(prometheus: Input[str]) -> dict[str, Any]:
    source = {
        "name": "Prometheus",
        "uid": "prometheus",  # as dashboards have it
        "type": "prometheus",
        "access": "proxy",
        "url": prometheus,
        "isDefault": True,
    }
    return {"apiVersion": 1, "datasources": [source]}


def _dashboards(own: Output[str]) -> dict[str, Any]:
    folder = {"path": own.apply(lambda path: f"{path}/dashboards")}
    provider = {"name": "plinth", "type": "file", "options": folder}
    return {"apiVersion": 1, "providers": [provider]}
