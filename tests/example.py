"""Where the project and its examples are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from plinth import registry
from plinth.ports import Port

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
    for name in _document(spec)["environments"]:
        yield Example(spec, name)


def _document(spec: Path) -> Any:
    return yaml.safe_load(spec.read_text(encoding="utf-8"))


def _cloud(example: Example) -> str:
    document = _document(example.spec)
    said: str = document["environments"][example.environment].get("cloud", document["cloud"])
    return example.cloud or said


#: The clouds on which a platform is on a cluster; elsewhere its services are processes.
CLUSTERS = tuple(
    name for name in registry.cloud_names() if Port.CLUSTER in registry.cloud(name).ports
)

#: Every environment of every spec in the project.
EXAMPLES = [
    example
    for spec in [SPEC, *sorted(ROOT.glob("examples/*/platform.yaml"))]
    for example in _environments(spec)
]

#: Those of them that are on a cluster.
ON_CLUSTERS = [example for example in EXAMPLES if _cloud(example) in CLUSTERS]
