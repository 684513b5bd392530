"""KServe: which server takes which model, and what keeps servers bounded and measured."""

from __future__ import annotations

import ast
import itertools
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from tools_support import assert_objects, assert_valid, find, graph, manifests, problems

from plinth import render, versions
from plinth.capabilities.gateway import Gateway
from plinth.ports import Installed
from plinth.spec.options import Framework, ServedModel
from plinth.spec.types import Replicas
from plinth.tools.serving import kserve
from plinth.tools.serving import manifests as objects

PLAIN = """
artifacts: {}
serving: {models: {churn: {uri: "s3://models/churn", framework: sklearn}}}
"""
FULL = """
artifacts: {}
monitoring: {}
tracking: {}
domain: {name: ml.example.com}
cluster: {node_pools: {general: {min: 2}, gpu: {gpu: {type: l4}}}}
serving:
  allow_from: [shop]
  models:
    churn: {uri: "models:/churn@champion", framework: sklearn, replicas: {min: 2, max: 5}}
    faces: {uri: "s3://models/faces", framework: onnx, gpu: 1, memory: 8Gi}
"""


GATEWAY = Gateway.of(Installed())


def _predictor(model: ServedModel) -> dict[str, Any]:
    made = kserve.inference_service("churn", model, namespace="serving", labels={"team": "ml"})
    assert made["apiVersion"] == "serving.kserve.io/v1beta1"
    predictor: dict[str, Any] = made["spec"]["predictor"]
    return predictor


@pytest.mark.parametrize("framework", get_args(Framework))
def test_every_framework_has_a_server_that_speaks_v2(framework: Framework) -> None:
    model = ServedModel(uri="s3://models/churn", framework=framework)
    made = _predictor(model)["model"]
    assert made["runtime"] in {"kserve-mlserver", "kserve-tritonserver", "kserve-huggingfaceserver"}
    assert made["modelFormat"] == {"name": framework}
    assert made["protocolVersion"] == "v2"
    assert made["readinessProbe"]["httpGet"]["path"] == "/v2/health/ready"


@pytest.mark.parametrize("framework", ["sklearn", "pytorch", "onnx", "mlflow"])
def test_registered_models_are_mlflow_models_whatever_is_inside(framework: Framework) -> None:
    made = _predictor(ServedModel(uri="models:/churn/7", framework=framework))["model"]
    assert made["modelFormat"] == {"name": "mlflow"}
    assert made["runtime"] == "kserve-mlserver"
    assert made["storageUri"] == "models:/churn/7"


def test_answers_say_the_version() -> None:
    def version(uri: str) -> Any:
        return _predictor(ServedModel(uri=uri, framework="sklearn"))["model"].get("env")

    source = {"fieldRef": {"fieldPath": "metadata.annotations['plinth/version']"}}
    name = "MLSERVER_MODEL_VERSION"
    assert version("models:/churn@champion") == [{"name": name, "valueFrom": source}]
    assert version("models:/churn/7") == [{"name": name, "value": "7"}]
    assert version("s3://models/churn") is None


def test_no_copy_goes_before_its_successor_is_ready() -> None:
    strategy = _predictor(ServedModel(uri="s3://m/c", framework="onnx"))["deploymentStrategy"]
    assert strategy["type"] == "RollingUpdate"
    assert strategy["rollingUpdate"]["maxUnavailable"] == 0


@pytest.mark.parametrize(
    ("framework", "port"), [("sklearn", "8082"), ("onnx", "8002"), ("huggingface", "8080")]
)
def test_metrics_are_read_where_the_server_answers_them(framework: Framework, port: str) -> None:
    predictor = _predictor(ServedModel(uri="s3://models/churn", framework=framework))
    assert predictor["annotations"]["prometheus.kserve.io/port"] == port


def test_triton_keeps_the_quantiles_that_alerts_need() -> None:
    made = _predictor(ServedModel(uri="s3://models/churn", framework="onnx"))["model"]
    assert "--metrics-config=summary_latencies=true" in made["args"]


