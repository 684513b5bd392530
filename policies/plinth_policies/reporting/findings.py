"""Violations that say the same of several resources, as one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

from plinth.graph import capability_of
from plinth_policies.model import Level, Violation, Waiver


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One message about one or more resources.

    Attributes:
        policy: Id of the rule.
        severity: Whether it warns or stops.
        what: What is wrong.
        fix: What to do.
        waiver: The waiver that excuses it, if one does.
        urns: The resources; empty for what is about none.
    """

    policy: str
    severity: Level
    what: str
    fix: str
    waiver: Waiver | None
    urns: tuple[str, ...]

    @property
    def state(self) -> Literal["mandatory", "advisory", "waived"]:
        """The severity, or that it is waived."""
        return "waived" if self.waiver else self.severity

    @property
    def message(self) -> str:
        """What is wrong and what to do."""
        return f"{self.what}; {self.fix}" if self.fix else self.what

    @property
    def names(self) -> tuple[str, ...]:
        """Logical names of the resources."""
        return tuple(urn.rsplit("::", 1)[-1] for urn in self.urns)

    @property
    def by_type(self) -> dict[str, tuple[str, ...]]:
        """Logical names by the last part of the type."""
        return names_by_type(self.urns)

    @property
    def shown(self) -> str:
        """The first few names, and how many more there are."""
        more = f" and {len(self.names) - _FEW} more" if len(self.names) > _FEW else ""
        return ", ".join(self.names[:_FEW]) + more

    def to_json(self) -> dict[str, Any]:
        """The finding as plain JSON data."""
        return {
            "policy": self.policy,
            "severity": self.severity,
            "what": self.what,
            "fix": self.fix,
            "waiver": self.waiver.to_json() if self.waiver else None,
            "resources": list(self.urns),
        }


#: How many names are listed where there is little room.
_FEW: Final = 3


def names_by_type(urns: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Logical names of resources by the last part of their type, such as ``Bucket``."""
    found: dict[str, list[str]] = {}
    for urn in urns:
        chain, name = urn.split("::", 3)[2:]
        found.setdefault(chain.rsplit(":", 1)[-1], []).append(name)
    return {kind: tuple(names) for kind, names in found.items()}


def grouped(violations: Iterable[Violation]) -> list[Finding]:
    """Violations by what they say; the order is that of the first of each."""
    groups: dict[tuple[str, Level, str, str, int], list[Violation]] = {}
    for each in violations:
        key = (each.policy, each.severity, each.what, each.fix, id(each.waiver))
        groups.setdefault(key, []).append(each)
    return [
        Finding(
            policy=first.policy,
            severity=first.severity,
            what=first.what,
            fix=first.fix if first.message != first.what else "",
            waiver=first.waiver,
            urns=tuple(v.urn for v in (first, *rest) if v.urn),
        )
        for first, *rest in groups.values()
    ]


def by_capability(violations: Iterable[Violation]) -> dict[str, list[Finding]]:
    """The findings of each capability, sorted; an empty name for what belongs to none."""
    parts: dict[str, list[Violation]] = {}
    for each in violations:
        parts.setdefault(capability_of(each.urn), []).append(each)
    return {part: grouped(parts[part]) for part in sorted(parts)}
