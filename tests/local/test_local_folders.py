"""Folders and passwords: what is taken up, what is refused, what is deleted."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import ClassVar

import pytest
from local_machine import kind, local, machine, mode, ours, running, tiny, up

from plinth.errors import EngineError
from plinth.graph import UNKNOWN
from plinth.local.home import Home
from plinth.local.kinds import Machine
from served import free_port

__all__ = ["local"]

OWNER = {"owner": "churn-local"}


def claim(local: Machine, owner: str = "churn-local") -> None:
    kind("Environment").make(local, "environment", {"owner": owner}, {})


def test_an_environment_takes_an_empty_folder_and_leaves_nothing(local: Machine) -> None:
    local.home.root.mkdir()
    claim(local)
    folder = kind("Folder").make(local, "runs", {}, {})
    assert mode(Path(folder["path"])) == 0o700
    kind("Folder").delete(local, "runs", folder)
    kind("Environment").delete(local, "environment", OWNER)
    assert not local.home.root.exists()


def test_a_folder_of_somebody_else_is_refused_and_left_alone(local: Machine) -> None:
    local.home.root.mkdir()
    theirs = local.home.root / "thesis.txt"
    theirs.write_text("mine", encoding="utf-8")
    environment = kind("Environment")
    for call in (environment.expect, environment.make):
        with pytest.raises(EngineError, match="is not empty, and not Plinth's"):
            call(local, "environment", OWNER, {})
    environment.delete(local, "environment", OWNER)
    assert [*local.home.root.iterdir()] == [theirs]


def test_a_folder_of_another_environment_is_refused(local: Machine) -> None:
    claim(local)
    with pytest.raises(EngineError, match="is of the environment churn-local"):
        claim(local, "churn-dev")
    # A platform that was renamed is the same one.
    made = kind("Environment").make(local, "environment", {"owner": "renamed-local"}, OWNER)
    assert made == {"path": str(local.home.root)}
    claim(local, "renamed-local")


def test_one_that_was_cut_off_while_it_took_the_folder_may_take_it_again(local: Machine) -> None:
    claim(local)
    local.home.owner.write_text("", encoding="utf-8")  # as a full disk leaves it
    claim(local)
    assert local.home.owner.read_text() == "churn-local\n"


def test_what_root_may_not_run_is_refused_before_anything_is_made(
    local: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment, inputs = kind("Environment"), {**OWNER, "rootless": "postgresql"}
    monkeypatch.setattr("os.geteuid", lambda: 0)
    for call in (environment.expect, environment.make):
        with pytest.raises(EngineError, match="postgresql refuses to run as root"):
            call(local, "environment", inputs, {})
    assert not local.home.root.exists()
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    environment.make(local, "environment", inputs, {})
    assert local.home.owner.is_file()


def test_two_checkouts_do_not_share_a_folder_outside_of_them(tmp_path: Path) -> None:
    home = Home(tmp_path / "mlops")
    first, second = (Machine(home, project=tmp_path / name) for name in ("one", "two"))
    claim(first)
    claim(first)
    with pytest.raises(EngineError, match=f"churn-local of {tmp_path / 'one'}"):
        claim(second)


def test_kept_data_survive_and_are_taken_up_again(local: Machine) -> None:
    claim(local)
    kept = Path(kind("Folder").make(local, "runs", {}, {})["path"]) / "mlflow.db"
    kept.write_text("runs", encoding="utf-8")
    inputs = {"kind": "password", "length": 32, "keep": True}
    password = kind("Password").make(local, "admin", inputs, {})["value"]
    # A durable environment's folders and passwords are retained: nobody deletes them.
    kind("Environment").delete(local, "environment", OWNER)
    assert kept.read_text() == "runs"
    assert mode(local.home.passwords / "admin") == 0o600
    claim(local)
    kind("Folder").make(local, "runs", {}, {})
    assert kept.read_text() == "runs"
    # Nothing else opens those data: not written again, it is not lost to a disk that is full.
    same = local.project / "same"
    same.hardlink_to(local.home.passwords / "admin")
    assert kind("Password").make(local, "admin", inputs, {})["value"] == password
    assert same.samefile(local.home.passwords / "admin")


def test_nothing_outside_of_the_environment_is_deleted(local: Machine, tmp_path: Path) -> None:
    claim(local)
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").touch()
    for path in (kept, local.home.data / ".." / ".." / "env", local.home.root, Path("/")):
        kind("Folder").delete(local, "runs", {"path": str(path)})
    linked = Path(kind("Folder").make(local, "runs", {}, {})["path"])
    linked.rmdir()
    linked.symlink_to(kept)  # such as on a larger disk
    assert kind("Folder").look(local, "runs", {"path": str(linked)})
    kind("Folder").delete(local, "runs", {"path": str(linked)})
    assert not linked.is_symlink()
    assert (kept / "file").exists()


def test_a_service_that_the_state_does_not_know_goes_with_the_environment(local: Machine) -> None:
    claim(local)
    pid = up(local, "web", tiny(local, free_port()))
    kind("Environment").delete(local, "environment", OWNER)
    assert not running(pid)
    assert ours(local) == []
    assert not local.home.root.exists()


def test_a_folder_that_its_user_deleted_is_not_made_again_by_destroying_it(local: Machine) -> None:
    claim(local)
    pid = up(local, "web", tiny(local, free_port()))
    shutil.rmtree(local.home.root)
    kind("Service").delete(local, "web", {})
    kind("Environment").delete(local, "environment", OWNER)
    assert not running(pid)
    assert ours(local) == []
    assert not local.home.root.exists()  # what is in it now would be somebody else's


class TestPasswords:
    inputs: ClassVar = {"kind": "password", "length": 32, "keep": False}

    def test_one_is_made_once_and_lives_in_the_state_alone(self, local: Machine) -> None:
        claim(local)
        password = kind("Password")
        assert password.expect(local, "admin", self.inputs, {}) == {"value": UNKNOWN}
        made = password.make(local, "admin", self.inputs, {})
        assert len(made["value"]) == 32
        state = {**self.inputs, **made}
        assert password.make(local, "admin", self.inputs, state) == made
        assert password.expect(local, "admin", self.inputs, state) == made
        assert password.make(local, "admin", self.inputs, {}) != made
        assert not local.home.passwords.exists()

    def test_one_that_becomes_durable_is_kept_and_one_that_ends_to_be_is_not(
        self, local: Machine
    ) -> None:
        claim(local)
        password, file = kind("Password"), local.home.passwords / "admin"
        state = {**self.inputs, **password.make(local, "admin", self.inputs, {})}
        kept = {**self.inputs, "keep": True}
        assert password.make(local, "admin", kept, state)["value"] == state["value"]
        assert file.read_text() == state["value"]
        state = {**state, **kept}
        assert password.look(local, "admin", state) == state
        file.unlink()
        assert password.look(local, "admin", state) == {**state, "keep": False}
        password.make(local, "admin", kept, state)
        assert file.read_text() == state["value"]
        password.make(local, "admin", self.inputs, state)
        assert not file.exists()

    def test_another_length_makes_another_one(self, local: Machine) -> None:
        claim(local)
        state = {**self.inputs, "value": "x" * 32}
        longer = {**self.inputs, "length": 40, "keep": True}
        made = kind("Password").make(local, "admin", longer, state)["value"]
        assert len(made) == 40
        assert (local.home.passwords / "admin").read_text() == made


def test_two_environments_of_one_project_are_apart(local: Machine) -> None:
    with machine(local.project, "other") as other:
        claim(local)
        claim(other, "churn-other")
        first, second = free_port(), free_port()
        mine, theirs = up(local, "web", tiny(local, first)), up(other, "web", tiny(other, second))
        kind("Service").delete(local, "web", {})
        assert not running(mine)
        assert running(theirs)
        kind("Environment").delete(other, "environment", {"owner": "churn-other"})
        assert not running(theirs)
