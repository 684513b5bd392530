"""The first preview of an environment that was never up: whole, and without a trace."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pulumi
import pytest
import yaml
from toycloud import Box, ToyCloud

from plinth.engine.locate import Engine
from plinth.engine.settings import Settings, environment_variables
from plinth.engine.workspace import Stack
from plinth.errors import EngineError

pytestmark = pytest.mark.engine

#: The box, its provider and the stack.
MADE = {"create": 3}


def program() -> None:
    told = pulumi.Config("plinth").get_secret("token") or "nothing"
    Box("one", size=1, kind="a", label=told)
    pulumi.export("token", told)


@pytest.fixture
def stack(settings: Settings, engine: Engine, cloud: ToyCloud) -> Stack:
    return Stack(settings, program, engine=engine, environment=cloud.environment)


def is_kept(settings: Settings) -> bool:
    """Whether the backend has the stack; one that was removed leaves a copy beside."""
    state = settings.root / ".plinth" / "state"
    return any((state / ".pulumi" / "stacks").rglob("dev.json"))


def test_it_is_the_plan_of_the_first_update_and_leaves_no_stack(
    stack: Stack, settings: Settings
) -> None:
    planned = stack.preview()
    assert planned.summary == MADE
    assert not is_kept(settings)
    assert not settings.config_file.exists()
    assert stack.preview().digest == planned.digest
    assert stack.export()["deployment"]["resources"] == []
    stack.up()
    assert is_kept(settings)
    assert stack.preview(allow_changes=False).changed == ()


def test_who_may_only_read_can_look(
    stack: Stack, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The backend is there, with another stack; nothing in it may be written or made."""
    backend = tmp_path / "backend"
    backend.mkdir()
    monkeypatch.setenv("PULUMI_BACKEND_URL", backend.as_uri())
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "theirs")
    stack.up()
    stack.destroy(remove=True)
    before = contents(backend)
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE")
    assert stack.preview().summary == MADE
    assert contents(backend) == before


def contents(folder: Path) -> dict[str, bytes]:
    return {str(each): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


@pytest.fixture
def encrypted(
    settings: Settings, engine: Engine, cloud: ToyCloud, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    """A configuration with a secret, of a stack that is not there any more."""
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "theirs")
    Stack(settings, engine=engine, environment=cloud.environment).up()
    words = ["config", "set", "--secret", "plinth:token", "hunter2", "--stack", "dev"]
    variables = {**os.environ, **environment_variables(settings, engine)}
    subprocess.run(
        [str(engine.path), *words], cwd=settings.root, env=variables, check=True, timeout=60
    )
    Stack(settings, engine=engine).destroy(remove=True)
    config = yaml.safe_load(settings.config_file.read_text(encoding="utf-8"))
    assert config["config"]["plinth:token"]["secure"]
    assert config["encryptionsalt"]
    return settings


def test_an_encrypted_configuration_is_opened_and_stays_as_it_is(
    encrypted: Settings, stack: Stack, cloud: ToyCloud
) -> None:
    before = encrypted.config_file.read_bytes()
    planned = stack.preview()
    assert planned.summary == MADE
    assert not is_kept(encrypted)
    assert encrypted.config_file.read_bytes() == before
    stack.up()
    assert encrypted.config_file.read_bytes() == before
    assert stack.outputs(show_secrets=True)["token"] == "hunter2"
    (box,) = cloud.boxes.values()
    assert box["label"] == "hunter2"


def test_an_encrypted_configuration_needs_what_opens_it(
    encrypted: Settings, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = encrypted.config_file.read_bytes()
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "another")
    with pytest.raises(EngineError) as caught:
        stack.preview()
    assert [problem.code for problem in caught.value.problems] == ["passphrase-wrong"]
    assert encrypted.config_file.read_bytes() == before


def test_a_key_that_opens_nothing_is_not_asked_for(stack: Stack, settings: Settings) -> None:
    """A key is named and nothing is encrypted with it yet: no rights on it are needed."""
    text = "secretsprovider: awskms://alias/none?region=eu-west-1\nconfig: {plinth:size: '3'}\n"
    settings.config_file.write_text(text, encoding="utf-8")
    assert stack.preview().summary == MADE
    assert settings.config_file.read_text(encoding="utf-8") == text