def test_limits_follow_requests_so_that_the_runtime_s_own_cannot_contradict_them() -> None:
    model = ServedModel(uri="s3://m/c", framework="xgboost", cpu="3", memory="6Gi", gpu=2)
    predictor = _predictor(model)
    resources = predictor["model"]["resources"]
    assert resources["requests"] == {"cpu": "3", "memory": "6Gi", "nvidia.com/gpu": "2"}
    assert resources["limits"] == resources["requests"]
    assert predictor["tolerations"][0]["key"] == "nvidia.com/gpu"
    assert "tolerations" not in _predictor(ServedModel(uri="s3://m/c", framework="xgboost"))


def test_copies_are_scaled_spread_and_hardened() -> None:
    model = ServedModel(uri="s3://m/c", framework="xgboost", replicas=Replicas(min=2, max=9))
    predictor = _predictor(model)
    assert (predictor["minReplicas"], predictor["maxReplicas"]) == (2, 9)
    assert predictor["scaleMetric"] == "cpu"
    spread = predictor["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"]
    assert spread == {objects.MODEL_LABEL: "churn"}
    assert predictor["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert predictor["securityContext"]["runAsNonRoot"] is True
    assert predictor["labels"] == {"team": "ml"}


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("s3://models/churn", "s3://models/churn"),
        (
            "abfss://models@plinthdev.dfs.core.windows.net/churn/1",
            "https://plinthdev.blob.core.windows.net/models/churn/1",
        ),
    ],
)
def test_addresses_are_given_in_kserve_s_spelling(uri: str, expected: str) -> None:
    assert kserve.storage_uri(uri) == expected


def test_controller_runs_plain_deployments_behind_the_shared_gateway() -> None:
    values = kserve.controller_values("models.ml.example.com", {"platform": "churn"}, GATEWAY)[
        "kserve"
    ]
    controller = values["controller"]
    assert controller["deploymentMode"] == "Standard"
    gateway = controller["gateway"]
    assert gateway["domain"] == "models.ml.example.com"
    assert gateway["urlScheme"] == "https"
    assert gateway["disableIngressCreation"] is False
    assert gateway["disableIstioVirtualHost"] is True
    assert gateway["ingressGateway"] == {
        "enableGatewayApi": True,
        "kserveGateway": "gateway/platform",
        "createGateway": False,
        "className": "envoy",
    }
    assert values["security"] == {"autoMountServiceAccountToken": False}


def test_without_a_domain_no_route_is_made() -> None:
    gateway = kserve.controller_values(None, {}, GATEWAY)["kserve"]["controller"]["gateway"]
    assert gateway["disableIngressCreation"] is True
    # The gateway's CRDs come with the gateway, and the controller would insist on them.
    assert gateway["ingressGateway"]["enableGatewayApi"] is False
    assert gateway["domain"] == "svc.cluster.local"


def test_runtimes_are_switched_on_with_pinned_images() -> None:
    runtimes = kserve.runtime_values(versions.defaults().images)["kserve"]["servingruntime"]
    assert runtimes["enabled"] is True
    for name in ("mlserver", "tritonserver"):
        assert "/" in runtimes[name]["image"]
        assert runtimes[name]["tag"] not in ("", "latest")


def test_registry_is_read_with_credentials_from_a_secret() -> None:
    made = objects.storage_container(
        prefix="models:/", image="mlflow:1", script="pass", tracking_uri="http://mlflow"
    )
    assert made["spec"]["supportedUriFormats"] == [{"prefix": "models:/"}]
    container = made["spec"]["container"]
    assert container["name"] == "storage-initializer"
    assert "args" not in container  # KServe's own arguments, source and target, must stay
    sources = {item["name"]: item.get("valueFrom") for item in container["env"]}
    for key in ("username", "password"):
        reference = sources[f"MLFLOW_TRACKING_{key.upper()}"]
        assert reference == {"secretKeyRef": {"name": objects.REGISTRY_SECRET, "key": key}}


