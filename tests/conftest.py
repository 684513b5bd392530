"""What all tests share: the example spec, and its plans, made once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from example import SPEC
from plinth.planning import Plan
from plinth.planning import plan as make_plan


@pytest.fixture(scope="session")
def spec() -> Path:
    """The example spec."""
    return SPEC


@cache
def _plan(environment: str) -> Plan:
    return make_plan(SPEC, environment)


@pytest.fixture(scope="session")
def plan() -> Callable[[str], Plan]:
    """Plans of the example's environments."""
    return _plan
