"""A review as plain data: what ``plinth preview`` prints as JSON, and comments are made from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

from plinth.changes import Change, Diagnostic, Risk, highest
from plinth.errors import Location, Problem, UsageError

#: Version of the format.
VERSION: Final = 1

#: Codes of blockers that a whole preview leads to; any other one has ended it.
JUDGED: Final = frozenset({"approval-missing", "policy-violation", "protected"})

Source = Literal["engine", "offline"]


@dataclass(frozen=True, kw_only=True)
class Approval:
    """Leave to replace or delete something that keeps data.

    Attributes:
        resource: Glob that the resource's URN or logical name must match.
        change: ``replace`` or ``delete``.
        reason: Why it is fine.
        approver: Who says so.
        expires: Last day on which it counts, ISO 8601.
    """

    resource: str
    change: str
    reason: str
    approver: str
    expires: str

    def to_json(self) -> dict[str, str]:
        """The approval as plain JSON data."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Approvals:
    """What became of the approvals of an environment.

    Attributes:
        used: Those that a change needs.
        unused: Those that nothing needs.
        expired: Those that no longer count.
        granted: URN of each change that has one -> its approval.
    """

    used: tuple[Approval, ...] = ()
    unused: tuple[Approval, ...] = ()
    expired: tuple[Approval, ...] = ()
    granted: Mapping[str, Approval] = field(default_factory=dict)

    def to_json(self) -> dict[str, list[dict[str, str]]]:
        """The approvals by what became of them, as plain JSON data."""
        return {
            "used": [each.to_json() for each in self.used],
            "unused": [each.to_json() for each in self.unused],
            "expired": [each.to_json() for each in self.expired],
        }


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What the policies say, as :meth:`plinth_policies.check.Report.to_json` writes it.

    Attributes:
        level: How far rules go in the environment, ``advisory`` or ``mandatory``.
        violations: What breaks a rule, waived or not.
        waivers: Every waiver and what became of it.
    """

    level: str
    violations: tuple[Mapping[str, Any], ...] = ()
    waivers: tuple[Mapping[str, Any], ...] = ()

    @property
    def counts(self) -> Counter[str]:
        """Number of violations: ``mandatory`` (which stop), ``advisory`` and ``waived``."""
        return Counter(
            "waived" if each.get("waiver") else str(each["severity"]) for each in self.violations
        )

    def to_json(self) -> dict[str, Any]:
        """The verdict as plain JSON data."""
        return {
            "level": self.level,
            "violations": [dict(each) for each in self.violations],
            "waivers": [dict(each) for each in self.waivers],
        }


@dataclass(frozen=True, kw_only=True)
class Review:
    """What would happen to one environment, and what stands in the way.

    Attributes:
        platform: Name of the platform.
        environment: Its environment.
        cloud: The cloud that it is on.
        region: The region, where the cloud has any.
        account: The account, subscription or project, where the spec names one.
        source: ``engine`` when the state and the clouds were asked, ``offline`` when two revisions
            of the spec were compared.
        base: The commit that it was compared with, where there is one.
        head: The commit that the working tree is at, where there is one.
        changes: What would change; nothing that stays as it is.
        policy: What the policies say.
        approvals: What became of the approvals.
        blockers: What stands in the way; empty when the change may be made.
        diagnostics: What else was said: by the engine, by providers, or of the comparison.
        digest: Equal for equal plans, see :func:`plinth.changes.digest`.
    """

    platform: str
    environment: str
    cloud: str
    region: str | None
    account: str | None
    source: Source
    changes: tuple[Change, ...]
    policy: Policy
    digest: str
    base: str | None = None
    head: str | None = None
    approvals: Approvals = field(default_factory=Approvals)
    blockers: tuple[Problem, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def summary(self) -> dict[str, int]:
        """Number of resources per operation."""
        return dict(Counter(change.op for change in self.felt))

    @property
    def felt(self) -> tuple[Change, ...]:
        """The changes without those of components, which group resources and are none."""
        return tuple(change for change in self.changes if change.felt)

    @property
    def risk(self) -> Risk:
        """The highest risk among the changes."""
        return highest(self.changes)

    @property
    def stopped(self) -> tuple[Problem, ...]:
        """What ended the preview before everything was looked at; the changes are those so far."""
        return tuple(problem for problem in self.blockers if problem.code not in JUDGED)

    @property
    def drifted(self) -> tuple[Change, ...]:
        """What was changed outside of Plinth."""
        return tuple(change for change in self.changes if change.drift)

    def to_json(self) -> dict[str, Any]:
        """The review as one JSON object."""
        granted = self.approvals.granted
        return {
            "version": VERSION,
            "platform": self.platform,
            "environment": self.environment,
            "cloud": self.cloud,
            "region": self.region,
            "account": self.account,
            "source": self.source,
            "base": self.base,
            "head": self.head,
            "summary": self.summary,
            "risk": self.risk,
            "changes": [
                {
                    **change.to_json(),
                    "approval": granted[change.urn].to_json() if change.urn in granted else None,
                }
                for change in self.changes
            ],
            "policy": self.policy.to_json(),
            "approvals": self.approvals.to_json(),
            "blockers": [problem.to_json() for problem in self.blockers],
            "diagnostics": [asdict(diagnostic) for diagnostic in self.diagnostics],
            "digest": self.digest,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Review:
        """Reads what :meth:`to_json` writes; further keys are left alone.

        Raises:
            UsageError: It is no review, or one of a later version.
        """
        if not isinstance(data, Mapping) or data.get("version") != VERSION:
            raise _refused("is none of version 1")
        try:
            changes = tuple(Change.from_json(each) for each in data["changes"])
            approvals = {
                state: tuple(Approval(**each) for each in data["approvals"][state])
                for state in ("used", "unused", "expired")
            }
            granted = {
                each["urn"]: Approval(**each["approval"])
                for each in data["changes"]
                if each.get("approval")
            }
            return cls(
                platform=data["platform"],
                environment=data["environment"],
                cloud=data["cloud"],
                region=data["region"],
                account=data["account"],
                source=data["source"],
                base=data["base"],
                head=data["head"],
                changes=changes,
                policy=_policy(data["policy"]),
                approvals=Approvals(**approvals, granted=granted),
                blockers=tuple(_problem(each) for each in data["blockers"]),
                diagnostics=tuple(Diagnostic(**each) for each in data["diagnostics"]),
                digest=data["digest"],
            )
        except (AttributeError, KeyError, TypeError) as error:
            raise _refused(f"cannot be read ({type(error).__name__}: {error})") from error


def _policy(data: Mapping[str, Any]) -> Policy:
    violations: Sequence[Mapping[str, Any]] = data["violations"]
    return Policy(level=data["level"], violations=tuple(violations), waivers=tuple(data["waivers"]))


def _problem(data: Mapping[str, Any]) -> Problem:
    fields = {**data, "allowed": tuple(data.get("allowed") or ())}
    if data.get("location"):
        fields["location"] = Location(**data["location"])
    return Problem(**fields)


def _refused(what: str) -> UsageError:
    return UsageError(
        Problem(
            code="review-malformed",
            message=f"a review {what}",
            fix="Write one with `plinth preview ENV --format json --output FILE`.",
        )
    )
