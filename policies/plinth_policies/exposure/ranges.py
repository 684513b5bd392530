"""Who may reach what: address ranges, and names that may face the internet."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any, Final

from plinth.graph import Resource
from plinth_policies.model import Scope
from plinth_policies.values import blocks, get

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: Ranges that are not routed on the internet (RFC 1918, 6598, 1122, 3927, 4193, 4291).
_PRIVATE: Final = tuple(
    ipaddress.ip_network(cidr)
    for cidr in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "fc00::/7",
        "fe80::/10",
        "::1/128",
    )
)


def _within(network: _Network, ranges: Iterable[_Network]) -> bool:
    return any(
        network.version == other.version
        and int(other.network_address) <= int(network.network_address)
        and int(network.broadcast_address) <= int(other.broadcast_address)
        for other in ranges
    )


def open_ranges(
    cidrs: Any, name: str, scope: Scope, *, known_good: Sequence[str] = ()
) -> Iterator[str]:
    """Yields what is wrong with the ranges that may connect.

    Args:
        cidrs: The ranges, or single addresses.
        name: What to call them.
        scope: Brings the ranges that an environment allows.
        known_good: Ranges of the cloud itself.
    """
    listed = (*scope.parameters.allowed_public_cidrs, *known_good)
    allowed = [ipaddress.ip_network(cidr) for cidr in listed]
    for cidr in blocks(cidrs, name):
        network = ipaddress.ip_network(cidr, strict=False)
        if network.prefixlen == 0:
            yield f"{name} lets in the whole internet ({cidr})"
        elif not _within(network, (*_PRIVATE, *(a for a in allowed if a.prefixlen))):
            yield f"{name} lets in {cidr}, which is not an allowed public range"


def only_private(cidrs: Any, name: str) -> bool:
    """Whether ranges are listed, and none of them is of the internet."""
    listed = [ipaddress.ip_network(cidr, strict=False) for cidr in blocks(cidrs, name)]
    return bool(listed) and all(_within(network, _PRIVATE) for network in listed)


def may_be_public(resource: Resource, scope: Scope) -> bool:
    """Whether the logical name, or the name in the cluster, is one that may face the internet."""
    names = (resource.name, str(get(resource.inputs, "metadata.name")))
    return any(
        fnmatchcase(name, glob) for name in names for glob in scope.parameters.public_services
    )
