"""Finding the Pulumi CLI: ``PLINTH_PULUMI``, then ``PATH``, then Plinth's own cache."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from plinth.errors import EngineError, Problem

#: The CLI version that ``engine install`` brings.
VERSION: Final = "3.259.0"

#: The oldest CLI that has all that Plinth uses (events over gRPC since 3.206, inline refresh and
#: destroy since 3.181, see the version switches of the Automation API).
MINIMUM: Final = (3, 210, 0)

#: File name of the official Python language host, which lies beside an official CLI.
LANGUAGE_HOST: Final = "pulumi-language-python"

_SUFFIX = ".exe" if sys.platform == "win32" else ""


class Source(StrEnum):
    """Where a CLI was found."""

    ENVIRONMENT = "PLINTH_PULUMI"
    PATH = "PATH"
    CACHE = "cache"


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """A usable Pulumi CLI.

    Attributes:
        path: The executable.
        version: Its version without the leading ``v``.
        source: Where it was found.
    """

    path: Path
    version: str
    source: Source

    def language_host(self, environment: Mapping[str, str] | None = None) -> Path | None:
        """The official Python language host beside the CLI or on ``PATH``, if there is one."""
        beside = self.path.resolve().parent / (LANGUAGE_HOST + _SUFFIX)
        if beside.is_file():
            return beside
        found = shutil.which(LANGUAGE_HOST, path=_environment(environment).get("PATH", ""))
        return Path(found) if found else None

    def to_json(self) -> dict[str, Any]:
        """The engine as plain JSON data."""
        host = self.language_host()
        return {
            "path": str(self.path),
            "version": self.version,
            "source": self.source.value,
            "language_host": str(host) if host else "stand-in",
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What ``engine status`` shows.

    Attributes:
        engine: The CLI in use, if any.
        problem: Why there is none.
        cache: Where ``engine install`` puts one.
        installs: The version that ``engine install`` brings.
    """

    engine: Engine | None
    problem: Problem | None
    cache: Path
    installs: str = VERSION

    def to_json(self) -> dict[str, Any]:
        """The status as plain JSON data."""
        return {
            "engine": self.engine.to_json() if self.engine else None,
            "problem": self.problem.to_json() if self.problem else None,
            "cache": str(self.cache),
            "minimum": ".".join(map(str, MINIMUM)),
            "installs": self.installs,
        }


def _environment(environment: Mapping[str, str] | None) -> Mapping[str, str]:
    return os.environ if environment is None else environment


def cache_directory(environment: Mapping[str, str] | None = None) -> Path:
    """Plinth's cache: ``PLINTH_CACHE``, else the user's cache directory of this platform."""
    variables = _environment(environment)
    if chosen := variables.get("PLINTH_CACHE"):
        return Path(chosen).expanduser().absolute()
    if sys.platform == "win32":
        base = Path(variables.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(variables.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "plinth"


def cached_executable(version: str = VERSION, environment: Mapping[str, str] | None = None) -> Path:
    """Where the CLI of ``version`` lies in the cache once it is installed."""
    return cache_directory(environment) / "engine" / version / ("pulumi" + _SUFFIX)


def probe(path: Path, source: Source) -> Engine:
    """Asks the executable at ``path`` for its version.

    Raises:
        EngineError: It does not run, does not say its version, or is too old.
    """
    environment = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        answer = subprocess.run(  # noqa: S603 - an executable that the user chose, no shell
            [path, "version"],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
            env=environment,
        ).stdout.strip()
    except FileNotFoundError as error:
        raise _refusal("engine-missing", f"There is no Pulumi CLI at {path}", source) from error
    except (OSError, subprocess.SubprocessError) as error:
        raise broken(path, source, error) from error
    match = re.match(r"v?(\d+)\.(\d+)\.(\d+)(\S*)", answer)
    if match is None:
        said = f"The Pulumi CLI at {path} does not say its version"
        raise _refusal("engine-version-unknown", said, source)
    version = match.group(0).removeprefix("v")
    if tuple(map(int, match.group(1, 2, 3))) < MINIMUM:
        needed = ".".join(map(str, MINIMUM))
        said = f"The Pulumi CLI at {path} is version {version}; {needed} or newer is needed"
        raise _refusal("engine-too-old", said, source)
    return Engine(path=path, version=version, source=source)


def broken(path: Path, source: Source, error: Exception) -> EngineError:
    """What to raise for a CLI that does not run."""
    detail = str(getattr(error, "stderr", None) or error).strip()
    return _refusal("engine-broken", f"The Pulumi CLI at {path} does not run: {detail}", source)


def _refusal(code: str, message: str, source: Source) -> EngineError:
    fix = "Run `plinth engine install`, or point PLINTH_PULUMI at a newer Pulumi CLI"
    if source is Source.ENVIRONMENT:
        fix = "Point PLINTH_PULUMI at a Pulumi CLI, or unset it and run `plinth engine install`"
    return EngineError(Problem(code=code, message=message, fix=fix))


def _candidates(variables: Mapping[str, str]) -> Iterator[tuple[Path, Source]]:
    if found := shutil.which("pulumi", path=variables.get("PATH", "")):
        yield Path(found), Source.PATH
    cached = cached_executable(environment=variables)
    if cached.is_file():
        yield cached, Source.CACHE


def locate(environment: Mapping[str, str] | None = None) -> Engine:
    """The CLI to use.

    What ``PLINTH_PULUMI`` names is used or refused; otherwise the first acceptable one of ``PATH``
    and the cache wins. The one in the cache is not run for its version: it lies there under that,
    and ran before it was put there.

    Raises:
        EngineError: There is none, or none that is acceptable.
    """
    variables = _environment(environment)
    if chosen := variables.get("PLINTH_PULUMI"):
        return probe(Path(chosen).expanduser().absolute(), Source.ENVIRONMENT)
    refused: EngineError | None = None
    for path, source in _candidates(variables):
        if source is Source.CACHE:
            return Engine(path=path, version=VERSION, source=source)
        try:
            return probe(path, source)
        except EngineError as error:
            refused = refused or error
    if refused is not None:
        raise refused
    raise EngineError(
        Problem(
            code="engine-missing",
            message="There is no Pulumi CLI on this machine",
            fix="Run `plinth engine install`, or set PLINTH_PULUMI to the path of one",
        )
    )


def status(environment: Mapping[str, str] | None = None) -> Status:
    """Which CLI would be used and why, having run it; never raises :class:`EngineError`."""
    cache = cache_directory(environment) / "engine"
    try:
        engine = locate(environment)
        if engine.source is Source.CACHE:
            engine = probe(engine.path, engine.source)
        return Status(engine=engine, problem=None, cache=cache)
    except EngineError as error:
        return Status(engine=None, problem=error.problems[0], cache=cache)
