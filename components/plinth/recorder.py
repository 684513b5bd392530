"""Records the graph of a program in process: no engine, no credentials, no network.

Resources are registered with a monitor of our own in place of the engine's.  Computed properties
(ARNs, endpoints) are answered as they will look, by the same code as in the rehearsal, so that
documents built from them, such as bucket policies, can be read and judged before anything exists.
"""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from graphlib import TopologicalSorter
from heapq import heappop, heappush
from itertools import zip_longest
from typing import Any

import pulumi
from google.protobuf import empty_pb2, json_format
from pulumi.runtime import mocks, rpc, settings, stack
from pulumi.runtime.proto import resource_pb2

from plinth.graph import SECRET, UNKNOWN, Graph, Resource
from plinth.rehearsal.lookups import answer
from plinth.rehearsal.outputs import computed

#: The SDK's mocks, parts of which carry no annotations.
_mocks: Any = mocks

_STACK = "pulumi:pulumi:Stack"


class _Answers(mocks.Mocks):
    """Stands behind the monitor; the monitor below answers everything itself."""

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], None]:
        raise NotImplementedError(args.token)

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        raise NotImplementedError(args.typ)


class _Monitor(mocks.MockMonitor):
    """The engine's resource monitor, as far as a program can tell."""

    def __init__(self, *, region: str, account: str) -> None:
        super().__init__(_Answers())
        self._region = region
        self._account = account
        self.recorded: dict[str, Resource] = {}
        self.outputs: dict[str, Any] = {}

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        """The URN as the engine makes it: with the types of all ancestors but the stack."""
        ancestors = parent.split("::")[2] if parent else _STACK
        chain = type_ if ancestors == _STACK else f"{ancestors}${type_}"
        return f"urn:pulumi:{settings.get_stack()}::{settings.get_project()}::{chain}::{name}"

    def RegisterResource(  # noqa: N802 - the RPC's name
        self, request: resource_pb2.RegisterResourceRequest
    ) -> resource_pb2.RegisterResourceResponse:
        urn = self.make_urn(request.parent, request.type, request.name)
        if request.type == _STACK:
            return resource_pb2.RegisterResourceResponse(urn=urn)
        if urn in self.recorded:
            raise ValueError(f"two resources have the URN {urn}")
        inputs = plain(json_format.MessageToDict(request.object))
        identifier = ""
        outputs: dict[str, Any] = {}
        if request.custom:
            known = plain(json_format.MessageToDict(request.object), reveal=True)
            identifier, outputs = computed(
                request.type, request.name, known, region=self._region, account=self._account
            )
        self.recorded[urn] = Resource(
            urn=urn,
            type=request.type,
            name=request.name,
            inputs=inputs,
            parent=request.parent if request.parent.split("::")[2:3] != [_STACK] else None,
            provider=request.provider or None,
            dependencies=tuple(sorted(request.dependencies)),
            property_dependencies={
                key: tuple(sorted(found.urns))
                for key, found in sorted(request.propertyDependencies.items())
                if found.urns
            },
            protect=bool(request.protect),
            custom=request.custom,
            ignored=tuple(request.ignoreChanges),
            retained=request.retainOnDelete,
            id=identifier or None,
            outputs=_masked(outputs, inputs, frozenset(request.additionalSecretOutputs)),
        )
        response = resource_pb2.RegisterResourceResponse(urn=urn, id=identifier)
        json_format.ParseDict(json.loads(json.dumps(outputs)), response.object)
        return response

    def RegisterResourceOutputs(  # noqa: N802 - the RPC's name
        self, request: resource_pb2.RegisterResourceOutputsRequest
    ) -> empty_pb2.Empty:
        if f"::{_STACK}::" in request.urn:
            self.outputs = plain(json_format.MessageToDict(request.outputs))
        return empty_pb2.Empty()

    def Invoke(  # noqa: N802 - the RPC's name
        self, request: resource_pb2.ResourceInvokeRequest
    ) -> resource_pb2.ResourceInvokeResponse:
        args = plain(json_format.MessageToDict(request.args))
        result = answer(request.tok, args, region=self._region, account=self._account)
        response = resource_pb2.ResourceInvokeResponse()
        json_format.ParseDict(json.loads(json.dumps(result)), getattr(response, "return"))
        return response


