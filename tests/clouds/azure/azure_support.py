"""Azure platforms for tests: blueprints, and recorded graphs in which every port is used."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pulumi

from plinth import versions
from plinth.blueprint import Blueprint, complete
from plinth.clouds.azure.adapter import Azure
from plinth.clouds.azure.options import AzureOptions
from plinth.clouds.azure.site import tagging
from plinth.graph import Graph, Resource
from plinth.kube import Kube
from plinth.ports import Generated, Grant, Port
from plinth.recorder import record
from plinth.spec.models import Settings
from plinth.spec.options import BucketOptions

ACCOUNT = "11111111-1111-1111-1111-111111111111"
REGION = "westeurope"
SHARED = f"/subscriptions/{ACCOUNT}/resourceGroups/shared/providers"
ADMINS = "22222222-2222-2222-2222-222222222222"
VIEWERS = "33333333-3333-3333-3333-333333333333"
BASE: dict[str, Any] = {
    "apiVersion": "plinth/v1",
    "name": "churn",
    "owner": "ml@example.com",
    "cost": {"center": "4711", "monthly_budget": 3000},
    "cloud": "azure",
    "region": REGION,
    "account": ACCOUNT,
}
PROD: dict[str, Any] = {
    "durable": True,
    "domain": {
        "name": "ml.example.com",
        "zone": f"{SHARED}/Microsoft.Network/dnsZones/example.com",
    },
    "cluster": {
        "admins": [ADMINS],
        "viewers": [VIEWERS],
        "node_pools": {
            "general": {"min": 2, "max": 6},
            "gpu": {"gpu": {"type": "t4"}, "max": 2, "spot": True},
        },
    },
}
ADOPTED: dict[str, Any] = {
    "network": {
        "adopt": {
            "network": f"{SHARED}/Microsoft.Network/virtualNetworks/hub",
            "private_subnets": [
                f"{SHARED}/Microsoft.Network/virtualNetworks/hub/subnets/{name}"
                for name in ("nodes", "endpoints")
            ],
        }
    },
    "clouds": {
        "private_dns": "central",
        "egress": "firewall",
        "vault": f"{SHARED}/Microsoft.KeyVault/vaults/team",
    },
}


def blueprint(*, ports: frozenset[Port] = frozenset(Port), **changes: Any) -> Blueprint:
    """A resolved blueprint of the base spec with ``changes``, whose tools need ``ports``.

    The change ``clouds`` is the block for Azure itself.
    """
    options = AzureOptions.model_validate(changes.pop("clouds", {}))
    data = {key: value for key, value in {**BASE, **changes}.items() if value is not ...}
    settings = Settings.model_validate(data)
    made = Blueprint.model_construct(
        environment="dev",
        settings=complete(settings, durable=settings.durable),
        cloud_options=options,
        choices={},
        pins=versions.defaults(),
    )
    made.__dict__["needs"] = ports  # where the cached property keeps what it derives from tools
    return made


def build(adapter: Azure, foundation: pulumi.Resource, tool: pulumi.Resource) -> None:
    """Uses every port once."""
    handle = adapter.cluster()
    server, cache_server = adapter.sql_server(), adapter.key_value_server()
    adapter.repository("models", parent=foundation)
    adapter.budget(parent=foundation)
    kube = Kube(handle.provider, {"platform": "churn"})
    addons = adapter.cluster_addons(kube, parent=tool)
    store = adapter.secret_store(kube, parent=tool, depends_on=addons)
    options = BucketOptions(expire_after_days=365, archive_after_days=30)
    bucket = adapter.bucket("models", options, parent=tool)
    secret = adapter.generate(
        "web",
        {"user": "admin", "password": Generated(), "key": Generated(kind="bytes")},
        parent=tool,
    )
    token = adapter.existing("team/token", ["value"])
    adapter.deliver(
        kube,
        "web",
        namespace="tracking",
        data={
            "uri": pulumi.Output.concat("${db.username}@", server.host, "?${web.password}"),
            "cache": "${cache.password}",
            "token": "${token.value}",
        },
        sources={"db": server.admin, "web": secret, "cache": cache_server.auth, "token": token},
        parent=tool,
        depends_on=store,
    )
    topic = adapter.topic(
        "alerts", ["oncall@example.com"], kube=kube, namespace="monitoring", parent=tool
    )
    adapter.workload_identity(
        "tracking-server",
        namespace="tracking",
        service_account="server",
        grants=[
            Grant(to=bucket, access="write"),
            Grant(to=secret),
            Grant(to=token),
            Grant(to=topic, access="write"),
        ],
        parent=tool,
    )


def everything(plain: Blueprint) -> Graph:
    """The graph of a platform that uses every port."""

    def program(adapter: Azure, foundation: pulumi.Resource) -> None:
        build(adapter, foundation, pulumi.ComponentResource("plinth:index:Tracking", "tracking"))

    return recorded(plain, program)


def recorded(plain: Blueprint, program: Callable[[Azure, pulumi.Resource], object]) -> Graph:
    """The graph of what ``program`` does with an adapter."""

    def run() -> None:
        pulumi.runtime.register_stack_transformation(tagging(plain))
        foundation = pulumi.ComponentResource("plinth:index:Foundation", "foundation")
        adapter = Azure(plain, parent=foundation)
        program(adapter, foundation)
        for name, value in adapter.outputs().items():
            pulumi.export(name, value)

    return record(
        run,
        project="churn",
        environment="dev",
        cloud="azure",
        region=plain.region,
        account=ACCOUNT,
    )


@cache
def graph(name: str) -> Graph:
    """The graphs that most tests look at, each made once."""
    changes = {"dev": {}, "prod": PROD, "adopted": ADOPTED}[name]
    return everything(blueprint(**changes))


def of_type(found: Graph, suffix: str) -> list[Resource]:
    """Resources whose type ends with ``suffix``."""
    return [resource for resource in found if resource.type.endswith(suffix)]


def one(found: Graph, suffix: str, name: str | None = None) -> Resource:
    """The one resource of a type, and of a name where there are more."""
    (resource,) = [
        resource for resource in of_type(found, suffix) if name is None or resource.name == name
    ]
    return resource
