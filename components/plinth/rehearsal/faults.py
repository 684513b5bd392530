"""Planned outages: at the n-th matching call, a provider fails, throttles, hangs or crashes.

A plan is a JSON list, one object per fault:

    [{"operation": "create", "type": "aws:eks/cluster:Cluster", "action": "fail",
      "message": "InsufficientCapacity: try another zone"},
     {"operation": "update", "urn": "*::orders", "nth": 2, "action": "hang", "seconds": 90},
     {"operation": "create", "nth": 5, "action": "crash", "when": "after"}]

Calls are counted in the cloud's database, so a fault that has struck does not strike again when
the deployment is repeated.
"""

from __future__ import annotations

import fnmatch
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked

from plinth.errors import Problem, UsageError
from plinth.rehearsal.cloud import Cloud

_THROTTLED: Final = "ThrottlingException: Rate exceeded, status code: 400"
_CRASHED: Final = 3


class Fault(Exception):  # noqa: N818 it is a planned outage, not a defect
    """A planned failure; its text is what the engine shows."""


@checked(frozen=True, kw_only=True, config={"extra": "forbid"})
class Planned:
    """One planned fault.

    Attributes:
        action: ``fail`` with :attr:`message`, ``throttle`` with the cloud's own text, ``hang`` for
            :attr:`seconds` and then go on, or ``crash``: the provider process ends at once.
        operation: Glob on ``check``, ``diff``, ``create``, ``read``, ``update``, ``delete``,
            ``invoke``, ``configure``.
        type: Glob on the type token (or the function's token).
        urn: Glob on the URN.
        nth: The matching call at which it strikes first, from 1.
        times: For how many matching calls it strikes.
        when: Before the cloud acts, or after it acted and before the engine hears of it.
        seconds: How long a ``hang`` lasts.
        message: What a ``fail`` says.
    """

    action: Literal["fail", "throttle", "hang", "crash"]
    operation: str = "*"
    type: str = "*"
    urn: str = "*"
    nth: int = 1
    times: int = 1
    when: Literal["before", "after"] = "before"
    seconds: float = 0
    message: str = "InternalFailure: the request failed for an unknown reason"

    def concerns(self, call: Call) -> bool:
        """Whether a call matches."""
        pairs = ((call.operation, self.operation), (call.type, self.type), (call.urn, self.urn))
        return all(fnmatch.fnmatchcase(text, glob) for text, glob in pairs)


@dataclass(frozen=True, slots=True)
class Call:
    """One call that the engine makes."""

    operation: str
    type: str
    urn: str = ""


def load(path: Path) -> tuple[Planned, ...]:
    """Read a plan.

    Raises:
        UsageError: The file is not a list of faults.
    """
    try:
        return tuple(TypeAdapter(list[Planned]).validate_json(path.read_bytes()))
    except OSError as error:
        reason = error.strerror or str(error)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        reason = f"{place}: {first['msg']}" if place else first["msg"]
    raise UsageError(
        Problem(
            code="bad-faults",
            message=f"{path.name} is not a plan of faults: {reason}",
            fix='Write a list in JSON: [{"operation": "create", "nth": 20, "action": "crash"}].',
        )
    )


def allow(path: Path, *, rehearse: bool) -> None:
    """Refuses a plan that cannot be read, or that is meant for a real cloud.

    Raises:
        UsageError: It is one of these.
    """
    if not rehearse:
        raise UsageError(
            Problem(
                code="faults-without-rehearsal",
                message="outages can be planned for simulated clouds only",
                fix="Add --rehearse, or leave --faults out.",
            )
        )
    load(path)


@dataclass(frozen=True, slots=True)
class Faults:
    """The plan at work.

    Attributes:
        plan: The faults.
        cloud: Where calls are counted.
        wait: Waits for a number of seconds; ends early when the engine cancels.
    """

    plan: Sequence[Planned]
    cloud: Cloud
    wait: Callable[[float], object]

    def due(self, call: Call) -> list[Planned]:
        """Count a call, and return the faults that strike at it."""
        struck = []
        for index, fault in enumerate(self.plan):
            if fault.concerns(call):
                count = self.cloud.count(f"fault:{index}:{json.dumps(asdict(fault))}")
                if fault.nth <= count < fault.nth + fault.times:
                    struck.append(fault)
        return struck

    def strike(self, faults: Sequence[Planned], when: Literal["before", "after"]) -> None:
        """Let the faults of one moment happen.

        Raises:
            Fault: One of them is a failure.
        """
        for fault in faults:
            if fault.when != when:
                continue
            if fault.action == "crash":
                os._exit(_CRASHED)
            if fault.action == "hang":
                self.wait(fault.seconds)
            elif fault.action == "throttle":
                raise Fault(_THROTTLED)
            else:
                raise Fault(fault.message)
