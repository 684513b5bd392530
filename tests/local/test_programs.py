"""Programs that tell nobody when they are ready, secrets of bytes, and whose a port is."""

from __future__ import annotations

import base64
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from plinth.errors import EngineError
from plinth.local import kinds
from plinth.local.home import Home
from plinth.local.kinds import Machine, Password, Service
from plinth.local.processes import carrying
from plinth.local.supervisor import marks


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """An environment of its own."""
    monkeypatch.setenv("PLINTH_CACHE", str(tmp_path / "cache"))
    home = Home(tmp_path / "environment")
    yield Machine(home)
    assert not list(carrying(marks(home)))


def _command(script: str) -> dict[str, object]:
    return {"command": [sys.executable, "-c", script], "health": "/", "seconds": 60}


def test_a_program_without_a_port_is_ready_once_it_has_run_for_a_while(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kinds, "_SETTLED_SECONDS", 1)
    made = Service().make(machine, "quiet", _command("import time; time.sleep(600)"), {})
    assert made["running"]
    Service().delete(machine, "quiet", made)


def test_a_program_without_a_port_that_ends_is_not_ready(machine: Machine) -> None:
    with pytest.raises(EngineError, match="ended with exit code 3 before it was ready: no way"):
        Service().make(machine, "brief", _command("print('no way'); raise SystemExit(3)"), {})


def test_what_a_program_starts_by_name_is_its_own_first(machine: Machine) -> None:
    script = "import os, time; print(os.environ['PATH'], flush=True); time.sleep(600)"
    said = ["test", "-s", str(machine.home.log("finder"))]
    made = Service().make(machine, "finder", {**_command(script), "ready": said}, {})
    own, *others = Path(made["log"]).read_text(encoding="utf-8").strip().split(os.pathsep)
    assert own == str(Path(sys.executable).parent)
    assert others == os.environ["PATH"].split(os.pathsep)
    Service().delete(machine, "finder", made)


def test_random_bytes_make_a_key_for_airflow(machine: Machine) -> None:
    """Fernet takes 32 bytes in the base64 that is safe in addresses."""
    inputs = {"kind": "bytes", "length": 32}
    made = Password().make(machine, "key", inputs, {})
    assert len(base64.urlsafe_b64decode(made["value"])) == 32
    assert Password().make(machine, "key", inputs, {**inputs, **made}) == made
