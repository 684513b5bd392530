"""Python environments: made once, whole or not at all, and why one cannot be made."""

from __future__ import annotations

import hashlib
import io
import os
import re
import subprocess
import sys
import tarfile
import threading
import time
from pathlib import Path

import psutil
import pytest
from local_machine import in_background, kind, local, running

from plinth.errors import EngineError
from plinth.graph import UNKNOWN
from plinth.local import home, packages, processes
from plinth.local.kinds import Machine
from served import until

__all__ = ["local"]

#: Stands in for uv: notes what it is asked for, makes the environment's folder, and takes its time.
_UV = """\
import os, pathlib, sys, time
log = pathlib.Path(os.environ["UV_LOG"])
with log.open("a") as stream:
    stream.write(" ".join(sys.argv[2:]) + "\\n")
if "venv" in sys.argv:
    pathlib.Path(sys.argv[-1], "bin").mkdir(parents=True, exist_ok=True)
else:
    time.sleep(float(os.environ.get("UV_SECONDS", "0")))
    print(os.environ.get("UV_SAYS", ""))
    sys.exit("UV_SAYS" in os.environ)
"""


@pytest.fixture
def lock(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lock of the environment ``tiny``, to be changed."""
    text = [
        "six==1.17.0 --hash=sha256:4721f391ed90541fddacab5acf947aa0d3dc7d27b2e1e8eda2be8970586c3274"
    ]
    monkeypatch.setattr(packages, "lock", lambda _name: text[0])
    return text


@pytest.fixture
def uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lock: list[str]) -> Path:
    """A stand-in for uv; the file of what it was asked for."""
    modules = tmp_path / "modules" / "uv"
    modules.mkdir(parents=True)
    (modules / "__init__.py").touch()
    (modules / "__main__.py").write_text(_UV, encoding="utf-8")
    path = os.pathsep.join((str(modules.parent), os.environ.get("PYTHONPATH", "")))
    monkeypatch.setenv("PYTHONPATH", path)
    monkeypatch.setenv("PLINTH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_LOG", str(tmp_path / "uv.log"))
    return tmp_path / "uv.log"


def install(cancelled: threading.Event | None = None) -> Path:
    return packages.install("tiny", packages.digest("tiny"), cancelled or threading.Event())


def calls(uv: Path) -> list[str]:
    lines = uv.read_text().splitlines() if uv.exists() else []
    return [re.findall(r"\b(venv|install)\b", line)[0] for line in lines]


def test_another_lock_is_another_environment(uv: Path, lock: list[str], local: Machine) -> None:
    inputs = {"lock": "tiny", "digest": packages.digest("tiny")}
    made = kind("Packages").make(local, "tiny", inputs, {})
    assert made == kind("Packages").expect(local, "tiny", inputs, {})
    assert Path(made["folder"]).name == f"tiny-{inputs['digest']}"
    lock[0] += "\nmore==1"
    changed = {"lock": "tiny", "digest": packages.digest("tiny")}
    assert changed != inputs
    other = kind("Packages").make(local, "tiny", changed, {**inputs, **made})
    assert other["folder"] != made["folder"]
    assert packages.installed("tiny", inputs["digest"])  # others may use it
    assert kind("Packages").look(local, "tiny", {**changed, **other}) == {**changed, **other}


def test_one_that_is_there_is_not_made_again(uv: Path) -> None:
    assert install() == install()
    assert calls(uv) == ["venv", "install"]


def test_two_at_once_make_it_once(uv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_SECONDS", "1")
    begun = [in_background(install) for _ in range(3)]
    for thread, raised in begun:
        thread.join(60)
        assert raised == []
    assert calls(uv) == ["venv", "install"]


def test_a_cancelled_one_ends_at_once_and_is_made_anew(
    uv: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_SECONDS", "600")
    cancelled = threading.Event()
    thread, raised = in_background(lambda: install(cancelled))
    until(lambda: "install" in calls(uv))
    # Another one that waits for it can be cancelled as well.
    waiting, also = in_background(lambda: install(cancelled))
    time.sleep(0.5)
    cancelled.set()
    for each in (thread, waiting):
        each.join(60)
    said = {str(error) for error in raised + also}
    assert said == {"installing tiny was interrupted"}
    assert not packages.installed("tiny", packages.digest("tiny"))
    assert not [
        *processes.carrying({home.INSTALL: str(packages.folder("tiny", packages.digest("tiny")))})
    ]
    monkeypatch.setenv("UV_SECONDS", "0")
    install()
    assert calls(uv) == ["venv", "install"] * 2


def test_what_a_killed_provider_left_at_work_is_ended_first(
    uv: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_SECONDS", "600")
    program = (
        "import sys, threading; from plinth.local import packages;"
        "packages.lock = lambda _: sys.argv[1];"
        "packages.install('tiny', packages.digest('tiny'), threading.Event())"
    )
    command = [sys.executable, "-c", program, packages.lock("tiny")]
    provider = subprocess.Popen(command)
    until(lambda: "install" in calls(uv))
    (left,) = psutil.Process(provider.pid).children()
    provider.kill()
    provider.wait()
    assert running(left.pid)
    monkeypatch.setenv("UV_SECONDS", "0")
    install()
    assert not running(left.pid)
    assert packages.installed("tiny", packages.digest("tiny"))


def test_one_that_is_gone_shows(uv: Path, local: Machine) -> None:
    outputs = {"lock": "tiny", "digest": packages.digest("tiny")}
    assert kind("Packages").look(local, "tiny", outputs) is None


def test_a_provider_of_another_plinth_is_refused(uv: Path) -> None:
    with pytest.raises(EngineError, match="is of another Python or Plinth than this project"):
        packages.install("tiny", "0" * 12, threading.Event())
    assert calls(uv) == []


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        ("error: failed to write: No space left on device (os error 28)", "the disk is full"),
        ("error: failed to write: Disk quota exceeded (os error 122)", "the disk quota is used up"),
        (
            "error: Failed to fetch: https://pypi.org/simple/six/\n"
            "  cause: error sending request for url (https://pypi.org/simple/six/)",
            "the package index cannot be reached",
        ),
        (
            "error: Failed to build `six`\n  [stderr]\n  error: [Errno 2] No such file: 'cc'",
            "a package has to be compiled here, and cannot be",
        ),
        ("something new\n  to us", "something new to us"),
        ("", "uv gave no reason"),
    ],
)
def test_what_uv_says_becomes_one_sentence(
    uv: Path, monkeypatch: pytest.MonkeyPatch, says: str, reason: str
) -> None:
    monkeypatch.setenv("UV_SAYS", says)
    with pytest.raises(EngineError) as caught:
        install()
    (problem,) = caught.value.problems
    assert problem.message == f"tiny cannot be installed: {reason}"
    monkeypatch.delenv("UV_SAYS")
    install()
    assert calls(uv) == ["venv", "install"] * 2


def _unbuildable() -> bytes:
    """A source distribution that asks for a compiler, which is not there."""
    files = {
        "pyproject.toml": "[build-system]\nrequires = []\n"
        "build-backend = 'b'\nbackend-path = ['.']\n",
        "b.py": "def build_wheel(*_, **__):\n    raise FileNotFoundError(2, 'No file', 'cc')\n",
        "PKG-INFO": "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n",
    }
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, text in files.items():
            info = tarfile.TarInfo(f"tiny-1.0/{name}")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    return packed.getvalue()


class TestRealUv:
    """The words of the uv that is installed, which its authors may change."""

    @pytest.fixture(autouse=True)
    def _apart(self, tmp_path: Path, lock: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PLINTH_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
        monkeypatch.setenv("UV_HTTP_RETRIES", "0")

    def said(self) -> str:
        with pytest.raises(EngineError) as caught:
            install()
        (problem,) = caught.value.problems
        assert problem.fix
        return problem.message.removeprefix("tiny cannot be installed: ")

    def test_without_a_network(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:1/simple")
        assert self.said() == "the package index cannot be reached"

    def test_told_to_stay_offline(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("UV_OFFLINE", "1")
        assert self.said() == "uv is told to stay offline"

    def index(
        self, tmp_path: Path, name: str, content: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An index of files that holds one package."""
        folder = tmp_path / "index" / "tiny"
        folder.mkdir(parents=True)
        (folder / name).write_bytes(content)
        (folder / "index.html").write_text(f'<a href="{name}">{name}</a>', encoding="utf-8")
        monkeypatch.setenv("UV_DEFAULT_INDEX", (tmp_path / "index").as_uri())

    def test_an_unknown_package_and_a_changed_one(
        self, tmp_path: Path, lock: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.index(tmp_path, "tiny-1.0.tar.gz", _unbuildable(), monkeypatch)
        assert self.said() == "the package index lacks a package"
        lock[0] = f"tiny==1.0 --hash=sha256:{'0' * 64}"
        assert self.said() == "a package is not the one that was locked"

    def test_a_disk_without_room(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        # A limit on the size of files: what is written says so much as a full disk does.
        real = packages._run

        def limited(
            target: Path, name: str, command: list[str], cancelled: threading.Event
        ) -> None:
            shell = ["sh", "-c", "ulimit -f 2; trap '' XFSZ; exec \"$@\"", "sh", *command]
            real(target, name, shell, cancelled)

        monkeypatch.setattr(packages, "_run", limited)
        assert self.said() == "a file is larger than this system lets it be"

    def test_a_package_that_cannot_be_compiled(
        self, tmp_path: Path, lock: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        content = _unbuildable()
        self.index(tmp_path, "tiny-1.0.tar.gz", content, monkeypatch)
        lock[0] = f"tiny==1.0 --hash=sha256:{hashlib.sha256(content).hexdigest()}"
        assert self.said() == "a package has to be compiled here, and cannot be"


def test_a_preview_makes_nothing(uv: Path, local: Machine, tmp_path: Path) -> None:
    inputs = {"lock": "tiny", "digest": packages.digest("tiny")}
    assert kind("Packages").expect(local, "tiny", inputs, {})["folder"] != UNKNOWN
    assert not (tmp_path / "cache").exists()
    assert calls(uv) == []
