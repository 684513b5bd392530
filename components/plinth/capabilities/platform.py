"""The platform: foundation, cluster services and the capabilities, wired in one direction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import pulumi
from pulumi import Input, ResourceOptions

from plinth.blueprint import Blueprint
from plinth.capabilities.databases import Databases
from plinth.capabilities.services import ClusterServices
from plinth.context import Context
from plinth.ports import Adapter, Bucket, Port, Repository, Secret, Topic
from plinth.results import Results
from plinth.tools import Tool


class Foundation(pulumi.ComponentResource):
    """What the cloud provides (``plinth:index:Foundation``): network, keys, cluster, stores.

    The adapter makes its resources below this component, each at its first use.

    Attributes:
        cloud: The cloud's ports.
        images: Where the team's own images go, on clouds with a registry.
    """

    cloud: Adapter
    images: Repository | None = None

    def __init__(
        self, name: str, blueprint: Blueprint, opts: ResourceOptions | None = None
    ) -> None:
        super().__init__("plinth:index:Foundation", name, None, opts)
        self.cloud = blueprint.cloud.load_adapter()(blueprint, parent=self)
        if Port.CLUSTER in blueprint.needs:
            self.cloud.cluster()
        if Port.SQL in blueprint.needs:
            self.cloud.sql_server()
        if Port.KEY_VALUE in blueprint.needs:
            self.cloud.key_value_server()
        if Port.REGISTRY in blueprint.needs:
            self.images = self.cloud.repository("images", parent=self)
        if Port.BUDGET in blueprint.needs:
            self.cloud.budget(parent=self)
        self.register_outputs({})


class Capability(pulumi.ComponentResource):
    """One capability (``plinth:index:Tracking`` and so on), provided by one tool.

    Attributes:
        result: The capability's record of :mod:`plinth.results`.
    """

    result: Any

    def __init__(
        self, tool: Tool, options: Any, context: Context, opts: ResourceOptions | None = None
    ) -> None:
        super().__init__(
            f"plinth:index:{tool.capability.capitalize()}",
            tool.capability,
            {"tool": tool.name},
            opts,
        )
        way = tool.way_on(context.blueprint.cloud)
        self.result = way.build(options, replace(context, parent=self))
        self.register_outputs({})


class Platform(pulumi.ComponentResource):
    """A whole MLOps platform (``plinth:index:Platform``).

    Its inputs are the facts that policies judge by; they hold no secret.

    Attributes:
        results: What the capabilities give.
        outputs: Flat stack outputs.
    """

    results: Results
    outputs: Mapping[str, Input[Any]]

    def __init__(
        self, name: str, blueprint: Blueprint, opts: ResourceOptions | None = None
    ) -> None:
        settings = blueprint.settings
        facts = {
            "environment": blueprint.environment,
            "cloud": settings.cloud,
            "durable": settings.durable,
            "policies": settings.policies,
            "tags": blueprint.tags,
        }
        super().__init__("plinth:index:Platform", name, facts, opts)
        child = ResourceOptions(parent=self)
        foundation = Foundation("foundation", blueprint, child)
        cloud = foundation.cloud
        services = databases = None
        if Port.CLUSTER in blueprint.needs:
            services = ClusterServices("services", blueprint, cloud, child)
            if Port.SQL in blueprint.needs:
                databases = Databases(cloud, services, blueprint.pins.images["psql"])
        results = Results()
        for capability, tool, options in blueprint.tools():
            context = Context(
                capability=capability,
                blueprint=blueprint,
                parent=self,
                cloud=cloud,
                peers=results,
                cluster_services=services,
                databases=databases,
            )
            built = Capability(tool, options, context, child)
            results = replace(results, **{capability: built.result})
        self.results = results
        self.outputs = {
            "platform": settings.name,
            "environment": blueprint.environment,
            "cloud": settings.cloud,
            **cloud.outputs(),
            **({"registry": foundation.images.url} if foundation.images else {}),
            **_flatten(results),
        }
        self.register_outputs({})


def _flatten(results: Results) -> dict[str, Input[Any]]:
    """Results as flat outputs, such as ``artifacts_buckets_models`` or ``tracking_url``.

    Flat, because one secret inside an object would make all of it secret (pulumi/pulumi#17422).
    """
    found: dict[str, Input[Any]] = {}
    for capability in fields(results):
        result = getattr(results, capability.name)
        if result is None:
            continue
        for field in fields(result):
            value = getattr(result, field.name)
            key = f"{capability.name}_{field.name}"
            if isinstance(value, Mapping):
                found |= {f"{key}_{item}": _plain(part) for item, part in value.items()}
            elif value is not None and not isinstance(value, Secret):
                found[key] = _plain(value)
    return found


def _plain(value: Any) -> Input[Any]:
    if isinstance(value, Bucket):
        return value.uri
    return value.id if isinstance(value, Topic) else value
