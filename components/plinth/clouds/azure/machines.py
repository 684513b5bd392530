"""Which machine meets a need: the cheapest that fits, from plain tables. Pure functions.

Sizes are the vendor's published ones (Azure documentation, "Sizes for virtual machines";
"Compute options in Azure Database for PostgreSQL"; "Azure Managed Redis", tiers).  Within a table
the order is by price, so the first fit is the cheapest one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from plinth.clouds.sizes import Machine, NoFitError, first
from plinth.spec.models import NodePool

#: GiB a core of the general families, and the price of a core relative to the first (pay as you go,
#: West Europe): D and E of the fifth generation have Intel processors and no local disk.
_FAMILIES: Final = {"Standard_D{}s_v5": (4, 1.0), "Standard_E{}s_v5": (8, 1.31)}
_CORES: Final = (2, 4, 8, 16, 32, 48, 64, 96)
#: The F family of the second generation is the cheapest with 2 GiB a core.
_COMPUTE: Final = ("Standard_F{}s_v2", 2, 0.88, (2, 4, 8, 16, 32, 48, 64))
#: The largest of the E family has less memory a core than the others.
_LARGEST_MEMORY: Final = 672


def _nodes() -> tuple[Machine, ...]:
    priced = [
        (cpu * price, Machine(pattern.format(cpu), cpu, cpu * ratio))
        for pattern, (ratio, price) in _FAMILIES.items()
        for cpu in _CORES
    ]
    pattern, ratio, price, cores = _COMPUTE
    priced += [(cpu * price, Machine(pattern.format(cpu), cpu, cpu * ratio)) for cpu in cores]
    machines = [machine for _, machine in sorted(priced)]
    return tuple(
        machine._replace(memory=min(machine.memory, _LARGEST_MEMORY)) for machine in machines
    )


NODES: Final = _nodes()

GPU_NODES: Final = (
    Machine("Standard_NC4as_T4_v3", 4, 28, "t4", 1),
    Machine("Standard_NC8as_T4_v3", 8, 56, "t4", 1),
    Machine("Standard_NC16as_T4_v3", 16, 110, "t4", 1),
    Machine("Standard_NC64as_T4_v3", 64, 440, "t4", 4),
    Machine("Standard_NV36ads_A10_v5", 36, 440, "a10", 1),
    Machine("Standard_NV72ads_A10_v5", 72, 880, "a10", 2),
    Machine("Standard_NC24ads_A100_v4", 24, 220, "a100", 1),
    Machine("Standard_NC48ads_A100_v4", 48, 440, "a100", 2),
    Machine("Standard_NC96ads_A100_v4", 96, 880, "a100", 4),
    Machine("Standard_ND96asr_v4", 96, 900, "a100", 8),
    Machine("Standard_ND96amsr_A100_v4", 96, 1900, "a100", 8),
    Machine("Standard_NC40ads_H100_v5", 40, 320, "h100", 1),
    Machine("Standard_NC80adis_H100_v5", 80, 640, "h100", 2),
    Machine("Standard_ND96isr_H100_v5", 96, 1900, "h100", 8),
)

#: Accelerators that Azure lacks and what stands in for them: the A10 has the 24 GiB of the L4 and
#: of the A10G, but not the L4's 8-bit floating point.
_STANDS_IN: Final = {"l4": "a10", "a10g": "a10"}

#: Database sizes. None that may burst, which begin with B: they have no standby, cannot give way to
#: another size in the call that makes or drops one (hashicorp/terraform-provider-azurerm#27612),
#: and take no new major version (Azure/azure-cli#25886).
DATABASES: Final = (
    Machine("Standard_D2ds_v5", 2, 8),
    Machine("Standard_E2ds_v5", 2, 16),
    Machine("Standard_D4ds_v5", 4, 16),
    Machine("Standard_E4ds_v5", 4, 32),
    Machine("Standard_D8ds_v5", 8, 32),
    Machine("Standard_E8ds_v5", 8, 64),
    Machine("Standard_D16ds_v5", 16, 64),
    Machine("Standard_E16ds_v5", 16, 128),
    Machine("Standard_D32ds_v5", 32, 128),
    Machine("Standard_E32ds_v5", 32, 256),
    Machine("Standard_E48ds_v5", 48, 384),
    Machine("Standard_E64ds_v5", 64, 512),
)
_TIERS: Final = {"D": "GeneralPurpose", "E": "MemoryOptimized"}

#: Disk sizes of a database server in GiB, which are those of premium disks.
_DISKS: Final = (32, 64, 128, 256, 512, 1024, 2048, 4095, 8192, 16384)

#: What is left for data of Azure Managed Redis: it keeps a fifth of its memory for itself.
#: Cores say nothing here, as each size has its own number of shards.
CACHES: Final = tuple(
    Machine(name, 0, size * 0.8)
    for name, size in (
        ("Balanced_B0", 0.5),
        ("Balanced_B1", 1),
        ("Balanced_B3", 3),
        ("Balanced_B5", 6),
        ("MemoryOptimized_M10", 12),
        ("MemoryOptimized_M20", 24),
        ("MemoryOptimized_M50", 60),
        ("MemoryOptimized_M100", 120),
        ("MemoryOptimized_M150", 180),
        ("MemoryOptimized_M250", 240),
        ("MemoryOptimized_M350", 360),
    )
)

_MACHINE: Final = re.compile(r"Standard_[A-Z]{1,3}\d+[a-z0-9-]*(_[A-Z][A-Za-z]*\d+[A-Z]?)?(_v\d+)?")
_NVIDIA: Final = re.compile(r"Standard_N[CDV]\d")
#: Accelerators of AMD, for which the scheduler has another name.
_AMD: Final = re.compile(r"_(MI300X|V710|V620)_|Standard_NV\d+as_v4")


def node(pool: NodePool) -> str:
    """The VM size of a node pool.

    Raises:
        NoFitError: When no machine has the cores, memory and exactly the accelerators asked for.
    """
    if pool.machine:
        return pool.machine
    if pool.gpu is None:
        found = first(NODES, pool.cpu, pool.memory)
        if found is None:
            largest = max(NODES, key=lambda machine: machine.memory)
            raise NoFitError(
                f"no machine has {pool.cpu} cores and {pool.memory} GiB",
                [f"up to {largest.cpu} cores and {largest.memory:.0f} GiB"],
            )
        return found.name
    wanted = pool.gpu
    kind = _STANDS_IN.get(wanted.type, wanted.type)
    family = [machine for machine in GPU_NODES if machine.gpu == kind]
    same = [machine for machine in family if machine.gpus == wanted.count]
    found = first(same, pool.cpu, pool.memory)
    if found is None:
        raise NoFitError(
            f"no machine has {wanted.count} {wanted.type}, {pool.cpu} cores and {pool.memory} GiB",
            [
                f"{m.gpus} {m.gpu}, {m.cpu} cores, {m.memory:.0f} GiB"
                for m in same or family or GPU_NODES
            ],
        )
    return found.name


def database(cpu: int, memory: float) -> dict[str, str]:
    """The flexible server's ``sku`` with at least these cores and GiB.

    Raises:
        NoFitError: When there is none.
    """
    found = first(DATABASES, cpu, memory)
    if found is None:
        raise NoFitError(f"no database has {cpu} cores and {memory} GiB", _sizes(DATABASES))
    return {"name": found.name, "tier": _TIERS[found.name.removeprefix("Standard_")[0]]}


def disk(size: int) -> int:
    """The database's smallest disk of at least ``size`` GiB (the spec ends where disks do)."""
    return next(step for step in _DISKS if step >= size)


def cache(memory: float) -> str:
    """The Managed Redis SKU that holds at least this many GiB. Raises :class:`NoFitError`."""
    found = first(CACHES, 0, memory)
    if found is None:
        sizes = [f"{machine.memory:g} GiB" for machine in CACHES]
        raise NoFitError(f"no cache has {memory:g} GiB", sizes)
    return found.name


def _sizes(machines: Iterable[Machine]) -> list[str]:
    return [f"{machine.cpu} cores, {machine.memory:g} GiB" for machine in machines]


def is_machine(name: str) -> bool:
    """Whether ``name`` has the shape of a VM size, such as ``Standard_D4s_v5``."""
    return _MACHINE.fullmatch(name) is not None


def has_gpu(machine: str) -> bool:
    """Whether a VM size brings NVIDIA accelerators."""
    return _NVIDIA.match(machine) is not None and not _AMD.search(machine)
