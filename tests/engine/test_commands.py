"""How often the CLI is run: each time costs a start, and requests of a remote backend."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.automation import CommandResult
from pulumi.automation.errors import StackNotFoundError
from toycloud import Box, ToyCloud

from plinth.engine import command, workspace
from plinth.engine.changes import Collector
from plinth.engine.locate import Engine, Source
from plinth.engine.settings import Settings
from plinth.engine.workspace import Stack
from plinth.errors import EngineError

pytestmark = pytest.mark.engine


def program() -> None:
    Box("one", size=1, kind="a")
    pulumi.export("size", 1)
    pulumi.export("password", pulumi.Output.secret("hunter2"))
    pulumi.export("login", {"user": "ann", "password": pulumi.Output.secret("hunter2")})


@pytest.fixture
def stack(settings: Settings, engine: Engine, cloud: ToyCloud) -> Stack:
    return Stack(settings, program, engine=engine, environment=cloud.environment)


class Commands(list[str]):
    """The CLI's commands since they were last asked for; options that secrets hang on included."""

    def new(self) -> list[str]:
        said = list(self)
        self.clear()
        return said


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch, engine: Engine) -> Commands:
    said = Commands()
    popen = subprocess.Popen

    def recording(arguments: list[str], **options: Any) -> Any:
        if arguments[0] == str(engine.path):
            words = [word for word in arguments[2:4] if not word.startswith("-")]
            shown = ["--show-secrets"] if "--show-secrets" in arguments else []
            said.append(" ".join(words + shown))
        return popen(arguments, **options)

    monkeypatch.setattr(command.subprocess, "Popen", recording)
    return said


def test_nothing_is_asked_twice(stack: Stack, commands: Commands) -> None:
    assert stack.outputs() == {}
    assert commands.new() == ["stack output"]
    assert stack.preview().summary == {"create": 3}
    assert commands.new() == ["preview", "stack init", "preview"]
    made = stack.up()
    assert commands.new() == ["stack export", "stack init", "stack export", "up", "stack output"]
    assert stack.up().summary == {"same": 3}
    assert commands.new() == ["stack export", "up", "stack output"]
    assert stack.preview(allow_changes=False).summary == {"same": 3}
    assert commands.new() == ["preview"]

    masked = {"user": "ann", "password": "[secret]"}
    assert made.outputs == {"size": 1, "password": "[secret]", "login": masked}
    assert stack.outputs() == made.outputs
    assert commands.new() == ["stack output"]
    shown = {"user": "ann", "password": "hunter2"}
    assert stack.outputs(show_secrets=True) == {"size": 1, "password": "hunter2", "login": shown}
    assert commands.new() == ["stack output --show-secrets"]
    state = stack.export()
    assert len(state["deployment"]["resources"]) == 3
    assert commands.new() == ["stack export"]

    assert stack.refresh().summary == {"refresh": 3}
    assert commands.new() == ["stack export", "refresh"]
    stack.destroy(remove=True)
    assert commands.new() == ["stack export", "destroy", "stack rm"]
    stack.take(state)
    assert commands.new() == ["stack export", "stack init", "stack export", "stack import"]
    stack.take(state)
    assert commands.new() == ["stack export", "stack import"]


def test_another_stack_that_is_not_there_is_no_reason_to_plan_from_nothing(
    stack: Stack, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine has begun, so the stack is there; what a provider or a program says is its own."""
    stack.up()
    commands.clear()
    preview = workspace.NamedStack.preview

    def failing(self: Any, *, on_event: Collector, **options: Any) -> None:
        preview(self, on_event=on_event, **options)
        said = "error: no stack named 'network' found"
        raise StackNotFoundError(CommandResult(stdout="", stderr=said, code=255))

    monkeypatch.setattr(workspace.NamedStack, "preview", failing)
    with pytest.raises(EngineError, match="no stack named 'network' found"):
        stack.preview()
    assert commands.new() == ["preview"]


def test_a_stack_that_another_run_makes_at_the_same_time_is_taken(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = workspace.Workspace.create_stack

    def late(self: Any, name: str) -> None:
        create(self, name)
        create(self, name)

    monkeypatch.setattr(workspace.Workspace, "create_stack", late)
    assert stack.up().summary == {"create": 3}


def test_an_engine_that_does_not_run_is_one_sentence(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "pulumi"
    path.write_bytes(b"\x7fELF of another machine")
    path.chmod(0o755)
    engine = Engine(path=path, version="3.259.0", source=Source.CACHE)
    with pytest.raises(EngineError) as caught:
        Stack(settings, engine=engine).outputs()
    (problem,) = caught.value.problems
    assert (problem.code, "does not run" in problem.message) == ("engine-broken", True)
    assert "plinth engine install" in (problem.fix or "")
