"""Records of the spec's zone in Cloud DNS. The zone is one of the project, by its name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pulumi_gcp as gcp
from pulumi import Input, Resource

from plinth.clouds.gcp.site import Component


def provider() -> str:
    """external-dns' name of Cloud DNS."""
    return "google"


def solver(project: Input[str], zone: str) -> dict[str, Any]:
    """cert-manager's DNS-01 solver."""
    return {"cloudDNS": {"project": project, "hostedZoneName": zone}}


def rights(
    component: Component,
    name: str,
    *,
    zone: str,
    member: Input[str],
    depends_on: Sequence[Resource] = (),
) -> tuple[Resource, ...]:
    """The right to change one zone's records, as cert-manager and external-dns need it.

    external-dns looks for its zone among the project's, which is why it may see them all.

    Args:
        component: Whose children the rights are.
        name: Their logical name.
        zone: Name of the managed zone.
        member: IAM member that gets the rights.
        depends_on: What must be there before the member can be named.
    """
    project = component.site.project
    before = [*component.site.apis("dns"), *depends_on]
    change = gcp.dns.DnsManagedZoneIamMember(
        name,
        project=project,
        managed_zone=zone,
        role="roles/dns.admin",
        member=member,
        opts=component.child(depends_on=before),
    )
    look = gcp.projects.IAMMember(
        f"{name}-zones",
        project=project,
        role="roles/dns.reader",
        member=member,
        opts=component.child(depends_on=before),
    )
    return change, look
