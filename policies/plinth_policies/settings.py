"""What is judged by one property having the right value: tables, and the rule made from each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from plinth.graph import Resource
from plinth_policies.model import REGISTRY, Scope, kind_of
from plinth_policies.values import get, value_refused


@dataclass(frozen=True)
class Setting:
    """A property and the values that are fine.

    Attributes:
        path: Dotted path of the input.
        accepted: The values that are fine, booleans as ``true`` and ``false``; in any case.
        default: What the cloud takes when the property is missing; empty where it must be set.
        moot: Property that, when it is there, leaves nothing to set.
    """

    path: str
    accepted: tuple[str, ...]
    default: str = ""
    moot: str = ""

    @property
    def reads(self) -> tuple[str, ...]:
        """The input properties that decide."""
        return (self.path, self.moot) if self.moot else (self.path,)

    def check(self, resource: Resource) -> Iterator[str]:
        """Yields what is wrong with one resource."""
        if self.moot and get(resource.inputs, self.moot):
            return
        yield from value_refused(resource.inputs, self.path, self.accepted, default=self.default)


def register(
    rule_id: str, table: Mapping[str, tuple[Setting, ...]], *, title: str, why: str, fix: str
) -> None:
    """Registers one rule on all types of a table.

    Args:
        rule_id: Its id.
        table: Type token -> what must be set.
        title: What holds when the rule is kept.
        why: What goes wrong when it is not.
        fix: What to do.
    """

    def check(resource: Resource, _scope: Scope) -> Iterator[str]:
        for setting in table[kind_of(resource.type)]:
            yield from setting.check(resource)

    judges = {
        token: tuple(name for setting in settings for name in setting.reads)
        for token, settings in table.items()
    }
    REGISTRY.rule(rule_id, title=title, why=why, fix=fix, judges=judges)(check)
