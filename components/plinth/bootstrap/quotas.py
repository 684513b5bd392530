"""The quotas that environments need at their largest, and what to say of those that are too small.

The need is counted on the recorded graph: machines at the largest size of their pools, networks,
addresses.  What else runs in the account is not known here, and comes on top.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from plinth.errors import Problem
from plinth.graph import Graph, Resource


@dataclass(frozen=True, slots=True)
class Quota:
    """One limit of a cloud.

    Attributes:
        service: Service that it belongs to.
        code: How the cloud calls it.
        title: What it limits, for people.
        everywhere: Whether it holds for all regions together.
    """

    service: str
    code: str
    title: str
    everywhere: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """How much of a quota environments need in one region."""

    quota: Quota
    region: str
    amount: int
    environments: tuple[str, ...]

    @property
    def key(self) -> tuple[str, str]:
        """Which limit it is to be compared with."""
        return self.quota.code, self.region


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortage:
    """A need that is more than the limit, or whose limit nobody can read."""

    need: Need
    limit: float | None
    problem: Problem


@dataclass(slots=True)
class Limits:
    """What is to be asked of the cloud, and what it answered: filled while a program runs."""

    needs: tuple[Need, ...] = ()
    found: dict[tuple[str, str], float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Cloud:
    """How a cloud's graph is counted, the command that raises a quota, and that which shows it."""

    count: Callable[[Graph], Iterator[tuple[Quota, int]]]
    raises: str
    shows: str


def needs(cloud: str, graphs: Iterable[tuple[str, str, Graph]]) -> tuple[Need, ...]:
    """What environments need together.

    Args:
        cloud: Which cloud.
        graphs: Name, region and graph of each.
    """
    amounts: Counter[tuple[Quota, str]] = Counter()
    names: defaultdict[tuple[Quota, str], list[str]] = defaultdict(list)
    for name, region, graph in graphs:
        for quota, amount in _CLOUDS[cloud].count(graph):
            key = (quota, "global" if quota.everywhere else region)
            amounts[key] += amount
            if amount and name not in names[key]:
                names[key].append(name)
    return tuple(
        Need(quota=quota, region=region, amount=amount, environments=tuple(names[quota, region]))
        for (quota, region), amount in sorted(amounts.items(), key=lambda pair: str(pair[0]))
        if amount
    )


def compare(
    cloud: str, wanted: Iterable[Need], limits: Mapping[tuple[str, str], float], account: str
) -> tuple[Shortage, ...]:
    """Those needs that the limits do not meet, or that have no limit to compare with."""
    found = []
    for need in wanted:
        limit = limits.get(need.key)
        if limit is None or need.amount > limit >= 0:  # below zero there is no limit
            problem = _problem(cloud, need, limit, account)
            found.append(Shortage(need=need, limit=limit, problem=problem))
    return tuple(found)


def _problem(cloud: str, need: Need, limit: float | None, account: str) -> Problem:
    facts = _CLOUDS[cloud]
    words = {
        "service": need.quota.service,
        "code": need.quota.code,
        "amount": need.amount,
        "region": need.region,
        "account": account,
        "dimensions": "" if need.quota.everywhere else f"--dimensions=region={need.region} ",
        "listing": _AZURE_LISTINGS.get(need.quota.service, "vm list-usage"),
    }
    who = f"{need.quota.title} in {need.region}: {', '.join(need.environments)} need up to"
    if limit is None:
        return Problem(
            code="quota-unknown",
            message=f"{who} {need.amount}, and the limit cannot be read from here",
            fix=f"Look with: {facts.shows.format(**words)}",
        )
    return Problem(
        code="quota-too-small",
        message=f"{who} {need.amount}, and the limit is {limit:g}",
        fix=f"Raise it: {facts.raises.format(**words)}",
    )


# --- AWS -----------------------------------------------------------------------------------------
# Codes: Service Quotas (`aws service-quotas list-service-quotas`), which has one for on-demand and
# one for spot machines of a family, both in virtual cores.

