"""The ``azure-native`` package: subscriptions with the constraints that catch mistakes cheaply."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Final

from plinth.graph import UNKNOWN
from plinth.rehearsal.check import Failure
from plinth.rehearsal.cloud import Cloud, Record
from plinth.rehearsal.packages.azure import checks, constraints
from plinth.rehearsal.packages.azure.facts import NAMES, OPEN, REPLACES, UUID_NAMES
from plinth.rehearsal.packages.azure.lookups import LOOKUPS
from plinth.rehearsal.packages.azure.outputs import MAKERS, common
from plinth.rehearsal.packages.azure.paths import SCOPES, identifier
from plinth.rehearsal.packages.azure.shapes import CREATED, derived_uuid
from plinth.rehearsal.packages.base import Birth, Lookup, Made, Maker, Package, Settings, digest
from plinth.rehearsal.sdk import Field, Kind

_SUBSCRIPTION: Final = "00000000-0000-0000-0000-000000000000"
_REGION: Final = "westeurope"
_VAULT: Final = "azure-native:keyvault:Vault"
_PROVIDER: Final = "pulumi:providers:azure-native"
_ABOUT_ONESELF: Final = (
    "azure-native:authorization:getClientConfig",
    "azure-native:authorization:getClientToken",
)
#: Endings of the inputs that are part of a path.
_PARTS: Final = ("Name", "Id", "Uri", "Path", "Namespace", "Type")
_API: Final = re.compile(r"Uses Azure REST API version (\S+?)\.(?:\s|$)")


class Azure(Package):
    """Subscriptions, told apart by subscription identifier.

    The SDK holds one version of each type; the versioned modules of other releases
    (``azure-native:storage/v20240101:StorageAccount``) are not in it, and are unknown here too.
    """

    name = "azure-native"
    module = "pulumi_azure_native"
    lenient = False
    closed = True
    open: ClassVar[frozenset[str]] = OPEN
    documents_replacements = False
    tail = 8
    separator = ""
    replaces: ClassVar[Mapping[str, tuple[str, ...]]] = REPLACES
    makers: ClassVar[Mapping[str, Maker]] = MAKERS
    lookups: ClassVar[Mapping[str, Lookup]] = LOOKUPS
    names: ClassVar[Mapping[str, str]] = NAMES

    def settings(self, config: Mapping[str, Any]) -> Settings:
        """The account is the subscription; what is not configured comes from the environment."""
        account = str(config.get("subscriptionId") or _SUBSCRIPTION)
        return Settings(
            scope=f"{self.name}:{account}",
            account=account,
            region=str(config.get("location") or _REGION),
            tenant=str(config.get("tenantId") or ""),
        )

    def held_by(self, settings: Settings, config: Mapping[str, Any], holder: str) -> Settings:
        """Without a subscription in the configuration, that of the environment is asked for."""
        if config.get("subscriptionId"):
            return replace(settings, holder=holder)
        return self.settings({**config, "subscriptionId": holder})

    def deny(self, settings: Settings, token: str) -> str | None:
        """Nobody has a role in the subscription of others. Who one is can always be asked."""
        if token in _ABOUT_ONESELF:
            return None
        role = token.endswith(":getRoleDefinition")
        thing = "Microsoft.Authorization/roleDefinitions" if role else "Microsoft.Resources"
        client = derived_uuid("caller-client", settings.holder)
        return (
            f'Status=403 Code="AuthorizationFailed" Message="The client \'{client}\' with object '
            f"id '{derived_uuid('caller', settings.holder)}' does not have authorization to "
            f"perform action '{thing}/read' over scope "
            f"'/subscriptions/{settings.account}' or the scope is invalid. If access was recently "
            'granted, please refresh your credentials."'
        )

    def check_config(self, config: Mapping[str, Any]) -> Iterator[Failure]:
        """Subscription and tenant are GUIDs."""
        for key in ("subscriptionId", "tenantId", "clientId"):
            value = config.get(key)
            if value not in (None, "", UNKNOWN) and not checks.is_uuid(str(value)):
                yield Failure(key, f"{key} is {value!r}, but must be a GUID")

    def name_key(self, token: str) -> str:
        """The last part of the path: of the inputs that are no outputs, the one without a parent.

        Parents have to be given; the resource's own name may be left out, as the provider can make
        it up. Where several are left, the one that is called like the type.
        """
        if token in self.names:
            return self.names[token]
        kind = self.kind(token)
        if kind is None or token == _PROVIDER:
            return "name"
        own = [
            key
            for key, known in kind.inputs.items()
            if key.endswith(("Name", "Id"))
            and key not in kind.outputs
            and not known.required
            and known.type.scalars == {"string"}
        ]
        called = token.rpartition(":")[2].lower()
        return min(own, key=lambda key: _distance(key, called), default="name")

    def name_path(self, kind: Kind) -> tuple[str, ...] | None:
        """Only parts of the path get a name by themselves."""
        key = self.name_key(kind.token)
        known = kind.inputs.get(key)
        free = known is not None and not known.required and "string" in known.type.scalars
        return (key,) if free and kind.token != _PROVIDER else None

    def autoname(self, token: str, name: str) -> str:
        """Role assignments are named by a UUID, everything else as it comes."""
        return str(uuid.UUID(digest(name, 32))) if token in UUID_NAMES else name

    def complete(
        self, kind: Kind, inputs: Mapping[str, Any], settings: Settings
    ) -> Mapping[str, Any]:
        """A location that is left out is that of the provider."""
        wants = "location" in kind.inputs and inputs.get("location") is None
        if not wants or kind.token in checks.GLOBAL_PLACE:
            return inputs
        return {**inputs, "location": settings.region}

    def check(self, token: str, inputs: Mapping[str, Any]) -> Iterator[Failure]:
        """Names that Azure would refuse, and settings that do not go together."""
        yield from checks.name(token, self.name_key(token), inputs)
        yield from checks.settings(token, inputs)

    def force_new(self, token: str, inputs: Mapping[str, Any], settings: Settings) -> list[str]:
        """The parts of the path, the location, and the table."""
        kind = self.kind(token)
        known = kind.inputs if kind else {}
        parts = [
            key
            for key, field in known.items()
            if kind and key not in kind.outputs and field.required and _is_part(key, field)
        ]
        own = [self.name_key(token), "location", *SCOPES]
        found = super().force_new(token, inputs, settings)
        return [*dict.fromkeys([*parts, *(k for k in own if k in known), *found])]

    def make(self, birth: Birth) -> Made:
        """What every type has, and the table of types on top."""
        kind = self.kind(birth.type)
        if kind is None or birth.type == _PROVIDER:
            return birth.hex(16), {}
        id_ = identifier(birth, self.name_key(birth.type))
        known = {k: v for k, v in common(birth, id_).items() if self._gives(kind, k, birth)}
        known["azureApiVersion"] = self._version(birth.type)
        if birth.type in checks.GLOBAL_PLACE:
            known["location"] = birth.text("location", "global")
        own, more = self.makers[birth.type](birth) if birth.type in self.makers else ("", {})
        made = {key: value for key, value in (known | more).items() if key in kind.outputs}
        return own or id_, made

    def _gives(self, kind: Kind, key: str, birth: Birth) -> bool:
        """Whether the service decides an output; the rest stays as asked for."""
        given = birth.inputs.get(key) is not None and key in kind.inputs
        return key in kind.outputs and (not given or key in ("name", "identity"))

    def _version(self, token: str) -> str:
        found = _API.search(self.sdk.description(token))
        return found[1] if found else ""

    def fill(self, name: str, known: Field, birth: Birth, *, asked: bool) -> Any:
        """Times look like themselves."""
        if name.endswith(("Time", "Date", "On", "Timestamp")) and "string" in known.type.scalars:
            return CREATED
        return super().fill(name, known, birth, asked=asked)

    def refuse_create(self, record: Record, cloud: Cloud) -> str | None:
        """What it belongs to and refers to has to exist, and its name has to be free."""
        return constraints.create(record, cloud)

    def refuse_update(self, record: Record, new: Mapping[str, Any], cloud: Cloud) -> str | None:
        """What the service holds fixed, and locks."""
        return constraints.update(record, new, cloud)

    def refuse_delete(self, record: Record, cloud: Cloud) -> str | None:
        """Locks, and whatever uses it."""
        return constraints.delete(record, cloud)

    def goes_with(self, record: Record, cloud: Cloud) -> Iterable[Record]:
        """Everything below it: a resource group takes along all that is in it."""
        return constraints.inside(record, cloud)

    def deleted(self, record: Record, cloud: Cloud) -> None:
        """A vault stays for a while, deleted, and keeps its name."""
        if record.type == _VAULT:
            cloud.count(constraints.soft_deleted(record.id.rpartition("/")[2]))


def _is_part(key: str, known: Field) -> bool:
    return known.type.scalars == {"string"} and (key.endswith(_PARTS) or key in SCOPES)


def _distance(key: str, called: str) -> tuple[bool, bool, str]:
    """How unlike a type a property is called."""
    stem = re.sub("(Name|Id)$", "", key).lower()
    return stem not in called, not key.endswith("Name"), key
