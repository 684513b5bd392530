"""What only this machine can refuse."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from plinth.errors import Problem

if TYPE_CHECKING:
    from plinth.blueprint import Blueprint


def check(blueprint: Blueprint) -> tuple[Problem, ...]:
    """The problems of an environment on this machine."""
    return tuple(_problems(blueprint))


def _problems(blueprint: Blueprint) -> Iterator[Problem]:
    for name, port in getattr(blueprint.cloud_options, "ports", {}).items():
        if not 1024 <= port <= 65535:
            yield Problem(
                code="port",
                message=f"port {port} of {name} is not one that a person may listen on",
                path=f"clouds.local.ports.{name}",
                fix="Write a number from 1024 to 65535.",
            )
