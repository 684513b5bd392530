"""The provider program: Pulumi's resource provider protocol in front of this machine.

Like the rehearsal's, it accepts neither secrets nor outputs: the engine hands over plain values and
marks as secret again what was secret in the inputs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Final

import grpc
from google.protobuf.empty_pb2 import Empty

from plinth.engine.protocol import provider_pb2
from plinth.errors import PlinthError
from plinth.graph import UNKNOWN
from plinth.local.example import PACKAGE
from plinth.local.home import home_of, project_root
from plinth.local.kinds import KINDS, Data, Kind, Machine
from plinth.plugin import server, wire
from plinth.plugin.server import identity

_SOME: Final = provider_pb2.DiffResponse.DIFF_SOME
_NONE: Final = provider_pb2.DiffResponse.DIFF_NONE


class Provider(server.Provider):
    """This machine, served to one engine.

    Args:
        start: The engine's working directory, in or below the project; folders are relative to the
            project's.
    """

    def __init__(self, start: Path) -> None:
        super().__init__(PACKAGE, version("plinth"))
        self._root = project_root(start)
        self._machine: Machine | None = None

    # --- settings ------------------------------------------------------------------------------

    def handshake(
        self, request: provider_pb2.ProviderHandshakeRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ProviderHandshakeResponse:
        """Says what this provider can do: nothing optional."""
        del request, context
        return provider_pb2.ProviderHandshakeResponse()

    def check_config(
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        """Settings come from the adapter alone."""
        del context
        return provider_pb2.CheckResponse(inputs=request.news)

    def diff_config(
        self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext
    ) -> provider_pb2.DiffResponse:
        """Another folder is another place: everything is made anew there."""
        del context
        old = wire.decode(request.old_inputs) or wire.decode(request.olds)
        moved = old.get("folder") != wire.decode(request.news).get("folder")
        return provider_pb2.DiffResponse(
            changes=_SOME if moved else _NONE, replaces=["folder"] if moved else []
        )

    def configure(
        self, request: provider_pb2.ConfigureRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ConfigureResponse:
        """Takes the environment's folder."""
        del context
        home = home_of(self._root, wire.decode(request.args)["folder"])
        self._machine = Machine(home, self._cancelled, self._root)
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    # --- resources -----------------------------------------------------------------------------

    def check(
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        """Inputs come from the adapter, which types them."""
        with _answering(context):
            _kind(request.urn)
            return provider_pb2.CheckResponse(inputs=request.news)

    def diff(
        self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext
    ) -> provider_pb2.DiffResponse:
        """Compares inputs, and looks whether the thing is still as it was left."""
        with _answering(context):
            kind, name = _kind(request.urn)
            old, new = wire.decode(request.old_inputs), wire.decode(request.news)
            changed = {key for key in {**old, **new} if old.get(key) != new.get(key)}
            if self._machine is not None:  # a new provider is not there before `up`
                outputs = wire.decode(request.olds)
                changed |= _changed_by_itself(kind, self._machine, name, new, outputs)
            return provider_pb2.DiffResponse(
                changes=_SOME if changed else _NONE, diffs=sorted(changed)
            )

    def create(
        self, request: provider_pb2.CreateRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CreateResponse:
        """Makes a resource, or says what making it would give."""
        with _answering(context):
            kind, name = _kind(request.urn)
            inputs = wire.decode(request.properties)
            made = self._made(kind, name, inputs, {}, preview=request.preview)
            return provider_pb2.CreateResponse(
                id="" if request.preview else name, properties=wire.encode(made)
            )

    def read(
        self, request: provider_pb2.ReadRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ReadResponse:
        """Looks at a resource as it is now."""
        with _answering(context):
            kind, name = _kind(request.urn)
            outputs = wire.decode(request.properties)
            # Without outputs it is an import, for which there is nothing to find.
            now = kind.look(self._here, name, outputs) if outputs else None
            if now is None:
                return provider_pb2.ReadResponse()
            return provider_pb2.ReadResponse(
                id=request.id, properties=wire.encode(now), inputs=request.inputs
            )

    def update(
        self, request: provider_pb2.UpdateRequest, context: grpc.ServicerContext
    ) -> provider_pb2.UpdateResponse:
        """Changes or repairs a resource, or says what that would give."""
        with _answering(context):
            kind, name = _kind(request.urn)
            inputs, outputs = wire.decode(request.news), wire.decode(request.olds)
            made = self._made(kind, name, inputs, outputs, preview=request.preview)
            return provider_pb2.UpdateResponse(properties=wire.encode(made))

    def delete(self, request: provider_pb2.DeleteRequest, context: grpc.ServicerContext) -> Empty:
        """Deletes a resource."""
        with _answering(context):
            kind, name = _kind(request.urn)
            kind.delete(self._here, name, wire.decode(request.properties))
        return Empty()

    # --- in between ----------------------------------------------------------------------------

    @property
    def _here(self) -> Machine:
        if self._machine is None:
            raise RuntimeError("a provider is configured before it is used")
        return self._machine

    def _made(self, kind: Kind, name: str, inputs: Data, outputs: Data, *, preview: bool) -> Data:
        make = kind.expect if preview else kind.make
        return {**inputs, **make(self._here, name, inputs, outputs)}


def _changed_by_itself(
    kind: Kind, machine: Machine, name: str, inputs: Data, outputs: Data
) -> set[str]:
    """Properties that are not as ``up`` would leave them, such as a service that does not run.

    Compared with what is wanted, not with the state: a refresh writes there what it finds.
    """
    expected = kind.expect(machine, name, inputs, outputs)
    now = kind.look(machine, name, outputs)
    if now is None:
        return set(expected)
    wanted = {**inputs, **expected}
    return {key for key in wanted if wanted[key] not in (UNKNOWN, now.get(key))}


def _kind(urn: str) -> tuple[Kind, str]:
    token, name = identity(urn)
    return KINDS[token], name


@contextmanager
def _answering(context: grpc.ServicerContext) -> Iterator[None]:
    """Runs one call: what people can mend becomes the call's error, in one sentence."""
    try:
        yield
    except PlinthError as error:
        said = [f"{found}. {found.fix}" if found.fix else str(found) for found in error.problems]
        context.abort(grpc.StatusCode.UNKNOWN, " ".join(said))
    except OSError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        context.abort(grpc.StatusCode.UNKNOWN, what)
