"""Puts the stand-in host on disk as the executable that the Pulumi CLI looks for."""

from __future__ import annotations

import hashlib
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from plinth.engine.locate import LANGUAGE_HOST, cache_directory

_SCRIPT = """\
#!/bin/sh
# Made by Plinth: stands in for the official Python language host of Pulumi.
exec {python} -c 'import sys; sys.path.insert(0, sys.argv.pop(1)); \
from plinth.engine.host.server import main; main()' {source} "$@"
"""


def directory(environment: Mapping[str, str] | None = None) -> Path:
    """A folder for ``PATH`` that holds the stand-in host and nothing else.

    The script names this very interpreter and copy of Plinth, so each pair has a folder of its own.
    """
    source = str(Path(__file__).parents[3])
    script = _SCRIPT.format(python=shlex.quote(sys.executable), source=shlex.quote(source))
    digest = hashlib.sha256(script.encode()).hexdigest()[:12]
    folder = cache_directory(environment) / "host" / digest
    executable = folder / LANGUAGE_HOST
    if not executable.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / f".{LANGUAGE_HOST}.new"
        draft.write_text(script, encoding="utf-8")
        draft.chmod(0o755)
        draft.replace(executable)
    return folder
