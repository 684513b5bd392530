"""Bringing the Pulumi CLI onto this machine: downloaded where it can be, otherwise built."""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from plinth.engine import build, download
from plinth.engine.locate import VERSION, Engine, Source, cached_executable, probe
from plinth.errors import EngineError

#: Told what is going on and how much of it is done, from 0 to 1, or ``None`` while unknown.
Progress = Callable[[str, float | None], None]

_POLL_SECONDS: Final = 0.5


def install(
    progress: Progress,
    *,
    version: str = VERSION,
    environment: Mapping[str, str] | None = None,
) -> Engine:
    """Installs the CLI into Plinth's cache, once; later calls find it there.

    The official release is taken where its host can be reached. Otherwise the CLI is built from its
    Go module, which needs some minutes and the Go module proxy.

    Args:
        progress: Told of every step.
        version: Which release.
        environment: Variables instead of the process's own, for where the cache is.

    Raises:
        EngineError: Neither worked; the message says where the log of the build is.
    """
    target = cached_executable(version, environment)
    base = target.parent.parent
    base.mkdir(parents=True, exist_ok=True)
    with alone(base / ".install.lock", progress):
        if target.is_file():
            with contextlib.suppress(EngineError):
                return probe(target, Source.CACHE)
        draft = Path(tempfile.mkdtemp(dir=base, prefix=f".{version}-"))
        try:
            _provide(draft, version, base, progress)
            probe(draft / target.name, Source.CACHE)
            if target.parent.exists():
                shutil.rmtree(target.parent)
            draft.replace(target.parent)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return probe(target, Source.CACHE)


def _provide(folder: Path, version: str, base: Path, progress: Progress) -> None:
    try:
        download.download(folder, version, progress)
    except download.UnreachableError:
        build.build(folder, version, base, progress)


@contextlib.contextmanager
def alone(path: Path, progress: Progress) -> Iterator[None]:
    """Holds a lock that the operating system drops when this process ends, however it ends."""
    if sys.platform == "win32":
        yield  # the final rename is atomic; at worst two installations do the same work
        return
    import fcntl

    with path.open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                progress("Waiting for another installation of the Pulumi CLI", None)
                time.sleep(_POLL_SECONDS)
            else:
                break
        yield
