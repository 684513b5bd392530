"""What guards data: tables of properties, and the rule made from each.

A rule holds where the environment is durable, or where it keeps backups; elsewhere nothing is asked
for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from plinth.graph import Resource
from plinth_policies.controls import BACKUP
from plinth_policies.model import REGISTRY, Example, Mend, Scope, kind_of
from plinth_policies.settings import Setting
from plinth_policies.values import get, too_little

#: The parameter that asks for a guard.
Need = Literal["durable", "backups"]

#: Seconds.
DAY: Final = 24 * 60 * 60

_RETENTION: Final = "backup_retention_days"


@dataclass(frozen=True)
class Named:
    """A property that must be there, whatever it is.

    Attributes:
        path: Dotted path of the input.
        moot: Property that, when it is there, leaves nothing to set.
    """

    path: str
    moot: str = ""

    @property
    def reads(self) -> tuple[str, ...]:
        """The input properties that decide."""
        return (self.path, self.moot) if self.moot else (self.path,)

    def check(self, resource: Resource, scope: Scope) -> Iterator[str]:
        """Yields what is wrong with one resource."""
        if not (self.moot and get(resource.inputs, self.moot)):
            yield from self._lacks(resource, scope)

    def _lacks(self, resource: Resource, _scope: Scope) -> Iterator[str]:
        if not get(resource.inputs, self.path):
            yield f"{self.path} is not set"


@dataclass(frozen=True)
class Least(Named):
    """A property that must not be smaller than some number.

    Attributes:
        least: What is enough; ``None`` for as many days as the environment keeps its backups.
        default: What the cloud takes when the property is missing.
        unit: How much of the property is one of ``least``: ``DAY`` where it is in seconds.
    """

    least: int | None = None
    default: float = 0
    unit: int = 1

    def _lacks(self, resource: Resource, scope: Scope) -> Iterator[str]:
        least = self.least
        if least is None:
            least = max(1, scope.parameters.backup_retention_days)
        yield from too_little(
            resource.inputs, self.path, least, default=self.default, unit=self.unit
        )


Guard = Setting | Named
Table = Mapping[str, tuple[Guard, ...]]


def register(
    rule_id: str,
    table: Table,
    *,
    when: Need,
    title: str,
    why: str,
    fix: str,
    good: Example,
    bad: Example,
    controls: tuple[str, ...] = BACKUP,
    mend: Mend | None = None,
) -> None:
    """Registers one rule on all types of a table.

    Args:
        rule_id: Its id.
        table: Type token -> what guards it.
        when: What the environment must be, or keep, for the rule to hold.
        title: What holds when the rule is kept.
        why: What goes wrong when it is not.
        fix: What to do.
        good: An example that keeps it.
        bad: An example that breaks it.
        controls: What it serves.
        mend: Gives a resource the inputs with which it keeps the rule.
    """

    def check(resource: Resource, scope: Scope) -> Iterator[str]:
        if not getattr(scope.parameters, when):
            return
        for guard in table[kind_of(resource.type)]:
            if isinstance(guard, Setting):
                yield from guard.check(resource)
            else:
                yield from guard.check(resource, scope)

    guards = [guard for row in table.values() for guard in row]
    asks = any(isinstance(guard, Least) and guard.least is None for guard in guards)
    REGISTRY.rule(
        rule_id,
        title=title,
        why=why,
        fix=fix,
        judges={
            token: tuple(name for guard in row for name in guard.reads)
            for token, row in table.items()
        },
        parameters=(when, _RETENTION) if asks else (when,),
        controls=controls,
        good=good,
        bad=bad,
        mend=mend,
    )(check)
