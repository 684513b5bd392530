"""Monitoring: what is scraped, who is told, and that every dashboard and rule can be read."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from tools_support import assert_valid, find, graph, manifests

from plinth.graph import Graph
from plinth.ports import RECEIVER_FILES
from plinth.spec.options import Alerts
from plinth.spec.types import SecretRef
from plinth.tools.monitoring import metrics, prometheus, values
from plinth.tools.orchestration import retraining

PLAIN = "monitoring: {}"
FULL = """
artifacts: {}
tracking: {}
orchestration: {}
features: {}
monitoring:
  allow_from: [notebooks]
  alerts:
    email: [oncall@example.com]
    slack: {secret: ml/slack, key: webhook}
    latency_seconds: 0.25
    error_percent: 2
    drift_score: 0.4
    performance_drop: 0.05
serving:
  models:
    churn: {uri: "s3://models/churn", framework: sklearn, cost_per_hour: 0.4}
    faces: {uri: "s3://models/faces", framework: onnx}
    wine: {uri: "models:/wine@champion", framework: sklearn, retrain: retrain_wine}
durable: true
domain: {name: ml.example.com}
"""
_LABELS = {"platform": "churn", "environment": "dev", "cost-center": "4711"}


def _stack(**changes: Any) -> dict[str, Any]:
    options = prometheus.Options(**{"replicas": 2, **changes})
    return values.stack(options, labels=_LABELS, pod_labels={"use": "identity"}, url=None)


def test_every_monitor_of_every_team_is_seen() -> None:
    spec = _stack()["prometheus"]["prometheusSpec"]
    for kind in ("serviceMonitor", "podMonitor", "rule", "probe", "scrapeConfig"):
        assert spec[f"{kind}SelectorNilUsesHelmValues"] is False


def test_other_servers_on_the_cluster_are_left_to_their_operator() -> None:
    operator = _stack()["prometheusOperator"]
    for kind in ("prometheus", "alertmanager", "thanosRuler"):
        assert operator[f"{kind}InstanceNamespaces"] == ["monitoring"]
    # These would hide the monitors of other namespaces.
    assert not {"namespaces", "denyNamespaces"} & {*operator}


@pytest.mark.parametrize(
    ("service", "part"),
    [
        ("prometheus-operator", "prometheusOperator"),
        ("kube-state-metrics", "kubeStateMetrics"),
        ("node-exporter", "nodeExporter"),
    ],
)
def test_what_the_cluster_has_is_not_installed_again(service: str, part: str) -> None:
    options = prometheus.Options(replicas=1)
    plain: dict[str, Any] = {"labels": _LABELS, "pod_labels": {}, "url": None}
    assert values.stack(options, **plain)[part]["enabled"] is True
    assert values.stack(options, **plain, installed={service})[part]["enabled"] is False


def test_metrics_are_kept_as_long_as_asked_and_never_fill_the_disk() -> None:
    spec = _stack(retention_days=45, storage=200)["prometheus"]["prometheusSpec"]
    assert spec["retention"] == "45d"
    assert spec["retentionSize"] == "170GiB"
    claim = spec["storageSpec"]["volumeClaimTemplate"]["spec"]
    assert claim["resources"]["requests"]["storage"] == "200Gi"


def test_what_a_managed_control_plane_hides_is_not_scraped() -> None:
    stack = _stack()
    for component in ("kubeControllerManager", "kubeEtcd", "kubeScheduler", "kubeProxy"):
        assert stack[component] == {"enabled": False}


def test_nothing_is_left_to_hooks() -> None:
    stack = _stack()
    webhooks = stack["prometheusOperator"]["admissionWebhooks"]
    # The chart brings rules of its own, before the operator is there to check them.
    assert webhooks == {
        "certManager": {"enabled": True},
        "patch": {"enabled": False},
        "failurePolicy": "IgnoreOnInstallOnly",
    }
    assert stack["crds"] == {"enabled": False}
    assert stack["grafana"]["testFramework"] == {"enabled": False}
    assert stack["grafana"]["initChownData"] == {"enabled": False}


def test_costs_can_be_told_apart_by_label() -> None:
    allowed = _stack()["kube-state-metrics"]["metricLabelsAllowlist"]
    assert "namespaces=[cost-center,environment,platform]" in allowed
    assert "pods=[cost-center,environment,platform]" in allowed


@pytest.mark.parametrize(("replicas", "guarded"), [(1, False), (2, True)])
def test_a_single_copy_never_blocks_the_upgrade_of_its_node(replicas: int, guarded: bool) -> None:
    stack = _stack(replicas=replicas)
    for part in ("prometheus", "alertmanager"):
        assert stack[part]["podDisruptionBudget"]["enabled"] is guarded


def test_grafana_asks_who_you_are_and_survives_a_restart() -> None:
    grafana = _stack()["grafana"]
    assert grafana["grafana.ini"]["auth.anonymous"] == {"enabled": False}
    assert grafana["admin"] == {"existingSecret": values.GRAFANA_SECRET}
    assert grafana["persistence"]["enabled"] is True
    assert grafana["deploymentStrategy"] == {"type": "Recreate"}


def test_slack_is_mounted_only_where_it_is_wanted() -> None:
    assert _stack()["alertmanager"]["alertmanagerSpec"]["secrets"] == []
    told = _stack(alerts=Alerts(slack=SecretRef(secret="ml/slack")))
    assert told["alertmanager"]["alertmanagerSpec"]["secrets"] == [values.SLACK_SECRET]


def _routes(made: Graph) -> dict[str, Any]:
    secret = find(made, ":Secret", values.ALERTMANAGER_SECRET)
    routes: dict[str, Any] = yaml.safe_load(secret.inputs["stringData"]["alertmanager.yaml"])
    return routes


def test_alerts_go_to_the_topic_and_critical_ones_come_back_sooner() -> None:
    config = _routes(graph(FULL))
    receivers = {receiver["name"]: receiver for receiver in config["receivers"]}
    topic = receivers["team"]["sns_configs"][0]
    assert topic["topic_arn"].endswith("-alerts")
    assert receivers["team"]["slack_configs"][0]["api_url_file"] == values.SLACK_URL_FILE
    routes = {route["matchers"][0]: route for route in config["route"]["routes"]}
    assert routes['severity = "critical"']["repeat_interval"] == "1h"
    assert config["route"]["repeat_interval"] == "12h"
    for route in config["route"]["routes"]:
        assert route["receiver"] in receivers
    assert receivers["nobody"].keys() == {"name"}


def test_without_slack_only_the_topic_is_told() -> None:
    team = _routes(graph(PLAIN))["receivers"][1]
    assert team.keys() == {"name", "sns_configs"}


def test_models_that_drift_or_get_worse_are_retrained_and_people_are_told_as_well() -> None:
    made = graph(FULL)
    config = _routes(made)
    (route,) = [each for each in config["route"]["routes"] if each["receiver"] == "retrain"]
    assert route["continue"] is True
    assert 'model =~ "wine"' in route["matchers"]  # the others name no pipeline
    (told,) = config["receivers"][-1]["webhook_configs"]
    assert told["url"] == retraining.URL
    assert told["send_resolved"] is False
    # By a token in a file that Alertmanager finds where secrets are mounted.
    file = told["http_config"]["authorization"]["credentials_file"]
    folder, _, name = file.rpartition("/")
    assert f"{folder}/" == RECEIVER_FILES
    delivered = find(made, ":ExternalSecret", f"{values.RECEIVER_SECRET}-secret").inputs["spec"]
    assert name in json.dumps(delivered)
    stack = find(made, "Release", values.RELEASE).inputs["values"]
    mounted = stack["alertmanager"]["alertmanagerSpec"]["secrets"]
    assert values.RECEIVER_SECRET in mounted


def test_where_no_model_names_a_pipeline_nobody_is_asked() -> None:
    made = graph(FULL.replace(", retrain: retrain_wine", ""))
    config = _routes(made)
    assert [receiver["name"] for receiver in config["receivers"]] == ["nobody", "team"]
    assert not [r.name for r in made if r.name.startswith("retrain")]


def test_the_owner_is_told_when_nobody_else_is_named() -> None:
    addresses = {
        made: {r.inputs["endpoint"] for r in graph(made) if r.type.endswith(":TopicSubscription")}
        for made in (PLAIN, FULL)
    }
    assert "ml-platform@example.com" in addresses[PLAIN]
    assert "oncall@example.com" in addresses[FULL]


def test_alertmanager_may_publish_and_only_that() -> None:
    policy = json.loads(
        find(graph(FULL), ":RolePolicy", "monitoring-alertmanager").inputs["policy"]
    )
    actions = [
        action
        for statement in policy["Statement"]
        for action in (
            [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        )
    ]
    assert "sns:Publish" in actions
    assert all(action.startswith(("sns:", "kms:")) for action in actions)


def test_no_secret_is_in_chart_values() -> None:
    made = graph(FULL)
    text = json.dumps(
        [find(made, "Release", name).inputs for name in (values.RELEASE, values.PUSHGATEWAY)]
    )
    assert "adminPassword" not in text
    assert "hooks.slack.com" not in text
    delivered = find(made, ":ExternalSecret", f"{values.SLACK_SECRET}-secret").inputs["spec"]
    assert delivered["data"][0]["remoteRef"] == {"key": "ml/slack", "property": "webhook"}


def test_the_operator_s_webhook_is_reachable_and_drift_jobs_may_push() -> None:
    policy = find(graph(FULL), ":NetworkPolicy", "monitoring-isolation").inputs["spec"]
    assert {"ports": [{"port": values.WEBHOOK_PORT}]} in policy["ingress"]
    assert "orchestration" in json.dumps(policy)
    assert "notebooks" in json.dumps(policy)


def test_rules_wait_for_the_webhook_that_checks_them() -> None:
    made = graph(FULL)
    stack = find(made, "Release", values.RELEASE)
    for resource in made:
        if resource.name.startswith("rules-"):
            assert stack.urn in resource.dependencies


def test_objects_are_ones_that_kubernetes_knows() -> None:
    for manifest in manifests(graph(FULL), "monitoring"):
        assert_valid(manifest)


def test_outputs_say_where_metrics_are() -> None:
    outputs = graph(FULL).outputs
    assert outputs["monitoring_grafana"] == "https://grafana.ml.example.com"
    assert (
        outputs["monitoring_pushgateway"] == "http://pushgateway.monitoring.svc.cluster.local:9091"
    )


# --- dashboards and rules ------------------------------------------------------------------------


def _dashboards(made: Graph) -> dict[str, dict[str, Any]]:
    return {
        file: json.loads(text)
        for resource in made
        if resource.name.startswith("dashboard-")
        for file, text in resource.inputs["data"].items()
    }


def _rules(made: Graph) -> Iterator[dict[str, Any]]:
    for resource in made:
        if resource.type.endswith(":PrometheusRule"):
            for group in resource.inputs["spec"]["groups"]:
                yield from group["rules"]


def _queries(made: Graph) -> Iterator[str]:
    for dashboard in _dashboards(made).values():
        for panel in dashboard["panels"]:
            yield from (target["expr"] for target in panel["targets"])
    yield from (rule["expr"] for rule in _rules(made))


def test_every_capability_that_is_on_has_a_dashboard_and_no_other_has() -> None:
    assert {re.sub(r"^plinth-|\.json$", "", name) for name in _dashboards(graph(FULL))} == {
        "platform", "prometheus", "mlflow", "airflow", "feast", "kserve", "models",
    }  # fmt: skip
    assert _dashboards(graph(PLAIN)).keys() == {"plinth-platform.json", "plinth-prometheus.json"}


def test_grafana_finds_dashboards_by_their_label() -> None:
    for resource in graph(FULL):
        if resource.name.startswith("dashboard-"):
            assert resource.inputs["metadata"]["labels"]["grafana_dashboard"] == "1"


def test_dashboards_are_ones_that_grafana_reads() -> None:
    boards = _dashboards(graph(FULL))
    assert len({board["uid"] for board in boards.values()}) == len(boards)
    for board in boards.values():
        assert board["schemaVersion"] >= 39
        assert len(board["uid"]) <= 40
        places = set()
        for panel in board["panels"]:
            assert panel["datasource"] == {"type": "prometheus", "uid": "prometheus"}
            assert panel["targets"]
            assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
            places.add((panel["gridPos"]["x"], panel["gridPos"]["y"]))
        assert len(places) == len(board["panels"])


def test_models_are_watched_for_latency_errors_cost_and_drift() -> None:
    board = json.dumps(_dashboards(graph(FULL))["plinth-models.json"])
    for metric in (
        "requests:rate5m",
        "errors:rate5m",
        "latency_seconds",
        "replicas",
        "cost_per_inference",
    ):
        assert f"plinth_model:{metric}" in board
    for metric in (*metrics.PUSHED, metrics.RETRAININGS):
        assert metric in board


def test_queries_are_balanced() -> None:
    """A cheap check of syntax: outside of strings, what opens must close, in order."""
    for query in _queries(graph(FULL)):
        stack: list[str] = []
        for sign in re.sub(r'"[^"]*"', "", query):
            if sign in "({[":
                stack.append(sign)
            elif sign in ")}]":
                assert stack, query
                assert stack.pop() + sign in ("()", "{}", "[]"), query
        assert not stack, query
        assert query.count('"') % 2 == 0, query


def test_every_metric_of_ours_that_is_used_is_recorded_or_pushed() -> None:
    recorded = {rule["record"] for rule in _rules(graph(FULL)) if "record" in rule}
    used = {
        name
        for query in _queries(graph(FULL))
        for name in re.findall(r"plinth_\w+(?::\w+)*", query)
    }
    assert used == {*recorded, *metrics.PUSHED, metrics.RETRAININGS}


def test_alerts_say_how_bad_it_is_and_what_happened() -> None:
    alerts = [rule for rule in _rules(graph(FULL)) if "alert" in rule]
    assert len({alert["alert"] for alert in alerts}) == len(alerts)
    for alert in alerts:
        assert alert["alert"].startswith("Plinth")
        assert alert["labels"]["severity"] in ("critical", "warning")
        assert alert["annotations"]["summary"]


@pytest.mark.parametrize(
    ("alert", "limit"),
    [
        ("PlinthModelSlow", "0.25"),
        ("PlinthModelFailing", "2.0"),
        ("PlinthModelDrifting", "0.4"),
        ("PlinthModelWorse", "0.05"),
    ],
)
def test_limits_are_the_spec_s(alert: str, limit: str) -> None:
    (rule,) = [rule for rule in _rules(graph(FULL)) if rule.get("alert") == alert]
    assert rule["expr"].endswith(f"> {limit}")


def test_cost_of_a_copy_is_known_for_models_that_have_one() -> None:
    costs = {
        rule["labels"]["model"]: rule["expr"]
        for rule in _rules(graph(FULL))
        if rule.get("record") == "plinth_model:replica_cost_per_hour"
    }
    assert costs == {"churn": "vector(0.4)"}


def test_importing_the_tool_loads_no_engine() -> None:
    script = "import sys, plinth.tools.monitoring.prometheus; sys.exit('pulumi' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
