"""Every type that any example makes is judged for what it holds and lets in, or need not be."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from importlib.resources import files

import pytest

from example import EXAMPLES, ROOT, SPEC, Example
from plinth import registry
from plinth.planning import Plan
from plinth_policies import coverage
from plinth_policies.model import kind_of

#: The main example elsewhere, in the environments that name nothing of one cloud.
ELSEWHERE = [
    Example(SPEC, environment, cloud)
    for environment in ("dev", "staging")
    for cloud in ("azure", "gcp", "kubernetes")
]


def _promised(example: Example | str) -> Iterable[str]:
    """Types of all URNs that an example makes; test_golden.py holds the list to its plan."""
    file = ROOT / "tests" / "golden" / f"{example}.urns"
    for urn in file.read_text(encoding="utf-8").splitlines():
        yield urn.split("::")[2].rsplit("$", 1)[-1]


def _resources(kinds: Iterable[str]) -> set[str]:
    """Those of which a provider makes something, or that are providers; components make nothing."""
    return {kind_of(kind) for kind in kinds if not kind.startswith(("plinth:", "pulumi:pulumi:"))}


#: What an account is prepared with, a list a cloud.
ACCOUNTS = [f"bootstrap-{cloud}" for cloud in registry.bootstrap_names()]


@pytest.mark.parametrize("example", [*EXAMPLES, *ACCOUNTS], ids=str)
def test_every_type_has_a_verdict(example: Example | str) -> None:
    assert coverage.without_verdict(_resources(_promised(example))) == []


@pytest.mark.parametrize("example", ELSEWHERE, ids=str)
def test_every_type_has_a_verdict_on_other_clouds(
    example: Example, plan: Callable[[Example], Plan]
) -> None:
    assert coverage.without_verdict(_resources(r.type for r in plan(example).graph)) == []


def test_a_new_type_has_none() -> None:
    assert coverage.without_verdict(["aws:newservice/thing:Thing", "aws:ec2/vpc:Vpc"]) == [
        "aws:newservice/thing:Thing"
    ]
    versioned = "azure-native:newservice/v20260101:Thing"
    assert coverage.without_verdict([versioned]) == ["azure-native:newservice:Thing"]


def test_what_is_listed_is_made_and_is_judged_by_no_rule(
    plan: Callable[[Example], Plan],
) -> None:
    made = _resources(kind for example in [*EXAMPLES, *ACCOUNTS] for kind in _promised(example))
    made |= _resources(r.type for example in ELSEWHERE for r in plan(example).graph)
    listed = coverage.harmless()
    stale = [glob for glob in listed if not any(fnmatchcase(kind, glob) for kind in made)]
    assert stale == []
    assert [kind for kind in sorted(made) if kind in listed and coverage.is_judged(kind)] == []


def test_what_is_listed_is_listed_once_with_a_reason_and_no_lazy_glob() -> None:
    text = (files("plinth_policies") / "harmless.toml").read_text(encoding="utf-8")
    groups = tomllib.loads(text).values()
    tokens = [token for group in groups for token in group["types"]]
    assert sorted(tokens) == sorted(coverage.harmless())
    assert all(group["why"].endswith(".") and len(group["why"]) > 40 for group in groups)
    assert [token for token in tokens if "*" in token] == ["pulumi:providers:*"]
