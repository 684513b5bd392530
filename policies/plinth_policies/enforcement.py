"""How far each rule goes in one environment, what it compares with, and what is excused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from plinth.errors import Problem
from plinth.graph import Resource
from plinth_policies.lookup import unknown
from plinth_policies.model import REGISTRY, Action, Level, Rule, Waiver
from plinth_policies.parameters import Parameters

if TYPE_CHECKING:
    from plinth.spec.models import Settings


@dataclass(frozen=True, kw_only=True)
class Enforcement:
    """How one environment is judged.

    Attributes:
        level: How far any rule may go; where it is ``mandatory``, each rule goes as far as its own
            severity says.
        parameters: What the rules compare with.
        actions: Rule ids, or globs of them -> how far those go, whatever the level.
        waivers: What is excused.
    """

    level: Level
    parameters: Parameters = field(default_factory=Parameters)
    actions: Mapping[str, Action] = field(default_factory=dict)
    waivers: Sequence[Waiver] = ()

    @classmethod
    def from_settings(cls, settings: Settings, environment: str) -> Enforcement:
        """Takes it from the resolved settings of one environment."""
        compliance = settings.compliance
        return cls(
            level=settings.policies,
            parameters=Parameters.from_settings(settings, environment),
            actions=compliance.rules,
            waivers=tuple(Waiver(**waiver.model_dump()) for waiver in compliance.waivers),
        )

    def only(self, rules: Iterable[Rule]) -> Enforcement:
        """The same for some rules: without the waivers that are for others."""
        ids = [rule.id for rule in rules]
        concerned = [w for w in self.waivers if any(fnmatchcase(each, w.rule) for each in ids)]
        return replace(self, waivers=concerned)

    def as_found(self) -> Enforcement:
        """The same for what exists already, which no rule can mend: it would be made to look so."""
        actions = {
            pattern: "mandatory" if action == "remediate" else action
            for pattern, action in self.actions.items()
        }
        return replace(self, actions=actions)

    def action(self, rule: Rule) -> Action:
        """How far a rule goes: what is said of its id, of the longest glob that fits, or of all."""
        said = [pattern for pattern in self.actions if fnmatchcase(rule.id, pattern)]
        if said:
            return self.actions[max(said, key=lambda pattern: (pattern == rule.id, len(pattern)))]
        return "advisory" if self.level == "advisory" else rule.severity

    def severity(self, rule: Rule) -> Level:
        """Whether what breaks a rule warns or stops; what could not be mended stops."""
        return "advisory" if self.action(rule) == "advisory" else "mandatory"

    def waiver(self, rule: Rule, resource: Resource, today: date) -> Waiver | None:
        """The first waiver that covers the resource, if any."""
        return next((w for w in self.waivers if w.covers(rule, resource, today)), None)


def check(settings: Settings) -> Iterator[Problem]:
    """What a spec says of rules that are not there."""
    ids = [rule.id for rule in REGISTRY.rules]
    compliance = settings.compliance
    named = [(f"compliance.rules.{pattern}", pattern) for pattern in compliance.rules]
    named += [
        (f"compliance.waivers.{index}.rule", waiver.rule)
        for index, waiver in enumerate(compliance.waivers)
    ]
    for path, pattern in named:
        if not any(fnmatchcase(rule_id, pattern) for rule_id in ids):
            yield replace(unknown("rule", pattern, ids), path=path)
