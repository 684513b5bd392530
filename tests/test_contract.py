"""One contract for every pair of cloud and tool: typed results, explicit ports, light imports."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields, is_dataclass

import pytest

from plinth import ports, registry, results
from plinth.planning import Plan
from plinth.spec.options import CapabilityOptions

PAIRS = [
    pytest.param(cloud, capability, tool, id=f"{cloud}-{capability}-{tool}")
    for cloud in registry.cloud_names()
    for capability, tool in registry.all_tools()
]


@pytest.mark.parametrize(("cloud", "capability", "tool"), PAIRS)
def test_tool_runs_on_cloud_or_says_where_it_does(cloud: str, capability: str, tool: str) -> None:
    info, made = registry.cloud(cloud), registry.tool(capability, tool)
    assert (made.capability, made.name) == (capability, tool)
    assert issubclass(made.options, CapabilityOptions)
    if made.clouds is None:
        assert made.needs <= info.ports


@pytest.mark.parametrize("cloud", registry.cloud_names())
def test_adapter_implements_exactly_the_ports_it_lists(cloud: str) -> None:
    info = registry.cloud(cloud)
    adapter = info.load_adapter()
    assert isinstance(adapter, type)
    found = {
        port
        for port, protocol in ports.PROTOCOLS.items()
        if all(hasattr(adapter, name) for name in ports.methods(protocol))
    }
    assert found == info.ports & ports.PROTOCOLS.keys()
    assert {ports.Port.NETWORK, ports.Port.KEYS} <= info.ports


@pytest.mark.parametrize("capability", [field.name for field in fields(results.Results)])
def test_outputs_come_from_the_capability_s_record(
    capability: str, plan: Callable[[str], Plan]
) -> None:
    record = getattr(results, capability.capitalize())
    assert is_dataclass(record)
    outputs = plan("dev").graph.outputs
    assert [name for name in outputs if name.startswith(f"{capability}_")]


def test_validation_and_help_never_import_pulumi() -> None:
    script = (
        "import sys\n"
        "from plinth.cli import app\n"
        "app(['--help'], standalone_mode=False)\n"
        "app(['validate'], standalone_mode=False)\n"
        "loaded = [m for m in sys.modules if m.split('.')[0].startswith('pulumi')]\n"
        "assert not loaded, loaded\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_cloud_s_sdk_is_loaded_for_that_cloud_only() -> None:
    script = (
        "import sys\n"
        "import plinth.capabilities.platform, plinth.recorder, plinth_policies.check\n"
        "loaded = {m.split('.')[0] for m in sys.modules if m.startswith('pulumi_')}\n"
        "assert not loaded, loaded\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
