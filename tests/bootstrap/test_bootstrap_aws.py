"""The policy documents of an account on AWS, and what IAM itself says of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from typing import Any

import boto3
import pytest
from moto import mock_aws

from accounts_support import TRUST, graph
from example import ROOT, SPEC, Example
from plinth.bootstrap import aws_documents as documents
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
        documents.deploy("111111111111", FAR),
    ):
        assert len("".join(json.dumps(document).split())) <= 6144


def test_the_boundary_has_room_for_what_deployments_and_workloads_do(
    plan: Callable[[str | Example], Plan],
) -> None:
    boundary = documents.boundary("111111111111", BUCKETS)
    wanted = set(actions(documents.deploy("111111111111", FAR)))
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
