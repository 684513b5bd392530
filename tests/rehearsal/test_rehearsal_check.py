from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plinth.graph import UNKNOWN
from plinth.rehearsal.check import Checker, join
from plinth.rehearsal.sdk import Kind, Sdk

AWS, KUBERNETES = Sdk("pulumi_aws"), Sdk("pulumi_kubernetes")


def problems(sdk: Sdk, token: str, inputs: dict[str, Any]) -> dict[str, str]:
    kind = sdk.kind(token)
    assert isinstance(kind, Kind)
    found = Checker(sdk, lenient=sdk is AWS).fields(inputs, kind.inputs)
    return {failure.path: failure.reason for failure in found}


def aws(token: str, **inputs: Any) -> dict[str, str]:
    return problems(AWS, f"aws:{token}", inputs)


def pod(**container: Any) -> dict[str, str]:
    container = {"name": "main", **container}
    return problems(KUBERNETES, "kubernetes:core/v1:Pod", {"spec": {"containers": [container]}})


def test_unknown_property_names_its_place_and_the_nearest() -> None:
    found = aws("eks/cluster:Cluster", roleArn="r", vpcConfig={"subnetIds": [], "subnetsIds": []})
    assert found == {
        "vpcConfig.subnetsIds": "vpcConfig.subnetsIds is not a known property;"
        " did you mean subnetIds?"
    }


def test_missing_properties_at_any_depth() -> None:
    assert set(aws("eks/cluster:Cluster", vpcConfig={})) == {"roleArn", "vpcConfig.subnetIds"}
    assert set(pod(ports=[{"name": "http"}])) == {"spec.containers[0].ports[0].containerPort"}


@pytest.mark.parametrize(
    ("inputs", "path"),
    [
        ({"forceDestroy": "perhaps"}, "forceDestroy"),
        ({"bucket": ["a"]}, "bucket"),
        ({"bucket": {"name": "a"}}, "bucket"),
        ({"tags": "team=ml"}, "tags"),
        ({"tags": {"team.name": ["ml"]}}, 'tags["team.name"]'),
        ({"corsRules": {"allowedMethods": ["GET"]}}, "corsRules"),
        ({"corsRules": [{"allowedMethods": ["GET"], "allowedOrigins": [], "maxAgeSeconds": "x"}]},
         "corsRules[0].maxAgeSeconds"),
    ],
)  # fmt: skip
def test_wrong_types(inputs: dict[str, Any], path: str) -> None:
    found = aws("s3/bucket:Bucket", **inputs)
    assert list(found) == [path]
    assert "must be" in found[path]


def test_bridged_providers_turn_scalars_into_one_another_and_kubernetes_does_not() -> None:
    assert aws("sqs/queue:Queue", delaySeconds="30", fifoQueue="true", name=5) == {}
    assert list(pod(env=[{"name": "PORT", "value": 8080}])) == ["spec.containers[0].env[0].value"]
    assert list(pod(stdin="true")) == ["spec.containers[0].stdin"]


def test_whole_numbers() -> None:
    assert aws("sqs/queue:Queue", delaySeconds=30.0) == {}
    assert list(aws("sqs/queue:Queue", delaySeconds=30.5)) == ["delaySeconds"]
    assert list(aws("sqs/queue:Queue", delaySeconds=True)) == ["delaySeconds"]


@pytest.mark.parametrize(
    ("token", "inputs", "path"),
    [
        ("kms/key:Key", {"keyUsage": "ENCRYPT"}, "keyUsage"),
        ("eks/cluster:Cluster",
         {"roleArn": "r", "vpcConfig": {"subnetIds": ["s"]},
          "accessConfig": {"authenticationMode": "IAM"}}, "accessConfig.authenticationMode"),
        ("s3/bucketCorsConfiguration:BucketCorsConfiguration",
         {"bucket": "b", "corsRules": [{"allowedMethods": ["GET", "FETCH"], "allowedOrigins": []}]},
         "corsRules[0].allowedMethods"),
    ],
)  # fmt: skip
def test_values_outside_the_documented_ones(token: str, inputs: dict[str, Any], path: str) -> None:
    found = aws(token, **inputs)
    assert list(found) == [path]
    assert "not one of" in found[path]


def test_kubernetes_enumerations_and_literals() -> None:
    assert "Always, Never" in pod(imagePullPolicy="Sometimes")["spec.containers[0].imagePullPolicy"]
    assert list(problems(KUBERNETES, "kubernetes:core/v1:Pod", {"kind": "Pot"})) == ["kind"]


def test_open_enumerations_take_any_text() -> None:
    assert aws("ec2/instance:Instance", instanceType="m99.huge") == {}


@given(st.sampled_from(["bucket", "forceDestroy", "corsRules", "tags", "versioning"]))
def test_unknown_values_fit_every_type(name: str) -> None:
    assert aws("s3/bucket:Bucket", **{name: UNKNOWN}) == {}


def test_unknown_values_count_as_given() -> None:
    assert aws("eks/cluster:Cluster", roleArn=UNKNOWN, vpcConfig={"subnetIds": [UNKNOWN]}) == {}


def test_a_union_is_judged_by_its_best_alternative() -> None:
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*"}]}
    assert aws("iam/role:Role", assumeRolePolicy=document) == {}
    assert aws("iam/role:Role", assumeRolePolicy="{}") == {}
    assert list(aws("iam/role:Role", assumeRolePolicy={**document, "Statements": []})) == [
        "assumeRolePolicy.Statements"
    ]


def test_own_marks_are_not_properties() -> None:
    assert aws("s3/bucket:Bucket", __defaults=["bucket"]) == {}


def test_paths_are_written_the_way_pulumi_reads_them() -> None:
    assert join("", "spec") == "spec"
    assert join("spec", "tls") == "spec.tls"
    assert join("items", 3) == "items[3]"
    assert join("metadata.labels", "a/b.c") == 'metadata.labels["a/b.c"]'
