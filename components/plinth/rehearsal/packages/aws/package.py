"""The ``aws`` package: accounts with the constraints that catch mistakes cheaply."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any, ClassVar, Final

from plinth.graph import UNKNOWN
from plinth.rehearsal.check import Failure
from plinth.rehearsal.cloud import Cloud, Record
from plinth.rehearsal.packages.aws.facts import GLOBAL, IN_PLACE, LOWERCASE_NAMES, NAMES, REPLACES
from plinth.rehearsal.packages.aws.lookups import LOOKUPS
from plinth.rehearsal.packages.aws.outputs import MAKERS, generic
from plinth.rehearsal.packages.aws.rules import DELETION_PROTECTION, HOLDS, NAME_RULES, UNIQUE
from plinth.rehearsal.packages.base import (
    Birth,
    Lookup,
    Made,
    Maker,
    Package,
    RefusedError,
    Settings,
)
from plinth.rehearsal.sdk import Field, Kind

_ACCOUNT: Final = "123456789012"
_REGION: Final = re.compile(r"[a-z]{2}(-[a-z]+){1,2}-\d")
#: Identifiers whose resource has to exist: prefix, then 17 hexadecimal digits.
_REFERENCE: Final = re.compile(
    r"(vpc|subnet|sg|rtb|igw|nat|eipalloc|vpce|lt|acl|eni|i)-[0-9a-f]{17}"
)


class Aws(Package):
    """Accounts, told apart by account identifier."""

    name = "aws"
    module = "pulumi_aws"
    replaces: ClassVar[Mapping[str, tuple[str, ...]]] = REPLACES
    makers: ClassVar[Mapping[str, Maker]] = MAKERS
    lookups: ClassVar[Mapping[str, Lookup]] = LOOKUPS
    names: ClassVar[Mapping[str, str]] = NAMES

    def settings(self, config: Mapping[str, Any]) -> Settings:
        """The account comes from the role to assume, or from the allowed accounts."""
        roles = config.get("assumeRoles") or []
        arns = [
            str(role.get("roleArn", "")).split(":") for role in roles if isinstance(role, Mapping)
        ]
        account = next((parts[4] for parts in arns if parts[5:]), "")
        allowed = config.get("allowedAccountIds") or []
        account = account or (str(allowed[0]) if allowed else _ACCOUNT)
        tags = (config.get("defaultTags") or {}).get("tags") or {}
        region = str(config.get("region") or "us-east-1")
        return Settings(scope=f"aws:{account}", account=account, region=region, tags=tags)

    def held_by(self, settings: Settings, config: Mapping[str, Any], holder: str) -> Settings:
        """Credentials are of one account, unless a role of another is assumed.

        The provider itself compares it with the allowed accounts.

        Raises:
            RefusedError: It is not among them.
        """
        if config.get("assumeRoles"):
            return settings
        if holder not in (config.get("allowedAccountIds") or [holder]):
            raise RefusedError(f"AWS account ID not allowed: {holder}")
        return replace(settings, scope=f"aws:{holder}", account=holder, holder=holder)

    def check_config(self, config: Mapping[str, Any]) -> Iterator[Failure]:
        """The real provider refuses a missing or malformed region."""
        region = config.get("region")
        if region is None:
            yield Failure("region", "region is required and missing")
        elif region != UNKNOWN and not _REGION.fullmatch(str(region)):
            yield Failure("region", f"region is {region!r}, which is not an AWS region")

    def check(self, token: str, inputs: Mapping[str, Any]) -> Iterator[Failure]:
        """The names that AWS would refuse."""
        for glob, (key, pattern, rule) in NAME_RULES.items():
            value = inputs.get(key)
            known = isinstance(value, str) and value != UNKNOWN and fnmatchcase(token, glob)
            if known and not re.fullmatch(pattern, str(value)):
                yield Failure(key, f"{key} is {value!r}, but must be {rule}")

    def autoname(self, token: str, name: str) -> str:
        """The forms that the provider brings made-up names into."""
        if token.endswith("kms/alias:Alias"):
            return f"alias/{name}"
        return name.lower() if token in LOWERCASE_NAMES else name

    def complete(
        self, kind: Kind, inputs: Mapping[str, Any], settings: Settings
    ) -> Mapping[str, Any]:
        """Policy documents may be given as objects; AWS holds them as text."""
        del settings
        documents = {
            key: json.dumps(value)
            for key, value in inputs.items()
            if isinstance(value, Mapping)
            and key in kind.inputs
            and "string" in kind.inputs[key].type.scalars
        }
        return {**inputs, **documents}

    def in_place(self, token: str) -> tuple[str, ...]:
        """The table of exceptions."""
        return IN_PLACE.get(token, ())

    def make(self, birth: Birth) -> Made:
        """The table of types, or something plausible."""
        if birth.type in self.makers:
            return self.makers[birth.type](birth)
        identifier, outputs = generic(birth)
        kind = self.kind(birth.type)
        return identifier, {k: v for k, v in outputs.items() if kind and k in kind.outputs}

    def fill(self, name: str, known: Field, birth: Birth, *, asked: bool) -> Any:
        """ARNs, owners and regions look like themselves."""
        if name == "region":
            return birth.region
        if name == "arn" or (name.endswith("Arn") and not asked):
            return generic(birth)[1].get("arn", "")
        if name in ("ownerId", "accountId", "registryId"):
            return birth.account
        if name == "status":
            return "ACTIVE"
        return super().fill(name, known, birth, asked=asked)

    def common(self, kind: Kind, inputs: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
        """Default tags show up in ``tagsAll``, beneath the resource's own."""
        outputs: dict[str, Any] = {}
        if "tagsAll" in kind.outputs:
            own = inputs.get("tags")
            known = own if isinstance(own, Mapping) else {}
            outputs["tagsAll"] = UNKNOWN if own == UNKNOWN else {**settings.tags, **known}
        if "region" in kind.outputs:
            outputs["region"] = inputs.get("region") or settings.region
        return outputs

    def regional(self, kind: Kind) -> bool:
        """What takes a region of its own: names are for each region."""
        return "region" in kind.outputs and kind.token not in GLOBAL

    def refuse_create(self, record: Record, cloud: Cloud) -> str | None:
        """What it refers to has to exist, and its name has to be free."""
        if record.type in GLOBAL and cloud.get(record.type, record.id):
            return f"AlreadyExists: {record.id} is taken, in this account or another"
        for reference in sorted(set(_references(record.inputs))):
            if not cloud.knows(reference, record.scope):
                return f"InvalidID.NotFound: {reference} does not exist"
        keys = UNIQUE.get(record.type, ())
        wanted = [record.state.get(key) for key in keys]
        for other in cloud.resources(type=record.type, scope=record.scope) if keys else ():
            if other.region == record.region and [other.state.get(k) for k in keys] == wanted:
                return f"AlreadyExists: {', '.join(map(str, wanted))} is taken by {other.id}"
        return None

    def refuse_delete(self, record: Record, cloud: Cloud) -> str | None:
        """Protection, contents and dependents."""
        state = record.state
        protected = DELETION_PROTECTION.get(record.type)
        if protected and state.get(protected) is True:
            return f"InvalidParameterCombination: {protected} is on for {record.id}"
        rds = record.type in ("aws:rds/instance:Instance", "aws:rds/cluster:Cluster")
        if rds and not state.get("skipFinalSnapshot") and not state.get("finalSnapshotIdentifier"):
            return "finalSnapshotIdentifier is required when skipFinalSnapshot is false"
        hold = HOLDS.get(record.type)
        if hold is None or (hold.unless and state.get(hold.unless) is True):
            return None
        names = {record.id, str(state.get(hold.by, record.id))}
        holders = [
            other
            for name in sorted(names)
            for other in cloud.mentioning(name, record.scope)
            if other.serial != record.serial
            and any(fnmatchcase(other.type, glob) for glob in hold.types)
        ]
        return f"{hold.error}: {record.id} is in use by {holders[0].id}" if holders else None


def _references(value: Any) -> Iterator[str]:
    """Every EC2 identifier in some inputs."""
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)
    elif isinstance(value, str) and _REFERENCE.fullmatch(value):
        yield value
