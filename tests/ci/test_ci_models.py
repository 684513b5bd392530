"""The model workflows' script, against real MLflow servers where MLflow can be had.

MLflow is none of the project's packages: it is installed aside, with uv, into the user's cache.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from example import SPEC
from plinth.ci.files import files
from served import free_port

pytestmark = pytest.mark.slow

_MLFLOW = ("mlflow>=3,<4", "prometheus-client")
#: What `drift` needs as well; Evidently does not say that it needs pandas 2.
_DRIFT = ("evidently==0.7.23", "fsspec", "pandas<3")

TRAIN = """\
import sys, mlflow
with mlflow.start_run():
    mlflow.log_metric("f1", float(sys.argv[1]))
    mlflow.log_text(f"model of {sys.argv[1]}", "model/weights.txt")
    mlflow.log_text("flavors: {}\\nartifact_path: model\\n", "model/MLmodel")
"""


@pytest.fixture(scope="module")
def python() -> Path:
    """A Python with MLflow."""
    return _installed("mlflow-3-pushing", *_MLFLOW)


@pytest.fixture(scope="module")
def comparing() -> Path:
    """A Python with MLflow and Evidently."""
    return _installed("mlflow-3-comparing", *_MLFLOW, *_DRIFT)


def _installed(name: str, *packages: str) -> Path:
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "plinth" / "test-tools" / name
    found = folder / "bin" / "python"
    if not (folder / "bin" / "mlflow").is_file():
        uv = Path(sys.executable).parent / "uv"
        commands = [
            [uv, "venv", "--quiet", "--clear", "--python", sys.executable, folder],
            [uv, "pip", "install", "--quiet", "--system-certs", "--python", found, *packages],
        ]
        for command in commands:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                pytest.skip(f"MLflow cannot be installed: {done.stderr.strip()[-200:]}")
    return found


@contextlib.contextmanager
def tracking(python: Path, folder: Path) -> Iterator[str]:
    """A tracking server with a registry of its own."""
    folder.mkdir()
    port = free_port()
    command = [
        *(str(python), "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)),
        *("--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--workers", "1"),
        *("--artifacts-destination", str(folder / "artifacts"), "--serve-artifacts"),
    ]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=folder, stdout=log, stderr=log, start_new_session=True
        )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            with contextlib.suppress(OSError, urllib.error.URLError):
                urllib.request.urlopen(f"{url}/health", timeout=1).close()
                break
            assert process.poll() is None, (folder / "log").read_text()
            time.sleep(0.5)
        yield url
    finally:
        # It has workers, and no state that outlives the test: all at once, and without asking.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


class Models:
    """The script, as the workflows call it."""

    def __init__(self, python: Path, folder: Path, **variables: str) -> None:
        self.python, self.folder, self.variables = python, folder, variables
        for file in files("github", SPEC, folder=folder, models=True):
            if file.path.name == "models.py":
                file.path.parent.mkdir(parents=True)
                file.path.write_text(file.text)
        (folder / "train.py").write_text(TRAIN)

    def __call__(self, *words: str, code: int = 0, **variables: str) -> str:
        done = subprocess.run(
            [self.python, "ci/models.py", *words],
            cwd=self.folder,
            env={**os.environ, "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false"}
            | self.variables
            | variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout.strip() if code == 0 else done.stderr.strip()

    def trained(self, score: float) -> str:
        words = (str(self.python), "train.py", str(score))
        return self("train", "--experiment", "churn", "--", *words, GIT_COMMIT="c0ffee")

    def weights(self, url: str) -> str:
        """What serving would load from models:/churn@champion."""
        code = (
            "import mlflow, pathlib; uri = 'models:/churn@champion';"
            f"p = mlflow.artifacts.download_artifacts(uri, tracking_uri={url!r});"
            "print(pathlib.Path(p, 'weights.txt').read_text())"
        )
        done = subprocess.run(
            [self.python, "-c", code],
            env={**os.environ, "MLFLOW_TRACKING_URI": url},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()


@pytest.fixture
def servers(python: Path, tmp_path: Path) -> Iterator[tuple[str, str]]:
    with tracking(python, tmp_path / "a") as dev, tracking(python, tmp_path / "b") as prod:
        yield dev, prod


def test_from_training_to_production_and_back(
    python: Path, tmp_path: Path, servers: tuple[str, str]
) -> None:
    dev, prod = servers
    here = {"MLFLOW_TRACKING_URI": prod, "MLFLOW_SOURCE_URI": dev}
    models = Models(python, tmp_path / "repository", MLFLOW_TRACKING_URI=dev)

    run = models.trained(0.8)
    assert json.loads(models("evaluate", "--model", "churn", "--require", "f1>=0.7", run))
    missed = models("evaluate", "--model", "churn", "--require", "f1>=0.9", run, code=1)
    assert missed == "f1 is 0.8, not >= 0.9"
    assert models("register", "--model", "churn", run) == "1"
    assert models("promote", "--model", "churn", **here) == "1"
    assert models.weights(prod) == "model of 0.8"
    # Again: the same version is there already.
    assert models("promote", "--model", "churn", **here) == "1"
    assert "no previous version" in models("rollback", "--model", "churn", code=1, **here)

    better = models.trained(0.9)
    assert models("register", "--model", "churn", better) == "2"
    assert models("promote", "--model", "churn", **here) == "2"
    assert models.weights(prod) == "model of 0.9"
    worse = models.trained(0.85)
    bar = ("evaluate", "--model", "churn", "--not-below", "f1", worse)
    assert models("rollback", "--model", "churn", **here) == "1"
    assert models.weights(prod) == "model of 0.8"
    assert models("rollback", "--model", "churn", **here) == "2"
    assert models("promote", "--model", "churn", "--version", "1", **here) == "1"

    # With one registry for both, promotion is the alias alone.
    assert models("promote", "--model", "churn") == "2"
    said = models(*bar, code=1)
    assert said == "f1 is 0.85, below 0.9 of the champion"
    assert "has no v9" in models("promote", "--model", "churn", "--version", "v9", code=1)


def test_training_that_fails_fails_its_run(python: Path, tmp_path: Path) -> None:
    with tracking(python, tmp_path / "a") as url:
        models = Models(python, tmp_path / "repository", MLFLOW_TRACKING_URI=url)
        said = models("train", "--experiment", "churn", "--", "false", code=1)
        assert said.endswith("false ended with 1")
        assert statuses(url) == ["FAILED"]


def statuses(url: str) -> list[str]:
    """How the runs of the first experiment stand, the latest first."""
    query = json.dumps({"experiment_ids": ["1"]}).encode()
    request = urllib.request.Request(
        f"{url}/api/2.0/mlflow/runs/search", query, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as answer:
        return [run["info"]["status"] for run in json.load(answer)["runs"]]


class Airflow(BaseHTTPRequestHandler):
    """One DAG, whose run succeeds at the third look, after a failed one; ``broken`` fails."""

    seen: list[Any]

    def _answer(self, value: Any, status: int = 200) -> None:
        content = json.dumps(value).encode()
        self.send_response(status if self.headers["Authorization"] == "Bearer t" else 401)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.seen.append((self.path, body))
        self._answer(body)

    def do_GET(self) -> None:
        self.seen.append(self.path)
        looks = len([each for each in self.seen if isinstance(each, str)])
        done = "failed" if "broken" in self.path else "success"
        self._answer({"state": "running" if looks < 3 else done}, 502 if looks == 2 else 200)

    def log_message(self, *_: Any) -> None:
        pass


def test_training_on_the_platform(python: Path, tmp_path: Path) -> None:
    seen: list[Any] = []
    handler = type("Handler", (Airflow,), {"seen": seen})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        with tracking(python, tmp_path / "a") as url:
            models = Models(
                python,
                tmp_path / "repository",
                MLFLOW_TRACKING_URI=url,
                AIRFLOW_URL=address,
                AIRFLOW_TOKEN="t",
            )
            run = models("submit", "--experiment", "churn", "--every", "0.1", "train")
            (path, body) = seen[0]
            assert path == "/api/v2/dags/train/dagRuns"
            assert body["conf"] == {"mlflow_run_id": run}
            assert seen[1] == f"/api/v2/dags/train/dagRuns/{run}"
            said = models("submit", "--experiment", "churn", "--every", "0", "broken", code=1)
            assert "broken failed" in said
            submit = ("submit", "--experiment", "churn", "train")
            assert models(*submit, code=1, AIRFLOW_TOKEN="") == "AIRFLOW_TOKEN is not set"
            said = models(*submit, code=1, AIRFLOW_TOKEN="old").splitlines()[-1]
            assert said == "HTTPError: HTTP Error 401: Unauthorized"
            # The one that Airflow has made is for its own tasks to end.
            assert statuses(url) == ["FAILED", "FAILED", "RUNNING"]
    finally:
        server.shutdown()
        server.server_close()


#: Prints what the model of a run was trained to score, or whatever is told.
EVALUATE = """\
import json, os, pathlib, sys, mlflow
folder = mlflow.artifacts.download_artifacts(sys.argv[1])
score = float(pathlib.Path(folder, "weights.txt").read_text().split()[-1])
print("this is talk")
print(json.dumps({"f1": score, "mae": 1 - score}))
"""


def _figures(seen: list[Any]) -> dict[str, float]:
    """The latest push, as its text says."""
    lines = [line for line in seen[-1][1].decode().splitlines() if not line.startswith("#")]
    return {line.split("{")[0]: float(line.split()[-1]) for line in lines}


class Gateway(BaseHTTPRequestHandler):
    """A Pushgateway that remembers."""

    seen: list[Any]

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append((self.path, body))
        self.send_response(202)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


def test_a_candidate_is_judged_on_the_same_data_and_counted(python: Path, tmp_path: Path) -> None:
    seen: list[Any] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Gateway,), {"seen": seen}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    gateway = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        with tracking(python, tmp_path / "a") as url:
            told = {"MLFLOW_TRACKING_URI": url, "PUSHGATEWAY_URL": gateway}
            models = Models(python, tmp_path / "repository", **told)
            (models.folder / "evaluate.py").write_text(EVALUATE)
            measure = ("--", str(python), "evaluate.py")
            judge = ("judge", "--model", "churn")

            for score in (0.8, 0.9):
                # The first one serves at once; the second has to be judged and promoted.
                version = models("register", "--model", "churn", "--first", models.trained(score))
                assert models.weights(url) == "model of 0.8"
                assert models(*judge, *measure) == version
                assert models("promote", "--model", "churn") == version
            assert seen[-1][0] == "/metrics/job/registry/model/churn"
            assert _figures(seen)["plinth_promotions_total"] == 2
            assert _figures(seen)["plinth_refused_version"] == 0

            assert models("register", "--model", "churn", models.trained(0.9)) == "3"
            said = models(*judge, *measure, code=3)
            assert said.endswith("refused: f1 is 0.9, no better than 0.9 of version 2")
            assert _figures(seen)["plinth_refused_version"] == 3
            assert _figures(seen)["plinth_refusals_total"] == 1
            for said_so in ((), ("--version", "candidate")):
                said = models("promote", "--model", "churn", *said_so, code=1)
                assert "--version 3 insists" in said
            assert models.weights(url) == "model of 0.9"

            assert models("register", "--model", "churn", models.trained(0.95)) == "4"
            said = models(*judge, "--behaviour", "false", *measure, code=3)
            assert said.endswith("refused: behaviour tests failed (false)")
            tested = ("--behaviour", f"{python} -c \"import os; os.environ['MODEL_URI']\"")
            assert models(*judge, "--lower", "mae", *tested, *measure) == "4"
            assert models("promote", "--model", "churn") == "4", "no longer refused"
            assert _figures(seen)["plinth_refused_version"] == 0
            assert models("rollback", "--model", "churn") == "2"
            assert _figures(seen) == {
                "plinth_promotions_total": 3,
                "plinth_rollbacks_total": 1,
                "plinth_refusals_total": 2,
                "plinth_refused_version": 0,
            }
            _half_a_promotion(models)
            assert "no previous version" in models("rollback", "--model", "churn", code=1)
            assert _figures(seen)["plinth_rollbacks_total"] == 1
    finally:
        server.shutdown()
        server.server_close()


def test_what_goes_wrong_is_said_in_a_sentence(python: Path, tmp_path: Path) -> None:
    with tracking(python, tmp_path / "a") as url:
        models = Models(python, tmp_path / "repository", MLFLOW_TRACKING_URI=url)
        assert models("drift", "--model", "churn") == "nan"
        # That nobody hears of it keeps nothing from happening.
        models("register", "--model", "churn", models.trained(0.5))
        away = {"PUSHGATEWAY_URL": "http://127.0.0.1:1"}
        assert models("promote", "--model", "churn", **away) == "1"

        assert models("register", "--model", "churn", models.trained(0.6)) == "2"
        judge = ("judge", "--model", "churn", "--better", "auc", "--", sys.executable, "-c")
        for printed in ("", "[1]", '{"f1": 1}', '{"auc": [1]}'):
            said = models(*judge, f"print({printed!r})", code=1)
            assert "no JSON of auc" in said.splitlines()[-1]
    gone = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
    (said,) = models("promote", "--model", "churn", code=1, **gone).splitlines()
    assert said.startswith(f"MlflowException: API request to {url}/")


def _half_a_promotion(models: Models) -> None:
    """One that was cut off between its two steps: the champion is the one before it as well."""
    code = (
        "from mlflow import MlflowClient; client = MlflowClient();"
        "champion = client.get_model_version_by_alias('churn', 'champion').version;"
        "client.set_registered_model_alias('churn', 'previous', champion)"
    )
    told = {**os.environ, **models.variables}
    subprocess.run([models.python, "-c", code], env=told, check=True)


#: A model whose run has the inputs that it has learnt from, and a second version of the same.
KNOWN = """\
import mlflow, numpy, pandas
from mlflow import MlflowClient
chance = numpy.random.default_rng(0)
names = ("age", "calls", "bill")
known = pandas.DataFrame({name: chance.normal(size=200) for name in names})
known["prediction"] = chance.integers(0, 2, 200)
known.to_parquet("baseline.parquet")
client = MlflowClient()
client.create_registered_model("churn")
with mlflow.start_run() as run:
    mlflow.log_artifact("baseline.parquet")
