"""Monitoring as processes: whom they ask, what they alert on, and that their own tools agree."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from tools_support import find, graph

from plinth.graph import Graph
from plinth.local import executables
from plinth.ports import METRICS_USER, TARGETS

LOCAL = """
cloud: local
artifacts: {}
tracking: {}
monitoring:
  retention_days: 45
  storage: 200
  alerts: {error_percent: 2, latency_seconds: 0.25}
environments: {dev: {region: null, account: null}}
"""
#: The same capabilities on a cluster.
CLUSTER = LOCAL.replace("cloud: local", "").replace("{region: null, account: null}", "{}")
#: Nobody asks for metrics.
UNWATCHED = """
cloud: local
artifacts: {}
tracking: {}
environments: {dev: {region: null, account: null}}
"""
SERVERS = ("prometheus", "alertmanager", "pushgateway", "grafana")


def _service(made: Graph, name: str) -> Mapping[str, Any]:
    return find(made, "plinth-local:index:Service", name).inputs


def _file(made: Graph, service: str, name: str) -> Any:
    return yaml.safe_load(_service(made, service)["files"][name])


def _alerts(groups: list[dict[str, Any]]) -> dict[str, str]:
    return {r["alert"]: r["expr"] for group in groups for r in group["rules"] if "alert" in r}


def test_every_server_listens_on_this_machine_only_and_may_be_missing() -> None:
    made = graph(LOCAL)
    for name in SERVERS:
        inputs = _service(made, name)
        assert inputs["missing"] == ""
        listens = json.dumps([inputs["command"], inputs["environment"]])
        assert "127.0.0.1" in listens
        assert str(inputs["port"]) in listens
    # Alertmanager would else look for others of its kind in the network.
    assert "--cluster.listen-address=" in _service(made, "alertmanager")["command"]


def test_metrics_are_kept_as_long_as_asked() -> None:
    command = _service(graph(LOCAL), "prometheus")["command"]
    assert "--storage.tsdb.retention.time=45d" in command
    assert "--storage.tsdb.retention.size=200GB" in command


def test_alerts_are_those_of_a_cluster() -> None:
    groups = [
        group
        for resource in graph(CLUSTER)
        if resource.type.endswith(":PrometheusRule")
        for group in resource.inputs["spec"]["groups"]
    ]
    here = _alerts(_file(graph(LOCAL), "prometheus", "rules.yml")["groups"])
    assert here == _alerts(groups)
    assert here["PlinthTrackingFailing"].rstrip().endswith("> 2.0")


def test_what_has_metrics_says_so_and_prometheus_reads_all_of_it() -> None:
    made = graph(LOCAL)
    jobs = {
        job["job_name"]: job
        for job in _file(made, "prometheus", "prometheus.yml")["scrape_configs"]
    }
    groups = {}
    for name in ("mlflow", "prometheus", "alertmanager", "pushgateway", "grafana"):
        metrics = _service(made, name)["metrics"]
        groups[name] = metrics["group"]
        assert metrics["labels"]["job"] == name
        (listed,) = jobs[metrics["group"]]["file_sd_configs"]
        assert listed["files"] == [f"{TARGETS}/{metrics['group']}.*.json"]
    assert groups == {
        "mlflow": "tracking",
        "prometheus": "open",
        "alertmanager": "open",
        "pushgateway": "pushed",
        "grafana": "open",
    }
    assert jobs["pushed"]["honor_labels"] is True
    assert jobs["tracking"]["basic_auth"] == {
        "username": METRICS_USER,
        "password_file": f"{TARGETS}/tracking.password",
    }
    assert _service(made, "mlflow")["metrics"]["labels"]["namespace"] == "tracking"


def test_models_and_features_are_asked_for_metrics_as_well() -> None:
    made = graph(LOCAL.replace("environments:", "features: {}\nserving: {}\nenvironments:"))
    found = {name: _service(made, name)["metrics"] for name in ("kserve", "feast")}
    assert {name: each["labels"]["namespace"] for name, each in found.items()} == {
        "kserve": "serving",
        "feast": "features",
    }
    assert {each["group"] for each in found.values()} == {"open"}
    # The state keeps no empty values: one among the inputs would differ at every run.
    assert all("password" not in each for each in found.values())


def test_tracking_shows_metrics_only_where_somebody_asks() -> None:
    alone = _service(graph(UNWATCHED), "mlflow")
    assert "--expose-prometheus" not in alone["command"]
    assert alone.get("metrics") is None
    assert "--expose-prometheus" in _service(graph(LOCAL), "mlflow")["command"]


def test_no_secret_is_in_arguments_or_files() -> None:
    made = graph(LOCAL)
    password = _service(made, "grafana")["environment"]["GF_SECURITY_ADMIN_PASSWORD"]
    assert password
    for name in SERVERS:
        inputs = _service(made, name)
        assert password not in json.dumps([inputs["command"], inputs["files"]])


def test_grafana_shows_the_dashboards_of_a_cluster() -> None:
    here = _service(graph(LOCAL), "grafana")["files"]
    there = {
        file: text
        for resource in graph(CLUSTER)
        if resource.name.startswith("dashboard-")
        for file, text in resource.inputs["data"].items()
    }
    assert there
    assert {
        name.removeprefix("dashboards/"): text
        for name, text in here.items()
        if name.startswith("dashboards/")
    } == there
    (source,) = _file(graph(LOCAL), "grafana", "provisioning/datasources/plinth.yaml")[
        "datasources"
    ]
    # Dashboards name it.
    assert all(f'"uid": "{source["uid"]}"' in text for text in there.values())
    (provider,) = _file(graph(LOCAL), "grafana", "provisioning/dashboards/plinth.yaml")["providers"]
    assert provider["options"]["path"].endswith("/services/grafana/dashboards")


def test_nobody_is_told_but_who_looks() -> None:
    made = graph(LOCAL)
    routes = _file(made, "alertmanager", "alertmanager.yml")
    assert routes["receivers"] == [{"name": "nobody"}, {"name": "team"}]
    assert made.outputs["monitoring_topic"] == "none"


def test_outputs_say_where_metrics_are_and_how_clients_reach_them() -> None:
    outputs = graph(LOCAL).outputs
    assert outputs["monitoring_prometheus"] == "http://127.0.0.1:9090"
    assert outputs["monitoring_client_PROMETHEUS_URL"] == outputs["monitoring_prometheus"]
    assert outputs["monitoring_client_PUSHGATEWAY_URL"] == "http://127.0.0.1:9091"
    assert outputs["monitoring_grafana"] == "http://127.0.0.1:3000"


# --- what Prometheus' and Alertmanager's own tools say -------------------------------------------


def _tool(name: str, package: str) -> str:
    found = executables.find([name], package, threading.Event())
    if found.missing:
        pytest.skip(found.missing)
    return found.path


def _ran(*command: str, folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _written(folder: Path, made: Graph, service: str) -> Path:
    """A service's working directory."""
    place = folder / "services" / service
    place.mkdir(parents=True)
    for name, text in _service(made, service)["files"].items():
        (place / name).write_text(text, encoding="utf-8")
    return place


