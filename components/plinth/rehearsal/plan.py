"""What a call would do: names, expected outputs and differences, before anything is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from plinth.graph import UNKNOWN
from plinth.rehearsal import packages
from plinth.rehearsal.check import Failure
from plinth.rehearsal.cloud import Record, merged
from plinth.rehearsal.diff import Change, changes, documented_replace, matches
from plinth.rehearsal.outputs import computed
from plinth.rehearsal.packages.base import Package, Settings, digest
from plinth.rehearsal.sdk import Kind

#: Where the bridge notes which inputs it made up itself.
_DEFAULTS: Final = "__defaults"
#: ... and how the Kubernetes provider notes a name it made up.
_AUTONAMED: Final = "pulumi.com/autonamed"
_TAGS: Final = ("tags", "tagsAll", "labels")


@dataclass(frozen=True, slots=True)
class Naming:
    """How a missing physical name is made up.

    Attributes:
        logical: Logical name.
        seed: Randomness that the engine hands out; the same for the same resource.
        disabled: Whether the user wants no names to be made up.
        proposed: The name that the user's naming pattern gives, if there is one.
        enforced: Whether that name has to be taken as it is.
    """

    logical: str
    seed: bytes = b""
    disabled: bool = False
    proposed: str = ""
    enforced: bool = False


def assign_name(
    package: Package,
    kind: Kind,
    inputs: Mapping[str, Any],
    olds: Mapping[str, Any],
    naming: Naming,
) -> tuple[Mapping[str, Any], list[Failure]]:
    """Inputs with a physical name, where the type has one and none was given.

    A name that was made up before is kept.  A ``<name>Prefix`` or ``generateName`` leaves the
    naming to the cloud.
    """
    path = package.name_path(kind)
    if path is None or _get(inputs, path) is not None:
        return inputs, []
    key = path[-1]
    holder = inputs if len(path) == 1 else inputs.get(path[0]) or {}
    if holder == UNKNOWN or holder.get(f"{key}Prefix") or holder.get("generateName"):
        return inputs, []
    name = _get(olds, path) if _made_up(olds, path) else None
    if name is None and naming.disabled:
        return inputs, [Failure(".".join(path), f"{'.'.join(path)} is required: naming is off")]
    if name is None:
        tail = (naming.seed.hex() or digest(naming.logical, package.tail))[: package.tail]
        name = naming.proposed or f"{naming.logical}{package.separator}{tail}"
        name = name if naming.enforced else package.autoname(kind.token, name)
    if len(path) == 1:
        return {**inputs, key: name, _DEFAULTS: [key]}, []
    mark = {"annotations": {_AUTONAMED: "true"}}
    return {**inputs, path[0]: merged(holder, {key: name, **mark})}, []


def _get(data: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = data
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _made_up(inputs: Mapping[str, Any], path: tuple[str, ...]) -> bool:
    if len(path) == 1:
        return path[0] in (inputs.get(_DEFAULTS) or ())
    return bool(_get(inputs, (path[0], "annotations", _AUTONAMED)) == "true")


def named_by_hand(
    package: Package, kind: Kind, old: Mapping[str, Any], new: Mapping[str, Any]
) -> bool:
    """Whether old and new would have to share one chosen name: the old one has to go first."""
    path = package.name_path(kind)
    if path is None or _made_up(new, path):
        return False
    name, space = _get(new, path), (*path[:-1], "namespace")
    return name is not None and name == _get(old, path) and _get(old, space) == _get(new, space)


def expected(
    kind: Kind,
    logical: str,
    inputs: Mapping[str, Any],
    settings: Settings,
    *,
    base: Record | str,
    seed: str = "",
) -> Record:
    """The resource as it will be once the call is done.

    Args:
        kind: Its type.
        logical: Logical name.
        inputs: Checked inputs.
        settings: Settings of its provider.
        base: The resource as it is, or the URN it will be made for.
        seed: Where made-up identifiers come from, for a new one.
    """
    old = base if isinstance(base, Record) else None
    plain = {key: value for key, value in inputs.items() if not key.startswith("__")}
    region = old.region if old else str(plain.get("region") or settings.region)
    revision = old.revision + 1 if old else 1
    identifier, outputs = computed(
        kind.token,
        logical,
        plain,
        region=region,
        account=settings.account,
        seed=old.seed if old else seed,
        revision=revision,
    )
    common = packages.find(kind.token.split(":", 1)[0]).common(kind, plain, settings)
    return Record(
        scope=settings.scope,
        type=kind.token,
        id=old.id if old else identifier,
        urn=base if isinstance(base, str) else base.urn,
        region=region,
        inputs=plain,
        outputs={key: value for key, value in outputs.items() if key not in common},
        seed=old.seed if old else seed,
        revision=revision,
        serial=old.serial if old else 0,
    )


def previewed(
    inputs: Mapping[str, Any],
    outputs: Mapping[str, Any],
    known: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Inputs, with every output that is not certain yet marked as unknown."""
    plain = {key: value for key, value in inputs.items() if not key.startswith("__")}
    return merged(plain, _uncertain(plain, outputs, known or {}))


def _uncertain(
    inputs: Mapping[str, Any], outputs: Mapping[str, Any], known: Mapping[str, Any]
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in outputs.items():
        asked, had = inputs.get(key), known.get(key)
        if isinstance(asked, Mapping) and isinstance(value, Mapping):
            found[key] = _uncertain(asked, value, had if isinstance(had, Mapping) else {})
        elif value in (had, asked):
            found[key] = value
        else:
            found[key] = UNKNOWN
    return found


def compare(
    package: Package,
    kind: Kind,
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    *,
    outputs: Mapping[str, Any],
    settings: Settings,
) -> list[tuple[Change, bool]]:
    """Every difference between old and new inputs, and whether it makes a new resource.

    Default tags and the region count as well, although they are set on the provider.
    """
    common = package.common(kind, new, settings)
    before = {key: outputs[key] for key in common if key in outputs}
    found = [c for c in changes(old, new) if c.path[0] not in before]
    found += changes(before, {key: common[key] for key in before})
    patterns = package.force_new(kind.token, new, settings)
    return [(change, _forces(package, kind, change, patterns)) for change in found]


def _forces(package: Package, kind: Kind, change: Change, patterns: list[str]) -> bool:
    stays = package.in_place(kind.token)
    if change.path[0] in _TAGS or any(matches(change.path, pattern) for pattern in stays):
        return False
    if any(pattern == "*" or matches(change.path, pattern) for pattern in patterns):
        return True
    documented = package.documents_replacements
    return documented and documented_replace(change.path, kind.inputs, package.sdk)
