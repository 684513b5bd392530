"""Processes that are known by the variables they carry, whoever their parent is.

A number tells nothing: the system gives it to another process in time.  A variable of ours is
carried by nobody else; it is handed on from parent to child, through any change of session.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection, Iterator, Mapping

import psutil


def carrying(marks: Mapping[str, str]) -> Iterator[psutil.Process]:
    """Every process that carries these variables, but for this one and those that it is below."""
    ours = psutil.Process()
    above = {ours.pid, *(process.pid for process in ours.parents())}
    # Not psutil's own iteration, which may take a process for the former one of the same number.
    for pid in psutil.pids():
        if pid in above:
            continue
        # Processes of other people do not show their variables.
        with contextlib.suppress(psutil.Error, OSError):
            process = psutil.Process(pid)
            if marks.items() <= process.environ().items():
                yield process


def end(marks: Mapping[str, str], seconds: float = 5) -> None:
    """Ends all that carry these variables: asked to, and after some seconds by force."""
    deadline = time.monotonic() + seconds
    # More than once: one that ends may have just started another.
    while (left := list(carrying(marks))) and time.monotonic() < deadline:
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.terminate()
        wait(left, deadline - time.monotonic())
    for _ in range(3):
        left = list(carrying(marks))
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        wait(left, seconds)


def wait(processes: Collection[psutil.Process], seconds: float) -> None:
    """Waits until they have ended, or as long as it may take.

    Not until their parent has asked how, which the first process of a container may never do.
    """
    deadline = time.monotonic() + seconds
    while any(map(_runs, processes)) and time.monotonic() < deadline:
        time.sleep(0.02)


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def listening(marks: Mapping[str, str], port: int) -> bool:
    """Whether one that carries these variables listens on a port."""
    return any(_listens(process, port) for process in carrying(marks))


def _listens(process: psutil.Process, port: int) -> bool:
    try:
        connections = process.net_connections("tcp")
    except psutil.Error:
        return False
    return any(c.status == psutil.CONN_LISTEN and c.laddr.port == port for c in connections)