def test_promtool_takes_rules_and_configuration(tmp_path: Path) -> None:
    promtool = _tool("promtool", "prometheus")
    place = _written(tmp_path, graph(LOCAL), "prometheus")
    targets = tmp_path / "targets"
    targets.mkdir()
    # It wants to see the files; Prometheus itself waits for them.
    for group in ("artifacts", "monitoring", "tracking"):
        (targets / f"{group}.password").touch()
    assert "rules found" in _ran(promtool, "check", "rules", "rules.yml", folder=place)
    _ran(promtool, "check", "config", "prometheus.yml", folder=place)


def test_amtool_takes_the_routes(tmp_path: Path) -> None:
    amtool = _tool("amtool", "prometheus-alertmanager")
    place = _written(tmp_path, graph(LOCAL), "alertmanager")
    executables.link(Path(amtool), place)
    assert "SUCCESS" in _ran(amtool, "check-config", "alertmanager.yml", folder=place)


_DOWN = {
    "rule_files": ["rules.yml"],
    "evaluation_interval": "1m",
    "tests": [
        {
            "interval": "1m",
            "input_series": [
                # Alive for ten minutes, then dead.
                {"series": 'up{namespace="tracking", job="mlflow"}', "values": "1x10 0x30"},
                {"series": 'up{namespace="monitoring", job="prometheus"}', "values": "1x40"},
                {
                    "series": 'mlflow_http_request_total{namespace="tracking", status="500"}',
                    "values": "0+3x40",
                },
                {
                    "series": 'mlflow_http_request_total{namespace="tracking", status="200"}',
                    "values": "0+97x40",
                },
            ],
            "alert_rule_test": [
                {"eval_time": "10m", "alertname": "PlinthServerDown", "exp_alerts": []},
                {
                    "eval_time": "18m",
                    "alertname": "PlinthServerDown",
                    "exp_alerts": [
                        {
                            "exp_labels": {
                                "severity": "critical",
                                "namespace": "tracking",
                                "deployment": "mlflow",
                                "job": "mlflow",
                            },
                            "exp_annotations": {
                                "summary": "No copy of mlflow (tracking) is ready."
                            },
                        }
                    ],
                },
                {
                    "eval_time": "30m",
                    "alertname": "PlinthScrapeDown",
                    "exp_alerts": [
                        {
                            "exp_labels": {
                                "severity": "warning",
                                "namespace": "tracking",
                                "job": "mlflow",
                            },
                            "exp_annotations": {
                                "summary": "Metrics of mlflow (tracking) have not been read for "
                                "15 minutes."
                            },
                        }
                    ],
                },
                # Three of a hundred requests fail; two may.
                {
                    "eval_time": "20m",
                    "alertname": "PlinthTrackingFailing",
                    "exp_alerts": [
                        {
                            "exp_labels": {"severity": "warning", "namespace": "tracking"},
                            "exp_annotations": {
                                "summary": "The tracking server fails 3% of its requests."
                            },
                        }
                    ],
                },
            ],
        }
    ],
}


