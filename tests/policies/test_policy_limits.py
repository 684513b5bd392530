"""What environments switch on and off: backups, residency, budgets and sizes; and their mends."""

from __future__ import annotations

from typing import Any

import cases_backup_aws
import cases_backup_azure
import cases_backup_gcp
import cases_backup_kubernetes
import cases_residency
import cases_size
import pytest
import sdk_source
from policy_support import STRICT, bad_cases, messages, resource, rule_of

from plinth.graph import UNKNOWN, Graph
from plinth_policies import Enforcement, Parameters, evaluate
from plinth_policies.backup.aws import BUCKET_VERSIONING
from plinth_policies.backup.azure import BLOB_SERVICE
from plinth_policies.backup.gcp import BUCKET
from plinth_policies.residency import GLOBAL

BACKUP = {
    **cases_backup_aws.TABLES,
    **cases_backup_azure.TABLES,
    **cases_backup_gcp.TABLES,
    **cases_backup_kubernetes.TABLES,
}
LIMITED = {
    **BACKUP,
    **cases_residency.TABLES,
    **{rule: cases_size.TABLES[rule] for rule in ("size-machine-family", "size-max-nodes")},
}

SOFT_DELETE = {"enabled": True, "days": 30}

#: Rule -> a type, inputs that break the rule, and what mends them.
MENDS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "backup-s3-versioning-status": (
        BUCKET_VERSIONING,
        {"bucket": "models", "versioningConfiguration": {"status": "Suspended", "mfaDelete": "On"}},
        {"versioningConfiguration": {"status": "Enabled", "mfaDelete": "On"}},
    ),
    "backup-azure-blob-versioning": (
        BLOB_SERVICE,
        {"accountName": UNKNOWN, "deleteRetentionPolicy": SOFT_DELETE},
        {"isVersioningEnabled": True},
    ),
    "backup-gcs-versioning": (
        BUCKET,
        {"location": "EUROPE-WEST4", "versioning": {"enabled": False}},
        {"versioning": {"enabled": True}},
    ),
}


@pytest.mark.parametrize(("rule_id", "graph", "_text"), bad_cases(LIMITED))
def test_nothing_is_asked_for_that_the_environment_does_not_ask_for(
    rule_id: str, graph: Graph, _text: str
) -> None:
    assert messages(rule_id, graph, Parameters()) == []


@pytest.mark.parametrize("rule_id", BACKUP)
def test_backups_and_durability_are_asked_for_separately(rule_id: str) -> None:
    asked = set(rule_of(rule_id).parameters) - {"backup_retention_days"}
    assert asked in ({"durable"}, {"backups"})


@pytest.mark.parametrize(("rule_id", "case"), MENDS.items())
def test_what_can_be_mended_is_mended_once(
    rule_id: str, case: tuple[str, dict[str, Any], dict[str, Any]]
) -> None:
    token, broken, mended = case
    enforcement = Enforcement(level="mandatory", parameters=STRICT, actions={rule_id: "remediate"})
    first = evaluate(Graph("dev", "", (resource(token, broken),)), enforcement)
    assert [one.policy for one in first.mended] == [rule_id]
    assert first.graph.resources[0].inputs == {**broken, **mended}
    assert rule_id not in {violation.policy for violation in first.violations}
    again = evaluate(first.graph, enforcement)
    assert again.mended == ()
    assert again.graph == first.graph


def test_a_status_that_is_not_known_is_not_mended() -> None:
    enforcement = Enforcement(
        level="mandatory", parameters=STRICT, actions={"backup-*": "remediate"}
    )
    hidden = resource(BUCKET_VERSIONING, {"bucket": "a", "versioningConfiguration": UNKNOWN})
    found = evaluate(Graph("dev", "", (hidden,)), enforcement)
    assert found.mended == ()
    assert [v.policy for v in found.blocking if v.policy.startswith("backup-")] == [
        "backup-s3-versioning-status"
    ]


@pytest.mark.parametrize("types", GLOBAL)
def test_types_without_a_region_take_none(types: str) -> None:
    found = sdk_source.tokens_like(types)
    assert found
    assert [token for token in found if sdk_source.has_property(token, "region")] == []
