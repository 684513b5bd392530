"""Breaking the example platform in one way, so that one rule must say so."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any

from plinth.graph import Graph, Resource


@dataclass(frozen=True, kw_only=True)
class Break:
    """One way to break a planned platform.

    Attributes:
        cloud: On which cloud.
        token: Type of the resources that are broken, or a glob.
        name: Logical name of the resources, or a glob; the first that fits is broken.
        change: Dotted input paths -> new values; positions in lists are numbers, ``None`` removes.
            A step ``@json`` reads the text before it as JSON (``policy.@json.Statement.0.Action``).
        drop: Takes the resource out of the graph instead.
        durable: Whether it takes an environment whose data must be kept.
        asks: Parameters of the rules that differ from the environment's own.
    """

    cloud: str
    token: str
    name: str = "*"
    change: Mapping[str, Any] = field(default_factory=dict)
    drop: bool = False
    durable: bool = False
    asks: Mapping[str, Any] = field(default_factory=dict)

    def apply(self, graph: Graph) -> Graph:
        """The graph with the first resource that fits broken."""
        found = next(
            r for r in graph if fnmatchcase(r.type, self.token) and fnmatchcase(r.name, self.name)
        )
        broken = () if self.drop else (self._broken(found),)
        parts = [(r,) if r is not found else broken for r in graph]
        return replace(graph, resources=tuple(r for part in parts for r in part))

    def _broken(self, resource: Resource) -> Resource:
        inputs: Any = deepcopy(dict(resource.inputs))
        for path, value in self.change.items():
            inputs = _put(inputs, path.split("."), value)
        return replace(resource, inputs=inputs)


def _put(holder: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value
    step, *rest = path
    if step == "@json":
        return json.dumps(_put(json.loads(holder), rest, value))
    if isinstance(holder, list | tuple):
        items = list(holder)
        items[int(step)] = _put(items[int(step)], rest, value)
        return items
    changed = dict(holder or {})
    if value is None and not rest:
        changed.pop(step, None)
    else:
        changed[step] = _put(changed.get(step), rest, value)
    return changed
