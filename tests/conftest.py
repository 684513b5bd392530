"""What all tests share: the example spec, and its plans, made once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from example import SPEC, Example
from plinth.planning import Plan
from plinth.planning import plan as make_plan


@pytest.fixture(scope="session")
def spec() -> Path:
    """The example spec."""
    return SPEC


@cache
def _plan(example: str | Example) -> Plan:
    if isinstance(example, str):
        example = Example(SPEC, example)
    return make_plan(example.spec, example.environment, cloud=example.cloud)


@pytest.fixture(scope="session")
def plan() -> Callable[[str | Example], Plan]:
    """Plans of examples; of the main one, the environment's name is enough."""
    return _plan
