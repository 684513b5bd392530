"""What tells models their versions, run as in its pod: registry and API server on localhost."""

from __future__ import annotations

import base64
import datetime
import importlib.util
import ipaddress
import json
import ssl
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tools_support import environment, find, graph

from plinth import render
from plinth.tools.serving import kserve_follow, manifests
from served import Server, until

REFERENCE = "models:/churn@champion"
PATH = "/apis/serving.kserve.io/v1beta1/namespaces/serving/inferenceservices/churn"
MODEL, VERSION = manifests.TOLD_MODEL, manifests.TOLD_VERSION


class Service:
    """A server on localhost that answers as ``answer`` says, in plain text once it is broken."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.broken: tuple[int, str] | None = None
        self.asked = 0
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                service.asked += 1
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                if service.broken:
                    status, text = service.broken
                else:
                    status, found = service.answer(self, urlsplit(self.path), body)
                    text = json.dumps(found)
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            do_PATCH = do_GET  # noqa: N815 - as the server wants it

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if context:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(
        self, request: BaseHTTPRequestHandler, url: Any, body: Any
    ) -> tuple[int, dict[str, Any]]:
        raise NotImplementedError

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class Registry(Service):
    """MLflow's answers about aliases (``registered-models/alias``, MLflow 3.17)."""

    def __init__(self) -> None:
        super().__init__()
        self.aliases: dict[tuple[str, str], str] = {}

    def answer(
        self, request: BaseHTTPRequestHandler, url: Any, body: Any
    ) -> tuple[int, dict[str, Any]]:
        login = base64.b64encode(b"admin:secret").decode()
        assert request.headers["Authorization"] == f"Basic {login}"
        assert url.path == "/api/2.0/mlflow/registered-models/alias"
        query = parse_qs(url.query)
        name, alias = query["name"][0], query["alias"][0]
        if name not in {known for known, _ in self.aliases}:
            return 404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no such model"}
        if (name, alias) not in self.aliases:
            return 400, {"error_code": "INVALID_PARAMETER_VALUE", "message": "no such alias"}
        return 200, {"model_version": {"name": name, "version": self.aliases[name, alias]}}


class Kubernetes(Service):
    """One InferenceService, if it is there, as the API server answers of it."""

    def __init__(self, context: ssl.SSLContext, token: str) -> None:
        super().__init__(context)
        self.token = token
        self.told: dict[str, str] | None = {}
        self.patches: list[dict[str, Any]] = []

    def answer(
        self, request: BaseHTTPRequestHandler, url: Any, body: Any
    ) -> tuple[int, dict[str, Any]]:
        if request.headers["Authorization"] != f"Bearer {self.token}":
            return 401, {"kind": "Status", "message": "Unauthorized"}
        assert url.path == PATH
        if self.told is None:
            return 404, {"kind": "Status", "message": "not found"}
        if request.command == "PATCH":
            assert request.headers["Content-Type"] == "application/apply-patch+yaml"
            assert parse_qs(url.query) == {
                "fieldManager": ["plinth-follow-aliases"],
                "force": ["true"],
            }
            self.patches.append(body)
            self.told |= body["spec"]["predictor"]["annotations"]
        notes = {"prometheus.kserve.io/port": "8082", **self.told}
        return 200, {"metadata": {"uid": "u-1"}, "spec": {"predictor": {"annotations": notes}}}

    @property
    def versions(self) -> list[str]:
        """What the model was told, one after the other."""
        return [patch["spec"]["predictor"]["annotations"][VERSION] for patch in self.patches]


def _authority(folder: Path) -> ssl.SSLContext:
    """A certificate for 127.0.0.1; its authority is written where a pod finds the cluster's."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kubernetes")])
    now = datetime.datetime.now(datetime.UTC)
    host = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(host, critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "ca.crt").write_bytes(made.public_bytes(pem))
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ca.crt", folder / "key.pem")
    return context


class Stage:
    """The script in a process of its own, with what it looks at."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.registry = Registry()
        self.cluster = Kubernetes(_authority(folder), "one")
        (folder / "token").write_text("one\n", encoding="ascii")
        self.script: Server | None = None

    def start(self) -> Server:
        self.script = Server(
            self.folder,
            "kserve/follow_aliases.py",
            {
                "MLFLOW_TRACKING_URI": f"http://127.0.0.1:{self.registry.port}",
                "MLFLOW_TRACKING_USERNAME": "admin",
                "MLFLOW_TRACKING_PASSWORD": "secret",
                "KUBERNETES_SERVICE_HOST": "127.0.0.1",
                "KUBERNETES_SERVICE_PORT": str(self.cluster.port),
            },
            settings={
                "models": {"churn": REFERENCE},
                "namespace": "serving",
                "seconds": 0.1,
                "account": str(self.folder),
            },
        )
        return self.script

    def get(self, path: str) -> str:
        assert self.script
        status, text = self.script.get(path)
        assert status == 200
        return text

    def lines(self) -> list[dict[str, str]]:
        assert self.script
        return self.script.lines()

    def said(self, words: str) -> bool:
        return any(words in line["message"] for line in self.lines())

    def rounds(self) -> None:
        """Waits for several more looks, which all begin with the model."""
        wanted = self.cluster.asked + 3
        until(lambda: self.cluster.asked >= wanted)

    def stop(self) -> None:
        if self.script:
            self.script.kill()
        self.registry.stop()
        self.cluster.stop()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    made.registry.aliases["churn", "champion"] = "7"
    yield made
    made.stop()


