from __future__ import annotations

import hashlib
import io
import tarfile
import threading
import time
from pathlib import Path

import pytest

from plinth import golang
from plinth.engine import download, install
from plinth.engine.locate import Source, cached_executable
from plinth.errors import EngineError

SCRIPT = b"#!/bin/sh\necho v3.259.0\n"


@pytest.fixture
def cache(tmp_path: Path) -> dict[str, str]:
    return {"PLINTH_CACHE": str(tmp_path / "cache")}


@pytest.fixture
def told() -> list[tuple[str, float | None]]:
    return []


def release(folder: Path, *, sums: str | None = None, script: bytes = SCRIPT) -> None:
    """Publishes a release for this machine in a folder."""
    name = download.archive_name("3.259.0", "linux", "x86_64")
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for entry, body in (
            ("pulumi/pulumi", script),
            ("pulumi/pulumi-language-python", SCRIPT),
            ("../../evil", b"x"),
            ("pulumi/README", b"x"),
        ):
            info = tarfile.TarInfo(entry)
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    folder.mkdir()
    (folder / name).write_bytes(content.getvalue())
    digest = sums or hashlib.sha256(content.getvalue()).hexdigest()
    (folder / "pulumi-3.259.0-checksums.txt").write_text(f"{digest}  {name}\n", encoding="utf-8")


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The release host, as a folder."""
    folder = tmp_path / "releases"
    monkeypatch.setattr(download, "_RELEASES", folder.as_uri())
    monkeypatch.setattr(download, "_SUMS", (folder.as_uri() + "/pulumi-{version}-checksums.txt",))
    monkeypatch.setattr(download.sys, "platform", "linux")
    monkeypatch.setattr(download.platform, "machine", lambda: "x86_64")
    return folder


def test_the_release_is_taken_where_it_can_be_reached(
    host: Path, cache: dict[str, str], told: list[tuple[str, float | None]]
) -> None:
    release(host)
    engine = install.install(lambda *step: told.append(step), environment=cache)
    assert (engine.version, engine.source) == ("3.259.0", Source.CACHE)
    assert engine.path == cached_executable(environment=cache)
    names = {path.name for path in engine.path.parent.iterdir()}
    assert names == {"pulumi", "pulumi-language-python"}
    assert engine.language_host({}) is not None
    assert ("Downloading the Pulumi CLI 3.259.0", 1.0) in told


def test_a_second_time_costs_nothing(host: Path, cache: dict[str, str]) -> None:
    release(host)
    install.install(lambda *_: None, environment=cache)
    steps: list[str] = []
    install.install(lambda text, _: steps.append(text), environment=cache)
    assert steps == []


def test_a_broken_one_is_replaced(host: Path, cache: dict[str, str]) -> None:
    release(host)
    broken = cached_executable(environment=cache)
    broken.parent.mkdir(parents=True)
    broken.write_text("not a program", encoding="utf-8")
    assert install.install(lambda *_: None, environment=cache).version == "3.259.0"


def test_a_download_that_was_changed_is_refused(
    host: Path, cache: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    release(host, sums="0" * 64)
    with pytest.raises(EngineError, match="does not match its published checksum"):
        install.install(lambda *_: None, environment=cache)
    base = cached_executable(environment=cache).parent.parent
    assert [path.name for path in base.iterdir()] == [".install.lock"]


def test_what_no_sum_proves_is_not_taken_but_built(
    host: Path, cache: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Go proves the modules that it builds from, by its checksum database."""
    release(host, script=b"#!/bin/sh\necho v6.6.6\n")
    sums = host / "pulumi-3.259.0-checksums.txt"
    fake_go(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    for text in ("", "0000  another-file.tar.gz\n", None):
        if text is None:
            sums.unlink()
        else:
            sums.write_text(text, encoding="utf-8")
        cached_executable(environment=cache).unlink(missing_ok=True)
        assert install.install(lambda *_: None, environment=cache).version == "3.259.0"


def test_a_download_that_does_not_run_is_not_kept(host: Path, cache: dict[str, str]) -> None:
    release(host, script=b"#!/bin/sh\nexit 1\n")
    with pytest.raises(EngineError, match="does not run"):
        install.install(lambda *_: None, environment=cache)
    assert not cached_executable(environment=cache).exists()


@pytest.mark.parametrize(
    ("system", "machine", "name"),
    [
        ("linux", "x86_64", "pulumi-v3.259.0-linux-x64.tar.gz"),
        ("linux", "aarch64", "pulumi-v3.259.0-linux-arm64.tar.gz"),
        ("darwin", "arm64", "pulumi-v3.259.0-darwin-arm64.tar.gz"),
        ("win32", "AMD64", "pulumi-v3.259.0-windows-x64.zip"),
    ],
)
def test_names_of_releases(system: str, machine: str, name: str) -> None:
    assert download.archive_name("3.259.0", system, machine) == name


def test_a_machine_without_a_release_builds() -> None:
    with pytest.raises(download.UnreachableError):
        download.archive_name("3.259.0", "linux", "riscv64")


FAKE_GO = """#!/bin/sh
case "$1" in
  env) echo {version};;
  list) echo "go: downloading x v1.0.0"; echo a/one; echo b.c/two-2; echo d/three;;
  build)
    while [ "$1" != "-o" ]; do shift; done
    echo "go: downloading y v1.0.0"; echo a/one; echo b.c/two-2; {middle}; echo d/three
    printf '#!/bin/sh\\necho v3.259.0\\n' > "$2"; chmod +x "$2";;
esac
"""


def fake_go(folder: Path, *, version: str = "go1.26.1", middle: str = ":") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "go"
    path.write_text(FAKE_GO.format(version=version, middle=middle), encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture
def offline(host: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine that reaches no release host; returns the folder of its programs."""
    assert not host.exists()
    programs = tmp_path / "bin"
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    return programs


def test_without_the_release_host_it_is_built(
    offline: Path, cache: dict[str, str], told: list[tuple[str, float | None]]
) -> None:
    fake_go(offline)
    engine = install.install(lambda *step: told.append(step), environment=cache)
    assert engine.version == "3.259.0"
    shares = [share for text, share in told if text.startswith("Building")]
    assert shares == [pytest.approx(each / 3) for each in (1, 2, 3)]
    log = engine.path.parent.parent / "build-3.259.0.log"
    assert "common/version.Version=v3.259.0" in log.read_text(encoding="utf-8")


def test_a_failed_build_names_its_log_and_leaves_nothing_half_done(
    offline: Path, cache: dict[str, str]
) -> None:
    fake_go(offline, middle="echo 'x.go:1: no such thing'; exit 2")
    with pytest.raises(EngineError) as caught:
        install.install(lambda *_: None, environment=cache)
    (problem,) = caught.value.problems
    assert problem.code == "engine-build-failed"
    log = Path(problem.message.rpartition(" ")[2])
    assert "no such thing" in log.read_text(encoding="utf-8")
    assert {path.name for path in log.parent.iterdir()} == {".install.lock", log.name}


@pytest.mark.parametrize(
    ("version", "usable"),
    [
        ("go1.25.10", False),
        ("go1.25.11", True),
        ("go1.26", True),
        ("go1.27rc1", True),
        ("devel", False),
    ],
)
def test_which_go_will_do(tmp_path: Path, version: str, usable: bool) -> None:
    go = fake_go(tmp_path / "go", version=version)
    assert golang.find_go(str(go.parent)) == (go if usable else None)


def test_two_at_once_do_the_work_once(host: Path, cache: dict[str, str]) -> None:
    release(host)
    base = cached_executable(environment=cache).parent.parent
    base.mkdir(parents=True)
    waiting: list[str] = []
    with install.alone(base / ".install.lock", lambda *_: None):
        second = threading.Thread(
            target=install.install,
            args=(lambda text, _: waiting.append(text),),
            kwargs={"environment": cache},
        )
        second.start()
        deadline = time.monotonic() + 60
        while not waiting:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert waiting[0].startswith("Waiting")
        assert not cached_executable(environment=cache).exists()
    second.join(60)
    assert cached_executable(environment=cache).exists()
