"""The policy documents of an account on AWS: who may do what, and what nobody may. Pure data.

A deployment makes what the AWS adapter makes, and roles for workloads.  These roles are below one
path and carry the boundary, so whatever a deployment gives them ends where the boundary does; its
own role, the boundary and the guardrails are outside of that path, and out of its reach.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

BOUNDARY: Final = "plinth-boundary"
DEPLOY: Final = "plinth-deploy"
PREVIEW: Final = "plinth-preview"
#: Aliases of the keys of state and audit trail, which policies name: keys are numbered only later.
STATE_KEY: Final = "alias/plinth-state"
AUDIT_KEY: Final = "alias/plinth-audit"
#: Path of the roles that deployments make (:mod:`plinth.clouds.aws.boundary`).
_PATH: Final = "/plinth/"

#: What makes a platform, by service and verb.  Rights on IAM, keys, objects and secrets are apart.
_VERBS: Final[Mapping[str, tuple[str, ...]]] = {
    "acm": ("Request*", "Delete*", "AddTags*", "RemoveTags*", "Describe*", "List*"),
    "autoscaling": ("Describe*",),
    "budgets": ("ViewBudget", "ModifyBudget", "TagResource", "UntagResource", "List*"),
    "ec2": (
        "Allocate*", "Associate*", "Attach*", "Authorize*", "Create*", "Delete*", "Describe*",
        "Detach*", "Disassociate*", "Get*", "Modify*", "Release*", "Replace*", "Revoke*",
        "RunInstances", "UpdateSecurityGroup*",
    ),
    "ecr": (
        "BatchDelete*", "BatchGet*", "Create*", "Delete*", "Describe*", "Get*", "List*", "Put*",
        "Set*", "TagResource", "UntagResource",
    ),
    "eks": (
        "Associate*", "Create*", "Delete*", "Describe*", "Disassociate*", "List*", "Tag*",
        "Untag*", "Update*",
    ),
    "elasticache": (
        "AddTags*", "Create*", "Delete*", "Describe*", "List*", "Modify*", "RemoveTags*",
    ),
    "logs": (
        "AssociateKmsKey", "CreateLog*", "Delete*", "Describe*", "List*", "Put*", "Tag*", "Untag*",
    ),
    "rds": (
        "AddTags*", "Create*", "Delete*", "Describe*", "List*", "Modify*", "Reboot*",
        "RemoveTags*",
    ),
    "route53": ("ChangeResourceRecordSets", "ChangeTags*", "Get*", "List*"),
    "servicequotas": ("Get*", "List*"),
    "sns": (
        "CreateTopic", "DeleteTopic", "Get*", "List*", "Set*", "Subscribe", "Tag*", "Unsubscribe",
        "Untag*",
    ),
    "tag": ("GetResources", "GetTagKeys", "GetTagValues"),
}  # fmt: skip

#: ... and what its workloads do besides: nodes, controllers in the cluster, tools.
_WORKLOADS: Final[Mapping[str, tuple[str, ...]]] = {
    "autoscaling": ("SetDesiredCapacity", "TerminateInstanceInAutoScalingGroup"),
    "ec2": ("Assign*", "Unassign*"),
    "eks-auth": ("AssumeRoleForPodIdentity",),
    "elasticloadbalancing": (
        "AddTags", "Create*", "Delete*", "Deregister*", "Describe*", "Modify*", "Register*",
        "RemoveTags", "Set*",
    ),
    "kms": ("Decrypt", "Encrypt", "GenerateDataKey*", "ReEncrypt*"),
    "sns": ("Publish",),
}  # fmt: skip
_OBJECTS: Final = (
    "s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject*", "s3:ListMultipartUploadParts",
    "s3:PutObject*",
)  # fmt: skip

_KEYS: Final = (
    "kms:CancelKeyDeletion", "kms:CreateAlias", "kms:CreateGrant", "kms:CreateKey",
    "kms:DeleteAlias", "kms:DescribeKey", "kms:EnableKey*", "kms:Get*", "kms:List*",
    "kms:PutKeyPolicy", "kms:RevokeGrant", "kms:ScheduleKeyDeletion", "kms:Tag*", "kms:Untag*",
    "kms:UpdateAlias", "kms:UpdateKeyDescription",
)  # fmt: skip
_BUCKETS: Final = (
    "s3:CreateBucket", "s3:DeleteBucket*", "s3:GetBucket*", "s3:GetEncryption*",
    "s3:GetLifecycle*", "s3:GetAccelerate*", "s3:GetReplication*", "s3:ListAllMyBuckets",
    "s3:ListBucket*", "s3:PutBucket*", "s3:PutEncryption*", "s3:PutLifecycle*",
    "s3:ListTagsForResource", "s3:TagResource", "s3:UntagResource",
)  # fmt: skip
_SECRETS: Final = (
    "secretsmanager:CreateSecret", "secretsmanager:DeleteSecret", "secretsmanager:Describe*",
    "secretsmanager:GetResourcePolicy", "secretsmanager:List*", "secretsmanager:Put*",
    "secretsmanager:Tag*", "secretsmanager:Untag*", "secretsmanager:UpdateSecret*",
)  # fmt: skip
_ROLES: Final = (
    "iam:DeleteRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy", "iam:TagRole",
    "iam:UntagRole", "iam:UpdateAssumeRolePolicy", "iam:UpdateRole", "iam:UpdateRoleDescription",
)  # fmt: skip
_ROLES_WITHIN: Final = (
    "iam:AttachRolePolicy", "iam:CreateRole", "iam:PutRolePermissionsBoundary",
    "iam:PutRolePolicy",
)  # fmt: skip
_ROLES_READ: Final = ("iam:Get*", "iam:List*")

#: What nobody below the boundary may do: get credentials that last, or loosen a guardrail.
_NEVER: Final[Mapping[str, tuple[str, ...]]] = {
    "NoLastingCredentials": (
        "iam:AddUserToGroup", "iam:AttachGroupPolicy", "iam:AttachUserPolicy",
        "iam:CreateAccessKey", "iam:CreateGroup",
        "iam:CreateLoginProfile", "iam:CreateServiceSpecificCredential", "iam:CreateUser",
        "iam:PutGroupPolicy", "iam:PutUserPolicy", "iam:UpdateAccessKey", "iam:UpdateLoginProfile",
        "iam:UploadSSHPublicKey", "iam:UploadSigningCertificate",
    ),
    "NoOtherTrust": (
        "iam:*OpenIDConnectProvider*", "iam:*SAMLProvider*", "iam:CreatePolicyVersion",
        "iam:SetDefaultPolicyVersion",
        "iam:DeletePolicy", "iam:DeleteRolePermissionsBoundary", "account:*", "organizations:*",
    ),
    "KeepGuardrails": (
        "cloudtrail:*", "config:*", "ec2:DisableEbsEncryptionByDefault",
        "ec2:DisableImageBlockPublicAccess", "ec2:DisableSnapshotBlockPublicAccess",
        "ec2:ModifyEbsDefaultKmsKeyId", "ec2:ModifyInstanceMetadataDefaults",
        "ec2:ResetEbsDefaultKmsKeyId", "s3:PutAccountPublicAccessBlock",
    ),
}  # fmt: skip


def document(*statements: Mapping[str, Any]) -> dict[str, Any]:
    """A policy document."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _statement(
    sid: str, effect: str, actions: Sequence[str], resources: Any, condition: Any = None
) -> dict[str, Any]:
    found = {"Sid": sid, "Effect": effect, "Action": list(actions), "Resource": resources}
    return {**found, "Condition": condition} if condition else found


