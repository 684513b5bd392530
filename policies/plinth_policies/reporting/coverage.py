"""What was looked at, and what was not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from plinth_policies.check import Report
from plinth_policies.coverage import why_harmless
from plinth_policies.model import Rule


@dataclass(frozen=True, kw_only=True)
class TypeCoverage:
    """Resources of one type, and the domains of the rules that looked at them.

    Attributes:
        type: Type token.
        names: Logical names of the resources, sorted.
        judged: Domains that judged some.
        consulted: Further domains that looked them up to judge something else.
        harmless: Why they hold no data and let nobody in; empty where nobody says so.
    """

    type: str
    names: tuple[str, ...]
    judged: tuple[str, ...]
    consulted: tuple[str, ...]
    harmless: str

    @property
    def seen(self) -> bool:
        """Whether any rule looked at them."""
        return bool(self.judged or self.consulted)


@dataclass(frozen=True, kw_only=True)
class DomainCoverage:
    """How much the rules of one domain judged."""

    domain: str
    rules: int
    applied: int
    resources: int
    judgements: int


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """What was looked at, and what was not; providers and components are no resources here.

    Attributes:
        resources: How many resources there are.
        judged: How many at least one rule judged.
        types: All types, sorted.
        domains: All domains, sorted.
    """

    resources: int
    judged: int
    types: tuple[TypeCoverage, ...]
    domains: tuple[DomainCoverage, ...]

    @property
    def unseen(self) -> tuple[TypeCoverage, ...]:
        """The types that no rule looked at."""
        return tuple(kind for kind in self.types if not kind.seen)

    def to_json(self) -> dict[str, Any]:
        """The coverage as plain JSON data."""
        return {**asdict(self), "unseen": [kind.type for kind in self.unseen]}


def coverage(report: Report, rules: Sequence[Rule]) -> Coverage:
    """The coverage of a report by the rules that were on."""
    names: dict[str, list[str]] = {}
    for resource in report.graph:
        if resource.custom and not resource.is_provider:
            names.setdefault(resource.type, []).append(resource.name)
    done = [j for j in report.judgements if j.resource.type in names]
    judged: dict[str, set[str]] = {}
    for judgement in done:
        judged.setdefault(judgement.resource.type, set()).add(judgement.rule.domain)
    looked = {kind: {rule.domain for rule in rules if rule.looks_at(kind)} for kind in names}
    return Coverage(
        resources=sum(map(len, names.values())),
        judged=len({judgement.resource.urn for judgement in done}),
        types=tuple(
            TypeCoverage(
                type=kind,
                names=tuple(sorted(names[kind])),
                judged=tuple(sorted(judged.get(kind, ()))),
                consulted=tuple(sorted(looked[kind] - judged.get(kind, set()))),
                harmless=why_harmless(kind) or "",
            )
            for kind in sorted(names)
        ),
        domains=tuple(
            DomainCoverage(
                domain=domain,
                rules=sum(rule.domain == domain for rule in rules),
                applied=len({j.rule.id for j in done if j.rule.domain == domain}),
                resources=len({j.resource.urn for j in done if j.rule.domain == domain}),
                judgements=sum(j.rule.domain == domain for j in done),
            )
            for domain in sorted({rule.domain for rule in rules})
        ),
    )
