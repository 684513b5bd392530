"""Buckets: versioned, encrypted with our key alone, private, logged."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Final

import pulumi_gcp as gcp
from pulumi import Input, Output, Resource

from plinth import ports
from plinth.clouds.gcp.facts import ACCESS_LOGS
from plinth.clouds.gcp.keys import Concern, Keys
from plinth.clouds.gcp.site import Component, Site, after
from plinth.spec.options import BucketOptions

#: Google's group that writes them.
_LOG_WRITERS: Final = "group:cloud-storage-analytics@google.com"

#: What interrupted uploads and overwritten objects may cost, in days.
_ABORT_DAYS: Final = 7
_OLD_VERSION_DAYS: Final = 90
#: How long what was deleted for good can be brought back, in a durable environment: the bucket
#: itself too. Cloud Storage takes 7 to 90 days.
_SOFT_DELETE_DAYS: Final = 7
_DAY: Final = 24 * 60 * 60
_REFUSED: Final = {"restriction_mode": "FullyRestricted"}


class PrivateBucket(Component):
    """A bucket with everything a private one needs (``plinth:index:Bucket``).

    TLS is not asked for: Cloud Storage's API knows nothing else but for public content.
    """

    services = ("storage",)
    name: Output[str]

    def __init__(
        self,
        role: str,
        options: BucketOptions,
        *,
        site: Site,
        parent: Resource,
        key: Input[str],
        log_bucket: Input[str] | None,
    ) -> None:
        """Makes it.

        Args:
            role: Logical name, and part of the physical one.
            options: Ages at which objects move or go.
            site: Where.
            parent: Parent component.
            key: Customer-managed key.
            log_bucket: Bucket that takes the access logs. A bucket without one takes them itself.
        """
        super().__init__("Bucket", role, site, parent)
        bucket = gcp.storage.Bucket(
            role,
            name=site.unique(role),
            project=site.project,
            location=site.region.upper(),
            storage_class="STANDARD",
            uniform_bucket_level_access=True,
            public_access_prevention="enforced",
            versioning={"enabled": True},
            soft_delete_policy={
                "retention_duration_seconds": _SOFT_DELETE_DAYS * _DAY if site.durable else 0
            },
            encryption={
                "default_kms_key_name": key,
                # An object that asks for another encryption than the bucket's is refused.
                "google_managed_encryption_enforcement_config": _REFUSED,
                "customer_supplied_encryption_enforcement_config": _REFUSED,
            },
            lifecycle_rules=_lifecycle(options),
            logging=_logging(log_bucket, role),
            force_destroy=not site.durable,
            labels=self.labels(),
            opts=self.child(stateful=True),
        )
        self.name = bucket.name
        if log_bucket is None:
            writers = gcp.storage.BucketIAMMember(
                role,
                bucket=bucket.name,
                role="roles/storage.objectCreator",
                member=_LOG_WRITERS,
                opts=self.child(),
            )
            self.name = after(bucket.name, writers)
        self.register_outputs({"name": self.name})


class Buckets:
    """Makes buckets, and with the first one the bucket that keeps all their access logs.

    Access logs rather than audit logs: those of data access are switched on for a whole project,
    whatever else is in it. An organisation that shares with its own domains alone has to let
    Google's writers in (Cloud Storage documentation, "Usage logs & storage logs").
    """

    def __init__(self, site: Site, keys: Keys, parent: Resource) -> None:
        self._site = site
        self._keys = keys
        self._parent = parent

    @cached_property
    def _log_bucket(self) -> PrivateBucket:
        days = self._site.blueprint.settings.log_retention_days
        return self._make(ACCESS_LOGS, BucketOptions(expire_after_days=days), self._parent, None)

    def create(self, role: str, options: BucketOptions, parent: Resource) -> ports.Bucket:
        """A bucket of a role."""
        made = self._make(role, options, parent, self._log_bucket.name)
        return ports.Bucket(
            role=role,
            name=made.name,
            uri=Output.concat("gs://", made.name),
            protocol="gcs",
            ref=made.name,
        )

    def _make(
        self, role: str, options: BucketOptions, parent: Resource, log_bucket: Input[str] | None
    ) -> PrivateBucket:
        return PrivateBucket(
            role,
            options,
            site=self._site,
            parent=parent,
            key=self._keys.key(Concern.STORAGE),
            log_bucket=log_bucket,
        )


def _logging(bucket: Input[str] | None, role: str) -> dict[str, Any] | None:
    return None if bucket is None else {"log_bucket": bucket, "log_object_prefix": f"{role}/"}


def _lifecycle(options: BucketOptions) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = [
        _rule("AbortIncompleteMultipartUpload", age=_ABORT_DAYS),
        _rule("Delete", days_since_noncurrent_time=_OLD_VERSION_DAYS, with_state="ARCHIVED"),
    ]
    if options.archive_after_days is not None:
        # Coldline: objects stay readable in milliseconds, so no tool notices.
        rule = _rule(
            "SetStorageClass",
            age=options.archive_after_days,
            matches_storage_classes=["STANDARD"],
        )
        rule["action"]["storage_class"] = "COLDLINE"
        rules.append(rule)
    if options.expire_after_days is not None:
        # What is live becomes an old version, and goes with those.
        rules.append(_rule("Delete", age=options.expire_after_days, with_state="LIVE"))
    return rules


def _rule(action: str, **condition: Any) -> dict[str, Any]:
    return {"action": {"type": action}, "condition": condition}
