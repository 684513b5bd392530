"""What an operation changes: engine events gathered into one change per resource, with its risk."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Literal

from pulumi.automation.events import EngineEvent, StepEventMetadata, StepEventStateMetadata

from plinth.changes import (
    GONE,
    QUIET,
    Change,
    Diagnostic,
    Goal,
    Op,
    Risk,
    content,
    digest,
    drifted,
    found,
    highest,
    judge,
)
from plinth.errors import EngineError
from plinth.graph import capability_of

Phase = Literal["planned", "started", "done", "failed"]

#: Called for each step of a resource as it happens, from a thread of its own.
OnChange = Callable[["Change", Phase], None]

#: The engine's steps, as far as a person cares (deploy/step.go): a replacement is three steps, a
#: removal that the cloud does not see (retain, already gone) is still a removal.
_OPS: Final[Mapping[str, Op]] = {
    "create": "create",
    "create-replacement": "replace",
    "delete": "delete",
    "delete-replaced": "replace",
    "discard": "delete",
    "discard-replaced": "replace",
    "import": "import",
    "import-replacement": "import",
    "read": "read",
    "read-replacement": "read",
    "refresh": "refresh",
    "remove-pending-replace": "replace",
    "replace": "replace",
    "same": "same",
    "update": "update",
}

#: Steps of a replacement, or after one, that say nothing of what comes instead.
_OF_THE_OLD: Final = frozenset({"delete-replaced", "discard-replaced", "remove-pending-replace"})

#: Which step describes a resource best when it goes through several.
_RANK: Final[tuple[Op, ...]] = (
    "same", "read", "refresh", "import", "update", "create", "delete", "replace",
)  # fmt: skip

#: The CLI's warnings that a plugin does not lie beside it: the stand-in host and Plinth's own
#: provider never do.
_EXPECTED: Final = (
    "using pulumi-language-python from $PATH",
    "using pulumi-resource-plinth-local from $PATH",
)

#: What gRPC says when the other side goes away during a call, as opposed to before it.
_LOST: Final = re.compile("error reading from server|transport is closing|connection reset")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result of one operation.

    Attributes:
        changes: One per resource, in the order in which they came up; unchanged ones included.
        outputs: Stack outputs, secret ones as :data:`plinth.graph.SECRET`.
        seconds: Wall-clock duration.
        diagnostics: Warnings and errors, in order.
    """

    changes: tuple[Change, ...]
    outputs: Mapping[str, Any]
    seconds: float
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def summary(self) -> dict[str, int]:
        """Number of resources per op."""
        return dict(Counter(change.op for change in self.changes))

    @property
    def changed(self) -> tuple[Change, ...]:
        """The changes that are felt outside of the state."""
        return tuple(change for change in self.changes if change.op not in QUIET)

    @property
    def digest(self) -> str:
        """Equal for equal plans, see :func:`plinth.changes.digest`."""
        return digest(self.changes)

    @property
    def risk(self) -> Risk:
        """The highest risk among the changes."""
        return highest(self.changes)

    def advised(self, advice: Sequence[str]) -> Outcome:
        """The same with warnings of Plinth's own before the others."""
        said = tuple(Diagnostic(severity="warning", message=line) for line in advice)
        return replace(self, diagnostics=said + self.diagnostics)

    def to_json(self) -> dict[str, Any]:
        """The outcome as plain JSON data."""
        return {
            "changes": [change.to_json() for change in self.changes],
            "summary": self.summary,
            "risk": self.risk,
            "outputs": dict(self.outputs),
            "seconds": round(self.seconds, 3),
            "diagnostics": [asdict(diagnostic) for diagnostic in self.diagnostics],
        }


class ChangesFoundError(EngineError):
    """A preview found changes where none were allowed; carries the :class:`Outcome`."""

    exit_code = 4
    outcome: Outcome

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(found(outcome.changed))
        self.outcome = outcome


def _properties(step: StepEventMetadata) -> dict[str, str]:
    if step.detailed_diff:
        return {path: diff.diff_kind.value for path, diff in step.detailed_diff.items()}
    forcing = set(step.keys or ())
    return {
        path: "update-replace" if path in forcing else "update"
        for path in sorted(forcing.union(step.diffs or ()))
    }


def change_of(
    step: StepEventMetadata,
    stateful: Callable[[str], bool],
    *,
    refreshing: bool = False,
    goal: Goal | None = None,
) -> Change:
    """The change that one engine step is part of; in a refresh the cloud is the one that acted."""
    op = _OPS.get(step.op.value, "update")
    keeps_data = stateful(step.type)
    properties = _properties(step) if op not in {"create", "same"} else {}
    becoming = _goal(step, goal)
    risk, reason = judge(
        op,
        step.type,
        stateful=keeps_data,
        properties=properties,
        custom=step.old is None or bool(step.old.custom),
        # What is discarded was only ever read.
        retained=step.op.value.startswith("discard")
        or (step.old is not None and bool(step.old.retain_on_delete)),
        refreshing=refreshing,
    )
    return Change(
        urn=step.urn,
        type=step.type,
        name=step.urn.rsplit("::", 1)[-1],
        op=op,
        capability=capability_of(step.urn),
        risk=risk,
        properties=properties,
        stateful=keeps_data,
        reason=reason,
        content=_content(step, op, properties, becoming),
        goal=becoming,
    )


