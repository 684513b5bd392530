"""Services that are listed for Prometheus, and services that are skipped."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plinth.errors import EngineError, Problem
from plinth.graph import UNKNOWN
from plinth.local import services
from plinth.local.home import Home
from plinth.local.kinds import Machine, Service
from plinth.local.supervisor import Supervisor, marked
from plinth.ports import TARGETS
from served import free_port


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """An environment whose services are gone afterwards."""
    monkeypatch.setenv("PLINTH_CACHE", str(tmp_path / "cache"))
    made = Machine(Home(tmp_path / "home"))
    yield made
    for name in ("one", "two"):
        Service().delete(made, name, {})
    assert list(marked(made.home)) == []


@pytest.fixture
def taken() -> list[int]:
    """Two ports."""
    return [free_port(), free_port()]


def _inputs(port: int, **changes: Any) -> dict[str, Any]:
    return {
        "command": [sys.executable, "", "-m", "http.server", "--bind", "127.0.0.1", str(port)],
        "port": port,
        "health": "/",
        "seconds": 60,
        **changes,
    }


def _metrics(group: str, **changes: Any) -> dict[str, Any]:
    labels = {"namespace": "tracking", "job": "one"}
    return {"group": group, "path": "/metrics", "labels": labels, **changes}


def test_who_cannot_be_started_is_not_listed(
    machine: Machine, taken: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise EngineError(Problem(code="supervisor-failed", message="SPAWN_ERROR: one"))

    monkeypatch.setattr(Supervisor, "start", refuse)
    with pytest.raises(EngineError, match="SPAWN_ERROR"):
        Service().make(machine, "one", _inputs(taken[0], metrics=_metrics("open")), {})
    assert not machine.home.targets.exists()


def test_who_has_metrics_is_listed_until_it_is_stopped(machine: Machine, taken: list[int]) -> None:
    kind, targets = Service(), machine.home.targets
    open_, guarded = (
        _inputs(taken[0], metrics=_metrics("open")),
        _inputs(taken[1], metrics=_metrics("tracking", password="s3cret")),
    )
    for name, inputs in (("one", open_), ("two", guarded)):
        assert kind.make(machine, name, inputs, {})["running"] is True
    assert {file.name for file in targets.iterdir()} == {
        "open.one.json", "tracking.two.json", "tracking.password",
    }  # fmt: skip
    (target,) = json.loads((targets / "open.one.json").read_text())
    assert target == {
        "targets": [f"127.0.0.1:{taken[0]}"],
        "labels": {"namespace": "tracking", "job": "one", "__metrics_path__": "/metrics"},
    }
    # A program finds the list from where it runs; the password is its owner's to read alone.
    assert (machine.home.services / "one" / TARGETS).resolve() == targets.resolve()
    assert (targets / "tracking.password").read_text() == "s3cret"
    assert (targets / "tracking.password").stat().st_mode & 0o777 == 0o600
    assert "s3cret" not in (targets / "tracking.two.json").read_text()

    for process in marked(machine.home, "one"):
        process.kill()
    assert (targets / "open.one.json").exists()  # so that it is missed

    kind.make(machine, "one", _inputs(taken[0], metrics=_metrics("pushed")), {})
    kind.delete(machine, "two", guarded)
    assert {file.name for file in targets.iterdir()} == {"pushed.one.json"}
    kind.make(machine, "one", _inputs(taken[0]), {})
    assert not targets.exists()


def test_a_program_that_is_missing_is_skipped_and_started_once_it_is_there(
    machine: Machine, taken: list[int]
) -> None:
    kind = Service()
    skipped = _inputs(taken[0], command=["", "-m"], missing="one is not on PATH")
    made = kind.make(machine, "one", skipped, {})
    assert made == kind.expect(machine, "one", skipped, {})
    assert made["running"] is False
    assert made["skipped"] == (
        "one is skipped: one is not on PATH; once it can be had, `plinth up` starts it"
    )
    assert services.skipped(machine.home) == {"one": made["skipped"]}
    # Nothing was started, nothing changes by itself, and there is nothing to stop.
    assert list(marked(machine.home)) == []
    assert kind.look(machine, "one", made) == made

    there = _inputs(taken[0], missing="", metrics=_metrics("open"))
    made = kind.make(machine, "one", there, made)
    assert (made["running"], made["skipped"]) == (True, "")
    assert list(marked(machine.home, "one"))
    assert services.skipped(machine.home) == {}

    made = kind.make(machine, "one", skipped, made)
    assert made["running"] is False
    assert list(marked(machine.home, "one")) == []
    assert not machine.home.targets.exists()
    assert list(services.skipped(machine.home)) == ["one"]
    kind.delete(machine, "one", made)
    assert services.skipped(machine.home) == {}


def test_before_it_is_looked_for_nobody_knows(machine: Machine) -> None:
    expected = Service().expect(machine, "one", {"missing": UNKNOWN}, {})
    assert (expected["running"], expected["skipped"]) == (UNKNOWN, UNKNOWN)
    expected = Service().expect(machine, "one", {}, {})
    assert (expected["running"], expected["skipped"]) == (True, "")
