"""What only GCP can refuse, given a resolved blueprint. Pure functions, no SDK."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from plinth.clouds import problems
from plinth.clouds.gcp import machines
from plinth.clouds.gcp.facts import ACCESS_LOGS, REGIONS, ZONES, ranges
from plinth.clouds.gcp.options import options
from plinth.clouds.sizes import NoFitError
from plinth.errors import Problem, nearest
from plinth.ports import Port

if TYPE_CHECKING:
    from plinth.blueprint import Blueprint
    from plinth.spec.models import AdoptedNetwork, NodePool, Settings

_PROJECT_ID: Final = r"[a-z][a-z0-9-]{4,28}[a-z0-9]"
#: A project of an organisation with a domain of its own has the domain in front.
_PROJECT: Final = re.compile(rf"([a-z0-9.-]+:)?{_PROJECT_ID}")
_NAME: Final = r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?"
_NETWORK: Final = re.compile(rf"projects/([^/]+)/global/networks/{_NAME}")
_SUBNET: Final = re.compile(rf"projects/[^/]+/regions/([a-z0-9-]+)/subnetworks/{_NAME}")
_KEY: Final = re.compile(
    r"projects/[^/]+/locations/([a-z0-9-]+)/keyRings/[\w-]+/cryptoKeys/[\w-]{1,63}"
)
_ZONE: Final = re.compile(_NAME)
_PRINCIPAL: Final = re.compile(
    r"(user|group|serviceAccount):[^@\s]+@[^@\s]+\.[^@\s]+|principal(Set)?://iam\.googleapis\.com/\S+"
)
#: Labels that GKE keeps to itself ("Node labels", GKE documentation).
_RESERVED_LABEL: Final = re.compile(r"([\w.-]+\.)?(kubernetes\.io|k8s\.io|gke\.io|google\.com)/.*")
#: Cloud Storage documentation, "Bucket naming guidelines".
_RESERVED_NAME: Final = re.compile(r"goog.*|.*(google|g00gle).*")
#: Cloud Billing Budget API, "AllUpdatesRule": channels a budget.
_PEOPLE: Final = 5
#: Memorystore for Redis documentation, "Read replicas": GiB of the smallest instance with them.
_READ_REPLICAS_FROM: Final = 5
#: Cloud SQL documentation, "Database versions and version policies".
_POSTGRES: Final = ("14", "15", "16", "17", "18")


def check(blueprint: Blueprint) -> Sequence[Problem]:
    """Every reason why GCP cannot run this platform as described."""
    settings = blueprint.settings
    return [
        *_place(settings),
        *_network(blueprint),
        *_references(settings),
        *_people(settings),
        *_pools(blueprint),
        *_stores(blueprint),
        *_budget(settings),
        *_buckets(blueprint),
    ]


def _place(settings: Settings) -> Iterator[Problem]:
    region = settings.region
    yield from problems.region(
        region,
        REGIONS,
        cloud="GCP",
        example="europe-west4",
        unknown=f"there is no GCP region '{region}'",
    )
    if settings.account is not None and not _PROJECT.fullmatch(settings.account):
        yield Problem(
            code="account-shape",
            message=f"'{settings.account}' is not a project's ID",
            path="account",
            fix="Write the ID, such as churn-dev-4711, and neither the name nor the number.",
        )


def _network(blueprint: Blueprint) -> Iterator[Problem]:
    settings = blueprint.settings
    adopted = settings.network.adopt
    given = options(blueprint)
    if adopted is not None:
        yield from _adopted(blueprint, adopted)
    else:
        for field in ("pods_range", "services_range"):
            if getattr(given, field) is not None:
                yield Problem(
                    code="range-without-network",
                    message="secondary ranges are named only for an adopted subnet",
                    path=f"clouds.gcp.{field}",
                    fix="Remove it, or adopt the network that has the range.",
                )
    zones = ZONES.get(settings.region or "", ())
    for index, zone in enumerate(given.gpu_zones):
        if zones and not zone.startswith(f"{settings.region}-"):
            yield Problem(
                code="zone-elsewhere",
                message=f"the zone {zone} is not in {settings.region}",
                path=f"clouds.gcp.gpu_zones.{index}",
                allowed=zones,
                nearest=nearest(zone, zones),
                fix="Name zones of the platform's region.",
            )


def _adopted(blueprint: Blueprint, adopted: AdoptedNetwork) -> Iterator[Problem]:
    settings = blueprint.settings
    project = settings.account
    example = "projects/<project>/global/networks/<name>"
    network = _NETWORK.fullmatch(adopted.network)
    if network is None:
        yield problems.shape("network.adopt.network", adopted.network, "a network", example)
    elif project and network[1] != project and Port.KEY_VALUE in blueprint.needs:
        yield Problem(
            code="network-elsewhere",
            message=f"Memorystore peers with networks of its own project, {project}, only",
            path="network.adopt.network",
            fix="Adopt a network of that project.",
        )
    for index, subnet in enumerate(adopted.private_subnets):
        path = f"network.adopt.private_subnets.{index}"
        found = _SUBNET.fullmatch(subnet)
        if found is None:
            example = "projects/<project>/regions/<region>/subnetworks/<name>"
            yield problems.shape(path, subnet, "a subnet", example)
        elif found[1] != settings.region:
            yield Problem(
                code="subnet-elsewhere",
                message=f"the subnet is in {found[1]} and the platform in {settings.region}",
                path=path,
                fix="Use a subnet of the platform's region.",
            )
    for field, most in (("private_subnets", 1), ("public_subnets", 0)):
        if len(getattr(adopted, field)) > most:
            yield Problem(
                code="too-many-subnets",
                message="a subnet on GCP spans all zones, and load balancers need none",
                path=f"network.adopt.{field}",
                fix="List one private subnet and no public one.",
            )


def _references(settings: Settings) -> Iterator[Problem]:
    key = settings.encryption.key
    if key is not None:
        found = _KEY.fullmatch(key)
        if found is None:
            example = "projects/<project>/locations/<region>/keyRings/<ring>/cryptoKeys/<key>"
            yield problems.shape("encryption.key", key, "a Cloud KMS key", example)
        elif found[1] != settings.region:
            yield Problem(
                code="key-elsewhere",
                message=f"the key is in {found[1]} and the platform in {settings.region}",
                path="encryption.key",
                fix="Use a key of the platform's region.",
            )
    zone = settings.domain.zone if settings.domain else None
    if zone is not None and not _ZONE.fullmatch(zone):
        yield problems.shape("domain.zone", zone, "a managed zone's name", "ml-example-com")


def _people(settings: Settings) -> Iterator[Problem]:
    for field in ("admins", "viewers"):
        for index, principal in enumerate(getattr(settings.cluster, field)):
            if not _PRINCIPAL.fullmatch(principal):
                path = f"cluster.{field}.{index}"
                yield problems.shape(
                    path, principal, "an IAM principal", "group:ml-platform@example.com"
                )


def _pools(blueprint: Blueprint) -> Iterator[Problem]:
    settings = blueprint.settings
    pools = settings.cluster.node_pools
    for name, pool in pools.items():
        yield from _pool(f"cluster.node_pools.{name}", pool)
    if settings.network.adopt is None and Port.CLUSTER in blueprint.needs:
        room = ranges(settings.network.cidr).most_nodes
        # One more a pool, while its nodes are renewed.
        wanted = sum(pool.max + 1 for pool in pools.values())
        if wanted > room:
            yield Problem(
                code="too-few-addresses",
                message=f"{settings.network.cidr} has pod addresses for {room} nodes, and the "
                f"pools may have {wanted} while they are renewed",
                path="network.cidr",
                fix="Choose a wider range, or let pools grow less.",
            )


def _pool(path: str, pool: NodePool) -> Iterator[Problem]:
    for label in pool.labels:
        if _RESERVED_LABEL.fullmatch(label):
            yield Problem(
                code="reserved-label",
                message=f"GKE sets labels such as {label} itself",
                path=f"{path}.labels",
                fix="Choose a prefix of your own, such as example.com/.",
            )
    if pool.machine is not None and not machines.is_machine(pool.machine):
        yield problems.shape(f"{path}.machine", pool.machine, "a machine type", "n2-standard-4")
        return
    if pool.machine is not None and not machines.boots(pool.machine):
        yield Problem(
            code="no-disk",
            message=f"{pool.machine} takes no Persistent Disk, which the platform's disks are",
            path=f"{path}.machine",
            fix="Choose a machine of a series such as e2, n2, c3 or g2.",
        )
        return
    if pool.machine is not None and not machines.known(pool.machine):
        names = tuple(m.name for m in machines.GPU_NODES if machines.has_gpu(m.name))
        near = nearest(pool.machine, names)
        yield Problem(
            code="unknown-accelerators",
            message=f"which accelerators {pool.machine} has is not known",
            path=f"{path}.machine",
            allowed=names,
            nearest=near,
            fix=f"Write {near or names[0]}, or ask with `gpu`.",
        )
        return
    try:
        machine = machines.node(pool)
    except NoFitError as error:
        yield problems.no_fit(f"{path}.gpu" if pool.gpu else path, error)
        return
    if pool.gpu and machines.accelerator(pool) is None:
        yield Problem(
            code="no-machine",
            message=f"{machine} cannot have {pool.gpu.count} {pool.gpu.type}",
            path=f"{path}.machine",
            fix="Remove `machine`: one that fits is found.",
        )
    if machine in machines.SPOT_ONLY and not pool.spot:
        yield Problem(
            code="spot-only",
            message=f"GCP has {machine} as a spot machine only",
            path=f"{path}.spot",
            fix="Set `spot: true`, or ask for 8 accelerators.",
        )


def _stores(blueprint: Blueprint) -> Iterator[Problem]:
    settings = blueprint.settings
    postgres = blueprint.pins.postgres
    if postgres not in _POSTGRES:
        major = postgres.partition(".")[0]
        near = major if major in _POSTGRES else _POSTGRES[-1]
        yield Problem(
            code="postgres-version",
            message=f"Cloud SQL has PostgreSQL by major version, and not {postgres}",
            path="versions.postgres",
            allowed=_POSTGRES,
            nearest=near,
            fix=f'Write "{near}".',
        )
    cache = settings.cache
    try:
        size = machines.cache(cache.memory)
    except NoFitError as error:
        yield problems.no_fit("cache.memory", error)
        return
    if (cache.replicas or 0) > 1 and size < _READ_REPLICAS_FROM:
        yield Problem(
            code="too-small-for-replicas",
            message=f"Memorystore has more than one replica from {_READ_REPLICAS_FROM} GiB on",
            path="cache.replicas",
            fix=f"Ask for one replica, or for a memory of {_READ_REPLICAS_FROM}.",
        )


def _budget(settings: Settings) -> Iterator[Problem]:
    people = {settings.owner, *settings.cost.notify}
    if len(people) > _PEOPLE:
        yield Problem(
            code="too-many-people",
            message=f"a budget on GCP tells {_PEOPLE} addresses, the owner's included",
            path="cost.notify",
            fix="Write the address of a mailing list.",
        )


def _buckets(blueprint: Blueprint) -> Iterator[Problem]:
    if _RESERVED_NAME.fullmatch(blueprint.settings.name):
        yield Problem(
            code="reserved-name",
            message="buckets are named after the platform, and no name may look like Google's",
            path="name",
            fix="Choose a name without google in it that does not begin with goog.",
        )
    artifacts = blueprint.choices.get("artifacts")
    for role in getattr(artifacts.options, "buckets", {}) if artifacts else ():
        if role == ACCESS_LOGS or "google" in role:
            why = "keeps the other buckets' access logs" if role == ACCESS_LOGS else "is Google's"
            yield Problem(
                code="reserved-name",
                message=f"the bucket name {role} {why}",
                path=f"artifacts.buckets.{role}",
                fix="Choose another name.",
            )
