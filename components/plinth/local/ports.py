"""Ports of this machine: the wanted one, or the next that is free, given to one environment only.

What is given is written down for the whole machine, as a service takes a while to listen on it.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from filelock import FileLock

from plinth.engine.locate import cache_directory
from plinth.errors import EngineError, Problem

HOST: Final = "127.0.0.1"
#: How far above the wanted one a free port is looked for.
_REACH: Final = 100


def free(port: int) -> bool:
    """Whether nobody listens on a port of the loopback interface."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def take(wanted: int, owner: str, ours: Callable[[int], bool] = lambda _port: False) -> int:
    """Gives a port to an owner: the wanted one or the next free one.

    Args:
        wanted: Where to begin.
        owner: ``<folder of the environment>#<name>``; what it was given before is taken back.
        ours: Whether a process of the environment listens on a port, as after a run that was cut
            off. On the owner's own port that keeps nobody from it.

    Raises:
        EngineError: None of the next hundred is free.
    """
    with _given() as given:
        for port in range(wanted, min(wanted + _REACH, 65536)):
            holder = given.get(str(port), owner)
            if holder == owner and (free(port) or (str(port) in given and ours(port))):
                for former in [key for key, value in given.items() if value == owner]:
                    del given[former]
                given[str(port)] = owner
                return port
    raise EngineError(
        Problem(
            code="no-port",
            message=f"no port from {wanted} to {wanted + _REACH - 1} is free on {HOST}",
            fix="Name another one in `clouds.local.ports`, or stop what listens there.",
        )
    )


def give_back(port: int, owner: str) -> None:
    """Takes a port from its owner."""
    with _given() as given:
        if given.get(str(port)) == owner:
            del given[str(port)]


@contextmanager
def _given() -> Iterator[dict[str, str]]:
    """Ports that are given and not forgotten: those of environments that are gone are."""
    file = cache_directory() / "ports.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(file.with_suffix(".lock")):
        given = {
            port: owner
            for port, owner in _read(file).items()
            if Path(str(owner).rpartition("#")[0]).is_dir()
        }
        yield given
        draft = file.with_suffix(".draft")
        draft.write_text(json.dumps(given, indent=1, sort_keys=True), encoding="utf-8")
        draft.replace(file)  # at once: one that is cut off would be taken for an empty one


def _read(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
