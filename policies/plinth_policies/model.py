"""What a rule is, what it may look at, and what it finds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from fnmatch import fnmatchcase
from functools import cache, cached_property
from itertools import chain, count
from typing import Any, Final, Literal

from plinth.errors import Problem, UsageError
from plinth.graph import SECRET, UNKNOWN, Graph, Resource
from plinth_policies.parameters import Parameters

#: How far rules go: ``advisory`` warns, ``mandatory`` stops the operation.
Level = Literal["advisory", "mandatory"]

#: What an environment may say of one rule. ``remediate`` mends what can safely be mended, and is
#: mandatory for what is left.
Action = Literal["disabled", "advisory", "mandatory", "remediate"]

#: Resources that show a rule kept or broken: the inputs of one, or several as (type token, inputs),
#: the judged one first. They refer to one another by name, as ``bucket: models``, or by the
#: identifiers that they have in examples: ``subject``, ``companion-1`` and so on.
Example = Mapping[str, Any] | tuple[tuple[str, Mapping[str, Any]], ...]

#: Inputs and outputs under which other resources may name a resource.
_NAMES: Final = ("id", "arn", "name", "bucket", "identifier")

_RULE_ID: Final = re.compile(r"[a-z]+(-[a-z0-9]+)+")

#: A type of one API version: ``azure-native:storage/v20240101:StorageAccount``, or, from a package
#: made for that version, ``azure-native_storage_v20240101:storage:StorageAccount``.
_VERSIONED: Final = re.compile(
    r"azure-native(?:_\w+_v\d{8}\w*)?:(\w+)(?:/v\d{8}\w*)?:(\w+)", re.ASCII
)


#: Second names under which the AWS provider also has a type -> the first one.
_ALIASES: Final = (
    (re.compile(r"aws:s3/(\w+)V2:(\w+)V2"), r"aws:s3/\1:\2"),
    (re.compile(r"aws:alb/(\w+:\w+)"), r"aws:lb/\1"),
)


@cache
def kind_of(token: str) -> str:
    """A type token without the API version that Azure's may name, and AWS' second names."""
    match = _VERSIONED.fullmatch(token)
    if match:
        return f"azure-native:{match[1]}:{match[2]}"
    for alias, first in _ALIASES:
        if alias.fullmatch(token):
            return alias.sub(first, token)
    return token


@cache
def _covers(tokens: tuple[str, ...], kind: str) -> bool:
    name = kind_of(kind)
    return name in tokens or any(fnmatchcase(name, token) for token in tokens if "*" in token)


class UnjudgeableError(Exception):
    """A rule met a value that it needs and that is unknown or secret; counts as a violation."""


@dataclass(frozen=True)
class Scope:
    """What a rule may look at beside the resource itself.

    Rules that declare no companions may be given a graph with nothing but the resource and its
    provider: so it is when the engine shows them one resource at a time.
    """

    graph: Graph
    parameters: Parameters

    def provider_of(self, resource: Resource) -> Resource | None:
        """The provider resource that owns ``resource``."""
        return self.graph.provider_of(resource)

    def companions(self, resource: Resource, kind: str, through: str) -> list[Resource]:
        """Resources of type ``kind`` whose property ``through`` refers to ``resource``."""
        return [r for r in self._of_kind.get(kind, ()) if _refers(r, through, resource)]

    def target(self, resource: Resource, through: str, kind: str) -> Resource | None:
        """The resource of type ``kind`` that the property ``through`` refers to."""
        found = (r for r in self._of_kind.get(kind, ()) if _refers(resource, through, r))
        return next(found, None)

    def all_of(self, *kinds: str) -> list[Resource]:
        """All resources of the types, those of the first type first."""
        return [resource for kind in kinds for resource in self._of_kind.get(kind, ())]

    @cached_property
    def _of_kind(self) -> dict[str, list[Resource]]:
        kinds: dict[str, list[Resource]] = {}
        for resource in self.graph:
            kinds.setdefault(kind_of(resource.type), []).append(resource)
        return kinds


def _refers(source: Resource, through: str, target: Resource) -> bool:
    if target.urn in source.property_dependencies.get(through, ()):
        return True
    value = source.inputs.get(through)
    if value in (None, "", UNKNOWN, SECRET):
        return False
    named = (properties.get(n) for n in _NAMES for properties in (target.inputs, target.outputs))
    return value == target.id or value in tuple(named)


Check = Callable[[Resource, Scope], Iterator[str]]

#: The inputs that a resource should have had; None where there is nothing to mend.
Mend = Callable[[Resource, Scope], Mapping[str, Any] | None]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One thing that every resource of some types must satisfy.

    Attributes:
        id: ``<domain>-<what>``, unique, such as ``encryption-s3-bucket-kms``.
        title: What holds when the rule is kept, one sentence without a period.
        why: What goes wrong when it is not.
        fix: What to do, as the second half of a message.
        judges: Type tokens (or globs) of the resources it judges -> input properties it reads,
            dotted, lists looked through.
        consults: The same for the companions it looks up; a rule with any needs the whole graph.
        parameters: Names of the :class:`Parameters` that it reads.
        severity: How far it goes in an environment where policies are mandatory.
        controls: What it serves: ids of :mod:`plinth_policies.controls`.
        good: An example that keeps it.
        bad: An example that breaks it, and nothing else in the same way.
        mend: Gives a resource the inputs with which it keeps the rule, where that is safe.
        spares: Whether a type that a glob of ``judges`` covers has nothing to judge.
        check: Yields what is wrong with one resource; must not have side effects.
    """

    id: str
    title: str
    why: str
    fix: str
    judges: Mapping[str, tuple[str, ...]]
    check: Check
    consults: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    parameters: tuple[str, ...] = ()
    severity: Level = "mandatory"
    controls: tuple[str, ...] = ()
    good: Example = field(default_factory=dict)
    bad: Example = field(default_factory=dict)
    mend: Mend | None = None
    spares: Callable[[str], bool] | None = None

    @property
    def domain(self) -> str:
        """The first word of the id, such as ``encryption``."""
        return self.id.split("-", 1)[0]

    @property
    def types(self) -> tuple[str, ...]:
        """Type tokens, or globs, of the resources that the rule judges."""
        return tuple(self.judges)

    @property
    def clouds(self) -> tuple[str, ...]:
        """Provider packages whose resources it judges, sorted."""
        return tuple(sorted({token.split(":", 1)[0] for token in self.judges}))

    @property
    def reads(self) -> dict[str, tuple[str, ...]]:
        """All input properties it reads, by type token."""
        return {**self.judges, **self.consults}

    def reads_of(self, kind: str) -> tuple[str, ...]:
        """The input properties it reads of a type."""
        found = [paths for token, paths in self.reads.items() if _covers((token,), kind)]
        return tuple(dict.fromkeys(chain.from_iterable(found)))

    @property
    def needs_graph(self) -> bool:
        """Whether one resource is not enough to judge."""
        return bool(self.consults)

    def example(self, *, kept: bool) -> Graph:
        """The example that keeps or breaks the rule; the judged resource comes first."""
        shown = self.good if kept else self.bad
        parts = shown if isinstance(shown, tuple) else ((self.types[0], shown),)
        return Graph(
            environment="example",
            cloud="",
            resources=tuple(
                Resource(
                    urn=f"urn:pulumi:example::plinth::{token}::{name}",
                    type=token,
                    name=name,
                    inputs=inputs,
                    id=name,
                )
                for name, (token, inputs) in zip(_names(), parts, strict=False)
            ),
        )

    def applies_to(self, resource: Resource) -> bool:
        """Whether it judges ``resource``."""
        return resource.custom and self.judges_kind(resource.type)

    def judges_kind(self, kind: str) -> bool:
        """Whether it judges resources of a type."""
        if self.spares and self.spares(kind_of(kind)):
            return False
        return _covers(self.types, kind)

    def looks_at(self, kind: str) -> bool:
        """Whether it judges or consults resources of a type."""
        return self.judges_kind(kind) or _covers(tuple(self.consults), kind)


