"""The same resources without Plinth: one flat loop over the SDKs' own classes.

What a Pulumi user without Plinth would run: the same types, names, inputs, parents and providers,
and the same dependencies, those of single properties included. Kubernetes objects are registered by
their tokens, as Plinth registers them.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any

import pulumi


class _Component(pulumi.ComponentResource):
    """A component of the recorded type, so that URNs are the same."""


def _class(token: str) -> type[pulumi.CustomResource]:
    package, module, name = token.split(":")
    found = importlib.import_module(f"pulumi_{package.replace('-', '_')}")
    for part in module.split("/")[0].split(".") if not module.startswith("index") else ():
        found = getattr(found, part)
    resource: type[pulumi.CustomResource] = getattr(found, name)
    return resource


def _arguments(kind: type, inputs: dict[str, Any]) -> dict[str, Any]:
    module = importlib.import_module(kind.__module__)
    # Where a nested input has taken the name, the class's own arguments are `…InitArgs`.
    own = f"{kind.__name__}InitArgs"
    args = getattr(module, own if hasattr(module, own) else f"{kind.__name__}Args")
    names = {
        getattr(item.fget, "_pulumi_name", snake): snake
        for snake, item in vars(args).items()
        if isinstance(item, property)
    }
    # `resource_name` is every constructor's own: a property of that name ends in an underscore.
    own_names = {"resource_name": "resource_name_"}
    return {own_names.get(names[key], names[key]): value for key, value in inputs.items()}


def program(resources: Sequence[dict[str, Any]]) -> Callable[[], None]:
    """The program of the ``resources`` in a ``plinth plan --json`` document, of any cloud."""

    def run() -> None:
        made: dict[str, pulumi.Resource] = {}
        for entry in resources:
            parent = made.get(entry["parent"])
            provider = made.get((entry["provider"] or "").rsplit("::", 1)[0])
            opts = pulumi.ResourceOptions(
                parent=parent,
                provider=provider if isinstance(provider, pulumi.ProviderResource) else None,
                depends_on=[made[urn] for urn in entry["dependencies"]],
                protect=entry["protect"],
            )
            made[entry["urn"]] = _make(entry, made, opts)

    return run


def _make(
    entry: dict[str, Any],
    made: dict[str, pulumi.Resource],
    opts: pulumi.ResourceOptions,
) -> pulumi.Resource:
    token, name = entry["type"], entry["name"]
    if not entry["custom"]:
        return _Component(token, name, entry["inputs"], opts)
    inputs = {
        key: _wired(value, [made[urn] for urn in entry["propertyDependencies"].get(key, ())])
        for key, value in entry["inputs"].items()
    }
    if token.startswith("pulumi:providers:"):
        known = {k: v for k, v in inputs.items() if v is not None}
        return pulumi.ProviderResource(token.rsplit(":", 1)[-1], name, known, opts)
    if token.startswith("kubernetes:"):
        return pulumi.CustomResource(token, name, inputs, opts)
    kind = _class(token)
    return kind(name, opts=opts, **_arguments(kind, inputs))


def _wired(value: Any, sources: list[pulumi.Resource]) -> Any:
    """A value that comes from other resources, as their outputs would carry it."""
    if not sources:
        return value
    return pulumi.Output.all(*(source.urn for source in sources)).apply(lambda _: value)
