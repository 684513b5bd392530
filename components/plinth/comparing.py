"""Two plans side by side, by capability and component: environments of a spec, or clouds.

Things are told apart by the names they keep everywhere: capability, component, logical name.  Two
environments on one cloud are made of the same types, so single resources are compared; two clouds
meet the same needs by other types, so what each component is made of is.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from plinth import changes as planned
from plinth.graph import Graph, Resource, capability_of
from plinth.planning import PARTS, Plan
from plinth.rehearsal.diff import changes

#: The end of names that are unique in the world.
_DIGEST = re.compile(r"-?[0-9a-f]{6}\b")
#: SHA-256 of something, in hexadecimal.
_HASH = re.compile(r"[0-9a-f]{64}")
#: Keys that tell the items of a list apart: of volumes' mounts, and of nearly everything else.
_NAMES = ("mountPath", "name")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One property of a resource that both sides have."""

    path: str
    left: Any
    right: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One component, and what it is made of on either side.

    Attributes:
        part: Capability, or ``foundation`` or ``services``.
        component: Logical name; the part's own where things are made directly below it.
        left: Resources by type (``{"aws:ec2/subnet:Subnet": 6}``) on the left; and ``right``.
        only_left: Kind and logical name of resources on the left only; and ``only_right``.
        changed: What differs in resources that both sides have, by kind and logical name.
    """

    part: str
    component: str
    left: Mapping[str, int]
    right: Mapping[str, int]
    only_left: tuple[str, ...]
    only_right: tuple[str, ...]
    changed: Mapping[str, tuple[Change, ...]]

    @property
    def same(self) -> bool:
        """Whether both sides are alike."""
        return not (self.only_left or self.only_right or self.changed)

    def to_json(self) -> dict[str, Any]:
        """The row as plain JSON data."""
        return {
            "part": self.part,
            "component": self.component,
            "left": dict(self.left),
            "right": dict(self.right),
            "onlyLeft": list(self.only_left),
            "onlyRight": list(self.only_right),
            "changed": {
                name: [{"path": c.path, "left": c.left, "right": c.right} for c in found]
                for name, found in self.changed.items()
            },
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Costly:
    """One thing that shows on the bill.

    Attributes:
        part: Capability, or ``foundation`` or ``services``.
        what: Kind of a resource and the component that it is in, or kind and name with the
            property that differs.
        left: How many there are on the left, or the property's value; and ``right``.
    """

    part: str
    what: str
    left: Any
    right: Any


@dataclass(frozen=True)
class Comparison:
    """Two plans.

    Attributes:
        left: One side.
        right: The other side.
        changes: What would happen to the environment on the way from left to right, where both are
            of the same one; ``None`` otherwise. Names that follow from the environment's are
            compared then like anything else.
    """

    left: Plan
    right: Plan
    changes: tuple[planned.Change, ...] | None = None

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """Every component of either side, in building order."""
        left, right = _components(self.left.graph), _components(self.right.graph)
        keys = [*left, *(key for key in right if key not in left)]
        keys.sort(key=lambda key: PARTS.index(key[0]))
        return tuple(self._row(key, left.get(key, {}), right.get(key, {})) for key in keys)

    @cached_property
    def outputs(self) -> dict[str, tuple[Any, Any]]:
        """Stack outputs that differ; ``None`` where a side lacks one."""
        left, right = self.left.graph.outputs, self.right.graph.outputs
        names = [*left, *(name for name in right if name not in left)]
        both = {name: (left.get(name), right.get(name)) for name in names}
        return {name: pair for name, pair in both.items() if pair[0] != pair[1]}

    @cached_property
    def costly(self) -> tuple[Costly, ...]:
        """What shows on the bill: one more, one less, or another size."""
        known = {**self.left.blueprint.cloud.costly, **self.right.blueprint.cloud.costly}
        return tuple(found for row in self.rows for found in _costly(row, known))

    @property
    def same(self) -> bool:
        """Whether nothing differs but names that follow from the environment's."""
        return all(row.same for row in self.rows) and not self.changes

    def to_json(self) -> dict[str, Any]:
        """The comparison as one object, for ``--json``."""
        sides = {"left": self.left, "right": self.right}
        return {
            **{
                side: {
                    "environment": plan.blueprint.environment,
                    "cloud": plan.blueprint.settings.cloud,
                    "region": plan.blueprint.settings.region,
                    "resources": sum(plan.counts.values()),
                    "violations": len(plan.violations),
                }
                for side, plan in sides.items()
            },
            "costly": [asdict(found) for found in self.costly],
            "changes": (
                [change.to_json() for change in self.changes] if self.changes is not None else None
            ),
            "parts": [row.to_json() for row in self.rows],
            "outputs": {
                name: {"left": left, "right": right} for name, (left, right) in self.outputs.items()
            },
        }

    def _row(
        self, key: tuple[str, str], left: Mapping[str, Resource], right: Mapping[str, Resource]
    ) -> Row:
        both = [name for name in left if name in right]
        differing = {
            _label(left[name]): tuple(self._changes(left[name], right[name])) for name in both
        }
        return Row(
            part=key[0],
            component=key[1],
            left=Counter(resource.type for resource in left.values()),
            right=Counter(resource.type for resource in right.values()),
            only_left=tuple(_label(left[name]) for name in left if name not in right),
            only_right=tuple(_label(right[name]) for name in right if name not in left),
            changed={name: found for name, found in differing.items() if found},
        )

    def _changes(self, left: Resource, right: Resource) -> Iterator[Change]:
        """What differs by choice: texts that come from other resources follow from those."""
        here, there = _opened(left.inputs), _opened(right.inputs)
        one, other = here, there
        if self.changes is None:
            one, other = _neutral(self.left, one), _neutral(self.right, other)
        for change in changes(one, other):
            pair = _at(here, change.path), _at(there, change.path)
            # What is alike was told apart by a word in it that is the environment's name as well.
            if pair[0] != pair[1] and not (
                _follows(self.left.graph, left, change.path[0], pair[0])
                or _follows(self.right.graph, right, change.path[0], pair[1])
            ):
                yield Change(path=str(change), left=pair[0], right=pair[1])


