"""Talks to a provider the way the engine does: one gRPC connection per configured provider."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, NamedTuple

import grpc
from pulumi.runtime.proto import provider_pb2 as pb
from pulumi.runtime.proto.provider_pb2_grpc import ResourceProviderStub

from plinth.plugin import wire
from plinth.plugin.server import handlers
from plinth.rehearsal import packages
from plinth.rehearsal.cloud import Cloud
from plinth.rehearsal.faults import Planned
from plinth.rehearsal.provider import Provider

SEED = bytes.fromhex("0123456789abcdef0123456789abcdef")


class Made(NamedTuple):
    urn: str
    token: str
    id: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]


class Differences(NamedTuple):
    changed: dict[str, int]
    replaces: list[str]
    delete_first: bool


class Client:
    """One configured provider."""

    def __init__(self, address: str, **config: Any) -> None:
        self._address = address
        # Without this, connections to one address are shared within a process.
        options = [("grpc.use_local_subchannel_pool", 1)]
        self._stub = ResourceProviderStub(grpc.insecure_channel(address, options=options))
        self._stub.Configure(pb.ConfigureRequest(args=wire.encode(config)))

    def configured(self, **config: Any) -> Client:
        """The same server, as another provider configuration sees it."""
        return Client(self._address, **config)

    def check(
        self,
        token: str,
        inputs: Mapping[str, Any],
        *,
        name: str = "thing",
        olds: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> tuple[dict[str, Any], dict[str, str]]:
        answer = self._stub.Check(
            pb.CheckRequest(
                urn=urn(token, name),
                news=wire.encode(inputs),
                olds=wire.encode(olds or {}),
                randomSeed=SEED,
                **more,
            )
        )
        return wire.decode(answer.inputs), {f.property: f.reason for f in answer.failures}

    def check_config(self, package: str, **config: Any) -> dict[str, str]:
        token = f"pulumi:providers:{package}"
        answer = self._stub.CheckConfig(
            pb.CheckRequest(urn=urn(token, "provider"), news=wire.encode(config))
        )
        return {f.property: f.reason for f in answer.failures}

    def diff_config(self, package: str, old: dict[str, Any], new: dict[str, Any]) -> list[str]:
        token = f"pulumi:providers:{package}"
        request = pb.DiffRequest(
            urn=urn(token, "provider"), old_inputs=wire.encode(old), news=wire.encode(new)
        )
        return list(self._stub.DiffConfig(request).replaces)

    def make(self, token: str, inputs: Mapping[str, Any], *, name: str = "thing") -> Made:
        checked, failures = self.check(token, inputs, name=name)
        assert not failures
        properties = wire.encode(checked)
        answer = self._stub.Create(pb.CreateRequest(urn=urn(token, name), properties=properties))
        return Made(urn(token, name), token, answer.id, checked, wire.decode(answer.properties))

    def preview(self, token: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        checked, failures = self.check(token, inputs)
        assert not failures
        request = pb.CreateRequest(
            urn=urn(token, "thing"), properties=wire.encode(checked), preview=True
        )
        return wire.decode(self._stub.Create(request).properties)

    def diff(self, made: Made, inputs: Mapping[str, Any]) -> Differences:
        name = made.urn.rsplit("::", 1)[1]
        news, failures = self.check(made.token, inputs, name=name, olds=made.inputs)
        assert not failures
        answer = self._stub.Diff(
            pb.DiffRequest(
                id=made.id,
                urn=made.urn,
                olds=wire.encode(made.outputs),
                old_inputs=wire.encode(made.inputs),
                news=wire.encode(news),
            )
        )
        changed = {path: entry.kind for path, entry in answer.detailedDiff.items()}
        assert bool(changed) == (answer.changes == pb.DiffResponse.DIFF_SOME)
        return Differences(changed, list(answer.replaces), answer.deleteBeforeReplace)

    def update(
        self, made: Made, inputs: Mapping[str, Any], *, preview: bool = False
    ) -> dict[str, Any]:
        news, _ = self.check(made.token, inputs, olds=made.inputs)
        answer = self._stub.Update(
            pb.UpdateRequest(
                id=made.id,
                urn=made.urn,
                olds=wire.encode(made.outputs),
                old_inputs=wire.encode(made.inputs),
                news=wire.encode(news),
                preview=preview,
            )
        )
        return wire.decode(answer.properties)

    def read(self, made: Made) -> Made | None:
        answer = self._stub.Read(
            pb.ReadRequest(
                id=made.id,
                urn=made.urn,
                inputs=wire.encode(made.inputs),
                properties=wire.encode(made.outputs),
            )
        )
        if not answer.id:
            return None
        inputs, outputs = wire.decode(answer.inputs), wire.decode(answer.properties)
        return Made(made.urn, made.token, answer.id, inputs, outputs)

    def delete(self, made: Made) -> None:
        self._stub.Delete(
            pb.DeleteRequest(id=made.id, urn=made.urn, properties=wire.encode(made.outputs))
        )

    def invoke(self, token: str, **args: Any) -> dict[str, Any]:
        answer = self._stub.Invoke(pb.InvokeRequest(tok=token, args=wire.encode(args)))
        return wire.decode(getattr(answer, "return"))

    def cancel(self) -> None:
        self._stub.Cancel(pb.google_dot_protobuf_dot_empty__pb2.Empty())


def urn(token: str, name: str) -> str:
    return f"urn:pulumi:dev::shop::plinth:index:Platform${token}::{name}"


@contextmanager
def serving(package: str, cloud: Cloud, plan: Sequence[Planned] = ()) -> Iterator[str]:
    """The address of a provider that is being served."""
    server = grpc.server(ThreadPoolExecutor(8))
    server.add_generic_rpc_handlers((handlers(Provider(packages.find(package), cloud, plan)),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()
