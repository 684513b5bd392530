"""Puts things into the simulated cloud that no deployment made: what people clicked together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from plinth.errors import EngineError, Problem
from plinth.rehearsal import packages
from plinth.rehearsal.cloud import Cloud, Record
from plinth.rehearsal.plan import expected


def create(
    cloud: Cloud, type_token: str, name: str, inputs: Mapping[str, Any], **config: Any
) -> Record:
    """Make a resource behind the engine's back, for imports, lookups and name clashes.

    Args:
        cloud: The cloud.
        type_token: Such as ``aws:s3/bucket:Bucket``.
        name: Its name, where the inputs do not give one.
        inputs: camelCase properties.
        config: Settings of the provider that would see it, such as ``region`` and
            ``allowedAccountIds`` or ``clusterIdentifier``.

    Raises:
        EngineError: The type is unknown, or the cloud refuses the resource.
    """
    package = packages.find(type_token.split(":", 1)[0])
    kind = package.kind(type_token)
    if kind is None:
        raise EngineError(
            Problem(code="unknown-type", message=f"{package.name} has no type {type_token}")
        )
    settings = package.settings(config)
    known = package.complete(kind, inputs, settings)
    draft = replace(expected(kind, name, known, settings, base=type_token, seed=name), urn=None)
    with cloud.transaction():
        reason = package.refuse_create(draft, cloud)
        if reason:
            raise EngineError(Problem(code="create-refused", message=reason))
        return cloud.add(draft)
