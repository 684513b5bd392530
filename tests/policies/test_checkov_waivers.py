"""The list of Checkov's checks that do not apply: whole, reasoned, and about what there is."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

import pytest
import yaml

from example import CLUSTERS, ROOT, SPEC, Example
from plinth.planning import Plan

WAIVERS: list[dict[str, Any]] = yaml.safe_load(
    (ROOT / "policies" / "checkov.yaml").read_text(encoding="utf-8")
)["waive"]
PLANNED = [
    *(Example(SPEC, "staging", None if cloud == "aws" else cloud) for cloud in CLUSTERS),
    Example(ROOT / "examples" / "on-premises" / "platform.yaml", "line-2"),
]


@pytest.fixture(scope="module")
def names(plan: Callable[[Example], Plan]) -> set[str]:
    return {
        resource.name
        for example in PLANNED
        for resource in plan(example).graph
        if not resource.type.startswith("plinth:")
    }


def test_there_is_one_waiver_a_check() -> None:
    ids = [waiver["id"] for waiver in WAIVERS]
    assert len(ids) == len(set(ids))
    # A pattern would take in checks that nobody has looked at.
    assert not [name for name in ids if set(name) & set("*?[")]


@pytest.mark.parametrize("waiver", WAIVERS, ids=lambda waiver: waiver["id"])
def test_a_waiver_says_why_and_about_what(waiver: dict[str, Any], names: set[str]) -> None:
    assert waiver.keys() == {"id", "reason", "resources"}
    assert waiver["reason"].endswith(".")
    assert len(waiver["reason"].split()) > 5
    idle = [
        glob for glob in waiver["resources"] if not any(fnmatchcase(name, glob) for name in names)
    ]
    assert waiver["resources"]
    assert not idle, f"match nothing that is planned: {idle}"
