"""The examples that a project can begin as: the large one, and those below ``examples/``."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from plinth import registry, render
from plinth.errors import UsageError, unknown
from plinth.scaffold.answers import SPEC
from plinth.scaffold.files import around
from plinth.spec.document import load
from plinth.spec.overlay import environment_names

#: The example of the documentation.
LARGE: Final = "platform"
#: Names a schema beside the example, which a copy has not.
_FOR_EDITORS: Final = "# yaml-language-server:"


@dataclass(frozen=True, kw_only=True)
class Example:
    """A spec to begin with."""

    name: str
    path: Path

    @property
    def text(self) -> str:
        """The spec, without the line that only holds where it stands here."""
        lines = self.path.read_text(encoding="utf-8").splitlines(keepends=True)
        return "".join(line for line in lines if not line.startswith(_FOR_EDITORS))

    @property
    def description(self) -> str:
        """What it shows: the first clause of its opening comment."""
        words: list[str] = []
        for line in self.text.splitlines():
            if not line.startswith("#"):
                break
            words.append(line.lstrip("# "))
        return re.split(r"[.;]( |$)", " ".join(words))[0]

    def files(self) -> dict[str, str]:
        """The files of a project that begins as this example, and those it has beside its spec."""
        document = load(self.path)
        extra = registry.cloud(document.data["cloud"]).extra
        return {
            SPEC: self.text,
            **around(document.data["name"], extra, environment_names(document)),
            **self._beside(),
        }

    def _beside(self) -> dict[str, str]:
        if self.name == LARGE:
            return {}
        folder = self.path.parent
        files = {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}
        return {
            name.as_posix(): path.read_text(encoding="utf-8")
            for name, path in sorted(files.items())
            if path != self.path and not any(part.startswith((".", "__")) for part in name.parts)
        }


def examples() -> tuple[Example, ...]:
    """All of them, the large one first."""
    return (
        Example(name=LARGE, path=render.data_folder("stacks") / "platform.yaml"),
        *(
            Example(name=path.parent.name, path=path)
            for path in sorted(render.data_folder("examples").glob("*/platform.yaml"))
        ),
    )


def example(name: str) -> Example:
    """One of them.

    Raises:
        UsageError: There is none of that name; those that there are are described.
    """
    found = {each.name: each for each in examples()}
    if name in found:
        return found[name]
    width = max(map(len, found))
    listed = [f"\n    {each.name:<{width}}  {each.description}" for each in found.values()]
    fix = f"Choose one of these:{''.join(listed)}"
    raise UsageError(replace(unknown("example", name, found), fix=fix))
