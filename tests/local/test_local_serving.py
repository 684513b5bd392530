"""Models on this machine: really trained, registered, served and asked."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from local_stack import Stack, ask, python, running, wait

from plinth.render import data_folder
from served import free_port

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
PLATFORM = """
artifacts: {}
tracking: {}
serving: {models: {churn: {uri: "models:/churn@champion", framework: sklearn}}}
"""
QUESTION = {
    "parameters": {"content_type": "pd"},
    "inputs": [
        {"name": "age", "shape": [2], "datatype": "INT64", "data": [30, 40]},
        {"name": "spend", "shape": [2, 1], "datatype": "FP64", "data": [1.5, -2.0]},
    ],
}
ANSWERS = {"1": [1, 0], "2": [0, 1]}


def _train(stack: Stack, kind: str) -> None:
    told = {k: v for k, v in stack.variables("kserve").items() if k.startswith("MLFLOW_")}
    subprocess.run(
        [python("serving") / "python", HERE / "train_model.py", kind],
        env={**os.environ, **told},
        check=True,
        capture_output=True,
    )


class Caller(threading.Thread):
    """Asks without a pause until it is told to stop."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url
        self.answers: list[tuple[int, Any]] = []
        self.stopped = threading.Event()

    def run(self) -> None:
        while not self.stopped.is_set():
            self.answers.append(ask(self.url, QUESTION))


def test_a_moved_alias_is_served_without_a_failed_request(tmp_path: Path) -> None:
    with running(tmp_path / "project", PLATFORM) as stack:
        server = stack.outputs()["serving_endpoints_churn"]
        url = f"{server}/v2/models/churn/infer"
        assert ask(f"{server}/v2/health/live")[0] == 200
        status, said = ask(url, QUESTION)
        assert status == 503
        assert "models:/churn@champion names no version in the registry yet" in said["error"]

        _train(stack, "plain")
        wait(lambda: ask(f"{server}/v2/models/churn/ready")[0] == 200)
        caller = Caller(url)
        caller.start()
        try:
            _train(stack, "turned")
            wait(lambda: caller.answers[-1][1].get("model_version") == "2")
        finally:
            caller.stopped.set()
            caller.join()
        assert {status for status, _ in caller.answers} == {200}
        versions = [answer["model_version"] for _, answer in caller.answers]
        assert versions == sorted(versions)
        assert set(versions) == {"1", "2"}
        for _, answer in caller.answers:
            (output,) = answer["outputs"]
            assert output["data"] == ANSWERS[answer["model_version"]]

        metrics = ask(f"{server}/metrics")[1].splitlines()
        labels = 'method="POST",model="churn",path="/v2/models/{model_name}/infer",status_code='
        for version in ("1", "2"):
            count = float(versions.count(version))
            line = f'{labels}"200",version="{version}"}} {count}'
            assert f"rest_server_requests_total{{{line}" in metrics
            assert f"rest_server_request_duration_seconds_count{{{line}" in metrics
        assert 'plinth_model_ready{model="churn",version="2"} 1.0' in metrics

        kept = stack.data / "datasets/inference/churn/requests.jsonl"
        lines = wait(lambda: len(kept.read_text().splitlines()) == len(versions) and kept)
        last = json.loads(lines.read_text().splitlines()[-1])
        assert [tensor["data"] for tensor in last["inputs"]] == [[30, 40], [1.5, -2.0]]
        assert last["outputs"][0]["data"] == ANSWERS["2"]
        assert last["version"] == "2"
        assert "Traceback" not in stack.log("kserve")
    with pytest.raises(OSError, match="refused"):
        ask(f"{server}/v2/health/live")


