"""Which machine meets a need: the smallest that fits, from plain tables. Pure functions.

Sizes are the vendor's published ones (Amazon EC2, RDS and ElastiCache instance type pages).  Within
a table the order is by price, so the first fit is the cheapest one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from plinth.clouds.sizes import Machine, NoFitError, first
from plinth.spec.models import NodePool


def _family(name: str, ratio: int, cores: Iterable[int]) -> list[Machine]:
    """A family with ``ratio`` GiB a core."""
    return [Machine(f"{name}.{_size(cpu)}", cpu, cpu * ratio) for cpu in cores]


def _size(cpu: int) -> str:
    return {2: "large", 4: "xlarge"}.get(cpu, f"{cpu // 4}xlarge")


#: Price of a core relative to c7i (on-demand, us-east-1): what orders the general machines.
_CORE_PRICE: Final = {"c7i": 1.0, "m7i": 1.13, "r7i": 1.48}
_CORES: Final = (2, 4, 8, 16, 32, 48, 64, 96, 192)

NODES: Final = tuple(
    sorted(
        [
            *_family("c7i", 2, _CORES),
            *_family("m7i", 4, _CORES),
            *_family("r7i", 8, _CORES),
        ],
        key=lambda machine: machine.cpu * _CORE_PRICE[machine.name.split(".", maxsplit=1)[0]],
    )
)

GPU_NODES: Final = (
    Machine("g4dn.xlarge", 4, 16, "t4", 1),
    Machine("g4dn.2xlarge", 8, 32, "t4", 1),
    Machine("g4dn.4xlarge", 16, 64, "t4", 1),
    Machine("g4dn.8xlarge", 32, 128, "t4", 1),
    Machine("g4dn.12xlarge", 48, 192, "t4", 4),
    Machine("g4dn.16xlarge", 64, 256, "t4", 1),
    Machine("g4dn.metal", 96, 384, "t4", 8),
    Machine("g6.xlarge", 4, 16, "l4", 1),
    Machine("g6.2xlarge", 8, 32, "l4", 1),
    Machine("g6.4xlarge", 16, 64, "l4", 1),
    Machine("g6.8xlarge", 32, 128, "l4", 1),
    Machine("g6.16xlarge", 64, 256, "l4", 1),
    Machine("g6.12xlarge", 48, 192, "l4", 4),
    Machine("g6.24xlarge", 96, 384, "l4", 4),
    Machine("g6.48xlarge", 192, 768, "l4", 8),
    Machine("g5.xlarge", 4, 16, "a10g", 1),
    Machine("g5.2xlarge", 8, 32, "a10g", 1),
    Machine("g5.4xlarge", 16, 64, "a10g", 1),
    Machine("g5.8xlarge", 32, 128, "a10g", 1),
    Machine("g5.16xlarge", 64, 256, "a10g", 1),
    Machine("g5.12xlarge", 48, 192, "a10g", 4),
    Machine("g5.24xlarge", 96, 384, "a10g", 4),
    Machine("g5.48xlarge", 192, 768, "a10g", 8),
    Machine("p3.2xlarge", 8, 61, "v100", 1),
    Machine("p3.8xlarge", 32, 244, "v100", 4),
    Machine("p3.16xlarge", 64, 488, "v100", 8),
    Machine("p4d.24xlarge", 96, 1152, "a100", 8),
    Machine("p5.4xlarge", 16, 256, "h100", 1),
    Machine("p5.48xlarge", 192, 2048, "h100", 8),
)

DATABASES: Final = (
    Machine("db.t4g.medium", 2, 4),
    Machine("db.t4g.large", 2, 8),
    Machine("db.r7g.large", 2, 16),
    Machine("db.m7g.xlarge", 4, 16),
    Machine("db.r7g.xlarge", 4, 32),
    Machine("db.m7g.2xlarge", 8, 32),
    Machine("db.r7g.2xlarge", 8, 64),
    Machine("db.m7g.4xlarge", 16, 64),
    Machine("db.r7g.4xlarge", 16, 128),
    Machine("db.m7g.8xlarge", 32, 128),
    Machine("db.r7g.8xlarge", 32, 256),
    Machine("db.r7g.12xlarge", 48, 384),
    Machine("db.r7g.16xlarge", 64, 512),
)

CACHES: Final = (
    Machine("cache.t4g.micro", 2, 0.5),
    Machine("cache.t4g.small", 2, 1.37),
    Machine("cache.t4g.medium", 2, 3.09),
    Machine("cache.m7g.large", 2, 6.38),
    Machine("cache.r7g.large", 2, 13.07),
    Machine("cache.r7g.xlarge", 4, 26.32),
    Machine("cache.r7g.2xlarge", 8, 52.82),
    Machine("cache.r7g.4xlarge", 16, 105.81),
    Machine("cache.r7g.8xlarge", 32, 209.55),
    Machine("cache.r7g.12xlarge", 48, 317.77),
    Machine("cache.r7g.16xlarge", 64, 419.09),
)

_MACHINE: Final = re.compile(
    r"[a-z][a-z0-9-]*\d[a-z0-9-]*\.(nano|micro|small|medium|metal[\w-]*"
    r"|\d*xlarge|large)"
)
_GRAVITON: Final = re.compile(r"[a-z]+\d+g")
_NVIDIA: Final = re.compile(r"(g|p)\d")


def node(pool: NodePool) -> str:
    """The machine type of a node pool.

    Raises:
        NoFitError: When no machine has the cores, memory and exactly the accelerators asked for.
    """
    if pool.machine:
        return pool.machine
    if pool.gpu is None:
        found = first(NODES, pool.cpu, pool.memory)
        if found is None:
            largest = NODES[-1]
            raise NoFitError(
                f"no machine has {pool.cpu} cores and {pool.memory} GiB",
                [f"up to {largest.cpu} cores and {largest.memory:.0f} GiB"],
            )
        return found.name
    wanted = pool.gpu
    family = [machine for machine in GPU_NODES if machine.gpu == wanted.type]
    same = [machine for machine in family if machine.gpus == wanted.count]
    found = first(same, pool.cpu, pool.memory)
    if found is None:
        raise NoFitError(
            f"no machine has {wanted.count} {wanted.type}, {pool.cpu} cores and {pool.memory} GiB",
            [f"{m.gpus} {m.gpu}, {m.cpu} cores, {m.memory:.0f} GiB" for m in same or family],
        )
    return found.name


def database(cpu: int, memory: float) -> str:
    """The RDS instance class with at least these cores and GiB. Raises :class:`NoFitError`."""
    found = first(DATABASES, cpu, memory)
    if found is None:
        raise NoFitError(f"no database has {cpu} cores and {memory} GiB", _sizes(DATABASES))
    return found.name


def cache(memory: float) -> str:
    """The ElastiCache node type with at least this many GiB. Raises :class:`NoFitError`."""
    found = first(CACHES, 0, memory)
    if found is None:
        raise NoFitError(f"no cache has {memory} GiB", _sizes(CACHES))
    return found.name


def _sizes(machines: Iterable[Machine]) -> list[str]:
    return [f"{machine.cpu} cores, {machine.memory:g} GiB" for machine in machines]


def is_machine(name: str) -> bool:
    """Whether ``name`` has the shape of an EC2 instance type, such as ``m7i.xlarge``."""
    return _MACHINE.fullmatch(name) is not None


def has_gpu(machine: str) -> bool:
    """Whether a machine type brings NVIDIA accelerators (families G and P, but not Graviton's)."""
    return _NVIDIA.match(machine) is not None and not machine.startswith("g5g.")


def image(machine: str) -> str:
    """The EKS image type that a machine type boots (Amazon Linux 2023)."""
    if has_gpu(machine):
        return "AL2023_x86_64_NVIDIA"
    if machine.startswith(("inf", "trn")):
        return "AL2023_x86_64_NEURON"
    return "AL2023_ARM_64_STANDARD" if _GRAVITON.match(machine) else "AL2023_x86_64_STANDARD"
