from __future__ import annotations

from pathlib import Path

import pytest

from plinth.engine import locate as module
from plinth.engine.locate import Source, cache_directory, cached_executable, locate, status
from plinth.errors import EngineError


def cli(path: Path, version: str) -> Path:
    """A program that calls itself the Pulumi CLI of a version."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho {version}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, str]:
    """The environment of a machine with nothing on it."""
    return {"PATH": str(tmp_path / "bin"), "PLINTH_CACHE": str(tmp_path / "cache")}


def test_nothing_anywhere(machine: dict[str, str]) -> None:
    with pytest.raises(EngineError) as caught:
        locate(machine)
    (problem,) = caught.value.problems
    assert problem.code == "engine-missing"
    assert "plinth engine install" in (problem.fix or "")
    found = status(machine)
    assert found.engine is None
    assert found.to_json()["problem"]["code"] == "engine-missing"


def test_the_order(machine: dict[str, str], tmp_path: Path) -> None:
    cli(cached_executable(environment=machine), "v3.259.0")
    assert locate(machine).source is Source.CACHE
    on_path = cli(tmp_path / "bin" / "pulumi", "v3.240.1")
    found = locate(machine)
    assert (found.source, found.path, found.version) == (Source.PATH, on_path, "3.240.1")
    chosen = cli(tmp_path / "mine", "v3.250.0-alpha.1")
    found = locate({**machine, "PLINTH_PULUMI": str(chosen)})
    assert (found.source, found.version) == (Source.ENVIRONMENT, "3.250.0-alpha.1")


def test_one_that_is_too_old_is_passed_over_for_the_cache(
    machine: dict[str, str], tmp_path: Path
) -> None:
    cli(tmp_path / "bin" / "pulumi", "v3.100.0")
    with pytest.raises(EngineError, match=r"is version 3\.100\.0; 3\.210\.0 or newer is needed"):
        locate(machine)
    cli(cached_executable(environment=machine), "v3.259.0")
    assert locate(machine).source is Source.CACHE


def test_what_plinth_has_installed_is_not_run_for_its_version(machine: dict[str, str]) -> None:
    """Whoever asks how things are is told, all the same, whether it still runs."""
    executable = cli(cached_executable(environment=machine), "v3.259.0; exit 3")
    assert locate(machine).version == module.VERSION
    assert locate(machine).path == executable
    problem = status(machine).problem
    assert problem is not None
    assert problem.code == "engine-broken"
    cli(executable, f"v{module.VERSION}")
    assert status(machine).engine == locate(machine)


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("exit 3", "engine-broken"),
        ("echo", "engine-version-unknown"),
        ("echo v2.0.0", "engine-too-old"),
    ],
)
def test_what_the_user_names_is_used_or_refused(
    machine: dict[str, str], tmp_path: Path, script: str, code: str
) -> None:
    cli(tmp_path / "bin" / "pulumi", "v3.259.0")
    chosen = tmp_path / "chosen"
    chosen.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    chosen.chmod(0o755)
    with pytest.raises(EngineError) as caught:
        locate({**machine, "PLINTH_PULUMI": str(chosen)})
    assert caught.value.problems[0].code == code


def test_a_path_to_nothing_is_refused(machine: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="There is no Pulumi CLI at"):
        locate({**machine, "PLINTH_PULUMI": str(tmp_path / "nothing")})


def test_the_cache_follows_the_platform_s_habits(monkeypatch: pytest.MonkeyPatch) -> None:
    home = Path.home()
    assert cache_directory({"PLINTH_CACHE": "~/x"}) == home / "x"
    monkeypatch.setattr(module.sys, "platform", "linux")
    assert cache_directory({}) == home / ".cache" / "plinth"
    assert cache_directory({"XDG_CACHE_HOME": "/c"}) == Path("/c/plinth")
    monkeypatch.setattr(module.sys, "platform", "darwin")
    assert cache_directory({}) == home / "Library" / "Caches" / "plinth"


def test_the_official_host_is_seen(machine: dict[str, str], tmp_path: Path) -> None:
    cli(tmp_path / "bin" / "pulumi", "v3.259.0")
    engine = locate(machine)
    assert engine.language_host(machine) is None
    host = cli(tmp_path / "bin" / "pulumi-language-python", "v3.259.0")
    assert engine.language_host({"PATH": ""}) == host
    elsewhere = cli(tmp_path / "other" / "pulumi-language-python", "v3.259.0")
    host.unlink()
    assert engine.language_host({"PATH": str(tmp_path / "other")}) == elsewhere
