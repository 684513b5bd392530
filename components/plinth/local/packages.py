"""Python environments of services: locked packages from PyPI, installed by uv, kept for all.

An environment's folder is named by its lock, so it is made once on a machine and never changed;
byte-compiled on the way, since a first start would take half a minute more.
"""

from __future__ import annotations

import hashlib
import sys
import threading
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final

from plinth.errors import EngineError, Problem
from plinth.local import home
from plinth.local.commands import run

_DONE: Final = ".complete"

#: What uv says -> what it means for people, first match first.
_REASONS: Final = (
    ("No space left", "the disk is full", "Free some space: an environment takes up to 1 GiB."),
    (
        "error sending request",
        "the package index cannot be reached",
        "Connect to the network, or point UV_INDEX_URL at an index that can be reached.",
    ),
    (
        "Failed to build",
        "a package has to be compiled here, and cannot be",
        "Install a C compiler (Debian: build-essential) and the headers of Python (python3-dev).",
    ),
)


@cache
def lock(name: str) -> str:
    """The locked requirements of a service.

    Raises:
        FileNotFoundError: There is no lock of that name.
    """
    return files("plinth").joinpath(f"locks/{name}.txt").read_text(encoding="utf-8")


def digest(name: str) -> str:
    """What tells one state of an environment from another: lock and Python version."""
    version = "{}.{}".format(*sys.version_info)
    return hashlib.sha256(f"{version}\n{lock(name)}".encode()).hexdigest()[:12]


def folder(name: str, digest_: str) -> Path:
    """Where an environment is, or will be."""
    return home.environments() / f"{name}-{digest_}"


def installed(name: str, digest_: str) -> bool:
    """Whether an environment is whole."""
    return (folder(name, digest_) / _DONE).exists()


def install(name: str, digest_: str, cancelled: threading.Event) -> Path:
    """Makes an environment unless it is there.

    Args:
        name: Its lock.
        digest_: As :func:`digest` gave it; the lock in the package must still be that one.
        cancelled: Ends the work early.

    Raises:
        EngineError: It cannot be made, and why; or the work was cancelled.
    """
    from filelock import FileLock

    target = folder(name, digest_)
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(target.with_suffix(".lock")):
        if installed(name, digest_):
            return target
        requirements = target.with_suffix(".txt")
        requirements.write_text(lock(name), encoding="utf-8")
        uv = (sys.executable, "-m", "uv", "--quiet", "--no-config")
        python = str(target / "bin" / "python")
        # An interrupted one is made anew.
        _run(name, [*uv, "venv", "--clear", "--python", sys.executable, str(target)], cancelled)
        _run(
            name,
            [
                *(*uv, "pip", "install", "--python", python, "--require-hashes"),
                *("--compile-bytecode", "--requirement", str(requirements)),
            ],
            cancelled,
        )
        (target / _DONE).touch()
    return target


def _run(name: str, command: list[str], cancelled: threading.Event) -> None:
    code, said = run(f"installing {name}", command, cancelled)
    if code:
        raise EngineError(_problem(name, said))


def _problem(name: str, said: str) -> Problem:
    for sign, reason, fix in _REASONS:
        if sign in said:
            return Problem(
                code="packages", message=f"{name} cannot be installed: {reason}", fix=fix
            )
    words = " ".join(said.split()) or "uv gave no reason"
    return Problem(code="packages", message=f"{name} cannot be installed: {words[-500:]}")
