"""Serves packages over gRPC on this machine, for as long as somebody is listening."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import grpc

from plinth.plugin import server as plugin
from plinth.rehearsal import packages
from plinth.rehearsal.cloud import Cloud
from plinth.rehearsal.faults import Planned
from plinth.rehearsal.provider import Provider


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
        ports[package.name], server = plugin.serve(Provider(package, cloud, plan, holder))
        servers.append(server)
    return ports, servers
