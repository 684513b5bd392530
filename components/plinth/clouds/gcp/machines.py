"""Which machine meets a need: the smallest that fits, from plain tables. Pure functions.

Sizes are the vendor's published ones (Compute Engine documentation, "Machine families resource and
comparison guide" and "GPU machine types"; Cloud SQL and Memorystore for Redis pages on sizes).
Within a table the order is by price, so the first fit is the cheapest one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from plinth.clouds.sizes import Machine, NoFitError, first
from plinth.spec.models import NodePool


class Accelerator(NamedTuple):
    """Accelerators of a node, as GKE calls them; an N1 machine gets them attached."""

    type: str
    number: int


#: GiB and price of a core by family (on demand, us-central1, in US cents an hour): the price is
#: what orders the general machines.
_FAMILIES: Final = {
    "e2-highcpu": (1, 2.47),
    "e2-standard": (4, 3.35),
    "e2-highmem": (8, 4.52),
    "n2-highcpu": (1, 3.59),
    "n2-standard": (4, 4.86),
    "n2-highmem": (8, 6.55),
}
_CORES: Final = {"e2-highmem": (2, 4, 8, 16), "e2": (2, 4, 8, 16, 32), "n2": (48, 64, 80, 96)}


def _general() -> Iterator[tuple[float, Machine]]:
    """E2 up to where it ends: every region has it, at two thirds of N2's price."""
    for family, (memory, price) in _FAMILIES.items():
        series = family.partition("-")[0]
        cores = _CORES.get(family, _CORES[series])
        for cpu in (32, *cores) if family == "n2-highmem" else cores:
            yield cpu * price, Machine(f"{family}-{cpu}", cpu, cpu * memory)
    yield 128 * _FAMILIES["n2-standard"][1], Machine("n2-standard-128", 128, 512)
    yield 128 * _FAMILIES["n2-highmem"][1], Machine("n2-highmem-128", 128, 864)


NODES: Final = tuple(machine for _, machine in sorted(_general()))

#: N1 machines that accelerators are attached to.
_HOSTS: Final = (
    Machine("n1-standard-2", 2, 7.5),
    Machine("n1-highmem-2", 2, 13),
    Machine("n1-standard-4", 4, 15),
    Machine("n1-highmem-4", 4, 26),
    Machine("n1-standard-8", 8, 30),
    Machine("n1-highmem-8", 8, 52),
    Machine("n1-standard-16", 16, 60),
    Machine("n1-highmem-16", 16, 104),
    Machine("n1-standard-32", 32, 120),
    Machine("n1-highmem-32", 32, 208),
    Machine("n1-standard-64", 64, 240),
    Machine("n1-highmem-64", 64, 416),
    Machine("n1-standard-96", 96, 360),
    Machine("n1-highmem-96", 96, 624),
)
#: Cores that a number of attached accelerators may serve.
_SERVED: Final = {
    "t4": {1: 48, 2: 48, 4: 96},
    "v100": {1: 12, 2: 24, 4: 48, 8: 96},
}

GPU_NODES: Final = (
    *(
        host._replace(gpu=gpu, gpus=count)
        for gpu, served in _SERVED.items()
        for count, most in served.items()
        for host in _HOSTS
        if host.cpu <= most
    ),
    Machine("g2-standard-4", 4, 16, "l4", 1),
    Machine("g2-standard-8", 8, 32, "l4", 1),
    Machine("g2-standard-12", 12, 48, "l4", 1),
    Machine("g2-standard-16", 16, 64, "l4", 1),
    Machine("g2-standard-32", 32, 128, "l4", 1),
    Machine("g2-standard-24", 24, 96, "l4", 2),
    Machine("g2-standard-48", 48, 192, "l4", 4),
    Machine("g2-standard-96", 96, 384, "l4", 8),
    Machine("a2-highgpu-1g", 12, 85, "a100", 1),
    Machine("a2-ultragpu-1g", 12, 170, "a100", 1),
    Machine("a2-highgpu-2g", 24, 170, "a100", 2),
    Machine("a2-ultragpu-2g", 24, 340, "a100", 2),
    Machine("a2-highgpu-4g", 48, 340, "a100", 4),
    Machine("a2-ultragpu-4g", 48, 680, "a100", 4),
    Machine("a2-highgpu-8g", 96, 680, "a100", 8),
    Machine("a2-ultragpu-8g", 96, 1360, "a100", 8),
    Machine("a3-highgpu-1g", 26, 234, "h100", 1),
    Machine("a3-highgpu-2g", 52, 468, "h100", 2),
    Machine("a3-highgpu-4g", 104, 936, "h100", 4),
    Machine("a3-highgpu-8g", 208, 1872, "h100", 8),
)

