"""Airflow: the chart's traps, identities by name, and that no secret is in the values."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from typing import Any

import pytest
import yaml
from pydantic import ValidationError
from tools_support import (
    FULL,
    assert_hardened,
    assert_valid,
    environment,
    find,
    graph,
    manifests,
    pod_spec,
    problems,
)

from plinth.ports import WorkloadIdentity
from plinth.spec.options import Repository
from plinth.spec.types import Replicas, SecretRef
from plinth.tools.orchestration import airflow, retraining
from plinth.tools.orchestration import airflow_values as chart

ACCOUNTS = (chart.API, chart.SCHEDULER, chart.TRIGGERER, chart.TASK)

_HERE = "cloud: local\nregion: null\naccount: null\nartifacts: {}\n"

FACTS = chart.Facts(
    image="apache/airflow:3.2.2",
    git_sync="registry.k8s.io/git-sync/git-sync:v4.4.2",
    labels={"owner": "ml"},
    owner="ml-platform@example.com",
    url=None,
    durable=False,
    scraped=False,
    log_folder="s3://logs/airflow",
    log_config={},
    spot=[],
    accounts={
        name: WorkloadIdentity(annotations={"role": name}, pod_labels={"identity": "yes"})
        for name in ACCOUNTS
    },
    environment={"MLFLOW_TRACKING_URI": "http://mlflow:5000"},
    schedulers=1,
    api=Replicas(min=1, max=3),
    task_cpu="250m",
    task_memory="1Gi",
    parallelism=32,
    keep_history_days=90,
    dags=None,
)
DAGS = Repository(repository="https://example.com/ml/dags.git", branch="live", path="dags")

#: Airflow with nothing beside it.
PLAIN = "{artifacts: {}, orchestration: {}}"


def _release(spec: str) -> dict[str, Any]:
    found: dict[str, Any] = find(graph(spec), ":Release", "airflow").inputs["values"]
    return found


# --- values ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("job", ["migrateDatabaseJob", "createUserJob"])
def test_jobs_are_no_hooks_that_pods_would_wait_for(job: str) -> None:
    values = chart.values(FACTS)[job]
    assert values["useHelmHooks"] is False
    assert values["applyCustomEnv"] is False


def test_chart_brings_no_database_of_its_own() -> None:
    values = chart.values(FACTS)
    assert not any(values[part]["enabled"] for part in ("postgresql", "redis", "pgbouncer"))
    assert values["data"] == {"metadataSecretName": "airflow-metadata"}


def test_keys_are_not_made_anew_at_every_upgrade() -> None:
    values = chart.values(FACTS)
    for name in ("fernetKeySecretName", "apiSecretKeySecretName", "jwtSecretName"):
        assert values[name] == "airflow-keys"


def test_nothing_asks_for_a_volume() -> None:
    values = chart.values(FACTS)
    assert values["triggerer"]["persistence"] == {"enabled": False}
    assert values["logs"]["persistence"] == {"enabled": False}


def test_logs_go_to_the_bucket() -> None:
    logging = chart.values(FACTS)["config"]["logging"]
    assert logging["remote_logging"] == "True"
    assert logging["remote_base_log_folder"] == "s3://logs/airflow"


def test_tasks_call_the_api_inside_the_cluster_even_with_a_public_address() -> None:
    config = chart.values(replace(FACTS, url="https://airflow.ml.example.com"))["config"]
    assert config["api"]["base_url"] == "https://airflow.ml.example.com"
    assert config["core"]["execution_api_server_url"] == f"{chart.URI}/execution/"


@pytest.mark.parametrize(("url", "proxied"), [(None, False), ("https://a.example.com", True)])
def test_gateway_s_headers_count_only_behind_it(url: str | None, proxied: bool) -> None:
    api = chart.values(replace(FACTS, url=url))["apiServer"]
    assert ("--proxy-headers" in str(api.get("args"))) is proxied


def test_without_dags_git_sync_is_off_rather_than_at_its_example() -> None:
    assert chart.values(FACTS)["dags"] == {"gitSync": {"enabled": False}}


def test_git_sync_follows_the_branch_in_both_spellings() -> None:
    sync = chart.values(replace(FACTS, dags=DAGS))["dags"]["gitSync"]
    assert (sync["branch"], sync["ref"], sync["subPath"]) == ("live", "live", "dags")
    assert "credentialsSecret" not in sync


def test_git_sync_of_a_private_repository_gets_its_secret() -> None:
    private = DAGS.model_copy(update={"credentials": SecretRef(secret="git-token")})
    sync = chart.values(replace(FACTS, dags=private))["dags"]["gitSync"]
    assert sync["credentialsSecret"] == "airflow-git"


@pytest.mark.parametrize(
    ("part", "account"),
    [("apiServer", chart.API), ("scheduler", chart.SCHEDULER), ("triggerer", chart.TRIGGERER)],
)
def test_parts_carry_the_account_their_identity_is_bound_to(part: str, account: str) -> None:
    values = chart.values(FACTS)[part]
    assert values["serviceAccount"] == {
        "create": True,
        "name": account,
        "annotations": {"role": account},
    }
    assert values["labels"] == {"identity": "yes"}


def test_task_pods_have_an_account_of_their_own() -> None:
    workers = chart.values(FACTS)["workers"]
    assert workers.keys() == {"kubernetes"}, "flat keys are deprecated since 1.20"
    task = workers["kubernetes"]
    assert task["serviceAccount"]["create"] is True
    assert task["serviceAccount"]["name"] == chart.TASK != "airflow-worker"
    assert task["resources"]["limits"] == {"memory": "1Gi"}


def test_variables_reach_task_pods() -> None:
    values = chart.values(FACTS)
    assert {"name": "MLFLOW_TRACKING_URI", "value": "http://mlflow:5000"} in values["env"]
    assert yaml.safe_load(values["extraEnvFrom"]) == [
        {"secretRef": {"name": "airflow-environment"}}
    ]
    assert "secret" not in values, "the chart's `secret` does not reach task pods"


def test_administrator_s_password_is_read_from_a_file() -> None:
    job = chart.values(FACTS)["createUserJob"]
    assert job["extraVolumes"] == [{"name": "admin", "secret": {"secretName": "airflow-admin"}}]
    assert job["args"][:2] == ["bash", "-c"]
    assert "defaultUser" not in job
    assert '--password "$(cat /etc/airflow-admin/password)"' in job["args"][2]


def test_owner_cannot_run_commands_in_the_job() -> None:
    command = chart.values(replace(FACTS, owner="a$(reboot)@example.com"))["createUserJob"]["args"][
        2
    ]
    assert "'a$(reboot)@example.com'" in command
    assert "a$(reboot)@example.com" in shlex.split(command)


def test_defaults_are_no_admin_admin() -> None:
    assert "admin/admin" not in json.dumps(chart.values(FACTS))
    assert not re.search(r'"password": "[^"]', json.dumps(chart.values(FACTS)))


@pytest.mark.parametrize("durable", [True, False])
def test_durable_environments_limit_disruptions(durable: bool) -> None:
    values = chart.values(replace(FACTS, durable=durable))
    for part in ("apiServer", "scheduler", "triggerer"):
        assert values[part]["podDisruptionBudget"] == {"enabled": durable}


def test_api_scales_between_its_bounds() -> None:
    hpa = chart.values(replace(FACTS, api=Replicas(min=2, max=6)))["apiServer"]["hpa"]
    assert (hpa["enabled"], hpa["minReplicaCount"], hpa["maxReplicaCount"]) == (True, 2, 6)
    assert "hpa" not in chart.values(replace(FACTS, api=Replicas(min=2, max=2)))["apiServer"]


def test_every_long_running_part_is_bounded() -> None:
    values = chart.values(FACTS)
    for part in ("apiServer", "scheduler", "triggerer", "dagProcessor", "statsd", "cleanup"):
        assert values[part]["resources"]["limits"]["memory"], part
        assert values[part]["resources"]["requests"].keys() == {"cpu", "memory"}, part


def test_pods_run_as_nobody_special() -> None:
    security = chart.values(FACTS)["securityContexts"]
    assert security["pod"]["runAsNonRoot"] is True
    assert security["containers"]["allowPrivilegeEscalation"] is False


@pytest.mark.parametrize(
    ("image", "parts"),
    [
        ("apache/airflow:3.2.2", ("apache/airflow", "3.2.2")),
        ("registry:5000/ml/airflow:3.2.2-ml4", ("registry:5000/ml/airflow", "3.2.2-ml4")),
        ("a/b:3.2.1@sha256:ab", ("a/b", "3.2.1@sha256:ab")),
        ("a/b", ("a/b", "latest")),
    ],
)
def test_images_are_split_where_the_chart_joins_them(image: str, parts: tuple[str, str]) -> None:
    assert chart.split(image) == parts


@pytest.mark.parametrize(
    ("tag", "version"), [("3.2.2", "3.2.2"), ("3.3.0-ml4", "3.3.0"), ("stable", "3.2.2")]
)
def test_templates_learn_the_version_from_the_tag(tag: str, version: str) -> None:
    assert chart.values(replace(FACTS, image=f"a/b:{tag}"))["airflowVersion"] == version


# --- options and graph ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bad",
    [
        {"schedulers": 0},
        {"environment": {"1X": "y"}},
        {"environment": {"A B": "y"}},
        {"task_memory": "1G"},
        {"executor": "LocalExecutor"},
    ],
)
def test_bad_options_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        airflow.Options.model_validate(bad)


@pytest.mark.parametrize("address", ["git@example.com:ml/dags.git", "ssh://git@example.com/dags"])
def test_ssh_repositories_are_refused(address: str) -> None:
    (problem,) = problems(
        f'{{artifacts: {{}}, orchestration: {{dags: {{repository: "{address}"}}}}}}'
    )
    assert problem.code == "repository-over-ssh"
    assert problem.path == "orchestration.dags.repository"


@pytest.mark.parametrize("spec", [PLAIN, FULL])
def test_identities_are_bound_to_the_release_s_accounts(spec: str) -> None:
    bound = {
        r.inputs["serviceAccount"]
        for r in graph(spec)
        if r.type.endswith(":PodIdentityAssociation") and r.inputs["namespace"] == "orchestration"
    }
    assert bound == set(ACCOUNTS)


def test_only_tasks_may_use_the_data() -> None:
    made = graph(PLAIN)
    datasets = made.outputs["artifacts_buckets_datasets"].removeprefix("s3://")
    policies = {
        name: str(find(made, ":RolePolicy", f"orchestration-{name}").inputs["policy"])
        for name in ACCOUNTS
    }
    assert [name for name, policy in policies.items() if datasets in policy] == [chart.TASK]


def test_tasks_find_the_platform() -> None:
    told = {item["name"]: item["value"] for item in _release(FULL)["env"]}
    outputs = graph(FULL).outputs
    assert told["MLFLOW_TRACKING_URI"] == outputs["tracking_uri"]
    assert told["FEATURE_SERVER_URI"] == outputs["features_uri"]
    assert told["BUCKET_DATASETS"] == outputs["artifacts_buckets_datasets"]
    assert told["TEAM"] == "churn"
    secret = str(find(graph(FULL), ":ExternalSecret", "airflow-environment-secret").inputs)
    assert "MLFLOW_TRACKING_PASSWORD" in secret


def test_what_is_off_is_not_handed_to_tasks() -> None:
    told = {item["name"] for item in _release(PLAIN)["env"]}
    assert not told & {"MLFLOW_TRACKING_URI", "FEATURE_SERVER_URI"}
    secret = str(find(graph(PLAIN), ":ExternalSecret", "airflow-environment-secret").inputs)
    assert "MLFLOW" not in secret


def test_database_addresses_ask_for_tls_in_each_driver_s_words() -> None:
    made = graph(PLAIN)
    metadata = str(find(made, ":ExternalSecret", "airflow-metadata-secret").inputs)
    environment = str(find(made, ":ExternalSecret", "airflow-environment-secret").inputs)
    assert "postgresql+psycopg2://" in metadata
    assert "sslmode=require" in metadata
    assert "postgresql+asyncpg://" in environment
    assert "?ssl=require" in environment
    assert "sslmode" not in environment, "asyncpg does not know it"


def test_git_credentials_have_both_names_of_git_sync() -> None:
    secret = str(find(graph(FULL), ":ExternalSecret", "airflow-git-secret").inputs)
    for name in ("GITSYNC_USERNAME", "GITSYNC_PASSWORD", "GIT_SYNC_USERNAME", "GIT_SYNC_PASSWORD"):
        assert name in secret


@pytest.mark.parametrize(("spec", "scraped"), [(PLAIN, False), (FULL, True)])
def test_metrics_follow_monitoring(spec: str, scraped: bool) -> None:
    assert _release(spec)["statsd"]["enabled"] is scraped
    monitors = [r for r in graph(spec) if r.name == "airflow-metrics"]
    assert bool(monitors) is scraped
    for monitor in monitors:
        assert monitor.inputs["spec"]["selector"]["matchLabels"] == {
            "release": "airflow",
            "component": "statsd",
        }


def test_the_chart_s_exporter_names_metrics_as_that_of_a_machine_does() -> None:
    here = graph(_HERE + "orchestration: {}\nmonitoring: {}\n")
    mapping = find(here, ":Service", "airflow-statsd").inputs["files"]["mapping.yml"]
    assert {"mappings": _release(FULL)["statsd"]["overrideMappings"]} == yaml.safe_load(mapping)


def test_durable_defaults_are_explicit() -> None:
    values = _release(FULL)
    assert values["scheduler"]["replicas"] == 2
    assert values["apiServer"]["hpa"]["maxReplicaCount"] == 6
    assert values["config"]["api"]["base_url"] == "https://airflow.ml.example.com"


def test_release_waits_for_what_it_names() -> None:
    waits = " ".join(find(graph(PLAIN), ":Release", "airflow").dependencies)
    for name in ("airflow-metadata", "airflow-keys", "airflow-admin", "airflow-environment"):
        assert f"::{name}-secret" in waits
    assert "::database-airflow" in waits


def test_objects_are_valid() -> None:
    for manifest in manifests(graph(FULL), "orchestration"):
        assert_valid(manifest)


# --- who retrains models --------------------------------------------------------------------------

#: One model that names its pipeline, and one that does not.
RETRAINED = (
    FULL
    + """
