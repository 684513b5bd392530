"""Which machine meets a need on GCP."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plinth.clouds.gcp import machines
from plinth.clouds.gcp.machines import Accelerator
from plinth.clouds.sizes import NoFitError
from plinth.spec.models import NodePool


def pool(**asked: Any) -> NodePool:
    return NodePool.model_validate(asked)


@pytest.mark.parametrize(
    ("asked", "machine", "accelerator"),
    [
        ({}, "e2-standard-4", None),
        ({"cpu": 2, "memory": 16}, "e2-highmem-2", None),
        ({"cpu": 16, "memory": 16}, "e2-highcpu-16", None),
        ({"cpu": 4, "memory": 128}, "e2-highmem-16", None),
        ({"cpu": 32, "memory": 256}, "n2-highmem-32", None),
        ({"cpu": 96, "memory": 384}, "n2-standard-96", None),
        ({"memory": 864}, "n2-highmem-128", None),
        ({"machine": "c3-standard-22"}, "c3-standard-22", None),
        ({"gpu": {"type": "t4"}}, "n1-highmem-4", ("nvidia-tesla-t4", 1)),
        ({"gpu": {"type": "t4", "count": 4}, "cpu": 64}, "n1-standard-64", ("nvidia-tesla-t4", 4)),
        ({"gpu": {"type": "v100", "count": 8}}, "n1-highmem-4", ("nvidia-tesla-v100", 8)),
        ({"gpu": {"type": "l4"}}, "g2-standard-4", ("nvidia-l4", 1)),
        ({"gpu": {"type": "l4", "count": 2}}, "g2-standard-24", ("nvidia-l4", 2)),
        ({"gpu": {"type": "a100"}}, "a2-highgpu-1g", ("nvidia-tesla-a100", 1)),
        ({"gpu": {"type": "a100"}, "memory": 100}, "a2-ultragpu-1g", ("nvidia-a100-80gb", 1)),
        ({"gpu": {"type": "h100", "count": 8}}, "a3-highgpu-8g", ("nvidia-h100-80gb", 8)),
        ({"machine": "g2-standard-48"}, "g2-standard-48", ("nvidia-l4", 4)),
        (
            {"machine": "n1-standard-8", "gpu": {"type": "t4", "count": 2}},
            "n1-standard-8",
            ("nvidia-tesla-t4", 2),
        ),
        ({"machine": "n1-standard-8"}, "n1-standard-8", None),
        ({"machine": "n2-standard-8", "gpu": {"type": "l4"}}, "n2-standard-8", None),
    ],
)
def test_the_cheapest_machine_that_fits(
    asked: dict[str, Any], machine: str, accelerator: tuple[str, int] | None
) -> None:
    assert machines.node(pool(**asked)) == machine
    expected = Accelerator(*accelerator) if accelerator else None
    assert machines.accelerator(pool(**asked)) == expected


@pytest.mark.parametrize(
    ("asked", "available"),
    [
        ({"memory": 1024}, "up to 128 cores and 864 GiB"),
        ({"gpu": {"type": "t4", "count": 8}}, "4 t4, up to 96 cores and 624 GiB"),
        ({"gpu": {"type": "v100"}, "cpu": 16}, "1 v100, up to 8 cores and 52 GiB"),
        ({"gpu": {"type": "a10g"}}, "1 l4, up to 32 cores and 128 GiB"),
    ],
)
def test_what_no_machine_has_is_refused_with_what_there_is(
    asked: dict[str, Any], available: str
) -> None:
    with pytest.raises(NoFitError) as caught:
        machines.node(pool(**asked))
    assert available in caught.value.available


@given(st.sampled_from([2, 4, 8, 16, 32, 48, 64, 96]), st.integers(4, 864))
def test_an_ordinary_machine_is_never_smaller_than_asked_for(cpu: int, memory: int) -> None:
    sizes = {machine.name: machine for machine in machines.NODES}
    found = sizes[machines.node(pool(cpu=cpu, memory=memory))]
    assert found.cpu >= cpu
    assert found.memory >= memory


@given(st.sampled_from([2, 4, 8, 16, 32]), st.integers(4, 512))
def test_a_database_has_a_shape_that_cloud_sql_makes(cpu: int, memory: int) -> None:
    shape = re.fullmatch(r"db-custom-(\d+)-(\d+)", machines.database(cpu, memory))
    assert shape is not None
    cores, mib = map(int, shape.groups())
    assert cpu <= cores <= 96
    assert cores % 2 == 0
    assert memory * 1024 <= mib
    assert mib % 256 == 0
    assert 0.9 * 1024 * cores <= mib <= 6.5 * 1024 * cores


def test_cache_sizes_are_whole_gibibytes() -> None:
    assert [machines.cache(memory) for memory in (0.5, 1, 1.2, 300)] == [1, 1, 2, 300]
    with pytest.raises(NoFitError):
        machines.cache(301)


@pytest.mark.parametrize(
    ("name", "shaped"),
    [
        ("n2-standard-4", True),
        ("e2-medium", True),
        ("n2-custom-6-20480", True),
        ("c3d-standard-8-lssd", True),
        ("a2-highgpu-1g", True),
        ("m7i.xlarge", False),
        ("Standard_D4s_v5", False),
        ("large", False),
    ],
)
def test_shapes_of_machine_types(name: str, shaped: bool) -> None:
    assert machines.is_machine(name) is shaped
