"""Feast: a configuration without secrets, one writer, and a server that scales."""

from __future__ import annotations

import ast
import json
import re
from typing import Any

import pytest
import yaml
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

from plinth.spec.options import Repository
from plinth.tools.features import feast


def _job(spec: str) -> dict[str, Any]:
    cron = find(graph(spec), ":CronJob", "feast-materialize").inputs["spec"]
    found: dict[str, Any] = cron["jobTemplate"]["spec"]["template"]["spec"]
    return found


def _server(spec: str) -> dict[str, Any]:
    deployment = find(graph(spec), ":Deployment", "feast").inputs
    (found,) = deployment["spec"]["template"]["spec"]["containers"]
    container: dict[str, Any] = found
    return container


@pytest.mark.parametrize(
    "bad", [{"project": "a-b"}, {"workers": 0}, {"materialize": "hourly"}, {"job_memory": "4"}]
)
def test_bad_options_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        feast.Options.model_validate(bad)


def test_ssh_repositories_are_refused() -> None:
    (problem,) = problems(
        '{artifacts: {}, features: {repository: {repository: "git@example.com:f.git"}}}'
    )
    assert (problem.code, problem.path) == ("repository-over-ssh", "features.repository.repository")


@pytest.mark.parametrize(("asked", "expected"), [(None, "ml_churn"), ("other", "other")])
def test_project_has_a_name_that_feast_takes(asked: str | None, expected: str) -> None:
    options = feast.Options(project=asked)
    store = yaml.safe_load(feast.config(options, "ml-churn")["feature_store.yaml"])
    assert store["project"] == expected


def test_stores_are_the_platform_s() -> None:
    store = yaml.safe_load(feast.config(feast.Options(), "churn")["feature_store.yaml"])
    assert store["registry"]["registry_type"] == "sql"
    assert store["online_store"]["type"] == "redis"
    assert store["offline_store"]["type"] == "dask"


def test_every_placeholder_of_the_configuration_comes_from_a_secret() -> None:
    text = feast.config(feast.Options(), "churn")["feature_store.yaml"]
    settings = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    told = environment(_server(PLAIN))
    names = re.findall(r"\$\{(\w+)\}", settings)
    assert sorted(names) == ["FEAST_ONLINE_STORE", "FEAST_REGISTRY"]
    assert {told[name][0] for name in names} == {"feast"}


def test_python_finds_the_object_storage_clients() -> None:
    files = find(graph(PLAIN), ":ConfigMap", "feast-config").inputs["data"]
    ast.parse(files["sitecustomize.py"])
    server = _server(PLAIN)
    assert environment(server)["PYTHONPATH"] in [m["mountPath"] for m in server["volumeMounts"]]


def test_connections_are_encrypted() -> None:
    text = str(find(graph(PLAIN), ":ExternalSecret", "feast-secret").inputs)
    assert "sslmode=require" in text
    assert "ssl=true,password=" in text


@pytest.mark.parametrize("spec", [PLAIN, FULL])
def test_objects_are_valid_and_pods_hardened(spec: str) -> None:
    assert_objects(spec, "features", {"Deployment", "CronJob", "Service", "ConfigMap"})


def test_without_a_repository_nothing_is_cloned() -> None:
    assert "initContainers" not in _job(PLAIN)
    assert not [r for r in graph(PLAIN) if r.name.startswith("feast-git")]


def test_job_clones_applies_and_materializes_in_one_folder() -> None:
    pod = _job(FULL)
    clone, apply = pod["initContainers"]
    assert "git-sync" in clone["image"]
    assert "--ref=live" in clone["args"]
    assert environment(clone)["GITSYNC_PASSWORD"] == ("feast-git", "GITSYNC_PASSWORD")
    assert "FEAST_REGISTRY" not in environment(clone), "the clone needs no database"
    assert apply["args"][:3] == ["--chdir", "/repository/current/repo", "apply"]
    shared = [
        {m["mountPath"]: m["name"] for m in container["volumeMounts"]}["/repository"]
        for container in (clone, apply, *pod["containers"])
    ]
    assert len(set(shared)) == 1


def test_registry_has_one_writer() -> None:
    spec = find(graph(FULL), ":CronJob", "feast-materialize").inputs["spec"]
    assert spec["concurrencyPolicy"] == "Forbid"
    assert spec["schedule"] == "15 * * * *"
    assert "apply" not in _server(FULL)["args"]