def _fetch(
    tmp_path: Path, flavors: str = "cloudpickle", **told: str
) -> subprocess.CompletedProcess[str]:
    """Runs the real script against a stand-in for MLflow's client."""
    client = tmp_path / "mlflow"
    client.mkdir()
    (client / "__init__.py").write_text("")
    (client / "artifacts.py").write_text(
        "import pathlib\n"
        "def download_artifacts(*, artifact_uri, dst_path):\n"
        "    text = 'flavors: {sklearn: {serialization_format: " + flavors + "}}'\n"
        "    pathlib.Path(dst_path, 'MLmodel').write_text(text)\n"
        "    pathlib.Path(dst_path, 'source').write_text(artifact_uri)\n"
        "    return dst_path\n"
    )
    script = render.text("kserve/fetch_model.py")
    return subprocess.run(
        [sys.executable, "-c", script, "models:/churn@champion", str(tmp_path)],
        cwd=tmp_path,
        env={**os.environ, **told},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("model", "version", "source"),
    [
        ("models:/churn@champion", "7", "models:/churn/7"),
        ("models:/churn@challenger", "7", "models:/churn@champion"),
        ("", "", "models:/churn@champion"),
    ],
    ids=["told", "told of another alias", "told nothing"],
)
def test_copies_load_the_version_that_their_model_was_told(
    tmp_path: Path, model: str, version: str, source: str
) -> None:
    done = _fetch(tmp_path, TOLD_MODEL=model, TOLD_VERSION=version)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "source").read_text() == source


def test_copies_learn_from_annotations_what_was_told() -> None:
    made = objects.storage_container(
        prefix="models:/", image="mlflow:1", script="pass", tracking_uri="http://mlflow"
    )
    variables = {item["name"]: item for item in made["spec"]["container"]["env"]}
    for name, annotation in (
        ("TOLD_MODEL", objects.TOLD_MODEL),
        ("TOLD_VERSION", objects.TOLD_VERSION),
    ):
        field = {"fieldPath": f"metadata.annotations['{annotation}']"}
        assert variables[name]["valueFrom"] == {"fieldRef": field}


@pytest.mark.parametrize(
    ("flavors", "code"), [("skops", 1), ("cloudpickle", 0)], ids=["unreadable", "readable"]
)
def test_fetching_says_when_the_server_could_not_read_the_model(
    tmp_path: Path, flavors: str, code: int
) -> None:
    done = _fetch(tmp_path, flavors)
    assert done.returncode == code, done.stderr
    assert ('serialization_format="cloudpickle"' in done.stderr) is bool(code)
    assert (tmp_path / "MLmodel").exists()


@pytest.mark.parametrize(
    ("block", "code", "path"),
    [
        (
            "{models: {art: {uri: 'models:/art@best', framework: triton}}}",
            "model-not-from-registry",
            "serving.models.art.uri",
        ),
        (
            "{models: {art: {uri: 'abfss://art/model', framework: onnx}}}",
            "model-address",
            "serving.models.art.uri",
        ),
        ("{expose: true}", "expose-without-domain", "serving.expose"),
    ],
)
def test_what_cannot_work_is_refused(block: str, code: str, path: str) -> None:
    (problem,) = problems(f"{{artifacts: {{}}, tracking: {{}}, serving: {block}}}")
    assert (problem.code, problem.path) == (code, path)
    assert problem.fix


RETRAINED = """
{{artifacts: {{}}, tracking: {{}}, {others}
serving: {{models: {{churn: {{uri: "{uri}", framework: sklearn, retrain: retrain_churn}}}}}}}}
"""


