"""What happens to resources, and how risky that is: the same words for engine and offline reviews.

Nothing here imports Pulumi.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final, Literal

from plinth.errors import Problem
from plinth.graph import Graph

Op = Literal["create", "update", "replace", "delete", "read", "refresh", "same", "import"]
#: Hash of what a resource is to become, from its URN and its inputs as the engine has them.
Goal = Callable[[str, Mapping[str, Any]], str]
Risk = Literal["none", "low", "high", "data-loss"]

#: Steps that leave what runs in the cloud as it is.
QUIET: Final[frozenset[Op]] = frozenset({"same", "read", "refresh"})

#: Stands for all properties of something that is no longer there.
GONE: Final = "*"

#: Risks, the smallest first.
RISKS: Final[tuple[Risk, ...]] = ("none", "low", "high", "data-loss")


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
        content: Hash of the new inputs, to tell one change from another: of what is updated as far
            as they change, of what is made (anew) the ``goal``, or all where nobody asked for that.
            Empty where there are none. Secrets are no part of it.
        goal: Hash of what it is to become, see :func:`goals`; empty where nothing is to stay, and
            where nobody asked.
        drift: Properties that were changed outside of Plinth, where the cloud was asked;
            :data:`GONE` alone when the whole thing is.
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
    content: str = ""
    goal: str = ""
    drift: tuple[str, ...] = ()

    @property
    def groups(self) -> bool:
        """Whether it is of a component or the stack, which group resources and are none."""
        return self.type.startswith(("plinth:index:", "pulumi:pulumi:"))

    @property
    def felt(self) -> bool:
        """Whether it is felt outside of the state."""
        return self.op not in QUIET and not self.groups

    def to_json(self) -> dict[str, Any]:
        """The change as plain JSON data."""
        return {**asdict(self), "properties": dict(self.properties), "drift": list(self.drift)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Change:
        """Reads what :meth:`to_json` writes; further keys are left alone."""
        known = {name: data[name] for name in cls.__slots__ if name in data}
        return cls(**{**known, "drift": tuple(data.get("drift") or ())})


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One message of the engine, a provider or a policy. ``severity``: info, warning, error."""

    severity: str
    message: str
    urn: str | None = None


def highest(changes: Iterable[Change]) -> Risk:
    """The highest risk among changes."""
    return max((change.risk for change in changes), key=RISKS.index, default="none")


def judge(
    op: Op,
    type_: str,
    *,
    stateful: bool,
    properties: Mapping[str, str],
    custom: bool = True,
    retained: bool = False,
    refreshing: bool = False,
) -> tuple[Risk, str]:
    """The risk of a change, and why it has to be.

    Args:
        op: What happens.
        type_: Type token.
        stateful: Whether resources of the type keep data.
        properties: Changed property paths and how each changes, as :class:`Change` has them.
        custom: Whether a provider owns it.
        retained: Whether the cloud keeps the old one.
        refreshing: Whether the cloud is the one that acted.
    """
    if op in {"create", "update", "import"}:
        return "low", ""
    if op not in {"replace", "delete"}:
        return "none", ""
    forcing = sorted(path for path, kind in properties.items() if kind.endswith("-replace"))
    if op == "delete":
        reason = "gone from the cloud" if refreshing else "no longer wanted"
    elif forcing:
        reason = f"cannot change in place: {', '.join(forcing)}"
    else:
        reason = "has to be made anew"
    if retained:
        return "low", f"{reason}; the old one is kept"
    if not custom or type_.startswith("pulumi:"):
        return "low", reason
    return ("data-loss", f"{reason}; it keeps data") if stateful else ("high", reason)


def drifted(change: Change, drift: tuple[str, ...]) -> Change:
    """The change with what was changed outside of Plinth, which is also why it has to be."""
    if not drift:
        return change
    said = "gone from the cloud" if drift == (GONE,) else f"changed outside: {', '.join(drift)}"
    return replace(change, drift=drift, reason="; ".join(filter(None, [said, change.reason])))


