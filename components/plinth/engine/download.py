"""The official release of the Pulumi CLI."""

from __future__ import annotations

import hashlib
import http.client
import platform
import sys
import tarfile
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Final

from plinth.errors import EngineError, Problem

_RELEASES: Final = "https://get.pulumi.com/releases/sdk"

#: Where a release's SHA-256 sums are published, since 3.40 (pulumi/pulumi#10807).
_SUMS: Final = (
    _RELEASES + "/pulumi-{version}-checksums.txt",
    "https://github.com/pulumi/pulumi/releases/download/v{version}/pulumi-{version}-checksums.txt",
)

_TIMEOUT_SECONDS: Final = 5
_CHUNK: Final = 1 << 20

_SYSTEMS: Final = {"linux": "linux", "darwin": "darwin", "win32": "windows"}
_MACHINES: Final = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}


class UnreachableError(Exception):
    """Nothing that can be proven is to be had for this machine."""


def archive_name(version: str, system: str = sys.platform, machine: str | None = None) -> str:
    """The release's file name for a platform.

    Raises:
        UnreachableError: There is no release for it.
    """
    name = _SYSTEMS.get(system)
    kind = _MACHINES.get((machine or platform.machine()).lower())
    if name is None or kind is None:
        raise UnreachableError
    suffix = "zip" if name == "windows" else "tar.gz"
    return f"pulumi-v{version}-{name}-{kind}.{suffix}"


def download(folder: Path, version: str, progress: Callable[[str, float | None], None]) -> None:
    """Fetches a release and unpacks its executables into ``folder``.

    Raises:
        UnreachableError: The host cannot be reached, the transfer broke off, or there is no sum to
            compare with.
        EngineError: What arrived is not what was published.
    """
    name = archive_name(version)
    progress(f"Downloading the Pulumi CLI {version}", None)
    expected = _published_sum(name, version)
    with tempfile.TemporaryFile() as archive:
        digest = _fetch(f"{_RELEASES}/{name}", archive, version, progress)
        if digest != expected:
            raise EngineError(
                Problem(
                    code="engine-checksum",
                    message=f"The download of {name} does not match its published checksum",
                    fix="Try again; if it stays so, something changes downloads on their way",
                )
            )
        progress("Unpacking", None)
        archive.seek(0)
        for entry, content in _entries(archive, zipped=name.endswith(".zip")):
            path = folder / PurePosixPath(entry).name
            path.write_bytes(content)
            path.chmod(0o755)


def _fetch(
    url: str, into: IO[bytes], version: str, progress: Callable[[str, float | None], None]
) -> str:
    digest = hashlib.sha256()
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310 - https
            total = int(answer.headers.get("Content-Length") or 0)
            done = 0
            while chunk := answer.read(_CHUNK):
                into.write(chunk)
                digest.update(chunk)
                done += len(chunk)
                share = done / total if total else None
                progress(f"Downloading the Pulumi CLI {version}", share)
    except (OSError, http.client.HTTPException) as error:
        raise UnreachableError from error
    return digest.hexdigest()


def _published_sum(name: str, version: str) -> str:
    for pattern in _SUMS:
        url = pattern.format(version=version)
        try:
            with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310
                text: str = answer.read().decode()
        except (OSError, http.client.HTTPException, UnicodeDecodeError):
            continue
        sums = {
            line.split()[-1].lstrip("*"): line.split()[0]
            for line in text.splitlines()
            if line.split()
        }
        if name in sums:
            return sums[name].lower()
    raise UnreachableError


def _entries(archive: IO[bytes], *, zipped: bool) -> Iterator[tuple[str, bytes]]:
    """The executables of an archive: plain files named ``pulumi…``, wherever they lie in it."""
    if zipped:
        with zipfile.ZipFile(archive) as files:
            for name in files.namelist():
                if PurePosixPath(name).name.startswith("pulumi"):
                    yield name, files.read(name)
        return
    with tarfile.open(fileobj=archive, mode="r:gz") as files:
        for member in files:
            content = files.extractfile(member) if member.isfile() else None
            if content is not None and PurePosixPath(member.name).name.startswith("pulumi"):
                yield member.name, content.read()
