"""Keeps models' requests and answers in a bucket: `recorder.py SETTINGS`, a file of JSON.

KServe's agent, which stands before each model, posts both to it as CloudEvents (``pkg/logger`` of
KServe 0.20). What belongs together becomes one line of JSON, as `local_server.py` writes it where
models are served on the machine itself: `time`, `id`, `model`, `version`, `inputs`, `outputs`.

Lines are put into the bucket in batches, `<model>/requests-<time>-<copy>.jsonl`, by the clients of
object stores that MLflow keeps artifacts with. Where a model has more than it may keep, its oldest
batches are deleted.

Events are answered at once and looked at by one thread: the agent keeps what it could not post in
memory without a bound (kserve/kserve#6167), so a slow answer would cost the model its memory.
"""

from __future__ import annotations

import json
import os
import queue
import re
import signal
import socket
import sys
import tempfile
import threading
import time
import urllib.parse
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

REQUEST = "org.kubeflow.serving.inference.request"
RESPONSE = "org.kubeflow.serving.inference.response"
#: Annotation of a model's pods that says which version of the registry they serve.
VERSION = "plinth/version"

#: Bytes of one body as it is posted, and unpacked.
BODY_BYTES = 16 * 2**20
#: Bytes of bodies that are held, from their arrival until they are in the bucket.
HELD_BYTES = 128 * 2**20
#: A batch is put into the bucket at this size or, however small it is, at this age.
BATCH_BYTES = 2**20
BATCH_SECONDS = 300
#: Batches of a model at most: a quiet model's are small, and who reads them opens each.
BATCHES = 5000
#: How long a request waits for its answer. Those that fail have none.
WAIT_SECONDS = 120
#: Until a bucket that could not be written to is tried again.
RETRY_SECONDS = 15
READ_SECONDS = 20
#: What is read as a length: Python itself refuses numbers of thousands of digits.
LENGTH = re.compile(r"[0-9]{1,18}")


def tell(severity: str, message: str) -> None:
    """Writes one line of JSON, in one piece even when threads write at once."""
    line = {"severity": severity, "message": message}
    sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
    sys.stdout.flush()


# --- what is measured -----------------------------------------------------------------------------


class Counter:
    """A Prometheus counter by model."""

    def __init__(self, name: str, text: str, models: list[str]) -> None:
        self._name, self._text = name, text
        self._counts = dict.fromkeys(models, 0)
        self._lock = threading.Lock()

    def add(self, model: str) -> None:
        """Counts one more."""
        with self._lock:
            self._counts[model] += 1

    def __str__(self) -> str:
        head = f"# HELP {self._name} {self._text}\n# TYPE {self._name} counter\n"
        return head + "".join(f'{self._name}{{model="{m}"}} {n}\n' for m, n in self._counts.items())


# --- events ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Event:
    """One half of a record.

    Attributes:
        pair: What both halves have in common: the pod that answers, and the request.
        kind: :data:`REQUEST` or :data:`RESPONSE`.
        version: What the pod says that it serves; empty when it does not.
        until: When to wait for the other half no longer, by the monotonic clock.
    """

    model: str
    pair: tuple[str, str]
    kind: str
    when: datetime
    version: str
    body: bytes
    until: float


def event(headers: Mapping[str, str], body: bytes) -> Event:
    """The event of a post.

    Raises:
        ValueError: It is none of an inference logger.
    """
    named = {
        name: headers.get(f"ce-{name}") or "" for name in ("id", "type", "inferenceservicename")
    }
    missing = [f"ce-{name}" for name, value in named.items() if not value]
    if missing:
        raise ValueError(f"no {', '.join(missing)}")
    if named["type"] not in (REQUEST, RESPONSE):
        raise ValueError(f"ce-type is {named['type']!r}")
    return Event(
        model=named["inferenceservicename"],
        pair=(headers.get("ce-source") or "", named["id"]),
        kind=named["type"],
        when=_time(headers.get("ce-time") or ""),
        version=_version(headers.get("ce-annotations") or ""),
        body=body,
        until=time.monotonic() + WAIT_SECONDS,
    )


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        return datetime.now(UTC)


def _version(annotations: str) -> str:
    """As CloudEvents' HTTP binding asks for it, the value may be percent-encoded."""
    try:
        found = json.loads(urllib.parse.unquote(annotations))
    except ValueError:
        return ""
    return str(found.get(VERSION) or "") if isinstance(found, dict) else ""


def unpacked(body: bytes) -> Any:
    """What a body says.

    The agent sees bodies as they go over the wire, packed where the client takes packed answers
    (MLServer packs them from 500 bytes up), and does not hand on the header that says so.

    Raises:
        ValueError: It is no JSON, such as tensors in Triton's binary form.
    """
    if body.startswith(b"\x1f\x8b"):
        unpacker = zlib.decompressobj(wbits=31)
        try:
            body = unpacker.decompress(body, BODY_BYTES)
        except zlib.error as error:
            raise ValueError(f"cannot be unpacked: {error}") from error
        if not unpacker.eof:
            raise ValueError(f"more than {BODY_BYTES} bytes, or not all of it")
    return json.loads(body)


