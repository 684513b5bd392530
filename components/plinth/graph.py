"""The graph: every resource of a blueprint as plain data.

A graph is what ``plan`` prints, what policies judge and what diffs compare.  It has the shape of a
Pulumi deployment export wherever a field has a counterpart, so that third-party tools can read it.
Nothing here imports Pulumi; :mod:`plinth.recorder` makes graphs from a program, and
:meth:`Graph.from_export` reads them from a stack's state.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

#: Stands for a value that only exists once the cloud has made the resource; the same text that
#: the Pulumi engine uses on the wire (sdk/go/common/resource/plugin/rpc.go, UnknownStringValue).
UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"

#: Everything that the engine writes for something unknown: a string, boolean, number, list, asset,
#: archive or mapping.
UNKNOWNS: Final = frozenset(
    {
        UNKNOWN,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)

#: Stands for a secret wherever a graph is shown or handed on.
SECRET: Final = "[secret]"  # noqa: S105 - it stands in for one

#: The key by which a state, or the engine on the wire, marks a mapping as something else, and what
#: it says of a secret, an output and a reference to a resource (sdk/go/common/resource/sig/sig.go).
SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
SECRET_MARK: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a public mark
OUTPUT_MARK: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
REFERENCE_MARK: Final = "5cf8f73096256a8f31e491e813e4eb8e"
#: Assets and archives are data; whatever else is marked, and is not opened below, is a secret.
_DATA: Final = ("c44067f5952c0a294b673a41bacd8c17", "0def7320c3a5731c473e5ecbe6d01bc7")

_PROVIDER_PREFIX = "pulumi:providers:"
_COMPONENT = "plinth:index:"


def capability_of(urn: str) -> str:
    """The capability that a resource belongs to, from the chain of parent types in its URN.

    It is the ``plinth:index:*`` component next to ``Platform``, in lower case: ``tracking`` for
    everything inside of ``plinth:index:Tracking``; empty for what has no such parent.
    """
    chain = urn.split("::")[2:3]
    components = [
        token.removeprefix(_COMPONENT).lower()
        for token in (chain[0].split("$") if chain else ())
        if token.startswith(_COMPONENT)
    ]
    if components[:1] == ["platform"] and len(components) > 1:
        return components[1]
    return components[0] if components else ""


def texts(value: Any) -> Iterator[str]:
    """Every text in plain data."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from texts(item)


#: Shorter texts turn up anywhere.
_TELLING: Final = 6


