from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto.provider_pb2_grpc import ResourceProviderStub
from rehearsal_client import Client

from plinth.errors import EngineError, UsageError
from plinth.rehearsal.launch import attached, find, write_plugins
from plinth.rehearsal.packages import NAMES
from plinth.rehearsal.sdk import Sdk


def answers(port: int) -> bool:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        try:
            ResourceProviderStub(channel).GetPluginInfo(Empty(), timeout=5)
        except grpc.RpcError:
            return False
        return True


def ports(environment: dict[str, str]) -> dict[str, int]:
    pairs = environment["PULUMI_DEBUG_PROVIDERS"].split(",")
    return {name: int(port) for name, port in (pair.split(":") for pair in pairs)}


def test_every_package_is_served_while_attached(tmp_path: Path) -> None:
    with attached(tmp_path / "cloud") as environment:
        served = ports(environment)
        assert tuple(served) == NAMES
        assert all(answers(port) for port in served.values())
    assert not any(answers(port) for port in served.values())


def test_clouds_outlive_the_process(tmp_path: Path) -> None:
    with attached(tmp_path, ["aws"]) as environment:
        client = Client(f"127.0.0.1:{ports(environment)['aws']}", region="eu-west-1")
        made = client.make("aws:sqs/queue:Queue", {"name": "orders"})
    assert find(tmp_path, made.urn) == made.id
    assert find(tmp_path / "elsewhere", made.urn) is None


def test_a_bad_plan_is_told(tmp_path: Path) -> None:
    (tmp_path / "faults.json").write_text("{}", encoding="utf-8")
    with (
        pytest.raises(EngineError, match="is not a plan"),
        attached(tmp_path, faults=tmp_path / "faults.json"),
    ):
        pass


def test_a_crash_ends_the_process_and_leaves_what_was_made(tmp_path: Path) -> None:
    plan = [{"action": "crash", "operation": "create", "when": "after"}]
    (tmp_path / "faults.json").write_text(json.dumps(plan), encoding="utf-8")
    token = "aws:sqs/queue:Queue"
    with attached(tmp_path, ["aws"], faults=tmp_path / "faults.json") as environment:
        client = Client(f"127.0.0.1:{ports(environment)['aws']}", region="eu-west-1")
        with pytest.raises(grpc.RpcError):
            client.make(token, {"name": "orders"})
    urn = f"urn:pulumi:dev::shop::plinth:index:Platform${token}::thing"
    assert find(tmp_path, urn) == "https://sqs.eu-west-1.amazonaws.com/123456789012/orders"


def test_nothing_is_left_behind_when_the_parent_is_killed(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time, pathlib\n"
            "from plinth.rehearsal.launch import attached\n"
            "with attached(pathlib.Path(sys.argv[1]), ['random']) as environment:\n"
            "    print(environment['PULUMI_DEBUG_PROVIDERS'], flush=True)\n"
            "    time.sleep(600)\n",
            str(tmp_path),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    port = int(parent.stdout.readline().split(":")[1])
    assert answers(port)
    parent.kill()
    parent.wait()
    # The child inherited our pipe's other end; it closes when the child ends.
    assert parent.stdout.read() == ""
    assert not answers(port)


def test_plugins_speak_the_plugin_protocol(tmp_path: Path) -> None:
    (plugin,) = write_plugins(tmp_path / "bin", tmp_path / "cloud", ["random"])
    assert plugin.name == "pulumi-resource-random"
    clean = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    process = subprocess.Popen(
        [plugin, "127.0.0.1:1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=clean
    )
    assert process.stdin is not None
    assert process.stdout is not None
    port = int(process.stdout.readline())
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        info = ResourceProviderStub(channel).GetPluginInfo(Empty())
    assert info.version == Sdk("pulumi_random").version
    process.stdin.close()
    assert process.wait(30) == 0


def test_unknown_packages(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no rehearsal of oracle exists"):
        write_plugins(tmp_path, tmp_path, ["oracle"])
