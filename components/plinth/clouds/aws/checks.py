"""What only AWS can refuse, given a resolved blueprint. Pure functions, no SDK."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from plinth.clouds import problems
from plinth.clouds.aws import machines
from plinth.clouds.aws.facts import ACCESS_LOGS, REGIONS, ZONES
from plinth.clouds.aws.options import AwsOptions
from plinth.clouds.sizes import NoFitError
from plinth.errors import Problem

if TYPE_CHECKING:
    from plinth.blueprint import Blueprint
    from plinth.spec.models import NodePool, Settings

_ACCOUNT: Final = re.compile(r"\d{12}")
_NETWORK: Final = re.compile(r"vpc-[0-9a-f]{8}([0-9a-f]{9})?")
_SUBNET: Final = re.compile(r"subnet-[0-9a-f]{8}([0-9a-f]{9})?")
_PRINCIPAL: Final = re.compile(r"arn:aws:iam::\d{12}:(role|user)/[\w+=,.@/-]+")
_KEY: Final = re.compile(r"arn:aws:kms:([a-z0-9-]+):\d{12}:key/[\w-]+")
_ZONE: Final = re.compile(r"Z[A-Z0-9]{7,31}")
#: AWS Cost Management API Reference, "Notification": alerts a budget, one of them the forecast's.
_ALERTS: Final = 10
#: RDS and EKS spread over two zones at least.
_SUBNETS: Final = 2


def check(blueprint: Blueprint) -> Sequence[Problem]:
    """Every reason why AWS cannot run this platform as described."""
    settings = blueprint.settings
    return [
        *_place(settings),
        *_network(settings),
        *_references(settings),
        *_people(settings),
        *_sizes(settings),
        *_budget(settings),
        *_buckets(blueprint),
        *_boundary(blueprint),
    ]


def _place(settings: Settings) -> Iterator[Problem]:
    region = settings.region
    yield from problems.region(
        region,
        REGIONS,
        cloud="AWS",
        example="eu-west-1",
        unknown=f"there is no AWS region '{region}'",
    )
    if (
        region in ZONES
        and settings.network.adopt is None
        and settings.network.zones > len(ZONES[region])
    ):
        yield Problem(
            code="too-few-zones",
            message=f"{region} has {len(ZONES[region])} usable zones, not {settings.network.zones}",
            path="network.zones",
            fix=f"Set it to {len(ZONES[region])}.",
        )
    if settings.account is not None and not _ACCOUNT.fullmatch(settings.account):
        yield Problem(
            code="account-shape",
            message=f"'{settings.account}' is not an AWS account",
            path="account",
            fix="Write the twelve digits, in quotes so that leading zeros stay.",
        )


def _boundary(blueprint: Blueprint) -> Iterator[Problem]:
    options = blueprint.cloud_options
    boundary = options.boundary if isinstance(options, AwsOptions) else None
    if boundary and not boundary.startswith("arn:") and blueprint.settings.account is None:
        yield Problem(
            code="boundary-without-account",
            message=f"the boundary {boundary} is named, but not the account that it is in",
            path="clouds.aws.boundary",
            fix="Add `account:`, or write the policy's ARN.",
        )


def _network(settings: Settings) -> Iterator[Problem]:
    adopted = settings.network.adopt
    if adopted is None:
        return
    if not _NETWORK.fullmatch(adopted.network):
        yield problems.shape(
            "network.adopt.network", adopted.network, "a VPC", "vpc-0123456789abcdef0"
        )
    for field in ("private_subnets", "public_subnets"):
        for index, subnet in enumerate(getattr(adopted, field)):
            if not _SUBNET.fullmatch(subnet):
                path = f"network.adopt.{field}.{index}"
                yield problems.shape(path, subnet, "a subnet", "subnet-0123456789abcdef0")
    if len(adopted.private_subnets) < _SUBNETS:
        yield Problem(
            code="too-few-zones",
            message="EKS and RDS need private subnets in at least two zones",
            path="network.adopt.private_subnets",
            fix="List one subnet in each of two or three zones.",
        )
    public = settings.domain is not None and settings.domain.exposure == "public"
    if public and not adopted.public_subnets:
        yield Problem(
            code="public-subnets-missing",
            message="a public load balancer needs public subnets, and none are adopted",
            path="network.adopt.public_subnets",
            fix="List one public subnet a zone, or make domain.exposure internal.",
        )


def _references(settings: Settings) -> Iterator[Problem]:
    key = settings.encryption.key
    if key is not None:
        found = _KEY.fullmatch(key)
        if found is None:
            example = "arn:aws:kms:<region>:<account>:key/<id>"
            yield problems.shape("encryption.key", key, "a KMS key's ARN", example)
        elif found[1] != settings.region:
            yield Problem(
                code="key-elsewhere",
                message=f"the key is in {found[1]} and the platform in {settings.region}",
                path="encryption.key",
                fix="Use a key of the platform's region.",
            )
    zone = settings.domain.zone if settings.domain else None
    if zone is not None and not _ZONE.fullmatch(zone):
        yield problems.shape(
            "domain.zone", zone, "a Route 53 hosted zone's identifier", "Z0123456789ABC"
        )


def _people(settings: Settings) -> Iterator[Problem]:
    cluster = settings.cluster
    for field in ("admins", "viewers"):
        for index, principal in enumerate(getattr(cluster, field)):
            if not _PRINCIPAL.fullmatch(principal):
                example = "arn:aws:iam::111111111111:role/ml-platform"
                path = f"cluster.{field}.{index}"
                yield problems.shape(path, principal, "an IAM role's or user's ARN", example)
    for principal in sorted({*cluster.admins} & {*cluster.viewers}):
        yield Problem(
            code="admin-and-viewer",
            message=f"{principal} is listed both as admin and as viewer",
            path="cluster.viewers",
            fix="EKS keeps one entry an identity: remove it from one of the lists.",
        )


def _sizes(settings: Settings) -> Iterator[Problem]:
    for name, pool in settings.cluster.node_pools.items():
        yield from _pool(f"cluster.node_pools.{name}", pool)
    try:
        machines.database(settings.database.cpu, settings.database.memory)
    except NoFitError as error:
        yield problems.no_fit("database", error)
    try:
        machines.cache(settings.cache.memory)
    except NoFitError as error:
        yield problems.no_fit("cache.memory", error)


def _pool(path: str, pool: NodePool) -> Iterator[Problem]:
    if pool.machine is not None and not machines.is_machine(pool.machine):
        yield problems.shape(f"{path}.machine", pool.machine, "an EC2 instance type", "m7i.xlarge")
        return
    try:
        machines.node(pool)
    except NoFitError as error:
        yield problems.no_fit(f"{path}.gpu" if pool.gpu else path, error)


def _budget(settings: Settings) -> Iterator[Problem]:
    cost = settings.cost
    if cost.currency != "USD":
        yield Problem(
            code="budget-currency",
            message=f"AWS keeps budgets in USD, not {cost.currency}",
            path="cost.currency",
            allowed=("USD",),
            nearest="USD",
            fix="Write the budget in USD.",
        )
    if len(cost.thresholds) >= _ALERTS:
        yield Problem(
            code="too-many-thresholds",
            message=f"AWS keeps {_ALERTS} alerts a budget, one of them for the forecast",
            path="cost.thresholds",
            fix=f"List at most {_ALERTS - 1} thresholds.",
        )


def _buckets(blueprint: Blueprint) -> Iterator[Problem]:
    artifacts = blueprint.choices.get("artifacts")
    if artifacts and ACCESS_LOGS in getattr(artifacts.options, "buckets", {}):
        yield Problem(
            code="reserved-name",
            message=f"the bucket {ACCESS_LOGS} keeps the other buckets' access logs",
            path=f"artifacts.buckets.{ACCESS_LOGS}",
            fix="Choose another name.",
        )
