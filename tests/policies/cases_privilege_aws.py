"""Good and bad cases of the rules on privilege on AWS."""

from __future__ import annotations

import json
from typing import Any

from policy_support import Inputs, Table, resource, settings_table

from plinth.graph import SECRET, UNKNOWN, Resource
from plinth_policies.privilege import aws

ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
ATTACHMENT = "aws:iam/policyAttachment:PolicyAttachment"
ROLE_ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
USER_ATTACHMENT = "aws:iam/userPolicyAttachment:UserPolicyAttachment"
USER_POLICY = "aws:iam/userPolicy:UserPolicy"
PERMISSIONS = "aws:ssoadmin/permissionSetInlinePolicy:PermissionSetInlinePolicy"
KEY = "aws:iam/accessKey:AccessKey"
LOGIN = "aws:iam/userLoginProfile:UserLoginProfile"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
CLUSTER = "aws:eks/cluster:Cluster"
NODES = "aws:eks/nodeGroup:NodeGroup"

GITHUB = "arn:aws:iam::111111111111:oidc-provider/token.actions.githubusercontent.com"
MANAGED = "arn:aws:iam::aws:policy/"


def _statement(**more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", **more}


def _policy(action: Any = "s3:GetObject", on: Any = "*", **more: Any) -> dict[str, Any]:
    statement = _statement(Action=action, Resource=on, **more)
    return {"policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]})}


def _trust(principal: Any, **conditions: Any) -> dict[str, Any]:
    statement = _statement(Principal=principal, Action="sts:AssumeRole", Condition=conditions)
    return {"assumeRolePolicy": {"Statement": statement}}


def _github(subject: Any, operator: str = "StringLike") -> dict[str, Any]:
    condition = {operator: {"token.actions.githubusercontent.com:sub": subject}}
    return _trust({"Federated": GITHUB}, **condition)


def _wide(token: str) -> tuple[list[Resource], str]:
    path, _, inner = aws.IDENTITY_POLICIES[token].partition(".")
    text = _policy("*")["policy"]
    inputs = {path: [{"name": "all", inner: text}] if inner else text}
    return [resource(token, inputs)], "allows * on everything"


def _attached(token: str, *policies: Any) -> list[Resource]:
    name = aws.ATTACHMENTS[token]
    return [resource(token, {name: list(policies) if name.endswith("Arns") else policies[0]})]


def _metadata(tokens: Any = "required", hops: Any = 1, token: str = TEMPLATE) -> list[Resource]:
    options = {"httpTokens": tokens, "httpPutResponseHopLimit": hops}
    return [resource(token, {"metadataOptions": options})]


def _nodes(role: Inputs, *more: Resource) -> list[Resource]:
    group = resource(NODES, {"nodeRoleArn": "arn:aws:iam::111111111111:role/node"})
    arn = {"arn": "arn:aws:iam::111111111111:role/node"}
    return [group, resource(ROLE, {"name": "node", **role}, "node", outputs=arn), *more]


def _has(policy: str) -> Resource:
    return resource(ROLE_ATTACHMENT, {"role": "node", "policyArn": policy}, "attachment")


TABLES = {
    "privilege-aws-wildcard": Table(
        ROLE_POLICY,
        good=[
            {},
            {"policy": UNKNOWN},
            _policy("s3:*", "arn:aws:s3:::models/*"),
            _policy("ec2:Describe*", "*"),
            _policy("ssm:GetParameter", "arn:aws:ssm:eu-west-1:111111111111:parameter/churn/*"),
            _policy("s3:GetObject", "arn:aws:s3:::churn-*/*"),
            _policy("iam:PassRole", "arn:aws:iam::111111111111:role/churn-*"),
            _policy(["kms:Decrypt"], "arn:aws:kms:eu-west-1:111111111111:key/*"),
            {"policy": json.dumps({"Statement": {"Effect": "Deny", "Action": "*"}})},
        ],
        bad=[
            *(_wide(token) for token in aws.IDENTITY_POLICIES),
            (_policy("*:*"), "allows *:* on everything"),
            (_policy(["s3:GetBucketAcl", "s3:*"]), "allows s3:* on everything"),
            (_policy("s3:*", ["arn:aws:s3:::*"]), "allows s3:* on everything"),
            (_policy("iam:Pass*"), "and with it any identity"),
            (_policy("IAM:passrole", "arn:aws:iam::*:role/*"), "and with it any identity"),
            (_policy("secretsmanager:Get*"), "and with it all data"),
            (_policy("s3:*", "arn:aws:s3:::*/*"), "and with it all data"),
            (_policy("secretsmanager:*", "arn:aws:secretsmanager:*:*:secret:*"), "all data"),
            (_policy("ssm:GetParameter*", "arn:aws:ssm:*:111111111111:parameter/*"), "all data"),
            (_policy("iam:CreateAccessKey", "arn:aws:iam::*:user/*"), "and with it any identity"),
            (
                {"policy": {"Statement": [_statement(NotAction="iam:*", Resource="*")]}},
                "everything but some actions",
            ),
            (
                {"policy": {"Statement": [_statement(Action="*", NotResource="arn:aws:s3:::a")]}},
                "allows * on everything",
            ),
            ({"policy": SECRET}, "policy is not known"),
            ({"policy": "{"}, "could not judge"),
        ],
    ),
    "privilege-aws-managed-policy": Table(
        ROLE_ATTACHMENT,
        good=[
            {"policyArn": UNKNOWN},
            {"policyArn": f"{MANAGED}AmazonEKSClusterPolicy"},
            {"policyArn": f"{MANAGED}service-role/AmazonEBSCSIDriverPolicy"},
            {"policyArn": "arn:aws:iam::111111111111:policy/AdministratorAccess"},
            [resource(ROLE, {})],
        ],
        bad=[
            *(
                (_attached(token, f"{MANAGED}AdministratorAccess"), "is AdministratorAccess")
                for token in aws.ATTACHMENTS
            ),
            ({"policyArn": f"{MANAGED}PowerUserAccess"}, "is PowerUserAccess"),
            ({"policyArn": f"{MANAGED}AmazonS3FullAccess"}, "is AmazonS3FullAccess"),
            ({"policyArn": f"{MANAGED}job-function/SystemAdministrator"}, "SystemAdministrator"),
            ({"policyArn": SECRET}, "policyArn is not known"),
            (_attached(ROLE, UNKNOWN, f"{MANAGED}IAMFullAccess"), "is IAMFullAccess"),
            ([resource(ROLE, {"managedPolicyArns": SECRET})], "managedPolicyArns is not known"),
        ],
    ),
    "privilege-aws-trust": Table(
        ROLE,
        good=[
            {"assumeRolePolicy": UNKNOWN},
            _trust({"Service": "eks.amazonaws.com"}),
            _trust({"Federated": "arn:aws:iam::111111111111:saml-provider/people"}),
            _trust({"Federated": "cognito-identity.amazonaws.com"}),
            _trust({"AWS": "arn:aws:iam::111111111111:root"}),
            _github("repo:example/churn:ref:refs/heads/main", "StringEquals"),
            _github(["repo:example/churn:*", "repo:example/features:*"]),
            _github(["system:serviceaccount:tracking:*", "organization:example:project:*"]),
        ],
        bad=[
            (_trust("*"), "trusts everyone"),
            (_trust({"AWS": ["111111111111", "*"]}), "trusts everyone"),
            (_trust({"Federated": GITHUB}), "every subject of token.actions"),
            (_github("repo:*"), "every subject of token.actions"),
            (_github("repo:exam*"), "every subject of token.actions"),
            (_github("repo:exam*/churn:*"), "every subject of token.actions"),
            (_github("system:serviceaccount:tr*"), "every subject of token.actions"),
            (_github(["repo:example/churn:*", "*"]), "every subject of token.actions"),
            (_github("repo:example/churn:*", "StringNotEquals"), "every subject of token.actions"),
            (_trust({"Federated": "accounts.google.com"}), "every subject of accounts.google.com"),
            ({"assumeRolePolicy": SECRET}, "assumeRolePolicy is not known"),
        ],
    ),
    "privilege-aws-static-keys": Table(
        KEY,
        good=[{"user": "ci", "status": "Inactive"}],
        bad=[
            ({"user": "ci"}, "a user has a static key"),
            ({"status": "Active"}, "a user has a static key"),
            ({"status": UNKNOWN}, "status is not known"),
            *(
                ([resource(f"aws:iam/{kind[0].lower()}{kind[1:]}:{kind}", {})], "a static key")
                for kind in ("ServiceSpecificCredential", "SshKey", "SigningCertificate")
            ),
            ([resource(LOGIN, {"user": "ada"})], "a user has a password"),
        ],
    ),
    "privilege-aws-user-policy": Table(
        ATTACHMENT,
        good=[{}, {"roles": ["reader"], "users": []}],
        bad=[
            ({"users": ["ada"]}, "rights of its own"),
            ({"users": UNKNOWN}, "users is not known"),
            ([resource(USER_ATTACHMENT, {"user": "ada"})], "rights of its own"),
            ([resource(USER_POLICY, {"user": UNKNOWN})], "rights of its own"),
        ],
    ),
    "privilege-machine-metadata": Table(
        TEMPLATE,
        good=[_metadata(), {"metadataOptions": {"httpEndpoint": "disabled"}}],
        bad=[
            ({}, "httpTokens is not set"),
            (_metadata("optional"), "httpTokens is optional"),
            (_metadata(UNKNOWN), "httpTokens is not known"),
            (_metadata(hops=2), "httpPutResponseHopLimit is 2"),
            (_metadata(hops=None), "httpPutResponseHopLimit is not set"),
            (_metadata(hops=UNKNOWN), "httpPutResponseHopLimit is not known"),
            ({"metadataOptions": UNKNOWN}, "metadataOptions is not known"),
            (_metadata("optional", token="aws:ec2/instance:Instance"), "httpTokens is optional"),
            (
                _metadata("optional", token="aws:ec2/launchConfiguration:LaunchConfiguration"),
                "httpTokens is optional",
            ),
        ],
    ),
    "privilege-eks-access": settings_table(
        (CLUSTER, "accessConfig.authenticationMode", "API", "API_AND_CONFIG_MAP"),
    ),
    "privilege-eks-node-role": Table(
        NODES,
        good=[
            {"nodeRoleArn": "arn:aws:iam::111111111111:role/elsewhere"},
            _nodes({}, _has(f"{MANAGED}AmazonEKSWorkerNodePolicy")),
            _nodes({"managedPolicyArns": UNKNOWN, "inlinePolicies": UNKNOWN}),
        ],
        bad=[
            (_nodes({}, resource(ROLE_POLICY, {"role": "node"})), "has a policy of its own"),
            (_nodes({"inlinePolicies": [{"name": "data"}]}), "has a policy of its own"),
            (_nodes({}, _has(f"{MANAGED}AmazonS3ReadOnlyAccess")), "AmazonS3ReadOnlyAccess"),
            (_nodes({}, _has(UNKNOWN)), "has the policy made here"),
            (_nodes({"managedPolicyArns": [f"{MANAGED}AmazonSQSFullAccess"]}), "AmazonSQSFull"),
        ],
    ),
}