def test_a_dead_process_and_a_failing_one_raise_the_alerts_of_a_cluster(tmp_path: Path) -> None:
    promtool = _tool("promtool", "prometheus")
    place = _written(tmp_path, graph(LOCAL), "prometheus")
    (place / "story.yml").write_text(yaml.safe_dump(_DOWN), encoding="utf-8")
    _ran(promtool, "test", "rules", "story.yml", folder=place)


_FAILED = 'airflow_dagrun_failed_count{namespace="orchestration", dag_id="nightly"}'
_FAILURES = {
    "rule_files": ["rules.yml"],
    "evaluation_interval": "1m",
    "tests": [
        {
            "interval": "1m",
            # Fails for the first time after five minutes, and again after forty.
            "input_series": [{"series": _FAILED, "values": "_x4 1x34 2x30"}],
            "alert_rule_test": [
                {
                    "eval_time": f"{minutes}m",
                    "alertname": "PlinthPipelineFailed",
                    "exp_alerts": [
                        {
                            "exp_labels": {
                                "severity": "warning",
                                "namespace": "orchestration",
                                "dag_id": "nightly",
                            },
                            "exp_annotations": {"summary": "Pipeline nightly failed."},
                        }
                    ]
                    * alerts,
                }
                for minutes, alerts in ((3, 0), (6, 1), (30, 0), (45, 1), (60, 0))
            ],
        }
    ],
}


