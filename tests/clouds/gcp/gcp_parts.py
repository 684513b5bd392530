"""Parts of a GCP platform for tests: blueprints, and graphs of single components."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pulumi

from plinth import versions
from plinth.blueprint import Blueprint, complete
from plinth.clouds.gcp.keys import Keys
from plinth.clouds.gcp.network import Network
from plinth.clouds.gcp.options import GcpOptions
from plinth.clouds.gcp.secrets import Secrets
from plinth.clouds.gcp.site import Site
from plinth.graph import Graph, Resource
from plinth.ports import Port
from plinth.recorder import record
from plinth.spec.models import Settings

PROJECT = "churn-dev-4711"
REGION = "europe-west4"
BASE: dict[str, Any] = {
    "apiVersion": "plinth/v1",
    "name": "churn",
    "owner": "ml@example.com",
    "cost": {"center": "4711", "monthly_budget": 3000},
    "cloud": "gcp",
    "region": REGION,
    "account": PROJECT,
}


def blueprint(
    *,
    ports: frozenset[Port] = frozenset(Port),
    options: dict[str, Any] | None = None,
    versions_: dict[str, Any] | None = None,
    **changes: Any,
) -> Blueprint:
    """A resolved blueprint of the base spec with ``changes``, whose tools need ``ports``."""
    data = {key: value for key, value in {**BASE, **changes}.items() if value is not ...}
    settings = Settings.model_validate(data)
    made = Blueprint.model_construct(
        environment="dev",
        settings=complete(settings, durable=settings.durable),
        cloud_options=GcpOptions.model_validate(options or {}),
        choices={},
        pins=versions.defaults().model_copy(update=versions_ or {}),
    )
    made.__dict__["needs"] = ports  # where the cached property keeps what it derives from tools
    return made


@dataclass(frozen=True)
class Parts:
    """What components are built with."""

    site: Site
    keys: Keys
    secrets: Secrets
    parent: pulumi.Resource

    def network(self) -> Network:
        """The network."""
        return Network(site=self.site, keys=self.keys, parent=self.parent)


def recorded(plain: Blueprint, program: Callable[[Parts], object]) -> Graph:
    """The graph of what ``program`` makes."""

    def run() -> None:
        foundation = pulumi.ComponentResource("plinth:index:Foundation", "foundation")
        site = Site.open(plain, foundation)
        keys = Keys(site, foundation)
        program(Parts(site, keys, Secrets(site, keys, None), foundation))

    return record(
        run, project="churn", environment="dev", cloud="gcp", region=plain.region, account=PROJECT
    )


def one(found: Graph, suffix: str, name: str | None = None) -> Resource:
    """The one resource of a type, and of a name where there are more."""
    (resource,) = [
        resource
        for resource in found
        if resource.type.endswith(suffix) and (name is None or resource.name == name)
    ]
    return resource


def names(found: Graph, suffix: str) -> list[str]:
    """Logical names of all resources of a type."""
    return sorted(resource.name for resource in found if resource.type.endswith(suffix))