def _actions(*tables: Mapping[str, Sequence[str]]) -> list[str]:
    return [
        f"{service}:{verb}"
        for table in tables
        for service, verbs in table.items()
        for verb in verbs
    ]


def boundary(account: str, guarded_buckets: Sequence[str]) -> dict[str, Any]:
    """The most that any role of ours can do, whatever else it is given.

    Args:
        account: The account.
        guarded_buckets: Names of the buckets that hold state, audit trail and access logs; only
            the first is for deployments to write to.
    """
    root = f"arn:aws:iam::{account}"
    buckets = [f"arn:aws:s3:::{name}" for name in guarded_buckets]
    logs = [f"{bucket}/*" for bucket in buckets[1:]]
    return document(
        _statement(
            "AtMost",
            "Allow",
            [*_actions(_VERBS, _WORKLOADS), *_KEYS, *_BUCKETS, *_ROLES_READ],
            "*",
        ),
        _statement("Objects", "Allow", _OBJECTS, "arn:aws:s3:::*/*"),
        _statement(
            "Secrets",
            "Allow",
            [*_SECRETS, "secretsmanager:GetSecretValue"],
            f"arn:aws:secretsmanager:*:{account}:secret:*",
        ),
        _statement("Roles", "Allow", [*_ROLES, *_ROLES_WITHIN, "iam:PassRole"], _roles(account)),
        _statement(
            "RolesOfServices",
            "Allow",
            ["iam:CreateServiceLinkedRole"],
            f"{root}:role/aws-service-role/*",
        ),
        _statement("Images", "Allow", ["ssm:GetParameter*"], "arn:aws:ssm:*::parameter/aws/*"),
        *(_statement(sid, "Deny", actions, "*") for sid, actions in _NEVER.items()),
        _statement(
            "BoundedRolesOnly",
            "Deny",
            _ROLES_WITHIN,
            "*",
            {"StringNotEquals": {"iam:PermissionsBoundary": f"{root}:policy/{BOUNDARY}"}},
        ),
        _statement(
            "KeepBuckets",
            "Deny",
            [
                "s3:DeleteBucket*", "s3:DeleteObjectVersion", "s3:PutBucket*",
                "s3:PutEncryption*", "s3:PutLifecycle*",
            ],
            # With their objects: policies have little room.
            [f"{bucket}*" for bucket in buckets],
        ),
        _statement("KeepLogs", "Deny", ["s3:DeleteObject", "s3:PutObject*"], logs),
        _statement(
            "KeepKeys",
            "Deny",
            ["kms:PutKeyPolicy", "kms:ScheduleKeyDeletion"],
            "*",
            _any_alias(STATE_KEY, AUDIT_KEY),
        ),
        _statement("KeepAliases", "Deny", ["kms:*Alias"], "arn:aws:kms:*:*:alias/plinth-*"),
    )  # fmt: skip