def test_a_pipeline_s_first_failure_is_told_as_any_other(tmp_path: Path) -> None:
    promtool = _tool("promtool", "prometheus")
    place = _written(tmp_path, graph(LOCAL + "orchestration: {}\n"), "prometheus")
    (place / "story.yml").write_text(yaml.safe_dump(_FAILURES), encoding="utf-8")
    _ran(promtool, "test", "rules", "story.yml", folder=place)


# --- from a model that drifts to the one who retrains it -----------------------------------------

RETRAINED = LOCAL.replace(
    "environments:",
    """\
orchestration: {}
serving:
  models:
    churn: {uri: "models:/churn@champion", framework: sklearn, retrain: retrain_churn}
    wine: {uri: "models:/wine@champion", framework: sklearn, retrain: retrain_wine}
    art: {uri: "models:/art@champion", framework: sklearn}
environments:""",
)


@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        ("alertname=PlinthModelDrifting severity=warning model=churn", "retrain,team"),
        ("alertname=PlinthModelWorse severity=warning model=wine", "retrain,team"),
        ("alertname=PlinthModelDrifting severity=warning model=art", "team"),
        ("alertname=PlinthModelDrifting severity=warning model=churn2", "team"),
        ("alertname=PlinthModelSlow severity=warning model=churn", "team"),
        ("alertname=PlinthModelDown severity=critical model=churn", "team"),
        ("alertname=Watchdog severity=none", "nobody"),
    ],
)
def test_alerts_reach_whom_they_concern(tmp_path: Path, labels: str, receivers: str) -> None:
    amtool = _tool("amtool", "prometheus-alertmanager")
    place = _written(tmp_path, graph(RETRAINED), "alertmanager")
    executables.link(Path(amtool), place)
    asked = ("config", "routes", "test", "--config.file=alertmanager.yml")
    assert _ran(amtool, *asked, *labels.split(), folder=place).strip() == receivers


def test_alertmanager_looks_more_often_than_rules_are() -> None:
    """Else it would take an alert that comes back at once for the one that it has told of."""
    made = graph(RETRAINED)
    routes = _file(made, "alertmanager", "alertmanager.yml")["route"]["routes"]
    (route,) = [each for each in routes if each["receiver"] == "retrain"]
    rules = _file(made, "prometheus", "prometheus.yml")["global"]["evaluation_interval"]
    assert int(route["group_interval"].removesuffix("s")) < int(rules.removesuffix("s"))


def _pushed(model: str, job: str = "drift") -> str:
    return f'{{job="{job}", model="{model}"}}'


def _fires(at: str, alert: str, *expected: tuple[dict[str, str], str]) -> dict[str, Any]:
    always = {"severity": "warning", "namespace": "serving"}
    return {
        "eval_time": at,
        "alertname": alert,
        "exp_alerts": [
            {"exp_labels": {**always, **labels}, "exp_annotations": {"summary": summary}}
            for labels, summary in expected
        ],
    }


