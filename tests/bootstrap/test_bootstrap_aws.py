"""The policy documents of an account on AWS, and what IAM itself says of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from moto import mock_aws

from accounts_support import TRUST, graph
from example import ROOT, SPEC, Example
from plinth.bootstrap import aws_documents as documents
from plinth.bootstrap.order import order_of
from plinth.bootstrap.planning import graph_of, judge
from plinth.planning import Plan

#: Region with the longest name, and so the longest names of buckets.
FAR = "ap-southeast-1"
BUCKETS = [f"plinth-{name}-111111111111-{FAR}" for name in ("state", "audit", "access-logs")]


def actions(document: dict[str, Any], effect: str = "Allow") -> Iterator[str]:
    for statement in document["Statement"]:
        if statement["Effect"] == effect:
            found = statement["Action"]
            yield from [found] if isinstance(found, str) else found


def missing(wanted: set[str], document: dict[str, Any]) -> list[str]:
    allowed = [pattern.lower() for pattern in actions(document)]
    return sorted(
        action
        for action in wanted
        if not any(fnmatchcase(action.lower(), pattern) for pattern in allowed)
    )


def test_policies_fit() -> None:
    """A managed policy has 6,144 characters at most, white space not counted (IAM quotas)."""
    for document in (
        documents.boundary("111111111111", BUCKETS),
        documents.deploy("111111111111", [FAR] * 4),
    ):
        assert len("".join(json.dumps(document).split())) <= 6144


def test_the_boundary_has_room_for_what_deployments_and_workloads_do(
    plan: Callable[[str | Example], Plan],
) -> None:
    boundary = documents.boundary("111111111111", BUCKETS)
    wanted = set(actions(documents.deploy("111111111111", [FAR])))
    for example in (
        Example(SPEC, "prod"),
        Example(ROOT / "examples" / "aws-gpu" / "platform.yaml", "prod"),
    ):
        for resource in plan(example).graph:
            if resource.type == "aws:iam/rolePolicy:RolePolicy":
                wanted |= set(actions(json.loads(resource.inputs["policy"])))
    assert missing(wanted, boundary) == []


@pytest.mark.parametrize(
    "action",
    [
        "iam:CreateUser",
        "iam:CreateAccessKey",
        "iam:DeleteRolePermissionsBoundary",
        "iam:CreatePolicyVersion",
        "iam:UpdateOpenIDConnectProviderThumbprint",
        "cloudtrail:StopLogging",
        "config:StopConfigurationRecorder",
        "ec2:DisableEbsEncryptionByDefault",
        "s3:PutAccountPublicAccessBlock",
    ],
)
def test_the_boundary_refuses(action: str) -> None:
    denied = list(actions(documents.boundary("111111111111", BUCKETS), "Deny"))
    assert any(fnmatchcase(action.lower(), pattern.lower()) for pattern in denied)


def test_logs_are_not_for_deployments_and_workloads_to_write() -> None:
    """What is overwritten or marked as deleted goes for good after a while."""

    def refused(action: str, resource: str) -> bool:
        statements = documents.boundary("111111111111", BUCKETS)["Statement"]
        return any(
            fnmatchcase(action, pattern) and fnmatchcase(resource, arn)
            for each in statements
            if each["Effect"] == "Deny" and "Condition" not in each
            for pattern in each["Action"]
            for arn in each["Resource"]
        )

    state, audit, access = (f"arn:aws:s3:::{name}" for name in BUCKETS)
    for action in ("s3:PutObject", "s3:PutObjectAcl", "s3:DeleteObject", "s3:DeleteObjectVersion"):
        assert refused(action, f"{audit}/AWSLogs/x")
        assert refused(action, f"{access}/state/x")
    assert not refused("s3:PutObject", f"{state}/.pulumi/x")
    assert not refused("s3:DeleteObject", f"{state}/.pulumi/locks/x")
    assert refused("s3:DeleteObjectVersion", f"{state}/.pulumi/x")
    assert refused("s3:PutBucketPolicy", state)


def test_a_pattern_is_compared_as_one_and_a_name_as_a_name() -> None:
    exact = documents.trust("arn", "host", "aud", ["repo:a/b:pull_request"])
    assert exact["Statement"][0]["Condition"] == {
        "StringEquals": {"host:aud": "aud", "host:sub": ["repo:a/b:pull_request"]}
    }
    some = documents.trust("arn", "host", "aud", ["project_path:a/b:ref_type:branch:ref:*"])
    assert set(some["Statement"][0]["Condition"]) == {"StringEquals", "StringLike"}


def test_both_roles_are_within_the_boundary_and_trust_named_subjects() -> None:
    roles = {
        each.name: each.inputs
        for each in graph("aws")
        if each.type == "aws:iam/role:Role" and "Identities" in each.urn
    }
    assert set(roles) == {"preview", "deploy"}
    for name, role in roles.items():
        assert role["permissionsBoundary"] == "arn:aws:iam::111111111111:policy/plinth-boundary"
        (statement,) = json.loads(role["assumeRolePolicy"])["Statement"]
        wanted = TRUST.preview if name == "preview" else TRUST.deploy
        assert statement["Condition"]["StringEquals"][f"{TRUST.host}:sub"] == list(wanted)


def test_what_aws_keeps_for_each_region_is_set_in_every_one(tmp_path: Path) -> None:
    """Disks, public access, machines' metadata and tags; keys, trail and roles are there once."""
    text = yaml.safe_load(SPEC.read_text(encoding="utf-8"))
    text["environments"] = {
        "dev": {"account": "111111111111"},
        "prod": {"account": "111111111111", "region": "eu-central-1"},
    }
    spec = tmp_path / "platform.yaml"
    spec.write_text(yaml.safe_dump(text), encoding="utf-8")
    order = replace(order_of("aws", spec), trust=TRUST)
    found = graph_of(order)
    assert judge(order, found).blocking == ()
    more = {each.urn for each in found} - {each.urn for each in graph("aws")}
    assert not {each.urn for each in graph("aws")} - {each.urn for each in found}
    assert sorted(urn.rsplit("$", 1)[-1].split(":", 1)[1] for urn in more) == [
        "cfg/deliveryChannel:DeliveryChannel::tags-eu-central-1",
        "cfg/recorder:Recorder::tags-eu-central-1",
        "cfg/recorderStatus:RecorderStatus::tags-eu-central-1",
        "cfg/rule:Rule::tags-eu-central-1",
        "ebs/defaultKmsKey:DefaultKmsKey::disks-eu-central-1",
        "ebs/encryptionByDefault:EncryptionByDefault::disks-eu-central-1",
        "ebs/snapshotBlockPublicAccess:SnapshotBlockPublicAccess::public-access-eu-central-1",
        "ec2/imageBlockPublicAccess:ImageBlockPublicAccess::public-access-eu-central-1",
        "ec2/instanceMetadataDefaults:InstanceMetadataDefaults::metadata-eu-central-1",
        "kms/alias:Alias::disks-eu-central-1",
        "kms/key:Key::disks-eu-central-1",
    ]
    regions = {each.inputs.get("region") for each in found if each.urn in more}
    assert regions == {"eu-central-1"}
    (rights,) = [each for each in found if each.name == "deploy" and each.type.endswith(":Policy")]
    for region in ("eu-west-1", "eu-central-1"):
        assert f"arn:aws:ssm:{region}::parameter/aws/*" in rights.inputs["policy"]


