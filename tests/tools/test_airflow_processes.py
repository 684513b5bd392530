"""Airflow as processes: what each part is told, where pipelines come from, what stays secret."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml
from tools_support import find, graph

from plinth.graph import SECRET, Resource
from plinth.local import executables
from plinth.tools.features import feast
from plinth.tools.orchestration import airflow_processes as airflow
from plinth.tools.orchestration import retraining
from served import free_port, until

_PARTS = ("scheduler", "api-server", "dag-processor", "triggerer")
_HERE = "cloud: local\nregion: null\naccount: null\nartifacts: {}\ntracking: {}\n"
_PLAIN = _HERE + "orchestration: {}\n"
_FULL = (
    _HERE
    + """
orchestration:
  dags: {repository: "https://example.com/ml/dags.git", branch: live, path: pipelines}
  parallelism: 3
  environment: {TEAM: churn, BUCKET_LOGS: elsewhere}
"""
)


def _part(name: str, spec: str = _PLAIN) -> Resource:
    return find(graph(spec), ":Service", f"airflow-{name}")


def _variables(name: str, spec: str = _PLAIN) -> dict[str, Any]:
    found: dict[str, Any] = _part(name, spec).inputs["environment"]
    return found


def _sources(spec: str) -> dict[str, Any]:
    listed = _variables("dag-processor", spec)["AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"]
    return {source["name"]: source for source in json.loads(listed)}


def test_only_the_first_part_migrates_and_the_others_wait_for_it() -> None:
    assert [step[1:] for step in _part("scheduler").inputs["before"]] == [["db", "migrate"]]
    first = _part("scheduler").urn
    for name in _PARTS[1:]:
        assert _part(name).inputs["before"] == []
        assert first in _part(name).dependencies


def test_parts_agree_on_database_pipelines_and_keys() -> None:
    shared = ("AIRFLOW_HOME", "AIRFLOW__CORE__EXECUTOR", "AIRFLOW__CORE__FERNET_KEY")
    told = {tuple(_variables(name)[key] for key in shared) for name in _PARTS}
    assert len(told) == 1
    assert len({_variables(name)["AIRFLOW__CORE__DAGS_FOLDER"] for name in _PARTS}) == 1


@pytest.mark.parametrize("name", _PARTS)
def test_nothing_secret_is_in_the_open(name: str) -> None:
    part = _part(name)
    assert SECRET not in str(part.inputs["command"])
    for key, value in part.inputs["environment"].items():
        if any(word in key for word in ("SECRET", "FERNET", "TRACKING_PASSWORD")):
            assert value == SECRET, key
    assert part.inputs["environment"]["AIRFLOW__CORE__LOAD_EXAMPLES"] == "False"


def test_who_may_log_in_is_in_the_server_s_file_alone() -> None:
    assert _part("api-server").inputs["files"] == {"passwords.json": SECRET}
    outputs = {name: _part(name).inputs["files"] for name in _PARTS if name != "api-server"}
    assert not any(outputs.values())


@pytest.mark.parametrize(
    ("name", "host", "port"),
    [
        ("api-server", "AIRFLOW__API__HOST", 8080),
        ("scheduler", "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_HOST", 8974),
    ],
)
def test_parts_that_answer_listen_for_this_machine_only(name: str, host: str, port: int) -> None:
    assert _variables(name)[host] == "127.0.0.1"
    assert _part(name).inputs["port"] == port


@pytest.mark.parametrize("name", ["scheduler", "triggerer"])
def test_no_log_server_listens_for_everybody(name: str) -> None:
    assert "--skip-serve-logs" in _part(name).inputs["command"]


def test_tasks_find_what_they_find_on_a_cluster() -> None:
    told = _variables("scheduler")
    assert told["MLFLOW_TRACKING_URI"] == "http://127.0.0.1:5000"
    assert (told["MLFLOW_TRACKING_USERNAME"], told["MLFLOW_TRACKING_PASSWORD"]) == (
        "admin",
        SECRET,
    )
    assert told["BUCKET_MODELS"].startswith("file:///")
    assert told["BUCKET_MODELS"].endswith("/models")


def test_the_spec_s_own_variables_win() -> None:
    told = _variables("triggerer", _FULL)
    assert (told["TEAM"], told["BUCKET_LOGS"]) == ("churn", "elsewhere")


def test_pipelines_of_one_s_own_are_read_from_a_folder() -> None:
    dags = find(graph(_PLAIN), ":Folder", "airflow-dags").outputs["path"]
    assert _sources(_PLAIN).keys() == {"dags"}
    assert _sources(_PLAIN)["dags"]["kwargs"]["path"] == dags


def test_the_spec_s_repository_is_followed_besides() -> None:
    found = _sources(_FULL)
    assert found.keys() == {"dags", "repository"}
    told = found["repository"]["kwargs"]
    assert told["repo_url"] == "https://example.com/ml/dags.git"
    assert (told["tracking_ref"], told["subdir"]) == ("live", "pipelines")
    assert _variables("dag-processor", _FULL)["GIT_TERMINAL_PROMPT"] == "0"


@pytest.mark.parametrize(("spec", "workers"), [(_PLAIN, airflow.PARALLELISM), (_FULL, 3)])
def test_workers_are_few_and_the_scheduler_s_alone(spec: str, workers: int) -> None:
    assert _variables("scheduler", spec)["AIRFLOW__CORE__PARALLELISM"] == str(workers)
    assert "AIRFLOW__CORE__PARALLELISM" not in _variables("api-server", spec)


def test_clients_learn_address_login_and_folder() -> None:
    outputs = graph(_PLAIN).outputs
    told = {key.partition("_client_")[2]: outputs[key] for key in outputs if "_client_" in key}
    assert told["AIRFLOW_API_URL"] == outputs["orchestration_uri"] == "http://127.0.0.1:8080"
    assert (told["AIRFLOW_USERNAME"], told["AIRFLOW_PASSWORD"]) == ("admin", SECRET)
    assert told["AIRFLOW_DAGS_FOLDER"].endswith("/airflow-dags")


def test_tasks_know_where_features_will_be_served() -> None:
    served = find(graph(_PLAIN + "features: {}\n"), ":Service", feast.NAME).inputs["port"]
    told = _variables("scheduler", _PLAIN + "features: {}\n")
    assert told["FEATURE_SERVER_URI"] == f"http://127.0.0.1:{served}"


def test_metrics_are_turned_into_prometheus_s_where_that_watches() -> None:
    watched = _PLAIN + "monitoring: {}\n"
    exporter = find(graph(watched), ":Service", airflow.STATSD).inputs
    port = exporter["port"]
    assert f"--statsd.listen-udp=127.0.0.1:{port}" in exporter["command"]
    assert "--statsd.listen-tcp=" in exporter["command"], "one way in, for this machine only"
    assert exporter["metrics"]["labels"] == {"namespace": "orchestration", "job": airflow.STATSD}
    for name in _PARTS:
        assert _variables(name, watched)["AIRFLOW__METRICS__STATSD_PORT"] == str(port)
        assert "AIRFLOW__METRICS__STATSD_ON" not in _variables(name)
    assert not [each for each in graph(_PLAIN) if each.name == airflow.STATSD]


def test_the_exporter_tells_apart_what_has_dots_in_its_name(tmp_path: Path) -> None:
    found = executables.here(
        airflow.EXPORTER_NAMES, airflow.EXPORTER_PACKAGE, airflow.EXPORTER_MODULE
    )
    if found is None:
        pytest.skip("StatsD's exporter is not on this machine")
    mapping = find(graph(_PLAIN + "monitoring: {}\n"), ":Service", airflow.STATSD).inputs["files"]
    (tmp_path / "mapping.yml").write_text(mapping["mapping.yml"], encoding="utf-8")
    asked, told = free_port(), free_port()
    command = [
        *(found.path, "--statsd.mapping-config=mapping.yml", "--statsd.listen-tcp="),
        *(f"--statsd.listen-udp=127.0.0.1:{told}", f"--web.listen-address=127.0.0.1:{asked}"),
    ]
    sent = [
        "dagrun.duration.failed.train.fraud-2:9|ms",
        "pool.open_slots.large.gpu:3|g",
        "dag.train.fit.model.duration:5|ms",
    ]
    wanted = [
        'airflow_dagrun_failed_count{dag_id="train.fraud-2"}',
        'airflow_pool_open_slots{pool="large.gpu"}',
        'airflow_task_duration_count{dag_id="train",task_id="fit.model"}',
    ]

    def come() -> bool:
        """Whether all has come; what is told before it listens is lost, so it is told again."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as teller:
            for line in sent:
                teller.sendto(f"airflow.{line}".encode(), ("127.0.0.1", told))
        with contextlib.suppress(OSError):
            text = urllib.request.urlopen(f"http://127.0.0.1:{asked}/metrics").read().decode()
            return all(each in text for each in wanted)
        return False

    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL) as process:
        try:
            until(come)
        finally:
            process.kill()


