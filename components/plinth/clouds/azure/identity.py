"""Rights for workloads, through Entra Workload ID: no static key, only trust between issuers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from pulumi import Input, Output, Resource
from pulumi_azure_native import managedidentity

from plinth.clouds.azure.site import Component, Site
from plinth.ports import Bucket, Grant, Secret, WorkloadIdentity

#: Who a token of the cluster is meant for when it is changed for one of Entra's.
_AUDIENCE: Final = "api://AzureADTokenExchange"
#: Annotation of service accounts that says whose token theirs is changed for.
CLIENT_ID: Final = "azure.workload.identity/client-id"
#: Label of pods that the cluster's webhook gives such a token (Azure Workload Identity, "Pod").
_POD_LABELS: Final = {"azure.workload.identity/use": "true"}


class Right(NamedTuple):
    """A built-in role on one thing."""

    name: str
    role: str
    scope: Input[str]
    condition: Input[str] | None = None


class PodIdentity(Component):
    """An identity that one service account of one cluster has (``plinth:index:PodIdentity``).

    Attributes:
        client_id: What the service account is annotated with.
        principal_id: What rights are given to.
        ready: What must exist before the first pod.
    """

    client_id: Output[str]
    principal_id: Output[str]
    ready: tuple[Resource, ...]

    def __init__(
        self,
        name: str,
        *,
        site: Site,
        parent: Resource,
        issuer: Input[str],
        namespace: str,
        service_account: str,
        rights: Sequence[Right] = (),
    ) -> None:
        """Makes it.

        Args:
            name: Logical name.
            site: Where.
            parent: Parent component.
            issuer: URL of the cluster's token issuer.
            namespace: Namespace of the service account.
            service_account: Its name.
            rights: What it may do.
        """
        super().__init__("PodIdentity", name, site, parent)
        identity = self.identity(name)
        self.client_id, self.principal_id = identity.client_id, identity.principal_id
        trust = managedidentity.FederatedIdentityCredential(
            name,
            resource_group_name=site.group,
            resource_name_=identity.name,
            federated_identity_credential_resource_name=f"{namespace}-{service_account}",
            issuer=issuer,
            subject=f"system:serviceaccount:{namespace}:{service_account}",
            audiences=[_AUDIENCE],
            opts=self.child(),
        )
        self.ready = (trust, *(self._grant(name, right) for right in rights))
        self.register_outputs({"clientId": self.client_id})

    def _grant(self, name: str, right: Right) -> Resource:
        # A URN has the types of all that a resource is in, and only its own name.
        return self.assign(
            f"{name}-{right.name}",
            right.role,
            scope=right.scope,
            principal=self.principal_id,
            condition=right.condition,
        )

    @property
    def handle(self) -> WorkloadIdentity:
        """The port's handle."""
        annotations = {
            CLIENT_ID: self.client_id,
            "azure.workload.identity/tenant-id": self.site.tenant,
        }
        return WorkloadIdentity(annotations=annotations, pod_labels=_POD_LABELS, ready=self.ready)


class StoredSecret(NamedTuple):
    """What the ``ref`` of a :class:`plinth.ports.Secret` is on Azure.

    Attributes:
        label: What the platform calls it.
        id: Resource ID.
        own: Whether it is in the team's vault instead of the platform's.
    """

    label: str
    id: Input[str]
    own: bool = False


def rights(grants: Sequence[Grant]) -> list[Right]:
    """The roles that give ``grants`` and nothing more.

    A bucket's ``ref`` is the resource ID of its container. A topic is called inside the cluster,
    where a network policy says who may.
    """
    found: dict[str, Right] = {}
    for grant in sorted(grants, key=lambda one: one.access):  # to write is to read as well
        write = grant.access == "write"
        if isinstance(grant.to, Bucket):
            role = f"Storage Blob Data {'Contributor' if write else 'Reader'}"
            right = Right(f"bucket-{grant.to.role}", role, grant.to.ref)
        elif isinstance(grant.to, Secret):
            role = f"Key Vault Secrets {'Officer' if write else 'User'}"
            right = Right(f"secret-{grant.to.ref.label}", role, grant.to.ref.id)
        else:
            continue
        found[right.name] = right
    return list(found.values())
