"""Pulumi's resource provider protocol (``pulumirpc.ResourceProvider``), served on this machine."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NoReturn

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from plinth.engine.protocol import plugin_pb2, provider_pb2

_SERVICE: Final = "pulumirpc.ResourceProvider"
#: Charts and states can be large; the engine sets no limit either.
_OPTIONS: Final = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.so_reuseport", 0),
)
_THREADS: Final = 32
#: Seconds for what is under way when the engine is done with a plugin.
_GRACE: Final = 4

#: The protocol's call -> the method that answers it, and what it is asked with.
_CALLS: Final[dict[str, tuple[str, type[Message]]]] = {
    "Handshake": ("handshake", provider_pb2.ProviderHandshakeRequest),
    "Attach": ("attach", plugin_pb2.PluginAttach),
    "GetPluginInfo": ("get_plugin_info", Empty),
    "GetSchema": ("get_schema", provider_pb2.GetSchemaRequest),
    "CheckConfig": ("check_config", provider_pb2.CheckRequest),
    "DiffConfig": ("diff_config", provider_pb2.DiffRequest),
    "Configure": ("configure", provider_pb2.ConfigureRequest),
    "Check": ("check", provider_pb2.CheckRequest),
    "Diff": ("diff", provider_pb2.DiffRequest),
    "Create": ("create", provider_pb2.CreateRequest),
    "Read": ("read", provider_pb2.ReadRequest),
    "Update": ("update", provider_pb2.UpdateRequest),
    "Delete": ("delete", provider_pb2.DeleteRequest),
    "Invoke": ("invoke", provider_pb2.InvokeRequest),
    "Cancel": ("cancel", Empty),
}

_Call = Callable[[Any, grpc.ServicerContext], Message]


class Provider:
    """What every provider answers alike; others of the protocol's calls are methods of its own.

    Args:
        name: The package.
        version: Its version.
    """

    def __init__(self, name: str, version: str) -> None:
        self._about = {"name": name, "version": version}
        self._cancelled = threading.Event()

    def attach(self, request: plugin_pb2.PluginAttach, context: grpc.ServicerContext) -> Empty:
        """Accepts an engine; there is nothing to tell it."""
        del request, context
        return Empty()

    def get_plugin_info(
        self, request: Empty, context: grpc.ServicerContext
    ) -> plugin_pb2.PluginInfo:
        """The version."""
        del request, context
        return plugin_pb2.PluginInfo(version=self._about["version"])

    def get_schema(
        self, request: provider_pb2.GetSchemaRequest, context: grpc.ServicerContext
    ) -> provider_pb2.GetSchemaResponse:
        """The package without its types, which programs in Python do not ask for."""
        del request, context
        return provider_pb2.GetSchemaResponse(schema=json.dumps(self._about))

    def cancel(self, request: Empty, context: grpc.ServicerContext) -> Empty:
        """Ends every wait."""
        del request, context
        self._cancelled.set()
        return Empty()


def handlers(provider: Provider) -> grpc.GenericRpcHandler[Any, Any]:
    """A provider's methods by the names they have on the wire; others are unimplemented."""
    found: dict[str, tuple[_Call, type[Message]]] = {
        name: (getattr(provider, method), request)
        for name, (method, request) in _CALLS.items()
        if hasattr(provider, method)
    }
    return grpc.method_handlers_generic_handler(
        _SERVICE,
        {
            name: grpc.unary_unary_rpc_method_handler(
                call,
                request_deserializer=request.FromString,
                response_serializer=lambda response: response.SerializeToString(),
            )
            for name, (call, request) in found.items()
        },
    )


def serve(provider: Provider) -> tuple[int, grpc.Server]:
    """Starts a server for a provider on the loopback interface; returns its port, and itself."""
    server = grpc.server(ThreadPoolExecutor(_THREADS), options=_OPTIONS)
    server.add_generic_rpc_handlers((handlers(provider),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return port, server


def serve_as_plugin(port: int, server: grpc.Server) -> NoReturn:
    """Tells the engine the port, serves until the plugin is done with, and ends the process.

    An engine that ends, in whatever way, closes standard input.  One that goes on without the
    plugin interrupts it, and kills it five seconds later (``plugin.go`` of Pulumi's SDK).  Nobody
    else does: plugins are process groups of their own, which a terminal's interrupt passes by.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    print(port, flush=True)  # noqa: T201 - the plugin protocol
    try:
        wait_for_parent()
    except KeyboardInterrupt:
        server.stop(grace=_GRACE).wait()
    os._exit(0)  # a call that hangs must not keep the process alive


def wait_for_parent() -> None:
    """Returns once standard input closes, which it does when the parent ends in whatever way."""
    while sys.stdin.buffer.read(4096):
        pass


def identity(urn: str) -> tuple[str, str]:
    """Type token and logical name of a URN."""
    _, _, types, name = urn.split("::", 3)
    return types.rsplit("$", 1)[-1], name
