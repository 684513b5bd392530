"""Takes Alertmanager's webhook (payload version 4) and hands each alert on, as one record.

Every record is a line of JSON on standard output, where a cloud's logging agent finds it.  With
LOGS_INGESTION_URL the records of a payload go to Azure's Logs Ingestion API first; whenever that
fails the answer is 503, upon which Alertmanager tries again.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

#: What is read of a request, and what one call to Azure may hold ("Service limits", Azure Monitor:
#: 1 MB a call), with room for the brackets.
REQUEST_BYTES = 4 * 1024 * 1024
BATCH_BYTES = 1_000_000
#: What is read as a length: Python itself refuses numbers of thousands of digits.
LENGTH = re.compile(r"[0-9]{1,18}")
#: Seconds: for a caller to say what it wants, for Azure to answer, and before a token's end.
READ_SECONDS = 20
CALL_SECONDS = 10
TOKEN_MARGIN = 300

SEVERITIES = {"critical": "ERROR", "error": "ERROR", "warning": "WARNING"}
SCOPE = "https://monitor.azure.com//.default"  # both slashes belong to it
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class NotDeliveredError(Exception):
    """The records are not where they should be; trying again may help."""


def records(payload: Any) -> list[dict[str, Any]]:
    """The records of a payload; raises ValueError for what is no payload of version 4."""
    if not isinstance(payload, dict) or payload.get("version") != "4":
        raise ValueError("not a payload of version 4")
    alerts = payload.get("alerts")
    if not isinstance(alerts, list) or not all(isinstance(alert, dict) for alert in alerts):
        raise ValueError("no list of alerts")
    return [record(alert) for alert in alerts]


def record(alert: Mapping[str, Any]) -> dict[str, Any]:
    """One alert: how bad it is, its summary, and what Alertmanager says of it."""
    labels, annotations = alert.get("labels") or {}, alert.get("annotations") or {}
    severity = SEVERITIES.get(str(labels.get("severity")), "INFO")
    name = labels.get("alertname", "alert")
    kept = ("status", "labels", "annotations", "startsAt", "endsAt", "fingerprint", "generatorURL")
    return {
        "severity": severity if alert.get("status") == "firing" else "INFO",
        "message": str(annotations.get("summary") or annotations.get("description") or name),
        "alert": {key: alert[key] for key in kept if key in alert},
    }


def tell(line: Mapping[str, Any]) -> None:
    """Writes one line, in one piece even when threads write at once."""
    sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def answered(request: urllib.request.Request) -> tuple[int, bytes]:
    """Status and text of an answer; of a refusal, how it begins."""
    try:
        with urllib.request.urlopen(request, timeout=CALL_SECONDS) as response:  # noqa: S310 - ours
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(500)


def post(url: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    """Posts to Azure; raises NotDeliveredError with what it answered."""
    request = urllib.request.Request(url, data=body, headers=dict(headers))  # noqa: S310 - ours
    host = urllib.parse.urlsplit(url).netloc
    try:
        status, text = answered(request)
    except (OSError, http.client.HTTPException) as error:
        raise NotDeliveredError(f"{host} cannot be reached: {error}") from error
    if status >= 300:
        raise NotDeliveredError(f"{host} answered {status}: {text.decode(errors='replace')}")
    return text


class Azure:
    """The Logs Ingestion API, signed in to by workload identity federation."""

    def __init__(self, url: str, environment: Mapping[str, str]) -> None:
        """Takes the stream's URL and the variables that AKS' workload identity sets."""
        self.url = url
        host = environment["AZURE_AUTHORITY_HOST"].rstrip("/")
        self.token_url = f"{host}/{environment['AZURE_TENANT_ID']}/oauth2/v2.0/token"
        self.client = environment["AZURE_CLIENT_ID"]
        self.file = Path(environment["AZURE_FEDERATED_TOKEN_FILE"])
        self.lock = threading.Lock()
        self.kept, self.until = "", 0.0

    def token(self) -> str:
        """An access token, kept until shortly before it ends."""
        with self.lock:
            if time.monotonic() >= self.until:
                self.kept, seconds = self.fresh()
                self.until = time.monotonic() + max(seconds - TOKEN_MARGIN, 0)
            return self.kept

    def fresh(self) -> tuple[str, float]:
        """A new access token, and for how many seconds it is good."""
        try:
            # Read anew each time: Kubernetes renews the service account's token in place.
            assertion = self.file.read_text(encoding="ascii").strip()
        except OSError as error:
            raise NotDeliveredError(f"no federated token: {error}") from error
        form = {
            "grant_type": "client_credentials",
            "client_id": self.client,
            "client_assertion_type": ASSERTION,
            "client_assertion": assertion,
            "scope": SCOPE,
        }
        answer = post(self.token_url, urllib.parse.urlencode(form).encode(), {})
        try:
            found = json.loads(answer)
            return str(found["access_token"]), float(found["expires_in"])
        except (ValueError, KeyError, TypeError) as error:
            raise NotDeliveredError("the token endpoint's answer holds no token") from error

    def send(self, found: list[dict[str, Any]]) -> None:
        """Sends records, in as many calls as their size asks for."""
        now = datetime.now(UTC).isoformat()
        for batch in batches([{"TimeGenerated": now, **item} for item in found]):
            token = self.token()
            headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
            try:
                post(self.url, batch, headers)
            except NotDeliveredError:
                with self.lock:
                    self.until = 0.0  # rights may have come since: ask anew next time
                raise


def batches(found: list[dict[str, Any]]) -> Iterator[bytes]:
    """JSON arrays of records, none larger than one call may be if its records are not."""
    batch: list[bytes] = []
    size = 0
    for item in found:
        text = json.dumps(item).encode()
        if batch and size + len(text) + 1 > BATCH_BYTES:
            yield b"[" + b",".join(batch) + b"]"
            batch, size = [], 0
        batch.append(text)
        size += len(text) + 1
    if batch:
        yield b"[" + b",".join(batch) + b"]"


class Handler(BaseHTTPRequestHandler):
    """`POST /alerts` takes a payload, `GET /healthz` answers."""

    timeout = READ_SECONDS
    azure: Azure | None = None

    def do_GET(self) -> None:
        """Says that the relay runs."""
        self.answer(200 if self.path == "/healthz" else 404)

    def do_POST(self) -> None:
        """Takes a payload."""
        if self.path != "/alerts":
            self.answer(404)
            return
        length = self.headers.get("Content-Length", "")
        if not LENGTH.fullmatch(length):
            self.answer(400 if length else 411)
        elif int(length) > REQUEST_BYTES:
            self.refuse(413, f"a notification of {length} bytes is too large")
        else:
            self.take(self.rfile.read(int(length)))

    def take(self, body: bytes) -> None:
        """Hands the alerts of a payload on."""
        try:
            found = records(json.loads(body))
        except (ValueError, RecursionError) as error:
            self.refuse(400, f"a notification cannot be read: {error}")
            return
        try:
            if self.azure and found:
                self.azure.send(found)
        except NotDeliveredError as error:
            self.refuse(503, f"alerts are not delivered yet: {error}")
            return
        for item in found:
            tell(item)
        self.answer(200)

    def refuse(self, status: int, why: str) -> None:
        """Answers with an error, and says so in the log."""
        tell({"severity": "ERROR", "message": why})
        self.answer(status)

    def answer(self, status: int) -> None:
        """Answers without a body."""
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Keeps requests out of the log: lines are alerts."""


class Server(ThreadingHTTPServer):
    """Finishes what it has begun before it ends."""

    daemon_threads = False


def main() -> None:
    """Serves until told to stop."""
    url = os.environ.get("LOGS_INGESTION_URL")
    if url:
        Handler.azure = Azure(url, os.environ)
    server = Server(("", int(os.environ.get("PORT", "8080"))), Handler)

    def stop(*_: Any) -> None:
        # From another thread: `shutdown` waits for the loop that this signal interrupts.
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    with server:
        server.serve_forever()


if __name__ == "__main__":
    main()
