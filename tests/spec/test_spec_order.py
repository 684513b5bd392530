"""``after``: the order in which environments come up."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from plinth.blueprint import check, resolve, resolve_all
from plinth.errors import Problem, SpecError
from plinth.ordering import predecessors, waves
from plinth.spec.document import Document, parse
from plinth.spec.schema import json_schema

SHARED: dict[str, Any] = {
    "apiVersion": "plinth/v1",
    "name": "churn",
    "owner": "ml-platform@example.com",
    "cost": {"center": "4711", "monthly_budget": 3000},
    "cloud": "aws",
    "region": "eu-west-1",
    "artifacts": {},
}


def spec(**environments: Any) -> Document:
    text = yaml.safe_dump({**SHARED, "environments": environments}, sort_keys=False)
    document, found = parse(text.encode(), "platform.yaml")
    assert document is not None
    assert not found
    return document


def problems(document: Document) -> tuple[Problem, ...]:
    with pytest.raises(SpecError) as raised:
        resolve_all(document)
    return raised.value.problems


def test_without_a_word_each_waits_for_the_one_before() -> None:
    document = spec(dev=None, staging={}, prod={})
    assert waves(document) == (("dev",), ("staging",), ("prod",))
    assert predecessors(document)["prod"] == ("staging",)


def test_what_waits_for_nothing_comes_first_and_together() -> None:
    document = spec(
        prod={"after": ["staging", "canary"]}, dev={}, canary={"after": ["dev"]},
        staging={"after": ["dev"]}, lab={"after": []},
    )  # fmt: skip
    assert waves(document) == (("dev", "lab"), ("canary", "staging"), ("prod",))


def test_an_empty_list_frees_all() -> None:
    assert waves(spec(dev={"after": []}, prod={})) == (("dev", "prod"),)


def test_a_spec_without_environments_has_one() -> None:
    document, _ = parse(yaml.safe_dump(SHARED).encode(), "platform.yaml")
    assert document is not None
    assert waves(document) == (("dev",),)


def test_it_is_no_setting() -> None:
    blueprints = resolve_all(spec(dev={}, prod={"after": ["dev"]}))
    assert "after" not in blueprints["prod"].settings.model_dump()


@pytest.mark.parametrize(
    ("environments", "code", "path", "near"),
    [
        ({"dev": {}, "prod": {"after": ["dav"]}}, "unknown-environment", "prod.after.0", "dev"),
        ({"dev": {}, "prod": {"after": ["dev", 7]}}, "unknown-environment", "prod.after.1", None),
        ({"dev": {}, "prod": {"after": ["prod"]}}, "after-itself", "prod.after.0", None),
        ({"dev": {}, "prod": {"after": "dev"}}, "wrong-type", "prod.after", None),
        ({"dev": {"after": ["prod"]}, "prod": {"after": ["dev"]}}, "after-cycle", None, None),
    ],
)
def test_an_order_that_makes_no_sense(
    environments: dict[str, Any], code: str, path: str | None, near: str | None
) -> None:
    (problem,) = problems(spec(**environments))
    assert (problem.code, problem.nearest) == (code, near)
    assert problem.location is not None
    assert problem.location.line > len(SHARED)
    assert problem.fix
    if path:
        assert problem.path == f"environments.{path}"


@pytest.mark.parametrize(
    ("prod", "code"),
    [
        ({"after": ["dav"]}, "unknown-environment"),
        ({"environments": {}}, "nested-environments"),
        ([], "wrong-type"),
    ],
)
def test_it_hides_no_other_mistake(prod: Any, code: str) -> None:
    """All that is wrong is told in one run, whatever is wrong with how environments are written."""
    found = problems(spec(dev={"region": "mars", "acount": "1"}, prod=prod))
    assert {problem.code for problem in found} == {code, "unknown-key"}
    with pytest.raises(SpecError) as raised:
        resolve(spec(dev={}, prod=prod), "dev")
    assert [problem.code for problem in raised.value.problems] == [code]


def test_a_list_of_environments_hides_no_repeated_key(tmp_path: Path) -> None:
    file = tmp_path / "platform.yaml"
    file.write_text("name: a\nname: b\nenvironments: [dev]\n", encoding="utf-8")
    with pytest.raises(SpecError) as raised:
        check(file)
    assert [each.code for each in raised.value.problems] == ["duplicate-key", "environments"]


def test_a_cycle_is_told_in_order() -> None:
    circle = spec(a1={"after": ["c1"]}, b1={"after": ["a1"]}, c1={"after": ["b1"]})
    (problem,) = problems(circle)
    trip = problem.message.partition(": ")[2].split(" after ")
    assert trip[0] == trip[-1]
    assert set(trip) == {"a1", "b1", "c1"}
    waiting = predecessors_of(circle)
    assert all(then in waiting[one] for one, then in pairwise(trip))


def predecessors_of(document: Document) -> dict[str, list[str]]:
    return {name: each["after"] for name, each in document.data["environments"].items()}


def test_it_has_no_place_beside_the_environments() -> None:
    text = yaml.safe_dump({**SHARED, "after": ["dev"], "environments": {"dev": {}}})
    document, _ = parse(text.encode(), "platform.yaml")
    assert document is not None
    (problem,) = problems(document)
    assert (problem.code, problem.path) == ("unknown-key", "after")


def test_editors_know_it_too() -> None:
    validator = Draft202012Validator(json_schema())
    assert not list(validator.iter_errors(spec(dev={}, prod={"after": ["dev"]}).data))
    assert list(validator.iter_errors(spec(dev={}, prod={"after": "dev"}).data))
    assert list(validator.iter_errors({**spec(dev={}).data, "after": ["dev"]}))
