"""The protocol: what previews and comparisons tell, and that they touch nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest
from local_machine import (
    answer,
    local,
    ours,
    running,
    stranger,
    supervisor_of,
    tiny,
)

from plinth.engine.protocol import provider_pb2
from plinth.graph import UNKNOWN
from plinth.local.home import project_root
from plinth.local.kinds import Machine
from plinth.local.provider import Provider
from plinth.plugin import wire
from plinth.plugin.server import handlers
from served import free_port, until

__all__ = ["local"]


class Engine:
    """Speaks the protocol as the engine does."""

    def __init__(self, start: Path, folder: str) -> None:
        self.server = grpc.server(futures.ThreadPoolExecutor(4))
        self.server.add_generic_rpc_handlers((handlers(Provider(start)),))
        port = self.server.add_insecure_port("127.0.0.1:0")
        self.server.start()
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        settings = wire.encode({"folder": folder})
        self.call("Configure", provider_pb2.ConfigureRequest(args=settings))

    def call(self, name: str, request: Any) -> Any:
        method = self.channel.unary_unary(
            f"/pulumirpc.ResourceProvider/{name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=getattr(provider_pb2, f"{name}Response").FromString,
        )
        return method(request)

    def create(self, urn: str, inputs: dict[str, Any], *, preview: bool = False) -> dict[str, Any]:
        request = provider_pb2.CreateRequest(
            urn=urn, properties=wire.encode(inputs), preview=preview
        )
        return wire.decode(self.call("Create", request).properties)

    def update(
        self, urn: str, state: dict[str, Any], inputs: dict[str, Any], *, preview: bool = False
    ) -> dict[str, Any]:
        request = provider_pb2.UpdateRequest(
            urn=urn, olds=wire.encode(state), news=wire.encode(inputs), preview=preview
        )
        return wire.decode(self.call("Update", request).properties)

    def diff(
        self, urn: str, state: dict[str, Any], old: dict[str, Any], new: Any = None
    ) -> list[str]:
        request = provider_pb2.DiffRequest(
            urn=urn,
            olds=wire.encode(state),
            old_inputs=wire.encode(old),
            news=wire.encode(old if new is None else new),
        )
        found = self.call("Diff", request)
        assert not found.replaces
        assert (found.changes == provider_pb2.DiffResponse.DIFF_SOME) == bool(found.diffs)
        return list(found.diffs)

    def read(self, urn: str, state: dict[str, Any]) -> dict[str, Any] | None:
        request = provider_pb2.ReadRequest(id="x", urn=urn, properties=wire.encode(state))
        found = self.call("Read", request)
        return wire.decode(found.properties) if found.id else None


def urn(kind: str, name: str = "web") -> str:
    return f"urn:pulumi:local::churn::plinth:index:Platform$plinth-local:index:{kind}::{name}"


@pytest.fixture
def engine(local: Machine) -> Iterator[Engine]:
    (local.project / "Pulumi.yaml").write_text("name: churn\nruntime: python\n", encoding="utf-8")
    (local.project / "stacks").mkdir()
    made = Engine(local.project / "stacks", "env")
    made.create(urn("Environment"), {"owner": "churn-local"})
    yield made
    made.channel.close()
    made.server.stop(0)


def everything(folder: Path) -> dict[str, tuple[float, int]]:
    return {str(path): (path.lstat().st_mtime, path.lstat().st_size) for path in folder.rglob("*")}


def test_folders_are_of_the_project_wherever_below_the_engine_runs(
    local: Machine, engine: Engine
) -> None:
    assert engine.create(urn("Folder"), {})["path"] == str(local.home.data / "web")
    assert project_root(local.project / "stacks") == local.project
    assert project_root(Path("/proc")) == Path("/proc")


def test_a_preview_touches_nothing_and_knows_what_can_be_known(local: Machine) -> None:
    (local.project / "Pulumi.yaml").write_text("name: churn\nruntime: python\n", encoding="utf-8")
    engine = Engine(local.project, "env")
    service = tiny(local, free_port())
    before = everything(local.project)
    seen = {
        kind: engine.create(urn(kind), inputs, preview=True)
        for kind, inputs in {
            "Environment": {"owner": "churn-local"},
            "Folder": {},
            "Port": {"wanted": 5000},
            "Password": {"kind": "password", "length": 32, "keep": True},
            "Service": {**service, "port": UNKNOWN},
        }.items()
    }
    assert seen["Folder"] == {"path": str(local.home.data / "web")}
    assert seen["Port"] == {"wanted": 5000, "number": UNKNOWN}
    assert seen["Password"]["value"] == UNKNOWN
    assert seen["Service"]["running"] is True
    assert everything(local.project) == before
    assert not local.home.root.exists()
    assert ours(local) == []


def test_a_folder_of_others_is_refused_in_the_preview(local: Machine) -> None:
    local.home.root.mkdir()
    (local.home.root / "thesis").touch()
    engine = Engine(local.project, "env")
    with pytest.raises(grpc.RpcError) as caught:
        engine.create(urn("Environment"), {"owner": "churn-local"}, preview=True)
    said = caught.value.details()
    assert said.startswith(f"the folder {local.home.root} is not empty, and not Plinth's. Name")
    assert "\n" not in said


class TestService:
    def test_nothing_changes_until_it_dies_and_a_refresh_does_not_hide_that(
        self, local: Machine, engine: Engine
    ) -> None:
        inputs = tiny(local, free_port())
        state = engine.create(urn("Service"), inputs)
        assert engine.diff(urn("Service"), state, inputs) == []
        assert engine.read(urn("Service"), state) == state
        first = answer(inputs["port"])
        psutil.Process(first).kill()
        until(lambda: engine.diff(urn("Service"), state, inputs) == ["running"])
        refreshed = engine.read(urn("Service"), state)
        assert refreshed == {**state, "running": False}
        assert engine.diff(urn("Service"), refreshed, inputs) == ["running"]
        before = everything(local.home.root)
        assert engine.update(urn("Service"), refreshed, inputs, preview=True) == state
        assert everything(local.home.root) == before
        repaired = engine.update(urn("Service"), refreshed, inputs)
        assert repaired == state
        assert engine.diff(urn("Service"), repaired, inputs) == []
        assert answer(inputs["port"]) != first

    def test_a_killed_supervisor_shows_and_comparing_ends_nothing(
        self, local: Machine, engine: Engine
    ) -> None:
        inputs = tiny(local, free_port())
        state = engine.create(urn("Service"), inputs)
        pid = answer(inputs["port"])
        daemon = supervisor_of(local)
        daemon.kill()
        daemon.wait()
        before = everything(local.home.root)
        assert engine.diff(urn("Service"), state, inputs) == ["running"]
        engine.update(urn("Service"), state, inputs, preview=True)
        assert running(pid)
        assert everything(local.home.root) == before

    def test_what_is_edited_added_or_left_out_shows_by_name(
        self, local: Machine, engine: Engine
    ) -> None:
        inputs = tiny(local, free_port(), LEVEL="info")
        state = engine.create(urn("Service"), inputs)
        edited = {**inputs, "environment": {"LEVEL": "debug"}}
        assert engine.diff(urn("Service"), state, inputs, edited) == ["environment"]
        more = {**inputs, "files": {"a": "b"}}
        assert engine.diff(urn("Service"), state, inputs, more) == ["files"]
        less = {key: value for key, value in inputs.items() if key != "environment"}
        assert engine.diff(urn("Service"), state, inputs, less) == ["environment"]
        unknown = {**inputs, "command": [UNKNOWN, "server"]}
        assert engine.diff(urn("Service"), state, inputs, unknown) == ["command"]

    def test_a_failure_is_one_sentence(self, local: Machine, engine: Engine) -> None:
        with pytest.raises(grpc.RpcError) as caught:
            engine.create(urn("Service"), tiny(local, free_port(), ENDS="3"))
        assert caught.value.details() == (
            "web ended with exit code 3 before it was ready: cannot read settings. Read its log, "
            f"{local.home.log('web')}, then run the same command again."
        )
        assert ours(local) == []

    def test_a_full_disk_is_one_sentence(
        self, local: Machine, engine: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: object, **__: object) -> int:
            raise OSError(28, os.strerror(28))

        inputs = tiny(local, free_port())
        monkeypatch.setattr(Path, "write_text", full)
        with pytest.raises(grpc.RpcError) as caught:
            engine.create(urn("Service"), inputs)
        assert "No space left on device" in caught.value.details()
        assert "\n" not in caught.value.details()
        monkeypatch.undo()
        assert ours(local) == []


class TestPort:
    def test_one_that_a_stranger_took_shows_and_is_replaced(
        self, local: Machine, engine: Engine
    ) -> None:
        inputs = {"wanted": free_port()}
        state = engine.create(urn("Port"), inputs)
        assert engine.diff(urn("Port"), state, inputs) == []
        with stranger(state["number"]):
            assert engine.diff(urn("Port"), state, inputs) == ["number"]
            assert engine.read(urn("Port"), state) is None  # so the next run takes one anew
            # What listens there is told of the new one: it cannot be known before.
            preview = engine.update(urn("Port"), state, inputs, preview=True)
            assert preview["number"] == UNKNOWN
            assert engine.update(urn("Port"), state, inputs)["number"] != state["number"]
        assert engine.diff(urn("Port"), state, inputs) == []

    def test_another_wanted_one_is_taken_and_shown(self, local: Machine, engine: Engine) -> None:
        inputs = {"wanted": free_port()}
        state = engine.create(urn("Port"), inputs)
        other = {"wanted": free_port()}
        assert engine.diff(urn("Port"), state, inputs, other) == ["wanted"]
        assert engine.update(urn("Port"), state, other, preview=True)["number"] == UNKNOWN
        assert engine.update(urn("Port"), state, other)["number"] == other["wanted"]


def test_a_password_stays_known_while_its_keeping_changes(local: Machine, engine: Engine) -> None:
    inputs = {"kind": "password", "length": 32, "keep": False}
    state = engine.create(urn("Password"), inputs)
    assert engine.diff(urn("Password"), state, inputs) == []
    kept = {**inputs, "keep": True}
    assert engine.diff(urn("Password"), state, inputs, kept) == ["keep"]
    preview = engine.update(urn("Password"), state, kept, preview=True)
    assert preview["value"] == state["value"]
    assert not local.home.passwords.exists()
    state = engine.update(urn("Password"), state, kept)
    (local.home.passwords / "web").unlink()
    assert engine.diff(urn("Password"), state, kept) == ["keep"]
    refreshed = engine.read(urn("Password"), state)
    assert refreshed is not None
    assert engine.diff(urn("Password"), refreshed, kept) == ["keep"]
    assert engine.update(urn("Password"), refreshed, kept) == state


def test_a_folder_that_is_gone_shows(local: Machine, engine: Engine) -> None:
    state = engine.create(urn("Folder"), {})
    assert engine.diff(urn("Folder"), state, {}) == []
    Path(state["path"]).rmdir()
    assert engine.diff(urn("Folder"), state, {}) == ["path"]
    assert engine.read(urn("Folder"), state) is None
    assert engine.update(urn("Folder"), state, {}) == state


def test_there_is_nothing_to_import(local: Machine, engine: Engine) -> None:
    assert engine.read(urn("Folder"), {}) is None