def line(request: Event, response: Event) -> bytes | None:
    """The record of a request that was answered; nothing when it was no inference (V2).

    Raises:
        ValueError: It cannot be read.
    """
    if not request.body:
        return None  # a GET: health, metadata
    try:
        asked, answered = unpacked(request.body), unpacked(response.body)
    except RecursionError as error:
        raise ValueError("too deep") from error
    if not (isinstance(asked, dict) and isinstance(answered, dict)):
        return None
    if not (isinstance(asked.get("inputs"), list) and isinstance(answered.get("outputs"), list)):
        return None
    found = {
        "time": response.when.isoformat(timespec="milliseconds"),
        "id": answered.get("id") or asked.get("id") or request.pair[1],
        "model": request.model,
        "version": request.version or str(answered.get("model_version") or ""),
        "inputs": asked["inputs"],
        "outputs": answered["outputs"],
    }
    return json.dumps(found, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


# --- the bucket -----------------------------------------------------------------------------------


class Folder:
    """The folder of all models' batches."""

    def __init__(self, uri: str, mebibytes: int) -> None:
        self._uri = uri
        self.bytes = mebibytes * 2**20
        self._copy = socket.gethostname()
        self._made = 0
        #: At most a quarter of what may be kept, as on the machine itself.
        self.batch_bytes = min(BATCH_BYTES, self.bytes // 4)

    def put(self, model: str, lines: bytes) -> None:
        """Adds a batch; raises whatever the store's client raises."""
        self._made += 1
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
        name = f"requests-{stamp}-{self._copy}-{self._made:06d}.jsonl"
        store = get_artifact_repository(self._uri)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / name
            file.write_bytes(lines)
            store.log_artifact(str(file), model)

    def trim(self, model: str) -> None:
        """Deletes the oldest batches of a model that has more than it may keep."""
        store = get_artifact_repository(self._uri)
        found = sorted(
            (
                item
                for item in store.list_artifacts(model)
                if not item.is_dir and item.path.rpartition("/")[2].startswith("requests-")
            ),
            key=lambda item: item.path,
            reverse=True,
        )
        total = 0
        for count, item in enumerate(found, start=1):
            total += item.file_size or 0
            if count > 1 and (total > self.bytes or count > BATCHES):
                store.delete_artifacts(item.path)


# --- the recorder ---------------------------------------------------------------------------------


@dataclass
class Batch:
    """Lines of one model that are not in the bucket yet."""

    lines: list[bytes] = field(default_factory=list)
    size: int = 0
    due: float = 0.0
    not_before: float = 0.0


class Recorder:
    """Takes events from any thread; one of its own makes lines of them and keeps them."""

    def __init__(self, folder: Folder, models: list[str]) -> None:
        self._folder = folder
        self._queue: queue.Queue[Event | None] = queue.Queue()
        self._waiting: dict[tuple[str, str], Event] = {}
        self._batches = {model: Batch() for model in models}
        self._held = 0
        self._lock = threading.Lock()
        self.recorded = Counter("plinth_recorded_requests_total", "Requests kept.", models)
        self.unrecorded = Counter(
            "plinth_unrecorded_requests_total", "Requests that could not be kept.", models
        )
        self.thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self.thread.start()

    def take(self, event: Event) -> None:
        """Takes note of an event; of one too many, that it is missing.

        Raises:
            ValueError: It is of no model that is recorded.
        """
        if event.model in self._batches and self._hold(len(event.body)):
            self._queue.put(event)
        else:
            self.miss(event)

    def miss(self, event: Event) -> None:
        """Takes note that an event is missing; a request is missed when its answer comes.

        Raises:
            ValueError: It is of no model that is recorded.
        """
        if event.model not in self._batches:
            raise ValueError(f"no model {event.model!r} is to be recorded")
        if event.kind == RESPONSE:
            self.unrecorded.add(event.model)

    def stop(self) -> None:
        """Keeps what is there, and ends."""
        self._queue.put(None)
        self.thread.join()

    def _hold(self, size: int) -> bool:
        with self._lock:
            fits = self._held + size <= HELD_BYTES
            self._held += size if fits else 0
        return fits

    def _release(self, size: int) -> None:
        with self._lock:
            self._held -= size

    def _run(self) -> None:
        swept = time.monotonic()
        going = True
        while going:
            try:
                found = self._queue.get(timeout=1)
                going = found is not None
                if found is not None:
                    self._pair(found)
            except queue.Empty:
                pass
            now = time.monotonic()
            if now - swept >= 1:
                swept = now
                self._sweep(now)
            self._flush(now if going else float("inf"))

    def _pair(self, event: Event) -> None:
        other = self._waiting.pop(event.pair, None)
        if other is None or other.kind == event.kind:
            if other is not None:  # two requests with one id, by callers who choose it
                self._release(len(other.body))
                self.unrecorded.add(other.model)
            self._waiting[event.pair] = event
            return
        request, response = (event, other) if event.kind == REQUEST else (other, event)
        self._release(len(request.body) + len(response.body))
        try:
            made = line(request, response)
        except ValueError as error:
            tell("WARNING", f"a request to {event.model} cannot be read: {error}")
            self.unrecorded.add(event.model)
            return
        if made is not None:
            self._add(event.model, made)

    def _add(self, model: str, made: bytes) -> None:
        batch = self._batches[model]
        if batch.size + len(made) > self._folder.bytes or not self._hold(len(made)):
            self.unrecorded.add(model)
            return
        if not batch.lines:
            batch.due = time.monotonic() + BATCH_SECONDS
        batch.lines.append(made)
        batch.size += len(made)

    def _sweep(self, now: float) -> None:
        """Waits no longer for what does not come; in the order of arrival, so the oldest first."""
        for pair in list(self._waiting):
            event = self._waiting[pair]
            if event.until > now:
                break
            del self._waiting[pair]
            self._release(len(event.body))
            if event.kind == RESPONSE:
                self.unrecorded.add(event.model)

    def _flush(self, now: float) -> None:
        """Keeps the batches that are due by then."""
        for model, batch in self._batches.items():
            full = batch.size >= self._folder.batch_bytes
            if not batch.lines or batch.not_before > now or not (full or batch.due <= now):
                continue
            try:
                self._folder.put(model, b"".join(batch.lines))
            except Exception as error:  # noqa: BLE001 - of any store's client; the next try may go
                count = len(batch.lines)
                tell("ERROR", f"{count} requests to {model} are not kept yet: {error!r}")
                batch.not_before = time.monotonic() + RETRY_SECONDS
                continue
            for _ in batch.lines:
                self.recorded.add(model)
            self._release(batch.size)
            batch.lines, batch.size = [], 0
            try:
                self._folder.trim(model)
            except Exception as error:  # noqa: BLE001 - as before; what is kept already counts
                tell("ERROR", f"old requests to {model} cannot be deleted: {error!r}")


# --- the server -----------------------------------------------------------------------------------


class Handler(BaseHTTPRequestHandler):
    """`POST /` takes an event; `GET /healthz` and `GET /metrics` answer."""

    protocol_version = "HTTP/1.1"  # the agent keeps its connections
    timeout = READ_SECONDS
    disable_nagle_algorithm = True
    recorder: Recorder
    ending = False

    def do_GET(self) -> None:
        """Says that the recorder runs, and how much it has kept."""
        if self.path == "/healthz":
            self.answer(200 if self.recorder.thread.is_alive() else 503)
        elif self.path == "/metrics":
            self.answer(200, f"{self.recorder.recorded}{self.recorder.unrecorded}")
        else:
            self.answer(404)

    def do_POST(self) -> None:
        """Takes an event."""
        length = self.headers.get("Content-Length", "")
        if not LENGTH.fullmatch(length):
            self.close_connection = True
            self.answer(400 if length else 411)
            return
        try:
            if int(length) > BODY_BYTES:
                self.close_connection = True
                self.recorder.miss(event(self.headers, b""))
                self.refuse(413, f"an event of {length} bytes is too large")
                return
            self.recorder.take(event(self.headers, self.rfile.read(int(length))))
        except ValueError as error:
            self.refuse(400, f"an event cannot be taken: {error}")
            return
        self.answer(200)

    def refuse(self, status: int, why: str) -> None:
        """Answers with an error, and says so in the log."""
        tell("WARNING", why)
        self.answer(status)

    def answer(self, status: int, text: str = "") -> None:
        """Answers."""
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        if self.ending:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Keeps requests out of the log."""


class Server(ThreadingHTTPServer):
    """Takes as many connections at once as there are workers in the agents of many copies.

    What has begun is finished before it ends, so connections without an event hold that up, for
    :data:`READ_SECONDS` at most.
    """

    daemon_threads = False
    request_queue_size = 256


def main(settings: Mapping[str, Any]) -> None:
    """Serves until it is told to end, and keeps what it has then.

    Args:
        settings: `folder`, an address as MLflow spells it; `mebibytes` a model; `models`, the names
            of those that are recorded.
    """
    folder = Folder(settings["folder"], settings["mebibytes"])
    recorder = Handler.recorder = Recorder(folder, settings["models"])
    server = Server(("", int(os.environ.get("PORT", "8080"))), Handler)

    def stop(*_: Any) -> None:
        Handler.ending = True
        # From another thread: `shutdown` waits for the loop that this signal interrupts.
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    with server:
        server.serve_forever()
    recorder.stop()


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
