from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plinth.rehearsal.diff import changes, documented_replace, matches
from plinth.rehearsal.sdk import Sdk

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=2), inner),
    max_leaves=8,
)
MAPS = st.dictionaries(st.text("abc", min_size=1, max_size=2), VALUES)


def found(old: Any, new: Any) -> dict[str, str]:
    return {str(change): change.kind for change in changes(old, new)}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"a": 1}, {"a": 1}, {}),
        ({"a": 1}, {"a": 2}, {"a": "update"}),
        ({"a": 1}, {}, {"a": "delete"}),
        ({}, {"a": 1}, {"a": "add"}),
        ({"a": None}, {}, {}),
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3, 4]}}, {"a.b[1]": "update", "a.b[2]": "add"}),
        ({"a": {"x.y": 1}}, {"a": {"x.y": 2}}, {'a["x.y"]': "update"}),
        ({"a": {"b": 1}}, {"a": [1]}, {"a": "update"}),
        ({"port": 8080, "on": True}, {"port": "8080", "on": "true"}, {}),
        ({"__defaults": ["name"]}, {"__defaults": []}, {}),
    ],
)
def test_differences(old: Any, new: Any, expected: dict[str, str]) -> None:
    assert found(old, new) == expected


@given(MAPS)
def test_nothing_differs_from_itself(value: dict[str, Any]) -> None:
    assert found(value, value) == {}


@given(MAPS, MAPS)
def test_differences_are_symmetric(old: dict[str, Any], new: dict[str, Any]) -> None:
    opposite = {"add": "delete", "delete": "add", "update": "update"}
    forward = found(old, new)
    assert found(new, old) == {path: opposite[kind] for path, kind in forward.items()}


@pytest.mark.parametrize(
    ("path", "pattern", "expected"),
    [
        (("spec", "selector", "matchLabels", "app"), "spec.selector", True),
        (("spec", "selector"), "spec.selector.matchLabels", False),
        (("spec", "containers", 0, "image"), "spec.containers[*].image", True),
        (("spec", "containers", 0, "name"), "spec.containers[*].image", False),
        (("specs",), "spec", False),
    ],
)
def test_patterns(path: tuple[str | int, ...], pattern: str, expected: bool) -> None:
    assert matches(path, pattern) is expected


def test_documentation_is_followed_into_objects() -> None:
    sdk = Sdk("pulumi_aws")
    group = sdk.kind("aws:autoscaling/group:Group")
    cluster = sdk.kind("aws:eks/cluster:Cluster")
    assert group
    assert cluster
    assert documented_replace(("bootstrapSelfManagedAddons",), cluster.inputs, sdk)
    assert not documented_replace(("vpcConfig", "subnetIds", 0), cluster.inputs, sdk)
    assert not documented_replace(("nowhere", "at", "all"), group.inputs, sdk)
