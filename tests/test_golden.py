"""Logical names are a promise: every URN of every example environment is on a list.

A line that disappears means that an upgrade would delete or replace something that runs: give the
renamed resource an alias first. `make docs` writes the lists anew.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from accounts_support import CLOUDS, graph
from example import EXAMPLES, ROOT, Example
from plinth.graph import Graph
from plinth.planning import Plan

GOLDEN = ROOT / "tests" / "golden"


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_urns_are_the_promised_ones(example: Example, plan: Callable[[Example], Plan]) -> None:
    _compare(str(example), plan(example).graph)


@pytest.mark.parametrize("cloud", CLOUDS)
def test_urns_of_accounts_are_the_promised_ones(cloud: str) -> None:
    _compare(f"bootstrap-{cloud}", graph(cloud))


def _compare(name: str, found: Graph) -> None:
    urns = sorted(resource.urn for resource in found)
    assert len(urns) == len(set(urns))
    file = GOLDEN / f"{name}.urns"
    if os.environ.get("PLINTH_GOLDEN") == "write":
        file.write_text("\n".join(urns) + "\n", encoding="utf-8")
    promised = file.read_text(encoding="utf-8").splitlines()
    lost = sorted(set(promised) - set(urns))
    new = sorted(set(urns) - set(promised))
    assert not lost, f"renamed or removed without an alias: {lost}"
    assert not new, f"not on the list yet, run `make docs`: {new}"


def test_environments_differ_in_more_than_their_name(plan: Callable[[str], Plan]) -> None:
    def names(environment: str) -> set[str]:
        return {r.urn.split("::", 2)[2] for r in plan(environment).graph}

    assert names("dev") == names("staging")  # the overlay of staging changes no structure
    assert names("prod") - names("dev")  # sign-in, DNS, a NAT gateway a zone
