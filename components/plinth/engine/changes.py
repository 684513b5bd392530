"""What an operation changes: engine events gathered into one change per resource, with its risk."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final, Literal

from pulumi.automation.events import EngineEvent, StepEventMetadata, StepEventStateMetadata

from plinth.errors import EngineError, Problem
from plinth.graph import capability_of

Op = Literal["create", "update", "replace", "delete", "read", "refresh", "same", "import"]
Risk = Literal["none", "low", "high", "data-loss"]
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

#: Steps that leave what runs in the cloud as it is.
QUIET: Final[frozenset[Op]] = frozenset({"same", "read", "refresh"})

#: Which step describes a resource best when it goes through several.
_RANK: Final[tuple[Op, ...]] = (
    "same", "read", "refresh", "import", "update", "create", "delete", "replace",
)  # fmt: skip

#: The CLI's warning that the language host does not lie beside it: the stand-in never does.
_EXPECTED: Final = "using pulumi-language-python from $PATH"

#: What gRPC says when the other side goes away during a call, as opposed to before it.
_LOST: Final = re.compile("error reading from server|transport is closing|connection reset")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What happens to one resource.

    Attributes:
        urn: Pulumi URN.
        type: Type token.
        name: Logical name.
        op: What happens; a replacement is one change, not three steps.
        capability: The capability it belongs to, such as ``tracking``; empty outside of any.
        risk: ``none``, ``low`` (created or changed in place), ``high`` (something stateless is
            replaced or deleted) or ``data-loss`` (something that keeps data is).
        properties: Changed property paths and how each changes: ``add``, ``update`` or ``delete``,
            with ``-replace`` behind it where that forces the replacement.
        stateful: Whether it keeps data.
        reason: Why it is replaced, deleted or at risk, one clause; empty when there is no question.
    """

    urn: str
    type: str
    name: str
    op: Op
    capability: str = ""
    risk: Risk = "none"
    properties: Mapping[str, str] = field(default_factory=dict)
    stateful: bool = False
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """The change as plain JSON data."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One message of the engine, a provider or a policy. ``severity``: info, warning, error."""

    severity: str
    message: str
    urn: str | None = None


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
    def risk(self) -> Risk:
        """The highest risk among the changes."""
        order: tuple[Risk, ...] = ("none", "low", "high", "data-loss")
        return max((change.risk for change in self.changes), key=order.index, default="none")

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

    def __init__(self, outcome: Outcome) -> None:
        counts = Counter(change.op for change in outcome.changed)
        listed = ", ".join(f"{count} {op}" for op, count in sorted(counts.items()))
        super().__init__(
            Problem(
                code="changes-found", message=f"Changes were found, none were allowed: {listed}"
            )
        )
        self.outcome = outcome


def _properties(step: StepEventMetadata) -> dict[str, str]:
    if step.detailed_diff:
        return {path: diff.diff_kind.value for path, diff in step.detailed_diff.items()}
    forcing = set(step.keys or ())
    return {
        path: "update-replace" if path in forcing else "update"
        for path in sorted(forcing.union(step.diffs or ()))
    }


def _judge(
    step: StepEventMetadata, op: Op, *, stateful: bool, refreshing: bool
) -> tuple[Risk, str]:
    if op in {"create", "update", "import"}:
        return "low", ""
    if op not in {"replace", "delete"}:
        return "none", ""
    forcing = sorted(path for path, kind in _properties(step).items() if kind.endswith("-replace"))
    if op == "delete":
        reason = "gone from the cloud" if refreshing else "no longer wanted"
    elif forcing:
        reason = f"cannot change in place: {', '.join(forcing)}"
    else:
        reason = "has to be made anew"
    old = step.old
    if old is not None and old.retain_on_delete:
        return "low", f"{reason}; the old one is kept"
    if (old is not None and not old.custom) or step.type.startswith("pulumi:"):
        return "low", reason
    return ("data-loss", f"{reason}; it keeps data") if stateful else ("high", reason)


def change_of(
    step: StepEventMetadata, stateful: Callable[[str], bool], *, refreshing: bool = False
) -> Change:
    """The change that one engine step is part of; in a refresh the cloud is the one that acted."""
    op = _OPS.get(step.op.value, "update")
    keeps_data = stateful(step.type)
    risk, reason = _judge(step, op, stateful=keeps_data, refreshing=refreshing)
    return Change(
        urn=step.urn,
        type=step.type,
        name=step.urn.rsplit("::", 1)[-1],
        op=op,
        capability=capability_of(step.urn),
        risk=risk,
        properties=_properties(step) if op not in {"create", "same"} else {},
        stateful=keeps_data,
        reason=reason,
    )


class Collector:
    """Gathers the events of one operation; an instance is an ``on_event`` callback.

    Args:
        stateful: Whether a resource of a type keeps data.
        on_change: Told of every step as it happens.
        refreshing: The operation is a refresh.
    """

    def __init__(
        self,
        stateful: Callable[[str], bool],
        on_change: OnChange | None = None,
        *,
        refreshing: bool = False,
    ) -> None:
        self._stateful = stateful
        self._refreshing = refreshing
        self._on_change = on_change
        self._changes: dict[str, Change] = {}
        self.diagnostics: list[Diagnostic] = []
        self.violations: list[tuple[str, Diagnostic]] = []
        self.failed: dict[str, StepEventMetadata] = {}

    def __call__(self, event: EngineEvent) -> None:
        """Takes in one event."""
        if before := event.resource_pre_event:
            phase: Phase = "planned" if before.planning else "started"
            self._step(before.metadata, phase)
        elif after := event.res_outputs_event:
            if not after.planning:
                self._step(after.metadata, "done")
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

    def _step(self, step: StepEventMetadata, phase: Phase) -> None:
        change = change_of(step, self._stateful, refreshing=self._refreshing)
        known = self._changes.get(step.urn)
        if known is not None:
            better = max(known, change, key=lambda each: _RANK.index(each.op))
            change = replace(better, properties=better.properties or known.properties)
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
            changes=tuple(self._changes.values()),
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
