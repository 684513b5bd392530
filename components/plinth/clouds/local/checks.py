"""What only this machine can refuse.

What a machine has no counterpart of (cluster, network, database, domain, sign-in, region, account)
is passed over: the same spec is used on clouds that make it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from plinth.errors import Problem
from plinth.spec.options import CloudOptions

if TYPE_CHECKING:
    from plinth.blueprint import Blueprint

_BLOCK = "clouds.local"


def check(blueprint: Blueprint) -> tuple[Problem, ...]:
    """The problems of an environment on this machine."""
    return tuple(_problems(blueprint))


def _problems(blueprint: Blueprint) -> Iterator[Problem]:
    options = blueprint.cloud_options
    for key in CloudOptions.model_fields:
        if getattr(options, key) is not None:
            yield Problem(
                code="without-meaning",
                message=f"{key} means nothing on this machine",
                path=f"{_BLOCK}.{key}",
                fix=f"Remove {key}.",
            )
    for name, port in getattr(options, "ports", {}).items():
        if not 1024 <= port <= 65535:
            yield Problem(
                code="port",
                message=f"port {port} of {name} is not one that a person may listen on",
                path=f"{_BLOCK}.ports.{name}",
                fix="Write a number from 1024 to 65535.",
            )
