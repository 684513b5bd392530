"""Why Azure would not make, change or delete something."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

from plinth.graph import UNKNOWN
from plinth.rehearsal.cloud import Cloud, Record
from plinth.rehearsal.diff import Change, Path, changes, matches
from plinth.rehearsal.packages.azure.facts import FROZEN, ONE_WAY, UPGRADES
from plinth.rehearsal.packages.azure.paths import extends, last, owner, tracked
from plinth.rehearsal.packages.azure.rules import GLOBAL, HOLDS, NESTED, UNIQUE, WATCHERS

_LOCK: Final = "/providers/Microsoft.Authorization/locks/"
_CREDENTIAL: Final = "azure-native:managedidentity:FederatedIdentityCredential"
#: Of one identity (Microsoft Entra documentation of workload identity federation).
_CREDENTIALS: Final = 20
_SUBNET: Final = "azure-native:network:Subnet"
_VAULT: Final = "azure-native:keyvault:Vault"
_CLUSTER: Final = "azure-native:containerservice:ManagedCluster"
_REFERENCE: Final = re.compile(
    r"/subscriptions/[^/]+/resourceGroups/[^/]+(/providers/[^/]+(/[^/]+)+)?"
)
#: Azure makes a watcher for each region by itself, in a group by itself.
_WATCHERS: Final = re.compile(r"/resourceGroups/NetworkWatcherRG(/|$)")


def create(record: Record, cloud: Cloud) -> str | None:
    """Why a resource would not be made."""
    found = _taken(record, cloud) or _orphan(record, cloud) or _locked(record, cloud, "ReadOnly")
    if found is None and record.type == _SUBNET:
        found = _misplaced(record, cloud)
    if found is None and record.type == _CREDENTIAL:
        found = _too_many(record, cloud)
    return found


def update(record: Record, new: Mapping[str, Any], cloud: Cloud) -> str | None:
    """Why a resource would not be changed."""
    for path in _changed(record.inputs, new):
        old, wanted = (_at(data, path) for data in (record.inputs, new))
        frozen = any(matches(path, pattern) for pattern in FROZEN.get(record.type, ()))
        one_way = any(matches(path, pattern) for pattern in ONE_WAY.get(record.type, ()))
        upgrade = path == ("kind",) and (old, wanted) in UPGRADES
        if (frozen and wanted is not None and not upgrade) or (
            one_way and (old, wanted) in ((True, False), ("Enabled", "Disabled"))
        ):
            shown = Change(path, "update")
            return f"PropertyChangeNotAllowed: changing {shown} of {record.id} is not allowed"
    older = _older(record, new)
    return older or _locked(record, cloud, "ReadOnly")


def delete(record: Record, cloud: Cloud) -> str | None:
    """Why a resource would not be deleted."""
    if _LOCK in record.id:
        return None
    locked = _locked(record, cloud) or _locked_inside(record, cloud)
    if locked:
        return locked
    if record.type in NESTED:
        type_, error = NESTED[record.type]
        nested = [other for other in inside(record, cloud) if other.type == type_]
        if nested:
            return f"{error}: {record.id} has {nested[0].id} in it"
    error = HOLDS.get(record.type, "")
    user = next(_users(record, cloud), None) if error else None
    return f"{error}: {record.id} is in use by {user.id}" if user else None


def inside(record: Record, cloud: Cloud) -> list[Record]:
    """Everything below a resource, and everything that extends it."""
    below = f"{record.id}/"
    return [r for r in cloud.resources(scope=record.scope) if r.id.startswith(below)]


def _taken(record: Record, cloud: Cloud) -> str | None:
    name = last(record.id)
    if record.type in GLOBAL:
        for other in cloud.resources(type=record.type):
            if last(other.id).lower() == name.lower():
                return f"AlreadyExists: the name {name} is taken, in this subscription or another"
    if record.type == _VAULT and cloud.counted(soft_deleted(name)):
        wanted = record.inputs.get("properties") or {}
        if wanted.get("createMode") != "recover":
            return (
                f"ConflictError: a vault with the name {name} exists in deleted state; recover it "
                "(createMode: recover), purge it or take another name"
            )
    keys, error = UNIQUE.get(record.type, ((), ""))
    wanted_keys = [record.inputs.get(key) for key in keys]
    for other in cloud.resources(type=record.type, scope=record.scope) if keys else ():
        if [other.inputs.get(key) for key in keys] == wanted_keys:
            return f"{error}: {last(other.id)} has the same {', '.join(keys)} already"
    return None


def soft_deleted(name: str) -> str:
    """The counter that says whether a vault of this name was ever deleted."""
    return f"azure-native:deleted-vault:{name.lower()}"


def _orphan(record: Record, cloud: Cloud) -> str | None:
    """What it belongs to and what it names have to exist.

    Of what something extends, only the thing on top: a role on a secret needs the vault (believed).
    """
    named = [owner(record.id), *sorted(set(_references(record.inputs)))]
    for path in map(tracked, named) if extends(record.id) else named:
        if not _exists(path, record, cloud):
            kind = "Group" if "/providers/" not in path else ""
            return f"Resource{kind}NotFound: {path} does not exist"
    return None


def _exists(path: str, record: Record, cloud: Cloud) -> bool:
    subscription = f"/subscriptions/{record.scope.partition(':')[2]}/"
    if not path.startswith(f"{subscription}resourceGroups/") or _WATCHERS.search(path):
        return True
    group = path.split("/")[4]
    if path == record.id or cloud.by_id(path, record.scope) or cloud.knows(path, record.scope):
        return True
    clusters = cloud.resources(type=_CLUSTER, scope=record.scope)
    if any(cluster.state.get("nodeResourceGroup") == group for cluster in clusters):
        return True
    return path.endswith("/default") and _exists(owner(path), record, cloud)


def _references(value: Any) -> Iterator[str]:
    """Every identifier in some inputs; identities may be the keys of an object."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _references(key)
            yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)
    elif isinstance(value, str) and _REFERENCE.fullmatch(value):
        yield value


