"""The whole platform on this machine: how long until it is of use, and how much memory it takes."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from starter import ENVIRONMENT, PREDICT, REGISTER, TRAIN, Project, clone, prepare

from plinth.changes import QUIET

_MIB = 2**20


@dataclass
class Life:
    """One environment from nothing to nothing: figures by what they are of."""

    figures: dict[str, str] = field(default_factory=dict)
    largest: str = ""

    def note(self, what: str, figure: float, unit: str = "s") -> None:
        """Keeps a figure, and prints it."""
        self.figures[what] = f"{figure:.{int(unit == 's')}f} {unit}".strip()
        print(f"  {what}: {self.figures[what]}", flush=True)


def measure() -> tuple[list[tuple[str, list[str]]], str]:
    """The rows of two lives, one after the other, and what the memory is of."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to end"))  # what is made goes then, too
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="plinth-bench-") as name:
        folder = Path(name).resolve()
        clone(folder / "plinth")
        lives = []
        for number in ("first", "second"):
            print(f"Measuring the platform on this machine, the {number} time")
            (folder / number).mkdir()
            lives.append(_live(folder / "plinth", folder / number / "wine"))
    first, second = lives
    rows = [(what, [figure, second.figures[what]]) for what, figure in first.figures.items()]
    note = f"Load when it began: {load:.1f}. Memory the second time: {second.largest}."
    return rows, note


def _live(plinth: Path, folder: Path) -> Life:
    """Up, train, promote, ask, up once more, destroy."""
    life = Life()
    began = time.monotonic()
    command = prepare(plinth)
    prepared = time.monotonic() - began
    life.note("Plinth's own Python packages are there after", prepared)
    project = Project(command, folder)  # with packages that are the project's matter
    with project.gone_afterwards():
        began = time.monotonic() - prepared
        project.plinth("up", ENVIRONMENT, "--yes")
        life.note("`up` has ended after", time.monotonic() - began)
        project.take_variables()
        run = project.script(*TRAIN)
        life.note("a run is logged after", time.monotonic() - began)
        project.script(*REGISTER, run)
        project.wait_until_served()
        project.script(*PREDICT)
        life.note("a promoted version has answered after", time.monotonic() - began)

        services = project.asked("status", ENVIRONMENT)["services"]
        found = project.processes()
        life.note("services then", len(services), "")
        life.note("processes then", len(found), "")
        life.note("their memory", sum(map(_share, found)) / _MIB, "MiB")
        services.sort(key=lambda service: -service["memory"])
        life.largest = ", ".join(f"{s['name']} {s['memory'] / _MIB:.0f} MiB" for s in services)

        began = time.monotonic()
        outcome = project.asked("up", ENVIRONMENT, "--yes")
        life.note("`up` again, which changes nothing", time.monotonic() - began)
        if changed := set(outcome["summary"]) - QUIET:
            raise SystemExit(f"up again was to change nothing: {', '.join(changed)}")
        began = time.monotonic()
        project.plinth("destroy", ENVIRONMENT, "--yes")
        life.note("`destroy`", time.monotonic() - began)
        if left := project.processes():
            raise SystemExit(f"destroy has left {left}")
    return life


def _share(process: psutil.Process) -> int:
    """What a process adds to the memory in use: its own, and its part of what several share."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return int(process.memory_full_info().pss)
    return 0
