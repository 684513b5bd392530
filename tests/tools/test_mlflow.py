"""MLflow: who may ask, what a copy is told, and that nothing secret is in the open."""

from __future__ import annotations

import ast
import configparser
from fnmatch import fnmatch

import pytest
from pydantic import ValidationError
from tools_support import (
    FULL,
    PLAIN,
    assert_objects,
    environment,
    find,
    graph,
    problems,
)

from plinth.tools.tracking import mlflow


def _answers(host: str, allowed: tuple[str, ...]) -> bool:
    return any(fnmatch(host, item) if "*" in item else host == item for item in allowed)


@pytest.mark.parametrize(
    "host",
    [
        "mlflow:5000",
        "mlflow.tracking:5000",
        "mlflow.tracking.svc.cluster.local:5000",
        "mlflow.tracking.svc.cluster.local",
        "mlflow.ml.example.com",
        "localhost:15000",
        "10.1.2.3:5000",
        "100.64.1.2:5000",
    ],
)
def test_platform_s_own_names_are_answered(host: str) -> None:
    assert _answers(host, mlflow.allowed_hosts("mlflow.ml.example.com", scraped=True))


@pytest.mark.parametrize(
    "host",
    [
        "evil.com",
        "mlflow.tracking.evil.com",
        "mlflow.evil.com:5000",
        "mlflow.ml.example.com.evil.com",
    ],
)
def test_names_of_others_are_not(host: str) -> None:
    assert not _answers(host, mlflow.allowed_hosts("mlflow.ml.example.com", scraped=True))


def test_pod_addresses_are_answered_for_prometheus_only() -> None:
    assert not _answers("10.1.2.3:5000", mlflow.allowed_hosts(None, scraped=False))


@pytest.mark.parametrize(
    "bad",
    [
        {"workers": 0},
        {"memory": "2GB"},
        {"default_permission": "ALL"},
        {"keep_deleted_days": 0},
        {"x": 1},
    ],
)
def test_bad_options_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        mlflow.Options.model_validate(bad)


def test_artifacts_must_be_on() -> None:
    assert [p.code for p in problems("{tracking: {}}")] == ["capability-missing"]


@pytest.mark.parametrize("spec", [PLAIN, FULL])
def test_objects_are_valid_and_pods_hardened(spec: str) -> None:
    assert_objects(spec, "tracking", {"Deployment", "CronJob", "Service", "ConfigMap"})


def test_server_keeps_state_outside_of_the_pod() -> None:
    made = graph(PLAIN)
    deployment = find(made, ":Deployment", "mlflow").inputs
    (server,) = deployment["spec"]["template"]["spec"]["containers"]
    told = environment(server)
    assert told["MLFLOW_ARTIFACTS_DESTINATION"] == made.outputs["artifacts_mlflow_root"]
    assert told["MLFLOW_BACKEND_STORE_URI"] == ("mlflow-server", "backend-store-uri")
    assert told["PGDATABASE"] == "mlflow-users"
    assert told["PGSSLMODE"] == "require"
    assert told["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"
    for name in ("MLFLOW_FLASK_SERVER_SECRET_KEY", "MLFLOW_CRYPTO_KEK_PASSPHRASE"):
        assert told[name][0] == "mlflow-server"
    assert "replicas" not in deployment["spec"], "the autoscaler owns the number of copies"


def test_schema_is_migrated_before_a_copy_starts() -> None:
    pod = find(graph(PLAIN), ":Deployment", "mlflow").inputs["spec"]["template"]["spec"]
    (migrate,) = pod["initContainers"]
    assert migrate["args"] == ["/etc/mlflow/migrate.py"]
    assert migrate["image"] == pod["containers"][0]["image"]
    assert "/etc/mlflow" in [mount["mountPath"] for mount in migrate["volumeMounts"]]
    script = find(graph(PLAIN), ":ConfigMap", "mlflow-config").inputs["data"]["migrate.py"]
    ast.parse(script)
    assert "pg_advisory_lock" in script


def test_database_address_asks_for_tls() -> None:
    secret = find(graph(PLAIN), ":ExternalSecret", "mlflow-server-secret").inputs
    text = str(secret)
    assert "postgresql+psycopg2://" in text
    assert "sslmode=require" in text


def test_authentication_is_configured_without_a_secret() -> None:
    parser = configparser.ConfigParser()
    config = find(graph(PLAIN), ":ConfigMap", "mlflow-config").inputs["data"]
    parser.read_string(config["basic_auth.ini"])
    assert parser["mlflow"]["default_permission"] == mlflow.Options().default_permission
    assert parser["mlflow"]["database_uri"] == "postgresql+psycopg2://"
    assert "admin_password" not in parser["mlflow"]


def test_metrics_are_off_without_a_scraper() -> None:
    made = graph(PLAIN)
    assert not [
        r for r in made if r.type.endswith(":ServiceMonitor") and r.name == "mlflow-metrics"
    ]
    (server,) = find(made, ":Deployment", "mlflow").inputs["spec"]["template"]["spec"]["containers"]
    assert "--expose-prometheus" not in server["args"]


def test_metrics_are_scraped_with_the_administrator_s_login() -> None:
    monitor = find(graph(FULL), ":ServiceMonitor", "mlflow-metrics").inputs
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint["basicAuth"]["password"] == {"name": "mlflow-admin", "key": "password"}
    (server,) = find(graph(FULL), ":Deployment", "mlflow").inputs["spec"]["template"]["spec"][
        "containers"
    ]
    folder = server["args"][server["args"].index("--expose-prometheus") + 1]
    assert folder.startswith("/tmp/"), "the root file system is read-only"
    assert server["args"][server["args"].index("--workers") + 1] == "4"


def test_public_page_may_use_the_api() -> None:
    (server,) = find(graph(FULL), ":Deployment", "mlflow").inputs["spec"]["template"]["spec"][
        "containers"
    ]
    told = environment(server)
    assert told["MLFLOW_SERVER_CORS_ALLOWED_ORIGINS"] == "https://mlflow.ml.example.com"
    assert "mlflow.ml.example.com" in told["MLFLOW_SERVER_ALLOWED_HOSTS"].split(",")


def test_copies_follow_the_spec() -> None:
    spec = find(graph(FULL), ":HorizontalPodAutoscaler", "mlflow-autoscaler").inputs["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (3, 9)


def test_only_clients_may_connect() -> None:
    policy = find(graph(FULL), ":NetworkPolicy", "mlflow-access").inputs["spec"]
    (rule,) = policy["ingress"]
    names = {
        peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
        for peer in rule["from"]
    }
    assert names == {
        *("orchestration", "serving", "features", "monitoring", "gateway", "notebooks")
    }
    assert rule["ports"] == [{"port": 5000}]


def test_deleted_runs_are_collected_with_no_right_on_the_bucket() -> None:
    spec = find(graph(FULL), ":CronJob", "mlflow-gc").inputs["spec"]
    pod = spec["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["args"][:3] == ["gc", "--older-than", "7d"]
    assert pod["serviceAccountName"] == "default"
    told = environment(container)
    assert told["PGDATABASE"] == "mlflow"
    assert told["MLFLOW_TRACKING_URI"] == mlflow.URI