def _names() -> Iterator[str]:
    yield "subject"
    yield from (f"companion-{number}" for number in count(1))


class Registry:
    """Rules by id, in the order in which they were registered."""

    def __init__(self) -> None:
        self._rules: dict[str, Rule] = {}

    def rule(
        self,
        rule_id: str,
        *,
        title: str,
        why: str,
        fix: str,
        judges: Mapping[str, tuple[str, ...]],
        consults: Mapping[str, tuple[str, ...]] | None = None,
        parameters: tuple[str, ...] = (),
        severity: Level = "mandatory",
        controls: tuple[str, ...] = (),
        good: Example | None = None,
        bad: Example | None = None,
        mend: Mend | None = None,
        spares: Callable[[str], bool] | None = None,
    ) -> Callable[[Check], Check]:
        """Registers the decorated check function; the fields are those of :class:`Rule`.

        Raises:
            ValueError: The id is taken or is not in kebab case.
        """
        if rule_id in self._rules or not _RULE_ID.fullmatch(rule_id):
            raise ValueError(f"rule id {rule_id!r} is taken or not in kebab case")

        def register(check: Check) -> Check:
            self._rules[rule_id] = Rule(
                id=rule_id,
                title=title,
                why=why,
                fix=fix,
                judges=judges,
                check=check,
                consults=consults or {},
                parameters=parameters,
                severity=severity,
                controls=controls,
                good=good or {},
                bad=bad or {},
                mend=mend,
                spares=spares,
            )
            return check

        return register

    @property
    def rules(self) -> tuple[Rule, ...]:
        """All rules, sorted by id."""
        return tuple(self._rules[rule_id] for rule_id in sorted(self._rules))


