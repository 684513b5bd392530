"""Takes Alertmanager's webhook (payload version 4) and starts the pipelines that retrain models.

A run's name is made of the alert, its model and the time it began, so repeats of one alert start
one run; what another alert says while a model is being retrained is answered by that run.  While
Airflow cannot be asked the answer is 503, upon which Alertmanager tries again; what
Airflow refuses is counted and logged.
"""

from __future__ import annotations

import hmac
import http.client
import json
import os
import re
import signal
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

#: What is read of a request.
REQUEST_BYTES = 4 * 1024 * 1024
#: What is read as a length: Python itself refuses numbers of thousands of digits.
LENGTH = re.compile(r"[0-9]{1,18}")
#: Seconds: for a caller to say what it wants, and for Airflow to answer.
READ_SECONDS = 20
CALL_SECONDS = 10

OUTCOMES = ("started", "already", "failed")
HELP = (
    "# HELP plinth_retrainings_total Alerts about models, by what came of them.\n"
    "# TYPE plinth_retrainings_total counter\n"
)


class AwayError(Exception):
    """Airflow cannot be asked now; trying again may help."""


def firing(payload: Any) -> list[dict[str, Any]]:
    """The alerts of a payload that fire; raises ValueError for what is none of version 4."""
    if not isinstance(payload, dict) or payload.get("version") != "4":
        raise ValueError("not a payload of version 4")
    alerts = payload.get("alerts")
    if not isinstance(alerts, list) or not all(isinstance(alert, dict) for alert in alerts):
        raise ValueError("no list of alerts")
    return [alert for alert in alerts if alert.get("status") == "firing"]


def run_of(alert: Mapping[str, Any], model: str) -> dict[str, Any]:
    """What Airflow is told of the run that answers an alert."""
    labels, annotations = alert.get("labels") or {}, alert.get("annotations") or {}
    name, since = str(labels.get("alertname", "alert")), str(alert.get("startsAt", ""))
    return {
        "dag_run_id": f"{name}-{model}-{since}",
        # Required; null, it stands for no time that another run could have taken already.
        "logical_date": None,
        "conf": {
            "model": model,
            "alert": name,
            "reason": str(annotations.get("summary", "")),
            "since": since,
        },
    }


def tell(severity: str, message: str, **more: Any) -> None:
    """Writes one line of JSON, in one piece even when threads write at once."""
    line = {"severity": severity, "message": message, **more}
    sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def answered(request: urllib.request.Request) -> tuple[int, bytes]:
    """Status and text of an answer, whatever it says."""
    try:
        with urllib.request.urlopen(  # noqa: S310 - the address is ours
            request, timeout=CALL_SECONDS
        ) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


class Airflow:
    """Airflow's REST API, version 2."""

    def __init__(self, url: str, username: str, password: str) -> None:
        """Takes its address and a login."""
        self.url = url.rstrip("/")
        self.login = {"username": username, "password": password}

    def token(self) -> str:
        """A token; alerts are rare, so it is not worth keeping."""
        status, answer = self.ask("/auth/token", self.login)
        token = answer.get("access_token") if isinstance(answer, dict) else None
        if not token:
            # Its user is made by a job that may still be on its way, so trying again may help.
            raise AwayError(f"Airflow does not let the receiver in ({status})")
        return str(token)

    def start(self, pipeline: str, run: Mapping[str, Any], token: str) -> tuple[str, str]:
        """Asks for a run: what came of it, and what Airflow said if it was refused."""
        path = f"/api/v2/dags/{urllib.parse.quote(pipeline, safe='')}/dagRuns"
        headers = {"Authorization": f"Bearer {token}"}
        _, found = self.ask(f"{path}?state=queued&state=running&limit=1", headers=headers)
        if isinstance(found, dict) and found.get("dag_runs"):
            return "already", ""
        status, answer = self.ask(path, run, headers)
        if status == 409:
            return "already", ""
        if status < 300:
            return "started", ""
        detail = answer.get("detail") if isinstance(answer, dict) else None
        return "failed", f"{status} {detail or ''}".strip()

    def ask(
        self, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        """Status and answer, of a POST if there is a body.

        Raises AwayError when there is none that says anything.
        """
        request = urllib.request.Request(  # noqa: S310 - the address is ours
            f"{self.url}{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", **(headers or {})},
        )
        try:
            status, text = answered(request)
        except (OSError, http.client.HTTPException) as error:
            raise AwayError(f"Airflow cannot be reached: {error}") from error
        if status >= 500 or status == 429:
            raise AwayError(f"Airflow answered {status}")
        try:
            return status, json.loads(text)
        except ValueError:
            return status, None


