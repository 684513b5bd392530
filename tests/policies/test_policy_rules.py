from __future__ import annotations

import re
from dataclasses import asdict, replace
from fnmatch import fnmatchcase
from typing import Any, cast

import cases_backup_aws
import cases_backup_azure
import cases_backup_gcp
import cases_backup_kubernetes
import cases_budget
import cases_encryption_aws
import cases_encryption_azure
import cases_encryption_gcp
import cases_encryption_kubernetes
import cases_exposure_aws
import cases_exposure_azure
import cases_exposure_gcp
import cases_exposure_kubernetes
import cases_images
import cases_logging_aws
import cases_logging_azure
import cases_logging_gcp
import cases_pods
import cases_privilege_aws
import cases_privilege_azure
import cases_privilege_gcp
import cases_privilege_kubernetes
import cases_residency
import cases_size
import cases_tags
import cases_transit_aws
import cases_transit_azure
import cases_transit_gcp
import cases_transit_kubernetes
import pytest
import sdk_source
from policy_support import (
    STRICT,
    Table,
    bad_cases,
    gaps,
    good_cases,
    messages,
    resource,
    rule_of,
)

from plinth.graph import Graph
from plinth_policies import REGISTRY, Parameters, Scope
from plinth_policies.check import judge, mend
from plinth_policies.tags.gcp import PLACES
from plinth_policies.tags.reading import untagged_types

TABLES: dict[str, Table] = {
    **cases_encryption_aws.TABLES,
    **cases_encryption_azure.TABLES,
    **cases_encryption_gcp.TABLES,
    **cases_encryption_kubernetes.TABLES,
    **cases_transit_aws.TABLES,
    **cases_transit_azure.TABLES,
    **cases_transit_gcp.TABLES,
    **cases_transit_kubernetes.TABLES,
    **cases_exposure_aws.TABLES,
    **cases_exposure_azure.TABLES,
    **cases_exposure_gcp.TABLES,
    **cases_exposure_kubernetes.TABLES,
    **cases_privilege_aws.TABLES,
    **cases_privilege_azure.TABLES,
    **cases_privilege_gcp.TABLES,
    **cases_privilege_kubernetes.TABLES,
    **cases_logging_aws.TABLES,
    **cases_logging_azure.TABLES,
    **cases_logging_gcp.TABLES,
    **cases_tags.TABLES,
    **cases_pods.TABLES,
    **cases_images.TABLES,
    **cases_backup_aws.TABLES,
    **cases_backup_azure.TABLES,
    **cases_backup_gcp.TABLES,
    **cases_backup_kubernetes.TABLES,
    **cases_residency.TABLES,
    **cases_budget.TABLES,
    **cases_size.TABLES,
}

#: Kinds of custom resource definitions, which the Kubernetes SDK does not know.
CUSTOM_KINDS = (
    "kubernetes:gateway.networking.k8s.io/*",
    "kubernetes:gateway.envoyproxy.io/*",
    "kubernetes:postgresql.cnpg.io/*",
    "kubernetes:barmancloud.cnpg.io/*",
    "kubernetes:serving.kserve.io/*",
)


def test_every_rule_has_cases() -> None:
    assert gaps(TABLES) == []


@pytest.mark.parametrize(("rule_id", "graph"), good_cases(TABLES))
def test_accepts(rule_id: str, graph: Graph) -> None:
    assert messages(rule_id, graph) == []


@pytest.mark.parametrize(("rule_id", "graph", "text"), bad_cases(TABLES))
def test_refuses(rule_id: str, graph: Graph, text: str) -> None:
    assert any(text in message for message in messages(rule_id, graph))


@pytest.mark.parametrize(
    ("token", "path"),
    sorted(
        {
            (token, path)
            for rule in REGISTRY.rules
            for token, paths in rule.reads.items()
            for path in paths
            if not token.endswith(":*") and not any(fnmatchcase(token, k) for k in CUSTOM_KINDS)
        }
    ),
)
def test_properties_that_rules_read_exist(token: str, path: str) -> None:
    kinds = sdk_source.tokens_like(token)
    assert kinds
    assert [kind for kind in kinds if not sdk_source.has_property(kind, path)] == []


@pytest.mark.parametrize(
    ("token", "path"),
    [
        ("aws:rds/instance:Instance", "kmsKey"),
        ("aws:rds/instance:Instance", "kms_key_id"),
        ("aws:eks/cluster:Cluster", "vpcConfig.endpointPublic"),
        ("aws:eks/cluster:Cluster", "vpcConfig.endpointPublicAccess.x"),
        ("kubernetes:core/v1:Service", "spec.sourceRanges"),
        ("azure-native:storage:StorageAccount", "encryption.keyVault"),
        ("azure-native:network:NetworkSecurityGroup", "securityRules.sources"),
        ("gcp:storage/bucket:Bucket", "encryption.kmsKeyName"),
    ],
)
def test_properties_that_do_not_exist_are_told_apart(token: str, path: str) -> None:
    assert not sdk_source.has_property(token, path)


