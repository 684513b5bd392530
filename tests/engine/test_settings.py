from __future__ import annotations

import json
import os
import stat
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from plinth.engine.locate import Engine, Source
from plinth.engine.settings import (
    REHEARSED_SECRET,
    Settings,
    backend_directory,
    backend_url,
    embedded_url,
    environment_variables,
    run_variables,
)
from plinth.errors import UsageError


@pytest.fixture
def nowhere(tmp_path: Path) -> dict[str, str]:
    """The environment of a user who has never logged in anywhere."""
    return {"PULUMI_HOME": str(tmp_path / "home")}


@pytest.fixture
def cli(tmp_path: Path) -> Engine:
    return Engine(path=tmp_path / "cli" / "pulumi", version="3.259.0", source=Source.PATH)


def log_in(home: Path, content: object) -> None:
    home.mkdir(exist_ok=True)
    (home / "credentials.json").write_text(json.dumps(content), encoding="utf-8")


@pytest.mark.parametrize(
    "text", [b"foo\n", b"- a\n", b"config: [1, 2\n", b"config: {a: \xff}\n"], ids=repr
)
def test_a_broken_configuration_is_told_in_one_sentence(
    settings: Settings, cli: Engine, text: bytes
) -> None:
    settings.config_file.write_bytes(text)
    with pytest.raises(UsageError) as refused:
        run_variables(replace(settings, rehearse=True), cli)
    (problem,) = refused.value.problems
    assert (problem.code, "\n" in problem.message) == ("config-broken", False)
    assert problem.location is not None
    assert problem.fix


class TestBackend:
    def test_local_files_where_nothing_is_chosen(
        self, settings: Settings, nowhere: dict[str, str]
    ) -> None:
        url = backend_url(settings, nowhere)
        assert backend_directory(url, settings.root) == settings.root / ".plinth" / "state"

    def test_the_user_s_own_comes_first(
        self, settings: Settings, nowhere: dict[str, str], tmp_path: Path
    ) -> None:
        log_in(tmp_path / "home", {"current": "s3://logged-in", "accounts": {}})
        assert backend_url(settings, nowhere) == "s3://logged-in"
        manifest = settings.root / "Pulumi.yaml"
        project = yaml.safe_load(manifest.read_text(encoding="utf-8"))
        project["backend"] = {"url": "gs://project"}
        manifest.write_text(yaml.safe_dump(project), encoding="utf-8")
        assert backend_url(settings, nowhere) == "gs://project"
        chosen = {**nowhere, "PULUMI_BACKEND_URL": "azblob://chosen"}
        assert backend_url(settings, chosen) == "azblob://chosen"

    def test_a_login_that_cannot_be_read_is_none(
        self, settings: Settings, nowhere: dict[str, str], tmp_path: Path
    ) -> None:
        log_in(tmp_path / "home", ["s3://logged-in"])
        assert backend_url(settings, nowhere) == embedded_url(settings)

    def test_an_access_token_means_the_service(
        self, settings: Settings, nowhere: dict[str, str]
    ) -> None:
        assert backend_url(settings, {**nowhere, "PULUMI_ACCESS_TOKEN": "pul-0"}) == ""

    @pytest.mark.parametrize("content", [{"current": "", "accounts": {}}, {}, {"accounts": {}}])
    def test_somebody_who_logged_out_is_not_logged_in(
        self, settings: Settings, nowhere: dict[str, str], tmp_path: Path, content: object
    ) -> None:
        log_in(tmp_path / "home", content)
        assert backend_url(settings, nowhere).endswith("/.plinth/state?metadata=skip")

    def test_an_encrypted_login_is_left_to_the_cli(
        self, settings: Settings, nowhere: dict[str, str], tmp_path: Path
    ) -> None:
        log_in(tmp_path / "home", {"ciphertext": "…"})
        assert backend_url(settings, nowhere) == ""

    def test_a_rehearsal_never_uses_it(self, root: Path, nowhere: dict[str, str]) -> None:
        rehearsed = Settings(root=root, environment="dev", rehearse=True)
        url = backend_url(rehearsed, {**nowhere, "PULUMI_BACKEND_URL": "s3://real"})
        assert backend_directory(url, root) == root / ".plinth" / "rehearsal" / "dev" / "state"

    @pytest.mark.parametrize(
        ("url", "directory"),
        [
            ("file:///srv/state", "/srv/state"),
            ("file:///srv/my%20state?no_tmp_dir=true", "/srv/my state"),
            ("file://./here", "/project/here"),
            ("file://~/there", str(Path.home() / "there")),
            ("s3://bucket", None),
            ("", None),
        ],
    )
    def test_local_folders(self, url: str, directory: str | None) -> None:
        expected = Path(directory) if directory else None
        assert backend_directory(url, Path("/project")) == expected


