"""What only Azure can refuse, given a resolved blueprint. Pure functions, no SDK."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from plinth.clouds import problems
from plinth.clouds.azure import ids, machines
from plinth.clouds.azure.facts import LOG_DAYS, REGIONS
from plinth.clouds.azure.options import options
from plinth.clouds.sizes import NoFitError
from plinth.errors import Problem

if TYPE_CHECKING:
    from plinth.blueprint import Blueprint
    from plinth.spec.models import NodePool, Settings

#: Storage documentation, "Naming and referencing containers".
_CONTAINER: Final = re.compile(r"(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*")
_POSTGRES: Final = ("14", "15", "16", "17", "18")
#: Cost Management documentation, "Budgets": alerts a budget, one of them the forecast's.
_ALERTS: Final = 5
#: Azure Managed Redis keeps one copy or none.
_REPLICAS: Final = 1

_EXAMPLE: Final = "/subscriptions/<subscription>/resourceGroups/<group>/providers"


def check(blueprint: Blueprint) -> Sequence[Problem]:
    """Every reason why Azure cannot run this platform as described."""
    settings = blueprint.settings
    return [
        *_place(settings),
        *_tags(blueprint),
        *_network(settings),
        *_adopted(blueprint),
        *_references(settings),
        *_people(settings),
        *_logs(settings),
        *_sizes(settings),
        *_versions(settings),
        *_budget(settings),
        *_buckets(blueprint),
    ]


def _place(settings: Settings) -> Iterator[Problem]:
    region = settings.region
    yield from problems.region(
        region,
        REGIONS,
        cloud="Azure",
        example="westeurope",
        unknown=f"there is no Azure region with zones called '{region}'",
    )
    if settings.account is not None and not ids.GUID.fullmatch(settings.account):
        yield Problem(
            code="account-shape",
            message=f"'{settings.account}' is not an Azure subscription",
            path="account",
            fix="Write the subscription's ID, such as 00000000-1111-2222-3333-444444444444.",
        )


def _tags(blueprint: Blueprint) -> Iterator[Problem]:
    """Azure knows no upper and lower case in names of tags."""
    counted = Counter(name.lower() for name in (*blueprint.tags, "capability"))
    for name in blueprint.settings.tags:
        if counted[name.lower()] > 1:
            yield Problem(
                code="tag-twice",
                message=f"the tag {name} is there already, and Azure does not tell case apart",
                path=f"tags.{name}",
                fix="Give it another name.",
            )


def _network(settings: Settings) -> Iterator[Problem]:
    network = settings.network
    if not network.endpoints:
        yield Problem(
            code="endpoints-needed",
            message="on Azure the platform's stores can be reached by private endpoints alone",
            path="network.endpoints",
            fix="Remove it.",
        )
    if network.nat == "none" and network.adopt is None:
        yield Problem(
            code="no-way-out",
            message="workloads sign in to Entra, which has no private endpoint, so nodes need a "
            "way out",
            path="network.nat",
            allowed=("single", "per-zone"),
            fix="Use a NAT gateway, or adopt a network that leaves by a firewall.",
        )


def _adopted(blueprint: Blueprint) -> Iterator[Problem]:
    settings = blueprint.settings
    adopted = settings.network.adopt
    if adopted is None:
        return
    example = f"{_EXAMPLE}/Microsoft.Network/virtualNetworks/<name>"
    if not ids.NETWORK.fullmatch(adopted.network):
        path = "network.adopt.network"
        yield problems.shape(path, adopted.network, "a virtual network's resource ID", example)
    for index, subnet in enumerate(adopted.private_subnets):
        path = f"network.adopt.private_subnets.{index}"
        found = ids.SUBNET.fullmatch(subnet)
        if found is None:
            yield problems.shape(
                path, subnet, "a subnet's resource ID", f"{example}/subnets/<name>"
            )
        elif found[1].lower() != adopted.network.lower() and ids.NETWORK.fullmatch(adopted.network):
            yield Problem(
                code="subnet-elsewhere",
                message="the subnet is in another virtual network than the one adopted",
                path=path,
                fix="List subnets of network.adopt.network.",
            )
    if settings.cluster.public_access and options(blueprint).control_plane_subnet is None:
        yield Problem(
            code="nodes-shut-out",
            message="the API server would take calls from cluster.public_access alone, and so none "
            "of the nodes, which come by a way out that is not known here",
            path="cluster.public_access",
            fix="Name a clouds.azure.control_plane_subnet, by which nodes reach it, or leave it "
            "private.",
        )
    if adopted.public_subnets:
        yield Problem(
            code="not-on-azure",
            message="load balancers of Azure need no subnets to be public",
            path="network.adopt.public_subnets",
            fix="Remove it.",
        )


def _references(settings: Settings) -> Iterator[Problem]:
    key = settings.encryption.key
    if key is not None and not ids.KEY.fullmatch(key):
        example = f"{_EXAMPLE}/Microsoft.KeyVault/vaults/<vault>/keys/<key>"
        yield problems.shape(
            "encryption.key", key, "the resource ID of a key in Key Vault", example
        )
    domain = settings.domain
    if domain is None or domain.zone is None:
        return
    found = ids.ZONE.fullmatch(domain.zone)
    if found is None:
        example = f"{_EXAMPLE}/Microsoft.Network/dnsZones/{domain.name}"
        yield problems.shape("domain.zone", domain.zone, "the resource ID of a DNS zone", example)
        return
    zone = found[3].lower()
    if not f".{domain.name}".endswith(f".{zone}"):
        yield Problem(
            code="zone-mismatch",
            message=f"{domain.name} is not in the zone {zone}",
            path="domain.zone",
            fix="Name the zone that the domain is in.",
        )


def _people(settings: Settings) -> Iterator[Problem]:
    for field in ("admins", "viewers"):
        for index, principal in enumerate(getattr(settings.cluster, field)):
            if not ids.GUID.fullmatch(principal):
                example = "00000000-1111-2222-3333-444444444444"
                path = f"cluster.{field}.{index}"
                yield problems.shape(path, principal, "the object ID of an Entra group", example)
    viewers = {principal.lower() for principal in settings.cluster.viewers}
    for principal in settings.cluster.admins:
        if principal.lower() in viewers:
            yield Problem(
                code="admin-and-viewer",
                message=f"{principal} is listed both as admin and as viewer",
                path="cluster.viewers",
                fix="Either may connect, a right that Azure gives once: remove it from one of the "
                "lists.",
            )


def _logs(settings: Settings) -> Iterator[Problem]:
    if settings.log_retention_days > LOG_DAYS[1]:
        yield Problem(
            code="logs-too-long",
            message=f"Log Analytics keeps logs for {LOG_DAYS[1]} days at most, and not for "
            f"{settings.log_retention_days}",
            path="log_retention_days",
            nearest=str(LOG_DAYS[1]),
            fix=f"Write {LOG_DAYS[1]}, and export what has to stay for longer.",
        )


def _sizes(settings: Settings) -> Iterator[Problem]:
    for name, pool in settings.cluster.node_pools.items():
        yield from _pool(f"cluster.node_pools.{name}", pool)
    database, cache = settings.database, settings.cache
    try:
        machines.database(database.cpu, database.memory)
    except NoFitError as error:
        yield problems.no_fit("database", error)
    try:
        machines.cache(cache.memory)
    except NoFitError as error:
        yield problems.no_fit("cache.memory", error)
    if (cache.replicas or 0) > _REPLICAS:
        yield Problem(
            code="too-many-replicas",
            message=f"Azure Managed Redis keeps one copy beside the primary, not {cache.replicas}",
            path="cache.replicas",
            allowed=("0", "1"),
            nearest="1",
            fix="Set it to 1.",
        )


def _pool(path: str, pool: NodePool) -> Iterator[Problem]:
    if pool.machine is not None and not machines.is_machine(pool.machine):
        yield problems.shape(f"{path}.machine", pool.machine, "an Azure VM size", "Standard_D4s_v5")
        return
    try:
        machines.node(pool)
    except NoFitError as error:
        yield problems.no_fit(f"{path}.gpu" if pool.gpu else path, error)


def _versions(settings: Settings) -> Iterator[Problem]:
    """Azure chooses minor versions of databases by itself."""
    postgres = settings.versions.postgres
    if postgres is not None and postgres not in _POSTGRES:
        near = postgres.split(".", maxsplit=1)[0]
        yield Problem(
            code="version-not-offered",
            message=f"Azure offers major versions of PostgreSQL, and not {postgres}",
            path="versions.postgres",
            allowed=_POSTGRES,
            nearest=near if near in _POSTGRES else None,
            fix=f"Write {near}." if near in _POSTGRES else "Choose one of the versions.",
        )
    if settings.versions.valkey is not None:
        yield Problem(
            code="version-not-offered",
            message="Azure Managed Redis has one version at a time and keeps it up to date",
            path="versions.valkey",
            fix="Remove it.",
        )


def _budget(settings: Settings) -> Iterator[Problem]:
    if len(set(settings.cost.thresholds)) >= _ALERTS:
        yield Problem(
            code="too-many-thresholds",
            message=f"Azure keeps {_ALERTS} alerts a budget, one of them for the forecast",
            path="cost.thresholds",
            fix=f"List at most {_ALERTS - 1} thresholds.",
        )


def _buckets(blueprint: Blueprint) -> Iterator[Problem]:
    artifacts = blueprint.choices.get("artifacts")
    for role in getattr(artifacts.options, "buckets", {}) if artifacts else ():
        if not _CONTAINER.fullmatch(role):
            yield Problem(
                code="wrong-shape",
                message=f"containers of Azure have three letters at least and no two hyphens in a "
                f"row, unlike '{role}'",
                path=f"artifacts.buckets.{role}",
                fix="Choose another name.",
            )