for _ in range(2):
    client.create_model_version("churn", f"{run.info.artifact_uri}/model", run.info.run_id)
client.set_registered_model_alias("churn", "champion", "1")
"""
SECOND = """\
from mlflow import MlflowClient
MlflowClient().set_registered_model_alias("churn", "champion", "2")
"""
#: Another version is promoted while drift is measured.
MEANWHILE = """\
import sys
from mlflow import MlflowClient
sys.path.append("ci")
import models
compared = models.compared
def meanwhile(*given):
    MlflowClient().set_registered_model_alias("churn", "champion", "1")
    return compared(*given)
told = []
models.compared, models.push = meanwhile, lambda *figures, **more: told.append("told")
words = ["drift", "--model", "churn", "--records", sys.argv[1]]
for _ in range(2):
    told.append(models.drift(models.parser().parse_args(words)))
print(*told)
"""
#: All measurements, the oldest first.
MEASURED = """\
import json
from mlflow import MlflowClient
client = MlflowClient()
place = client.get_experiment_by_name("drift/churn").experiment_id
print(json.dumps([
    {
        "run": run.info.run_id,
        "score": round(run.data.metrics["drift_score"], 2),
        "rows": run.data.metrics["drift_rows"],
        "report": run.data.tags["report"],
        "files": sorted(each.path for each in client.list_artifacts(run.info.run_id)),
    }
    for run in client.search_runs([place], order_by=["attributes.start_time ASC"])
]))
"""


def _asked(folder: Path, *shifted: str) -> None:
    """A hundred requests, some of whose inputs are other ones than the model has learnt from."""
    chance = random.Random(1)
    lines = [
        {
            "time": f"2026-01-01T00:00:{index % 60:02}+00:00",
            "id": str(index),
            "version": "1",
            "inputs": [
                {"name": name, "shape": [1], "data": [chance.gauss(9 * (name in shifted), 1)]}
                for name in ("age", "calls", "bill")
            ],
            "outputs": [{"name": "prediction", "shape": [1], "data": [chance.randrange(2)]}],
        }
        for index in range(100)
    ]
    text = "".join(f"{json.dumps(line)}\n" for line in lines)
    (folder / "requests-1.jsonl").write_text(text, encoding="utf-8")


#: Compares samples, alike and shifted, of few rows and many: how often they say drift.
COMPARED = """\
import json, pathlib, sys
import numpy, pandas
sys.path.append("ci")
import models

