"""The machine tables: the cheapest size that fits, and a clear word where none does."""

from __future__ import annotations

from typing import Any

import pytest

from plinth.clouds.azure import machines
from plinth.clouds.sizes import NoFitError
from plinth.spec.models import NodePool


@pytest.mark.parametrize(
    ("pool", "machine"),
    [
        ({}, "Standard_D4s_v5"),
        ({"cpu": 2, "memory": 4}, "Standard_F2s_v2"),
        ({"cpu": 4, "memory": 8}, "Standard_F4s_v2"),
        ({"cpu": 4, "memory": 9}, "Standard_D4s_v5"),
        ({"cpu": 4, "memory": 32}, "Standard_E4s_v5"),
        ({"cpu": 2, "memory": 40}, "Standard_E8s_v5"),
        ({"cpu": 96, "memory": 384}, "Standard_D96s_v5"),
        ({"cpu": 64, "memory": 600}, "Standard_E96s_v5"),
        ({"gpu": {"type": "t4"}}, "Standard_NC4as_T4_v3"),
        ({"gpu": {"type": "t4", "count": 4}}, "Standard_NC64as_T4_v3"),
        ({"gpu": {"type": "l4"}, "cpu": 8, "memory": 32}, "Standard_NV36ads_A10_v5"),
        ({"gpu": {"type": "a10g", "count": 2}}, "Standard_NV72ads_A10_v5"),
        ({"gpu": {"type": "a100"}}, "Standard_NC24ads_A100_v4"),
        ({"gpu": {"type": "a100", "count": 8}}, "Standard_ND96asr_v4"),
        ({"gpu": {"type": "h100"}}, "Standard_NC40ads_H100_v5"),
        ({"machine": "Standard_D2as_v6", "cpu": 96}, "Standard_D2as_v6"),
    ],
)
def test_cheapest_machine_that_fits(pool: dict[str, Any], machine: str) -> None:
    assert machines.node(NodePool.model_validate(pool)) == machine


@pytest.mark.parametrize(
    ("pool", "available"),
    [
        ({"memory": 700}, "96 cores and 672 GiB"),
        ({"gpu": {"type": "l4", "count": 4}}, "2 a10, 72 cores, 880 GiB"),
        ({"gpu": {"type": "v100"}}, "1 t4, 4 cores, 28 GiB"),
        ({"gpu": {"type": "h100", "count": 4}}, "8 h100, 96 cores, 1900 GiB"),
        ({"gpu": {"type": "t4"}, "memory": 200}, "1 t4, 16 cores, 110 GiB"),
    ],
)
def test_no_fit_says_what_there_is(pool: dict[str, Any], available: str) -> None:
    with pytest.raises(NoFitError) as refused:
        machines.node(NodePool.model_validate(pool))
    assert any(available in line for line in refused.value.available)


def test_a_smaller_machine_never_comes_after_one_that_has_all_it_has() -> None:
    """Else it would never be chosen."""
    for tables in (machines.NODES, machines.DATABASES, machines.CACHES):
        for index, machine in enumerate(tables):
            for before in tables[:index]:
                more = before.cpu > machine.cpu or before.memory > machine.memory
                assert not (before.cpu >= machine.cpu and before.memory >= machine.memory and more)


@pytest.mark.parametrize(
    ("machine", "gpu"),
    [
        ("Standard_D4s_v5", False),
        ("Standard_D4ps_v6", False),
        ("Standard_E96-24ds_v5", False),
        ("Standard_B2ms", False),
        ("Standard_NC24ads_A100_v4", True),
        ("Standard_NC64as_T4_v3", True),
        ("Standard_ND96isr_H100_v5", True),
        ("Standard_ND96isr_MI300X_v5", False),
        ("Standard_NV24ads_V710_v5", False),
        ("Standard_NV8as_v4", False),
    ],
)
def test_accelerators_of_nvidia_are_known_by_the_name(machine: str, gpu: bool) -> None:
    assert machines.is_machine(machine)
    assert machines.has_gpu(machine) is gpu


@pytest.mark.parametrize("name", ["m7i.xlarge", "n2-standard-4", "D4s_v5", "Standard_LRS"])
def test_other_clouds_machines_are_none_of_ours(name: str) -> None:
    assert not machines.is_machine(name)


@pytest.mark.parametrize(
    ("cpu", "memory", "name", "tier"),
    [
        (2, 4, "Standard_D2ds_v5", "GeneralPurpose"),
        (2, 16, "Standard_E2ds_v5", "MemoryOptimized"),
        (4, 16, "Standard_D4ds_v5", "GeneralPurpose"),
        (32, 512, "Standard_E64ds_v5", "MemoryOptimized"),
    ],
)
def test_database_size(cpu: int, memory: int, name: str, tier: str) -> None:
    assert machines.database(cpu, memory) == {"name": name, "tier": tier}


@pytest.mark.parametrize(
    ("size", "disk"), [(20, 32), (50, 64), (64, 64), (4096, 8192), (16384, 16384)]
)
def test_disks_come_in_steps(size: int, disk: int) -> None:
    assert machines.disk(size) == disk


@pytest.mark.parametrize(
    ("memory", "name"),
    [
        (0.4, "Balanced_B0"),
        (1, "Balanced_B3"),
        (5, "MemoryOptimized_M10"),
        (288, "MemoryOptimized_M350"),
    ],
)
def test_cache_has_room_for_the_data_beside_its_own_needs(memory: float, name: str) -> None:
    assert machines.cache(memory) == name


def test_a_cache_larger_than_any_is_refused() -> None:
    with pytest.raises(NoFitError) as refused:
        machines.cache(289)
    assert "288 GiB" in refused.value.available