@mock_aws
def test_iam_takes_every_document() -> None:
    iam = boto3.client("iam", region_name="us-east-1", aws_access_key_id="testing",
                       aws_secret_access_key="testing")  # fmt: skip
    for resource in graph("aws"):
        inputs = resource.inputs
        if resource.type == "aws:iam/policy:Policy":
            iam.create_policy(PolicyName=inputs["name"], PolicyDocument=inputs["policy"])
        elif resource.type == "aws:iam/role:Role":
            iam.create_role(
                RoleName=inputs["name"], AssumeRolePolicyDocument=inputs["assumeRolePolicy"]
            )
    for resource in graph("aws"):
        if resource.type == "aws:iam/rolePolicy:RolePolicy":
            iam.put_role_policy(
                RoleName=resource.inputs["role"],
                PolicyName=resource.inputs["name"],
                PolicyDocument=resource.inputs["policy"],
            )


def test_a_named_boundary_is_every_roles(
    plan: Callable[[str | Example], Plan], tmp_path: Any
) -> None:
    spec = tmp_path / "platform.yaml"
    text = SPEC.read_text(encoding="utf-8")
    spec.write_text(f"{text}\nclouds: {{aws: {{boundary: plinth-boundary}}}}\n", encoding="utf-8")
    roles = [r for r in plan(Example(spec, "dev")).graph if r.type == "aws:iam/role:Role"]
    assert roles
    for role in roles:
        assert role.inputs["path"] == "/plinth/"
        assert role.inputs["permissionsBoundary"].endswith(":policy/plinth-boundary")
    unbounded = [r for r in plan("dev").graph if r.type == "aws:iam/role:Role"]
    assert not any(role.inputs.get("permissionsBoundary") for role in unbounded)