def sample(chance, rows, shifted):
    often = (0.2, 0.3, 0.5) if shifted else (0.6, 0.3, 0.1)
    return pandas.DataFrame({
        "age": chance.normal(2 * shifted, 1, rows),
        "plan": chance.choice(["a", "b", "c"], rows, p=often),
        "prediction": chance.integers(0, 2, rows),
    })

found = {}
for sizes in [(5000, 30), (5000, 500), (150, 500), (1200, 100)]:
    for shifted in (False, True):
        drifted = 0
        for seed in range(8):
            chance = numpy.random.default_rng(seed)
            before, now = sample(chance, sizes[0], False), sample(chance, sizes[1], shifted)
            now.loc[now.index >= 29 + seed % 2, "prediction"] = None
            figures = models.compared(before, now, pathlib.Path())
            drifted += figures["plinth_drift_score"]
            assert ("plinth_prediction_drift" in figures) == bool(seed % 2)
        found[f"{sizes} {shifted}"] = drifted / 8
print(json.dumps(found))
"""


def test_drift_means_the_same_however_many_rows_there_are(comparing: Path, tmp_path: Path) -> None:
    models = Models(comparing, tmp_path / "repository")
    done = subprocess.run(
        [comparing, "-c", COMPARED],
        cwd=models.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found == {name: float("True" in name) for name in found}


def test_a_report_is_kept_when_it_tells_something(comparing: Path, tmp_path: Path) -> None:
    with tracking(comparing, tmp_path / "a") as url:
        models = Models(comparing, tmp_path / "repository", MLFLOW_TRACKING_URI=url)

        def script(text: str) -> str:
            done = subprocess.run(
                [comparing, "-c", text, tmp_path],
                cwd=models.folder,
                env={**os.environ, "MLFLOW_TRACKING_URI": url},
                capture_output=True,
                text=True,
                check=True,
            )
            return done.stdout

        def drift(*shifted: str) -> float:
            _asked(tmp_path, *shifted)
            score = models("drift", "--model", "churn", "--records", str(tmp_path))
            return round(float(score), 2)

        script(KNOWN)
        assert [drift(), drift("age"), drift("calls")] == [0, 0.33, 0.33]
        assert [drift("age", "bill"), drift()] == [0.67, 0]
        with sqlite3.connect(tmp_path / "a" / "mlflow.db") as database:
            database.execute("UPDATE runs SET start_time = start_time - 24 * 3600 * 1000")
        assert drift("age") == 0.33
        script(SECOND)
        assert drift("age") == 0.33
        runs = json.loads(script(MEASURED).splitlines()[-1])
        # Figures of a version that serves no longer would start a retraining for nothing.
        assert script(MEANWHILE).splitlines()[-1] == "nan told 0.3333"

    assert [run["score"] for run in runs] == [0, 0.33, 0.33, 0.67, 0, 0.33, 0.33]
    assert {run["rows"] for run in runs} == {100}
    # More drift is news, as are another day and version; of as much or less, the report that is
    # most like it tells.
    kept = [0, 1, 3, 5, 6]
    for index, run in enumerate(runs):
        html = ["drift.html"] if index in kept else []
        assert run["files"] == [*html, "drift.json"]
    ids = [run["run"] for run in runs]
    told = [
        index if run["report"] == "here" else ids.index(run["report"])
        for index, run in enumerate(runs)
    ]
    assert told == [0, 1, 1, 3, 0, 5, 6]
