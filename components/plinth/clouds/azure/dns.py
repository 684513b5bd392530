"""Records of the spec's zone in Azure DNS."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from pulumi import Input

from plinth.clouds.azure.identity import Right
from plinth.clouds.azure.ids import ZONE

#: Where external-dns looks for :func:`settings`.
SETTINGS_FILE: Final = "/etc/kubernetes/azure.json"


class Zone(NamedTuple):
    """A zone, by the parts of its resource ID."""

    subscription: str
    group: str
    name: str


def parse(zone: str) -> Zone:
    """The parts of a zone's resource ID, which checks have looked at before."""
    found = ZONE.fullmatch(zone)
    if found is None:
        raise ValueError(f"not the resource ID of a DNS zone: {zone}")
    return Zone(*found.groups())


def provider() -> str:
    """external-dns' name of the provider."""
    return "azure"


def rights(zone: str) -> list[Right]:
    """To change the records of one zone, and to find it.

    external-dns lists the zones of the zone's resource group, which takes a right on that
    (kubernetes-sigs/external-dns#813).
    """
    group = zone.rsplit("/providers/", maxsplit=1)[0]
    return [Right("zone", "DNS Zone Contributor", zone), Right("zones", "Reader", group)]


def settings(zone: str, tenant: Input[str]) -> dict[str, Any]:
    """What external-dns reads from :data:`SETTINGS_FILE`; nothing of it is secret."""
    parts = parse(zone)
    return {
        "tenantId": tenant,
        "subscriptionId": parts.subscription,
        "resourceGroup": parts.group,
        "useWorkloadIdentityExtension": True,
    }


def solver(zone: str, client_id: Input[str]) -> dict[str, Any]:
    """cert-manager's DNS-01 solver, as the identity with that client ID."""
    parts = parse(zone)
    return {
        "azureDNS": {
            "environment": "AzurePublicCloud",
            "subscriptionID": parts.subscription,
            "resourceGroupName": parts.group,
            "hostedZoneName": parts.name,
            "managedIdentity": {"clientID": client_id},
        }
    }
