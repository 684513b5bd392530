"""What a cloud makes up when it creates a resource: identifiers, addresses, endpoints.

Pure and deterministic, and free of gRPC and Pulumi, so that offline plans can use it too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from plinth.rehearsal import packages
from plinth.rehearsal.packages.base import Birth


def computed(
    type_token: str,
    name: str,
    inputs: Mapping[str, Any],
    *,
    region: str,
    account: str,
    seed: str = "",
    revision: int = 1,
) -> tuple[str, dict[str, Any]]:
    """The physical identifier and the computed properties of a resource.

    Args:
        type_token: Such as ``aws:s3/bucket:Bucket``.
        name: Logical name; stands in for the physical one where the inputs do not give it.
        inputs: camelCase inputs; values that are not known are :data:`plinth.graph.UNKNOWN`.
        region: Region, such as ``eu-west-1``.
        account: Account identifier.
        seed: Where made-up identifiers come from; the name by default.
        revision: 1 when it is made, one more at each update.

    Returns:
        Identifier, and output properties to lay over the inputs.

    Raises:
        UsageError: No rehearsal of the package exists.
    """
    package = packages.find(type_token.split(":", 1)[0])
    birth = Birth(
        type=type_token,
        name=name,
        inputs=inputs,
        region=region,
        account=account,
        seed=seed,
        revision=revision,
    )
    key = package.names.get(type_token, "name")
    physical = birth.text(key) or name
    return package.make(replace(birth, name=physical, seed=seed or name))