@pytest.mark.parametrize(
    ("others", "uri", "codes"),
    [
        ("monitoring: {}, orchestration: {},", "models:/churn@champion", set()),
        ("orchestration: {},", "models:/churn@champion", {"capability-missing"}),
        ("monitoring: {},", "models:/churn@champion", {"capability-missing"}),
        ("monitoring: {}, orchestration: {},", "models:/churn/7", {"retrain-without-alias"}),
        ("monitoring: {}, orchestration: {},", "s3://m/a@b", {"retrain-without-alias"}),
    ],
)
def test_retraining_needs_who_notices_who_trains_and_an_alias(
    others: str, uri: str, codes: set[str]
) -> None:
    found = problems(RETRAINED.format(others=others, uri=uri))
    assert {problem.code for problem in found} == codes
    assert {problem.path for problem in found} <= {"serving.models.churn.retrain"}
    assert all(problem.fix for problem in found)


def test_models_wait_for_the_runtimes_and_the_runtimes_for_the_controller() -> None:
    made = graph(FULL)
    steps = [
        find(made, "Release", name)
        for name in ("kserve-crd", "kserve-resources", "kserve-runtime-configs")
    ]
    for before, after in itertools.pairwise(steps):
        assert before.urn in after.dependencies
    waits = find(made, ":InferenceService", "churn").dependencies
    assert steps[-1].urn in waits
    assert find(made, ":ClusterStorageContainer", "model-registry").urn in waits


def test_models_may_read_their_bucket_and_no_more() -> None:
    made = graph(PLAIN)
    account = find(made, ":ServiceAccount", "model-reader-service-account")
    assert account.inputs["metadata"]["namespace"] == "serving"
    policy = find(made, ":RolePolicy", "serving-model-reader").inputs["policy"]
    assert "s3:GetObject" in policy
    assert "s3:PutObject" not in policy
    predictor = find(made, ":InferenceService", "churn").inputs["spec"]["predictor"]
    assert predictor["serviceAccountName"] == account.inputs["metadata"]["name"]


def test_webhook_is_reachable_from_the_api_server() -> None:
    policy = find(graph(PLAIN), ":NetworkPolicy", "kserve-isolation").inputs["spec"]
    assert {"ports": [{"port": 9443}]} in policy["ingress"]


