"""What policies on AWS allow, and who may have them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from plinth.graph import UNKNOWN, Resource
from plinth_policies.controls import PRIVILEGE
from plinth_policies.model import REGISTRY, Scope
from plinth_policies.privilege.documents import (
    allowed,
    covers_everything,
    principals,
    takes,
)
from plinth_policies.values import blocks, get, known, listed

ROLE: Final = "aws:iam/role:Role"
ROLE_POLICY: Final = "aws:iam/rolePolicy:RolePolicy"
ROLE_ATTACHMENT: Final = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
ATTACHMENT: Final = "aws:iam/policyAttachment:PolicyAttachment"
USER_ATTACHMENT: Final = "aws:iam/userPolicyAttachment:UserPolicyAttachment"
USER_POLICY: Final = "aws:iam/userPolicy:UserPolicy"

#: Type -> where its policy of an identity is.
IDENTITY_POLICIES: Final = {
    "aws:iam/policy:Policy": "policy",
    ROLE_POLICY: "policy",
    USER_POLICY: "policy",
    "aws:iam/groupPolicy:GroupPolicy": "policy",
    ROLE: "inlinePolicies.policy",
    "aws:ssoadmin/permissionSetInlinePolicy:PermissionSetInlinePolicy": "inlinePolicy",
}

#: Type -> where it names the policies that it attaches.
ATTACHMENTS: Final = {
    ROLE_ATTACHMENT: "policyArn",
    USER_ATTACHMENT: "policyArn",
    "aws:iam/groupPolicyAttachment:GroupPolicyAttachment": "policyArn",
    ATTACHMENT: "policyArn",
    ROLE: "managedPolicyArns",
    "aws:ssoadmin/managedPolicyAttachment:ManagedPolicyAttachment": "managedPolicyArn",
}

#: Every action of all services or of one.
_EVERY_ACTION: Final = re.compile(r"[*?]+|[^:]+:[*?]+")

#: With any of these on every resource of a type, an identity becomes whichever it likes.
_BECOMING: Final = (
    "iam:AddUserToGroup",
    "iam:AttachGroupPolicy",
    "iam:AttachRolePolicy",
    "iam:AttachUserPolicy",
    "iam:CreateAccessKey",
    "iam:CreateLoginProfile",
    "iam:CreatePolicyVersion",
    "iam:PassRole",
    "iam:PutGroupPolicy",
    "iam:PutRolePolicy",
    "iam:PutUserPolicy",
    "iam:SetDefaultPolicyVersion",
    "iam:UpdateAssumeRolePolicy",
    "iam:UpdateLoginProfile",
    "sts:AssumeRole",
)

#: With any of these on every resource of a type, it reads all data or secrets of the account.
_READING: Final = (
    "s3:GetObject",
    "secretsmanager:GetSecretValue",
    "ssm:GetParameter",
    "ssm:GetParameters",
    "ssm:GetParametersByPath",
)

#: AWS' own policies that stand for administrators or for everything of a service.
_BROAD: Final = re.compile(
    r".*FullAccess.*|AdministratorAccess.*|PowerUserAccess|(Database|Network|System)Administrator"
)

#: Providers whose tokens have no subject to ask for (IAM user guide, "Available keys for AWS web
#: identity federation").
_WITHOUT_SUBJECT: Final = re.compile(r":saml-provider/|^cognito-identity\.amazonaws\.com$")

#: A subject that names one repository, service account or the like, at least its owner in full.
_BOUND: Final = re.compile(r"(?!([^:/]*:|system:serviceaccount:)?[^:/]*[*?]).+")


def _document(**statement: Any) -> str:
    """A policy document for an example."""
    return json.dumps({"Statement": [{"Effect": "Allow", **statement}]})


@REGISTRY.rule(
    "privilege-aws-wildcard",
    title="Identities on AWS may do named things to named resources",
    why="Whoever takes over an identity that may do everything, pass any role or read all secrets "
    "has the account.",
    fix="name the actions, and the resources that they are for",
    judges={token: (path,) for token, path in IDENTITY_POLICIES.items()},
    controls=(*PRIVILEGE, "cis-aws/1.16"),
    good={"policy": _document(Action="s3:GetObject", Resource="arn:aws:s3:::models/*")},
    bad={"policy": _document(Action="*", Resource="*")},
)
def _wildcard(resource: Resource, _scope: Scope) -> Iterator[str]:
    path, _, inner = IDENTITY_POLICIES[resource.type].partition(".")
    policies = [resource.inputs.get(path)]
    if inner:
        policies = [get(policy, inner) for policy in blocks(policies[0], path)]
    for policy in policies:
        for statement in allowed(policy, path):
            yield from _too_much(statement)


def _too_much(statement: Mapping[str, Any]) -> Iterator[str]:
    everything = covers_everything(statement)
    all_of_a_type = covers_everything(statement, of_a_type=True)
    if everything and "NotAction" in statement:
        yield "a statement allows everything but some actions, on everything"
    for action in listed(statement.get("Action", [])):
        if everything and _EVERY_ACTION.fullmatch(action):
            yield f"a statement allows {action} on everything"
        elif all_of_a_type and takes(action, _BECOMING):
            yield f"a statement allows {action} on everything, and with it any identity"
        elif all_of_a_type and takes(action, _READING):
            yield f"a statement allows {action} on everything, and with it all data"


@REGISTRY.rule(
    "privilege-aws-managed-policy",
    title="No identity on AWS has an administrator's policy or full access to a service",
    why="AWS' broad policies cover every resource of the account, and grow with every new service.",
    fix="attach a policy that names the actions and the resources",
    judges={token: (path,) for token, path in ATTACHMENTS.items()},
    controls=(*PRIVILEGE, "cis-aws/1.16", "cis-aws/1.22"),
    good={"policyArn": "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"},
    bad={"policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"},
)
def _managed_policy(resource: Resource, _scope: Scope) -> Iterator[str]:
    name = ATTACHMENTS[resource.type]
    # A policy without an ARN yet is made by another resource, and judged there.
    for arn in listed(resource.inputs.get(name)):
        if arn is not None and arn != UNKNOWN:
            policy = str(known(arn, name)).rsplit("/", 1)[-1]
            if ":iam::aws:policy/" in arn and _BROAD.fullmatch(policy):
                yield f"{name} is {policy}"


@REGISTRY.rule(
    "privilege-aws-trust",
    title="Roles on AWS are assumed by named principals, and from outside by named subjects",
    why="A role that trusts everyone, or every subject of an identity provider, is a role of "
    "whoever has an account there, such as every repository on GitHub.",
    fix="name the principals, and for identity providers their subjects in a condition on sub",
    judges={ROLE: ("assumeRolePolicy",)},
    controls=PRIVILEGE,
    good={
        "assumeRolePolicy": _document(
            Principal={"Service": "ec2.amazonaws.com"}, Action="sts:AssumeRole"
        )
    },
    bad={"assumeRolePolicy": _document(Principal="*", Action="sts:AssumeRole")},
)
def _trust(resource: Resource, _scope: Scope) -> Iterator[str]:
    for statement in allowed(resource.inputs.get("assumeRolePolicy"), "assumeRolePolicy"):
        if "*" in principals(statement) or "NotPrincipal" in statement:
            yield "the role trusts everyone"
        for provider in principals(statement, "Federated"):
            issuer = provider.rpartition(":oidc-provider/")[2]
            if not (_WITHOUT_SUBJECT.search(issuer) or _bound_subject(statement)):
                yield f"the role trusts every subject of {issuer}"


def _bound_subject(statement: Mapping[str, Any]) -> bool:
    subjects = [
        value
        for operator, tests in (get(statement, "Condition") or {}).items()
        if operator.removeprefix("ForAnyValue:") in ("StringEquals", "StringLike")
        for key, values in tests.items()
        if key.endswith(":sub")
        for value in listed(values)
    ]
    return bool(subjects) and all(_BOUND.fullmatch(subject) for subject in subjects)
