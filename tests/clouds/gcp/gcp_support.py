"""GCP platforms for tests: recorded graphs in which every port is used."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pulumi
from gcp_parts import PROJECT, REGION, blueprint

from plinth.blueprint import Blueprint
from plinth.clouds.gcp.adapter import Gcp
from plinth.graph import Graph, Resource
from plinth.kube import Kube
from plinth.naming import label_value
from plinth.ports import Generated, Grant
from plinth.recorder import record
from plinth.spec.options import BucketOptions

PROD: dict[str, Any] = {
    "durable": True,
    "domain": {"name": "ml.example.com", "zone": "ml-example-com"},
    "identity": {
        "issuer": "https://id.example.com",
        "client_id": "churn",
        "client_secret": {"secret": "ml/oidc-client"},
    },
    "cluster": {
        "admins": ["group:ml-admins@example.com"],
        "viewers": ["user:auditor@example.com"],
        "node_pools": {
            "general": {"min": 4, "max": 6},
            "gpu": {"gpu": {"type": "l4"}, "max": 2, "spot": True},
        },
    },
}
ADOPTED: dict[str, Any] = {
    "network": {
        "adopt": {
            "network": f"projects/{PROJECT}/global/networks/shared",
            "private_subnets": [f"projects/{PROJECT}/regions/{REGION}/subnetworks/ml"],
        }
    }
}


def build(adapter: Gcp, foundation: pulumi.Resource, tool: pulumi.Resource) -> None:
    """Uses every port once."""
    handle = adapter.cluster()
    server, cache_server = adapter.sql_server(), adapter.key_value_server()
    adapter.repository("models", parent=foundation)
    adapter.budget(parent=foundation)
    labels = {"platform": "churn", "environment": "dev"}
    kube = Kube(handle.provider, {key: label_value(value) for key, value in labels.items()})
    addons = adapter.cluster_addons(kube, parent=tool)
    adapter.secret_store(kube, parent=tool, depends_on=addons)
    bucket = adapter.bucket("models", BucketOptions(expire_after_days=365), parent=tool)
    secret = adapter.generate("web", {"user": "admin", "password": Generated()}, parent=tool)
    adapter.deliver(
        kube,
        "web",
        namespace="tracking",
        data={
            "uri": pulumi.Output.concat("${db.username}@", server.host, "?${web.password}"),
            "cache": "${cache.password}",
        },
        sources={"db": server.admin, "web": secret, "cache": cache_server.auth},
        parent=tool,
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
            Grant(to=adapter.existing("team/token", ["value"])),
            Grant(to=topic, access="write"),
        ],
        parent=tool,
    )


def everything(plain: Blueprint) -> Graph:
    """The graph of a platform that uses every port."""

    def program(adapter: Gcp, foundation: pulumi.Resource) -> None:
        build(adapter, foundation, pulumi.ComponentResource("plinth:index:Tracking", "tracking"))

    return adapted(plain, program)


def adapted(plain: Blueprint, program: Callable[[Gcp, pulumi.Resource], object]) -> Graph:
    """The graph of what ``program`` does with an adapter."""

    def run() -> None:
        foundation = pulumi.ComponentResource("plinth:index:Foundation", "foundation")
        adapter = Gcp(plain, parent=foundation)
        program(adapter, foundation)
        for name, value in adapter.outputs().items():
            pulumi.export(name, value)

    return record(
        run, project="churn", environment="dev", cloud="gcp", region=plain.region, account=PROJECT
    )


@cache
def graph(name: str) -> Graph:
    """The graphs that most tests look at, each made once."""
    changes = {"dev": {}, "prod": PROD, "adopted": ADOPTED}[name]
    return everything(blueprint(**changes))


def of_type(found: Graph, suffix: str) -> list[Resource]:
    """Resources whose type ends with ``suffix``."""
    return [resource for resource in found if resource.type.endswith(suffix)]


def before(found: Graph, urn: str) -> set[str]:
    """URNs of all that a resource waits for, near and far."""
    seen: set[str] = set()
    rest = [urn]
    while rest:
        for other in found.by_urn[rest.pop()].dependencies:
            if other not in seen:
                seen.add(other)
                rest.append(other)
    return seen