class Receiver:
    """Which pipeline retrains which model, and what came of it so far."""

    def __init__(self, airflow: Airflow, pipelines: Mapping[str, str], token: str) -> None:
        """Takes pipelines by model, and what callers must know."""
        self.airflow, self.pipelines = airflow, pipelines
        self.expected = f"Bearer {token}".encode()
        self.lock, self.asking = threading.Lock(), threading.Lock()
        # There from the start: from nothing to one is no increase to Prometheus.
        self.counts = {(model, outcome): 0 for model in pipelines for outcome in OUTCOMES}

    def knows(self, authorization: str) -> bool:
        """Whether a caller may ask."""
        return hmac.compare_digest(authorization.encode(), self.expected)

    def take(self, alerts: list[dict[str, Any]]) -> None:
        """Starts what the alerts ask for; raises AwayError when Airflow cannot be asked."""
        wanted = [
            (model, alert)
            for alert in alerts
            if (model := str((alert.get("labels") or {}).get("model"))) in self.pipelines
        ]
        token = self.airflow.token() if wanted else ""
        for model, alert in wanted:
            # One after the other, so that what was started shows when the next one looks.
            with self.asking:
                self.answer(alert, model, token)

    def answer(self, alert: Mapping[str, Any], model: str, token: str) -> None:
        """Starts what an alert asks for, and counts it."""
        pipeline, run = self.pipelines[model], run_of(alert, model)
        outcome, why = self.airflow.start(pipeline, run, token)
        with self.lock:
            self.counts[model, outcome] += 1
        if outcome == "failed":
            tell("ERROR", f"{pipeline} cannot be run for model {model}: {why}")
        elif outcome == "started":
            tell("INFO", f"{pipeline} runs for model {model}", run=run)

    def metrics(self) -> str:
        """What came of alerts, for Prometheus."""
        with self.lock:
            counts = dict(self.counts)
        lines = (
            f'plinth_retrainings_total{{model="{model}",outcome="{outcome}"}} {count}\n'
            for (model, outcome), count in counts.items()
        )
        return HELP + "".join(lines)


class Handler(BaseHTTPRequestHandler):
    """`POST /alerts` takes a payload; `GET /healthz` and `GET /metrics` answer."""

    timeout = READ_SECONDS
    receiver: Receiver

    def do_GET(self) -> None:
        """Says that the receiver runs, or what it has done."""
        if self.path == "/metrics":
            self.answer(200, self.receiver.metrics())
        else:
            self.answer(200 if self.path == "/healthz" else 404)

    def do_POST(self) -> None:
        """Takes a payload."""
        length = self.headers.get("Content-Length", "")
        if self.path != "/alerts":
            self.answer(404)
        elif not self.receiver.knows(self.headers.get("Authorization", "")):
            self.refuse(401, "a notification without the right token is refused")
        elif not LENGTH.fullmatch(length):
            self.answer(400 if length else 411)
        elif int(length) > REQUEST_BYTES:
            self.refuse(413, f"a notification of {length} bytes is too large")
        else:
            self.take(self.rfile.read(int(length)))

    def take(self, body: bytes) -> None:
        """Hands the alerts of a payload on."""
        try:
            self.receiver.take(firing(json.loads(body)))
        except (ValueError, RecursionError) as error:
            self.refuse(400, f"a notification cannot be read: {error}")
        except AwayError as error:
            self.refuse(503, f"models are not retrained yet: {error}")
        else:
            self.answer(200)

    def refuse(self, status: int, why: str) -> None:
        """Answers with an error, and says so in the log."""
        tell("ERROR", why)
        self.answer(status)

    def answer(self, status: int, text: str = "") -> None:
        """Answers with plain text, or without any."""
        body = text.encode()
        self.send_response(status)
        if body:
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Keeps requests out of the log: lines are runs and errors."""


class Server(ThreadingHTTPServer):
    """Finishes what it has begun before it ends."""

    daemon_threads = False


def main() -> None:
    """Serves until told to stop."""
    told = os.environ
    Handler.receiver = Receiver(
        Airflow(told["AIRFLOW_API_URL"], told["AIRFLOW_USERNAME"], told["AIRFLOW_PASSWORD"]),
        json.loads(told["PIPELINES"]),
        told["WEBHOOK_TOKEN"],
    )
    server = Server((told.get("HOST", ""), int(told["PORT"])), Handler)

    def stop(*_: Any) -> None:
        # From another thread: `shutdown` waits for the loop that this signal interrupts.
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    with server:
        server.serve_forever()


if __name__ == "__main__":
    main()