def _masked(outputs: Any, inputs: Any, secret: frozenset[str] = frozenset()) -> Any:
    """Outputs without secret values: those that inputs bring, and those that the SDK names."""
    if inputs == SECRET:
        return SECRET
    if isinstance(outputs, dict):
        named = inputs if isinstance(inputs, dict) else {}
        return {
            key: SECRET if key in secret else _masked(value, named.get(key))
            for key, value in outputs.items()
        }
    if isinstance(outputs, list):
        listed = inputs if isinstance(inputs, list) else []
        return [_masked(v, w) for v, w in zip_longest(outputs, listed[: len(outputs)])]
    return outputs


def plain(value: Any, *, reveal: bool = False) -> Any:
    """Wire data without the engine's markers: secrets and unknowns become plain stand-ins."""
    if isinstance(value, dict):
        kind = value.get(rpc._special_sig_key)
        if kind == rpc._special_secret_sig:
            return plain(value["value"], reveal=True) if reveal else SECRET
        if kind == rpc._special_resource_sig:
            return value.get("id") or value["urn"]
        return {key: plain(item, reveal=reveal) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item, reveal=reveal) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return UNKNOWN if value == UNKNOWN else value


def record(
    program: Callable[[], None],
    *,
    project: str,
    environment: str,
    cloud: str,
    region: str,
    account: str,
) -> Graph:
    """Runs a program and returns every resource it registers.

    Args:
        program: What the engine would run.
        project: Pulumi project, part of every URN.
        environment: Environment, the stack's name.
        cloud: Kept on the graph for those who read it.
        region: Region that computed properties show.
        account: Account that computed properties show.
    """
    monitor = _Monitor(region=region, account=account)
    # As `mocks.set_mocks` does, without the root stack that it makes outside of any event loop.
    settings.ROOT.set(None)
    features = _mocks.MockMonitor.GetDeploymentInfo(monitor, None).supportedFeatures
    settings.configure(
        _mocks.MockSettings(
            monitor=monitor,
            monitor_features=set(features),
            engine=_mocks.MockEngine(None),
            project=project,
            stack=environment,
            dry_run=False,
            organization=None,
            callbacks=None,
        )
    )
    with _unhurried():
        computed_outputs = asyncio.run(_run(program))
    return Graph(
        environment=environment,
        cloud=cloud,
        resources=tuple(_in_order(monitor.recorded)),
        outputs=monitor.outputs,
        computed_outputs=computed_outputs,
    )


def _in_order(found: Mapping[str, Resource]) -> Iterator[Resource]:
    """Each after what it needs, and by URN: the SDK registers in another order each time."""
    sorter = TopologicalSorter({urn: found.keys() & _needed(each) for urn, each in found.items()})
    sorter.prepare()
    ready: list[str] = []
    while sorter.is_active():
        for urn in sorter.get_ready():
            heappush(ready, urn)
        first = heappop(ready)
        sorter.done(first)
        yield found[first]


def _needed(resource: Resource) -> set[str]:
    return {*resource.dependencies, resource.parent or "", resource.provider_urn or ""}


@contextmanager
def _unhurried() -> Iterator[None]:
    """Collects garbage rarely: a third of a plan's time went into looking for some in SDKs."""
    usual = gc.get_threshold()
    gc.set_threshold(100_000, 50, 100)
    try:
        yield
    finally:
        gc.set_threshold(*usual)


async def _run(program: Callable[[], None]) -> frozenset[str]:
    """Runs the program; returns the names of the outputs that depend on a resource."""
    await stack.run_in_stack(program)
    root = settings.get_root_resource()
    if not isinstance(root, stack.Stack):
        return frozenset()
    return frozenset(
        [
            name
            for name, value in root.outputs.items()
            if isinstance(value, pulumi.Output) and await value.resources()
        ]
    )
