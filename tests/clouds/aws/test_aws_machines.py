"""The machine table: the cheapest machine that fits, and a clear word where none does."""

from __future__ import annotations

from typing import Any

import pytest

from plinth.clouds.aws import machines
from plinth.clouds.sizes import NoFitError
from plinth.spec.models import NodePool


@pytest.mark.parametrize(
    ("pool", "machine"),
    [
        ({}, "m7i.xlarge"),
        ({"cpu": 2, "memory": 4}, "c7i.large"),
        ({"cpu": 4, "memory": 8}, "c7i.xlarge"),
        ({"cpu": 4, "memory": 9}, "m7i.xlarge"),
        ({"cpu": 4, "memory": 32}, "r7i.xlarge"),
        ({"cpu": 2, "memory": 40}, "r7i.2xlarge"),
        ({"cpu": 96, "memory": 384}, "m7i.24xlarge"),
        ({"gpu": {"type": "t4"}}, "g4dn.xlarge"),
        ({"gpu": {"type": "l4"}, "cpu": 8, "memory": 32}, "g6.2xlarge"),
        ({"gpu": {"type": "a10g", "count": 4}}, "g5.12xlarge"),
        ({"gpu": {"type": "v100"}}, "p3.2xlarge"),
        ({"gpu": {"type": "a100", "count": 8}}, "p4d.24xlarge"),
        ({"gpu": {"type": "h100"}}, "p5.4xlarge"),
        ({"machine": "m6a.large", "cpu": 96}, "m6a.large"),
    ],
)
def test_smallest_machine_that_fits(pool: dict[str, Any], machine: str) -> None:
    assert machines.node(NodePool.model_validate(pool)) == machine


@pytest.mark.parametrize(
    ("pool", "available"),
    [
        ({"memory": 2048}, "192 cores"),
        ({"gpu": {"type": "a100"}}, "8 a100, 96 cores, 1152 GiB"),
        ({"gpu": {"type": "l4", "count": 2}}, "4 l4, 48 cores, 192 GiB"),
        ({"gpu": {"type": "t4"}, "memory": 2000}, "1 t4, 64 cores, 256 GiB"),
    ],
)
def test_no_fit_says_what_there_is(pool: dict[str, Any], available: str) -> None:
    with pytest.raises(NoFitError) as refused:
        machines.node(NodePool.model_validate(pool))
    assert any(available in line for line in refused.value.available)


def test_order_is_by_price() -> None:
    """A machine never costs more than one with as many cores and as much memory."""
    for index, machine in enumerate(machines.NODES):
        for dearer in machines.NODES[index + 1 :]:
            assert (
                machine.cpu > dearer.cpu
                or machine.memory > dearer.memory
                or (machine.cpu <= dearer.cpu and machine.memory <= dearer.memory)
            )


@pytest.mark.parametrize(
    ("machine", "gpu", "image"),
    [
        ("m7i.xlarge", False, "AL2023_x86_64_STANDARD"),
        ("m7g.xlarge", False, "AL2023_ARM_64_STANDARD"),
        ("c7gn.2xlarge", False, "AL2023_ARM_64_STANDARD"),
        ("g5g.xlarge", False, "AL2023_ARM_64_STANDARD"),
        ("g4dn.xlarge", True, "AL2023_x86_64_NVIDIA"),
        ("p5.48xlarge", True, "AL2023_x86_64_NVIDIA"),
        ("inf2.xlarge", False, "AL2023_x86_64_NEURON"),
        ("trn1.2xlarge", False, "AL2023_x86_64_NEURON"),
    ],
)
def test_image_follows_the_family(machine: str, gpu: bool, image: str) -> None:
    assert machines.is_machine(machine)
    assert (machines.has_gpu(machine), machines.image(machine)) == (gpu, image)


@pytest.mark.parametrize("name", ["n2-standard-4", "m7i", "xlarge", "Standard_D4s_v5", "m7i.huge"])
def test_other_clouds_machines_are_none_of_ours(name: str) -> None:
    assert not machines.is_machine(name)


@pytest.mark.parametrize(
    ("cpu", "memory", "name"),
    [
        (2, 4, "db.t4g.medium"),
        (2, 16, "db.r7g.large"),
        (4, 16, "db.m7g.xlarge"),
        (32, 512, "db.r7g.16xlarge"),
    ],
)
def test_database_class(cpu: int, memory: int, name: str) -> None:
    assert machines.database(cpu, memory) == name


@pytest.mark.parametrize(
    ("memory", "name"),
    [(0.5, "cache.t4g.micro"), (1, "cache.t4g.small"), (6.4, "cache.r7g.large")],
)
def test_cache_type(memory: float, name: str) -> None:
    assert machines.cache(memory) == name


def test_a_cache_larger_than_any_is_refused() -> None:
    with pytest.raises(NoFitError):
        machines.cache(500)