# --- who retrains models --------------------------------------------------------------------------

_RETRAINED = (
    _PLAIN
    + """
monitoring: {}
serving:
  models:
    churn: {uri: "models:/churn@champion", framework: sklearn, retrain: retrain_churn}
    art: {uri: "models:/art@champion", framework: sklearn}
"""
)


def test_tasks_know_where_to_leave_metrics() -> None:
    told = _variables("scheduler", _RETRAINED)
    assert told["PUSHGATEWAY_URL"] == graph(_RETRAINED).outputs["monitoring_pushgateway"]
    assert "PUSHGATEWAY_URL" not in _variables("scheduler")


def test_who_retrains_listens_where_alertmanager_looks() -> None:
    made = graph(_RETRAINED)
    process = find(made, ":Service", retraining.NAME)
    told = process.inputs["environment"]
    assert json.loads(told["PIPELINES"]) == {"churn": "retrain_churn"}
    assert told["AIRFLOW_API_URL"] == made.outputs["orchestration_uri"]
    assert (told["HOST"], told["PORT"]) == ("127.0.0.1", str(process.inputs["port"]))
    assert process.inputs["metrics"]["labels"] == {"namespace": "orchestration", "job": "retrain"}
    files = find(made, ":Service", "alertmanager").inputs["files"]
    routes = yaml.safe_load(files["alertmanager.yml"])
    (webhook,) = routes["receivers"][-1]["webhook_configs"]
    assert webhook["url"] == f"http://127.0.0.1:{told['PORT']}/alerts"
    assert webhook["http_config"]["authorization"]["credentials_file"] in files


def test_secrets_of_who_retrains_are_secret() -> None:
    made = graph(_RETRAINED)
    inputs = find(made, ":Service", retraining.NAME).inputs
    assert inputs["environment"]["AIRFLOW_PASSWORD"] == SECRET
    assert inputs["environment"]["WEBHOOK_TOKEN"] == SECRET
    assert SECRET not in str([inputs["command"], inputs["files"]])
    files = find(made, ":Service", "alertmanager").inputs["files"]
    assert [name for name, text in files.items() if text == SECRET] == ["retrain-token"]


def test_without_a_model_to_retrain_nobody_waits_for_alerts() -> None:
    made = graph(_RETRAINED.replace(", retrain: retrain_churn", ""))
    assert not [r for r in made if r.name.startswith("retrain")]
