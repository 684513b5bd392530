"""What only GCP understands in a spec (``clouds.gcp``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from plinth.spec.options import CloudOptions

if TYPE_CHECKING:
    from plinth.blueprint import Blueprint


class GcpOptions(CloudOptions):
    """Settings for GCP."""

    billing_account: str | None = Field(
        default=None,
        pattern=r"^[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}$",
        description="Billing account that the budget is kept in. Default: the project's.",
        examples=["01AB23-45CD67-89EF01"],
    )
    pods_range: str | None = Field(
        default=None,
        min_length=1,
        description="Secondary range of the adopted subnet that pods take addresses of. Default: "
        "the cluster adds one.",
    )
    services_range: str | None = Field(
        default=None,
        min_length=1,
        description="Secondary range of the adopted subnet for Kubernetes Services. Default: the "
        "cluster adds one.",
    )
    gpu_zones: tuple[str, ...] = Field(
        default=(),
        description="Zones with the accelerators that the node pools ask for; not every zone of a "
        "region has every kind. Default: all that the platform spans.",
        examples=[["europe-west4-a", "europe-west4-b"]],
    )


def options(blueprint: Blueprint) -> GcpOptions:
    """The block ``clouds.gcp`` of a blueprint that is on GCP."""
    found = blueprint.cloud_options
    return found if isinstance(found, GcpOptions) else GcpOptions()
