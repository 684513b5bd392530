"""Buckets: versioned, encrypted, private, logged, TLS only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import pulumi_aws as aws
from pulumi import Input, Output, Resource, ResourceOptions

from plinth import ports
from plinth.clouds.aws.facts import ACCESS_LOGS
from plinth.clouds.aws.keys import Concern, Keys
from plinth.clouds.aws.site import Component, Site, document
from plinth.spec.options import BucketOptions

#: What interrupted uploads and overwritten objects may cost, in days.
_ABORT_DAYS = 7
_OLD_VERSION_DAYS = 90


class PrivateBucket(Component):
    """A bucket with everything a private one needs (``plinth:index:Bucket``)."""

    def __init__(
        self,
        role: str,
        options: BucketOptions,
        *,
        site: Site,
        parent: Resource,
        key: Input[str] | None,
        log_bucket: Input[str] | None,
    ) -> None:
        """Makes it.

        Args:
            role: Logical name, and part of the physical one.
            options: Ages at which objects move or go.
            site: Where.
            parent: Parent component.
            key: Customer-managed key; S3's own key without one.
            log_bucket: Bucket that takes the access logs. A bucket without one takes them itself.
        """
        super().__init__("Bucket", role, site, parent)
        self.bucket = aws.s3.Bucket(
            role,
            bucket=site.unique(role),
            force_destroy=not site.durable,
            tags=self.tags(role),
            opts=self.child(stateful=True),
        )
        self.name: Output[str] = self.bucket.bucket
        self.arn: Output[str] = self.bucket.arn
        furnish(
            role,
            self.bucket,
            self.child,
            key=key,
            log_bucket=log_bucket,
            rules=_lifecycle(options),
            statements=[accept_logs(self.arn, site.account)] if log_bucket is None else (),
        )
        self.register_outputs({"name": self.name})


def furnish(
    role: str,
    bucket: Any,
    child: Callable[..., ResourceOptions],
    *,
    key: Input[str] | None,
    log_bucket: Input[str] | None,
    rules: Sequence[Mapping[str, Any]],
    statements: Sequence[Mapping[str, Any]] = (),
) -> Resource:
    """Gives a bucket everything that a private one needs.

    Args:
        role: Logical name of each part.
        bucket: The bucket.
        child: Makes the options of a part.
        key: Customer-managed key; S3's own key without one.
        log_bucket: Bucket that takes the access logs, if any.
        rules: Rules of its life cycle.
        statements: What its policy says besides.

    Returns:
        The policy, for what may only come when that is in force.
    """
    name = bucket.bucket
    versioning = aws.s3.BucketVersioning(
        role,
        bucket=name,
        versioning_configuration={"status": "Enabled"},
        opts=child(),
    )
    default: dict[str, Any] = {"sse_algorithm": "AES256"}
    if key is not None:
        default = {"sse_algorithm": "aws:kms", "kms_master_key_id": key}
    aws.s3.BucketServerSideEncryptionConfiguration(
        role,
        bucket=name,
        rules=[
            {
                "apply_server_side_encryption_by_default": default,
                "bucket_key_enabled": key is not None,
            }
        ],
        opts=child(),
    )
    policy = _close(role, bucket, child, encrypted=key is not None, statements=statements)
    aws.s3.BucketLifecycleConfiguration(
        role,
        bucket=name,
        rules=list(rules),
        # Rules on old versions are refused while versioning is still being switched on.
        opts=child(depends_on=[versioning]),
    )
    if log_bucket is not None:
        aws.s3.BucketLogging(
            role,
            bucket=name,
            target_bucket=log_bucket,
            target_prefix=f"{role}/",
            opts=child(),
        )
    return policy


def _close(
    role: str,
    bucket: Any,
    child: Callable[..., ResourceOptions],
    *,
    encrypted: bool,
    statements: Sequence[Mapping[str, Any]],
) -> Resource:
    block = aws.s3.BucketPublicAccessBlock(
        role,
        bucket=bucket.bucket,
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
        opts=child(),
    )
    aws.s3.BucketOwnershipControls(
        role,
        bucket=bucket.bucket,
        rule={"object_ownership": "BucketOwnerEnforced"},
        opts=child(),
    )
    objects = Output.concat(bucket.arn, "/*")
    everything = [bucket.arn, objects]
    policy: Resource = aws.s3.BucketPolicy(
        role,
        bucket=bucket.bucket,
        policy=document(
            _deny("DenyPlaintext", everything, {"Bool": {"aws:SecureTransport": "false"}}),
            _deny("DenyOldTls", everything, {"NumericLessThan": {"s3:TlsVersion": "1.2"}}),
            *([_deny_other_encryption(objects)] if encrypted else ()),
            *statements,
        ),
        # S3 refuses two changes of a bucket's access at once.
        opts=child(depends_on=[block]),
    )
    return policy


def accept_logs(arn: Input[str], account: Input[str]) -> dict[str, Any]:
    """Lets S3 deliver the access logs of the account's buckets."""
    return {
        "Sid": "AcceptAccessLogs",
        "Effect": "Allow",
        "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": Output.concat(arn, "/*"),
        "Condition": {"StringEquals": {"aws:SourceAccount": account}},
    }


