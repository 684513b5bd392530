"""The recorder of models' requests, asked over HTTP as KServe's agent does."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import importlib.util
import json
import os
import signal
import socket
import sys
import threading
import time
import types
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from plinth.render import data_folder
from served import Server, until

SCRIPT = data_folder("templates") / "kserve" / "recorder.py"
REQUEST = "org.kubeflow.serving.inference.request"
RESPONSE = "org.kubeflow.serving.inference.response"
ASKED = {
    "inputs": [{"name": "age", "shape": [2], "datatype": "INT64", "data": [30, 40]}],
}
ANSWERED = {
    "id": "b1946ac9",
    "model_name": "churn",
    "outputs": [{"name": "output-1", "shape": [2, 1], "datatype": "INT64", "data": [1, 0]}],
}

#: Stands in for MLflow, which is none of the project's packages: a store that is a folder.
STORE = """
import os, pathlib, shutil, types, urllib.request

class Store:
    def __init__(self, uri):
        self.root = pathlib.Path(urllib.request.url2pathname(uri.removeprefix("file://")))
        if (self.root / "closed").exists():
            raise OSError("the store is closed")

    def log_artifact(self, local_file, artifact_path=None):
        (self.root / artifact_path).mkdir(parents=True, exist_ok=True)
        shutil.copy(local_file, self.root / artifact_path)

    def list_artifacts(self, path=None):
        return [
            types.SimpleNamespace(path=f"{path}/{p.name}", is_dir=False, file_size=p.stat().st_size)
            for p in (self.root / path).iterdir()
        ]

    def delete_artifacts(self, path=None):
        (self.root / path).unlink()

get_artifact_repository = Store
"""
_REGISTRY = "mlflow.store.artifact.artifact_repository_registry"


@pytest.fixture(scope="module")
def script() -> types.ModuleType:
    """The script as a module."""
    registry = types.ModuleType(_REGISTRY)
    exec(STORE, registry.__dict__)
    parts = _REGISTRY.split(".")
    fakes = {".".join(parts[:n]): types.ModuleType(parts[n - 1]) for n in range(1, len(parts))}
    with pytest.MonkeyPatch.context() as patch:
        for name, module in {**fakes, _REGISTRY: registry}.items():
            patch.setitem(sys.modules, name, module)
        spec = importlib.util.spec_from_file_location("plinth_recorder", SCRIPT)
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        patch.setitem(sys.modules, "plinth_recorder", module)  # dataclasses look there
        spec.loader.exec_module(module)
        return module


def _headers(kind: str, ident: str) -> dict[str, str]:
    """Those of KServe 0.20's agent: CloudEvents' binary form."""
    return {
        "Ce-Id": ident,
        "Ce-Source": "churn-predictor-6f9c-abcde",
        "Ce-Specversion": "1.0",
        "Ce-Type": kind,
        "Ce-Time": "2026-11-28T08:00:00.123456789Z",
        "Ce-Recordedtime": "2026-11-28T08:00:00.2Z",
        "Ce-Inferenceservicename": "churn",
        "Ce-Namespace": "serving",
        "Ce-Component": "predictor",
        "Ce-Endpoint": "",
        "Ce-Metadata": "{}",
        "Content-Type": "application/json",
    }


class Sink:
    """A recorder, and what it has put into its bucket."""

    def __init__(self, port: int, folder: Path) -> None:
        self.port, self.folder = port, folder
        self.stop: Callable[[], Any] = lambda: None

    def post(self, kind: str, body: Any, ident: str = "1", **headers: str) -> int:
        """Posts an event."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        with contextlib.closing(connection):
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            connection.request("POST", "/", data, {**_headers(kind, ident), **headers})
            response = connection.getresponse()
            response.read()
            return response.status

    def begin(self, kind: str, ident: str = "1", **headers: str) -> socket.socket:
        """Posts the headers of an event."""
        headers = {"Host": "recorder", **_headers(kind, ident), **headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        connection.sendall(f"POST / HTTP/1.1\r\n{head}\r\n".encode())
        return connection

    def pair(self, asked: Any = ASKED, answered: Any = ANSWERED, **headers: str) -> None:
        """Both halves of a request."""
        ident = uuid.uuid4().hex
        assert self.post(REQUEST, asked, ident, **headers) == 200
        assert self.post(RESPONSE, answered, ident, **headers) == 200

    def get(self, path: str) -> tuple[int, str]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=20) as answer:
            return answer.status, answer.read().decode()

    def counts(self) -> tuple[int, int]:
        """Requests that were kept, and that could not be."""
        found = dict(
            line.split() for line in self.get("/metrics")[1].splitlines() if line[0] != "#"
        )
        return tuple(
            int(found[f'plinth_{kind}_requests_total{{model="churn"}}'])
            for kind in ("recorded", "unrecorded")
        )

    def files(self) -> list[Path]:
        return sorted(self.folder.glob("churn/requests*.jsonl"))

    def lines(self) -> list[dict[str, Any]]:
        """What was kept, once the recorder has ended."""
        self.stop()
        return [json.loads(line) for file in self.files() for line in file.open()]


