"""Policy packs: selections of the rules, and the folders from which the engine starts them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Final

import yaml

from plinth.engine.host import SELF_CONFIGURING
from plinth_policies.model import REGISTRY, Action, Level, Rule

#: The packs have the version of the package that they come with.
VERSION: Final = version("plinth")

_MAIN: Final = '''\
"""Serves the rules of {name} to the Pulumi engine."""

from plinth_policies.pack import start
from plinth_policies.packs import PACKS

start(PACKS["{name}"]{selection})
'''


@dataclass(frozen=True, kw_only=True)
class Pack:
    """A selection of rules.

    Attributes:
        name: What the engine calls it, and the name of its folder.
        description: What it is for, in one sentence without a period.
        selects: Whether a rule belongs to it.
        level: How far its rules go where no configuration says otherwise.
        packages: The provider packages that it is for; all when there are none.
    """

    name: str
    description: str
    selects: Callable[[Rule], bool]
    level: Level = "advisory"
    packages: tuple[str, ...] = ()

    def judging(self, *packages: str) -> Pack:
        """The same without the rules for which these provider packages have no type.

        The engine is told of every rule and reports on each, for every resource.
        """
        return replace(self, packages=packages)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Its rules, sorted by id."""
        return tuple(
            rule
            for rule in REGISTRY.rules
            if self.selects(rule)
            and (not self.packages or not set(self.packages).isdisjoint(rule.clouds))
        )

    def action(self, rule: Rule) -> Action:
        """How far one of its rules goes by default."""
        return "advisory" if self.level == "advisory" else rule.severity

    def files(self, environment: str = "../../../.venv") -> dict[str, str]:
        """The content of its folder by file name.

        Args:
            environment: The Python environment to run in; by default a checkout's own, seen from
                the folder in it.
        """
        named = ", ".join(f'"{package}"' for package in self.packages)
        selection = f".judging({named})" if named else ""
        options = {"virtualenv": environment, SELF_CONFIGURING: True}
        project = {
            "description": self.description,
            "version": VERSION,
            "runtime": {"name": "python", "options": options},
        }
        return {
            "PulumiPolicy.yaml": yaml.safe_dump(project, sort_keys=False),
            "__main__.py": _MAIN.format(name=self.name, selection=selection),
        }

    def write(self, folder: Path, environment: str | None = None) -> Path:
        """Writes its folder below ``folder`` and returns it; see :meth:`files`."""
        path = folder / self.name
        path.mkdir(parents=True, exist_ok=True)
        for name, text in (self.files(environment) if environment else self.files()).items():
            # Another environment's engine may be starting from the same folder.
            draft = path / f".{name}.{os.getpid()}"
            draft.write_text(text, encoding="utf-8")
            draft.replace(path / name)
        return path


def _domains(*names: str) -> Callable[[Rule], bool]:
    return lambda rule: rule.domain in names


def _judging(package: str) -> Callable[[Rule], bool]:
    return lambda rule: package in rule.clouds


#: What stops whatever it was meant to run when it is missing: the rest is a matter of degree.
_BASELINE: Final = ("encryption", "exposure", "privilege", "tags", "transit")
_COST: Final = ("budget", "size", "tags")

PACKS: Final[Mapping[str, Pack]] = {
    pack.name: pack
    for pack in (
        Pack(
            name="plinth-baseline",
            description="Encryption, transport security, exposure, least privilege and tags",
            selects=_domains(*_BASELINE),
        ),
        Pack(
            name="plinth-production",
            description="Every rule, as far as its severity says",
            selects=lambda _rule: True,
            level="mandatory",
        ),
        Pack(
            name="plinth-cost",
            description="Cost tags, budgets and sizes",
            selects=_domains(*_COST),
        ),
        Pack(
            name="plinth-kubernetes",
            description="What runs on a cluster, whoever runs the cluster",
            selects=_judging("kubernetes"),
        ),
    )
}


if __name__ == "__main__":
    for each in PACKS.values():
        each.write(Path(sys.argv[1]))
