"""The order in which the environments of a spec are brought up."""

from __future__ import annotations

from collections.abc import Mapping
from graphlib import TopologicalSorter
from pathlib import Path

from plinth.spec import order, overlay
from plinth.spec.document import Document, load


def predecessors(spec: Path | Document) -> Mapping[str, tuple[str, ...]]:
    """For each environment, in the order of the spec, those that have to be up before it.

    Raises:
        SpecError: The spec cannot be read, or its order makes no sense.
    """
    document = load(spec) if isinstance(spec, Path) else spec
    names = overlay.environment_names(document)
    written = document.data.get(overlay.ENVIRONMENTS) or dict.fromkeys(names)
    return order.predecessors(written)


def waves(spec: Path | Document) -> tuple[tuple[str, ...], ...]:
    """The environments in groups: each waits for groups before its own only.

    Where no environment says ``after``, every one is a group of its own, in the order of the spec.

    Raises:
        SpecError: The spec cannot be read, or its order makes no sense.
    """
    before = predecessors(spec)
    sorter = TopologicalSorter(before)
    sorter.prepare()
    found: list[tuple[str, ...]] = []
    while sorter.is_active():
        ready = sorter.get_ready()
        found.append(tuple(name for name in before if name in ready))
        sorter.done(*ready)
    return tuple(found)
