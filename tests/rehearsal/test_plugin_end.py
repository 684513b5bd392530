"""How plugins end: as the engine has it that is done with them, and that kills what does not go."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import provider_pb2 as pb
from pulumi.runtime.proto.provider_pb2_grpc import ResourceProviderStub

#: Its `Create` says that it has begun, and takes a while; whoever started it ignores interrupts.
PLUGIN = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
from plinth.engine.protocol import provider_pb2
from plinth.plugin.server import Provider, serve, serve_as_plugin

class Slow(Provider):
    def create(self, request, context):
        sys.stderr.write("begun\\n")
        sys.stderr.flush()
        time.sleep(1)
        return provider_pb2.CreateResponse(id="made")

serve_as_plugin(*serve(Slow("slow", "1.2.3")))
"""


@pytest.fixture
def plugin() -> Iterator[subprocess.Popen[str]]:
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", PLUGIN]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        yield process
        process.kill()


def _stub(plugin: subprocess.Popen[str]) -> ResourceProviderStub:
    assert plugin.stdout is not None
    address = f"127.0.0.1:{int(plugin.stdout.readline())}"
    return ResourceProviderStub(grpc.insecure_channel(address))


def test_it_goes_when_the_engine_needs_it_no_more(plugin: subprocess.Popen[str]) -> None:
    assert _stub(plugin).GetPluginInfo(Empty()).version == "1.2.3"
    plugin.send_signal(signal.SIGINT)
    assert plugin.wait(30) == 0
    assert plugin.stderr is not None
    assert not plugin.stderr.read()


def test_it_ends_what_is_under_way_first(plugin: subprocess.Popen[str]) -> None:
    stub = _stub(plugin)
    with ThreadPoolExecutor() as beside:
        answer = beside.submit(stub.Create, pb.CreateRequest())
        assert plugin.stderr is not None
        assert plugin.stderr.readline() == "begun\n"
        plugin.send_signal(signal.SIGINT)
        assert answer.result(30).id == "made"
    assert plugin.wait(30) == 0


def test_it_goes_with_the_engine(plugin: subprocess.Popen[str]) -> None:
    assert _stub(plugin).GetPluginInfo(Empty()).version == "1.2.3"
    assert plugin.stdin is not None
    plugin.stdin.close()
    assert plugin.wait(30) == 0
