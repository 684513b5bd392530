"""A small platform on this machine, in a folder of its own, that leaves no process behind."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from plinth.local import packages

_BASE = """
apiVersion: plinth/v1
name: churn
owner: ml@example.com
cost: {center: "4711", monthly_budget: 10}
cloud: local
environments: {dev: null}
"""


class Stack:
    """One environment, `dev`, driven through the command line."""

    def __init__(self, folder: Path, capabilities: str) -> None:
        self.folder = folder
        (folder / "stacks").mkdir(parents=True)
        (folder / "Pulumi.yaml").write_text("name: churn\nruntime: python\n", encoding="utf-8")
        self.write(capabilities)

    @property
    def data(self) -> Path:
        return self.folder / ".plinth/local/dev/data"

    def write(self, capabilities: str) -> None:
        spec = self.folder / "stacks/platform.yaml"
        spec.write_text(_BASE + capabilities, encoding="utf-8")

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "plinth.cli", *arguments],
            cwd=self.folder,
            env={**os.environ, "PULUMI_HOME": str(self.folder / "home")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def up(self) -> None:
        self.run("up", "dev", "--yes")

    def outputs(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.run("outputs", "dev", "--json"))
        return found

    def variables(self, service: str) -> dict[str, str]:
        """What a service is told, secrets included."""
        launch = self.folder / f".plinth/local/dev/services/{service}/launch.json"
        told: dict[str, str] = json.loads(launch.read_text(encoding="utf-8"))["environment"]
        return told

    def log(self, service: str) -> str:
        return (self.folder / f".plinth/local/dev/logs/{service}.log").read_text(encoding="utf-8")


@contextlib.contextmanager
def running(folder: Path, capabilities: str) -> Iterator[Stack]:
    """The platform, up; destroyed afterwards whatever happened."""
    stack = Stack(folder, capabilities)
    try:
        stack.up()
        yield stack
    finally:
        stack.run("destroy", "dev", "--yes")


def python(lock: str) -> Path:
    """The folder of a service's programs; installed if need be."""
    return packages.install(lock, packages.digest(lock), threading.Event()) / "bin"


def ask(url: str, body: Any = None) -> tuple[int, Any]:
    """Status and answer; the answer is JSON if it looks so."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            status, text = response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read().decode()
    return status, json.loads(text) if text.startswith(("{", "[")) else text


def wait(
    for_what: Callable[[], Any], seconds: float = 120, failure: str = "it did not come to pass"
) -> Any:
    """Its first answer that is true."""
    deadline = time.monotonic() + seconds
    while not (found := for_what()):
        assert time.monotonic() < deadline, failure
        time.sleep(0.2)
    return found
