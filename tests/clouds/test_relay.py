"""The alert relay, run as it runs in its pod: real payloads, and Azure played on localhost."""

from __future__ import annotations

import contextlib
import json
import queue
import signal
import socket
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pulumi
import pytest

from plinth import versions
from plinth.clouds import relay
from plinth.graph import Graph
from plinth.kube import Kube
from plinth.ports import WorkloadIdentity
from plinth.recorder import record
from served import Server, until

#: What Alertmanager posts (its documentation, "webhook_config").
PAYLOAD: dict[str, Any] = {
    "version": "4",
    "groupKey": '{}:{alertname="ModelLatency"}',
    "truncatedAlerts": 0,
    "status": "firing",
    "receiver": "team",
    "groupLabels": {"alertname": "ModelLatency"},
    "commonLabels": {"alertname": "ModelLatency"},
    "commonAnnotations": {},
    "externalURL": "http://alertmanager:9093",
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "ModelLatency", "severity": "critical", "model": "churn"},
            "annotations": {"summary": "churn answers slowly: 2 µs"},
            "startsAt": "2025-11-23T10:00:00Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus:9090/graph",
            "fingerprint": "c0ffee",
        },
        {"status": "firing", "labels": {"alertname": "Disk", "severity": "warning"}},
        {"status": "resolved", "labels": {"alertname": "Disk", "severity": "critical"}},
    ],
}


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts relays, and sees to it that none is left."""
    with contextlib.ExitStack() as after:

        def run(**env: str) -> Server:
            started = Server(tmp_path, "relay/relay.py", env)
            after.callback(started.kill)
            return started

        yield run


class Azure:
    """The token endpoint and the Logs Ingestion API; answers are taken from ``answers``."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, dict[str, str], bytes]] = []
        self.answers: queue.SimpleQueue[tuple[int, bytes]] = queue.SimpleQueue()
        azure = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                azure.seen.append((self.path, dict(self.headers), body))
                status, answer = azure.answers.get(timeout=5)
                if not status:
                    self.wfile.write(answer)  # as it is
                    return
                self.send_response(status)
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def will_answer(self, *answers: tuple[int, Any]) -> None:
        for status, body in answers:
            self.answers.put(
                (status, body if isinstance(body, bytes) else json.dumps(body).encode())
            )


TOKEN = (200, {"access_token": "let-me-in", "expires_in": 3600, "token_type": "Bearer"})
TAKEN = (204, b"")


@pytest.fixture
def azure() -> Iterator[Azure]:
    """Azure."""
    played = Azure()
    yield played
    played.server.shutdown()
    played.server.server_close()


@pytest.fixture
def signed_in(azure: Azure, tmp_path: Path) -> dict[str, str]:
    """The variables of a pod with workload identity."""
    token = tmp_path / "token"
    token.write_text("from-kubernetes\n", encoding="ascii")
    return {
        "LOGS_INGESTION_URL": f"{azure.url}/dataCollectionRules/dcr-1/streams/Custom-Alerts?v=1",
        "AZURE_AUTHORITY_HOST": f"{azure.url}/",
        "AZURE_TENANT_ID": "tenant",
        "AZURE_CLIENT_ID": "client",
        "AZURE_FEDERATED_TOKEN_FILE": str(token),
    }


def test_every_alert_becomes_a_line(start: Callable[..., Server]) -> None:
    running = start()
    assert running.post(PAYLOAD) == 200
    critical, warning, resolved = running.stop()
    assert critical["severity"] == "ERROR"
    assert critical["message"] == "churn answers slowly: 2 µs"
    assert critical["alert"] == PAYLOAD["alerts"][0]
    assert (warning["severity"], warning["message"]) == ("WARNING", "Disk")
    assert (resolved["severity"], resolved["alert"]["status"]) == ("INFO", "resolved")


REFUSED: list[tuple[Any, int]] = [
    (b"{", 400),
    (b"\xff", 400),
    (b"[" * 100_000, 400),
    ([], 400),
    ({**PAYLOAD, "version": "3"}, 400),
    ({**PAYLOAD, "alerts": "none"}, 400),
    ({**PAYLOAD, "alerts": ["none"]}, 400),
]


