"""Python environments of services: locked packages from PyPI, installed by uv, kept for all.

An environment's folder is named by its lock, so it is made once on a machine and never changed;
byte-compiled on the way, since a first start would take half a minute more.
"""

from __future__ import annotations

import hashlib
import os
import sys
import threading
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final

from plinth.errors import EngineError, Problem
from plinth.local import home, processes
from plinth.local.commands import alone, run

_DONE: Final = ".complete"

_SPACE: Final = "Free some space: an environment takes up to 1 GiB."
_NETWORK: Final = "Connect to the network, or point UV_DEFAULT_INDEX at an index within reach."
#: What uv says -> what it means for people, first match first.
_REASONS: Final = (
    ("No space left", "the disk is full", _SPACE),
    ("Disk quota exceeded", "the disk quota is used up", _SPACE),
    ("File too large", "a file is larger than this system lets it be", _SPACE),
    ("error sending request", "the package index cannot be reached", _NETWORK),
    ("network was disabled", "uv is told to stay offline", "Unset UV_OFFLINE once."),
    (
        "not found in the package registry",
        "the package index lacks a package",
        "Unset UV_DEFAULT_INDEX, or let the index that it names mirror all of PyPI.",
    ),
    (
        "Hash mismatch",
        "a package is not the one that was locked",
        "See whether the package index is trustworthy, then run the same command again.",
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
    if digest_ != digest(name):
        raise EngineError(_other_plinth(name))
    target = folder(name, digest_)
    with alone(target.with_name(f"{target.name}.lock"), f"installing {name}", cancelled):
        if installed(name, digest_):
            return target
        # A provider that was killed left its uv at work.
        processes.end({home.INSTALL: str(target)})
        requirements = target.with_name(f"{target.name}.txt")
        requirements.write_text(lock(name), encoding="utf-8")
        uv = (sys.executable, "-P", "-m", "uv", "--quiet")
        python = str(target / "bin" / "python")
        # An interrupted one is made anew.
        venv = [*uv, "venv", "--clear", "--python", sys.executable, str(target)]
        _run(target, name, venv, cancelled)
        _run(
            target,
            name,
            [
                *(*uv, "pip", "install", "--python", python, "--require-hashes"),
                *("--compile-bytecode", "--requirement", str(requirements)),
            ],
            cancelled,
        )
        (target / _DONE).touch()
    return target


def _run(target: Path, name: str, command: list[str], cancelled: threading.Event) -> None:
    # The user's own settings of uv hold, those of a project around the working directory do not.
    variables = {
        home.INSTALL: str(target),
        "UV_SYSTEM_CERTS": os.environ.get("UV_SYSTEM_CERTS", "true"),
    }
    code, said = run(
        f"installing {name}", command, cancelled, folder=target.parent, variables=variables
    )
    if code:
        raise EngineError(_problem(name, said))


def _other_plinth(name: str) -> Problem:
    return Problem(
        code="other-plinth",
        message=f"{sys.executable}, whose plinth-local is first on PATH, is of another Python or "
        f"Plinth than this project: its packages of {name} are not the same",
        fix="Activate this project's Python environment, or take the other one from PATH.",
    )


def _problem(name: str, said: str) -> Problem:
    for sign, reason, fix in _REASONS:
        if sign in said:
            return Problem(
                code="packages", message=f"{name} cannot be installed: {reason}", fix=fix
            )
    words = " ".join(said.split()) or "uv gave no reason"
    return Problem(code="packages", message=f"{name} cannot be installed: {words[-500:]}")
