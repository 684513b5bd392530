"""Dashboards, alert rules and who hears of alerts: the same wherever Prometheus runs.

Made from ``templates/monitoring``: those of the platform, and of each tool in use that has a file
there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from plinth import render
from plinth.spec.options import MonitoringOptions, ServingOptions
from plinth.tools.monitoring import metrics
from plinth.tools.orchestration import retraining

if TYPE_CHECKING:
    from pulumi import Input, Output

    from plinth.blueprint import Blueprint
    from plinth.context import Context
    from plinth.ports import Topic

_FOLDER = "monitoring"
#: File with the token by which Alertmanager proves itself to who retrains models.
RETRAIN_TOKEN = "retrain-token"  # noqa: S105 - a file's name


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
        "metrics": metrics,
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


def routes(
    context: Context,
    topic: Topic,
    *,
    slack_url_file: str | None,
    retrain_url: Input[str],
    retrain_token_file: str,
) -> Output[str]:
    """Alertmanager's configuration: who hears of what.

    Args:
        context: Monitoring's.
        topic: Where people are told.
        slack_url_file: File with the address of their channel, if there is one.
        retrain_url: Where to ask for a model to be retrained, if the spec says so of any.
        retrain_token_file: File with the token that is asked for there.
    """
    return context.text(
        f"{_FOLDER}/alertmanager.yaml.j2",
        receivers={kind: list(entries) for kind, entries in topic.receivers.items()},
        slack_url_file=slack_url_file,
        retrained=sorted(retraining.pipelines(context.blueprint)),
        retrain_url=retrain_url,
        retrain_token_file=retrain_token_file,
        environment=context.blueprint.prefix,
    )
