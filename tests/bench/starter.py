"""The starter as a user has it: a clone of Plinth, a project begun with it, and its commands."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil

from plinth.local import processes
from plinth.local.home import Home
from plinth.local.supervisor import marks

ROOT = Path(__file__).parents[2]
ENVIRONMENT = "local"
#: What the starter's README says, here alone; all run in the project's own Python environment.
TRAIN = ("ci/models.py", "train", "--experiment", "wine", "--", "python", "train.py")
REGISTER = ("ci/models.py", "register", "--model", "wine", "--first")
PREDICT = ("predict.py", "0", "60", "140")
READY = "/v2/models/wine/ready"

#: What a shell may have from the caller's own work, and a user's has not.
_FOREIGN = ("PYTHON", "PULUMI_", "MLFLOW_", "SERVING_", "FEA", "AIRFLOW", "VIRTUAL_ENV")


def clone(folder: Path) -> None:
    """What is committed, and nothing besides."""
    _run(["git", "clone", "--quiet", str(ROOT), str(folder)], folder.parent)


def prepare(folder: Path) -> Path:
    """What ``make up`` does before it calls ``plinth``, which is returned: see that it is there."""
    _run(["make", "--silent", "engine", f"PYTHON={sys.executable}"], folder)
    return folder / ".venv" / "bin" / "plinth"


class Project:
    """A project begun from the starter, with Python packages of its own."""

    def __init__(self, plinth: Path, folder: Path) -> None:
        self._plinth, self.folder = plinth, folder
        self._told: dict[str, str] = {}
        self.home = Home(folder / ".plinth" / "local" / ENVIRONMENT)
        _run([str(plinth), "init", str(folder), "--from", "starter"], folder.parent)
        uv = str(plinth.with_name("uv"))
        self._python = folder / ".venv" / "bin" / "python"
        _run([uv, "venv", "--quiet", "--python", sys.executable, ".venv"], folder)
        needed = ("--python", str(self._python), "--requirement", "requirements.txt")
        _run([uv, "pip", "install", "--quiet", "--compile-bytecode", *needed], folder)

    def plinth(self, *words: str) -> str:
        """Runs a command of Plinth's; returns what it prints."""
        return _run([str(self._plinth), *words], self.folder)

    def asked(self, *words: str) -> Any:
        """What a command of Plinth's says as JSON."""
        return json.loads(self.plinth(*words, "--json"))

    def take_variables(self) -> None:
        """Takes what ``plinth env`` says, for the scripts."""
        self._told = self.asked("env", ENVIRONMENT)["variables"]

    def script(self, *words: str) -> str:
        """Runs one of the project's scripts, in an activated environment; what it prints."""
        path = f"{self._python.parent}{os.pathsep}{os.environ['PATH']}"
        return _run([str(self._python), *words], self.folder, {**self._told, "PATH": path}).strip()

    def wait_until_served(self, seconds: float = 120) -> None:
        """Until the model server has taken up the version that was promoted."""
        deadline = time.monotonic() + seconds
        while True:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(self._told["SERVING_URL"] + READY, timeout=5).close()
                return
            if time.monotonic() > deadline:
                raise SystemExit("the promoted model is not served")
            time.sleep(0.1)

    def processes(self) -> list[psutil.Process]:
        """Every process of the platform's."""
        return list(processes.carrying(marks(self.home)))

    @contextlib.contextmanager
    def gone_afterwards(self) -> Iterator[None]:
        """Nothing of it runs any more afterwards, whatever happened."""
        try:
            yield
        finally:
            try:
                self.plinth("destroy", ENVIRONMENT, "--yes")
            finally:
                processes.end(marks(self.home))


def _run(command: Sequence[str], folder: Path, told: dict[str, str] | None = None) -> str:
    """What a command prints; it must succeed."""
    shell = {k: v for k, v in os.environ.items() if not k.startswith(_FOREIGN)}
    environment = {**shell, **(told or {})}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = (done.stdout + done.stderr)[-2000:]
        raise SystemExit(f"{' '.join(command)} failed with {done.returncode}:\n{said}")
    return done.stdout
