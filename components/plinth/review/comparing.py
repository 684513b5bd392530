"""What would change between two plans of one environment, without asking the clouds.

Which properties cannot change in place is taken from what the rehearsal knows of each provider, so
a change is called a replacement here where the simulated cloud would replace.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from plinth.changes import Change, Op, content, judge
from plinth.clouds import CloudInfo
from plinth.graph import Graph, Resource, capability_of, texts
from plinth.rehearsal import packages, plan
from plinth.rehearsal.diff import Change as Difference
from plinth.rehearsal.diff import changes as differences
from plinth.rehearsal.diff import matches
from plinth.rehearsal.packages.base import Settings, opened

Stateful = Callable[[str], bool]


def compare(old: Graph, new: Graph, stateful: Stateful) -> tuple[Change, ...]:
    """The changes that lead from one graph to another, in building order; removals come last.

    Args:
        old: What is there.
        new: What should be.
        stateful: Whether resources of a type keep data.
    """
    return tuple(_Comparison(old, new, stateful).changes())


def stateful_on(*clouds: CloudInfo) -> Stateful:
    """Whether resources of a type keep data on any of some clouds."""
    return lambda kind: any(cloud.stateful(kind) for cloud in clouds)


@dataclass
class _Comparison:
    old: Graph
    new: Graph
    stateful: Stateful
    #: What gets another identity, so that whatever refers to it changes as well.
    remade: set[str] = field(default_factory=set)

    def changes(self) -> Iterator[Change]:
        for resource in self.new:
            before = self.old.by_urn.get(resource.urn)
            change = self._change(before, resource) if before else self._made("create", resource)
            if change is not None:
                if change.op == "replace":
                    self.remade.add(change.urn)
                yield change
        for resource in reversed(self.old.resources):
            if resource.urn not in self.new.by_urn:
                yield self._made("delete", resource)

    def _change(self, before: Resource, after: Resource) -> Change | None:
        if not after.custom:
            return None
        found = {
            str(difference): f"{difference.kind}-replace" if forces else difference.kind
            for difference, forces in self._differences(before, after)
            if not any(matches(difference.path, pattern) for pattern in after.ignored)
        }
        provider = after.provider_urn
        moved = provider in self.remade or provider != before.provider_urn
        if moved or any(kind.endswith("-replace") for kind in found.values()):
            return self._made("replace", after, found, before)
        return self._made("update", after, found, before) if found else None

    def _differences(self, before: Resource, after: Resource) -> Iterator[tuple[Difference, bool]]:
        if after.is_provider:
            yield from _of_provider(before, after)
            return
        known = packages.find(after.package) if after.package in packages.NAMES else None
        kind = known.kind(after.type) if known else None
        if known is None or kind is None:
            yield from ((each, False) for each in differences(before.inputs, after.inputs))
            return
        here, there = _settings(self.old, before), _settings(self.new, after)
        ours = known.complete(kind, before.inputs, here)
        theirs = known.complete(kind, after.inputs, there)
        unsure = dict(self._following(before, after))
        yield from plan.compare(
            known,
            kind,
            ours,
            {**theirs, **unsure},
            outputs=known.common(kind, ours, here),
            settings=there,
        )

    def _following(self, before: Resource, after: Resource) -> Iterator[tuple[str, Any]]:
        """Properties that look the same, and come from something that is made anew."""
        for name, urns in after.property_dependencies.items():
            value = after.inputs.get(name)
            if value == before.inputs.get(name) and not self.remade.isdisjoint(urns):
                known = {text for urn in urns if urn in self.remade for text in self._made_up(urn)}
                marked = _marked(value, known)
                yield name, marked if marked != value else _UNSURE

    def _made_up(self, urn: str) -> set[str]:
        """What the cloud made up for a resource, and will make up again."""
        resource = self.old.by_urn[urn]
        return {*resource.answers} - {*texts(resource.inputs)}

    def _made(
        self,
        op: Op,
        resource: Resource,
        properties: Mapping[str, str] | None = None,
        before: Resource | None = None,
    ) -> Change:
        old = before or resource
        keeps_data = self.stateful(resource.type)
        risk, reason = judge(
            op,
            resource.type,
            stateful=keeps_data,
            properties=properties or {},
            custom=resource.custom,
            retained=old.retained,
        )
        return Change(
            urn=resource.urn,
            type=resource.type,
            name=resource.name,
            op=op,
            capability=capability_of(resource.urn),
            risk=risk,
            properties=properties or {},
            stateful=keeps_data,
            reason=reason,
            content=""
            if op == "delete"
            else content(resource.inputs, properties if op == "update" else None),
        )


#: Unlike anything that an input can be.
_UNSURE: Final = "\0unsure"


def _marked(value: Any, known: set[str]) -> Any:
    """A value in which every text that has a known one in it is unsure."""
    if isinstance(value, Mapping):
        return {key: _marked(item, known) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_marked(item, known) for item in value]
    if isinstance(value, str) and any(text in value for text in known):
        return _UNSURE
    return value


def _of_provider(before: Resource, after: Resource) -> Iterator[tuple[Difference, bool]]:
    known = packages.find(after.package) if after.package in packages.NAMES else None
    forcing = known.config_replaces(_config(before), _config(after)) if known is not None else []
    for each in differences(_config(before), _config(after)):
        whole = Difference(each.path[:1], each.kind if len(each.path) == 1 else "update")
        yield whole, each.path[0] in forcing


def _config(provider: Resource) -> Mapping[str, Any]:
    known = packages.find(provider.package) if provider.package in packages.NAMES else None
    kind = known.kind(provider.type) if known else None
    return opened(provider.inputs, kind.inputs) if kind else provider.inputs


def _settings(graph: Graph, resource: Resource) -> Settings:
    provider = graph.provider_of(resource)
    return packages.find(resource.package).settings(_config(provider) if provider else {})