def _any_alias(*aliases: str) -> dict[str, Any]:
    return {"ForAnyValue:StringEquals": {"kms:ResourceAliases": list(aliases)}}


def _roles(account: str) -> str:
    return f"arn:aws:iam::{account}:role{_PATH}*"


def deploy(account: str, regions: Sequence[str]) -> dict[str, Any]:
    """What a deployment may do in ``regions``: make a platform, in named verbs."""
    roles = _roles(account)
    images = [f"arn:aws:ssm:{region}::parameter/aws/*" for region in regions]
    bounded = {"iam:PermissionsBoundary": f"arn:aws:iam::{account}:policy/{BOUNDARY}"}
    return document(
        _statement("Platform", "Allow", _actions(_VERBS), "*"),
        _statement("Keys", "Allow", _KEYS, "*"),
        _statement("Buckets", "Allow", _BUCKETS, "*"),
        _statement("Secrets", "Allow", _SECRETS, f"arn:aws:secretsmanager:*:{account}:secret:*"),
        _statement("Roles", "Allow", _ROLES, roles),
        _statement("RolesWithin", "Allow", _ROLES_WITHIN, roles, {"StringEquals": bounded}),
        _statement("PassRoles", "Allow", ["iam:PassRole"], roles),
        _statement("ReadRoles", "Allow", _ROLES_READ, "*"),
        _statement(
            "RolesOfServices",
            "Allow",
            ["iam:CreateServiceLinkedRole"],
            f"arn:aws:iam::{account}:role/aws-service-role/*",
        ),
        _statement(
            "MachineImages",
            "Allow",
            ["ssm:GetParameter"],
            images,
        ),
    )


def state_access(account: str, bucket: str, *, write: bool) -> list[dict[str, Any]]:
    """The statements that open the state: to read it, or to write it and its locks too."""
    arn = f"arn:aws:s3:::{bucket}"
    objects = ["s3:GetObject", *(("s3:PutObject", "s3:DeleteObject") if write else ())]
    return [
        _statement("ListState", "Allow", ["s3:GetBucketLocation", "s3:ListBucket"], arn),
        _statement("State", "Allow", objects, f"{arn}/*"),
        _statement(
            "StateKey",
            "Allow",
            [
                "kms:Decrypt",
                "kms:DescribeKey",
                *(("kms:Encrypt", "kms:GenerateDataKey") if write else ()),
            ],
            f"arn:aws:kms:*:{account}:key/*",
            _any_alias(STATE_KEY),
        ),
    ]


def no_data(bucket: str) -> list[dict[str, Any]]:
    """What a preview may not read although ``ReadOnlyAccess`` lets it: data and secrets."""
    return [
        _statement(
            "NoData",
            "Deny",
            [
                "dynamodb:BatchGet*", "dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan",
                "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "logs:FilterLogEvents",
                "logs:GetLogEvents", "logs:StartQuery", "secretsmanager:BatchGet*",
                "secretsmanager:GetSecretValue", "sqs:ReceiveMessage",
            ],
            "*",
        ),
        {
            "Sid": "NoOtherObjects",
            "Effect": "Deny",
            "Action": ["s3:GetObject*"],
            "NotResource": f"arn:aws:s3:::{bucket}/*",
        },
        _statement(
            "NoOtherKeys",
            "Deny",
            ["kms:Decrypt"],
            "*",
            # Holds for keys without any alias, too.
            {"ForAllValues:StringNotEquals": {"kms:ResourceAliases": [STATE_KEY]}},
        ),
        {
            "Sid": "NoOtherParameters",
            "Effect": "Deny",
            "Action": ["ssm:GetParameter*"],
            "NotResource": "arn:aws:ssm:*::parameter/aws/*",
        },
    ]  # fmt: skip


def trust(provider: str, host: str, audience: str, subjects: Sequence[str]) -> dict[str, Any]:
    """Who may take a role: named subjects of one provider, and nobody else."""
    operator = "StringLike" if any(each.endswith("*") for each in subjects) else "StringEquals"
    condition: dict[str, dict[str, Any]] = {"StringEquals": {f"{host}:aud": audience}}
    condition.setdefault(operator, {})[f"{host}:sub"] = list(subjects)
    return document(
        {
            "Effect": "Allow",
            "Principal": {"Federated": provider},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": condition,
        }
    )
