"""Settings that only Azure understands (``clouds.azure``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from plinth.spec.options import CloudOptions

if TYPE_CHECKING:
    from plinth.blueprint import Blueprint

_PROVIDERS: Final = r"^/subscriptions/[0-9a-fA-F-]{36}/resourceGroups/[^/]+/providers"

ObjectId = Annotated[str, Field(pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")]
#: PostgreSQL's roles have 63 characters at most, and longer groups are not found.
RoleName = Annotated[str, Field(min_length=1, max_length=63)]


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
    database_admins: dict[RoleName, ObjectId] = Field(
        default_factory=dict,
        description="Entra groups that administer PostgreSQL: the group's name, which people sign "
        "in as, and its object ID.",
        examples=[{"ml-database-admins": "00000000-1111-2222-3333-444444444444"}],
    )
    container_insights: bool = Field(
        default=False,
        description="Send logs and inventory of all containers to the cluster's Log Analytics "
        "workspace as well, which is billed by volume.",
    )
    vault: str | None = Field(
        default=None,
        pattern=_PROVIDERS + r"/Microsoft\.KeyVault/vaults/[0-9a-zA-Z-]{3,24}$",
        description="Resource ID of a Key Vault in which you keep the secrets that the spec "
        "refers to. Default: the platform's own vault.",
    )

    @field_validator("database_admins")
    @classmethod
    def _one_name_a_group(cls, value: dict[str, str]) -> dict[str, str]:
        groups = [group.lower() for group in value.values()]
        if len(set(groups)) < len(groups):
            raise PydanticCustomError(
                "group-twice",
                "a group is listed under two names",
                {"fix": "Keep the name that the group has in Entra."},
            )
        return value


def options(blueprint: Blueprint) -> AzureOptions:
    """The spec's settings for Azure."""
    found = blueprint.cloud_options
    return found if isinstance(found, AzureOptions) else AzureOptions()
