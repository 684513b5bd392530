"""Rights for workloads: IAM knows Kubernetes service accounts by name, so no key and no annotation.

A service account is the same principal in every cluster of a project that has its namespace and
name. Environments that must not reach each other's data belong into projects of their own (GKE
documentation, "About Workload Identity Federation", identity sameness).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import pulumi_gcp as gcp
from pulumi import Input, Output, Resource

from plinth.clouds.gcp.site import Component, Site, only
from plinth.ports import Bucket, Grant, Secret, Topic

#: Roles on a bucket. `legacyBucketReader` adds what clients ask of the bucket itself.
_BUCKET: Final = {
    "read": ("roles/storage.objectViewer", "roles/storage.legacyBucketReader"),
    "write": ("roles/storage.objectUser", "roles/storage.legacyBucketReader"),
}
_SECRET: Final = {
    "read": ("roles/secretmanager.secretAccessor",),
    "write": ("roles/secretmanager.secretAccessor", "roles/secretmanager.secretVersionAdder"),
}


@dataclass(frozen=True)
class Kept:
    """A secret of the project that somebody else keeps, by its ID."""

    id: str


class Pool:
    """The project's pool of Kubernetes identities.

    Args:
        number: The project's number.
        pool: The pool, as a cluster names it: Google makes the pool with the first cluster of a
            project, and IAM knows nobody in it before.
    """

    def __init__(self, number: Input[str], pool: Input[str]) -> None:
        self._number = number
        self._pool = pool

    def member(self, namespace: str, service_account: str) -> Output[str]:
        """A service account as an IAM member.

        Source: GKE documentation, "Authenticate to Google Cloud APIs from GKE workloads".
        """
        return Output.concat(
            "principal://iam.googleapis.com/projects/",
            self._number,
            "/locations/global/workloadIdentityPools/",
            self._pool,
            f"/subject/ns/{namespace}/sa/{service_account}",
        )


class Rights(Component):
    """The rights of one service account (``plinth:index:Identity``).

    Attributes:
        ready: What must exist before a pod counts on them.
    """

    services = ("iam",)
    ready: tuple[Resource, ...]

    def __init__(
        self,
        name: str,
        *,
        site: Site,
        parent: Resource,
        member: Input[str],
        grants: Sequence[Grant],
    ) -> None:
        super().__init__("Identity", name, site, parent)
        self._member = member
        self._taken: set[str] = set()
        self.ready = tuple(right for grant in grants for right in self._grant(name, grant))
        self.register_outputs({})

    def _grant(self, name: str, grant: Grant) -> list[Resource]:
        target = grant.to
        if isinstance(target, Bucket):
            return [
                gcp.storage.BucketIAMMember(
                    self._called(name, target.role, role),
                    bucket=target.ref,
                    role=role,
                    member=self._member,
                    opts=self.child(),
                )
                for role in _BUCKET[grant.access]
            ]
        if isinstance(target, Secret):
            return [self._secret(name, target, role) for role in _SECRET[grant.access]]
        return self._publish(name, target)

    def _secret(self, name: str, target: Secret, role: str) -> Resource:
        """A right on a secret; what somebody else keeps is not touched itself."""
        called = self._called(name, "secret", role)
        right: Resource
        if isinstance(target.ref, Kept):
            secret = Output.concat(
                "projects/", self.site.project_number, "/secrets/", target.ref.id
            )
            right = gcp.projects.IAMMember(
                called,
                project=self.site.project,
                role=role,
                member=self._member,
                condition=only(f"{self.site.prefix}-{target.ref.id}"[:100], secret),
                opts=self.child(),
            )
        else:
            right = gcp.secretmanager.SecretIamMember(
                called, secret_id=target.ref, role=role, member=self._member, opts=self.child()
            )
        return right

    def _publish(self, name: str, topic: Topic) -> list[Resource]:
        """The right to publish, where a topic is one of Pub/Sub."""
        if topic.ref is None:
            return []
        right: Any = gcp.pubsub.TopicIAMMember(
            self._called(name, "topic", "publisher"),
            topic=topic.ref,
            role="roles/pubsub.publisher",
            member=self._member,
            opts=self.child(),
        )
        return [right]

    def _called(self, name: str, target: str, role: str) -> str:
        """A logical name; several secrets, which have none that is plain, are numbered."""
        base = f"{name}-{target}-{role.rsplit('.', maxsplit=1)[-1]}"
        found, number = base, 1
        while found in self._taken:
            number += 1
            found = f"{base}-{number}"
        self._taken.add(found)
        return found
