"""The audit: controls, rules, resources and evidence of one judgement, as plain data.

The same graph, rules and day give the same audit, whatever the machine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

from plinth_policies.check import Excuse, Judgement, Mended, Report
from plinth_policies.controls import catalogue
from plinth_policies.enforcement import Enforcement
from plinth_policies.model import Rule, Violation, Waiver
from plinth_policies.reporting.coverage import Coverage, coverage
from plinth_policies.reporting.evidence import Reading, Watched, read
from plinth_policies.reporting.findings import names_by_type

#: What became of a rule or control: as its worst resource fared; ``unjudged`` where there was none,
#: ``disabled`` where the environment switched it off.
Status = Literal["fail", "waived", "pass", "unjudged", "disabled"]

#: The worst first.
STATUSES: Final[tuple[Status, ...]] = ("fail", "waived", "pass", "unjudged", "disabled")


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What was judged, and when.

    Attributes:
        platform: Name of the platform.
        environment: Its environment.
        cloud: The cloud that it is on.
        region: The region, where the cloud has any.
        spec: The spec file, as a path within its repository.
        line: Line of the environment in it.
        source: Where the resources were read from: ``plan``, or the name of a state file.
        level: How far rules go there.
        version: Version of Plinth.
        date: Day of the audit, ISO 8601.
    """

    platform: str
    environment: str
    cloud: str
    region: str
    spec: str
    line: int
    source: str
    level: str
    version: str
    date: str


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Resources that a rule found in the same state, and what it read there."""

    status: Status
    messages: tuple[str, ...]
    readings: tuple[Reading, ...]
    urns: tuple[str, ...]

    @property
    def by_type(self) -> dict[str, tuple[str, ...]]:
        """Logical names by the last part of the type."""
        return names_by_type(self.urns)

    def to_json(self) -> dict[str, Any]:
        """The evidence as plain JSON data."""
        return {
            "status": self.status,
            "messages": list(self.messages),
            "readings": [reading._asdict() for reading in self.readings],
            "resources": list(self.urns),
        }


@dataclass(frozen=True, kw_only=True)
class Ruling:
    """One rule, how far it goes here, and what it found."""

    rule: Rule
    action: str
    evidence: tuple[Evidence, ...]

    @property
    def status(self) -> Status:
        """The worst of its evidence."""
        empty: Status = "disabled" if self.action == "disabled" else "unjudged"
        return _worst((one.status for one in self.evidence), empty)

    @property
    def counts(self) -> Counter[str]:
        """Number of resources by status."""
        count: Counter[str] = Counter()
        for one in self.evidence:
            count[one.status] += len(one.urns)
        return count

    def to_json(self) -> dict[str, Any]:
        """The ruling as plain JSON data."""
        rule = self.rule
        return {
            "id": rule.id,
            "title": rule.title,
            "why": rule.why,
            "fix": rule.fix,
            "action": self.action,
            "status": self.status,
            "controls": list(rule.controls),
            "evidence": [one.to_json() for one in self.evidence],
        }


@dataclass(frozen=True, kw_only=True)
class ControlAudit:
    """One control of a framework, and the rules that serve it."""

    id: str
    number: str
    title: str
    rulings: tuple[Ruling, ...]

    @property
    def status(self) -> Status:
        """The worst of its rules."""
        return _worst((ruling.status for ruling in self.rulings), "unjudged")

    @property
    def telling(self) -> list[Ruling]:
        """The rules that had something to judge, or were switched off; the worst first."""
        told = (ruling for ruling in self.rulings if ruling.status != "unjudged")
        return sorted(told, key=lambda ruling: STATUSES.index(ruling.status))

    @property
    def counts(self) -> Counter[str]:
        """Number of resources by the worst status that a rule gave them."""
        worst: dict[str, Status] = {}
        for ruling in self.rulings:
            for one in ruling.evidence:
                for urn in one.urns:
                    worst[urn] = _worst((one.status, worst.get(urn, one.status)), one.status)
        return Counter(worst.values())

    def to_json(self) -> dict[str, Any]:
        """The control as plain JSON data; its evidence is that of its rules."""
        return {
            "id": self.id,
            "number": self.number,
            "title": self.title,
            "status": self.status,
            "resources": {status: self.counts[status] for status in STATUSES[:3]},
            "rules": [ruling.rule.id for ruling in self.rulings],
        }


@dataclass(frozen=True, kw_only=True)
class Framework:
    """A framework, and the controls of it that rules serve."""

    id: str
    title: str
    controls: tuple[ControlAudit, ...]

    @property
    def counts(self) -> Counter[str]:
        """Number of controls by status."""
        return Counter(control.status for control in self.controls)

    @property
    def judged(self) -> bool:
        """Whether a rule that serves it judged anything here."""
        return any(control.status in STATUSES[:3] for control in self.controls)

    def to_json(self) -> dict[str, Any]:
        """The framework as plain JSON data."""
        controls = [control.to_json() for control in self.controls]
        return {"id": self.id, "title": self.title, "controls": controls}


@dataclass(frozen=True, kw_only=True)
class Audit:
    """Everything that a report tells.

    Attributes:
        subject: What was judged, and when.
        violations: What is wrong, waived or not.
        excuses: Every waiver and whether it was needed.
        mended: What rules that remediate have changed.
        rulings: Every rule that was chosen, in the order of ids, disabled ones among them.
        frameworks: Their controls.
        coverage: What was looked at, and what was not.
        places: Line of each waiver in the spec.
    """

    subject: Subject
    violations: tuple[Violation, ...]
    excuses: tuple[Excuse, ...]
    mended: tuple[Mended, ...]
    rulings: tuple[Ruling, ...]
    frameworks: tuple[Framework, ...]
    coverage: Coverage
    places: Mapping[Waiver, int] = field(default_factory=dict)

    @property
    def counts(self) -> Counter[str]:
        """Number of violations: ``mandatory`` (which stop), ``advisory`` and ``waived``."""
        return Counter("waived" if each.waiver else each.severity for each in self.violations)

    @property
    def headline(self) -> str:
        """The verdict, one sentence."""
        count = self.counts
        parts = [
            f"{count[name]} {said if count[name] == 1 else other}"
            for name, said, other in _VERDICT
            if count[name]
        ]
        judged = self.coverage.judged
        resources = "resource" if judged == 1 else "resources"
        return f"{', '.join(parts) or 'no violation'}; {judged} {resources} judged"

    def to_json(self) -> dict[str, Any]:
        """The audit as plain JSON data."""
        return {
            "subject": asdict(self.subject),
            "headline": self.headline,
            "blocked": bool(self.counts["mandatory"]),
            "violations": [violation.to_json() for violation in self.violations],
            "waivers": [excuse.to_json() for excuse in self.excuses],
            "mended": [mended.to_json() for mended in self.mended],
            "frameworks": [framework.to_json() for framework in self.frameworks],
            "rules": [ruling.to_json() for ruling in self.rulings],
            "coverage": self.coverage.to_json(),
        }


_VERDICT: Final = (
    ("mandatory", "violation stops an update", "violations stop an update"),
    ("advisory", "warns", "warn"),
    ("waived", "is waived", "are waived"),
)


def audit(
    report: Report,
    enforcement: Enforcement,
    subject: Subject,
    rules: Sequence[Rule],
    places: Mapping[Waiver, int] | None = None,
) -> Audit:
    """Gathers the audit of a report.

    Args:
        report: What the rules said.
        enforcement: How they were applied.
        subject: What was judged.
        rules: The rules that were chosen.
        places: Line of each waiver in the spec, where it is known.
    """
    scope = Watched(report.graph, enforcement.parameters)
    found: dict[str, list[Judgement]] = {}
    for judgement in report.judgements:
        found.setdefault(judgement.rule.id, []).append(judgement)
    rulings = tuple(
        Ruling(
            rule=rule,
            action=enforcement.action(rule),
            evidence=_evidence(found.get(rule.id, ()), scope),
        )
        for rule in rules
    )
    return Audit(
        subject=subject,
        violations=report.violations,
        excuses=report.excuses,
        mended=tuple(sorted(report.mended, key=lambda each: (each.policy, each.urn))),
        rulings=rulings,
        frameworks=_frameworks(rulings, report.graph.cloud),
        coverage=coverage(report, [r.rule for r in rulings if r.action != "disabled"]),
        places=places or {},
    )


def _evidence(judgements: Iterable[Judgement], scope: Watched) -> tuple[Evidence, ...]:
    """The judgements of a rule, what is alike as one, the worst first."""
    alike: dict[tuple[Status, tuple[str, ...], tuple[Reading, ...]], list[str]] = {}
    for done in judgements:
        status: Status = "pass" if not done.messages else "waived" if done.waiver else "fail"
        readings = read(done.rule, done.resource, scope)
        alike.setdefault((status, done.messages, readings), []).append(done.resource.urn)
    listed = [
        Evidence(status=status, messages=messages, readings=readings, urns=tuple(sorted(urns)))
        for (status, messages, readings), urns in alike.items()
    ]
    return tuple(sorted(listed, key=lambda one: (STATUSES.index(one.status), one.urns)))


def _frameworks(rulings: Sequence[Ruling], cloud: str) -> tuple[Framework, ...]:
    """The frameworks that are about this cloud, or about any; all where it is not known."""
    serving: dict[str, list[Ruling]] = {}
    for ruling in rulings:
        for name in ruling.rule.controls:
            serving.setdefault(name, []).append(ruling)
    groups: dict[str, list[ControlAudit]] = {}
    titles: dict[str, str] = {}
    for name, control in catalogue().items():
        if name in serving and (not cloud or control.cloud in ("", cloud)):
            key = name.split("/", 1)[0]
            titles[key] = control.framework
            groups.setdefault(key, []).append(
                ControlAudit(
                    id=name,
                    number=control.number,
                    title=control.title,
                    rulings=tuple(serving[name]),
                )
            )
    return tuple(
        Framework(id=key, title=titles[key], controls=tuple(controls))
        for key, controls in groups.items()
    )


def _worst(statuses: Iterable[Status], empty: Status) -> Status:
    return min(statuses, key=STATUSES.index, default=empty)