@pytest.mark.parametrize("cloud", sdk_source.CLOUDS)
def test_types_without_tags_are_those_of_the_sdk(cloud: str) -> None:
    shipped = sorted(token.removeprefix(f"{cloud}:") for token in untagged_types(cloud))
    assert shipped == sdk_source.untagged_types(cloud), "run sdk_source.py"


@pytest.mark.parametrize(("start", "place"), PLACES.items())
def test_labels_are_where_the_sdk_has_them(start: str, place: str) -> None:
    labelled = set(sdk_source.tokens_like(f"{start}*")) - untagged_types("gcp")
    assert labelled
    assert all(sdk_source.has_property(token, place) for token in labelled)


@pytest.mark.parametrize("package", ["aws", "azure-native", "gcp"])
def test_types_of_rules_exist(package: str) -> None:
    tokens = {token for rule in REGISTRY.rules for token in rule.reads if "*" not in token}
    mine = {token for token in tokens if token.startswith(f"{package}:")}
    assert mine - set(sdk_source.types_of(package)) == set()


@pytest.mark.parametrize(
    "token",
    [
        "azure-native:storage:StorageAccount",
        "azure-native:storage/v20240101:StorageAccount",
        "azure-native:storage/v20240101preview:StorageAccount",
        "azure-native_storage_v20240101:storage:StorageAccount",
    ],
)
def test_types_of_one_api_version_are_judged_like_any_other(token: str) -> None:
    graph = Graph("dev", "azure", (resource(token, {"publicNetworkAccess": "Enabled"}),))
    for rule_id in ("exposure-azure-public-network", "tags-required", "transit-azure-tls-version"):
        assert messages(rule_id, graph)
    untagged = resource(token.replace("StorageAccount", "BlobContainer"), {})
    assert not messages("tags-required", Graph("dev", "azure", (untagged,)))


def test_second_names_of_types_are_judged_like_the_first() -> None:
    kinds = {
        "aws:s3/bucketV2:BucketV2": "encryption-s3-bucket-kms",
        "aws:alb/listener:Listener": "transit-lb-listener-tls",
    }
    for token, rule_id in kinds.items():
        assert token in sdk_source.types_of("aws")
        assert messages(rule_id, Graph("dev", "aws", (resource(token, {"protocol": "HTTP"}),)))
    for graph in (g for rule_id, g in good_cases(TABLES) if rule_id == "encryption-s3-bucket-kms"):
        second = [replace(r, type=re.sub(r"(\w+):(\w+)$", r"\1V2:\2V2", r.type)) for r in graph]
        assert messages("encryption-s3-bucket-kms", replace(graph, resources=tuple(second))) == []


class _Spy:
    """Parameters that remember which of them were read."""

    def __init__(self) -> None:
        self.read: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        self.read.add(name)
        return getattr(STRICT, name)


@pytest.mark.parametrize("rule_id", sorted(TABLES))
def test_rules_read_the_parameters_that_they_declare(rule_id: str) -> None:
    """A parameter that is not declared would keep its default inside the engine."""
    spy = _Spy()
    graphs = [graph for name, graph in good_cases(TABLES) if name == rule_id]
    graphs += [graph for name, graph, _ in bad_cases(TABLES) if name == rule_id]
    rule = rule_of(rule_id)
    for graph in graphs:
        for subject in filter(rule.applies_to, graph):
            judge(rule, subject, Scope(graph, cast(Parameters, spy)))
            mend(rule, subject, Scope(graph, cast(Parameters, spy)))
    assert spy.read == set(rule.parameters)
    assert spy.read <= set(asdict(STRICT))


@pytest.mark.parametrize("rule", REGISTRY.rules, ids=lambda rule: rule.id)
def test_rules_without_companions_judge_a_resource_alone(rule: Any) -> None:
    """So the engine may show them one resource, with its provider, at a time."""
    for name, graph, _ in bad_cases(TABLES):
        if name != rule.id or rule.needs_graph:
            continue
        whole = Scope(graph, STRICT)
        for subject in filter(rule.applies_to, graph):
            provider = graph.provider_of(subject)
            alone = Graph("dev", "aws", (subject, *([provider] if provider else [])))
            assert judge(rule, subject, Scope(alone, STRICT)) == judge(rule, subject, whole)
