"""Prometheus, Alertmanager and Grafana, from the kube-prometheus-stack chart.

Prometheus takes every monitor and rule of every namespace. Dashboards and rules are those of
:mod:`plinth.tools.monitoring.definitions`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import Field

from plinth.ports import RECEIVER_FILES, Generated, Grant, Port
from plinth.results import Monitoring
from plinth.spec.options import MonitoringOptions
from plinth.spec.types import Label
from plinth.tools import Tool, Way
from plinth.tools.monitoring import definitions, prometheus_processes, values
from plinth.tools.orchestration import retraining

if TYPE_CHECKING:
    from pulumi import Resource

    from plinth.context import Context
    from plinth.ports import Secret


class Options(MonitoringOptions):
    """Prometheus' options."""

    allow_from: tuple[Label, ...] = Field(
        default=(),
        description="Namespaces of your own whose workloads may ask for metrics or push some.",
    )


def rule(name: str, namespace: str, document: Mapping[str, Any]) -> dict[str, Any]:
    """One set of rule groups as a PrometheusRule."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": f"plinth-{name}", "namespace": namespace},
        "spec": dict(document),
    }


def _secrets(
    options: Options,
    context: Context,
    files: Mapping[str, tuple[Secret, str]],
    opened: Sequence[Resource],
) -> tuple[Resource, ...]:
    """Grafana's administrator, and what Alertmanager is told in files."""
    admin = context.cloud.generate(
        "grafana-admin",
        {"username": "admin", "password": Generated()},
        parent=context.parent,
    )
    made = [
        context.secret(
            values.GRAFANA_SECRET,
            {"admin-user": "${admin.username}", "admin-password": "${admin.password}"},
            {"admin": admin},
            depends_on=opened,
        )
    ]
    if options.alerts.slack:
        made.append(
            context.secret(
                values.SLACK_SECRET,
                {"url": f"${{slack.{options.alerts.slack.key}}}"},
                {"slack": context.existing_secret(options.alerts.slack)},
                depends_on=opened,
            )
        )
    if files:
        made.append(
            context.secret(
                values.RECEIVER_SECRET,
                {name: f"${{{name}.{key}}}" for name, (_, key) in files.items()},
                {name: secret for name, (secret, _) in files.items()},
                depends_on=opened,
            )
        )
    return tuple(made)


def _build(options: Options, context: Context) -> Monitoring:
    # The node exporter reads the host's own file systems; no stricter profile lets it.
    opened = context.open_namespace(
        profile="privileged",
        callers=["orchestration", *options.allow_from],
        open_ports=[values.WEBHOOK_PORT],
    )
    emails = options.alerts.email or (context.blueprint.settings.owner,)
    topic = context.topic("alerts", emails, depends_on=opened)
    webhook = _webhook(context)
    files = {**topic.files, **({definitions.RETRAIN_TOKEN: (webhook, "token")} if webhook else {})}
    identity = context.identity(
        values.ALERTMANAGER, [Grant(to=topic, access="write")], depends_on=opened
    )
    routes = context.apply(
        values.ALERTMANAGER_SECRET,
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": values.ALERTMANAGER_SECRET, "namespace": context.namespace},
            "stringData": {
                "alertmanager.yaml": definitions.routes(
                    context,
                    topic,
                    slack_url_file=values.SLACK_URL_FILE if options.alerts.slack else None,
                    retrain_url=retraining.URL,
                    retrain_token_file=f"{RECEIVER_FILES}{definitions.RETRAIN_TOKEN}",
                )
            },
        },
        depends_on=opened,
    )
    secrets = _secrets(options, context, files, opened)
    url = context.page("grafana", service=values.GRAFANA_SERVICE, port=80, depends_on=opened)
    stack = context.kube.release(
        values.RELEASE,
        context.blueprint.pins.charts["kube-prometheus-stack"],
        namespace=context.namespace,
        values=values.stack(
            options,
            labels=context.kube.labels,
            pod_labels=identity.pod_labels,
            url=url,
            storage_class=context.storage_class,
            receiver_files=bool(files),
            namespace=context.namespace,
            installed=context.installed,
        ),
        parent=context.parent,
        depends_on=[*opened, *identity.ready, routes, *secrets],
    )
    context.kube.release(
        values.PUSHGATEWAY,
        context.blueprint.pins.charts["prometheus-pushgateway"],
        namespace=context.namespace,
        values=values.pushgateway(context.kube.labels),
        parent=context.parent,
        depends_on=opened,
    )
    _dashboards_and_rules(options, context, opened, stack)
    inside = f"{context.namespace}.svc.cluster.local"
    return Monitoring(
        namespace=context.namespace,
        prometheus=f"http://{values.PROMETHEUS_SERVICE}.{inside}:9090",
        pushgateway=f"http://{values.PUSHGATEWAY}.{inside}:9091",
        grafana=url,
        topic=topic,
        webhook=webhook,
    )


def _webhook(context: Context) -> Secret | None:
    """What Alertmanager proves itself with when a model is to be retrained, if any ever is."""
    if not retraining.pipelines(context.blueprint):
        return None
    return context.cloud.generate(retraining.WEBHOOK, {"token": Generated()}, parent=context.parent)


def _dashboards_and_rules(
    options: Options, context: Context, opened: Sequence[Resource], stack: Resource
) -> None:
    for name, document in definitions.documents("dashboards", context.blueprint, options).items():
        context.kube.config_map(
            f"dashboard-{name}",
            {f"plinth-{name}.json": definitions.dashboard(name, document)},
            namespace=context.namespace,
            parent=context.parent,
            depends_on=opened,
            labels={"grafana_dashboard": "1"},
        )
    for name, document in definitions.documents("rules", context.blueprint, options).items():
        # After the stack: its webhook checks the rules.
        made = rule(name, context.namespace, document)
        context.apply(f"rules-{name}", made, depends_on=[stack])


TOOL = Tool(
    capability="monitoring",
    name="prometheus",
    title="Prometheus",
    summary="Metrics, dashboards and alerts from Prometheus, Grafana and Alertmanager.",
    options=Options,
    ways=(
        Way(
            needs=frozenset({Port.CLUSTER, Port.IDENTITY, Port.SECRETS, Port.NOTIFICATIONS}),
            build=_build,
        ),
        Way(needs=frozenset({Port.PROCESSES}), build=prometheus_processes.build),
    ),
)
