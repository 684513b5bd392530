"""Environments: what an overlay changes, and where each value comes from."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plinth.errors import SpecError
from plinth.spec.document import Document, parse
from plinth.spec.overlay import environment_names, merge, resolve


def document(text: str) -> Document:
    read, problems = parse(text.encode(), "spec.yaml")
    assert not problems
    assert read is not None
    return read


SPEC = document("""\
name: churn
cost: {center: a, budget: 1}
tracking: {tool: mlflow, replicas: {min: 1}}
zones: [a, b]
domain: {name: x}
environments:
  dev:
  prod:
    cost: {budget: 2}
    tracking:
      replicas: {max: 3}
    zones: [c]
    domain: null
    identity: {issuer: y}
""")


class TestResolve:
    def test_overlay_is_laid_over_the_rest(self) -> None:
        assert resolve(SPEC, "prod").data == {
            "name": "churn",
            "cost": {"center": "a", "budget": 2},
            "tracking": {"tool": "mlflow", "replicas": {"min": 1, "max": 3}},
            "zones": ["c"],
            "identity": {"issuer": "y"},
        }

    def test_empty_overlay_changes_nothing(self) -> None:
        shared = {key: value for key, value in SPEC.data.items() if key != "environments"}
        assert resolve(SPEC, "dev").data == shared

    @pytest.mark.parametrize(
        ("path", "layer", "line", "column"),
        [
            (("name",), "spec", 1, 7),
            (("cost",), "spec", 2, 7),
            (("cost", "center"), "spec", 2, 16),
            (("cost", "budget"), "overlay", 9, 20),
            (("tracking", "replicas"), "spec", 3, 36),
            (("tracking", "replicas", "min"), "spec", 3, 42),
            (("tracking", "replicas", "max"), "overlay", 11, 23),
            (("tracking", "replicas", "nope"), "spec", 3, 26),
            (("zones", 0), "overlay", 12, 13),
            (("zones", 1), "overlay", 12, 5),
            (("domain",), "overlay", 13, 13),
            (("domain", "name"), "overlay", 13, 5),
            (("identity",), "overlay", 14, 15),
            (("identity", "client"), "overlay", 14, 5),
            (("nope",), "spec", 1, 1),
        ],
    )
    def test_origin(self, path: tuple[str | int, ...], layer: str, line: int, column: int) -> None:
        origin = resolve(SPEC, "prod").origin(path)
        where = origin.location
        assert (origin.layer, where.line, where.column) == (layer, line, column)

    def test_location_of_keys_and_text_as_written(self) -> None:
        layered = resolve(SPEC, "prod")
        assert str(layered.locate(("cost", "budget"), key=True)) == "spec.yaml:9:12"
        assert str(layered.locate(("cost", "center"), key=True)) == "spec.yaml:2:8"
        assert layered.written(("cost", "budget")) == "2"
        assert layered.written(("name",)) == "churn"
        assert layered.written(("cost", "nope")) is None
        assert resolve(SPEC, "dev").written(("cost", "budget")) == "1"

    def test_unknown_environment(self) -> None:
        with pytest.raises(SpecError) as caught:
            resolve(SPEC, "pord")
        (problem,) = caught.value.problems
        assert problem.code == "unknown-environment"
        assert problem.nearest == "prod"
        assert problem.allowed == ("dev", "prod")
        assert str(problem.location) == "spec.yaml:6:1"
        assert "Use prod" in (problem.fix or "")


class TestNames:
    def test_in_the_order_of_the_file(self) -> None:
        assert environment_names(document("environments: {zz: {}, aa: }\n")) == ("zz", "aa")

    def test_one_environment_without_the_key(self) -> None:
        spec = document("name: x\n")
        assert environment_names(spec) == ("dev",)
        assert resolve(spec, "dev").data == {"name": "x"}
        with pytest.raises(SpecError):
            resolve(spec, "prod")

    @pytest.mark.parametrize(
        ("text", "code", "place", "fix"),
        [
            ("environments:\n", "environments", "1:14", "{dev: {}}"),
            ("environments: {}\n", "environments", "1:15", "{dev: {}}"),
            ("environments: [dev]\n", "environments", "1:15", "{dev: {}}"),
            ("environments: dev\n", "environments", "1:15", "{dev: {}}"),
            ("environments:\n  Prod: {}\n", "environment-name", "2:3", "lower-case"),
            ("environments:\n  a/b: {}\n", "environment-name", "2:3", "lower-case"),
            (f"environments:\n  {'x' * 21}: {{}}\n", "environment-name", "2:3", "2 to 20"),
            ("environments:\n  dev: aws\n", "wrong-type", "2:8", "`dev: {}`"),
            ("environments:\n  dev: [a]\n", "wrong-type", "2:8", "`dev: {}`"),
            ("environments:\n  dev: {environments: {}}\n", "nested-environments", "2:9", "up"),
        ],
    )
    def test_refused(self, text: str, code: str, place: str, fix: str) -> None:
        with pytest.raises(SpecError) as caught:
            environment_names(document(text))
        (problem,) = caught.value.problems
        assert problem.code == code
        assert str(problem.location) == f"spec.yaml:{place}"
        assert fix in (problem.fix or "")

    def test_all_problems_at_once(self) -> None:
        with pytest.raises(SpecError) as caught:
            environment_names(document("environments: {A: 1, b: {}, cc: 2}\n"))
        codes = [problem.code for problem in caught.value.problems]
        assert codes == ["environment-name", "wrong-type", "environment-name", "wrong-type"]


LEAVES = st.one_of(st.booleans(), st.integers(0, 9), st.text("xy", max_size=2))
KEYS = st.text("abc", min_size=1, max_size=1)


def tree(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    inner = st.recursive(
        st.one_of(leaves, st.lists(LEAVES, max_size=2)),
        lambda below: st.dictionaries(KEYS, below, max_size=3),
        max_leaves=8,
    )
    return st.dictionaries(KEYS, inner, max_size=3)


BASE = tree(LEAVES)
PATCH = tree(st.one_of(LEAVES, st.none()))


class TestMergeLaws:
    @settings(max_examples=60, deadline=None)
    @given(BASE)
    def test_nothing_over_something(self, base: dict[str, Any]) -> None:
        assert merge(base, {}) == base
        assert merge({}, base) == base
        assert merge(base, base) == base

    @settings(max_examples=60, deadline=None)
    @given(BASE, PATCH)
    def test_twice_is_once(self, base: dict[str, Any], patch: dict[str, Any]) -> None:
        once = merge(base, patch)
        assert merge(once, patch) == once

    @settings(max_examples=60, deadline=None)
    @given(BASE, PATCH)
    def test_inputs_are_left_alone(self, base: dict[str, Any], patch: dict[str, Any]) -> None:
        before = repr((base, patch))
        merge(base, patch)
        assert repr((base, patch)) == before

    @settings(max_examples=60, deadline=None)
    @given(BASE, PATCH)
    def test_key_by_key(self, base: dict[str, Any], patch: dict[str, Any]) -> None:
        merged = merge(base, patch)
        for key in base.keys() | patch.keys():
            if key not in patch:
                assert merged[key] == base[key]
            elif patch[key] is None:
                assert key not in merged
            elif isinstance(patch[key], dict):
                assert merged[key] == merge(base.get(key), patch[key])
            else:
                assert merged[key] == patch[key]

    @settings(max_examples=60, deadline=None)
    @given(BASE, PATCH)
    def test_every_value_comes_from_one_of_the_layers(
        self, base: dict[str, Any], patch: dict[str, Any]
    ) -> None:
        text = f"{flow({**base, 'environments': {'prod': patch}})}\n"
        layered = resolve(document(text), "prod")
        assert layered.data == merge(base, patch)
        for path, value in leaves(layered.data):
            part = patch if layered.origin(path).layer == "overlay" else base
            assert at(part, path) == value


def flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f'"{key}": {flow(item)}' for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    return (
        f'"{value}"'
        if isinstance(value, str)
        else ("null" if value is None else str(value).lower())
    )


def leaves(value: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    if not isinstance(value, dict):
        return [(path, value)]
    return [leaf for key, item in value.items() for leaf in leaves(item, (*path, key))]


def at(value: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        value = value[part]
    return value
