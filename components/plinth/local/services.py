"""What runs of an environment on this machine, and what it says.

The supervisor is asked, and the system about the processes; the engine knows neither as they are
now, and takes its time.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import Any, Final

import psutil

from plinth.local.home import Home
from plinth.local.supervisor import Status, Supervisor

_LOOK_SECONDS: Final = 0.2


@dataclass(frozen=True, kw_only=True)
class Service:
    """A service that was started and not stopped, as it is now.

    Attributes:
        name: The service.
        running: Whether its process is there.
        since: When it started or ended, in seconds since the epoch; ``None`` when nobody knows.
        exit_code: How it ended, negative for a signal; ``None`` while it runs or when nobody knows.
        pid: Its process; ``None`` when it does not run.
        ports: Where it and its children listen.
        memory: What it and its children have in memory, in bytes.
    """

    name: str
    running: bool
    since: float | None = None
    exit_code: int | None = None
    pid: int | None = None
    ports: tuple[int, ...] = ()
    memory: int = 0


def services(home: Home) -> tuple[Service, ...]:
    """The services of an environment by name; none when it is not up."""
    found = {status.name: _service(status) for status in Supervisor(home).statuses()}
    # Of a supervisor that was killed, only what it was to keep running is left.
    for path in home.programs.glob("*.conf"):
        found.setdefault(path.stem, Service(name=path.stem, running=False))
    return tuple(found[name] for name in sorted(found))


def skipped(home: Home) -> dict[str, str]:
    """Why services are not started, each as ``up`` says it."""
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(home.skipped.glob("*"))}


def _service(status: Status) -> Service:
    if not status.running:
        return Service(
            name=status.name, running=False, since=status.since, exit_code=status.exit_code
        )
    tree = _tree(status.pid)
    return Service(
        name=status.name,
        running=True,
        since=status.since,
        pid=status.pid,
        ports=tuple(sorted({port for process in tree for port in _ports(process)})),
        memory=sum(map(_memory, tree)),
    )


def _tree(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _memory(process: psutil.Process) -> int:
    """What a process adds to what is used: its share (Linux), its own (macOS), or all it sees."""
    try:
        used: Any = process.memory_full_info()
    except psutil.Error:
        return 0
    return int(getattr(used, "pss", 0) or getattr(used, "uss", 0) or used.rss)


def _ports(process: psutil.Process) -> list[int]:
    try:
        connections = process.net_connections("tcp")
    except psutil.Error:
        return []
    return [each.laddr.port for each in connections if each.status == psutil.CONN_LISTEN]


def logs(home: Home) -> dict[str, Path]:
    """The logs by service, those of services that are gone included."""
    return {path.stem: path for path in sorted(home.logs.glob("*.log"))}


def last_lines(log: Path, count: int) -> list[str]:
    """The last lines of a log, without line ends."""
    with _opened(log) as stream:
        return [line.rstrip("\n") for line in deque(stream, count)]


def follow(log: Path, count: int) -> Iterator[str]:
    """The last lines of a log, and then all that is written to it, as it comes; has no end."""
    stream = _opened(log)
    try:
        yield from deque(stream, count)
        while True:
            yield from stream
            if _moved(stream, log):
                yield from stream
                stream.close()
                stream = _opened(log)
            else:
                time.sleep(_LOOK_SECONDS)
    finally:
        stream.close()


def _opened(log: Path) -> TextIOWrapper:
    return log.open(encoding="utf-8", errors="replace")


def _moved(stream: TextIOWrapper, log: Path) -> bool:
    """Whether the supervisor has begun a new file, the old one being large."""
    try:
        return not os.path.samestat(os.fstat(stream.fileno()), log.stat())
    except FileNotFoundError:
        return False