#: The rules that Plinth ships.
REGISTRY: Final = Registry()


@dataclass(frozen=True, kw_only=True)
class Waiver:
    """Leave to break one rule for a while.

    Attributes:
        rule: Id of the rule, or a glob of ids.
        resource: Glob that the resource's URN or logical name must match.
        reason: Why it is fine.
        owner: Who answers for it.
        expires: Last day on which it counts.
    """

    rule: str
    resource: str
    reason: str
    owner: str
    expires: date

    def __post_init__(self) -> None:
        empty = [name for name, value in asdict(self).items() if not value]
        if empty:
            raise UsageError(
                Problem(code="waiver-incomplete", message=f"a waiver has no {', '.join(empty)}")
            )

    def covers(self, rule: Rule, resource: Resource, today: date) -> bool:
        """Whether it excuses ``resource`` from ``rule`` on the day ``today``."""
        return (
            today <= self.expires
            and fnmatchcase(rule.id, self.rule)
            and any(fnmatchcase(text, self.resource) for text in (resource.urn, resource.name))
        )

    def to_json(self) -> dict[str, str]:
        """The waiver as plain JSON data; ``expires`` is an ISO 8601 date."""
        return {**asdict(self), "expires": self.expires.isoformat()}

    @classmethod
    def from_json(cls, data: Mapping[str, str]) -> Waiver:
        """Reads what :meth:`to_json` writes.

        Raises:
            UsageError: A field is missing, empty, unknown, or not a date where one is needed.
        """
        try:
            fields: dict[str, Any] = {**data, "expires": date.fromisoformat(data["expires"])}
            return cls(**fields)
        except (KeyError, TypeError, ValueError) as error:
            raise UsageError(
                Problem(code="waiver-malformed", message=f"a waiver cannot be read: {error}")
            ) from error


@dataclass(frozen=True, kw_only=True)
class Violation:
    """One resource that breaks one rule.

    Attributes:
        policy: Id of the rule.
        severity: Whether it warns or stops here.
        urn: The resource.
        message: What is wrong and what to do.
        fix: What to do alone.
        waiver: The waiver that excuses it, if one does.
        expired: The waiver whose day is over, where that is what is wrong, and no resource is.
    """

    policy: str
    severity: Level
    urn: str
    message: str
    fix: str = ""
    waiver: Waiver | None = None
    expired: Waiver | None = None

    @property
    def what(self) -> str:
        """What is wrong alone."""
        return self.message.removesuffix(f"; {self.fix}")

    @property
    def blocking(self) -> bool:
        """Whether it stops the operation."""
        return self.severity == "mandatory" and self.waiver is None

    def to_json(self) -> dict[str, Any]:
        """The violation as plain JSON data."""
        return {
            "policy": self.policy,
            "severity": self.severity,
            "urn": self.urn,
            "message": self.message,
            "waiver": self.waiver.to_json() if self.waiver else None,
        }
