"""Clouds: what is known about each without its SDK. The adapters live one folder down."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from plinth.ports import Port

if TYPE_CHECKING:
    from plinth.blueprint import Blueprint
    from plinth.errors import Problem


@dataclass(frozen=True, kw_only=True)
class CloudInfo:
    """Facts about one cloud; importing them loads neither Pulumi nor the cloud's SDK.

    Attributes:
        name: Key in the registry and value of the spec's ``cloud``.
        title: Name for people.
        adapter: Lazy target of the adapter class, called with the blueprint and the parent.
        ports: The ports that the adapter implements (a test compares them with the class).
        sdk: Python package of the SDK, and ``extra``: Plinth's extra that installs it.
        regions: Known regions, empty when there is no such list.
        packages: Pulumi provider packages in use on this cloud.
        stateful: Whether resources of a Pulumi type hold data that a replacement would lose.
        check: What only this cloud can refuse, given a resolved blueprint.
        default_tools: Tools preferred on this cloud, by capability.
    """

    name: str
    title: str
    adapter: str
    ports: frozenset[Port]
    sdk: str
    extra: str
    packages: tuple[str, ...]
    stateful: Callable[[str], bool]
    check: Callable[[Blueprint], Sequence[Problem]]
    regions: tuple[str, ...] = ()
    default_tools: Mapping[str, str] = field(default_factory=dict)