#: Machines that are had as spot machines only ("Accelerator-optimized machine family").
SPOT_ONLY: Final = frozenset({"a3-highgpu-1g", "a3-highgpu-2g", "a3-highgpu-4g"})

_ACCELERATORS: Final = {
    "t4": "nvidia-tesla-t4",
    "v100": "nvidia-tesla-v100",
    "l4": "nvidia-l4",
    "a100": "nvidia-tesla-a100",
    "h100": "nvidia-h100-80gb",
}
_LARGE_A100: Final = "nvidia-a100-80gb"

#: Series that take no Persistent Disk, which nodes boot from and the storage class makes
#: (hashicorp/terraform-provider-google#19890 and #20247, kubernetes/k8s.io#8325; Compute Engine
#: documentation, "Machine families resource and comparison guide").
_HYPERDISK_ONLY: Final = re.compile(r"(c4|n4|h4|m4|x4|a4)[a-z]?-|a3-ultragpu-")

_MACHINE: Final = re.compile(r"[a-z]{1,2}\d[a-z]?-[a-z]+(-[a-z0-9]+)*")
_BUILT_IN: Final = re.compile(r"[ag]\d")

#: Cloud SQL's own machines: GiB a core, cores, and the step that memory comes in, in MiB.
_SQL_MEMORY: Final = (0.9, 6.5)
_SQL_CORES: Final = 96
_SQL_STEP: Final = 256
_SQL_LEAST: Final = 3840
#: GiB of the largest Memorystore instance.
_CACHE_MOST: Final = 300


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
            _choice(same or family or GPU_NODES),
        )
    return found.name


def accelerator(pool: NodePool) -> Accelerator | None:
    """The accelerators of a node pool that has a machine; ``None`` for ordinary pools.

    Families A and G bring theirs; to an N1 machine those that the pool asks for are attached.
    """
    name = node(pool)
    asked = (pool.gpu.type, pool.gpu.count) if pool.gpu else None
    for machine in GPU_NODES:
        if machine.name == name and (has_gpu(name) or (machine.gpu, machine.gpus) == asked):
            large = name.startswith("a2-ultragpu-")
            return Accelerator(_LARGE_A100 if large else _ACCELERATORS[machine.gpu], machine.gpus)
    return None


def database(cpu: int, memory: float) -> str:
    """The Cloud SQL tier with at least these cores and GiB.

    Memory asks for cores: at most 6.5 GiB a core, which must be even in number. The largest tier
    has 624 GiB, more than a spec can ask for.
    """
    least, most = _SQL_MEMORY
    cores = max(cpu, 2 * math.ceil(memory / most / 2))
    wanted = max(memory, cores * least) * 1024
    size = max(math.ceil(wanted / _SQL_STEP) * _SQL_STEP, _SQL_LEAST)
    return f"db-custom-{cores}-{size}"


def cache(memory: float) -> int:
    """The size in GiB of a Memorystore instance with at least this memory.

    Raises:
        NoFitError: When it is more than one instance can have.
    """
    if memory > _CACHE_MOST:
        raise NoFitError(f"no cache has {memory:g} GiB", [f"up to {_CACHE_MOST} GiB"])
    return math.ceil(memory)


def _choice(machines: Iterable[Machine]) -> list[str]:
    """What there is, each number of accelerators with its largest machine."""
    largest = {(m.gpu, m.gpus): m for m in sorted(machines, key=lambda m: (m.cpu, m.memory))}
    return [
        f"{m.gpus} {m.gpu}, up to {m.cpu} cores and {m.memory:g} GiB"
        for _, m in sorted(largest.items())
    ]


def is_machine(name: str) -> bool:
    """Whether ``name`` has the shape of a machine type, such as ``n2-standard-4``."""
    return _MACHINE.fullmatch(name) is not None


def has_gpu(machine: str) -> bool:
    """Whether a machine type comes with accelerators (families A and G)."""
    return _BUILT_IN.match(machine) is not None


def known(machine: str) -> bool:
    """Whether it is known which accelerators a machine type comes with, if any."""
    return not has_gpu(machine) or any(m.name == machine for m in GPU_NODES)


def boots(machine: str) -> bool:
    """Whether a machine type takes the disks that the platform makes."""
    return _HYPERDISK_ONLY.match(machine) is None