class TestVariables:
    def test_a_passphrase_is_made_once_and_kept_from_others(
        self, settings: Settings, cli: Engine
    ) -> None:
        file = Path(run_variables(settings, cli)["PULUMI_CONFIG_PASSPHRASE_FILE"])
        first = file.read_text(encoding="utf-8")
        assert len(first) >= 32
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        run_variables(settings, cli)
        assert file.read_text(encoding="utf-8") == first

    @pytest.mark.parametrize("name", ["PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"])
    def test_the_user_s_own_passphrase_is_left_alone(
        self, settings: Settings, cli: Engine, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        monkeypatch.setenv(name, "")
        variables = run_variables(settings, cli)
        assert not [key for key in variables if "PASSPHRASE" in key]
        assert not (settings.root / ".plinth" / "passphrase").exists()

    def test_no_passphrase_is_made_for_a_backend_of_the_user(
        self, settings: Settings, cli: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://mine")
        variables = run_variables(settings, cli)
        assert variables["PULUMI_BACKEND_URL"] == "s3://mine"
        assert not [key for key in variables if "PASSPHRASE" in key]

    def test_the_cli_is_found_first(self, settings: Settings, cli: Engine) -> None:
        path = environment_variables(settings, cli)["PATH"].split(os.pathsep)
        assert path[0] == str(cli.path.parent)
        assert path[-2] in os.environ["PATH"].split(os.pathsep)
        assert path[-1] == str(Path(sys.executable).parent)

    def test_no_project(self, tmp_path: Path, cli: Engine) -> None:
        with pytest.raises(UsageError, match=r"no Pulumi\.yaml"):
            run_variables(Settings(root=tmp_path, environment="dev"), cli)

    @pytest.mark.parametrize(
        "text",
        [
            *(b"a:\n  [", b"- list", b"description: no name", b"\xff"),
            b"name: churn\nbackend: s3://state",
        ],
    )
    def test_a_broken_project(self, root: Path, cli: Engine, text: bytes) -> None:
        (root / "Pulumi.yaml").write_bytes(text)
        with pytest.raises(UsageError) as caught:
            run_variables(Settings(root=root, environment="dev"), cli)
        (problem,) = caught.value.problems
        assert (problem.code, "\n" in problem.message) == ("project-broken", False)
        assert problem.fix
        assert problem.location is not None
        assert problem.location.line == (2 if b"[" in text else 1)


class TestRehearsalProject:
    @pytest.fixture
    def rehearsed(self, root: Path, cli: Engine) -> Settings:
        config = {
            "secretsprovider": "awskms://key",
            "encryptedkey": "abc",
            "environment": ["team/base"],
            "config": {
                "plinth:token": {"secure": "v1:x"},
                "plinth:nested": {"list": [{"secure": "v1:y"}, 1], "plain": "kept"},
            },
        }
        (root / "stacks" / "Pulumi.dev.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
        settings = Settings(
            root=root, environment="dev", rehearse=True, spec=root / "stacks" / "other.yaml"
        )
        run_variables(settings, cli)
        return settings

    def read(self, settings: Settings, name: str) -> dict[str, object]:
        text = (settings.project_directory / name).read_text(encoding="utf-8")
        return dict(yaml.safe_load(text))

    def test_same_name_same_program(self, rehearsed: Settings) -> None:
        project = self.read(rehearsed, "Pulumi.yaml")
        assert project["name"] == "plinth"
        assert project["main"] == str(rehearsed.root / "stacks")
        assert "backend" not in project
        config = project["config"]
        assert isinstance(config, dict)
        assert config["spec"]["default"] == str(rehearsed.root / "stacks" / "other.yaml")

    def test_nothing_that_only_the_real_backend_can_read(self, rehearsed: Settings) -> None:
        assert self.read(rehearsed, "Pulumi.dev.yaml") == {
            "config": {
                "plinth:token": REHEARSED_SECRET,
                "plinth:nested": {"list": [REHEARSED_SECRET, 1], "plain": "kept"},
            }
        }

    def test_its_own_salt_survives(self, rehearsed: Settings, cli: Engine) -> None:
        mirrored = rehearsed.project_directory / "Pulumi.dev.yaml"
        mirrored.write_text("encryptionsalt: own\n", encoding="utf-8")
        run_variables(rehearsed, cli)
        assert self.read(rehearsed, "Pulumi.dev.yaml")["encryptionsalt"] == "own"

    def test_plain_pulumi_gets_the_simulated_clouds(self, rehearsed: Settings, cli: Engine) -> None:
        variables = environment_variables(rehearsed, cli)
        plugins = Path(variables["PATH"].split(os.pathsep)[0])
        assert (plugins / "pulumi-resource-aws").is_file()
        assert variables["PULUMI_HOME"].startswith(str(rehearsed.rehearsal))
