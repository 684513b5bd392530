"""The quick check for circular dependencies answers what the SDK's own does."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pulumi.runtime import resource_cycle_breaker, rpc

from plinth import cycles

EDGES = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=40)


class Node:
    """As much of a resource as the check looks at."""


@given(EDGES)
def test_both_answer_the_same(edges: list[tuple[int, int]]) -> None:
    ours: list[Any] = [Node() for _ in range(8)]
    theirs: list[Any] = [Node() for _ in range(8)]
    for one, other in edges:
        found = cycles.declare_dependency(ours[one], ours[other])
        assert found == resource_cycle_breaker.declare_dependency(theirs[one], theirs[other])
    for mine, sdks in zip(ours, theirs, strict=True):
        numbers = {ours.index(each) for each in resource_cycle_breaker._deps(mine)}
        assert numbers == {theirs.index(each) for each in resource_cycle_breaker._deps(sdks)}


def test_this_sdk_can_be_helped() -> None:
    cycles.install()
    assert vars(rpc)["declare_dependency"] is cycles.declare_dependency