def _locks(record: Record, cloud: Cloud, level: str = "*") -> Iterator[str]:
    """The scopes that locks of the subscription stand on."""
    for lock in cloud.resources(type="azure-native:authorization:*Lock*", scope=record.scope):
        if fnmatchcase(str(lock.inputs.get("level")), level):
            yield lock.id.rpartition(_LOCK)[0]


def _locked(record: Record, cloud: Cloud, level: str = "*") -> str | None:
    for scope in _locks(record, cloud, level):
        if f"{record.id}/".startswith(f"{scope}/") and _LOCK not in record.id:
            return f"ScopeLocked: {record.id} is locked by the lock on {scope}"
    return None


def _locked_inside(record: Record, cloud: Cloud) -> str | None:
    for scope in _locks(record, cloud):
        if scope.startswith(f"{record.id}/"):
            return f"ScopeLocked: {record.id} has the locked {scope} in it"
    return None


def _users(record: Record, cloud: Cloud) -> Iterator[Record]:
    """What names a resource (or a subnet of it) and would be left without it."""
    paths = [record.id]
    if record.type == "azure-native:network:VirtualNetwork":
        paths += [r.id for r in inside(record, cloud) if r.type == _SUBNET]
    watchers = () if record.type.endswith("RoleDefinition") else WATCHERS
    for path in paths:
        for other in cloud.mentioning(path, record.scope):
            within = f"{other.id}/".startswith(f"{record.id}/")
            if not within and not any(fnmatchcase(other.type, glob) for glob in watchers):
                yield other


def _misplaced(record: Record, cloud: Cloud) -> str | None:
    """A subnet lies within its network and beside the others."""
    network = cloud.by_id(owner(record.id), record.scope)
    if network is None:
        return None
    space = (network.inputs.get("addressSpace") or {}).get("addressPrefixes") or []
    own = _prefixes(record)
    for prefix in own:
        if space and not any(_overlap(prefix, wide, within=True) for wide in space):
            return f"NetcfgInvalidSubnet: {prefix} is not in the network's {', '.join(space)}"
    for other in inside(network, cloud):
        for prefix in _prefixes(other) if other.type == _SUBNET else ():
            if any(_overlap(prefix, mine) for mine in own):
                return f"NetcfgSubnetRangesOverlap: {own[0]} overlaps with {last(other.id)}"
    return None


def _prefixes(subnet: Record) -> list[str]:
    given = [subnet.inputs.get("addressPrefix"), *(subnet.inputs.get("addressPrefixes") or [])]
    return list(dict.fromkeys(str(p) for p in given if p not in (None, UNKNOWN)))


def _overlap(one: str, other: str, *, within: bool = False) -> bool:
    first, second = (ipaddress.ip_network(p, strict=False) for p in (one, other))
    if isinstance(first, ipaddress.IPv4Network) and isinstance(second, ipaddress.IPv4Network):
        return first.subnet_of(second) if within else first.overlaps(second)
    return first.version == second.version


def _too_many(record: Record, cloud: Cloud) -> str | None:
    identity = owner(record.id)
    of_same = [
        other
        for other in cloud.resources(type=_CREDENTIAL, scope=record.scope)
        if owner(other.id) == identity
    ]
    if len(of_same) < _CREDENTIALS:
        return None
    return f"{identity} has {_CREDENTIALS} federated credentials, and can have no more"


def _older(record: Record, new: Mapping[str, Any]) -> str | None:
    """Databases and clusters move to newer versions only."""
    key = {
        "azure-native:dbforpostgresql:Server": "version",
        _CLUSTER: "kubernetesVersion",
    }.get(record.type, "")
    before, after = (_version(data.get(key)) for data in (record.state, new))
    if not before or not after or after[: len(before)] >= before[: len(after)]:
        return None
    return f"DowngradeNotAllowed: {record.id} cannot go back to {key} {new[key]}"


def _version(value: Any) -> tuple[int, ...]:
    text = str(value)
    return tuple(map(int, text.split("."))) if re.fullmatch(r"\d+(\.\d+)*", text) else ()


def _changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Path]:
    """The path of every value that differs, down into objects that are there as a whole now."""
    for change in changes(old, new):
        yield from _leaves(change.path, _at(new, change.path))


def _leaves(path: Path, value: Any) -> Iterator[Path]:
    yield path
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves((*path, key), item)


def _at(data: Any, path: Path) -> Any:
    for key in path:
        if isinstance(key, int):
            data = data[key] if isinstance(data, list) and key < len(data) else None
        else:
            data = data.get(key) if isinstance(data, Mapping) else None
    return data
