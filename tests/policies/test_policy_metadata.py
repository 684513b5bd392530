"""What every rule says of itself is whole, and its examples show what it says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from fnmatch import fnmatchcase
from typing import Any

import pytest
import sdk_source
from policy_support import STRICT, messages
from test_policy_rules import CUSTOM_KINDS

from plinth.graph import Graph
from plinth_policies import REGISTRY, Parameters, Rule, Scope, controls
from plinth_policies.check import judge, mend
from plinth_policies.settings import Setting

RULES = pytest.mark.parametrize("rule", REGISTRY.rules, ids=lambda rule: rule.id)
KEPT = pytest.mark.parametrize("kept", [True, False], ids=["good", "bad"])

#: Frameworks of which every rule serves a control.
ALWAYS = {"nist-800-53", "soc-2", "iso-27001"}

#: Names of inputs that hold secrets, and texts that are some.
SECRET_NAME = re.compile(r"(pass(word|phrase)|token|private_?key|secret(data|string)?)$", re.I)
SECRET_TEXT = re.compile(
    r"-----BEGIN|\b(AKIA|ASIA)[0-9A-Z]{16}\b|\bgh[ps]_|\b(?=[A-Za-z+]*\d)[A-Za-z0-9+]{40,}"
)


@RULES
def test_it_says_what_why_and_how(rule: Rule) -> None:
    assert rule.title[0].isupper()
    assert not rule.title.endswith(".")
    assert rule.why[0].isupper()
    assert rule.why.endswith(".")
    assert rule.fix
    assert not rule.fix.endswith(".")
    assert set(rule.parameters) <= set(asdict(Parameters()))


@RULES
def test_it_serves_controls_that_exist(rule: Rule) -> None:
    assert set(rule.controls) <= set(controls.catalogue())
    assert len(rule.controls) == len(set(rule.controls))
    assert {control.split("/", 1)[0] for control in rule.controls} >= ALWAYS


def test_every_control_of_the_catalogue_is_served() -> None:
    served = {control for rule in REGISTRY.rules for control in rule.controls}
    assert set(controls.catalogue()) == served


def test_titles_are_told_apart() -> None:
    titles = [rule.title for rule in REGISTRY.rules]
    assert len(titles) == len(set(titles))


@RULES
def test_the_good_example_keeps_it_and_the_bad_one_does_not(rule: Rule) -> None:
    assert messages(rule.id, rule.example(kept=True)) == []
    found = messages(rule.id, rule.example(kept=False))
    assert found
    # A rule that cannot judge its example shows nothing.
    assert all(message.endswith(f"; {rule.fix}") for message in found)


@RULES
@KEPT
def test_examples_are_of_types_and_properties_that_exist(rule: Rule, kept: bool) -> None:
    assert rule.good  # a bad one may have nothing, where that is what is wrong
    subject, *companions = rule.example(kept=kept).resources
    assert rule.applies_to(subject)
    assert all(rule.looks_at(companion.type) for companion in companions)
    for resource in (subject, *companions):
        if any(fnmatchcase(resource.type, kind) for kind in CUSTOM_KINDS):
            continue
        assert [
            path
            for path in paths(resource.inputs)
            if not sdk_source.has_property(resource.type, path)
        ] == []


@RULES
@KEPT
def test_no_example_holds_what_looks_like_a_secret(rule: Rule, kept: bool) -> None:
    for resource in rule.example(kept=kept):
        for path, value in leaves(resource.inputs):
            assert not (isinstance(value, str) and SECRET_NAME.search(path))
            assert not SECRET_TEXT.search(str(value))


@pytest.mark.parametrize(
    "text",
    [
        "AKIA0123456789ABCDEF",
        "-----BEGIN RSA PRIVATE KEY-----",
        "wJalrXUtnFEMIK7MDENGbPxRfiCYzz0123456789ab",
    ],
)
def test_what_looks_like_a_secret_is_told(text: str) -> None:
    assert SECRET_TEXT.search(text)


@pytest.mark.parametrize(
    "rule", [rule for rule in REGISTRY.rules if rule.mend], ids=lambda rule: rule.id
)
def test_what_is_mended_keeps_the_rule_and_needs_no_more_mending(rule: Rule) -> None:
    graph = rule.example(kept=False)
    subject = graph.resources[0]
    before = dict(subject.inputs)
    mended = mend(rule, subject, Scope(graph, STRICT))
    assert mended is not None
    assert subject.inputs == before
    after = Graph(graph.environment, graph.cloud, (mended, *graph.resources[1:]))
    scope = Scope(after, STRICT)
    assert judge(rule, mended, scope) == []
    assert mend(rule, mended, scope) is None
    assert rule.mend is not None
    assert rule.mend(mended, scope) in (None, mended.inputs)


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted path, value) of everything that has no parts; lists are looked through."""
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from leaves(part, f"{path}.{name}" if path else name)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from leaves(part, path)
    else:
        yield path, value


def paths(inputs: Mapping[str, Any]) -> set[str]:
    return {path for path, _ in leaves(inputs)}


def test_a_setting_whose_default_is_fine_must_name_a_value_that_is_not() -> None:
    with pytest.raises(ValueError, match="protocol"):
        _ = Setting("protocol", ("https",), default="https").broken
    assert Setting("protocol", ("https",), default="https", refused="http").broken == "http"
    assert Setting("protocol", ("https",)).broken is None
    assert Setting("enabled", ("true",), default="true").broken is False