def content(inputs: Mapping[str, Any] | None, paths: Collection[str] | None = None) -> str:
    """Hash of inputs, or of the properties at the start of some paths, whatever their order."""
    if not inputs:
        return ""
    kept = {
        key: value
        for key, value in inputs.items()
        if not key.startswith("__") and (paths is None or any(under(path, key) for path in paths))
    }
    text = json.dumps(kept, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def under(path: str, key: str) -> bool:
    """Whether a property path such as ``tags.owner`` is a key, or begins with it."""
    return path == key or path.startswith((f"{key}.", f"{key}[", f'["{key}"]'))


def costs(change: Change, costly: Mapping[str, Collection[str]]) -> bool:
    """Whether a change shows on the bill.

    Args:
        change: What happens.
        costly: Types that are most of a bill, and the properties that it goes by.
    """
    if change.type not in costly or change.op in QUIET:
        return False
    return change.op != "update" or any(
        under(path, key) for path in change.properties for key in costly[change.type]
    )


def kinds(changes: Collection[Change]) -> str:
    """The most frequent type (of several, the shortest name), and how many others there are."""
    count = Counter(change.type.rsplit(":", 1)[-1] for change in changes)
    first, number = min(count.items(), key=lambda pair: (-pair[1], len(pair[0])))
    shown = f"{number} {first}" if number > 1 else first
    others = len(changes) - number
    return f"{shown} and {others} more" if others else shown


def why(change: Change, most: int = 4) -> str:
    """Why it happens, or what changes in it."""
    if change.reason or change.op == "create":
        return change.reason
    names = sorted(change.properties)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def found(changes: Iterable[Change]) -> Problem:
    """The problem of changes where none were allowed."""
    counts = Counter(change.op for change in changes if change.op not in QUIET)
    listed = ", ".join(f"{count} {op}" for op, count in sorted(counts.items()))
    return Problem(code="changes-found", message=f"Changes were found, none were allowed: {listed}")


def digest(changes: Iterable[Change]) -> str:
    """One hash of everything that would change, whatever the order: equal for equal plans."""
    lines = sorted(
        json.dumps([each.urn, each.op, sorted(each.properties.items()), each.content])
        for each in changes
        if each.op not in QUIET
    )
    return f"sha256:{hashlib.sha256(chr(10).join(lines).encode()).hexdigest()}"


def goals(graph: Graph) -> Goal:
    """Tells what resources are to become, the same before and after others have been made.

    Inputs that come from other resources are unknown to the engine until those are there; they
    count as the graph has them, where the spec alone decides.  All others count as the engine has
    them, looked-up values included.  What a provider adds by itself does not count: it follows from
    the rest.
    """

    def goal(urn: str, inputs: Mapping[str, Any]) -> str:
        resource = graph.by_urn.get(urn)
        if resource is None:
            return content(inputs)
        wired = resource.property_dependencies
        return content(
            {
                key: value if wired.get(key) else inputs.get(key)
                for key, value in resource.inputs.items()
            }
        )

    return goal


def approval(plan: str, changes: Iterable[Change]) -> str:
    """What ``up --approved`` takes: a plan's digest, and after a ``+`` a mark for each change.

    By the marks the rest of the plan is known again when a run ends halfway.
    """
    marks = sorted(_mark(change, change.op) for change in changes if change.felt)
    return f"{plan}+{''.join(marks)}" if marks else plan


#: An approval, as a regular expression.
APPROVAL: Final = r"sha256:[0-9a-f]{64}(?:\+(?:[0-9A-Za-z._]{12})+)?"


def unapproved(changes: Iterable[Change], approved: str) -> tuple[Change, ...]:
    """The changes that are not among those of an approval, nor what is left of one of them."""
    _, _, text = approved.partition("+")
    marks = {text[at : at + _MARK] for at in range(0, len(text), _MARK)}
    return tuple(
        change
        for change in changes
        if change.felt
        and marks.isdisjoint(_mark(change, op) for op in (change.op, *_LEFT_OF.get(change.op, ())))
    )


#: What a change may be the rest of: something made that has yet to settle is updated, and where
#: the old one is gone already, a replacement makes the new one.
_LEFT_OF: Final[Mapping[Op, tuple[Op, ...]]] = {
    "create": ("replace",),
    "update": ("create", "replace"),
}

#: Characters of a mark: 72 bits in base64.
_MARK: Final = 12


def _mark(change: Change, op: Op) -> str:
    hashed = hashlib.sha256(json.dumps([change.urn, op, change.goal]).encode()).digest()
    return base64.b64encode(hashed, altchars=b"._").decode()[:_MARK]
