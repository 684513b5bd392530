"""What a cloud makes up when it creates a resource: identifiers, addresses, endpoints.

Pure and deterministic, and free of gRPC and Pulumi, so that offline plans can use it too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from plinth.local import example as local
from plinth.rehearsal import packages
from plinth.rehearsal.cloud import merged
from plinth.rehearsal.packages.base import Birth, digest


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
        type_token: Such as ``aws:s3/bucket:Bucket``; types of other packages (and providers) get
            an identifier and nothing else.
        name: Logical name; stands in for the physical one where the inputs do not give it.
        inputs: camelCase inputs; values that are not known are :data:`plinth.graph.UNKNOWN`.
        region: Region, such as ``eu-west-1``.
        account: Account identifier.
        seed: Where made-up identifiers come from; the name by default.
        revision: 1 when it is made, one more at each update.

    Returns:
        Identifier, and output properties to lay over the inputs.
    """
    package_name = type_token.split(":", 1)[0]
    if package_name == local.PACKAGE:
        return name, dict(local.example(type_token, name, inputs))
    if package_name not in packages.NAMES:
        return digest(f"{type_token}{seed or name}", 16), {}
    package = packages.find(package_name)
    birth = Birth(
        type=type_token,
        name=name,
        inputs=inputs,
        region=region,
        account=account,
        seed=seed or name,
        revision=revision,
    )
    key = package.name_key(type_token)
    prefix = birth.text(f"{key}Prefix")
    fallback = f"{prefix}{birth.hex(26, 'prefix')}" if prefix else name
    birth = replace(birth, name=birth.text(key, fallback))
    identifier, made = package.make(birth)
    identifier = identifier or birth.name  # what it is made of may not be known yet
    kind = package.kind(type_token)
    if kind is None:
        return identifier, _over(inputs, made)
    for key, known in kind.outputs.items():
        settled = known.type.optional or key in made or inputs.get(key) is not None
        if not settled and not (key in kind.inputs and kind.inputs[key].required):
            made[key] = package.fill(key, known, birth, asked=key in kind.inputs)
    return identifier, _over(inputs, made)


def _over(inputs: Mapping[str, Any], made: Mapping[str, Any]) -> dict[str, Any]:
    """What was made up; an object that was partly asked for is given whole."""
    asked = {key: inputs[key] for key in made if isinstance(inputs.get(key), Mapping)}
    return {key: value for key, value in merged(asked, made).items() if value is not None}
