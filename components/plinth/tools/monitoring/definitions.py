"""Dashboards, alert rules and who hears of alerts: the same wherever Prometheus runs.

Made from ``templates/monitoring``: those of the platform, and of each tool in use that has a file
there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from plinth import render
from plinth.spec.options import MonitoringOptions, ServingOptions
from plinth.tools.monitoring.metrics import DRIFT_SCORE

if TYPE_CHECKING:
    from pulumi import Output

    from plinth.blueprint import Blueprint
    from plinth.context import Context
    from plinth.ports import Topic

_FOLDER = "monitoring"


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


def routes(context: Context, topic: Topic, *, slack_url_file: str | None) -> Output[str]:
    """Alertmanager's configuration: who hears of what."""
    return context.text(
        f"{_FOLDER}/alertmanager.yaml.j2",
        receivers={kind: list(entries) for kind, entries in topic.receivers.items()},
        slack_url_file=slack_url_file,
        environment=context.blueprint.prefix,
    )