class Buckets:
    """Makes buckets, and with the first one the bucket that keeps all their access logs."""

    def __init__(self, site: Site, keys: Keys, parent: Resource) -> None:
        self._site = site
        self._keys = keys
        self._parent = parent

    @cached_property
    def _log_bucket(self) -> PrivateBucket:
        """Takes all access logs, encrypted with S3's own key.

        S3 delivers them to no bucket whose default encryption is KMS (Amazon S3 User Guide,
        "Enabling Amazon S3 server access logging").
        """
        days = self._site.blueprint.settings.log_retention_days
        return PrivateBucket(
            ACCESS_LOGS,
            BucketOptions(expire_after_days=days),
            site=self._site,
            parent=self._parent,
            key=None,
            log_bucket=None,
        )

    def create(self, role: str, options: BucketOptions, parent: Resource) -> ports.Bucket:
        """A bucket of a role."""
        made = PrivateBucket(
            role,
            options,
            site=self._site,
            parent=parent,
            key=self._keys.arn(Concern.STORAGE),
            log_bucket=self._log_bucket.name,
        )
        return ports.Bucket(
            role=role,
            name=made.name,
            uri=Output.concat("s3://", made.name),
            protocol="s3",
            ref=made.arn,
        )


def _deny_other_encryption(objects: Output[str]) -> dict[str, Any]:
    """Refuses uploads that ask for another encryption than the bucket's own; most ask for none."""
    header = "s3:x-amz-server-side-encryption"
    return {
        **_deny("DenyOtherEncryption", [objects], {}),
        "Action": "s3:PutObject",
        "Condition": {"Null": {header: "false"}, "StringNotEquals": {header: "aws:kms"}},
    }


def _deny(sid: str, resources: list[Output[str]], condition: dict[str, Any]) -> dict[str, Any]:
    return {
        "Sid": sid,
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": resources,
        "Condition": condition,
    }


def _lifecycle(options: BucketOptions) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = [
        {
            "id": "tidy",
            "status": "Enabled",
            "filter": {"prefix": ""},
            "abort_incomplete_multipart_upload": {"days_after_initiation": _ABORT_DAYS},
            "noncurrent_version_expiration": {"noncurrent_days": _OLD_VERSION_DAYS},
        }
    ]
    if options.archive_after_days is not None:
        # Glacier Instant Retrieval: objects stay readable in milliseconds, so no tool notices.
        transition = {"days": options.archive_after_days, "storage_class": "GLACIER_IR"}
        rules.append(_rule("archive", transitions=[transition]))
    if options.expire_after_days is not None:
        rules.append(_rule("expire", expiration={"days": options.expire_after_days}))
    return rules


def _rule(name: str, **action: Any) -> dict[str, Any]:
    return {"id": name, "status": "Enabled", "filter": {"prefix": ""}, **action}
