"""Approvals: what may be replaced or deleted although it keeps data, and whether this is the plan.

They are lines of the spec, so that whoever reviews the change reviews the approval with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from plinth.changes import APPROVAL, Change, unapproved
from plinth.errors import EngineError, Problem, UsageError
from plinth.review.model import Approval, Approvals
from plinth.spec.document import PLACEHOLDER, Document, load
from plinth.spec.overlay import ENVIRONMENTS

if TYPE_CHECKING:
    from plinth.engine.changes import Outcome
    from plinth.spec import models

#: How long an approval counts that is proposed.
_DAYS: Final = 30
_MISSING: Final = "approval-missing"
_KEY: Final = "approvals"
_DOING: Final = {"replace": "replacing", "delete": "deleting"}


class PlanChangedError(EngineError):
    """An update would do something else than what was approved; nothing was changed."""

    exit_code = 4


def weigh(
    changes: Iterable[Change],
    approvals: Sequence[models.Approval],
    *,
    today: date | None = None,
) -> Approvals:
    """Holds the approvals of an environment against its changes.

    Args:
        changes: What would change.
        approvals: What the spec approves.
        today: Day on which they must still count. Default: the current day.
    """
    today = today or date.today()
    plain = [Approval(**approval.model_dump(mode="json")) for approval in approvals]
    expired = [each for each, said in zip(plain, approvals, strict=True) if today > said.expires]
    valid = [each for each in plain if each not in expired]
    granted: dict[str, Approval] = {}
    used: list[Approval] = []
    for change in changes:
        if change.risk == "data-loss":
            covering = [approval for approval in valid if _covers(approval, change)]
            used += covering
            if covering:
                granted[change.urn] = covering[0]
    return Approvals(
        used=tuple(each for each in valid if each in used),
        unused=tuple(each for each in valid if each not in used),
        expired=tuple(expired),
        granted=granted,
    )


def _covers(approval: Approval, change: Change) -> bool:
    return approval.change == change.op and any(
        fnmatchcase(text, approval.resource) for text in (change.urn, change.name)
    )


def missing(
    changes: Iterable[Change],
    approvals: Approvals,
    *,
    spec: Path,
    environment: str,
    today: date | None = None,
) -> list[Problem]:
    """One problem for each change that would lose data and has no approval.

    Args:
        changes: What would change.
        approvals: What became of the approvals.
        spec: The spec file, which the fix is for.
        environment: The environment.
        today: The current day; what is proposed counts for a month from there.
    """
    lossy = [change for change in changes if change.risk == "data-loss"]
    if all(change.urn in approvals.granted for change in lossy):
        return []
    document = load(spec)
    keys = _place(document, environment)
    expires = (today or date.today()) + timedelta(days=_DAYS)
    problems = []
    for change in sorted(lossy, key=lambda each: (each.name, each.type)):
        if change.urn in approvals.granted:
            continue
        late = next((each for each in approvals.expired if _covers(each, change)), None)
        because = change.reason.removesuffix("; it keeps data")
        expired = f"; its approval expired on {late.expires}" if late else ""
        line = {
            "resource": _pattern(change, shared=keys == (_KEY,)),
            "change": change.op,
            "reason": PLACEHOLDER,
            "approver": PLACEHOLDER,
            "expires": expires,
        }
        problems.append(
            Problem(
                code=_MISSING,
                message=f"{_DOING[change.op]} {change.name} ({change.type}) would lose the data it "
                f"keeps: {because}{expired}",
                location=document.locate(keys, key=True),
                path=change.urn,
                environment=environment,
                fix=f"Undo the change in the spec, or add to {'.'.join(keys)}, with why and who: "
                f"`{_written(line)}`.",
            )
        )
    return problems


def line_of(problem: Problem) -> str | None:
    """The line of YAML that a problem of :func:`missing` asks for."""
    if problem.code != _MISSING or not problem.fix:
        return None
    _, _, rest = problem.fix.partition("`")
    return rest.rpartition("`")[0] or None


def _pattern(change: Change, *, shared: bool) -> str:
    """A pattern for this resource alone: others of its name may be lost before it expires.

    In the list that environments share, it names the environment as well.
    """
    start = f"{change.urn.partition('::')[0]}::" if shared else ""
    return f"{start}*{change.type}::{change.name}"


def _place(document: Document, environment: str) -> tuple[str, ...]:
    """Where approvals are, or would be: an environment's own list replaces the shared one."""
    overlay = (document.data.get(ENVIRONMENTS) or {}).get(environment) or {}
    if _KEY in document.data and _KEY not in overlay:
        return (_KEY,)
    return (ENVIRONMENTS, environment, _KEY)


def _written(line: Mapping[str, Any]) -> str:
    """A line of YAML."""
    text: str = yaml.safe_dump([dict(line)], default_flow_style=None, sort_keys=False, width=1000)
    return text.strip()


def refuse_other_plan(planned: Outcome, approved: str | None, environment: str) -> None:
    """Refuses an update whose preview is neither the approved one nor the rest of it.

    Args:
        planned: What the preview found, with the goals of its changes.
        approved: Digest of the approved preview, alone or as :func:`plinth.changes.approval` has
            it; ``None`` where any will do.
        environment: The environment.

    Raises:
        UsageError: It is no digest.
        PlanChangedError: It would do something else.
    """
    if approved is None:
        return
    if not re.fullmatch(APPROVAL, approved):
        raise UsageError(
            Problem(
                code="digest-malformed",
                message=f"'{approved[:_SHOWN]}' is no digest of a plan",
                fix=f"Take the one that `plinth preview {environment}` or `plinth ci approved "
                f"{environment}` prints.",
            )
        )
    digest, _, marks = approved.partition("+")
    if digest == planned.digest:
        return
    others = unapproved(planned.changes, approved) if marks else ()
    if marks and not others:
        return
    added = f": nobody approved to {_listed(others)}" if others else ""
    error = PlanChangedError(
        Problem(
            code="plan-changed",
            message="the plan is no longer the one that was approved; nothing was changed" + added,
            environment=environment,
            fix=f"Look at `plinth preview {environment}` again and approve what it says now: "
            f"{planned.digest}.",
        )
    )
    error.outcome = planned
    raise error


#: Characters of a digest, and changes, that are told of.
_SHOWN: Final = 80
_NAMED: Final = 5


def _listed(changes: Sequence[Change]) -> str:
    kinds = [f"{each.op} {each.name} ({each.type.rsplit(':', 1)[-1]})" for each in changes[:_NAMED]]
    more = f" and {len(changes) - _NAMED} more" if len(changes) > _NAMED else ""
    return ", ".join(kinds) + more
