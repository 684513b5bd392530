"""What is judged by one property having the right value: tables, and the rule made from each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from plinth.graph import Resource
from plinth_policies.model import REGISTRY, Scope, kind_of
from plinth_policies.values import get, nested, put, value_refused

#: Booleans as tables write them -> what they are.
_SWITCHES: Final = {"true": True, "false": False}


@dataclass(frozen=True)
class Setting:
    """A property and the values that are fine.

    Attributes:
        path: Dotted path of the input.
        accepted: The values that are fine, booleans as ``true`` and ``false``; in any case.
        default: What the cloud takes when the property is missing; empty where it must be set.
        moot: Property that, when it is there, leaves nothing to set.
        refused: A value that is not fine, for the example; only where neither the default nor the
            other position of a switch is one.
    """

    path: str
    accepted: tuple[str, ...]
    default: str = ""
    moot: str = ""
    refused: str = ""

    @property
    def reads(self) -> tuple[str, ...]:
        """The input properties that decide."""
        return (self.path, self.moot) if self.moot else (self.path,)

    @property
    def kept(self) -> Any:
        """A value that is fine."""
        return _SWITCHES.get(self.accepted[0], self.accepted[0])

    @property
    def broken(self) -> Any:
        """A value that is not; ``None`` where it is enough to set none.

        Raises:
            ValueError: The default is fine, and no other value is known.
        """
        if isinstance(self.kept, bool):
            return not self.kept
        if self.default in self.accepted and not self.refused:
            raise ValueError(f"{self.path}: name a value that is refused")
        return self.refused or self.default or None

    def check(self, resource: Resource) -> Iterator[str]:
        """Yields what is wrong with one resource."""
        if self.moot and get(resource.inputs, self.moot):
            return
        yield from value_refused(resource.inputs, self.path, self.accepted, default=self.default)


def register(
    rule_id: str,
    table: Mapping[str, tuple[Setting, ...]],
    *,
    title: str,
    why: str,
    fix: str,
    controls: tuple[str, ...],
    mends: bool = False,
) -> None:
    """Registers one rule on all types of a table.

    Its examples are of the first type: all settings at their first accepted values, and then the
    first of them at one that is refused.

    Args:
        rule_id: Its id.
        table: Type token -> what must be set.
        title: What holds when the rule is kept.
        why: What goes wrong when it is not.
        fix: What to do.
        controls: What it serves.
        mends: Whether the first accepted values can be set without asking: they take effect in
            place, and lose no data.
    """

    def check(resource: Resource, _scope: Scope) -> Iterator[str]:
        for setting in table[kind_of(resource.type)]:
            yield from setting.check(resource)

    def mend(resource: Resource, _scope: Scope) -> Mapping[str, Any]:
        inputs = resource.inputs
        for setting in table[kind_of(resource.type)]:
            if any(setting.check(resource)):
                inputs = put(inputs, setting.path, setting.kept)
        return inputs

    judges = {
        token: tuple(name for setting in settings for name in setting.reads)
        for token, settings in table.items()
    }
    shown = next(iter(table.values()))
    kept = {setting.path: setting.kept for setting in shown}
    REGISTRY.rule(
        rule_id,
        title=title,
        why=why,
        fix=fix,
        judges=judges,
        controls=controls,
        good=nested(kept),
        bad=nested({**kept, shown[0].path: shown[0].broken}),
        mend=mend if mends else None,
    )(check)