def test_what_it_cannot_read_is_refused_and_logged(start: Callable[..., Server]) -> None:
    running = start()
    assert [running.post(body) for body, _ in REFUSED] == [status for _, status in REFUSED]
    assert running.post({**PAYLOAD, "alerts": []}) == 200
    lines = running.stop()
    assert [line["severity"] for line in lines] == ["ERROR"] * len(REFUSED)
    assert not any("alert" in line for line in lines)


def test_other_paths_and_methods_are_not_there(start: Callable[..., Server]) -> None:
    running = start()
    assert running.post(PAYLOAD, "/") == 404
    assert running.get("/alerts") == (404, "")
    assert running.stop() == []


@pytest.mark.parametrize(
    ("length", "status"),
    [("", b" 411 "), ("-1", b" 400 "), ("9" * 5000, b" 400 "), ("4194305", b" 413 ")],
)
def test_a_length_that_is_wrong_or_too_much(
    start: Callable[..., Server], length: str, status: bytes
) -> None:
    running = start()
    with socket.create_connection(("127.0.0.1", running.port), timeout=5) as raw:
        raw.sendall(f"POST /alerts HTTP/1.1\r\nContent-Length: {length}\r\n\r\n".encode())
        assert status in raw.recv(100)


def test_alerts_go_to_azure_with_a_federated_token(
    start: Callable[..., Server], azure: Azure, signed_in: dict[str, str]
) -> None:
    running = start(**signed_in)
    azure.will_answer(TOKEN, TAKEN, TAKEN)
    assert running.post(PAYLOAD) == 200
    assert running.post(PAYLOAD) == 200
    (token_path, _, form), (path, headers, body), (again, _, _) = azure.seen
    assert token_path == "/tenant/oauth2/v2.0/token"
    assert dict(urllib.parse.parse_qsl(form.decode())) == {
        "grant_type": "client_credentials",
        "client_id": "client",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": "from-kubernetes",
        "scope": "https://monitor.azure.com//.default",
    }
    assert path == again == "/dataCollectionRules/dcr-1/streams/Custom-Alerts?v=1"
    assert headers["Authorization"] == "Bearer let-me-in"
    assert headers["Content-Type"] == "application/json"
    sent = json.loads(body)
    assert [set(item) for item in sent] == [set(relay.COLUMNS)] * 3
    assert sent[0]["alert"] == PAYLOAD["alerts"][0]
    assert len(running.stop()) == 6


@pytest.mark.parametrize(
    "answers",
    [
        [(401, {"error": "invalid_client"})],
        [(200, b"not json")],
        [(200, {"token_type": "Bearer"})],
        [TOKEN, (403, {"error": {"code": "OperationFailed"}})],
        [TOKEN, (429, b"")],
        [TOKEN, (500, b"")],
        [TOKEN, (0, b"no HTTP\r\n")],
    ],
)
def test_a_failure_asks_alertmanager_to_try_again(
    start: Callable[..., Server],
    azure: Azure,
    signed_in: dict[str, str],
    answers: list[tuple[int, Any]],
) -> None:
    running = start(**signed_in)
    azure.will_answer(*answers)
    assert running.post(PAYLOAD) == 503
    azure.will_answer(TOKEN, TAKEN)  # with a token of its own: rights may have come since
    assert running.post(PAYLOAD) == 200
    first, *alerts = running.stop()
    assert first["severity"] == "ERROR"
    assert "let-me-in" not in json.dumps(first)
    assert [line["message"] for line in alerts][1:] == ["Disk", "Disk"]


def test_azure_or_the_token_out_of_reach(
    start: Callable[..., Server], signed_in: dict[str, str]
) -> None:
    gone = start(**{**signed_in, "AZURE_AUTHORITY_HOST": "http://127.0.0.1:9"})
    assert gone.post(PAYLOAD) == 503
    Path(signed_in["AZURE_FEDERATED_TOKEN_FILE"]).unlink()
    unsigned = start(**signed_in)
    assert unsigned.post(PAYLOAD) == 503
    assert "no federated token" in unsigned.stop()[0]["message"]


