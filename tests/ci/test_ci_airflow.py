"""What `plinth ci airflow` writes: pipelines that watch and retrain models, and their script."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from cli_support import Plinth

from example import ROOT
from plinth.ci.files import airflow_files
from plinth.errors import UsageError

STARTER = ROOT / "examples" / "starter"

SPEC = """\
apiVersion: plinth/v1
name: churn
owner: ml@example.com
cost: {center: "4711", monthly_budget: 10}
cloud: local
artifacts: {}
tracking: {}
monitoring: {}
orchestration: {}
serving:
  models:
    churn: {uri: "models:/churn@champion", framework: sklearn, retrain: retrain_churn}
    fraud: {uri: "models:/fraud@champion", framework: sklearn, retrain: train.fraud-2}
    quiet: {uri: "models:/quiet/7", framework: sklearn}
environments: {dev: {}, prod: {}}
"""


def written(folder: Path, text: str = SPEC) -> dict[str, str]:
    spec = folder / "platform.yaml"
    spec.write_text(text, encoding="utf-8")
    found = airflow_files(spec, folder=folder)
    return {file.path.relative_to(folder).as_posix(): file.text for file in found}


class Operator:
    """As much of an operator and a DAG as says what a file of pipelines makes."""

    dags: dict[str, Operator]
    current: Operator

    def __init__(self, name: str = "", /, **settings: Any) -> None:
        self.name = name or settings["task_id"]
        self.settings = settings
        self.tasks: dict[str, Operator] = {}
        self.after: list[str] = []
        if name:
            assert name not in Operator.dags
            Operator.dags[name] = self
        else:
            Operator.current.tasks[self.name] = self

    def __enter__(self) -> None:
        Operator.current = self

    def __exit__(self, *_: object) -> None:
        pass

    def __rshift__(self, other: Operator) -> Operator:
        other.after.append(self.name)
        return other


@pytest.fixture
def dags(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Operator]:
    """The pipelines of the spec, made without Airflow; the real one is met in tests/local."""
    Operator.dags = {}
    sdk, bash = ModuleType("airflow.sdk"), ModuleType("bash")
    sdk.DAG, sdk.Param = Operator, lambda *a, **b: (a, b)  # type: ignore[attr-defined]
    bash.BashOperator = Operator  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "airflow.sdk", sdk)
    monkeypatch.setitem(sys.modules, "airflow.providers.standard.operators.bash", bash)
    (tmp_path / "fraud").mkdir()
    (tmp_path / "fraud" / "train.py").touch()
    text = written(tmp_path)["dags/models.py"]
    path = tmp_path / "dags" / "models.py"
    exec(compile(text, path, "exec"), {"__file__": str(path)})
    return Operator.dags


def test_each_model_has_one_that_looks_and_one_that_trains(
    dags: dict[str, Operator], tmp_path: Path
) -> None:
    assert set(dags) == {"drift_churn", "retrain_churn", "drift_fraud", "train.fraud-2"}
    assert dags["drift_churn"].settings["schedule"] == "@hourly"
    assert dags["retrain_churn"].settings["schedule"] is None
    assert all(dag.settings["max_active_runs"] == 1 for dag in dags.values())
    # A paused pipeline would keep what an alert starts waiting for ever.
    assert not any(dag.settings["is_paused_upon_creation"] for dag in dags.values())
    tasks = dags["retrain_churn"].tasks
    steps = ["train", "register", "judge", "promote", "drift"]
    assert sorted(tasks) == sorted(steps)
    assert [tasks[name].after for name in steps] == [[], *([each] for each in steps[:-1])]
    assert tasks["judge"].settings["skip_on_exit_code"] == 3
    assert tasks["train"].settings["cwd"] == str(tmp_path)
    assert dags["train.fraud-2"].tasks["train"].settings["cwd"] == str(tmp_path / "fraud")


def test_what_an_alert_says_reaches_the_shell_by_variables_only(dags: dict[str, Operator]) -> None:
    for dag in dags.values():
        for task in dag.tasks.values():
            assert "{{" not in task.settings["bash_command"]
            assert task.settings["append_env"]
    assert dags["retrain_churn"].tasks["train"].settings["env"]["REASON"] == (
        "{{ params.reason or '' }}"
    )


def test_files_follow_the_spec_of_all_environments(tmp_path: Path) -> None:
    text = SPEC.replace("dev: {}", "dev: {serving: {models: {churn: {retrain: other}}}}")
    with pytest.raises(UsageError) as raised:
        written(tmp_path, text)
    (problem,) = raised.value.problems
    assert problem.code == "retrain-twice"
    off = SPEC.replace("prod: {}", "prod: {serving: null}")
    assert '"churn": "retrain_churn"' in written(tmp_path, off)["dags/models.py"]


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        (", retrain: retrain_churn", "", None),
        ("train.fraud-2", "retrain_churn", "retrain-shared"),
        ("train.fraud-2", "drift_churn", "retrain-watching"),
        ("models:/churn@champion", "models:/churn@best", "retrain-address"),
        ("models:/churn@champion", "models:/leaving@champion", "retrain-address"),
    ],
)
def test_what_the_pipelines_cannot_do_is_refused(
    tmp_path: Path, before: str, after: str, code: str | None
) -> None:
    text = SPEC.replace(before, after)
    if code is None:
        assert '"churn"' not in written(tmp_path, text)["dags/models.py"]
        text = text.replace(", retrain: train.fraud-2", "")
        code = "nothing-to-retrain"
    with pytest.raises(UsageError) as raised:
        written(tmp_path, text)
    assert {problem.code for problem in raised.value.problems} == {code}
    assert all(problem.fix for problem in raised.value.problems)


def test_the_starter_has_these_very_files() -> None:
    found = airflow_files(STARTER / "platform.yaml", folder=STARTER)
    assert {file.path.relative_to(STARTER).as_posix(): file.state for file in found} == {
        "ci/models.py": "same",
        "dags/models.py": "same",
    }


def test_the_command_writes_checks_and_refuses(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    plinth = Plinth(tmp_path / "project", capsys)
    monkeypatch.chdir(plinth.folder)
    refused = plinth("ci", "airflow")
    assert (refused.code, "nothing-to-retrain" in refused.err) == (2, True)
    spec = plinth.folder / "stacks" / "platform.yaml"
    spec.write_text(SPEC, encoding="utf-8")
    assert plinth("ci", "airflow", "--check").code == 4
    assert "new" in plinth("ci", "airflow").out
    assert plinth("ci", "airflow", "--check").code == 0
    (plinth.folder / "dags" / "models.py").write_text("# mine\n")
    assert plinth("ci", "airflow").code == 2


def test_the_script_says_what_it_does_without_what_only_drift_needs(tmp_path: Path) -> None:
    """Evidently, fsspec and the Pushgateway's client are imported where they are used."""
    text = written(tmp_path)["ci/models.py"]
    (tmp_path / "mlflow").mkdir()
    (tmp_path / "mlflow" / "__init__.py").write_text("class MlflowClient: ...\n")
    (tmp_path / "mlflow" / "exceptions.py").write_text("class MlflowException(Exception): ...\n")
    (tmp_path / "models.py").write_text(text, encoding="utf-8")
    code = """
import models
record = {
    "time": "t", "id": "i", "version": "1",
    "inputs": [{"name": "x", "shape": [2, 2], "data": [[1, 2], [3, 4]]}],
    "outputs": [{"name": "output-1", "shape": [2, 1], "data": ["a", "b"]}],
}
rows = models.table_of(record)
assert [(row["0"], row["1"], row["prediction"]) for row in rows] == [(1, 2, "a"), (3, 4, "b")]
record["inputs"] = [
    {"name": "x", "shape": [2, 1], "data": [1, 2]}, {"name": "y", "shape": [2], "data": [3, 4]},
]
rows = models.table_of(record)
assert [(row["x"], row["y"], row["row"]) for row in rows] == [(1, 3, 0), (2, 4, 1)]
try:
    with models.needed("evidently"):
        raise ImportError("No module named 'evidently'")
except SystemExit as error:
    assert str(error) == "No module named 'evidently'; this needs the package evidently"
models.parser().parse_args(["judge", "--model", "m", "--lower", "mae", "--", "a", "b"])
record["inputs"][1]["name"] = "time"
try:
    models.table_of(record)
except SystemExit as error:
    assert str(error) == "inputs cannot be called time, as columns are that all models have"
class Files:
    def cat_file(self, name):
        if name == "gone":
            raise FileNotFoundError(name)
        return b'{"id": "1"}\\n{"id": "2'
assert [list(models.lines(Files(), name)) for name in ("here", "gone")] == [[{"id": "1"}], []]
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    refused = {
        "drift --model m --since 2026-01-31": "'2026-01-31' has no zone",
        "drift --model m --since today": "invalid moment value: 'today'",
        "evaluate --model m --require f1=>1 run": "'f1=>1' is not like f1>=0.8",
        "evaluate --model m --require f1>=x run": "invalid bar value: 'f1>=x'",
    }
    for words, why in refused.items():
        command = [sys.executable, "models.py", *words.split()]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.returncode, why in done.stderr.splitlines()[-1]) == (2, True)
