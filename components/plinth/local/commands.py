"""Commands that take a while, ended when their user does not want to wait any longer."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
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
    if cancelled.is_set():
        raise _interrupted(what)
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
                    raise _interrupted(what) from None
            else:
                return process.returncode, said.decode("utf-8", "replace")


@contextmanager
def alone(lock: Path, what: str, cancelled: threading.Event) -> Iterator[None]:
    """Holds a lock, whose folder it makes; another one may need minutes for the same work.

    Raises:
        EngineError: It was cancelled meanwhile.
    """
    from filelock import FileLock, Timeout

    lock.parent.mkdir(parents=True, exist_ok=True)
    held = FileLock(lock)
    while True:
        try:
            held.acquire(timeout=0.2)
            break
        except Timeout:
            if cancelled.is_set():
                raise _interrupted(what) from None
    try:
        yield
    finally:
        held.release()


def _interrupted(what: str) -> EngineError:
    return EngineError(Problem(code="interrupted", message=f"{what} was interrupted"))
