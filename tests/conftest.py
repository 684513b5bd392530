"""What all tests share: the example spec, and its plans, made once."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from example import SPEC, Example
from plinth.planning import Plan
from plinth.planning import plan as make_plan

# How quickly a busy machine makes up examples says nothing of what they test.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture(scope="session")
def spec() -> Path:
    """The example spec."""
    return SPEC


@pytest.fixture(autouse=True)
def _tidy(request: pytest.FixtureRequest) -> Iterator[None]:
    """Closes what programs left open whose engine failed, here and not in the midst of a parse.

    CPython 3.11 fails to parse when a coroutine is collected meanwhile (python/cpython#106905).
    """
    yield
    if request.node.get_closest_marker("engine"):
        gc.collect()


@cache
def _plan(example: str | Example) -> Plan:
    if isinstance(example, str):
        example = Example(SPEC, example)
    return make_plan(example.spec, example.environment, cloud=example.cloud)


@pytest.fixture(scope="session")
def plan() -> Callable[[str | Example], Plan]:
    """Plans of examples; of the main one, the environment's name is enough."""
    return _plan