#: Start of a machine's name -> its family in quotas: code of on-demand ones and of spot ones. The
#: first that fits; what fits none is of a family that has a quota of another kind.
_AWS_MACHINES: Final = (
    (r"inf\d", "Inf", "L-1945791B", "L-B5D1601B"),
    (r"(gr?\d|vt)", "G and VT", "L-DB2E81BA", "L-3819A6DF"),
    (r"p[56]", "P", "L-417A185B", "L-C4BD4855"),
    (r"p\d", "P", "L-417A185B", "L-7212CCBC"),
    (r"(a|c|d|h|i|m|r|t|z)[a-z]*\d", "Standard", "L-1216C47A", "L-34B43A08"),
)
_AWS_COUNTED: Final = {
    "aws:ec2/eip:Eip": Quota("ec2", "L-0263D0A3", "Elastic IP addresses"),
    "aws:ec2/vpc:Vpc": Quota("vpc", "L-F678F1CE", "VPCs"),
    "aws:ec2/internetGateway:InternetGateway": Quota("vpc", "L-A4707A72", "internet gateways"),
}
_NAT: Final = Quota("vpc", "L-FE5A380F", "NAT gateways in a zone")


def _aws(graph: Graph) -> Iterator[tuple[Quota, int]]:
    from plinth.clouds.aws import machines

    known = {machine.name: machine.cpu for machine in (*machines.NODES, *machines.GPU_NODES)}
    gateways = 0
    for resource in graph:
        if quota := _AWS_COUNTED.get(resource.type):
            yield quota, 1
        elif resource.type == "aws:ec2/natGateway:NatGateway":
            gateways += 1
        elif resource.type == "aws:eks/nodeGroup:NodeGroup":
            machine = str((resource.inputs.get("instanceTypes") or [""])[0])
            most = int((resource.inputs.get("scalingConfig") or {}).get("maxSize") or 0)
            cores = known.get(machine) or _aws_cores(machine)
            for quota in _aws_machines(machine, spot=resource.inputs.get("capacityType") == "SPOT"):
                yield quota, most * cores
    # One zone never has more than one gateway of an environment.
    yield _NAT, min(gateways, 1)


def _aws_machines(machine: str, *, spot: bool) -> list[Quota]:
    for pattern, family, demand, request in _AWS_MACHINES:
        if re.match(pattern, machine):
            kind = "spot machines" if spot else "machines"
            return [Quota("ec2", request if spot else demand, f"cores of {family} {kind}")]
    return []


def _aws_cores(machine: str) -> int:
    """Cores by the name of the size: an ``xlarge`` has four, smaller ones two."""
    size = re.search(r"\.(\d*)xlarge", machine)
    return 4 * int(size[1] or 1) if size else 2


# --- Azure ---------------------------------------------------------------------------------------

_AZURE_ALL: Final = Quota("compute", "cores", "regional cores")
_AZURE_SPOT: Final = Quota("compute", "lowPriorityCores", "regional cores of spot machines")
_AZURE_ADDRESSES: Final = Quota("network", "PublicIPAddresses", "public IP addresses")
#: Service -> command of ``az`` that lists its limits, where that is not the one of machines.
_AZURE_LISTINGS: Final = {"network": "network list-usages"}


def _azure(graph: Graph) -> Iterator[tuple[Quota, int]]:
    for resource in graph:
        kind = resource.type.rsplit(":", 1)[-1]
        pools: list[Mapping[str, Any]] = []
        if kind == "PublicIPAddress":
            yield _AZURE_ADDRESSES, 1
        elif kind == "AgentPool":
            pools = [resource.inputs]
        elif kind == "ManagedCluster":
            pools = resource.inputs.get("agentPoolProfiles") or []
        for pool in pools:
            machine = str(pool.get("vmSize"))
            cores = int(pool.get("maxCount") or pool.get("count") or 0) * _azure_cores(machine)
            if pool.get("scaleSetPriority") == "Spot":
                yield _AZURE_SPOT, cores
                continue
            yield _AZURE_ALL, cores
            family = _azure_family(machine)
            yield Quota("compute", family, f"cores of the family {family}"), cores


