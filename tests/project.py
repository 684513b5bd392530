"""A project of its own to try the command line on, with simulated clouds below it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from example import CLUSTERS, ROOT
from plinth import registry
from plinth.rehearsal import launch
from plinth.rehearsal.cloud import Cloud
from plinth.spec.models import CAPABILITIES

PLINTH = (sys.executable, "-m", "plinth.cli")

#: What the environment says of where it is, on each cloud: a region in Ireland or next to it.
PLACES: dict[str, dict[str, Any]] = {
    "aws": {"region": "eu-west-1", "account": "111111111111"},
    "azure": {"region": "northeurope", "account": "00000000-0000-0000-0000-000000000001"},
    "gcp": {"region": "europe-west1", "account": "churn-dev"},
    "kubernetes": {"region": None},
}


def one_by_default() -> list[Any]:
    """What can be rehearsed, for tests that take minutes each: all but the first are ``slow``."""
    first, *rest = CLUSTERS
    return [first, *(pytest.param(name, marks=pytest.mark.slow) for name in rest)]


class Project:
    """A copy of the example in a folder of its own, driven through the command line."""

    def __init__(self, folder: Path, command: Sequence[str] = PLINTH) -> None:
        self.folder = folder
        self.command = command
        self.variables: dict[str, str] = {}
        shutil.copytree(ROOT / "stacks", folder / "stacks")
        shutil.copy(ROOT / "Pulumi.yaml", folder)
        self.spec = folder / "stacks" / "platform.yaml"

    def run(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [*self.command, *arguments],
            cwd=self.folder,
            env={**os.environ, **self.variables},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, (
            f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        )
        assert "Traceback" not in done.stdout + done.stderr
        return done

    def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self.run(*arguments, "--json", code=code).stdout)

    def edit(self, old: str, new: str) -> None:
        text = self.spec.read_text(encoding="utf-8")
        assert old in text
        self.spec.write_text(text.replace(old, new), encoding="utf-8")

    def write(self, **blocks: Any) -> None:
        """Writes the spec anew with other blocks; ``None`` leaves one out."""
        document = yaml.safe_load(self.spec.read_text(encoding="utf-8")) | blocks
        kept = {key: value for key, value in document.items() if value is not None}
        self.spec.write_text(yaml.safe_dump(kept, sort_keys=False), encoding="utf-8")

    def move(self, cloud: str) -> None:
        """Says another cloud, and leaves dev as the only environment, there."""
        assert cloud in registry.cloud_names()
        place = PLACES[cloud]
        dev = {"account": place["account"]} if "account" in place else {}
        self.write(cloud=cloud, region=place["region"], environments={"dev": dev})

    def keep(self, **capabilities: Any) -> None:
        """Leaves these capabilities and the smallest cluster, so that the engine is done soon."""
        self.write(**(dict.fromkeys((*CAPABILITIES, "cluster")) | capabilities))

    def cloud(self, environment: str) -> list[tuple[str, str, str | None]]:
        """What exists in the simulated clouds: type, id and the URN it was made for."""
        found: list[tuple[str, str, str | None]] = []
        for file in self.simulation(environment).glob("*.db"):
            # The file may be there a moment before its table.
            with sqlite3.connect(file) as database, contextlib.suppress(sqlite3.OperationalError):
                found += database.execute("SELECT type, id, urn FROM resources").fetchall()
        return found

    @contextlib.contextmanager
    def opened(self, environment: str) -> Iterator[Cloud]:
        """The simulated cloud, to look into or to change behind the engine's back."""
        with Cloud(launch.database(self.simulation(environment))) as cloud:
            yield cloud

    def simulation(self, environment: str) -> Path:
        """Where the simulated cloud of an environment lives."""
        return self.folder / ".plinth" / "rehearsal" / environment / "cloud"