def test_clone_is_one_shot_of_the_branch() -> None:
    args = feast.clone_args(Repository(repository="https://example.com/f.git", branch="b1"))
    assert {"--one-time", "--ref=b1", "--repo=https://example.com/f.git"} <= set(args)


def test_metrics_are_on_a_port_of_their_own() -> None:
    assert "--metrics" in _server(FULL)["args"]
    ports = find(graph(FULL), ":Service", "feast-service").inputs["spec"]["ports"]
    assert {port["name"]: port["port"] for port in ports} == {"http": 6566, "metrics": 8000}
    (endpoint,) = find(graph(FULL), ":ServiceMonitor", "feast-metrics").inputs["spec"]["endpoints"]
    assert endpoint["port"] == "metrics"
    assert "basicAuth" not in endpoint


def test_metrics_are_off_without_a_scraper() -> None:
    assert "--metrics" not in _server(PLAIN)["args"]
    assert not [r for r in graph(PLAIN) if r.name == "feast-metrics"]


def test_server_and_job_share_one_identity_on_the_datasets() -> None:
    made = graph(PLAIN)
    bound = find(made, ":PodIdentityAssociation", "features-feast").inputs
    assert (bound["namespace"], bound["serviceAccount"]) == ("features", "feast")
    policy = str(find(made, ":RolePolicy", "features-feast").inputs["policy"])
    assert made.outputs["artifacts_buckets_datasets"].removeprefix("s3://") in policy
    assert made.outputs["artifacts_buckets_models"].removeprefix("s3://") not in policy
    assert _job(PLAIN)["serviceAccountName"] == "feast"


def test_copies_of_durable_environments() -> None:
    spec = find(graph(FULL), ":HorizontalPodAutoscaler", "feast-autoscaler").inputs["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (2, 6)


LOCAL = """
cloud: local
region: null
account: null
artifacts: {}
features: {project: churn}
"""
FOLLOWED = """
cloud: local
region: null
account: null
artifacts: {}
features:
  repository: {repository: "https://example.com/ml/features.git", branch: live, path: repo}
"""


def _process(spec: str) -> dict[str, Any]:
    return dict(find(graph(spec), ":Service", "feast").inputs)


def test_a_process_keeps_registry_and_online_store_in_its_data_folder() -> None:
    made, server = graph(LOCAL), _process(LOCAL)
    store = yaml.safe_load(server["files"]["feature_store.yaml"])
    folder = find(made, ":Folder", "feast").outputs["path"]
    assert store["project"] == "churn"
    assert store["registry"]["path"] == f"sqlite:///{folder}/registry.db"
    assert store["online_store"] == {"type": "sqlite", "path": f"{folder}/online.db"}
    assert store["offline_store"]["type"] == "dask", "as on a cluster"


def test_clients_on_the_machine_read_the_server_s_own_configuration() -> None:
    made, server = graph(LOCAL), _process(LOCAL)
    config = made.outputs["features_client_FEAST_FS_YAML_FILE_PATH"]
    assert server["before"] == [["cp", "feature_store.yaml", config]]
    assert server["environment"]["FEAST_FS_YAML_FILE_PATH"] == config
    offline = made.outputs["features_client_FEATURES_OFFLINE_STORE"]
    assert made.outputs["features_offline_store"] == f"file://{offline}"
    assert made.outputs["features_client_FEATURES_URL"] == made.outputs["features_uri"]


def test_a_process_starts_without_definitions() -> None:
    assert json.loads(_process(LOCAL)["files"]["settings.json"])["repository"] is None


def test_a_process_follows_the_repository() -> None:
    told = json.loads(_process(FOLLOWED)["files"]["settings.json"])["repository"]
    clone = f"{find(graph(FOLLOWED), ':Folder', 'feast').outputs['path']}/repository"
    assert told == {
        "url": "https://example.com/ml/features.git",
        "branch": "live",
        "path": "repo",
        "clone": clone,
        "seconds": 60,
    }


def test_definitions_are_told_where_offline_features_are() -> None:
    made = graph(PLAIN)
    assert environment(_server(PLAIN))["FEATURES_OFFLINE_STORE"] == ("feast", "offline-store")
    secret = find(made, ":ExternalSecret", "feast-secret").inputs
    told = secret["spec"]["target"]["template"]["data"]["offline-store"]
    assert told == made.outputs["features_offline_store"]
