"""Parts that an account may have from elsewhere already, and how to do without ours. Pure data.

Accounts of an organisation (AWS Control Tower, Azure landing zones) come with guardrails of their
own; some of these exist once only, and others may be somebody else's to make.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Final

from plinth.errors import EngineError, Problem, UsageError, unknown

#: Says that nothing is left out, against what is remembered.
NONE: Final = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """What can be left out.

    Attributes:
        title: For people.
        made: Ends of URNs of what it is made of.
        taken: What the provider says when it is there already, as a pattern.
        because: The same for people, about the account.
        waives: The policy that asks for it.
    """

    title: str
    made: tuple[str, ...]
    taken: str = r"(?!)"
    because: str = ""
    waives: str | None = None


_BUDGET: Final = "the monthly budget"
_NO_BUDGET: Final = "budget-exists"
#: Cloud -> name of a part -> the part.  Exceptions of AWS: API references of CloudTrail
#: (CreateTrail) and AWS Config (PutConfigurationRecorder, PutDeliveryChannel).
_PARTS: Final[Mapping[str, Mapping[str, _Part]]] = {
    "aws": {
        "trail": _Part(
            title="the audit trail",
            made=("*aws:cloudtrail/trail:Trail::*",),
            taken=r"MaximumNumberOfTrailsExceeded|already has \d+ trails",
            because="has as many trails as it may, such as its organisation's",
        ),
        "config-recorder": _Part(
            title="AWS Config's recorder",
            made=("*aws:cfg/recorder*::*", "*aws:cfg/deliveryChannel*::*"),
            taken=r"MaxNumberOf(ConfigurationRecorders|DeliveryChannels)Exceeded",
            because="has a recorder of AWS Config already, such as its organisation's, and a "
            "region takes one",
        ),
        "budget": _Part(title=_BUDGET, waives=_NO_BUDGET, made=("*aws:budgets/budget:Budget::*",)),
    },
    "azure": {
        "trail": _Part(
            title="the audit trail", made=("*azure-native:monitor:DiagnosticSetting::activity",)
        ),
        "policies": _Part(
            title="the subscription's policies",
            made=("*azure-native:authorization:PolicyAssignment::*",),
        ),
        "budget": _Part(
            title=_BUDGET, waives=_NO_BUDGET, made=("*azure-native:consumption:Budget::*",)
        ),
    },
    "gcp": {
        "trail": _Part(
            title="the audit trail",
            made=("*gcp:projects/iAMAuditConfig*::*", "*gcp:logging/project*::*"),
        ),
        "organization": _Part(
            title="the organisation policies", made=("*gcp:orgpolicy/policy:Policy::*",)
        ),
        "budget": _Part(
            title=_BUDGET,
            waives=_NO_BUDGET,
            made=("*gcp:billing/budget:Budget::*", "*gcp:monitoring/notificationChannel*::*"),
        ),
    },
}

#: What AWS says of a permission that the organisation takes from everybody in the account.
_DENIED: Final = re.compile(r"explicit deny in a (service|resource) control policy")


def names(cloud: str) -> tuple[str, ...]:
    """The parts that can be left out on a cloud."""
    return tuple(_PARTS[cloud])


def left_out(cloud: str, words: Sequence[str]) -> tuple[str, ...] | None:
    """What is to be left out; ``None`` when nothing is said, so that earlier words hold.

    Raises:
        UsageError: There is no such part.
    """
    allowed = (*names(cloud), NONE)
    for word in words:
        if word not in allowed:
            message = f"no part '{word}' can be left out on {cloud}"
            raise UsageError(unknown("part", word, allowed, message=message))
    if not words:
        return None
    return tuple(part for part in names(cloud) if part in words)


def waived(cloud: str, without: Iterable[str]) -> dict[str, str]:
    """Policies that ask for what is left out, and why they need not be kept."""
    left = [_PARTS[cloud][name] for name in without]
    return {
        part.waives: f"{part.title} is left out: the account has it from elsewhere"
        for part in left
        if part.waives
    }


def explained(error: EngineError, cloud: str, account: str) -> EngineError:
    """The same error, with the option that does without what was refused."""
    said = [
        (each.urn, each.message)
        for each in (error.outcome.diagnostics if error.outcome else ())
        if each.severity == "error" and each.urn
    ]
    told = EngineError(*(_explained(each, said, cloud, account) for each in error.problems))
    told.outcome = error.outcome
    return told


def _explained(
    problem: Problem, said: Iterable[tuple[str, str]], cloud: str, account: str
) -> Problem:
    for urn, message in said:
        # One problem of several resources lists them by name.
        called = f"{urn.rsplit('::', 1)[-1]} ("
        about = urn == problem.path if problem.path else called in problem.message
        for name, part in _PARTS[cloud].items() if about else ():
            if not any(fnmatchcase(urn, pattern) for pattern in part.made):
                continue
            option = f"--without {name}"
            if re.search(part.taken, message):
                reason = f"{account} {part.because}: leave {part.title} out with {option}"
                return replace(problem, code="part-taken", message=reason, fix=_FIX.format(option))
            if _DENIED.search(message):
                reason = f"the organisation of {account} lets nobody make {part.title}: leave it "
                return replace(
                    problem,
                    code="part-denied",
                    message=f"{reason}out with {option}",
                    fix=_FIX.format(option),
                )
            fix = (problem.fix or "Mend what the provider says").rstrip(".")
            return replace(problem, fix=f"{fix}; or do without {part.title}: {option}.")
    return problem


_FIX: Final = "Run the same command again with {}; later runs remember it."
