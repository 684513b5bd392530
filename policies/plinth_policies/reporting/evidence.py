"""What a rule looked at: property values as an audit may show them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from plinth.graph import SECRET, UNKNOWN, Resource
from plinth_policies.check import judge
from plinth_policies.model import Rule, Scope, kind_of

#: How markers and missing values are called.
_WORDS: Final = {SECRET: "secret", UNKNOWN: "known after deployment"}
_UNSET: Final = "not set"
_WITHHELD: Final = "withheld"

#: Longer values are cut, and longer lists.
_LONGEST: Final = 120
_MOST: Final = 5

#: Properties whose texts may be secrets that nobody marked, and blocks in which any text may be
#: one. An audit goes to many desks: they are withheld even where a spec or a state has them in
#: plain text. What only names a key or a secret is told.
_TELLING: Final = re.compile(
    r"(?i)passw|secret|token|credential|connection_?string|(private|access|account|api)_?key"
    r"|user_?data|^(value|args|command)$"
)
_BLOCKS: Final = frozenset(
    {"data", "stringData", "binaryData", "env", "environment", "environmentVariables", "variables"}
)
_NAMES: Final = re.compile(r"(?i)(id|ids|arn|arns|name|names|uri|url|ref|version|type|mode)$")

#: A user and a password within an address.
_LOGIN: Final = re.compile(r"(?<=://)[^/@\s]+@")

#: What a provider adds to all that it makes.
_INHERITED: Final = ("defaultTags", "defaultLabels")


class Reading(NamedTuple):
    """What one property held: of the judged resource, or of a companion of type ``source``."""

    source: str
    path: str
    value: str


@dataclass(frozen=True)
class Watched(Scope):
    """A scope that remembers what a rule looked up."""

    seen: list[Resource] = field(default_factory=list)

    def provider_of(self, resource: Resource) -> Resource | None:
        """The provider resource that owns ``resource``."""
        return self._noted(super().provider_of(resource))

    def target(self, resource: Resource, through: str, kind: str) -> Resource | None:
        """The resource of type ``kind`` that the property ``through`` refers to."""
        return self._noted(super().target(resource, through, kind))

    def companions(self, resource: Resource, kind: str, through: str) -> list[Resource]:
        """Resources of type ``kind`` whose property ``through`` refers to ``resource``."""
        found = super().companions(resource, kind, through)
        self.seen.extend(found)
        return found

    def all_of(self, *kinds: str) -> list[Resource]:
        """All resources of the types, those of the first type first."""
        found = super().all_of(*kinds)
        self.seen.extend(found)
        return found

    def _noted(self, found: Resource | None) -> Resource | None:
        if found is not None:
            self.seen.append(found)
        return found


def read(rule: Rule, resource: Resource, scope: Watched) -> tuple[Reading, ...]:
    """What a rule reads of a resource, and of what it looks up to judge it."""
    scope.seen.clear()
    judge(rule, resource, scope)
    readings = list(_readings("", resource, rule.reads_of(resource.type)))
    companions = (
        each for each in scope.seen if each.is_provider or kind_of(each.type) in rule.consults
    )
    for companion in sorted(companions, key=lambda each: (each.type, each.urn)):
        paths = _INHERITED if companion.is_provider else rule.reads_of(companion.type)
        found = _readings(kind_of(companion.type), companion, paths)
        readings += [r for r in found if not (companion.is_provider and r.value == _UNSET)]
    return tuple(dict.fromkeys(readings))


def _readings(source: str, resource: Resource, paths: Sequence[str]) -> Iterator[Reading]:
    for path in paths:
        yield Reading(source, path, _shown(resource.inputs, path))


def _shown(inputs: Mapping[str, Any], path: str) -> str:
    steps = path.split(".")
    values = _values(inputs, steps)
    hidden = not _BLOCKS.isdisjoint(steps[:-1])
    safe = (_safe(value, steps[-1], hidden=hidden) for value in values if value is not None)
    texts = list(dict.fromkeys(value if isinstance(value, str) else _text(value) for value in safe))
    listed = [_cut(text) for text in texts[:_MOST]]
    more = [f"and {len(texts) - _MOST} more"] if len(texts) > _MOST else []
    return ", ".join(listed + more) or _UNSET


def _values(value: Any, steps: Sequence[str]) -> list[Any]:
    """All values at a path, lists looked through; a marker on the way stands for what is below."""
    if isinstance(value, list | tuple):
        return [found for item in value for found in _values(item, steps)] if steps else [value]
    if not steps or value in (SECRET, UNKNOWN):
        return [value]
    return _values(value.get(steps[0]), steps[1:]) if isinstance(value, Mapping) else []


def _safe(value: Any, name: str, *, hidden: bool) -> Any:
    """A value without secrets: marked, told by the name of their property, or in such a block."""
    if isinstance(value, Mapping):
        hidden = hidden or name in _BLOCKS
        return {key: _safe(item, str(key), hidden=hidden) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_safe(item, name, hidden=hidden) for item in value]
    if not isinstance(value, str):
        return value
    if value in _WORDS:
        return _WORDS[value]
    if (hidden or _TELLING.search(name)) and not _NAMES.search(name):
        return _WITHHELD
    return _LOGIN.sub(f"{_WITHHELD}@", value)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
