"""Records of the spec's zone in Route 53."""

from __future__ import annotations

from typing import Any

from plinth.clouds.aws.site import allow


def statements(zone: str) -> list[dict[str, Any]]:
    """The right to change one zone's records, as cert-manager and external-dns need it.

    Changes have identifiers that nobody knows beforehand, and listing zones knows no resource
    (Service Authorization Reference, "Amazon Route 53").
    """
    return [
        allow(
            ["route53:ChangeResourceRecordSets", "route53:ListResourceRecordSets"],
            f"arn:aws:route53:::hostedzone/{zone}",
        ),
        allow(["route53:ListTagsForResource"], f"arn:aws:route53:::hostedzone/{zone}"),
        allow(["route53:GetChange"], "arn:aws:route53:::change/*"),
        allow(["route53:ListHostedZones", "route53:ListHostedZonesByName"], "*"),
    ]


def solver(zone: str, region: str) -> dict[str, Any]:
    """cert-manager's DNS-01 solver."""
    return {"route53": {"region": region, "hostedZoneID": zone}}