# --- the server alone ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    command = [python("serving") / "python", HERE / "save_models.py", folder]
    subprocess.run(command, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def server(saved: Path) -> Iterator[str]:
    """Serves the saved models, and one that is not there."""
    names = ("words", "line", "bare", "table", "later")
    with _serving(saved, saved, *names) as (url, _):
        yield url


@contextlib.contextmanager
def _serving(
    folder: Path, saved: Path, *names: str
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A server in a folder, once it serves `table`."""
    port = free_port()
    settings = folder / "settings.json"
    settings.write_text(
        json.dumps(
            {
                "port": port,
                "models": {name: f"file://{saved / name}" for name in names},
                "follow_seconds": 0.2,
                "record": {"folder": str(folder / "kept"), "mebibytes": 1},
            }
        )
    )
    script = data_folder("templates") / "kserve/local_server.py"
    command = [python("serving") / "python", script, settings]
    log = (folder / "server.log").open("wb")
    with log, subprocess.Popen(command, stderr=log, cwd=folder) as process:
        try:
            url = f"http://127.0.0.1:{port}/v2/models"
            wait(lambda: _ready(process, f"{url}/table/ready"))
            yield url, process
        finally:
            process.terminate()


def _ready(process: subprocess.Popen[bytes], url: str) -> bool:
    assert process.poll() is None, "the server ended"
    try:
        return ask(url)[0] == 200
    except OSError:
        return False


def _square(data: list[Any]) -> dict[str, Any]:
    return {"name": "x", "shape": [2, 2], "datatype": "FP64", "data": data}


def _cities(*names: str) -> dict[str, Any]:
    size = {"name": "size", "shape": [len(names)], "datatype": "FP64", "data": [1] * len(names)}
    city = {"name": "city", "shape": [len(names)], "datatype": "BYTES", "data": [*names]}
    return {"inputs": [city, size]}


def test_words_are_answered_as_text(server: str) -> None:
    status, said = ask(f"{server}/words/infer", {**QUESTION, "id": "mine"})
    assert (status, said["id"]) == (200, "mine")
    assert said["parameters"] == {"content_type": "np"}
    assert said["outputs"] == [
        {
            "name": "output-1",
            "shape": [2, 1],
            "datatype": "BYTES",
            "parameters": {"content_type": "np"},
            "data": ["goes", "stays"],
        }
    ]


@pytest.mark.parametrize("data", [[20, -2.0, 30, 1.0], [[20, -2.0], [30, 1.0]]])
def test_arrays_are_read_flat_and_nested(server: str, data: list[Any]) -> None:
    status, said = ask(f"{server}/line/infer", {"inputs": [_square(data)]})
    assert status == 200
    assert said["outputs"][0]["data"] == pytest.approx([0, 1], abs=0.2)


def test_tables_are_answered_by_column_and_nothing_is_null(server: str) -> None:
    status, said = ask(f"{server}/table/infer", _cities("Köln", "Ulm"))
    assert status == 200
    assert said["parameters"] == {"content_type": "pd"}
    columns = {output["name"]: (output["datatype"], output["data"]) for output in said["outputs"]}
    assert columns == {"city": ("BYTES", ["KÖLN", "ULM"]), "none": ("FP64", [None, None])}


def test_a_model_without_a_signature_is_asked_in_so_many_words(server: str) -> None:
    array = {"inputs": [_square([20, -2.0, 30, 1.0])]}
    status, said = ask(f"{server}/bare/infer", array)
    assert status == 400
    assert "content_type" in said["error"]
    status, _ = ask(f"{server}/bare/infer", {**array, "parameters": {"content_type": "np"}})
    assert status == 200


@pytest.mark.parametrize(
    ("model", "question", "status", "reason"),
    [
        ("words", {"inputs": QUESTION["inputs"][:1]}, 400, "missing inputs ['spend']"),
        ("line", {"inputs": [_square([1, 2, 3])]}, 400, "cannot reshape"),
        ("line", {"inputs": [{**_square([1]), "datatype": "X"}]}, 400, "unknown datatype X"),
        ("line", {"inputs": []}, 400, "one tensor"),
        ("table", _cities("Atlantis"), 500, "table failed: LookupError: no such city"),
        ("later", QUESTION, 503, "is not the folder of an MLflow model"),
        ("never", QUESTION, 404, "does not exist"),
    ],
)
def test_failures_say_why(
    server: str, model: str, question: dict[str, Any], status: int, reason: str
) -> None:
    found, said = ask(f"{server}/{model}/infer", question)
    assert (found, reason in said["error"]) == (status, True), said


def test_what_is_kept_is_bounded(server: str, saved: Path) -> None:
    body = _cities(*["Ulm" * 1000] * 50)  # 150 kB in, as much out
    for _ in range(12):
        assert ask(f"{server}/table/infer", body)[0] == 200
    folder = saved / "kept/table"
    wait((folder / "requests.3.jsonl").exists)
    files = sorted(path.name for path in folder.iterdir())
    assert files == ["requests.1.jsonl", "requests.2.jsonl", "requests.3.jsonl", "requests.jsonl"]


def test_what_is_to_be_kept_is_written_when_it_ends(saved: Path, tmp_path: Path) -> None:
    """A pipe stands in for a slow disk: nothing is written before somebody reads."""
    kept = tmp_path / "kept/table/requests.jsonl"
    kept.parent.mkdir(parents=True)
    os.mkfifo(kept)
    with _serving(tmp_path, saved, "table") as (url, process):
        for ident in ("1", "2"):
            assert ask(f"{url}/table/infer", {**_cities("Ulm"), "id": ident})[0] == 200
        process.terminate()
        wait(lambda: "Finished server" in (tmp_path / "server.log").read_text())
        with os.fdopen(os.open(kept, os.O_RDONLY | os.O_NONBLOCK), "rb") as pipe:
            assert process.wait(timeout=20) == 0
            lines = pipe.read().splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["1", "2"]


def test_a_model_is_served_once_it_is_there(server: str, saved: Path) -> None:
    (saved / "line").rename(saved / "later")
    wait(lambda: ask(f"{server}/later/ready")[0] == 200)
    question = {"inputs": [_square([20, -2.0, 30, 1.0])]}
    assert ask(f"{server}/later/infer", question)[0] == 200
    status, _ = ask(f"{server}/line/infer", question)
    assert status == 200, "what was loaded goes on"