_CHURN = {"model": "churn"}
_LIFE = {
    "rule_files": ["rules.yml"],
    "evaluation_interval": "1m",
    "tests": [
        {
            "interval": "1m",
            "input_series": [
                # In the fifth minute half of the inputs have drifted; less than a third may.
                {"series": f"plinth_drift_score{_pushed('churn')}", "values": "0.1x4 0.5x20 0.1x9"},
                {"series": f"plinth_drift_score{_pushed('wine')}", "values": "0.3x40"},
                # Of two metrics one has lost more than a tenth.
                {
                    "series": 'plinth_performance_drop{job="drift", model="churn", metric="f1"}',
                    "values": "0x9 0.2x20",
                },
                {
                    "series": 'plinth_performance_drop{job="drift", model="churn", metric="auc"}',
                    "values": "0.1x40",
                },
                # Two candidates are refused one after the other, then one is promoted.
                {
                    "series": f"plinth_refused_version{_pushed('churn', 'registry')}",
                    "values": "0x4 7x9 8x9 0x9",
                },
                {
                    "series": 'plinth_retrainings_total{model="churn", outcome="failed"}',
                    "values": "0x9 1x30",
                },
                {
                    "series": 'plinth_retrainings_total{model="churn", outcome="started"}',
                    "values": "0x4 1x35",
                },
            ],
            "alert_rule_test": [
                _fires("4m", "PlinthModelDrifting"),
                _fires(
                    "5m",
                    "PlinthModelDrifting",
                    (
                        _CHURN,
                        "50% of the inputs of model churn have drifted from its training data.",
                    ),
                ),
                _fires("27m", "PlinthModelDrifting"),
                _fires("9m", "PlinthModelWorse"),
                _fires(
                    "10m",
                    "PlinthModelWorse",
                    (
                        _CHURN,
                        "Model churn has lost 20% of its performance since it was promoted.",
                    ),
                ),
                _fires("4m", "PlinthCandidateRefused"),
                _fires(
                    "5m",
                    "PlinthCandidateRefused",
                    (
                        {**_CHURN, "version": "7"},
                        "Version 7 of model churn was refused: the version in service stays.",
                    ),
                ),
                _fires(
                    "16m",
                    "PlinthCandidateRefused",
                    (
                        {**_CHURN, "version": "8"},
                        "Version 8 of model churn was refused: the version in service stays.",
                    ),
                ),
                _fires("26m", "PlinthCandidateRefused"),
                _fires("9m", "PlinthRetrainingFailed"),
                _fires(
                    "11m",
                    "PlinthRetrainingFailed",
                    (_CHURN, "The pipeline that retrains model churn could not be started."),
                ),
            ],
        },
        {
            "interval": "4m",
            "input_series": [
                # Time begins at 0: both were looked at then, and one of them is not served.
                {"series": f"push_time_seconds{_pushed('churn')}", "values": "0x750"},
                {"series": f"push_time_seconds{_pushed('gone')}", "values": "0x750"},
                {"series": f"push_time_seconds{_pushed('wine')}", "values": "0+240x750"},
                {"series": f"plinth_drift_rows{_pushed('churn')}", "values": "500x750"},
                {"series": f"plinth_drift_score{_pushed('churn')}", "values": "0x750"},
                {"series": f"plinth_drift_rows{_pushed('gone')}", "values": "7x750"},
                {"series": f"plinth_drift_rows{_pushed('wine')}", "values": "7x741 40x9"},
                {"series": f"plinth_drift_score{_pushed('wine')}", "values": "_x742 0x8"},
                *(
                    {
                        "series": f'plinth_model_ready{{namespace="serving", model="{model}"}}',
                        "values": "1x750",
                    }
                    for model in ("churn", "wine")
                ),
            ],
            "alert_rule_test": [
                _fires("48h", "PlinthDriftUnknown"),
                _fires(
                    "49h",
                    "PlinthDriftUnknown",
                    (_CHURN, "Whether model churn drifts was last looked at 2d 1h 0m 0s ago."),
                ),
                _fires("47h56m", "PlinthDriftUnmeasured"),
                _fires(
                    "48h",
                    "PlinthDriftUnmeasured",
                    (
                        {"model": "wine"},
                        "Whether model wine drifts could not be measured for two days: "
                        "7 rows are too few to compare.",
                    ),
                ),
                # There were enough in between.
                _fires("49h36m", "PlinthDriftUnmeasured"),
            ],
        },
    ],
}


def test_what_jobs_push_raises_alerts_at_once(tmp_path: Path) -> None:
    promtool = _tool("promtool", "prometheus")
    place = _written(tmp_path, graph(RETRAINED), "prometheus")
    (place / "story.yml").write_text(yaml.safe_dump(_LIFE), encoding="utf-8")
    _ran(promtool, "test", "rules", "story.yml", folder=place)
