"""Tiny services on this machine, each test's in a folder of its own, none left behind."""

from __future__ import annotations

import contextlib
import shutil
import socket
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from plinth.local import processes
from plinth.local.home import Home
from plinth.local.kinds import KINDS, Kind, Machine
from plinth.local.supervisor import marks

#: Answers its process number; what else it does is said by variables.
_TINY = """\
import http.server, os, subprocess, sys, time
print("begins", flush=True)
if os.environ.get("ENDS"):
    print("cannot read settings", flush=True)
    sys.exit(int(os.environ["ENDS"]))
if child := os.environ.get("CHILD"):
    # In a session of its own, with a parent that ends: out of reach for process groups.
    subprocess.run([sys.executable, "-c", child], start_new_session=True)
if os.environ.get("MUTE"):
    time.sleep(600)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(str(os.getpid()).encode())
    def log_message(self, *said):
        pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
#: A child that leaves: a grandchild goes on, with init as its parent.
STRAY = (
    "import subprocess, sys;"
    "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'],"
    " start_new_session=True)"
)


@contextlib.contextmanager
def machine(project: Path | None = None, folder: str = "env") -> Iterator[Machine]:
    """One environment; its path is short, so that the socket lies in it."""
    root = project or Path(tempfile.mkdtemp(prefix="pl-"))
    made = Machine(Home(root / folder), project=root)
    try:
        yield made
    finally:
        processes.end(marks(made.home))
        if project is None:
            shutil.rmtree(root)


@pytest.fixture
def local(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Machine]:
    monkeypatch.setenv("PLINTH_CACHE", str(tmp_path / "cache"))
    with machine() as made:
        yield made


def kind(name: str) -> Kind:
    return KINDS[f"plinth-local:index:{name}"]


@contextlib.contextmanager
def stranger(port: int) -> Iterator[None]:
    """Somebody else who listens."""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        yield


def tiny(local: Machine, port: int, **variables: str) -> dict[str, Any]:
    """Inputs of a tiny service."""
    script = local.project / "tiny.py"
    script.write_text(_TINY, encoding="utf-8")
    return {
        "command": [sys.executable, str(script), str(port)],
        "environment": variables,
        "port": port,
        "health": "/",
        "seconds": 60,
    }


def up(local: Machine, name: str, inputs: dict[str, Any]) -> int:
    """Starts a tiny service; returns its process."""
    kind("Service").make(local, name, inputs, {})
    return answer(inputs["port"])


def answer(port: int) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as response:
        return int(response.read())


def running(pid: int) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def ours(local: Machine, service: str | None = None) -> list[psutil.Process]:
    return list(processes.carrying(marks(local.home, service)))


def in_background(call: Callable[[], object]) -> tuple[threading.Thread, list[BaseException]]:
    raised: list[BaseException] = []

    def caught() -> None:
        try:
            call()
        except BaseException as error:  # noqa: BLE001 - handed to the test
            raised.append(error)

    thread = threading.Thread(target=caught)
    thread.start()
    return thread, raised


def supervisor_of(local: Machine) -> psutil.Process:
    return psutil.Process(int((local.home.supervisor / "supervisord.pid").read_text()))


def mode(file: Path) -> int:
    return file.stat().st_mode & 0o777
