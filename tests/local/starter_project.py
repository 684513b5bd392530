"""The project to begin with, brought up on this machine, and what it says through its scripts."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from plinth.local.home import Home
from plinth.local.supervisor import marked

ENVIRONMENT = "local"
#: What only this project's own programs may know.
OURS = ("MLFLOW", "SERVING", "FEA", "AIRFLOW", "BUCKET", "PUSHGATEWAY")


class Project:
    """A project that begins as the example, on ports of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shell = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        self.shell = {**shell, "PULUMI_HOME": str(folder.parent / "pulumi")}
        self.plinth("init", str(folder), "--from", "starter", at=folder.parent)
        self.python = folder / ".venv" / "bin" / "python"

    def install(self, part: str = ".") -> None:
        """Makes the environment of the project, or of a part that has one of its own."""
        uv, folder = [sys.executable, "-m", "uv", "--quiet"], self.folder / part
        self._run([*uv, "venv", "--python", sys.executable, str(folder / ".venv")], {})
        needed = ("--python", str(folder / ".venv"), "--requirement", f"{part}/requirements.txt")
        self._run([*uv, "pip", "install", *needed], {})

    def plinth(self, *words: str, at: Path | None = None) -> str:
        return self._run([sys.executable, "-m", "plinth.cli", *words], {}, at)

    def script(self, *words: str, succeeds: bool = True, **told: str) -> str:
        return self._run([str(self.python), *words], told, succeeds=succeeds)

    def publish(self, **told: str) -> str:
        """Publishes features, as who has Feast does."""
        self.install("features")
        python = self.folder / "features" / ".venv" / "bin" / "python"
        return self._run([str(python), "publish_features.py"], told)

    def models(self, command: str, *words: str, succeeds: bool = True, **told: str) -> str:
        named = () if command == "train" else ("--model", "wine")
        whole = ("ci/models.py", command, *named, *words)
        return self.script(*whole, succeeds=succeeds, **told).strip()

    def trained(self, *words: str, **told: str) -> tuple[str, str]:
        """A run and the version that it has made."""
        train = ("--experiment", "wine", "--", str(self.python), "train.py", *words)
        run = self.models("train", *train, **told)
        return run, self.models("register", run, **told)

    def judged(self, *, succeeds: bool = True, **told: str) -> str:
        behaviour = f"{self.python} -m pytest -q tests/behaviour"
        words = ("--behaviour", behaviour, "--", str(self.python), "evaluate.py")
        return self.models("judge", *words, succeeds=succeeds, **told)

    def commit(self) -> str:
        """Puts the project into Git as it is; the commit."""
        git = ["git", "-c", "user.name=Ann", "-c", "user.email=ann@example.com"]
        for words in (["init", "-q"], ["add", "."], ["commit", "-q", "--message", "first"]):
            self._run([*git, *words], {})
        return self._run([*git, "rev-parse", "HEAD"], {}).strip()

    def told(self) -> dict[str, str]:
        """What `plinth env` prints, as a shell reads it."""
        script = 'eval "$("$0" -m plinth.cli env "$1")"; exec "$0" -c "$2"'
        dump = "import json, os; print(json.dumps(dict(os.environ)))"
        done = subprocess.run(
            ["sh", "-c", script, sys.executable, ENVIRONMENT, dump],
            cwd=self.folder,
            env=self.shell,
            capture_output=True,
            text=True,
            check=True,
        )
        found: dict[str, str] = json.loads(done.stdout)
        return {name: value for name, value in found.items() if name.startswith(OURS)}

    def champion(self, **told: str) -> dict[str, Any]:
        """The version that serves and its run, asked of the real registry."""
        code = """
import json, mlflow
client = mlflow.MlflowClient()
version = client.get_model_version_by_alias("wine", "champion")
run = client.get_run(version.run_id)
model = mlflow.pyfunc.load_model("models:/wine@champion")
print(json.dumps({
    "version": version.version, "tags": run.data.tags, "parameters": run.data.params,
    "metrics": run.data.metrics,
    "inputs": [each.dataset.name for each in run.inputs.dataset_inputs],
    "columns": model.metadata.get_input_schema().input_names(),
}))
"""
        found: dict[str, Any] = json.loads(self.script("-c", code, **told))
        return found

    def _run(
        self,
        command: list[str],
        told: dict[str, str],
        at: Path | None = None,
        succeeds: bool = True,
    ) -> str:
        done = subprocess.run(
            command,
            cwd=at or self.folder,
            env={**self.shell, **told},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode == 0) is succeeds, done.stdout + done.stderr
        return done.stdout if succeeds else done.stderr


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Project]:
    """The project with its packages, and its platform up; nothing is left of it afterwards."""
    made = Project(folder.resolve() / "wine")
    made.install()
    try:
        made.plinth("up", ENVIRONMENT, "--yes")
        yield made
    finally:
        made.plinth("destroy", ENVIRONMENT, "--yes")
        assert not list(marked(Home(made.folder / ".plinth" / "local" / ENVIRONMENT)))
