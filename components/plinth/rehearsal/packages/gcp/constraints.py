"""Why Google Cloud would not make or delete a resource, given what is there already."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

from plinth.rehearsal.cloud import Cloud, Record
from plinth.rehearsal.packages.gcp.facts import GLOBAL, NAMES
from plinth.rehearsal.packages.gcp.rules import (
    APIS,
    ENCRYPTED,
    IMPLIED,
    LINKS,
    PROTECTED_BY_DEFAULT,
    Link,
)
from plinth.rehearsal.packages.gcp.runtime import agent_of, log_agent
from plinth.rehearsal.packages.gcp.shapes import last, project_number

_SERVICE: Final = "gcp:projects/service:Service"
_CLUSTER: Final = "gcp:container/cluster:Cluster"
_BUDGET: Final = "gcp:billing/budget:Budget"
_CONNECTION: Final = "gcp:servicenetworking/connection:Connection"
#: What lives in the networks of the producers that a connection leads to.
_PRODUCED: Final = {
    "gcp:sql/databaseInstance:DatabaseInstance": "settings.ipConfiguration.privateNetwork",
    "gcp:redis/instance:Instance": "authorizedNetwork",
}


def creation(record: Record, cloud: Cloud) -> str | None:
    """Why a resource cannot be made, or ``None``."""
    if record.type in GLOBAL and cloud.get(record.type, record.id):
        return f"409: the name {record.id} is taken, in this project or another"
    if not record.region and record.type.startswith("gcp:compute/") and "region" in record.outputs:
        return "Cannot determine region: set it in this resource, or for the provider"
    if record.type == _BUDGET and not record.inputs.get("billingAccount"):
        return "400: a budget is kept in a billing account, and none is named"
    reasons = (_disabled(record, cloud), _missing(record, cloud), _stranger(record, cloud))
    return next(filter(None, reasons), None) or _forbidden_key(record, cloud)


def deletion(record: Record, cloud: Cloud) -> str | None:
    """Why a resource cannot be deleted, or ``None``."""
    state = record.state
    if state.get("deletionPolicy") == "PREVENT":
        return f"cannot destroy {record.id}: deletionPolicy is PREVENT"
    if state.get("deletionProtection", record.type in PROTECTED_BY_DEFAULT) in (True, "true"):
        return f"cannot destroy {record.id}: deletionProtection is on, set it to false beforehand"
    if True in values(state, "settings.deletionProtectionEnabled"):
        return f"cannot destroy {record.id}: settings.deletionProtectionEnabled is on"
    for link in LINKS:
        if link.target == record.type and link.holds and state.get(link.unless) is not True:
            for other in _naming(record, link, cloud):
                return f"resourceInUseByAnotherResource: {record.id} is in use by {other.id}"
    return _connected(record, cloud)


def along(record: Record, cloud: Cloud) -> Iterator[Record]:
    """What disappears along with a resource."""
    for link in LINKS:
        if link.target == record.type and link.goes:
            yield from _naming(record, link, cloud)


def values(data: Any, path: str) -> list[Any]:
    """What is at a path such as ``settings.version``; of lists, that of every item."""
    found = [data]
    for key in path.split("."):
        below = [item.get(key) for item in found if isinstance(item, Mapping)]
        found = [v for item in below for v in (item if isinstance(item, list) else [item])]
    return [value for value in found if value is not None]


def _project(record: Record) -> str:
    return record.scope.partition(":")[2]


def _called(record: Record) -> set[str]:
    """Everything that a resource may be called by others."""
    state = record.state
    keys = (NAMES.get(record.type, "name"), "name", "selfLink", "email")
    return {record.id, *(str(state[key]) for key in keys if state.get(key))}


def _bare(text: str) -> str:
    """A reference without the host of a link and the version of a key."""
    return re.sub(r"^https?://.*?/(?=projects/)|/cryptoKeyVersions/\d+$", "", text)


def _names(value: str, record: Record) -> bool:
    return value in (called := _called(record)) or _bare(value) in called


def _naming(record: Record, link: Link, cloud: Cloud) -> Iterator[Record]:
    """The resources that name another one by a link."""
    for other in cloud.resources(type=link.type, scope=record.scope):
        if any(_names(str(value), record) for value in values(other.inputs, link.path)):
            yield other


def _missing(record: Record, cloud: Cloud) -> str | None:
    """What it names has to exist, unless it is in another project or Google made it."""
    for link in LINKS:
        if link.given or not fnmatchcase(record.type, link.type):
            continue
        there = cloud.resources(type=link.target)
        for value in map(str, values(record.inputs, link.path)):
            if last(value) == "default" or _elsewhere(value, record):
                continue
            if not any(_names(value, other) for other in there):
                return f"404: {value} does not exist ({link.path})"
    return None


def _elsewhere(value: str, record: Record) -> bool:
    found = re.match(r"projects/([^/]+)/", _bare(value))
    own = _project(record)
    return found is not None and found[1] not in (own, project_number(own))


def _disabled(record: Record, cloud: Cloud) -> str | None:
    """APIs have to be on before their things are made, where the plan switches APIs on."""
    api = next((api for start, api in APIS.items() if record.type.startswith(start)), None)
    services = cloud.resources(type=_SERVICE, scope=record.scope)
    if api is None or not services:
        return None
    on = {str(service.inputs.get("service")) for service in services}
    on |= {implied for service in on for implied in IMPLIED.get(service, ())}
    if api in on:
        return None
    return f"403 SERVICE_DISABLED: {api} has not been used in project {_project(record)} before"


def _stranger(record: Record, cloud: Cloud) -> str | None:
    """Accounts of the project, and its workload pool, have to exist before they get a role."""
    member = str(record.inputs.get("member", ""))
    if not member.startswith("serviceAccount:") or "role" not in record.inputs:
        return None
    email, own = member.partition(":")[2], _project(record)
    if email.startswith(f"{own}.svc.id.goog["):
        clusters = cloud.resources(type=_CLUSTER, scope=record.scope)
        pools = [
            pool
            for c in clusters
            for pool in values(c.state, "workloadIdentityConfig.workloadPool")
        ]
        return None if pools else f"400: Identity Pool does not exist ({own}.svc.id.goog)"
    if email.endswith(f"@{own}.iam.gserviceaccount.com"):
        accounts = cloud.resources(type="gcp:serviceaccount/account:Account", scope=record.scope)
        if not any(account.state.get("email") == email for account in accounts):
            return f"400: service account {email} does not exist"
    return None


def _forbidden_key(record: Record, cloud: Cloud) -> str | None:
    """A service encrypts with a key of the project once its agent may use that key."""
    path, service = ENCRYPTED.get(record.type, ("", ""))
    for key in map(_bare, map(str, values(record.inputs, path) if path else ())):
        agent = _encrypting(service, _project(record))
        grants = cloud.mentioning(f"serviceAccount:{agent}", record.scope)
        ours = cloud.get("gcp:kms/cryptoKey:CryptoKey", key, record.scope) is not None
        if ours and not any(_lets_use(grant, key) for grant in grants):
            return f"403: {agent} may not use the key {key}"
    return None


def _encrypting(service: str, project: str) -> str:
    logs = service == "logging"
    return log_agent(project) if logs else agent_of(f"{service}.googleapis.com", project)


def _lets_use(grant: Record, key: str) -> bool:
    if "cloudkms" not in str(grant.inputs.get("role", "")):
        return False
    on = [str(grant.inputs[k]) for k in ("cryptoKeyId", "keyRingId") if grant.inputs.get(k)]
    return not on or any(key == place or key.startswith(f"{place}/") for place in on)


def _connected(record: Record, cloud: Cloud) -> str | None:
    """A connection stays while something on its other side is reached through it."""
    if record.type != _CONNECTION:
        return None
    network = last(str(record.inputs.get("network")))
    for type_, path in _PRODUCED.items():
        for other in cloud.resources(type=type_, scope=record.scope):
            peered = other.inputs.get("connectMode") == "DIRECT_PEERING"
            if not peered and network in map(last, map(str, values(other.inputs, path))):
                return f"producer services still use this connection: {other.id}"
    return None
