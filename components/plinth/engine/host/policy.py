"""Stands between the engine and a Python policy pack.

The engine configures a pack after it has started (``ConfigureStack``), but Python packs read the
stack's identity and configuration from their environment when they start.  So the engine first
talks to this proxy; the pack starts once the configuration is known, and every other call is
handed on unread (sdk/policy_proxy.go of the official host does the same).
"""

from __future__ import annotations

import json
import threading
from concurrent import futures
from functools import partial
from typing import Final

import grpc
from google.protobuf.message import Message

from plinth.engine.protocol import analyzer_pb2, language_pb2

#: The engine's own limit for one message, 400 MB (rpcutil/serve.go).
OPTIONS: Final = [
    ("grpc.max_receive_message_length", 400 * 1024 * 1024),
    ("grpc.max_send_message_length", 400 * 1024 * 1024),
]

#: Seconds in which the engine is told that the pack is gone.
_GRACE: Final = 5

_SERVICE: Final = "pulumirpc.Analyzer"


class PolicyProxy:
    """An Analyzer service that starts out alone and later forwards to the real pack."""

    def __init__(self) -> None:
        self._configured = threading.Event()
        self._attached = threading.Event()
        self._configuration: analyzer_pb2.AnalyzerStackConfigureRequest | None = None
        self._channel: grpc.Channel | None = None
        self._refusal = "the policy pack was stopped before it started"
        self._told = threading.Event()
        self._server = grpc.server(
            futures.ThreadPoolExecutor(max_workers=16), handlers=[self._handler()], options=OPTIONS
        )
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    def _handler(self) -> grpc.GenericRpcHandler[bytes, bytes]:
        """The two calls that concern the proxy itself; the rest is forwarded as bytes."""
        own = {"Handshake": self._handshake, "ConfigureStack": self._configure}
        handlers = {
            method.name: grpc.unary_unary_rpc_method_handler(
                own.get(method.name) or partial(self._forward, method.name), _same, _same
            )
            for method in analyzer_pb2.DESCRIPTOR.services_by_name["Analyzer"].methods
        }
        return grpc.method_handlers_generic_handler(_SERVICE, handlers)

    def _handshake(self, _request: bytes, _context: grpc.ServicerContext) -> bytes:
        return serialize(analyzer_pb2.AnalyzerHandshakeResponse())

    def _configure(self, request: bytes, _context: grpc.ServicerContext) -> bytes:
        self._configuration = analyzer_pb2.AnalyzerStackConfigureRequest.FromString(request)
        self._configured.set()
        return serialize(analyzer_pb2.AnalyzerStackConfigureResponse())

    def _forward(self, method: str, request: bytes, context: grpc.ServicerContext) -> bytes:
        # Outside of a stack (`pulumi policy publish`) no configuration ever comes.
        self._configured.set()
        self._attached.wait()
        if self._channel is None:
            self._told.set()
            context.abort(grpc.StatusCode.UNAVAILABLE, self._refusal)
        try:
            answer: bytes = self._channel.unary_unary(f"/{_SERVICE}/{method}", _same, _same)(
                request
            )
        except grpc.RpcError as error:
            context.abort(error.code(), error.details() or "")
        return answer

    def announcement(self) -> language_pb2.RunPluginResponse:
        """The output by which the engine learns the port, as if the pack had written it."""
        return language_pb2.RunPluginResponse(stdout=f"{self.port}\n".encode())

    def environment(self) -> dict[str, str]:
        """Waits for the stack's configuration; returns it as the variables that a pack reads."""
        self._configured.wait()
        stack = self._configuration
        if stack is None:
            return {}
        variables = {
            "PULUMI_ORGANIZATION": stack.organization,
            "PULUMI_PROJECT": stack.project,
            "PULUMI_STACK": stack.stack,
            "PULUMI_DRY_RUN": "true" if stack.dry_run else "false",
            "PULUMI_CONFIG": json.dumps(dict(stack.config)),
        }
        return {key: value for key, value in variables.items() if value}

    def attach(self, port: int) -> None:
        """Forwards from now on to the pack that listens on ``port``."""
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=OPTIONS)
        if self._configuration is not None:
            configure = self._channel.unary_unary(f"/{_SERVICE}/ConfigureStack", _same, _same)
            try:
                configure(self._configuration.SerializeToString())
            except grpc.RpcError as error:
                # Packs older than the call do without it.
                if error.code() != grpc.StatusCode.UNIMPLEMENTED:
                    raise
        self._attached.set()

    def refuse(self, reason: str) -> None:
        """Answers calls with why there is no pack, and waits until the engine has been told."""
        self._refusal = f"the policy pack did not start: {reason}"
        self._attached.set()
        self._told.wait(_GRACE)

    def close(self) -> None:
        """Lets go of waiting calls, which still get their answer, and stops."""
        self._configured.set()
        self._attached.set()
        self._server.stop(grace=_GRACE)
        if self._channel is not None:
            self._channel.close()


def serialize(message: Message) -> bytes:
    """The wire form of a message."""
    encoded: bytes = message.SerializeToString()
    return encoded


def _same(message: bytes) -> bytes:
    return message
