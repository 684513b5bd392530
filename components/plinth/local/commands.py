"""Commands that take a while, ended when their user does not want to wait any longer."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from plinth.errors import EngineError, Problem


def run(
    what: str,
    command: Sequence[str],
    cancelled: threading.Event,
    *,
    folder: Path | None = None,
    variables: Mapping[str, str] | None = None,
) -> tuple[int, str]:
    """Runs a command; returns its exit code and what it said.

    Args:
        what: What it does, for people.
        command: Program and arguments.
        cancelled: Ends it early.
        folder: Its working directory.
        variables: What it sees beside the variables of this process.

    Raises:
        EngineError: It was cancelled.
    """
    interrupted = Problem(code="interrupted", message=f"{what} was interrupted")
    if cancelled.is_set():
        raise EngineError(interrupted)
    with subprocess.Popen(  # noqa: S603 - programs that packages and executables name
        command,
        cwd=folder,
        # What they say is looked through, in one language.
        env={**os.environ, "LC_ALL": "C", **(variables or {})},
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
                    raise EngineError(interrupted) from None
            else:
                return process.returncode, said.decode("utf-8", "replace")
