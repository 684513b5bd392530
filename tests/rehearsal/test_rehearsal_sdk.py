from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_random
import pytest
from pulumi_aws import eks, s3

from plinth.errors import UsageError
from plinth.rehearsal.sdk import Field, Kind, Sdk

AWS, KUBERNETES, RANDOM = Sdk("pulumi_aws"), Sdk("pulumi_kubernetes"), Sdk("pulumi_random")


def kind(sdk: Sdk, token: str) -> Kind:
    found = sdk.kind(token)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("sdk", "token", "args"),
    [
        (RANDOM, "random:index/randomPassword:RandomPassword", pulumi_random.RandomPasswordArgs),
        (AWS, "aws:eks/cluster:Cluster", eks.ClusterArgs),
        (AWS, "aws:s3/bucket:Bucket", s3.BucketArgs),
    ],
)
def test_reads_what_the_class_itself_says(sdk: Sdk, token: str, args: type) -> None:
    names = pulumi._types.input_type_py_to_pulumi_names(args)
    parameters = list(inspect.signature(args).parameters.values())
    required = {names.get(p.name, p.name) for p in parameters if p.default is p.empty}
    inputs = kind(sdk, token).inputs
    assert set(inputs) == {names.get(p.name, p.name) for p in parameters}
    assert {name for name, known in inputs.items() if known.required} == required


def test_every_kubernetes_type_can_be_read() -> None:
    for token in KUBERNETES.tokens:
        assert kind(KUBERNETES, token).outputs or token.startswith("pulumi:"), token


def test_nested_objects_are_followed_across_modules() -> None:
    deployment = kind(KUBERNETES, "kubernetes:apps/v1:Deployment").inputs
    path: Sequence[str] = ("spec", "template", "spec", "containers", "resources", "limits")
    fields: Mapping[str, Field] = deployment
    for key in path[:-1]:
        type_ = fields[key].type
        fields = KUBERNETES.fields((type_.items or type_).objects[0])
    limits = fields["limits"].type.entries
    assert limits is not None
    assert limits.scalars == {"string"}
    assert deployment["kind"].type.values == ("Deployment",)
    assert deployment["spec"].required


def test_types_lists_maps_and_optional_outputs() -> None:
    bucket = kind(AWS, "aws:s3/bucket:Bucket")
    assert bucket.inputs["forceDestroy"].type.scalars == {"boolean"}
    assert bucket.inputs["tags"].type.entries is not None
    assert bucket.inputs["corsRules"].type.items is not None
    assert not bucket.outputs["arn"].type.optional
    assert bucket.outputs["bucketPrefix"].required is False


def test_open_enumerations_accept_text() -> None:
    instance = kind(AWS, "aws:ec2/instance:Instance").inputs["instanceType"].type
    assert "t3.micro" in instance.values
    assert instance.scalars == {"string"}


@pytest.mark.parametrize(
    ("token", "name", "allowed"),
    [
        ("aws:kms/key:Key", "keyUsage", ("ENCRYPT_DECRYPT", "SIGN_VERIFY", "GENERATE_VERIFY_MAC")),
        ("aws:eks/nodeGroup:NodeGroup", "capacityType", ("ON_DEMAND", "SPOT")),
        ("aws:s3/bucket:Bucket", "bucketPrefix", ()),
    ],
)
def test_documented_values(token: str, name: str, allowed: tuple[str, ...]) -> None:
    assert kind(AWS, token).inputs[name].values == allowed


@pytest.mark.parametrize(
    ("token", "name", "forces"),
    [
        ("aws:rds/instance:Instance", "characterSetName", True),
        ("aws:eks/cluster:Cluster", "bootstrapSelfManagedAddons", True),
        ("aws:ec2/launchTemplate:LaunchTemplate", "description", False),
        ("aws:sqs/queue:Queue", "visibilityTimeoutSeconds", False),
    ],
)
def test_documented_replacements(token: str, name: str, forces: bool) -> None:
    assert kind(AWS, token).inputs[name].replaces is forces


def test_unknown_types_and_missing_sdks() -> None:
    assert AWS.kind("aws:s3/bucket:Pail") is None
    missing: Any = Sdk("pulumi_nowhere")
    with pytest.raises(UsageError, match="pulumi_nowhere is not installed"):
        _ = missing.tokens
