"""What mends add, and what they leave alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from cases_tags import ALL, SHARED, SPELT
from policy_support import PARAMETERS, resource, rule_of

from plinth.graph import UNKNOWN, Graph, Resource
from plinth_policies import Scope
from plinth_policies.check import judge, mend
from plinth_policies.values import get, nested

#: Some capability's own resource, as its URN says.
CHAIN = "plinth:index:Platform$plinth:index:Artifacts$"


def _mended(rule_id: str, subject: Resource, *others: Resource) -> dict[str, Any] | None:
    rule = rule_of(rule_id)
    scope = Scope(Graph("dev", "", (subject, *others)), PARAMETERS)
    after = mend(rule, subject, scope)
    if after is None:
        return None
    assert judge(rule, after, Scope(Graph("dev", "", (after, *others)), PARAMETERS)) == []
    return dict(after.inputs)


def _within(subject: Resource) -> Resource:
    return replace(subject, urn=f"urn:pulumi:dev::churn::{CHAIN}{subject.type}::{subject.name}")


@pytest.mark.parametrize(
    ("rule_id", "token", "place", "expected"),
    [
        ("tags-required", "aws:s3/bucket:Bucket", "tags", ALL),
        ("tags-required", "azure-native:storage:StorageAccount", "tags", ALL),
        ("tags-required", "azure-native:storage/v20240101:StorageAccount", "tags", ALL),
        ("tags-required", "gcp:storage/bucket:Bucket", "labels", SPELT),
        ("tags-required", "gcp:container/cluster:Cluster", "resourceLabels", SPELT),
        (
            "tags-required",
            "gcp:sql/databaseInstance:DatabaseInstance",
            "settings.userLabels",
            SPELT,
        ),
        (
            "tags-kubernetes-labels",
            "kubernetes:apps/v1:Deployment",
            "metadata.labels",
            {**ALL, "owner": "ml_example.com"},
        ),
    ],
)
def test_missing_tags_are_added_as_each_cloud_writes_them(
    rule_id: str, token: str, place: str, expected: dict[str, str]
) -> None:
    own = {"Name": "models", "managed-by": "somebody"}
    inputs = nested({place: own, "location": "here"})
    mended = _mended(rule_id, _within(resource(token, inputs)))
    assert mended is not None
    assert get(mended, place) == {**expected, **own}
    assert mended["location"] == "here"


def test_tags_of_the_provider_are_not_written_again() -> None:
    provider = resource("pulumi:providers:aws", {"defaultTags": {"tags": SHARED}}, name="aws")
    subject = _within(resource("aws:s3/bucket:Bucket", {}, provider=f"{provider.urn}::id"))
    assert _mended("tags-required", subject, provider) == {"tags": {"capability": "artifacts"}}


@pytest.mark.parametrize(
    "subject",
    [
        resource("aws:s3/bucket:Bucket", {}),  # of no capability
        _within(resource("aws:s3/bucket:Bucket", {"tags": UNKNOWN})),
        _within(resource("aws:autoscaling/group:Group", {"tags": []})),
        _within(resource("aws:s3/bucket:Bucket", {"tags": ALL})),  # whole
    ],
)
def test_what_cannot_be_made_whole_is_left_alone(subject: Resource) -> None:
    assert _mended("tags-required", subject) is None


def test_a_setting_gets_its_first_accepted_value_and_nothing_else_changes() -> None:
    account = {"minimumTlsVersion": "TLS1_1", "kind": "StorageV2"}
    subject = resource("azure-native:storage:StorageAccount", account)
    mended = _mended("transit-azure-tls-version", subject)
    assert mended == {**account, "minimumTlsVersion": "TLS1_2"}
    newer = resource("azure-native:storage:StorageAccount", {"minimumTlsVersion": "TLS1_3"})
    assert _mended("transit-azure-tls-version", newer) is None


@pytest.mark.parametrize(
    ("rule_id", "token", "inputs"),
    [
        (
            "transit-azure-tls-version",
            "azure-native:storage:StorageAccount",
            {"minimumTlsVersion": UNKNOWN},
        ),
        (
            "transit-gcp-database-tls",
            "gcp:sql/databaseInstance:DatabaseInstance",
            {"settings": UNKNOWN},
        ),
    ],
)
def test_a_value_that_is_not_known_is_not_overwritten(
    rule_id: str, token: str, inputs: dict[str, Any]
) -> None:
    assert _mended(rule_id, resource(token, inputs)) is None
