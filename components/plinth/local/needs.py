"""What the environments on this machine need of it, told before anything is made."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from plinth.findings import Finding
from plinth.graph import Resource
from plinth.local import executables, home, packages
from plinth.local.example import PACKAGE

#: What a Python environment takes at most while it is made, in bytes: MLflow's has 725 MiB.
_ENVIRONMENT: Final = 2**30
_UP: Final = "up on this machine"


def needs(resources: Iterable[Resource]) -> Iterator[Finding]:
    """Looks at what planned resources need: each thing once, whoever needs it."""
    planned = list(resources)
    there = importlib.util.find_spec("uv") is not None
    yield Finding(
        name="uv",
        ok=there,
        detail="makes Python environments" if there else "not installed",
        needed=_UP,
        fix=None if there else "Run: pip install 'plinth[local]'",
    )
    yield _space({(r.inputs["lock"], r.inputs["digest"]) for r in _of(planned, "Packages")})
    programs = {tuple(r.inputs["names"]): r.inputs for r in _of(planned, "Executable")}
    for names, inputs in sorted(programs.items()):
        yield _program(names, inputs.get("package", ""), inputs.get("module", ""))


def _of(resources: Iterable[Resource], kind: str) -> list[Resource]:
    return [each for each in resources if each.type == f"{PACKAGE}:index:{kind}"]


def _space(environments: set[tuple[str, str]]) -> Finding:
    folder = home.environments()
    left = [name for name, digest in environments if not packages.installed(name, digest)]
    free = shutil.disk_usage(next(each for each in (folder, *folder.parents) if each.is_dir())).free
    ok = free >= len(left) * _ENVIRONMENT
    made = f"{len(left)} of {len(environments)} Python environments are still to be made"
    return Finding(
        name="disk space",
        ok=ok,
        detail=f"{free / 2**30:.0f} GiB free for {folder}; {made}",
        needed=_UP,
        fix=None if ok else "Free 1 GiB for each, or name another folder by PLINTH_CACHE.",
    )


def _program(names: Sequence[str], package: str, module: str) -> Finding:
    """One program: here, or within reach."""
    name = names[0]
    if found := executables.here(names, package, module):
        ok, detail = True, found.path
    else:
        how, why = executables.reach(package, module)
        ok = bool(how)
        detail = (
            f"not here yet; `plinth up` {how}" if ok else f"not on PATH{why and f', and {why}'}"
        )
    return Finding(
        name=name,
        ok=ok,
        detail=detail,
        needed=f"{_UP}, which leaves it out where it is missing",
        fix=None if ok else f"Install {name} by your system's package manager.",
    )
