"""Groups of equal machines, as every cloud has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from plinth.graph import Resource
from plinth_policies.model import Scope, kind_of
from plinth_policies.values import blocks, get

#: The properties of one pool.
Pool = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """How one cloud's resources make pools.

    Attributes:
        holders: Type token -> the property that lists its pools; empty when it is a pool itself.
        machines: The types of machine that a pool may have; none when it names none.
        machine_reads: The properties of a pool that name them.
        most: How many nodes a pool may grow to.
        most_reads: The properties of a pool that limit it.
        accelerated: Whether a pool's machines have accelerators.
        accelerator_reads: The properties of a pool that say so, beside the machines.
        tags: The tags, or labels, of a pool's machines.
        tag_reads: The properties of a pool that hold them.
    """

    holders: Mapping[str, str]
    machines: Callable[[Pool], tuple[str, ...]]
    machine_reads: tuple[str, ...]
    most: Callable[[Pool], int]
    most_reads: tuple[str, ...]
    accelerated: Callable[[Pool], bool]
    accelerator_reads: tuple[str, ...]
    tags: Callable[[Pool, Resource, Scope], Mapping[str, Any]]
    tag_reads: tuple[str, ...]

    def pools(self, resource: Resource) -> list[Pool]:
        """The pools that a resource makes.

        Raises:
            UnjudgeableError: They are unknown or secret.
        """
        holder = self.holders[kind_of(resource.type)]
        return blocks(get(resource.inputs, holder), holder) if holder else [resource.inputs]

    def reads(self, *paths: str) -> dict[str, tuple[str, ...]]:
        """Properties of a pool as inputs of each type."""
        return {
            token: tuple(f"{holder}.{path}" if holder else path for path in paths)
            for token, holder in self.holders.items()
        }