def _shown(value: Any) -> Any:
    """A value of a state as a graph has it: plain data, with markers for what must not be shown."""
    if isinstance(value, list):
        return [_shown(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    mark = value.get(SIGNATURE)
    if mark is None or mark in _DATA:
        return {key: _shown(item) for key, item in value.items()}
    if mark == OUTPUT_MARK and not value.get("secret"):
        return _shown(value.get("value", UNKNOWN))
    if mark == REFERENCE_MARK:
        return value.get("id") or value.get("urn")
    return SECRET


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One resource, component or provider.

    Attributes:
        urn: Pulumi URN.
        type: Type token, such as ``aws:s3/bucket:Bucket``.
        name: Logical name.
        inputs: The provider's own camelCase properties. Unknown values are :data:`UNKNOWN`,
            secret ones :data:`SECRET`.
        parent: URN of the parent, if any.
        provider: Reference of the provider that owns it (``<urn>::<id>``), if any.
        dependencies: URNs this resource waits for.
        property_dependencies: For each input, the URNs that its value comes from.
        protect: Whether the engine refuses to delete it.
        custom: Whether a provider owns it (components are not custom).
        ignored: Property paths whose changes the engine is told to ignore.
        retained: Whether the cloud keeps it when the engine forgets it.
        id: Physical identifier, where known.
        outputs: Computed properties, where known.
    """

    urn: str
    type: str
    name: str
    inputs: Mapping[str, Any]
    parent: str | None = None
    provider: str | None = None
    dependencies: tuple[str, ...] = ()
    property_dependencies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    protect: bool = False
    custom: bool = True
    ignored: tuple[str, ...] = ()
    retained: bool = False
    id: str | None = None
    outputs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def package(self) -> str:
        """The provider package, such as ``aws``; for a provider, the package it provides."""
        return self.type.removeprefix(_PROVIDER_PREFIX).split(":", 1)[0]

    @property
    def is_provider(self) -> bool:
        """Whether this is a provider rather than something a provider makes."""
        return self.type.startswith(_PROVIDER_PREFIX)

    @property
    def provider_urn(self) -> str | None:
        """The URN in the reference to its provider, if it names one."""
        return self.provider.rsplit("::", 1)[0] if self.provider else None

    @property
    def answers(self) -> frozenset[str]:
        """What others may know it by: the texts of its outputs and its identifier."""
        found = {*texts(self.outputs), self.id or ""}
        return frozenset(text for text in found if len(text) >= _TELLING)

    def to_json(self) -> dict[str, Any]:
        """The resource with the field names of a Pulumi deployment export."""
        record: dict[str, Any] = {
            "urn": self.urn,
            "custom": self.custom,
            "type": self.type,
            "name": self.name,
            "inputs": dict(self.inputs),
            "parent": self.parent,
            "provider": self.provider,
            "dependencies": list(self.dependencies),
            "propertyDependencies": {k: list(v) for k, v in self.property_dependencies.items()},
            "protect": self.protect,
        }
        if self.ignored:
            record["ignoreChanges"] = list(self.ignored)
        if self.retained:
            record["retainOnDelete"] = True
        if self.id is not None:
            record["id"] = self.id
        if self.outputs:
            record["outputs"] = dict(self.outputs)
        return record


@dataclass(frozen=True)
class Graph:
    """All resources of one environment, each after those that it needs.

    ``computed_outputs`` names the stack outputs that depend on what the cloud will answer.
    """

    environment: str
    cloud: str
    resources: tuple[Resource, ...]
    outputs: Mapping[str, Any] = field(default_factory=dict)
    computed_outputs: frozenset[str] = frozenset()

    def __iter__(self) -> Iterator[Resource]:
        return iter(self.resources)

    def __len__(self) -> int:
        return len(self.resources)

    @cached_property
    def by_urn(self) -> dict[str, Resource]:
        """Resources by URN."""
        return {resource.urn: resource for resource in self.resources}

    def provider_of(self, resource: Resource) -> Resource | None:
        """The provider resource that owns ``resource``, if it is in the graph."""
        return self.by_urn.get(resource.provider_urn or "")

    @classmethod
    def from_export(cls, document: Mapping[str, Any], *, environment: str, cloud: str) -> Graph:
        """Reads ``pulumi stack export`` (or any object with a ``resources`` list of that shape).

        Secrets, encrypted or not, become :data:`SECRET`.
        """
        deployment = document.get("deployment") or document
        resources = tuple(
            Resource(
                urn=entry["urn"],
                type=entry["type"],
                name=entry["urn"].rsplit("::", 1)[-1],
                inputs=_shown(entry.get("inputs") or {}),
                parent=entry.get("parent"),
                provider=entry.get("provider"),
                dependencies=tuple(entry.get("dependencies") or ()),
                property_dependencies={
                    key: tuple(urns)
                    for key, urns in (entry.get("propertyDependencies") or {}).items()
                },
                protect=bool(entry.get("protect")),
                custom=bool(entry.get("custom", True)),
                ignored=tuple(entry.get("ignoreChanges") or ()),
                retained=bool(entry.get("retainOnDelete")),
                id=entry.get("id"),
                outputs=_shown(entry.get("outputs") or {}),
            )
            for entry in deployment.get("resources") or ()
            if entry["type"] != "pulumi:pulumi:Stack"
        )
        return cls(environment=environment, cloud=cloud, resources=resources)
