"""Tools: one way each to provide a capability. One file a tool, one line in the registry.

A tool's module imports no Pulumi at import time: validation and schemas read its options, and only
``build`` makes resources, through the :class:`plinth.context.Context` it is given.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plinth.ports import Port
from plinth.spec.options import CapabilityOptions

if TYPE_CHECKING:
    from plinth.blueprint import Blueprint
    from plinth.clouds import CloudInfo
    from plinth.context import Context
    from plinth.errors import Problem


def _no_problems(_blueprint: Blueprint, _options: Any) -> Sequence[Problem]:
    return ()


@dataclass(frozen=True, kw_only=True)
class Way:
    """One way to provide a tool: on a cluster, by a managed service, as processes.

    Attributes:
        needs: Ports that it uses.
        build: Makes the resources and returns the capability's record of
            :mod:`plinth.results`. Called as ``build(options, context)``.
        check: Impossible combinations that only this way knows, as :attr:`Tool.check` has them.
        advise: What is possible this way and probably not meant, in the same form.
    """

    needs: frozenset[Port]
    build: Callable[[Any, Context], Any]
    check: Callable[[Blueprint, Any], Sequence[Problem]] = _no_problems
    advise: Callable[[Blueprint, Any], Sequence[Problem]] = _no_problems


@dataclass(frozen=True, kw_only=True)
class Tool:
    """What Plinth knows of a tool before making anything.

    Attributes:
        capability: What it provides.
        name: Key in the registry and value of the spec's ``tool``.
        title: Name for people.
        summary: One sentence for the docs.
        options: Model of its options, derived from the capability's model.
        ways: How it can be provided, the preferred way first; the blueprint refuses clouds on
            which none is possible.
        requires: Capabilities that must be on.
        check: Impossible combinations that only this tool knows. Problems' paths are relative to
            the capability's block.
        clouds: Where a managed tool exists; ``None`` for self-hosted tools, which run everywhere.
    """

    capability: str
    name: str
    title: str
    summary: str
    options: type[CapabilityOptions]
    ways: tuple[Way, ...]
    requires: frozenset[str] = frozenset()
    check: Callable[[Blueprint, Any], Sequence[Problem]] = _no_problems
    clouds: frozenset[str] | None = None

    def runs_on(self, cloud: CloudInfo) -> bool:
        """Whether a cloud has what the tool needs."""
        named = self.clouds is None or cloud.name in self.clouds
        return named and self.way_on(cloud).needs <= cloud.ports

    def way_on(self, cloud: CloudInfo) -> Way:
        """The first way that is possible on a cloud; else the preferred one."""
        possible = (way for way in self.ways if way.needs <= cloud.ports)
        return next(possible, self.ways[0])
