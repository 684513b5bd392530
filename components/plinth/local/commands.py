"""Commands that take a while, ended when their user does not want to wait any longer."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

from plinth.errors import EngineError, Problem


def run(
    command: Sequence[str], cancelled: threading.Event, *, folder: Path | None = None
) -> tuple[int, str]:
    """Runs a command; returns its exit code and what it said.

    Raises:
        EngineError: It was cancelled.
    """
    with subprocess.Popen(  # noqa: S603 - programs that packages and executables name
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        while True:
            try:
                said, _ = process.communicate(timeout=0.2)
            except subprocess.TimeoutExpired:
                if cancelled.is_set():
                    process.terminate()
                    process.wait()
                    raise EngineError(
                        Problem(code="interrupted", message=f"{command[0]} was interrupted")
                    ) from None
            else:
                return process.returncode, said.decode("utf-8", "replace")
