"""Where the project and its examples are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
SPEC = ROOT / "stacks" / "platform.yaml"


@dataclass(frozen=True)
class Example:
    """One environment of a spec that the project shows, perhaps on another cloud."""

    spec: Path
    environment: str
    cloud: str | None = None

    def __str__(self) -> str:
        """Name of the test case, and of the list of promised URNs."""
        name = "platform" if self.spec == SPEC else self.spec.parent.name
        return "-".join(filter(None, [name, self.environment, self.cloud]))


def _environments(spec: Path) -> Iterator[Example]:
    for name in yaml.safe_load(spec.read_text(encoding="utf-8"))["environments"]:
        yield Example(spec, name)


#: Every environment of every spec in the project.
EXAMPLES = [
    example
    for spec in [SPEC, *sorted(ROOT.glob("examples/*/platform.yaml"))]
    for example in _environments(spec)
]
