"""A cloud of boxes: a tiny provider, served from the test's own process, that outlives the CLI."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from concurrent import futures
from typing import Any

import grpc
import pulumi
from google.protobuf import empty_pb2, struct_pb2
from google.protobuf.json_format import MessageToDict
from pulumi.runtime.proto import plugin_pb2, provider_pb2

#: A change of this input forces a replacement.
FORCES = "kind"


class Box(pulumi.CustomResource):
    """``size`` can change in place, ``kind`` cannot, ``slow`` and ``fail`` are for trouble."""

    size: pulumi.Output[int]

    def __init__(
        self, name: str, opts: pulumi.ResourceOptions | None = None, **inputs: Any
    ) -> None:
        super().__init__("toy:index:Box", name, {**inputs, "serial": None}, opts)


def _struct(values: dict[str, Any]) -> struct_pb2.Struct:
    message = struct_pb2.Struct()
    message.update(values)
    return message


class ToyCloud:
    """Boxes by id; ``created`` and ``deleted`` count what ever happened."""

    def __init__(self) -> None:
        self.boxes: dict[str, dict[str, Any]] = {}
        self.urns: dict[str, str] = {}
        self.created: list[str] = []
        self.deleted: list[str] = []
        self.hold = threading.Event()
        self.hold.set()
        calls = {
            "Attach": (self.attach, plugin_pb2.PluginAttach),
            "Cancel": (self.cancel, empty_pb2.Empty),
            "Check": (self.check, provider_pb2.CheckRequest),
            "CheckConfig": (self.check, provider_pb2.CheckRequest),
            "Configure": (self.configure, provider_pb2.ConfigureRequest),
            "Create": (self.create, provider_pb2.CreateRequest),
            "Delete": (self.delete, provider_pb2.DeleteRequest),
            "Diff": (self.diff, provider_pb2.DiffRequest),
            "DiffConfig": (self.diff_config, provider_pb2.DiffRequest),
            "GetPluginInfo": (self.get_plugin_info, empty_pb2.Empty),
            "Handshake": (self.handshake, provider_pb2.ProviderHandshakeRequest),
            "Read": (self.read, provider_pb2.ReadRequest),
            "Update": (self.update, provider_pb2.UpdateRequest),
        }
        handlers = {
            name: grpc.unary_unary_rpc_method_handler(
                call, request.FromString, lambda answer: answer.SerializeToString()
            )
            for name, (call, request) in calls.items()
        }
        provider = grpc.method_handlers_generic_handler("pulumirpc.ResourceProvider", handlers)
        self._server = grpc.server(futures.ThreadPoolExecutor(max_workers=16), handlers=[provider])
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    @property
    def environment(self) -> dict[str, str]:
        return {"PULUMI_DEBUG_PROVIDERS": f"toy:{self.port}"}

    def find(self, urn: str, _type: str) -> list[str]:
        return [id_ for id_, known in self.urns.items() if known == urn]

    def wait_for(self, condition: Callable[[], bool], seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "the cloud never got there"
            time.sleep(0.02)

    def stop(self) -> None:
        self.hold.set()
        self._server.stop(0)

    def handshake(self, request: Any, context: grpc.ServicerContext) -> Any:
        return provider_pb2.ProviderHandshakeResponse()

    def attach(self, request: Any, context: grpc.ServicerContext) -> Any:
        return empty_pb2.Empty()

    def get_plugin_info(self, request: Any, context: grpc.ServicerContext) -> Any:
        return plugin_pb2.PluginInfo(version="1.0.0")

    def diff_config(self, request: Any, context: grpc.ServicerContext) -> Any:
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def configure(self, request: Any, context: grpc.ServicerContext) -> Any:
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    def cancel(self, request: Any, context: grpc.ServicerContext) -> Any:
        return empty_pb2.Empty()

    def check(self, request: Any, context: grpc.ServicerContext) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    def diff(self, request: Any, context: grpc.ServicerContext) -> Any:
        old, new = MessageToDict(request.old_inputs), MessageToDict(request.news)
        changed = [key for key in {*old, *new} if old.get(key) != new.get(key)]
        kinds = provider_pb2.PropertyDiff
        return provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_SOME
            if changed
            else provider_pb2.DiffResponse.DIFF_NONE,
            diffs=changed,
            replaces=[key for key in changed if key == FORCES],
            detailedDiff={
                key: provider_pb2.PropertyDiff(
                    kind=kinds.UPDATE_REPLACE if key == FORCES else kinds.UPDATE
                )
                for key in changed
            },
            hasDetailedDiff=True,
        )

    def create(self, request: Any, context: grpc.ServicerContext) -> Any:
        inputs = MessageToDict(request.properties)
        if request.preview:
            return provider_pb2.CreateResponse(properties=request.properties)
        if failure := inputs.get("fail"):
            context.abort(grpc.StatusCode.UNKNOWN, failure)
        id_ = f"box-{uuid.uuid4().hex[:8]}"
        box = {**inputs, "serial": id_.upper()}
        self.boxes[id_], self.urns[id_] = box, request.urn
        self.created.append(request.urn)
        if inputs.get("slow"):
            self.hold.wait(30)
        return provider_pb2.CreateResponse(id=id_, properties=_struct(box))

    def read(self, request: Any, context: grpc.ServicerContext) -> Any:
        box = self.boxes.get(request.id)
        if box is None:
            return provider_pb2.ReadResponse()
        inputs = {key: value for key, value in box.items() if key != "serial"}
        return provider_pb2.ReadResponse(
            id=request.id, properties=_struct(box), inputs=_struct(inputs)
        )

    def update(self, request: Any, context: grpc.ServicerContext) -> Any:
        if request.preview:
            return provider_pb2.UpdateResponse(properties=request.news)
        self.boxes[request.id] = {**MessageToDict(request.news), "serial": request.id.upper()}
        return provider_pb2.UpdateResponse(properties=_struct(self.boxes[request.id]))

    def delete(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.boxes.pop(request.id, None)
        self.urns.pop(request.id, None)
        self.deleted.append(request.urn)
        return empty_pb2.Empty()
