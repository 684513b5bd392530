"""Machines of plain tables, and the smallest that meets a need. Pure, the same for every cloud."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Machine(NamedTuple):
    """A machine type: cores, memory in GiB, accelerators."""

    name: str
    cpu: int
    memory: float
    gpu: str = ""
    gpus: int = 0


class NoFitError(LookupError):
    """No machine meets the need; ``available`` says what there is, in words."""

    def __init__(self, message: str, available: Iterable[str]) -> None:
        super().__init__(message)
        self.available = tuple(available)


def first(machines: Iterable[Machine], cpu: int, memory: float) -> Machine | None:
    """The first with at least these cores and GiB; tables are in the order of price."""
    return next((m for m in machines if m.cpu >= cpu and m.memory >= memory), None)
