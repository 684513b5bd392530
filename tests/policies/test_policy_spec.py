"""What a spec says of policies: single rules, limits and waivers, by environment."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from plinth import blueprint
from plinth.errors import SpecError
from plinth.spec.document import load
from plinth_policies import REGISTRY, Enforcement, Waiver
from plinth_policies.parameters import Parameters

SPEC = """\
apiVersion: plinth/v1
name: churn
owner: ml-platform@example.com
cost: {center: "4711", monthly_budget: 3000}
cloud: aws
region: eu-west-1
artifacts: {}
"""


def _resolved(folder: Path, text: str, environment: str = "prod") -> Enforcement:
    file = folder / "platform.yaml"
    file.write_text(SPEC + text, encoding="utf-8")
    settings = blueprint.resolve(load(file), environment).settings
    return Enforcement.from_settings(settings, environment)


def _problems(folder: Path, text: str) -> list[tuple[str, str, str | None, str | None]]:
    with pytest.raises(SpecError) as caught:
        _resolved(folder, text, "dev")
    return [
        (p.code, f"{p.location.line}:{p.location.column}" if p.location else "", p.path, p.nearest)
        for p in caught.value.problems
    ]


def test_an_environment_takes_what_is_shared_and_says_the_rest(tmp_path: Path) -> None:
    text = """\
compliance:
  rules: {encryption-*: advisory}
  limits: {allowed_registries: [ghcr.io], required_tags: [team, owner], max_nodes: 8}
  waivers:
    - rule: exposure-eks-endpoint
      resource: "*-cluster"
      reason: the network team opens it in June
      owner: net@example.com
      expires: 2030-06-30
environments:
  dev: {}
  prod:
    durable: true
    policies: mandatory
    compliance: {rules: {encryption-s3-bucket-kms: mandatory}, limits: {max_nodes: 20}}
"""
    prod, dev = _resolved(tmp_path, text), _resolved(tmp_path, text, "dev")
    rules = {rule.id: rule for rule in REGISTRY.rules}
    bucket, volume = rules["encryption-s3-bucket-kms"], rules["encryption-ebs-volume-kms"]
    assert [prod.action(bucket), prod.action(volume)] == ["mandatory", "advisory"]
    assert [dev.action(bucket), dev.action(rules["transit-s3-bucket-tls"])] == ["advisory"] * 2
    assert (dev.parameters.max_nodes, prod.parameters.max_nodes) == (8, 20)
    assert prod.parameters.allowed_registries == ("ghcr.io",)
    assert prod.parameters.required_tags == (*Parameters().required_tags, "team")
    assert (prod.parameters.durable, dev.parameters.durable) == (True, False)
    assert (prod.parameters.backups, dev.parameters.backups) == (True, False)
    assert prod.parameters.allowed_regions == ("eu-west-1",)
    assert prod.parameters.monthly_budget == 3000
    assert (
        prod.waivers
        == dev.waivers
        == (
            Waiver(
                rule="exposure-eks-endpoint",
                resource="*-cluster",
                reason="the network team opens it in June",
                owner="net@example.com",
                expires=date(2030, 6, 30),
            ),
        )
    )


def test_rules_that_are_not_there_are_refused_where_they_are_written(tmp_path: Path) -> None:
    text = """\
compliance:
  rules: {encryption-s3-buckt-kms: advisory, nothing-*: disabled}
  waivers:
    - {rule: tags-requird, resource: "*", reason: not needed, owner: a@b.example,
       expires: 2030-01-01}
"""
    assert _problems(tmp_path, text) == [
        (
            "unknown-rule",
            "9:36",
            "compliance.rules.encryption-s3-buckt-kms",
            "encryption-s3-bucket-kms",
        ),
        ("unknown-rule", "9:57", "compliance.rules.nothing-*", None),
        ("unknown-rule", "11:14", "compliance.waivers.0.rule", "tags-required"),
    ]


def test_what_cannot_be_meant_is_refused_all_at_once(tmp_path: Path) -> None:
    text = """\
compliance:
  rules: {tags-required: fatal}
  limits: {max_nodes: -1, cost_center_pattern: "[", required_tags: ["1"]}
  waivers:
    - {rule: tags-required, resource: "*", reason: short, owner: me, expires: soon}
"""
    assert [code for code, *_ in _problems(tmp_path, text)] == [
        "not-allowed",
        "out-of-range",
        "pattern",
        "bad-format",
        "out-of-range",
        "email",
        "wrong-type",
    ]
