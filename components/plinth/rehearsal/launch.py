"""Starts the rehearsal beside an engine, and stops it again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import plinth
from plinth.errors import EngineError, Problem
from plinth.rehearsal.cloud import Cloud
from plinth.rehearsal.packages import NAMES
from plinth.rehearsal.packages import find as find_package

DATABASE: Final = "cloud.db"
_ROOT: Final = Path(next(iter(plinth.__path__))).parent
_SECONDS_TO_STOP: Final = 10


def database(directory: Path) -> Path:
    """The file of the cloud that lives in a directory."""
    return directory / DATABASE


def find(directory: Path, urn: str) -> str | None:
    """The identifier of what exists for a URN, for states that lost track of it."""
    if not database(directory).exists():
        return None
    with Cloud(database(directory)) as cloud:
        return cloud.find(urn)


@contextmanager
def attached(
    directory: Path, packages: Sequence[str] = NAMES, *, faults: Path | None = None
) -> Iterator[dict[str, str]]:
    """Run the rehearsal for as long as the block lasts.

    Args:
        directory: Where the cloud lives; made when it does not exist.
        packages: The packages to simulate.
        faults: A plan of outages (:mod:`plinth.rehearsal.faults`).

    Yields:
        The environment that points an engine at it (``PULUMI_DEBUG_PROVIDERS``).

    Raises:
        EngineError: It did not start.
    """
    directory.mkdir(parents=True, exist_ok=True)
    command = [*_command(directory), "--packages", ",".join(packages)]
    if faults is not None:
        command += ["--faults", str(faults)]
    with (directory / "rehearsal.log").open("a", encoding="utf-8") as log:
        process = subprocess.Popen(  # noqa: S603 our own module
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=os.environ | {"PYTHONPATH": _python_path(), "GRPC_VERBOSITY": "ERROR"},
            text=True,
        )
    try:
        ports = _ports(process, log_file=Path(log.name))
        pairs = ",".join(f"{name}:{port}" for name, port in ports.items())
        yield {"PULUMI_DEBUG_PROVIDERS": pairs}
    finally:
        _stop(process)


def write_plugins(
    folder: Path,
    directory: Path,
    packages: Iterable[str] = NAMES,
    *,
    faults: Path | None = None,
) -> list[Path]:
    """Write one executable plugin per package, for use by a plain ``pulumi``.

    With the folder first on ``PATH``, the engine takes these for the real providers.

    Args:
        folder: Where the plugins go.
        directory: Where the cloud lives; shared by all of them.
        packages: The packages to simulate.
        faults: A plan of outages.

    Returns:
        The plugins.
    """
    folder.mkdir(parents=True, exist_ok=True)
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for name in packages:
        find_package(name)
        args = [*_command(directory.resolve())[3:], "--packages", name, "--plugin"]
        args += ["--faults", str(faults.resolve())] if faults else []
        plugin = folder / f"pulumi-resource-{name}"
        plugin.write_text(
            f"#!{sys.executable}\n"
            "import sys\n"
            f"sys.path.insert(0, {str(_ROOT)!r})\n"
            "from plinth.rehearsal.__main__ import main\n"
            f"main({args!r} + sys.argv[1:])\n",
            encoding="utf-8",
        )
        plugin.chmod(0o755)
        written.append(plugin)
    return written


def _command(directory: Path) -> list[str]:
    return [sys.executable, "-m", "plinth.rehearsal", "--database", str(database(directory))]


def _python_path() -> str:
    return os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH", "")]))


def _ports(process: subprocess.Popen[str], log_file: Path) -> dict[str, int]:
    line = process.stdout.readline() if process.stdout else ""
    if not line:
        said = log_file.read_text(encoding="utf-8").strip().splitlines()[-1:]
        reason = said[0] if said else f"it ended with exit code {process.wait()}"
        raise EngineError(
            Problem(code="rehearsal-failed", message=f"the rehearsal did not start: {reason}")
        )
    ports: dict[str, int] = json.loads(line)
    return ports


def _stop(process: subprocess.Popen[str]) -> None:
    """Closing its input asks it to end; it is killed if it does not."""
    if process.stdin:
        process.stdin.close()
    try:
        process.wait(_SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout:
        process.stdout.close()