def _content(step: StepEventMetadata, op: Op, properties: Mapping[str, str], becoming: str) -> str:
    if op in QUIET or step.new is None or step.op.value in _OF_THE_OLD:
        return ""
    if op == "update" and properties:
        return content(step.new.inputs, properties)
    # Names that a provider makes up are others each time, so the goal is what can be told again.
    return becoming or content(step.new.inputs)


def _goal(step: StepEventMetadata, goal: Goal | None) -> str:
    if goal is None or step.new is None or step.op.value in _OF_THE_OLD:
        return ""
    return goal(step.urn, step.new.inputs or {})


class Collector:
    """Gathers the events of one operation; an instance is an ``on_event`` callback.

    Args:
        stateful: Whether a resource of a type keeps data.
        on_change: Told of every step as it happens.
        refreshing: The operation is a refresh.
        goal: Tells what resources are to become, where plans are compared change by change.
    """

    def __init__(
        self,
        stateful: Callable[[str], bool],
        on_change: OnChange | None = None,
        *,
        refreshing: bool = False,
        goal: Goal | None = None,
    ) -> None:
        self._stateful = stateful
        self._goal = goal
        self._refreshing = refreshing
        self._on_change = on_change
        self._changes: dict[str, Change] = {}
        self._drift: dict[str, tuple[str, ...]] = {}
        self.begun = False
        self.diagnostics: list[Diagnostic] = []
        self.violations: list[tuple[str, Diagnostic]] = []
        self.failed: dict[str, StepEventMetadata] = {}

    def __call__(self, event: EngineEvent) -> None:
        """Takes in one event."""
        self.begun = True
        if before := event.resource_pre_event:
            phase: Phase = "planned" if before.planning else "started"
            self._step(before.metadata, phase)
        elif after := event.res_outputs_event:
            if not after.planning:
                self._step(after.metadata, "done")
            elif after.metadata.op.value == "refresh":
                self._found(after.metadata)
        elif failure := event.res_op_failed_event:
            self.failed[failure.metadata.urn] = failure.metadata
            self._step(failure.metadata, "failed")
        elif policy := event.policy_event:
            rule = f"{policy.policy_pack_name}/{policy.policy_name}"
            severity = "error" if policy.enforcement_level == "mandatory" else "warning"
            self.violations.append(
                (
                    rule,
                    Diagnostic(
                        severity=severity,
                        message=" ".join(plain(policy.message).split()),
                        urn=policy.resource_urn,
                    ),
                )
            )
        elif (said := event.diagnostic_event) and said.severity in {"warning", "error"}:
            message = plain(said.message)
            if not message.startswith(_EXPECTED):
                self.diagnostics.append(
                    Diagnostic(severity=said.severity, message=message, urn=said.urn or None)
                )

    def _found(self, step: StepEventMetadata) -> None:
        """Notes how a resource differs from the state: nothing new means that it is gone."""
        drift = tuple(_properties(step)) if step.new is not None else (GONE,)
        if drift:
            self._drift[step.urn] = drift

    def _step(self, step: StepEventMetadata, phase: Phase) -> None:
        change = change_of(step, self._stateful, refreshing=self._refreshing, goal=self._goal)
        known = self._changes.get(step.urn)
        if known is not None:
            # Of the steps of a replacement, those of the old one do not say what forces it.
            better = max(
                known, change, key=lambda each: (_RANK.index(each.op), bool(each.properties))
            )
            other = change if better is known else known
            change = replace(
                better,
                properties=better.properties or other.properties,
                content=better.content or other.content,
                goal=better.goal or other.goal,
            )
        self._changes[step.urn] = change
        if self._on_change is not None:
            self._on_change(change, phase)

    def cut_off(self) -> list[StepEventStateMetadata]:
        """Resources whose provider died while it made them: they may exist or not."""
        lost = {said.urn for said in self.diagnostics if _LOST.search(said.message)}
        return [
            step.new
            for urn, step in self.failed.items()
            if urn in lost and step.new is not None and step.op.value.startswith("create")
        ]

    def outcome(self, *, outputs: Mapping[str, Any], seconds: float) -> Outcome:
        """Everything gathered so far."""
        advice = [
            replace(said, message=f"{rule}: {said.message}")
            for rule, said in self.violations
            if said.severity == "warning"
        ]
        return Outcome(
            changes=tuple(
                drifted(change, self._drift.get(change.urn, ()))
                for change in self._changes.values()
            ),
            outputs=outputs,
            seconds=seconds,
            diagnostics=(*self.diagnostics, *advice),
        )


def plain(text: str) -> str:
    """Engine text without its colour tags (``<{%fg 1%}>``, colors.go) and outer blanks."""
    start = text.find("<{%")
    while start >= 0:
        end = text.find("%}>", start)
        if end < 0:
            break
        text = text[:start] + text[end + 3 :]
        start = text.find("<{%")
    return text.strip()