def test_a_moved_alias_is_told_once_and_back_again(stage: Stage) -> None:
    stage.start()
    until(lambda: stage.cluster.versions == ["7"])
    assert stage.cluster.patches[0] == {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": "churn", "uid": "u-1"},
        "spec": {"predictor": {"annotations": {MODEL: REFERENCE, VERSION: "7"}}},
    }
    stage.registry.aliases["churn", "champion"] = "8"
    until(lambda: stage.cluster.versions == ["7", "8"])
    stage.registry.aliases["churn", "champion"] = "7"
    until(lambda: stage.cluster.versions == ["7", "8", "7"])
    stage.rounds()
    assert stage.cluster.versions == ["7", "8", "7"], "what is told is not told again"
    assert [line["message"] for line in stage.lines()] == [
        f"{REFERENCE} is version {version}" for version in ("7", "8", "7")
    ]
    assert 'plinth_served_version{model="churn"} 7\n' in stage.get("/metrics")


def test_nothing_is_rolled_by_a_start(stage: Stage) -> None:
    stage.cluster.told = {MODEL: REFERENCE, VERSION: "7"}
    stage.start()
    until(lambda: 'model="churn"} 7' in stage.get("/metrics"))
    stage.rounds()
    assert stage.cluster.patches == []


def test_what_was_told_of_another_alias_does_not_count(stage: Stage) -> None:
    stage.cluster.told = {MODEL: "models:/churn@challenger", VERSION: "7"}
    stage.start()
    until(lambda: stage.cluster.told == {MODEL: REFERENCE, VERSION: "7"})


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ((503, "try later"), "the registry answered 503: try later; what is served stays"),
        ((403, '{"error_code": "PERMISSION_DENIED", "message": "no"}'), "answered 403: no"),
        ((200, "<html>"), "the registry answered something else than JSON"),
        ((200, "[]"), "the registry answered something else than an object"),
        ((200, '{"model_version": {"version": "new"}}'), "the registry answered without a version"),
    ],
)
def test_a_registry_in_trouble_changes_nothing_and_is_said_once(
    stage: Stage, broken: tuple[int, str], words: str
) -> None:
    stage.cluster.told = {MODEL: REFERENCE, VERSION: "6"}
    stage.registry.broken = broken
    stage.start()
    until(lambda: stage.said(words))
    stage.rounds()
    assert len(stage.lines()) == 1
    assert stage.cluster.patches == []
    assert 'plinth_served_version{model="churn"} 6\n' in stage.get("/metrics")
    stage.registry.broken = None
    until(lambda: stage.cluster.versions == ["7"])


def test_a_registry_that_is_not_there_is_waited_for(stage: Stage) -> None:
    stage.cluster.told = {MODEL: REFERENCE, VERSION: "6"}
    stage.registry.stop()
    stage.start()
    until(lambda: stage.said("the registry cannot be reached"))
    stage.rounds()
    assert len(stage.lines()) == 1
    assert stage.get("/healthz") == ""
    assert stage.cluster.patches == []


@pytest.mark.parametrize("known", [True, False], ids=["no such alias", "no such model"])
def test_an_alias_that_names_nothing_changes_nothing(stage: Stage, known: bool) -> None:
    stage.cluster.told = {MODEL: REFERENCE, VERSION: "7"}
    stage.registry.aliases = {("churn", "candidate"): "8"} if known else {}
    stage.start()
    until(lambda: stage.said(f"{REFERENCE} names no version; version 7 stays"))
    stage.rounds()
    assert (len(stage.lines()), stage.cluster.patches) == (1, [])


def test_a_model_that_is_not_there_yet_is_told_soon(stage: Stage) -> None:
    stage.cluster.told = None
    stage.start()
    until(lambda: stage.said("there is no such InferenceService yet"))
    assert "plinth_served_version{" not in stage.get("/metrics")
    stage.cluster.told = {}
    until(lambda: stage.cluster.versions == ["7"])