def _azure_cores(machine: str) -> int:
    size = re.match(r"Standard_[A-Z]+(\d+)", machine)
    return int(size[1]) if size else 0


def _azure_family(machine: str) -> str:
    """The family as ``az vm list-usage`` titles it, near enough to be found there."""
    return re.sub(r"(?<=[A-Z])\d+", "", machine.removeprefix("Standard_"), count=1)


# --- Google Cloud --------------------------------------------------------------------------------
# IDs: `gcloud beta quotas info list --service=compute.googleapis.com`.  Spot machines have quotas
# of their own for accelerators; their cores count like any while no other quota was asked for.

_GCP_SERVICE: Final = "compute.googleapis.com"
_GCP_CORES: Final = Quota(
    _GCP_SERVICE, "CPUS-ALL-REGIONS-per-project", "cores in all regions", everywhere=True
)
_GCP_GPUS: Final = Quota(
    _GCP_SERVICE, "GPUS-ALL-REGIONS-per-project", "GPUs in all regions", everywhere=True
)
#: Families whose cores count under no name of their own, or come with their accelerators.
_GCP_SHARED: Final = ("e2", "n1", "f1", "g1")
_GCP_WITH_GPUS: Final = ("a2", "a3", "g2")


def _gcp(graph: Graph) -> Iterator[tuple[Quota, int]]:
    from plinth.clouds.gcp import machines

    for resource in graph:
        if resource.type != "gcp:container/nodePool:NodePool":
            continue
        node: Mapping[str, Any] = resource.inputs.get("nodeConfig") or {}
        machine = str(node.get("machineType"))
        most = _gcp_most(resource)
        known = {each.name: each for each in machines.GPU_NODES}
        cores = known[machine].cpu if machine in known else _gcp_cores(machine)
        family = machine.split("-", 1)[0]
        yield _GCP_CORES, most * cores
        if family not in _GCP_WITH_GPUS:
            named = "" if family in _GCP_SHARED else f"{family.upper()}-"
            code = f"{named}CPUS-per-project-region"
            yield Quota(_GCP_SERVICE, code, f"cores of {family} machines"), most * cores
        for accelerator in node.get("guestAccelerators") or ():
            kind = str(accelerator["type"]).removeprefix("nvidia-").removeprefix("tesla-").upper()
            prefix = "PREEMPTIBLE-" if node.get("spot") else ""
            quota = Quota(
                _GCP_SERVICE,
                f"{prefix}NVIDIA-{kind}-GPUS-per-project-region",
                f"{kind} GPUs{' of spot machines' if prefix else ''}",
            )
            yield quota, most * int(accelerator["count"])
            yield _GCP_GPUS, most * int(accelerator["count"])


def _gcp_most(pool: Resource) -> int:
    """The most nodes of a pool, in all of its zones."""
    scaling = pool.inputs.get("autoscaling") or {}
    if total := scaling.get("totalMaxNodeCount"):
        return int(total)
    zones = len(pool.inputs.get("nodeLocations") or ()) or 1
    return zones * int(scaling.get("maxNodeCount") or pool.inputs.get("nodeCount") or 0)


def _gcp_cores(machine: str) -> int:
    size = re.search(r"-(\d+)g?$", machine)
    return int(size[1]) if size else 1


_CLOUDS: Final[Mapping[str, _Cloud]] = {
    "aws": _Cloud(
        _aws,
        "aws service-quotas request-service-quota-increase --service-code {service} "
        "--quota-code {code} --desired-value {amount} --region {region}",
        "aws service-quotas get-service-quota --service-code {service} --quota-code {code} "
        "--region {region}",
    ),
    "azure": _Cloud(
        _azure,
        "az quota update --resource-name {code} --limit-object value={amount} --scope "
        "/subscriptions/{account}/providers/Microsoft.Compute/locations/{region}",
        "az {listing} --subscription {account} --location {region} --output table",
    ),
    "gcp": _Cloud(
        _gcp,
        "gcloud beta quotas preferences create --service={service} --quota-id={code} "
        "--preferred-value={amount} {dimensions}--project={account}",
        "gcloud beta quotas info describe {code} --service={service} --project={account}",
    ),
}