def test_only_named_namespaces_may_call_models() -> None:
    policy = find(graph(FULL), ":NetworkPolicy", "serving-isolation").inputs["spec"]
    (rule,) = policy["ingress"]
    callers = {
        source["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
        for source in rule["from"]
        if "namespaceSelector" in source
    }
    assert callers == {"monitoring", "gateway", "orchestration", "shop"}


def test_endpoints_are_host_names_below_the_domain() -> None:
    outputs = graph(FULL).outputs
    assert outputs["serving_endpoints_churn"] == "https://churn.models.ml.example.com"


def test_endpoints_stay_inside_without_a_domain_or_when_it_is_public() -> None:
    inside = "http://churn-predictor.serving.svc.cluster.local"
    assert graph(PLAIN).outputs["serving_endpoints_churn"] == inside
    public = PLAIN + (
        "domain: {name: ml.example.com, exposure: public, allow: [192.0.2.0/24]}\n"
        "identity: {issuer: 'https://id.example.com', client_id: ml, client_secret: {secret: oidc}}"
    )
    assert graph(public).outputs["serving_endpoints_churn"] == inside


def test_objects_are_ones_that_kubernetes_knows() -> None:
    found = list(manifests(graph(FULL), "serving"))
    assert {"ServiceAccount", "PodDisruptionBudget", "NetworkPolicy"} <= {m["kind"] for m in found}
    for manifest in found:
        assert_valid(manifest)


def test_only_models_of_several_copies_get_a_disruption_budget() -> None:
    budgets = [r.name for r in graph(FULL) if r.type.endswith(":PodDisruptionBudget")]
    assert "churn-disruption-budget" in budgets
    assert "faces-disruption-budget" not in budgets


def test_registry_is_left_out_without_tracking() -> None:
    assert not [r for r in graph(PLAIN) if r.type.endswith(":ClusterStorageContainer")]


def test_importing_the_tool_loads_no_engine() -> None:
    script = "import sys, plinth.tools.serving.kserve; sys.exit('pulumi' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


LOCAL = """
cloud: local
region: null
account: null
artifacts: {}
tracking: {}
serving:
  models:
    churn: {uri: "models:/churn@champion", framework: sklearn}
    faces: {uri: "file:///models/faces", framework: mlflow}
"""


def _process(spec: str) -> dict[str, Any]:
    return dict(find(graph(spec), ":Service", "kserve").inputs)


def test_a_process_serves_all_models_by_the_registry_s_login() -> None:
    made = graph(LOCAL)
    server = _process(LOCAL)
    told = json.loads(server["files"]["settings.json"])
    assert told["models"] == {"churn": "models:/churn@champion", "faces": "file:///models/faces"}
    assert told["record"]["folder"] == f"{made.outputs['artifacts_buckets_datasets']}/inference"
    assert told["port"] == server["port"]
    assert server["health"] == "/v2/health/live", "a model that is not there yet fails nothing"
    assert server["environment"]["MLFLOW_TRACKING_URI"] == made.outputs["tracking_uri"]
    assert server["environment"]["MLFLOW_TRACKING_PASSWORD"]
    url = made.outputs["serving_client_SERVING_URL"]
    assert made.outputs["serving_endpoints_churn"] == made.outputs["serving_endpoints_faces"] == url


def test_login_of_the_registry_is_in_no_argument_and_no_file() -> None:
    server = _process(LOCAL)
    secret = server["environment"]["MLFLOW_TRACKING_PASSWORD"]
    assert secret not in str(server["command"])
    assert secret not in str(server["files"])


def test_a_process_without_a_registry_needs_no_login() -> None:
    spec = """{cloud: local, region: null, account: null, artifacts: {}, serving: {
        record: 0, models: {faces: {uri: "file:///m", framework: mlflow}}}}"""
    server = _process(spec)
    assert not [name for name in server["environment"] if name.startswith("MLFLOW_TRACKING")]
    assert json.loads(server["files"]["settings.json"])["record"] is None


def test_the_process_s_server_is_python_and_knows_nothing_of_plinth() -> None:
    tree = ast.parse(_process(LOCAL)["files"]["local_server.py"])
    imported = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert "kserve" in imported
    assert "plinth" not in imported


def test_a_process_serves_what_it_has_a_login_for() -> None:
    (problem,) = problems(LOCAL.replace("file:///models/faces", "s3://models/faces"))
    assert (problem.code, problem.path) == ("model-not-here", "serving.models.faces.uri")


def test_clusters_refuse_what_only_a_process_can() -> None:
    spec = """{artifacts: {}, serving: {
        models: {faces: {uri: "file:///m", framework: mlflow}}}}"""
    found = {(problem.code, problem.path) for problem in problems(spec)}
    assert found == {("model-not-here", "serving.models.faces.uri")}


RECORDED = FULL.replace("serving:", "serving:\n  record: 128")
#: What any cloud has.
ELSEWHERE = """
artifacts: {}
monitoring: {}
tracking: {}
serving:
  record: 128
  models:
    churn: {uri: "models:/churn@champion", framework: sklearn}
    faces: {uri: "models:/faces/7", framework: onnx}
"""


def test_requests_are_kept_on_clusters_only_where_the_spec_says_so() -> None:
    """They may be personal data, and on a cluster they are not one person's own."""
    for spec in (FULL, RECORDED.replace("128", "0")):
        made = graph(spec)
        assert not [r for r in made if "recorder" in r.name]
        predictor = find(made, ":InferenceService", "churn").inputs["spec"]["predictor"]
        assert "logger" not in predictor


def test_models_post_their_requests_to_the_recorder_with_their_version() -> None:
    made = graph(ELSEWHERE)
    service = find(made, ":Service", "recorder-service").inputs
    place = f"{service['metadata']['name']}.{service['metadata']['namespace']}.svc.cluster.local"
    url = f"http://{place}:{service['spec']['ports'][0]['port']}/"
    for name, pinned in (("churn", None), ("faces", "7")):
        predictor = find(made, ":InferenceService", name).inputs["spec"]["predictor"]
        assert predictor["logger"] == {
            "mode": "all",
            "url": url,
            "metadataAnnotations": ["plinth/version"],
        }
        assert predictor["annotations"].get("plinth/version") == pinned


@pytest.mark.parametrize(
    ("cloud", "folder"),
    [
        ("{}", r"s3://[a-z0-9-]+/inference"),
        (
            "{cloud: azure, region: westeurope, account: 3f0d2b6e-0000-4000-8000-000000000001}",
            r"wasbs://datasets@[a-z0-9]+\.blob\.core\.windows\.net/inference",
        ),
        ("{cloud: gcp, region: europe-west4, account: churn-dev}", r"gs://[a-z0-9-]+/inference"),
    ],
    ids=["aws", "azure", "gcp"],
)
def test_recorder_is_told_where_to_as_mlflow_spells_it(cloud: str, folder: str) -> None:
    made = graph(yaml.safe_dump({**yaml.safe_load(ELSEWHERE), **yaml.safe_load(cloud)}))
    told = find(made, ":ConfigMap", "recorder-config").inputs["data"]
    settings = json.loads(told["settings.json"])
    assert re.fullmatch(folder, settings.pop("folder"))
    assert settings == {"mebibytes": 128, "models": ["churn", "faces"]}
    assert told["recorder.py"] == render.text("kserve/recorder.py")


def test_recorder_may_write_datasets_and_models_may_not() -> None:
    made = graph(ELSEWHERE)
    bucket = made.outputs["artifacts_buckets_datasets"].removeprefix("s3://")
    policy = find(made, ":RolePolicy", "serving-recorder").inputs["policy"]
    assert "s3:PutObject" in policy
    granted = {
        statement["Resource"]
        for statement in json.loads(policy)["Statement"]
        if ":s3:" in statement["Resource"]
    }
    assert granted == {f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"}
    assert bucket not in find(made, ":RolePolicy", "serving-model-reader").inputs["policy"]
    pod = find(made, "apps/v1:Deployment", "recorder").inputs["spec"]["template"]["spec"]
    account = find(made, ":ServiceAccount", "recorder-service-account").inputs["metadata"]
    assert pod["serviceAccountName"] == account["name"]
    assert account["namespace"] == kserve.CONTROLLER_NAMESPACE


def test_nobody_but_models_may_post_to_the_recorder() -> None:
    """Policies add up, so it is in a namespace that callers of models have no way into."""
    made = graph(RECORDED)
    sources = [
        source.get("namespaceSelector", {}).get("matchLabels")
        for resource in made
        if resource.type.endswith(":NetworkPolicy")
        and resource.inputs["metadata"]["namespace"] == kserve.CONTROLLER_NAMESPACE
        for rule in resource.inputs["spec"]["ingress"]
        if rule.get("ports", [{"port": 8080}]) != [{"port": 9443}]
        for source in rule["from"]
    ]
    names = {labels["kubernetes.io/metadata.name"] for labels in sources if labels}
    assert names == {"serving", "monitoring"}, "of which the latter reads metrics"


def test_there_is_one_recorder_where_halves_of_a_request_meet() -> None:
    scaler = find(graph(ELSEWHERE), ":HorizontalPodAutoscaler", "recorder-autoscaler").inputs
    assert (scaler["spec"]["minReplicas"], scaler["spec"]["maxReplicas"]) == (1, 1)


def test_recorder_s_objects_are_ones_that_kubernetes_knows() -> None:
    kinds = {"Deployment", "Service", "NetworkPolicy", "ConfigMap"}
    assert_objects(RECORDED, "serving", kinds, controller="follow-aliases")
