"""Serves packages over gRPC on this machine, for as long as somebody is listening."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import grpc

from plinth.rehearsal import packages
from plinth.rehearsal.cloud import Cloud
from plinth.rehearsal.faults import Planned
from plinth.rehearsal.provider import Provider

#: Charts and states can be large; the engine sets no limit either.
_OPTIONS: Final = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.so_reuseport", 0),
)
_THREADS: Final = 32


def serve(
    names: Iterable[str], database: Path, plan: Sequence[Planned] = (), holder: str = ""
) -> tuple[dict[str, int], list[grpc.Server]]:
    """Start one server per package on the loopback interface.

    Args:
        names: Packages, such as ``aws``.
        database: The cloud; made when it does not exist.
        plan: The outages to rehearse.
        holder: Account that the credentials in hand are of; empty for whichever is asked for.

    Returns:
        Ports by package, and the servers.

    Raises:
        UsageError: A package is not known.
    """
    found = [packages.find(name) for name in names]
    cloud = Cloud(database)
    ports, servers = {}, []
    for package in found:
        server = grpc.server(ThreadPoolExecutor(_THREADS), options=_OPTIONS)
        server.add_generic_rpc_handlers((Provider(package, cloud, plan, holder).handlers(),))
        ports[package.name] = server.add_insecure_port("127.0.0.1:0")
        server.start()
        servers.append(server)
    return ports, servers


def wait_for_parent() -> None:
    """Return once standard input closes, which it does when the parent ends in whatever way."""
    while sys.stdin.buffer.read(4096):
        pass