def test_the_token_is_read_anew(stage: Stage) -> None:
    stage.start()
    until(lambda: stage.cluster.versions == ["7"])
    stage.cluster.token = "two"
    until(lambda: stage.said("the API server answered 401: Unauthorized"))
    (stage.folder / "token").write_text("two", encoding="ascii")
    stage.registry.aliases["churn", "champion"] = "8"
    until(lambda: stage.cluster.versions == ["7", "8"])


def test_an_api_server_of_another_authority_is_told_nothing(stage: Stage) -> None:
    other = stage.folder / "other"
    other.mkdir()
    _authority(other)
    (stage.folder / "ca.crt").write_bytes((other / "ca.crt").read_bytes())
    stage.start()
    until(lambda: stage.said("the API server cannot be reached"))
    assert stage.cluster.patches == []


def test_it_ends_when_it_is_told_to(stage: Stage) -> None:
    stage.start().end()


def test_one_that_hangs_says_so(tmp_path: Path) -> None:
    file = tmp_path / "follow_aliases.py"
    file.write_text(render.text("kserve/follow_aliases.py"), encoding="utf-8")
    spec = importlib.util.spec_from_file_location("follow_aliases", file)
    assert spec
    assert spec.loader
    script = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = script  # for its dataclass
    try:
        spec.loader.exec_module(script)
        follower = script.Follower({"churn": REFERENCE})
        assert follower.alive()
        follower.looked -= script.STUCK_SECONDS
        assert not follower.alive()
        assert (script.MODEL, script.VERSION) == (MODEL, VERSION)
    finally:
        del sys.modules[spec.name]


# --- its objects ---------------------------------------------------------------------------------

SPEC = """
artifacts: {}
tracking: {}
serving:
  models:
    churn: {uri: "models:/churn@champion", framework: sklearn}
    faces: {uri: "models:/faces/3", framework: mlflow}
    texts: {uri: "s3://models/texts", framework: onnx}
"""


def test_only_models_with_an_alias_are_followed() -> None:
    made = graph(SPEC)
    data = find(made, ":ConfigMap", "follow-aliases-config").inputs["data"]
    told = json.loads(data["settings.json"])
    assert told["models"] == {"churn": REFERENCE}
    assert told["namespace"] == "serving"
    (rule,) = find(made, ":Role", "follow-aliases-role").inputs["rules"]
    assert rule == {
        "apiGroups": ["serving.kserve.io"],
        "resources": ["inferenceservices"],
        "resourceNames": ["churn"],
        "verbs": ["get", "patch"],
    }
    (subject,) = find(made, ":RoleBinding", "follow-aliases-binding").inputs["subjects"]
    assert subject == {"kind": "ServiceAccount", "name": "follow-aliases", "namespace": "serving"}


def test_its_pod_is_hardened_and_the_only_one_with_a_token() -> None:
    deployment = find(graph(SPEC), ":Deployment", "follow-aliases")
    pod = deployment.inputs["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is True
    assert pod["serviceAccountName"] == "follow-aliases"
    assert pod["securityContext"]["runAsNonRoot"] is True
    (container,) = pod["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
    variables = environment(container)
    assert variables["MLFLOW_TRACKING_URI"].startswith("http://mlflow.tracking.svc")
    assert variables["MLFLOW_TRACKING_PASSWORD"] == (manifests.REGISTRY_SECRET, "password")


def test_a_changed_list_of_models_starts_it_anew() -> None:
    def checksum(spec: str) -> str:
        template = find(graph(spec), ":Deployment", "follow-aliases").inputs["spec"]["template"]
        return str(template["metadata"]["annotations"]["checksum/files"])

    assert checksum(SPEC) != checksum(SPEC.replace("@champion", "@challenger"))


def test_it_is_scraped_where_there_is_monitoring() -> None:
    assert not [r for r in graph(SPEC) if r.name == "follow-aliases-metrics"]
    monitor = find(graph(f"{SPEC}\nmonitoring: {{}}"), ":PodMonitor", "follow-aliases-metrics")
    (endpoint,) = monitor.inputs["spec"]["podMetricsEndpoints"]
    pod = find(graph(SPEC), ":Deployment", "follow-aliases").inputs["spec"]["template"]
    assert (
        monitor.inputs["spec"]["selector"]["matchLabels"].items()
        <= pod["metadata"]["labels"].items()
    )
    ports = {port["name"]: port["containerPort"] for port in pod["spec"]["containers"][0]["ports"]}
    assert ports[endpoint["port"]] == kserve_follow.PORT


@pytest.mark.parametrize(
    "spec",
    [
        SPEC.replace("@champion", "/7"),
        "artifacts: {}\nserving: {models: {texts: {uri: 's3://m/t', framework: onnx}}}",
    ],
    ids=["versions", "no registry"],
)
def test_without_an_alias_there_is_nothing_to_follow(spec: str) -> None:
    assert not [r for r in graph(spec) if r.name.startswith("follow-aliases")]