@pytest.fixture
def sink(script: types.ModuleType, tmp_path: Path) -> Iterator[Sink]:
    folder = script.Folder(tmp_path.as_uri(), 1)
    recorder = script.Recorder(folder, ["churn"])
    handler = type("Handler", (script.Handler,), {"recorder": recorder})
    with script.Server(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        made = Sink(server.server_address[1], tmp_path)
        made.stop = recorder.stop
        try:
            yield made
        finally:
            server.shutdown()
            recorder.stop()


def test_request_and_answer_become_one_line_as_on_the_machine_itself(sink: Sink) -> None:
    sink.pair()
    (line,) = sink.lines()
    assert line == {
        "time": "2026-11-28T08:00:00.123+00:00",
        "id": "b1946ac9",
        "model": "churn",
        "version": "",
        "inputs": ASKED["inputs"],
        "outputs": ANSWERED["outputs"],
    }


def test_halves_may_come_in_any_order_and_from_many_pods(sink: Sink) -> None:
    sink.post(RESPONSE, {**ANSWERED, "id": "a"}, **{"Ce-Source": "churn-predictor-a"})
    sink.post(REQUEST, ASKED, **{"Ce-Source": "churn-predictor-b"})
    sink.post(REQUEST, ASKED, **{"Ce-Source": "churn-predictor-a"})
    sink.post(RESPONSE, {**ANSWERED, "id": "b"}, **{"Ce-Source": "churn-predictor-b"})
    assert [line["id"] for line in sink.lines()] == ["a", "b"]


@pytest.mark.parametrize(
    ("annotations", "answered", "version"),
    [
        ('{"plinth/version":"7"}', ANSWERED, "7"),
        ("%7B%22plinth/version%22:%227%22%7D", {**ANSWERED, "model_version": "1"}, "7"),
        ("", {**ANSWERED, "model_version": "1"}, "1"),
        ('{"team":"ml"}', ANSWERED, ""),
        ("[7", ANSWERED, ""),
    ],
)
def test_version_is_the_pod_s_word_before_the_server_s(
    sink: Sink, annotations: str, answered: Any, version: str
) -> None:
    sink.pair(answered=answered, **({"Ce-Annotations": annotations} if annotations else {}))
    (line,) = sink.lines()
    assert line["version"] == version


def test_answers_are_unpacked_that_went_over_the_wire_packed(sink: Sink) -> None:
    sink.pair(
        gzip.compress(json.dumps(ASKED).encode()), gzip.compress(json.dumps(ANSWERED).encode())
    )
    (line,) = sink.lines()
    assert (line["inputs"], line["outputs"]) == (ASKED["inputs"], ANSWERED["outputs"])


def test_what_is_no_inference_is_not_kept(sink: Sink) -> None:
    sink.pair(b"", {"name": "churn", "ready": True})  # GET /v2/models/churn
    sink.pair({"model": "churn", "prompt": "?"}, {"choices": []})
    sink.post(REQUEST, ASKED)  # it failed, so there is no answer
    sink.pair(answered={**ANSWERED, "id": "last"})
    assert [line["id"] for line in sink.lines()] == ["last"]
    assert sink.counts() == (1, 0)


@pytest.mark.parametrize(
    "answered",
    [b'{"outputs":[]}\x00\x01\x02', gzip.compress(b"{}")[:-4], b"\x1f\x8b nonsense"],
    ids=["more", "less", "else"],  # packed data tell the time, and no two workers would agree
)
def test_what_cannot_be_read_is_counted(sink: Sink, answered: bytes) -> None:
    sink.pair(answered=answered)
    until(lambda: sink.counts() == (0, 1))
    assert sink.lines() == []


def test_unpacked_bodies_are_bounded(sink: Sink) -> None:
    sink.pair(answered=gzip.compress(b" " * 17 * 2**20))
    until(lambda: sink.counts() == (0, 1))


@pytest.mark.parametrize(
    ("kind", "headers", "status"),
    [
        (REQUEST, {"Ce-Inferenceservicename": "../../etc"}, 400),
        (REQUEST, {"Ce-Inferenceservicename": "faces"}, 400),
        (REQUEST, {"Ce-Id": ""}, 400),
        ("org.example.other", {}, 400),
    ],
)
def test_others_events_are_refused(
    sink: Sink, kind: str, headers: dict[str, str], status: int
) -> None:
    assert sink.post(kind, ASKED, **headers) == status
    assert sink.lines() == []


@pytest.mark.parametrize(("kind", "unrecorded"), [(REQUEST, 0), (RESPONSE, 1)])
def test_events_that_are_too_large_are_refused_unread_and_an_answer_is_missed(
    sink: Sink, kind: str, unrecorded: int
) -> None:
    with sink.begin(kind, **{"Content-Length": "99999999"}) as connection:
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")
    assert sink.counts() == (0, unrecorded)


@pytest.mark.parametrize(("length", "status"), [("", b"411"), ("-1", b"400"), ("9" * 5000, b"400")])
def test_a_length_that_is_none(sink: Sink, length: str, status: bytes) -> None:
    with sink.begin(REQUEST, **{"Content-Length": length}) as connection:
        assert connection.recv(100).startswith(b"HTTP/1.1 " + status)


def test_full_batches_are_kept_at_once_and_the_oldest_deleted(sink: Sink) -> None:
    """One MiB may be kept, in batches of a quarter."""
    large = {**ANSWERED, "outputs": [{**ANSWERED["outputs"][0], "data": ["x" * 100_000]}]}
    for number in range(30):
        sink.pair(answered={**large, "id": str(number)})
    until(lambda: sink.counts()[0] >= 27)
    kept = [int(line["id"]) for line in sink.lines()]
    files = sink.files()
    assert 2 <= len(files) <= 4
    assert sum(file.stat().st_size for file in files) <= 2**20
    assert kept == list(range(30 - len(kept), 30)), "the latest, in order"
    assert sink.counts() == (30, 0)


def test_a_bucket_that_is_away_loses_nothing_that_fits(
    sink: Sink, script: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "BATCH_SECONDS", 0)
    monkeypatch.setattr(script, "RETRY_SECONDS", 0.05)
    (sink.folder / "closed").touch()
    sink.pair()
    time.sleep(0.2)
    assert sink.counts() == (0, 0)
    assert sink.get("/healthz")[0] == 200
    (sink.folder / "closed").unlink()
    until(lambda: sink.counts() == (1, 0))
    assert len(sink.lines()) == 1


def test_no_more_is_held_than_there_is_room_for(
    sink: Sink, script: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "HELD_BYTES", len(json.dumps(ASKED)) + 10)
    sink.pair()
    until(lambda: sink.counts() == (0, 1))


def test_halves_are_waited_for_and_then_forgotten(
    sink: Sink, script: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "WAIT_SECONDS", 0)
    sink.post(REQUEST, ASKED, "failed")
    sink.post(RESPONSE, ANSWERED, "torn")
    until(lambda: sink.counts() == (0, 1))
    recorder = sink.stop.__self__  # type: ignore[attr-defined]
    assert recorder._held == 0


# --- as a process --------------------------------------------------------------------------------


def _stand_in(folder: Path) -> tuple[Path, dict[str, str]]:
    file = folder.joinpath(*_REGISTRY.split(".")).with_suffix(".py")
    file.parent.mkdir(parents=True)
    file.write_text(STORE)
    return Path(sys.executable), {"PYTHONPATH": str(folder)}


def _mlflow(_folder: Path) -> tuple[Path, dict[str, str]]:
    from plinth.local import packages

    found = packages.install("mlflow", packages.digest("mlflow"), threading.Event())
    return found / "bin" / "python", {}


def _recorder(
    folder: Path, surroundings: Callable[[Path], tuple[Path, dict[str, str]]] = _stand_in
) -> tuple[Server, Sink]:
    python, variables = surroundings(folder / "packages")
    bucket = folder / "inference"
    bucket.mkdir()
    server = Server(
        folder,
        "kserve/recorder.py",
        {**os.environ, **variables},
        settings={"folder": bucket.as_uri(), "mebibytes": 1, "models": ["churn"]},
        python=[python],
    )
    return server, Sink(server.port, bucket)


def test_an_event_on_its_way_is_waited_for_when_the_pod_ends(tmp_path: Path) -> None:
    server, sink = _recorder(tmp_path)
    try:
        assert sink.post(REQUEST, ASKED) == 200
        body = json.dumps(ANSWERED).encode()
        told = {"Content-Length": str(len(body)), "Expect": "100-continue"}
        with sink.begin(RESPONSE, **told) as connection:
            assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
            connection.sendall(body[:10])
            server.process.send_signal(signal.SIGTERM)
            until(lambda: not server.listens())
            connection.sendall(body[10:])
            answer = connection.recv(1000)
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"\r\nConnection: close\r\n" in answer
        assert server.process.wait(timeout=20) == 0
    finally:
        server.kill()
    assert [line["id"] for line in sink.lines()] == [ANSWERED["id"]]


def test_what_it_says_is_lines_of_json(tmp_path: Path) -> None:
    server, sink = _recorder(tmp_path)
    try:
        assert sink.post("org.example.other", ASKED) == 400
        sink.pair(answered=b"none")
        (sink.folder / "closed").touch()
        sink.pair()
        said = server.stop()
    finally:
        server.kill()
    assert [(line["severity"], line["message"].partition(": ")[0]) for line in said] == [
        ("WARNING", "an event cannot be taken"),
        ("WARNING", "a request to churn cannot be read"),
        ("ERROR", "1 requests to churn are not kept yet"),
    ]


@pytest.mark.parametrize(
    "surroundings",
    [pytest.param(_stand_in, id="stand-in"), pytest.param(_mlflow, marks=pytest.mark.slow)],
)
def test_what_is_there_is_kept_when_the_pod_ends(
    tmp_path: Path, surroundings: Callable[[Path], tuple[Path, dict[str, str]]]
) -> None:
    server, sink = _recorder(tmp_path, surroundings)
    try:
        large = {**ANSWERED, "outputs": [{**ANSWERED["outputs"][0], "data": ["x" * 300_000]}]}
        for number in range(5):
            sink.pair(answered={**large, "id": str(number)})
        until(lambda: sink.counts() == (5, 0))
        sink.pair(answered={**ANSWERED, "id": "last"})
        server.end()
    finally:
        server.kill()
    assert [line["id"] for line in sink.lines()] == ["2", "3", "4", "last"]
    assert "Traceback" not in server.said
