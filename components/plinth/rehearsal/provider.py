"""The provider program: Pulumi's resource provider protocol in front of the simulated cloud.

It accepts neither secrets nor outputs nor resource references: the engine then hands over plain
values, and marks as secret again whatever was secret in the inputs, plus what the SDK declares as
``additional_secret_outputs``.  That leaves one form of value in here, and no way to lose a mark.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import provider_pb2

from plinth.errors import EngineError, PlinthError, Problem
from plinth.plugin import server, wire
from plinth.plugin.server import identity
from plinth.rehearsal.check import Checker, Failure
from plinth.rehearsal.cloud import Cloud, Record
from plinth.rehearsal.diff import Change
from plinth.rehearsal.faults import Call, Fault, Faults, Planned
from plinth.rehearsal.lookups import ask
from plinth.rehearsal.packages.base import (
    NotFoundError,
    Package,
    RefusedError,
    Settings,
    opened,
)
from plinth.rehearsal.plan import Naming, assign_name, compare, expected, named_by_hand, previewed
from plinth.rehearsal.sdk import Kind

_CONFIG: Final = "pulumi:providers:"
_KINDS: Final = {
    ("add", False): provider_pb2.PropertyDiff.ADD,
    ("add", True): provider_pb2.PropertyDiff.ADD_REPLACE,
    ("delete", False): provider_pb2.PropertyDiff.DELETE,
    ("delete", True): provider_pb2.PropertyDiff.DELETE_REPLACE,
    ("update", False): provider_pb2.PropertyDiff.UPDATE,
    ("update", True): provider_pb2.PropertyDiff.UPDATE_REPLACE,
}


class Provider(server.Provider):
    """One package, served to one engine.

    Providers that are configured differently (two regions, two accounts) may share one server:
    the engine opens a connection for each of them, so settings belong to the peer that set them.

    Args:
        package: What it stands in for.
        cloud: Where resources live.
        plan: The outages to rehearse.
        holder: Account that the credentials in hand are of; empty for whichever is asked for.
    """

    def __init__(
        self, package: Package, cloud: Cloud, plan: Sequence[Planned] = (), holder: str = ""
    ) -> None:
        super().__init__(package.name, package.sdk.version)
        self._package = package
        self._holder = holder
        self._cloud = cloud
        self._faults = Faults(plan, cloud, self._cancelled.wait)
        self._settings: dict[str, Settings] = {}
        self._latest = package.settings({})

    # --- settings ------------------------------------------------------------------------------

    def handshake(
        self, request: provider_pb2.ProviderHandshakeRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ProviderHandshakeResponse:
        """Say what this provider can do."""
        del request, context
        return provider_pb2.ProviderHandshakeResponse(supports_autonaming_configuration=True)

    def check_config(
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        """Judge the settings of a provider."""
        with self._answering(context):
            config = self._config(request.news)
            kind = self._kind(_CONFIG + self._package.name)
            known = {k: v for k, v in config.items() if k not in ("version", "pluginDownloadURL")}
            failures = [
                *Checker(self._package.sdk, lenient=True).fields(known, kind.inputs),
                *self._package.check_config(config),
            ]
            return _checked(wire.decode(request.news), failures)

    def diff_config(
        self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext
    ) -> provider_pb2.DiffResponse:
        """Compare the settings of a provider."""
        with self._answering(context):
            old = self._config(request.old_inputs) or self._config(request.olds)
            new = self._config(request.news)
            replaces = self._package.config_replaces(old, new)
            changed = [c for c in _ordered(old, new) if old.get(c) != new.get(c)]
            some = provider_pb2.DiffResponse.DIFF_SOME if changed else _NONE
            return provider_pb2.DiffResponse(changes=some, diffs=changed, replaces=replaces)

    def configure(
        self, request: provider_pb2.ConfigureRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ConfigureResponse:
        """Keep the settings of a provider for the rest of its connection."""
        with self._answering(context, Call("configure", _CONFIG + self._package.name)):
            config = self._config(request.args)
            settings = self._package.settings(config)
            if self._holder:
                settings = self._package.held_by(settings, config, self._holder)
            self._settings[context.peer()] = self._latest = settings
            return provider_pb2.ConfigureResponse(
                supportsPreview=True, supports_autonaming_configuration=True
            )

    # --- resources -----------------------------------------------------------------------------

    def check(
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        """Judge a resource's inputs and give it a name."""
        token, logical = identity(request.urn)
        with self._answering(context, Call("check", token, request.urn)):
            kind, inputs = self._kind(token), wire.decode(request.news)
            failures = list(self._package.checker.fields(inputs, kind.inputs))
            naming = Naming(
                logical=logical,
                seed=bytes(request.randomSeed),
                disabled=request.autonaming.mode == request.autonaming.DISABLE,
                proposed=request.autonaming.proposed_name,
                enforced=request.autonaming.mode == request.autonaming.ENFORCE,
            )
            olds = wire.decode(request.olds)
            named, more = assign_name(self._package, kind, inputs, olds, naming)
            complete = self._package.complete(kind, named, self._of(context))
            failures += [*more, *self._package.check(token, complete)]
            return _checked(complete, failures)

    def diff(
        self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext
    ) -> provider_pb2.DiffResponse:
        """Compare the inputs of a resource."""
        token, _ = identity(request.urn)
        with self._answering(context, Call("diff", token, request.urn)):
            kind, settings = self._kind(token), self._of(context)
            outputs = wire.decode(request.olds)
            old, new = wire.decode(request.old_inputs) or outputs, wire.decode(request.news)
            found = compare(self._package, kind, old, new, outputs=outputs, settings=settings)
            return _diffed(found, in_place=named_by_hand(self._package, kind, old, new))

    def create(
        self, request: provider_pb2.CreateRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CreateResponse:
        """Make a resource, or say what making it would give."""
        token, logical = identity(request.urn)
        settings, inputs = self._of(context), wire.decode(request.properties)
        if request.preview:
            with self._answering(context):
                kind = self._kind(token)
                draft = expected(kind, logical, inputs, settings, base=request.urn)
                properties = previewed(inputs, draft.outputs)
                properties |= self._package.common(kind, inputs, settings)
                return provider_pb2.CreateResponse(properties=wire.encode(properties))
        with self._answering(context, Call("create", token, request.urn)):
            self._admit(settings, token)
            record = self._create(self._kind(token), request.urn, logical, inputs, settings)
            properties = self._state(record, settings)
        return provider_pb2.CreateResponse(id=record.id, properties=wire.encode(properties))

    def read(
        self, request: provider_pb2.ReadRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ReadResponse:
        """Look at a resource as it is now."""
        token, _ = identity(request.urn)
        with self._answering(context, Call("read", token, request.urn)):
            settings = self._of(context)
            self._admit(settings, token)
            record = self._there(token, request.id, request.properties, settings)
            if record is None:
                return provider_pb2.ReadResponse()
            marks = wire.decode(request.inputs).get("__defaults", [])
            return provider_pb2.ReadResponse(
                id=record.id,
                properties=wire.encode(self._state(record, settings)),
                inputs=wire.encode({**record.inputs, "__defaults": marks}),
            )

    def update(
        self, request: provider_pb2.UpdateRequest, context: grpc.ServicerContext
    ) -> provider_pb2.UpdateResponse:
        """Change a resource, or say what changing it would give."""
        token, logical = identity(request.urn)
        settings, inputs = self._of(context), wire.decode(request.news)
        call = None if request.preview else Call("update", token, request.urn)
        with self._answering(context, call):
            kind = self._kind(token)
            record = self._there(token, request.id, request.olds, settings)
            if request.preview:
                known = record.outputs if record else wire.decode(request.olds)
                properties = {**known, **_plain(inputs)}
                if record:
                    draft = expected(kind, logical, inputs, settings, base=record)
                    properties = previewed(inputs, draft.outputs, known=record.outputs)
                properties |= self._package.common(kind, inputs, settings)
            else:
                self._admit(settings, token)
                if record is None:
                    raise EngineError(_missing(token, request.id))
                reason = self._package.refuse_update(record, _plain(inputs), self._cloud)
                if reason:
                    raise EngineError(Problem(code="update-refused", message=reason))
                draft = expected(kind, logical, inputs, settings, base=record)
                self._cloud.update(record, draft.inputs, draft.outputs)
                properties = self._state(draft, settings)
        return provider_pb2.UpdateResponse(properties=wire.encode(properties))

    def delete(self, request: provider_pb2.DeleteRequest, context: grpc.ServicerContext) -> Empty:
        """Delete a resource, and what goes with it."""
        token, _ = identity(request.urn)
        call = Call("delete", token, request.urn)
        with self._answering(context, call), self._cloud.transaction():
            self._admit(self._of(context), token)
            record = self._there(token, request.id, request.properties, self._of(context))
            if record is not None:
                reason = self._package.refuse_delete(record, self._cloud)
                if reason:
                    raise EngineError(Problem(code="delete-refused", message=reason))
                for gone in (*self._package.goes_with(record, self._cloud), record):
                    self._cloud.delete(gone)
                    self._package.deleted(gone, self._cloud)
        return Empty()

    def invoke(
        self, request: provider_pb2.InvokeRequest, context: grpc.ServicerContext
    ) -> provider_pb2.InvokeResponse:
        """Answer a lookup."""
        with self._answering(context, Call("invoke", request.tok)):
            args = wire.decode(request.args)
            self._admit(self._of(context), request.tok)
            found = ask(request.tok, args, self._of(context), self._cloud)
            response = provider_pb2.InvokeResponse()
            getattr(response, "return").CopyFrom(wire.encode(found))
            return response

    # --- in between ----------------------------------------------------------------------------

    @contextmanager
    def _answering(self, context: grpc.ServicerContext, call: Call | None = None) -> Iterator[None]:
        """Runs one call: planned faults strike around it, and errors become the call's error."""
        try:
            due = self._faults.due(call) if call else []
            self._faults.strike(due, "before")
            yield
            self._faults.strike(due, "after")
        except (PlinthError, Fault, NotFoundError, RefusedError) as error:
            context.abort(grpc.StatusCode.UNKNOWN, str(error))

    def _admit(self, settings: Settings, token: str) -> None:
        """Raises RefusedError when the credentials in hand may not use the account."""
        reason = self._package.deny(settings, token) if settings.stranger else None
        if reason:
            raise RefusedError(reason)

    def _config(self, struct: Struct) -> dict[str, Any]:
        return opened(wire.decode(struct), self._kind(_CONFIG + self._package.name).inputs)

    def _of(self, context: grpc.ServicerContext) -> Settings:
        return self._settings.get(context.peer(), self._latest)

    def _kind(self, token: str) -> Kind:
        kind = self._package.kind(token)
        if kind is None:
            raise EngineError(
                Problem(code="unknown-type", message=f"{self._package.name} has no type {token}")
            )
        return kind

    def _create(
        self, kind: Kind, urn: str, logical: str, inputs: Mapping[str, Any], settings: Settings
    ) -> Record:
        with self._cloud.transaction():
            seed = f"{urn}#{self._cloud.count(f'made:{urn}')}"
            draft = expected(kind, logical, inputs, settings, base=urn, seed=seed)
            reason = self._package.refuse_create(draft, self._cloud)
            if reason:
                raise EngineError(Problem(code="create-refused", message=reason))
            same = self._cloud.get(draft.type, draft.id, draft.scope)
            if same and self._package.joins(draft.type):
                self._cloud.delete(same)
            return self._cloud.add(draft, regional=self._package.regional(kind))

    def _there(self, token: str, id_: str, known: Struct, settings: Settings) -> Record | None:
        """What has an identifier; of several regions' the one that the engine knows."""
        regional = self._package.regional(self._kind(token))
        region = wire.decode(known).get("region") if regional else None
        return self._cloud.get(token, id_, settings.scope, str(region or ""))

    def _state(self, record: Record, settings: Settings) -> dict[str, Any]:
        kind = self._kind(record.type)
        return record.state | self._package.common(kind, record.inputs, settings)


_NONE: Final = provider_pb2.DiffResponse.DIFF_NONE


def _plain(inputs: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in inputs.items() if not key.startswith("__")}


def _ordered(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    return [*old, *(key for key in new if key not in old)]


def _checked(inputs: Mapping[str, Any], failures: list[Failure]) -> provider_pb2.CheckResponse:
    found = [provider_pb2.CheckFailure(property=f.path, reason=f.reason) for f in failures]
    return provider_pb2.CheckResponse(inputs=wire.encode(inputs), failures=found)


def _diffed(found: Sequence[tuple[Change, bool]], *, in_place: bool) -> provider_pb2.DiffResponse:
    replaces = [str(change) for change, forced in found if forced]
    return provider_pb2.DiffResponse(
        changes=provider_pb2.DiffResponse.DIFF_SOME if found else _NONE,
        diffs=list(dict.fromkeys(str(change.path[0]) for change, _ in found)),
        replaces=replaces,
        deleteBeforeReplace=bool(replaces) and in_place,
        hasDetailedDiff=True,
        detailedDiff={
            str(change): provider_pb2.PropertyDiff(kind=_KINDS[change.kind, forced], inputDiff=True)
            for change, forced in found
        },
    )


def _missing(token: str, id_: str) -> Problem:
    return Problem(code="not-found", message=f"NotFound: {token} {id_} does not exist")