serving:
  models:
    churn: {uri: "models:/churn@champion", framework: sklearn, retrain: retrain_churn}
    art: {uri: "models:/art@champion", framework: sklearn}
"""
)


def test_tasks_know_where_to_leave_metrics() -> None:
    told = {item["name"]: item["value"] for item in _release(FULL)["env"]}
    assert told["PUSHGATEWAY_URL"] == graph(FULL).outputs["monitoring_pushgateway"]
    assert "PUSHGATEWAY_URL" not in {item["name"] for item in _release(PLAIN)["env"]}


def test_who_retrains_knows_models_airflow_and_alertmanager_s_token() -> None:
    deployment = dict(find(graph(RETRAINED), "apps/v1:Deployment", retraining.NAME).inputs)
    pod = pod_spec(deployment)
    assert pod is not None
    assert_hardened(pod)
    (container,) = pod["containers"]
    assert environment(container) == {
        "PIPELINES": '{"churn": "retrain_churn"}',
        "PORT": "8091",
        "AIRFLOW_API_URL": chart.URI,
        "AIRFLOW_USERNAME": (chart.ADMIN, "username"),
        "AIRFLOW_PASSWORD": (chart.ADMIN, "password"),
        "WEBHOOK_TOKEN": ("retrain-webhook", "token"),
    }
    (script,) = find(graph(RETRAINED), ":ConfigMap", "retrain-config").inputs["data"].items()
    assert container["command"][-1].endswith(f"/{script[0]}")
    compile(script[1], script[0], "exec")


def test_who_retrains_is_where_alertmanager_looks_and_reads_the_token_it_sends() -> None:
    made = graph(RETRAINED)
    service = find(made, ":Service", "retrain-service").inputs
    (port,) = service["spec"]["ports"]
    host = f"{service['metadata']['name']}.{service['metadata']['namespace']}"
    assert f"http://{host}.svc.cluster.local:{port['port']}/alerts" == retraining.URL
    ends = (
        find(made, ":ExternalSecret", name).inputs["spec"]["data"]
        for name in ("retrain-webhook-secret", "alertmanager-receivers-secret")
    )
    sent, read = ([item["remoteRef"] for item in end] for end in ends)
    assert sent == read


def test_monitoring_may_tell_who_retrains_and_orchestration_may_push() -> None:
    for namespace, caller in (("orchestration", "monitoring"), ("monitoring", "orchestration")):
        policy = find(graph(RETRAINED), ":NetworkPolicy", f"{namespace}-isolation").inputs["spec"]
        assert caller in json.dumps(policy["ingress"])


def test_without_a_model_to_retrain_nobody_waits_for_alerts() -> None:
    assert not [r for r in graph(FULL) if r.name.startswith("retrain")]


def test_objects_of_who_retrains_are_valid() -> None:
    for manifest in manifests(graph(RETRAINED), "orchestration"):
        assert_valid(manifest)
