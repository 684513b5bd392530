"""Roles within a permissions boundary, whoever makes them: a stack transformation.

A deployment that may make roles could otherwise make one that may do more than itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pulumi import ResourceTransformationArgs, ResourceTransformationResult

from plinth.clouds.aws.options import AwsOptions

if TYPE_CHECKING:
    from plinth.blueprint import Blueprint
    from plinth.clouds import Transformation

#: Path of bounded roles, which is what rights to make and to pass roles are limited to.
PATH: Final = "/plinth/"
_ROLE: Final = "aws:iam/role:Role"


def bounding(blueprint: Blueprint) -> Transformation:
    """The transformation of a blueprint; it leaves everything alone where there is no boundary."""
    options = blueprint.cloud_options
    boundary = options.boundary if isinstance(options, AwsOptions) else None
    if boundary and not boundary.startswith("arn:"):
        account = blueprint.settings.account or blueprint.cloud.any_account
        boundary = f"arn:aws:iam::{account}:policy/{boundary}"

    def bounded(args: ResourceTransformationArgs) -> ResourceTransformationResult | None:
        if boundary is None or args.type_ != _ROLE:
            return None
        properties = {**args.props, "permissions_boundary": boundary, "path": PATH}
        return ResourceTransformationResult(props=properties, opts=args.opts)

    return bounded
