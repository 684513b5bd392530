"""The catalogue of rules in the docs is what the rules say of themselves."""

from __future__ import annotations

from dataclasses import replace

import yaml
from policy_support import rule_of

from example import ROOT
from plinth_policies import REGISTRY, catalogue, controls


def test_the_page_is_not_stale() -> None:
    written = (ROOT / "docs" / "policy-rules.md").read_text(encoding="utf-8")
    assert written == catalogue.markdown(), "run `make docs`"


def test_a_section_says_all_that_is_known_of_a_rule() -> None:
    rule = rule_of("tags-required")
    text = catalogue.rule_markdown(rule)
    for part in (rule.id, rule.title, rule.why, rule.fix, rule.severity, "can mend"):
        assert part in text
    for part in (*rule.types, *rule.parameters, *rule.clouds):
        assert part in text
    for control in map(controls.catalogue().__getitem__, rule.controls):
        assert control.framework in text
        assert control.number in text
    assert "can mend" not in catalogue.rule_markdown(replace(rule, mend=None))
    bucket = rule_of("encryption-s3-bucket-kms")
    assert all(f"`{token}`" in catalogue.rule_markdown(bucket) for token in bucket.consults)


def test_examples_are_yaml_that_reads_back() -> None:
    for rule in REGISTRY.rules:
        for kept in (True, False):
            shown = yaml.safe_load(catalogue.example_yaml(rule, kept=kept))
            resources = rule.example(kept=kept).resources
            assert list(shown) == [resource.name for resource in resources]
            assert [part["type"] for part in shown.values()] == [r.type for r in resources]
    models = yaml.safe_load(catalogue.example_yaml(rule_of("exposure-rds-public"), kept=False))
    assert models["subject"]["properties"] == {"publiclyAccessible": True}


def test_every_domain_is_introduced() -> None:
    page = catalogue.markdown()
    for domain in {rule.domain for rule in REGISTRY.rules}:
        assert f"\n## {domain}\n" in page
        assert f"- [{domain}](#{domain}): {domain} (" not in page, "give its package a docstring"
