"""Programs that PyPI does not bring: from ``PATH``, else unpacked from the Debian archive.

Nothing is installed and no right is needed: ``apt-get download`` proves a package by Debian's
signatures as always, and ``dpkg-deb`` unpacks it into a folder of ours, kept for all.  Debian's
programs look for their data files below ``/usr/share``, and not all can be told otherwise
(Alertmanager's templates); so that text is changed in the unpacked program, as conda does, to
``usr/share`` below the working directory, where :func:`link` puts it.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from plinth.local import home
from plinth.local.commands import run

#: Packages of data files that a program's pages are made of; all else that it depends on is there.
_PAGES: Final = ("libjs-", "fonts-")
_QUICK: Final = ("--option", "Acquire::Retries=0", "--option", "Acquire::http::Timeout=10")
_ONLY_DEPENDS: Final = tuple(
    f"--no-{kind}"
    for kind in ("recommends", "suggests", "conflicts", "breaks", "replaces", "enhances")
)

#: What apt says -> what it means for people, first match first.
_REASONS: Final = (
    ("Unable to locate package", "apt knows no package {} (has `apt-get update` been run?)"),
    ("Failed to fetch", "the Debian archive, which has it as {}, cannot be reached"),
)


@dataclass(frozen=True, kw_only=True)
class Found:
    """A program, or why there is none.

    Attributes:
        path: Where it is; empty when there is none.
        missing: Why there is none, without a full stop.
    """

    path: str = ""
    missing: str = ""


def here(names: Sequence[str], package: str) -> Found | None:
    """Finds a program that is installed, or was unpacked before; see :func:`find`."""
    installed = (_installed(name) for name in names)
    if path := next(filter(None, installed), None) or _unpacked(package, names):
        return Found(path=path)
    return None


def _installed(name: str) -> str | None:
    return _latest(Path("/"), name) if name.startswith("/") else shutil.which(name)


def _latest(root: Path, pattern: str) -> str | None:
    """The program of the highest version of those that a pattern finds below ``root``."""
    found = (path for path in root.glob(pattern.lstrip("/")) if os.access(path, os.X_OK))
    ordered = sorted(found, key=lambda path: [*map(int, re.findall(r"\d+", str(path)))])
    return str(ordered[-1]) if ordered else None


def find(names: Sequence[str], package: str, cancelled: threading.Event) -> Found:
    """Finds a program, or fetches it.

    Args:
        names: What it may be called, the likelier name first; a pattern of paths from the root for
            where it is that is not on ``PATH``.
        package: Debian package that has it under one of the names; empty for none.
        cancelled: Ends the work early.

    Raises:
        EngineError: The work was cancelled.
    """
    if found := here(names, package):
        return found
    away = f"{names[0]} is not on PATH"
    if not package:
        return Found(missing=away)
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        return Found(missing=f"{away}, and this system has no apt to fetch it with")
    if reason := _fetch(package, cancelled):
        return Found(missing=f"{away}, and {reason}")
    nowhere = Found(missing=f"{away}, and Debian's package {package} does not have it")
    return here(names, package) or nowhere


def link(program: Path, folder: Path) -> None:
    """Makes a program that was only unpacked find its data files when it runs in ``folder``."""
    usr = folder / "usr"
    if usr.is_symlink():
        usr.unlink()
    if home.executables() in program.parents:
        package = program.relative_to(home.executables()).parts[0]
        usr.symlink_to(home.executables() / package / "usr")


def _unpacked(package: str, names: Sequence[str]) -> str | None:
    if not package:
        return None
    root = home.executables() / package
    places = (f"usr/*bin/{name}" if not name.startswith("/") else name for name in names)
    return next(filter(None, (_latest(root, place) for place in places)), None)


def _fetch(package: str, cancelled: threading.Event) -> str:
    """Unpacks a package with what its pages are made of; returns why that was not possible."""
    from filelock import FileLock

    root = home.executables() / package
    what = f"fetching {package}"
    root.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(root.parent / f"{package}.lock"):
        if root.is_dir():
            return ""
        with tempfile.TemporaryDirectory(dir=root.parent, prefix=f".{package}-") as name:
            archives, whole = Path(name, "archives"), Path(name, "root")
            archives.mkdir()
            wanted = [package, *_pages(package, cancelled)]
            download = ["apt-get", *_QUICK, "download", *wanted]
            code, said = run(what, download, cancelled, folder=archives)
            if code:
                return _reason(package, said)
            for archive in archives.glob("*.deb"):
                unpack = ["dpkg-deb", "--extract", str(archive), str(whole)]
                code, said = run(what, unpack, cancelled)
                if code:
                    return _reason(package, said)
            _relocate(whole)
            whole.rename(root)
    return ""


def _relocate(root: Path) -> None:
    shared = [folder.name for folder in root.glob("usr/share/*")]
    for program in root.glob("usr/*bin/*"):
        if program.is_symlink():
            continue
        text = program.read_bytes()
        for name in shared:
            # Of the same length: nothing else in the program moves.
            text = text.replace(f"/usr/share/{name}/".encode(), f"usr/share//{name}/".encode())
        program.write_bytes(text)


def _pages(package: str, cancelled: threading.Event) -> list[str]:
    command = ["apt-cache", "depends", "--recurse", *_ONLY_DEPENDS, package]
    _, said = run(f"fetching {package}", command, cancelled)
    return sorted({line for line in said.splitlines() if line.startswith(_PAGES)})


def _reason(package: str, said: str) -> str:
    for sign, reason in _REASONS:
        if sign in said:
            return reason.format(package)
    errors = [line for line in said.splitlines() if line.startswith("E: ")] or said.splitlines()
    last = errors[-1].removeprefix("E: ") if errors else "no reason was given"
    return f"Debian's package {package} cannot be fetched: {last}"
