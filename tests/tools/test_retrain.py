"""The receiver that retrains models, run as it runs: real notifications, Airflow on localhost."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from served import Server

DRIFTING: dict[str, Any] = {
    "status": "firing",
    "labels": {"alertname": "PlinthModelDrifting", "severity": "warning", "model": "churn"},
    "annotations": {"summary": "90% of the inputs of model churn have drifted."},
    "startsAt": "2026-11-28T10:00:00.123Z",
    "endsAt": "0001-01-01T00:00:00Z",
    "fingerprint": "c0ffee",
}
#: What Alertmanager posts (its documentation, "webhook_config").
PAYLOAD: dict[str, Any] = {
    "version": "4",
    "groupKey": '{}:{alertname="PlinthModelDrifting"}',
    "status": "firing",
    "receiver": "retrain",
    "groupLabels": {"alertname": "PlinthModelDrifting"},
    "alerts": [DRIFTING],
}
TOKEN = "from-alertmanager"
LOGIN = {"username": "admin", "password": "open-sesame"}


class Airflow:
    """Airflow as its API answers: tokens for one login, runs of the pipelines it knows."""

    def __init__(self) -> None:
        self.pipelines = {"retrain_churn", "faces.retrain"}
        self.login = LOGIN
        self.runs: dict[str, dict[str, Any]] = {}
        self.running: set[str] = set()
        self.broken = self.torn = False
        airflow = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self._say(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

            def do_GET(self) -> None:
                self._say(None)

            def _say(self, body: Any) -> None:
                asked = (self.path, body, self.headers["Authorization"])
                status, answer = (502, "<html>") if airflow.broken else airflow.answer(*asked)
                self.send_response(status)
                if airflow.torn:
                    self.send_header("Content-Length", "100")
                self.end_headers()
                self.wfile.write(json.dumps(answer).encode())

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, path: str, body: Any, authorization: str | None) -> tuple[int, Any]:
        if path == "/auth/token":
            known = body == self.login
            return (201, {"access_token": "let-me-in"}) if known else (401, {"detail": "Invalid"})
        if authorization != "Bearer let-me-in":
            return 401, {"detail": "Not authenticated"}
        where, _, query = path.partition("?")
        _, api, _, _, pipeline, _ = where.split("/")
        assert api == "api"
        if body is None:
            assert query == "state=queued&state=running&limit=1"
            return 200, {"dag_runs": [{}] if pipeline in self.running else [], "total_entries": 0}
        assert body.keys() == {"dag_run_id", "logical_date", "conf"}
        if pipeline not in self.pipelines:
            return 404, {"detail": f"DAG with dag_id: '{pipeline}' not found"}
        if body["dag_run_id"] in self.runs:
            return 409, {"detail": {"reason": "Unique constraint violation"}}
        self.runs[body["dag_run_id"]] = {"pipeline": pipeline, **body}
        return 200, {"dag_run_id": body["dag_run_id"], "state": "queued"}


@pytest.fixture
def airflow() -> Iterator[Airflow]:
    """Airflow."""
    played = Airflow()
    yield played
    played.server.shutdown()
    played.server.server_close()


class Receiver(Server):
    """The receiver, which knows Alertmanager by its token."""

    def post(self, body: Any, path: str = "/alerts", token: str | None = TOKEN) -> int:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return super().post(body, path, **headers)

    def counts(self) -> dict[str, int]:
        """What came of the alerts about churn."""
        status, text = self.get("/metrics")
        assert status == 200
        start = 'plinth_retrainings_total{model="churn",outcome="'
        found = [line.removeprefix(start) for line in text.splitlines() if line.startswith(start)]
        return {name: int(count) for name, _, count in (line.partition('"} ') for line in found)}

    def end(self) -> None:
        super().end()
        assert not any(secret in self.said for secret in (TOKEN, LOGIN["password"], "let-me-in"))


@pytest.fixture
def receiver(tmp_path: Path, airflow: Airflow) -> Iterator[Receiver]:
    """A receiver; none is left."""
    told = {
        "HOST": "127.0.0.1",
        "AIRFLOW_API_URL": airflow.url,
        "AIRFLOW_USERNAME": LOGIN["username"],
        "AIRFLOW_PASSWORD": LOGIN["password"],
        "WEBHOOK_TOKEN": TOKEN,
        "PIPELINES": json.dumps({"churn": "retrain_churn", "faces": "faces.retrain"}),
    }
    running = Receiver(tmp_path, "lifecycle/retrain.py", told)
    yield running
    running.kill()


def _about(**labels: str) -> dict[str, Any]:
    return {**DRIFTING, "labels": {**DRIFTING["labels"], **labels}}


def test_an_alert_starts_the_pipeline_of_its_model(airflow: Airflow, receiver: Receiver) -> None:
    assert receiver.post(PAYLOAD) == 200
    (run,) = airflow.runs.values()
    assert run == {
        "pipeline": "retrain_churn",
        "dag_run_id": "PlinthModelDrifting-churn-2026-11-28T10:00:00.123Z",
        "logical_date": None,
        "conf": {
            "model": "churn",
            "alert": "PlinthModelDrifting",
            "reason": "90% of the inputs of model churn have drifted.",
            "since": "2026-11-28T10:00:00.123Z",
        },
    }
    assert receiver.counts() == {"started": 1, "already": 0, "failed": 0}
    (line,) = receiver.stop()
    assert (line["severity"], line["message"]) == ("INFO", "retrain_churn runs for model churn")


def test_repeats_of_an_alert_start_one_run(airflow: Airflow, receiver: Receiver) -> None:
    assert [receiver.post(PAYLOAD) for _ in range(3)] == [200] * 3
    assert len(airflow.runs) == 1
    assert receiver.counts() == {"started": 1, "already": 2, "failed": 0}
    again = {**DRIFTING, "startsAt": "2026-11-29T10:00:00Z"}  # it was over in between
    assert receiver.post({**PAYLOAD, "alerts": [again]}) == 200
    assert len(airflow.runs) == 2
    assert len(receiver.stop()) == 2


def test_every_alert_and_model_has_a_run_of_its_own(airflow: Airflow, receiver: Receiver) -> None:
    alerts = [DRIFTING, _about(alertname="PlinthModelWorse"), _about(model="faces")]
    assert receiver.post({**PAYLOAD, "alerts": alerts}) == 200
    assert [(run["pipeline"], run["conf"]["alert"]) for run in airflow.runs.values()] == [
        ("retrain_churn", "PlinthModelDrifting"),
        ("retrain_churn", "PlinthModelWorse"),
        ("faces.retrain", "PlinthModelDrifting"),
    ]


def test_a_model_that_is_being_retrained_is_not_retrained_twice(
    airflow: Airflow, receiver: Receiver
) -> None:
    """One push may raise two alerts; a second run would have the same data."""
    airflow.running = {"retrain_churn"}
    assert receiver.post(PAYLOAD) == 200
    assert not airflow.runs
    assert receiver.counts() == {"started": 0, "already": 1, "failed": 0}
    airflow.running = set()
    assert receiver.post(PAYLOAD) == 200
    assert len(airflow.runs) == 1


def test_what_is_over_or_of_others_is_no_reason(airflow: Airflow, receiver: Receiver) -> None:
    resolved = {**DRIFTING, "status": "resolved"}
    others = [_about(model="art"), {"status": "firing", "labels": None}, _about(model=["churn"])]  # type: ignore[arg-type]
    assert receiver.post({**PAYLOAD, "alerts": [resolved, *others]}) == 200
    assert not airflow.runs
    assert receiver.stop() == []


@pytest.mark.parametrize("token", [None, "", "of-somebody", "ümlaut"])
def test_who_does_not_know_the_token_is_refused(
    airflow: Airflow, receiver: Receiver, token: str | None
) -> None:
    assert receiver.post(PAYLOAD, token=token) == 401
    assert not airflow.runs
    (line,) = receiver.stop()
    assert line == {
        "severity": "ERROR",
        "message": "a notification without the right token is refused",
    }


def _gone(airflow: Airflow) -> None:
    airflow.server.shutdown()
    airflow.server.server_close()


def _broken(airflow: Airflow) -> None:
    airflow.broken = True


def _torn(airflow: Airflow) -> None:
    airflow.torn = True


def _without_its_user(airflow: Airflow) -> None:
    airflow.login = {"username": "somebody", "password": "else"}


@pytest.mark.parametrize(
    ("trouble", "why"),
    [
        (_gone, "Airflow cannot be reached: "),
        (_broken, "Airflow answered 502"),
        (_torn, "Airflow cannot be reached: IncompleteRead"),
        (_without_its_user, "Airflow does not let the receiver in (401)"),
    ],
)
def test_while_airflow_is_away_alertmanager_is_to_try_again(
    airflow: Airflow, receiver: Receiver, trouble: Callable[[Airflow], None], why: str
) -> None:
    trouble(airflow)
    assert receiver.post(PAYLOAD) == 503
    assert receiver.counts() == {"started": 0, "already": 0, "failed": 0}
    airflow.broken = airflow.torn = False
    airflow.login = LOGIN
    if trouble is not _gone:
        assert receiver.post(PAYLOAD) == 200
        assert len(airflow.runs) == 1
    first = receiver.stop()[0]
    assert first["severity"] == "ERROR"
    assert first["message"].startswith(f"models are not retrained yet: {why}")


def test_a_pipeline_that_is_not_there_is_counted_and_said_in_one_line(
    airflow: Airflow, receiver: Receiver
) -> None:
    airflow.pipelines.remove("retrain_churn")
    assert receiver.post({**PAYLOAD, "alerts": [DRIFTING, _about(model="faces")]}) == 200
    assert [run["pipeline"] for run in airflow.runs.values()] == ["faces.retrain"]
    assert receiver.counts() == {"started": 0, "already": 0, "failed": 1}
    assert receiver.stop()[0] == {
        "severity": "ERROR",
        "message": "retrain_churn cannot be run for model churn: 404 DAG with dag_id: "
        "'retrain_churn' not found",
    }


REFUSED: list[Any] = [
    b"{",
    b"\xff",
    b"[" * 100_000,
    [],
    {**PAYLOAD, "version": "3"},
    {**PAYLOAD, "alerts": "none"},
    {**PAYLOAD, "alerts": ["none"]},
]


def test_what_it_cannot_read_is_refused_and_logged(receiver: Receiver) -> None:
    assert [receiver.post(body) for body in REFUSED] == [400] * len(REFUSED)
    assert [line["severity"] for line in receiver.stop()] == ["ERROR"] * len(REFUSED)


def test_other_paths_are_not_there(receiver: Receiver) -> None:
    assert receiver.post(PAYLOAD, path="/") == 404
    assert receiver.get("/alerts") == (404, "")
    assert receiver.stop() == []


@pytest.mark.parametrize(
    ("length", "status"),
    [("", b" 411 "), ("-1", b" 400 "), ("9" * 5000, b" 400 "), ("4194305", b" 413 ")],
)
def test_a_length_that_is_wrong_or_too_much(receiver: Receiver, length: str, status: bytes) -> None:
    head = f"POST /alerts HTTP/1.1\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: {length}"
    with socket.create_connection(("127.0.0.1", receiver.port), timeout=5) as raw:
        raw.sendall(f"{head}\r\n\r\n".encode())
        assert status in raw.recv(100)