def test_what_is_too_much_for_one_call_goes_in_several(
    start: Callable[..., Server], azure: Azure, signed_in: dict[str, str]
) -> None:
    running = start(**signed_in)
    azure.will_answer(TOKEN, TAKEN, TAKEN, TAKEN)
    alert = {"status": "firing", "labels": {"alertname": "Big", "text": "x" * 40_000}}
    assert running.post({**PAYLOAD, "alerts": [alert] * 60}) == 200
    bodies = [body for path, _, body in azure.seen if "streams" in path]
    assert len(bodies) == 3
    assert max(map(len, bodies)) < 1024 * 1024
    assert sum(len(json.loads(body)) for body in bodies) == 60


def test_what_has_begun_is_finished_before_the_end(
    start: Callable[..., Server], azure: Azure, signed_in: dict[str, str]
) -> None:
    running = start(**signed_in)
    answer: list[int] = []
    asking = threading.Thread(target=lambda: answer.append(running.post(PAYLOAD)))
    asking.start()
    until(lambda: azure.seen)
    running.process.send_signal(signal.SIGTERM)
    until(lambda: not running.listens())
    azure.will_answer(TOKEN, TAKEN)
    asking.join(timeout=10)
    assert answer == [200]
    assert running.process.wait(timeout=10) == 0


def deployed(**given: Any) -> tuple[str, Graph]:
    """The relay's URL and graph."""
    urls: list[str] = []

    def run() -> None:
        parent = pulumi.ComponentResource("plinth:index:Topic", "alerts")
        cluster = pulumi.ProviderResource("kubernetes", "cluster", {})
        url, _ = relay.deploy(
            Kube(cluster, {"platform": "churn"}),
            image=versions.defaults().images[relay.IMAGE],
            namespace="monitoring",
            parent=parent,
            depends_on=(),
            **given,
        )
        urls.append(url)

    found = record(
        run, project="churn", environment="dev", cloud="gcp", region="europe-west3", account="p"
    )
    return urls[0], found


def test_the_relay_is_a_hardened_server_of_one_or_two() -> None:
    url, found = deployed()
    assert url == "http://alert-relay.monitoring.svc.cluster.local:8090/alerts"
    kinds = {resource.type.rpartition(":")[2]: resource.inputs for resource in found}
    pod = kinds["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["image"].startswith("docker.io/library/python:3.")
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert {"name": "PORT", "value": "8090"} in container["env"]
    assert container["ports"] == [{"name": "http", "containerPort": 8090}]
    assert kinds["Service"]["spec"]["ports"][0]["port"] == 8090
    scale = kinds["HorizontalPodAutoscaler"]["spec"]
    assert (scale["minReplicas"], scale["maxReplicas"]) == (1, 2)
    (script,) = kinds["ConfigMap"]["data"].values()
    compile(script, "relay.py", "exec")


def test_the_relay_s_identity_reaches_account_pod_and_container() -> None:
    identity = WorkloadIdentity(
        annotations={"azure.workload.identity/client-id": "c"},
        pod_labels={"azure.workload.identity/use": "true"},
        env={"AZURE_CLIENT_ID": "c"},
    )
    _, found = deployed(identity=identity, env={relay.INGESTION_URL: "https://logs"})
    kinds = {resource.type.rpartition(":")[2]: resource.inputs for resource in found}
    assert (
        "azure.workload.identity/client-id" in (kinds["ServiceAccount"]["metadata"]["annotations"])
    )
    template = kinds["Deployment"]["spec"]["template"]
    assert template["metadata"]["labels"]["azure.workload.identity/use"] == "true"
    env = template["spec"]["containers"][0]["env"]
    assert {"name": "LOGS_INGESTION_URL", "value": "https://logs"} in env
    assert {"name": "AZURE_CLIENT_ID", "value": "c"} in env