def _costly(row: Row, known: Mapping[str, tuple[str, ...]]) -> Iterator[Costly]:
    for token in [*row.left, *(each for each in row.right if each not in row.left)]:
        left, right = row.left.get(token, 0), row.right.get(token, 0)
        if token in known and left != right:
            where = f" in {row.component}" if row.component != row.part else ""
            yield Costly(part=row.part, what=f"{kind(token)}{where}", left=left, right=right)
    kinds = {kind(token): properties for token, properties in known.items()}
    for label, differing in row.changed.items():
        for change in differing:
            if any(planned.under(change.path, each) for each in kinds.get(label.split()[0], ())):
                what = f"{label}: {change.path}"
                yield Costly(part=row.part, what=what, left=change.left, right=change.right)


def _components(graph: Graph) -> dict[tuple[str, str], dict[str, Resource]]:
    """Resources by type and name, of each component of each part."""
    found: dict[tuple[str, str], dict[str, Resource]] = {}
    for resource in graph:
        if resource.custom and not resource.is_provider:
            part = capability_of(resource.urn)
            component = _component(graph, resource) or part
            found.setdefault((part, component), {})[f"{resource.type} {resource.name}"] = resource
    return found


def _component(graph: Graph, resource: Resource) -> str | None:
    """Name of the component right below the part that a resource belongs to."""
    lineage: list[Resource] = []
    parent = resource.parent
    while parent is not None:
        lineage.append(graph.by_urn[parent])
        parent = graph.by_urn[parent].parent
    # Ends with the platform and the part.
    return lineage[-3].name if len(lineage) > 2 else None


def kind(token: str) -> str:
    """The last part of a type token, such as ``Subnet``."""
    return token.rsplit(":", 1)[-1]


def _label(resource: Resource) -> str:
    return f"{kind(resource.type)} {resource.name}"


def _neutral(plan: Plan, inputs: Any) -> Any:
    """Inputs without the names that follow from the environment, its account and its region."""
    settings = plan.blueprint.settings
    words = {
        plan.blueprint.prefix: "<prefix>",
        settings.account or "": "<account>",
        settings.region or "": "<region>",
        plan.blueprint.environment: "<environment>",
    }
    known = {word: mark for word, mark in words.items() if word}
    return _replaced(inputs, known)


def _follows(graph: Graph, resource: Resource, key: str | int, value: Any) -> bool:
    """Whether a value below a property has its text, or a hash of it, from other resources."""
    sources = resource.property_dependencies.get(str(key), ())
    if not sources or not isinstance(value, str):
        return False
    return bool(_HASH.fullmatch(value)) or any(
        text in value for urn in sources for text in graph.by_urn[urn].answers
    )


def _opened(value: Any) -> Any:
    """Inputs in which whatever differs can be named.

    Documents that travel as JSON text are read, and lists of things with names are told apart by
    these: one more in front does not make all of them others.
    """
    if isinstance(value, Mapping):
        return {key: _opened(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        items = [_opened(item) for item in value]
        return _by_name(items) or items
    if isinstance(value, str) and value.startswith("{"):
        with contextlib.suppress(json.JSONDecodeError):
            return json.loads(value)
    return value


def _by_name(items: list[Any]) -> dict[str, Any]:
    """The items by the first key that names each of them; nothing when there is none."""
    if not all(isinstance(item, Mapping) for item in items):
        return {}
    for key in _NAMES:
        names = [item.get(key) for item in items]
        if all(isinstance(name, str) for name in names) and len({*names}) == len(names):
            return dict(zip(names, items, strict=True))
    return {}


def _replaced(value: Any, words: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        return {_replaced(key, words): _replaced(item, words) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_replaced(item, words) for item in value]
    if not isinstance(value, str):
        return value
    for word, mark in words.items():
        value = re.sub(rf"\b{re.escape(word)}\b", mark, value)
    return _DIGEST.sub("", value) if "<prefix>" in value else value


def _at(value: Any, path: tuple[str | int, ...]) -> Any:
    for key in path:
        if isinstance(value, Mapping):
            value = value.get(key)
        elif isinstance(value, list) and isinstance(key, int) and key < len(value):
            value = value[key]
        else:
            return None
    return value
