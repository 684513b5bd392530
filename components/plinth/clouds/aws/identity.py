"""Rights for workloads, through EKS Pod Identity: no static key, no annotation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi_aws as aws
from pulumi import Input, Output, Resource

from plinth.clouds.aws.keys import Concern, Keys
from plinth.clouds.aws.site import Component, Site, allow, document
from plinth.ports import Bucket, Grant, Secret, Topic, WorkloadIdentity

_BUCKET_READ = ("s3:GetBucketLocation", "s3:ListBucket")
_OBJECT_READ = ("s3:GetObject", "s3:GetObjectVersion")
_BUCKET_WRITE = ("s3:ListBucketMultipartUploads",)
_OBJECT_WRITE = (
    "s3:AbortMultipartUpload",
    "s3:DeleteObject",
    "s3:ListMultipartUploadParts",
    "s3:PutObject",
)


class PodIdentity(Component):
    """A role that one service account of one cluster takes (``plinth:index:PodIdentity``).

    Attributes:
        role: The role, for policies that come later.
        ready: What must exist before the first pod: credentials are put into pods as they start.
    """

    ready: tuple[Resource, ...]

    def __init__(
        self,
        name: str,
        *,
        site: Site,
        parent: Resource,
        cluster: ClusterRef,
        namespace: str,
        service_account: str,
        statements: Sequence[Mapping[str, Any]] = (),
        managed: Mapping[str, str] | None = None,
    ) -> None:
        """Makes it.

        Args:
            name: Logical name.
            site: Where.
            parent: Parent component.
            cluster: Name and ARN of the cluster.
            namespace: Namespace of the service account.
            service_account: Its name.
            statements: Statements of the inline policy.
            managed: AWS-managed policies, logical name to ARN.
        """
        super().__init__("PodIdentity", name, site, parent)
        self.role = aws.iam.Role(
            name,
            description=f"{site.prefix}: {namespace}/{service_account}",
            assume_role_policy=_trust(cluster, namespace, service_account),
            tags=self.tags(),
            opts=self.child(),
        )
        rights: list[Resource] = [
            aws.iam.RolePolicyAttachment(
                policy, role=self.role.name, policy_arn=arn, opts=self.child()
            )
            for policy, arn in (managed or {}).items()
        ]
        if statements:
            rights.append(self.grant(name, *statements))
        association = aws.eks.PodIdentityAssociation(
            name,
            cluster_name=cluster.name,
            namespace=namespace,
            service_account=service_account,
            role_arn=self.role.arn,
            tags=self.tags(),
            opts=self.child(),
        )
        self.ready = (*rights, association)
        self.register_outputs({})

    def grant(self, name: str, *statements: Mapping[str, Any]) -> Resource:
        """Adds an inline policy; pods that run already have it from then on."""
        policy: Resource = aws.iam.RolePolicy(
            name, role=self.role.id, policy=document(*statements), opts=self.child()
        )
        return policy


class ClusterRef:
    """What identities need of a cluster."""

    def __init__(self, name: Input[str], arn: Input[str]) -> None:
        self.name = name
        self.arn = arn


def _trust(cluster: ClusterRef, namespace: str, service_account: str) -> Output[str]:
    """Who may take the role, by the session tags that Pod Identity sets.

    Source: Amazon EKS User Guide, "Create IAM role with trust policy required by EKS Pod Identity".
    """
    tags = {
        "eks-cluster-arn": cluster.arn,
        "kubernetes-namespace": namespace,
        "kubernetes-service-account": service_account,
    }
    return document(
        {
            "Effect": "Allow",
            "Principal": {"Service": "pods.eks.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
            "Condition": {
                "StringEquals": {f"aws:RequestTag/{tag}": value for tag, value in tags.items()}
            },
        }
    )


def workload(pod: PodIdentity) -> WorkloadIdentity:
    """The port's handle of an identity."""
    return WorkloadIdentity(ready=pod.ready)


def statements(grants: Sequence[Grant], site: Site, keys: Keys) -> list[dict[str, Any]]:
    """The statements that give ``grants`` and nothing more."""
    found: list[dict[str, Any]] = []
    for grant in grants:
        target = grant.to
        write = grant.access == "write"
        if isinstance(target, Bucket):
            found += _bucket(target, site, keys, write=write)
        elif isinstance(target, Secret):
            found += _secret(target, site, write=write)
        else:
            found += _topic(target, site, keys)
    return found


def _bucket(bucket: Bucket, site: Site, keys: Keys, *, write: bool) -> list[dict[str, Any]]:
    objects = Output.concat(bucket.ref, "/*")
    via = {"StringEquals": {"kms:ViaService": f"s3.{site.region}.amazonaws.com"}}
    return [
        allow([*_BUCKET_READ, *(_BUCKET_WRITE if write else ())], bucket.ref),
        allow([*_OBJECT_READ, *(_OBJECT_WRITE if write else ())], objects),
        allow(
            ["kms:Decrypt", *(("kms:GenerateDataKey",) if write else ())],
            keys.arn(Concern.STORAGE),
            via,
        ),
    ]


def _secret(secret: Secret, site: Site, *, write: bool) -> list[dict[str, Any]]:
    actions = ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"]
    if write:
        actions.append("secretsmanager:PutSecretValue")
    return [allow(actions, secret.ref), decrypt_secrets([secret.ref], site, write=write)]


def decrypt_secrets(
    secrets: Sequence[Input[str]], site: Site, *, write: bool = False
) -> dict[str, Any]:
    """The right to decrypt what these secrets hold, whichever key of the account they use.

    Secrets that somebody else keeps may be under a key of their own; the encryption context says
    which secret is being opened (AWS Secrets Manager User Guide, "Secret encryption").
    """
    return allow(
        ["kms:Decrypt", *(("kms:GenerateDataKey",) if write else ())],
        site.arn("kms", "key/*"),
        {
            "StringEquals": {"kms:ViaService": f"secretsmanager.{site.region}.amazonaws.com"},
            "ArnLike": {"kms:EncryptionContext:SecretARN": list(secrets)},
        },
    )


def _topic(topic: Topic, site: Site, keys: Keys) -> list[dict[str, Any]]:
    via = {"StringEquals": {"kms:ViaService": f"sns.{site.region}.amazonaws.com"}}
    return [
        allow(["sns:Publish"], topic.ref),
        allow(["kms:Decrypt", "kms:GenerateDataKey"], keys.arn(Concern.NOTIFICATIONS), via),
    ]
