"""Settings that only Azure understands (``clouds.azure``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from pydantic import Field

from plinth.spec.options import CloudOptions

if TYPE_CHECKING:
    from plinth.blueprint import Blueprint

_PROVIDERS: Final = r"^/subscriptions/[0-9a-fA-F-]{36}/resourceGroups/[^/]+/providers"


class AzureOptions(CloudOptions):
    """Settings for Azure."""

    private_dns: Literal["plinth", "central"] = Field(
        default="plinth",
        description="Who keeps the private DNS zones of private endpoints: this platform in zones "
        "of its own, or your organisation by Azure Policy in central ones.",
    )
    egress: Literal["nat", "firewall"] = Field(
        default="nat",
        description="Way out of an adopted network: a NAT gateway on its subnets, or a route to "
        "a firewall.",
    )
    control_plane_subnet: str | None = Field(
        default=None,
        pattern=_PROVIDERS + r"/Microsoft\.Network/virtualNetworks/[^/]+/subnets/[^/]+$",
        description="Resource ID of a subnet of an adopted network, delegated to "
        "Microsoft.ContainerService/managedClusters, for the API server. Without one, Kubernetes "
        "secrets are encrypted with Azure's own key only.",
    )
    encryption_at_host: bool = Field(
        default=True,
        description="Encrypt caches and temporary disks of nodes on their hosts. The subscription "
        "needs the feature Microsoft.Compute/EncryptionAtHost.",
    )
    vault: str | None = Field(
        default=None,
        pattern=_PROVIDERS + r"/Microsoft\.KeyVault/vaults/[0-9a-zA-Z-]{3,24}$",
        description="Resource ID of a Key Vault in which you keep the secrets that the spec "
        "refers to. Default: the platform's own vault.",
    )


def options(blueprint: Blueprint) -> AzureOptions:
    """The spec's settings for Azure."""
    found = blueprint.cloud_options
    return found if isinstance(found, AzureOptions) else AzureOptions()
