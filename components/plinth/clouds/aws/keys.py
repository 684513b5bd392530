"""Customer-managed keys: one a concern, so that a right on one kind of data is no right on another.

Key policies give nobody a right by themselves but the services that work for us.  Everybody else
needs an IAM policy too, and may use a key only through the services of its concern.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

import pulumi_aws as aws
from pulumi import Input, Output, Resource

from plinth.clouds.aws.site import Component, Site, document


class Concern(StrEnum):
    """What a key protects."""

    STORAGE = "storage"
    DATABASE = "database"
    CLUSTER = "cluster"
    SECRETS = "secrets"
    LOGS = "logs"
    NOTIFICATIONS = "notifications"


#: Services through which principals of the account may use a concern's key.
_THROUGH: Final[Mapping[Concern, tuple[str, ...]]] = {
    Concern.STORAGE: ("s3", "ecr"),
    Concern.DATABASE: ("rds", "elasticache"),
    Concern.CLUSTER: ("ec2", "eks"),
    Concern.SECRETS: ("secretsmanager", "rds"),
    Concern.LOGS: ("logs",),
    Concern.NOTIFICATIONS: ("sns",),
}
#: Actions of those who encrypt and decrypt with a key.
USE: Final = (
    "kms:Encrypt",
    "kms:Decrypt",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:DescribeKey",
)
#: Actions of those who keep a key: none of them opens anything.
ADMINISTER: Final = (
    "kms:CancelKeyDeletion",
    "kms:CreateAlias",
    "kms:DeleteAlias",
    "kms:DescribeKey",
    "kms:DisableKey",
    "kms:DisableKeyRotation",
    "kms:EnableKey",
    "kms:EnableKeyRotation",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:ListGrants",
    "kms:ListKeyPolicies",
    "kms:ListResourceTags",
    "kms:ListRetirableGrants",
    "kms:PutKeyPolicy",
    "kms:RevokeGrant",
    "kms:RotateKeyOnDemand",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:UpdateAlias",
    "kms:UpdateKeyDescription",
)


class Key(Component):
    """A key with its alias (``plinth:index:Key``). Its material is renewed by KMS."""

    arn: Output[str]

    def __init__(self, concern: Concern, *, site: Site, parent: Resource) -> None:
        super().__init__("Key", concern, site, parent)
        encryption = site.blueprint.settings.encryption
        key = aws.kms.Key(
            concern,
            description=f"{site.prefix}: {concern}",
            enable_key_rotation=True,
            rotation_period_in_days=encryption.rotation_days,
            deletion_window_in_days=encryption.deletion_window_days,
            policy=document(*_policy(concern, site)),
            tags=self.tags(concern),
            opts=self.child(stateful=True),
        )
        aws.kms.Alias(
            concern,
            name=f"alias/{site.prefix}/{concern}",
            target_key_id=key.key_id,
            opts=self.child(),
        )
        self.arn = key.arn
        self.register_outputs({"arn": key.arn})


class Keys:
    """The keys in use, each made when something first needs it; or the one key that is adopted."""

    def __init__(self, site: Site, parent: Resource) -> None:
        self._site = site
        self._parent = parent
        self._made: dict[Concern, Key] = {}

    def arn(self, concern: Concern) -> Input[str]:
        """The ARN of the concern's key. An adopted key's policy is its owner's business."""
        adopted = self._site.blueprint.settings.encryption.key
        if adopted is not None:
            return adopted
        if concern not in self._made:
            self._made[concern] = Key(concern, site=self._site, parent=self._parent)
        return self._made[concern].arn


def _policy(concern: Concern, site: Site) -> list[dict[str, Any]]:
    root = Output.concat("arn:aws:iam::", site.account, ":root")
    services = [f"{service}.{site.region}.amazonaws.com" for service in _THROUGH[concern]]
    return [
        key_statement("Administer", {"AWS": root}, ADMINISTER),
        key_statement(
            "UseThroughServices",
            {"AWS": root},
            USE,
            {"StringEquals": {"kms:ViaService": services}},
        ),
        # Services keep working on what they store by grants, which only they may ask for.
        key_statement(
            "GrantToServices",
            {"AWS": root},
            ["kms:CreateGrant"],
            {"Bool": {"kms:GrantIsForAWSResource": "true"}},
        ),
        *_services(concern, site),
    ]


def _services(concern: Concern, site: Site) -> list[dict[str, Any]]:
    """Statements for services that act for themselves."""
    if concern is Concern.LOGS:
        paths = (
            f"/plinth/{site.prefix}",
            f"/aws/eks/{site.prefix}",
            f"/aws/rds/instance/{site.named()}",
        )
        groups = [site.arn("logs", f"log-group:{path}/*") for path in paths]
        return [
            key_statement(
                "EncryptLogs",
                {"Service": f"logs.{site.region}.amazonaws.com"},
                USE,
                {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}},
            )
        ]
    if concern is Concern.NOTIFICATIONS:
        return [
            key_statement(
                "PublishEncrypted",
                {"Service": ["budgets.amazonaws.com", "cloudwatch.amazonaws.com"]},
                ["kms:Decrypt", "kms:GenerateDataKey"],
                {"StringEquals": {"aws:SourceAccount": site.account}},
            )
        ]
    if concern is Concern.CLUSTER:
        return [_control_plane(site), *autoscaling(site.account)]
    return []


def _control_plane(site: Site) -> dict[str, Any]:
    """Lets whoever makes the cluster hand the key to EKS.

    CreateCluster does not say that its grant is for AWS, so the condition on all other grants would
    refuse it (Amazon EKS User Guide, "Encrypt Kubernetes secrets with KMS on existing clusters").
    The maker's own IAM policy still has to allow it.
    """
    root = Output.concat("arn:aws:iam::", site.account, ":root")
    return key_statement("GrantToControlPlane", {"AWS": root}, ["kms:CreateGrant"])


def autoscaling(account: Input[str]) -> list[dict[str, Any]]:
    """Lets EC2 Auto Scaling start nodes whose disks are encrypted.

    Its service-linked role is named by condition, not as principal: KMS refuses a principal that
    does not exist, and in a new account the role appears with the first node group only (EC2 Auto
    Scaling User Guide, "Required KMS key policy for use with encrypted volumes").
    """
    role = "role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
    principal = {
        "StringEquals": {"kms:CallerAccount": account},
        "ArnEquals": {"aws:PrincipalArn": Output.concat("arn:aws:iam::", account, f":{role}")},
    }
    return [
        key_statement("StartNodes", {"AWS": "*"}, USE, principal),
        key_statement(
            "AttachDisks",
            {"AWS": "*"},
            ["kms:CreateGrant"],
            {**principal, "Bool": {"kms:GrantIsForAWSResource": "true"}},
        ),
    ]


def key_statement(
    sid: str,
    principal: Mapping[str, Any],
    actions: tuple[str, ...] | list[str],
    condition: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """A statement of a key's policy."""
    statement: dict[str, Any] = {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": principal,
        "Action": list(actions),
        # In a key policy the only resource is the key itself.
        "Resource": "*",
    }
    return {**statement, "Condition": condition} if condition else statement
