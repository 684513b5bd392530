"""Environments: lays ``environments.<name>`` over the rest of a spec.

Mappings merge key by key, everything else replaces, and an explicit null removes (as in JSON Merge
Patch, RFC 7396).  Where each value came from stays known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Any, Final, Literal

from pydantic import TypeAdapter, ValidationError

from plinth.errors import Location, Problem, SpecError, unknown
from plinth.spec import order
from plinth.spec.document import Document
from plinth.spec.nodes import Node, Path, place
from plinth.spec.types import Label
from plinth.spec.wording import kind

ENVIRONMENTS: Final = "environments"
#: The one environment of a spec that names none.
DEFAULT_ENVIRONMENT: Final = "dev"

_NOTHING: Final = Node({}, Location("", 1, 1))


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value of an environment was written.

    Attributes:
        location: Its place in the file.
        layer: ``spec`` for the shared part, ``overlay`` for ``environments.<name>``.
    """

    location: Location
    layer: Literal["spec", "overlay"]


@dataclass(frozen=True, slots=True)
class Layered:
    """One environment of a spec: plain data, and where each value came from.

    Attributes:
        environment: Its name.
        data: The merged data, without ``environments``. Not to be changed.
        base: The spec's top-level mapping.
        over: The environment's overlay.
    """

    environment: str
    data: dict[str, Any]
    base: Node
    over: Node

    def path(self, dotted: str) -> Path:
        """A dotted path with positions in lists as numbers."""
        parts: list[str | int] = []
        value: Any = self.data
        for part in dotted.split(".") if dotted else ():
            step = int(part) if isinstance(value, list) and part.isdigit() else part
            try:
                value = value[step]
            except (IndexError, KeyError, TypeError):  # it is a default, or not there
                value = None
            parts.append(step)
        return tuple(parts)

    def origin(self, path: Path, *, key: bool = False) -> Origin:
        """Where the value at ``path`` (or its key) was written.

        For a path that does not exist, its nearest ancestor; for a mapping that both layers have a
        part of, the shared spec.
        """
        base, over = self._follow(path)
        if base is None:
            return Origin(place(self.over, path, key=key), "overlay")
        if over is not None and _reach(self.over, path) > _reach(self.base, path):
            return Origin(place(self.over, path, key=key), "overlay")
        return Origin(place(self.base, path, key=key), "spec")

    def locate(self, path: Path, *, key: bool = False) -> Location:
        """The location of :meth:`origin`."""
        return self.origin(path, key=key).location

    def written(self, path: Path) -> str | None:
        """The unquoted scalar at ``path`` as it stands in the file; None for anything else."""
        root = self.over if self.origin(path).layer == "overlay" else self.base
        node, rest = root.step(path)
        return None if rest else node.written

    def _follow(self, path: Path) -> tuple[Node | None, Node | None]:
        """The deepest nodes that still have a say on ``path`` in each layer; None once replaced."""
        base: Node | None = self.base
        over: Node | None = self.over
        for part in path:
            below = base.children.get(part) if base else None
            above = over.children.get(part) if over else None
            if above is not None and not (_is_mapping(above) and below and _is_mapping(below)):
                return None, above
            if below is None:
                return base, over
            base, over = below, above
        return base, over


def _reach(root: Node, path: Path) -> int:
    _, rest = root.step(path)
    return len(path) - len(rest)


def _is_mapping(node: Node) -> bool:
    return isinstance(node.value, dict)


def merge(base: Any, over: Any) -> Any:
    """``over`` laid over ``base`` by RFC 7396; neither is changed."""
    if not isinstance(over, dict):
        return over
    result = dict(base) if isinstance(base, dict) else {}
    for key, value in over.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


def environment_names(document: Document) -> tuple[str, ...]:
    """The spec's environments in the order in which they are written.

    Raises:
        SpecError: ``environments`` is not a mapping of names to mappings, is empty, has names
            that cannot become part of resource names, or an order that makes no sense.
    """
    names, problems = examined(document)
    if problems:
        raise SpecError(*problems)
    return names


@lru_cache(maxsize=8)  # asked anew for each of the environments, and each would check all of them
def examined(document: Document) -> tuple[tuple[str, ...], tuple[Problem, ...]]:
    """The environments that can be read, and what is wrong with how they are written."""
    problems = [order.misplaced(document)] if order.AFTER in document.data else []
    if ENVIRONMENTS not in document.data:
        return (DEFAULT_ENVIRONMENT,), tuple(problems)
    block = document.data[ENVIRONMENTS]
    if not isinstance(block, dict) or not block:
        found = "empty" if block in (None, {}) else kind(block)
        message = f"environments must be a mapping of names to settings; it is {found}"
        fix = "Write `environments: {dev: {}}`, or leave it out for one environment, dev."
        problems.append(_problem(document, (ENVIRONMENTS,), "environments", message, fix))
        return (), tuple(problems)
    problems += [problem for name in block for problem in _check(document, name, block[name])]
    problems += order.problems(document, block, ENVIRONMENTS)
    names = tuple(name for name, overlay in block.items() if isinstance(overlay, Mapping | None))
    return names, tuple(problems)


def resolve(document: Document, environment: str) -> Layered:
    """One environment of a spec with its overlay applied.

    Raises:
        SpecError: There is no such environment, or it cannot be read.
    """
    names, problems = examined(document)
    if environment not in names:
        if problems:
            raise SpecError(*problems)
        message = f"there is no environment '{environment}' in the spec"
        problem = unknown("environment", environment, names, message=message, path=ENVIRONMENTS)
        where = document.locate((ENVIRONMENTS,), key=True)
        fix = f"Use {problem.nearest or names[0]}, or add `{environment}: {{}}` under environments."
        raise SpecError(replace(problem, location=where, fix=fix))
    over, rest = document.root.step((ENVIRONMENTS, environment))
    if rest or over.value is None:
        over = _NOTHING
    shared, own = (
        {key: value for key, value in data.items() if key not in (ENVIRONMENTS, order.AFTER)}
        for data in (document.data, over.value)
    )
    return Layered(environment, merge(shared, own), document.root, over)


def _check(document: Document, name: str, overlay: Any) -> list[Problem]:
    path = (ENVIRONMENTS, name)
    found = []
    if not _valid_name(name):
        message = f"'{name}' cannot name an environment"
        fix = "Use 2 to 20 lower-case letters, digits and dashes, beginning with a letter."
        found.append(_problem(document, path, "environment-name", message, fix, key=True))
    if not isinstance(overlay, Mapping | None):
        message = f"environment {name} must be a mapping of settings; it is {kind(overlay)}"
        fix = f"Write `{name}: {{}}`, or settings indented below `{name}:`."
        found.append(_problem(document, path, "wrong-type", message, fix))
    elif overlay and ENVIRONMENTS in overlay:
        message = f"environment {name} cannot have environments of its own"
        fix = f"Move them up, beside {name}."
        inner = (*path, ENVIRONMENTS)
        found.append(_problem(document, inner, "nested-environments", message, fix, key=True))
    return found


def _problem(
    document: Document, path: Path, code: str, message: str, fix: str, *, key: bool = False
) -> Problem:
    where = document.locate(path, key=key)
    return Problem(
        code=code, message=message, location=where, path=".".join(map(str, path)), fix=fix
    )


@cache
def _name() -> TypeAdapter[str]:
    return TypeAdapter(Label)


def _valid_name(name: str) -> bool:
    try:
        _name().validate_python(name)
    except ValidationError:
        return False
    return True
