"""Prometheus, Alertmanager and Grafana, from the kube-prometheus-stack chart.

Prometheus takes every monitor and rule of every namespace. Dashboards and rules are made from
``templates/monitoring``: those of the platform, and of each tool in use that has a file there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import Field

from plinth import render
from plinth.ports import Generated, Grant, Port
from plinth.results import Monitoring
from plinth.spec.options import MonitoringOptions, ServingOptions
from plinth.spec.types import Label
from plinth.tools import Tool, Way
from plinth.tools.monitoring import values
from plinth.tools.monitoring.metrics import DRIFT_SCORE

if TYPE_CHECKING:
    from pulumi import Output, Resource

    from plinth.blueprint import Blueprint
    from plinth.context import Context
    from plinth.ports import Topic

_FOLDER = "monitoring"


class Options(MonitoringOptions):
    """Prometheus' options."""

    allow_from: tuple[Label, ...] = Field(
        default=(),
        description="Namespaces of your own whose workloads may ask for metrics or push some.",
    )


def documents(kind: str, blueprint: Blueprint, options: MonitoringOptions) -> dict[str, Any]:
    """The dashboards or rules of a platform: parsed templates by name.

    Args:
        kind: Folder below ``templates/monitoring``: ``dashboards`` or ``rules``.
        blueprint: Which tools are in use, and what the models cost.
        options: Thresholds.
    """
    facts = {
        "alerts": options.alerts,
        "currency": blueprint.settings.cost.currency,
        "drift_score": DRIFT_SCORE,
        "namespaces": [name for name in blueprint.choices if name != "artifacts"],
        "costs": _costs(blueprint),
    }
    return {name: render.data(template, **facts) for name, template in _templates(kind, blueprint)}


def _templates(kind: str, blueprint: Blueprint) -> Iterator[tuple[str, str]]:
    names = ["platform", *(choice.tool for choice in blueprint.choices.values()), "models"]
    for name in names:
        template = f"{_FOLDER}/{kind}/{name}.yaml.j2"
        served = name != "models" or "serving" in blueprint.choices
        if served and (render.data_folder("templates") / template).is_file():
            yield name, template


def _costs(blueprint: Blueprint) -> dict[str, float]:
    """What a copy of each model costs an hour, where the spec says."""
    serving = blueprint.choices.get("serving")
    if serving is None or not isinstance(serving.options, ServingOptions):
        return {}
    models = serving.options.models.items()
    return {name: model.cost_per_hour for name, model in models if model.cost_per_hour}


def dashboard(name: str, document: Mapping[str, Any]) -> str:
    """Grafana's JSON of one dashboard."""
    return render.text(f"{_FOLDER}/dashboard.json.j2", name=name, dashboard=document)


def rule(name: str, namespace: str, document: Mapping[str, Any]) -> dict[str, Any]:
    """One set of rule groups as a PrometheusRule."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": f"plinth-{name}", "namespace": namespace},
        "spec": dict(document),
    }


def _routes(context: Context, topic: Topic, *, slack: bool) -> Output[str]:
    """Alertmanager's configuration: who hears of what."""
    return context.text(
        f"{_FOLDER}/alertmanager.yaml.j2",
        receivers={kind: list(entries) for kind, entries in topic.receivers.items()},
        slack_url_file=values.SLACK_URL_FILE if slack else None,
        environment=context.blueprint.prefix,
    )


def _secrets(
    options: Options, context: Context, topic: Topic, opened: Sequence[Resource]
) -> tuple[Resource, ...]:
    """Grafana's administrator, and what Alertmanager's receivers are told in files."""
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
    if topic.files:
        made.append(
            context.secret(
                values.RECEIVER_SECRET,
                {name: f"${{{name}.{key}}}" for name, (_, key) in topic.files.items()},
                {name: secret for name, (secret, _) in topic.files.items()},
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
                "alertmanager.yaml": _routes(context, topic, slack=bool(options.alerts.slack))
            },
        },
        depends_on=opened,
    )
    secrets = _secrets(options, context, topic, opened)
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
            receiver_files=bool(topic.files),
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
    )


def _dashboards_and_rules(
    options: Options, context: Context, opened: Sequence[Resource], stack: Resource
) -> None:
    for name, document in documents("dashboards", context.blueprint, options).items():
        context.kube.config_map(
            f"dashboard-{name}",
            {f"plinth-{name}.json": dashboard(name, document)},
            namespace=context.namespace,
            parent=context.parent,
            depends_on=opened,
            labels={"grafana_dashboard": "1"},
        )
    for name, document in documents("rules", context.blueprint, options).items():
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
    ),
)
