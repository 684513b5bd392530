"""What a simulated package can say about its types; everything has a sensible default."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any, ClassVar, TypeAlias

from plinth.graph import UNKNOWN
from plinth.rehearsal.check import Checker, Failure
from plinth.rehearsal.cloud import Cloud, Record
from plinth.rehearsal.sdk import Field, Kind, Sdk


@dataclass(frozen=True, slots=True, kw_only=True)
class Birth:
    """What is known about a resource when its outputs are made up.

    Attributes:
        type: Type token.
        name: Physical name, or the logical one for things without a name.
        inputs: Its checked inputs.
        region: Region it lives in.
        account: Account (or cluster) it belongs to.
        seed: Where made-up identifiers come from: the same seed gives the same ones.
        revision: 1 when it is made, one more at each update.
    """

    type: str
    name: str
    inputs: Mapping[str, Any]
    region: str = "eu-west-1"
    account: str = "123456789012"
    seed: str = ""
    revision: int = 1

    def hex(self, length: int, salt: str = "") -> str:
        """Made-up hexadecimal digits; another salt gives others."""
        return digest(f"{self.type}|{self.seed or self.name}|{salt}", length)

    def text(self, key: str, default: str = "") -> str:
        """An input as text, or the default when it is absent or unknown."""
        value = self.inputs.get(key)
        return default if value in (None, UNKNOWN) else str(value)

    def number(self, key: str, default: int) -> int:
        """An input as a whole number, or the default."""
        text = self.text(key)
        return int(float(text)) if text.lstrip("-").replace(".", "", 1).isdigit() else default


Made: TypeAlias = tuple[str, dict[str, Any]]
Maker: TypeAlias = Callable[[Birth], Made]


def digest(text: str, length: int) -> str:
    """Hexadecimal digits that derive from a text, any number of them."""
    digits, block = "", text
    while len(digits) < length:
        block = hashlib.sha256(block.encode()).hexdigest()
        digits += block
    return digits[:length]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a configured provider stands for.

    Attributes:
        scope: The account or cluster, such as ``aws:111111111111``.
        account: Account identifier.
        region: Default region.
        tags: Tags that go onto everything.
        namespace: Default Kubernetes namespace.
        mutable: Kubernetes types whose data changes in place by the provider's own settings.
        tenant: Azure tenant.
        holder: Account that the credentials in hand are of; empty when they are of whichever is
            asked for.
    """

    scope: str
    account: str = ""
    region: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    namespace: str = "default"
    mutable: frozenset[str] = frozenset()
    tenant: str = ""
    holder: str = ""

    @property
    def stranger(self) -> bool:
        """Whether the credentials in hand are of another account than the one that is asked for."""
        return bool(self.holder) and self.holder != self.account


@dataclass(frozen=True, slots=True)
class Question:
    """One lookup: its arguments, and where the answer may come from."""

    args: Mapping[str, Any]
    settings: Settings
    cloud: Cloud | None

    def text(self, key: str, default: str = "") -> str:
        """An argument as text."""
        value = self.args.get(key)
        return default if value in (None, UNKNOWN) else str(value)


Lookup: TypeAlias = Callable[[Question], Mapping[str, Any]]


class NotFoundError(Exception):
    """A lookup found nothing."""


class RefusedError(Exception):
    """The credentials in hand may not do this."""


class Package:
    """One provider package. Subclasses override what is particular to theirs."""

    name: ClassVar[str]
    module: ClassVar[str]
    #: Whether text, numbers and booleans turn into one another.
    lenient: ClassVar[bool] = True
    #: Whether "cannot be updated" in the documentation means that the provider replaces it.
    documents_replacements: ClassVar[bool] = True
    #: Whether a text has to be one of the values that the SDK names, wherever it names some.
    closed: ClassVar[bool] = False
    #: ... but for the properties whose names are in here.
    open: ClassVar[frozenset[str]] = frozenset()
    #: How long the hexadecimal tail of a made-up name is, and what it follows.
    tail: ClassVar[int] = 7
    separator: ClassVar[str] = "-"
    #: Glob on the type token -> property patterns that force a new resource, beyond the SDK's docs.
    replaces: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    makers: ClassVar[Mapping[str, Maker]] = {}
    lookups: ClassVar[Mapping[str, Lookup]] = {}
    #: Type token -> the property that holds the physical name, where it is not ``name``.
    names: ClassVar[Mapping[str, str]] = {}

    def settings(self, config: Mapping[str, Any]) -> Settings:
        """What a provider configuration stands for."""
        del config
        return Settings(scope=self.name)

    def held_by(self, settings: Settings, config: Mapping[str, Any], holder: str) -> Settings:
        """The settings with the credentials of an account in hand.

        Raises:
            RefusedError: The provider refuses them by its configuration.
        """
        del config
        return replace(settings, holder=holder)

    def deny(self, settings: Settings, token: str) -> str | None:
        """Why the cloud does not let the credentials in hand do anything, or ``None``."""
        del settings, token
        return None

    def check_config(self, config: Mapping[str, Any]) -> Iterator[Failure]:
        """What is wrong with a provider configuration, beyond types."""
        del config
        return iter(())

    def config_replaces(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
        """The settings whose change replaces everything the provider made."""
        del old, new
        return []

    @cached_property
    def sdk(self) -> Sdk:
        """The SDK that the types come from."""
        return Sdk(self.module)

    @property
    def checker(self) -> Checker:
        """Judges values by the types of the SDK."""
        return Checker(self.sdk, lenient=self.lenient, closed=self.closed, open=self.open)

    def kind(self, token: str) -> Kind | None:
        """The type behind a token, or ``None``."""
        return self.sdk.kind(token)

    def check(self, token: str, inputs: Mapping[str, Any]) -> Iterator[Failure]:
        """What is wrong with inputs, beyond types."""
        del token, inputs
        return iter(())

    def complete(
        self, kind: Kind, inputs: Mapping[str, Any], settings: Settings
    ) -> Mapping[str, Any]:
        """Checked inputs, with what the provider and its settings add to them."""
        del kind, settings
        return inputs

    def force_new(self, token: str, inputs: Mapping[str, Any], settings: Settings) -> list[str]:
        """Property patterns whose change makes a new resource, beyond the SDK's docs."""
        del inputs, settings
        return [
            p for glob, known in self.replaces.items() if fnmatchcase(token, glob) for p in known
        ]

    def in_place(self, token: str) -> tuple[str, ...]:
        """Property patterns that change in place after all."""
        del token
        return ()

    def name_key(self, token: str) -> str:
        """The property that holds the physical name."""
        return self.names.get(token, "name")

    def name_path(self, kind: Kind) -> tuple[str, ...] | None:
        """Where the physical name goes, for types that have one and may leave it out."""
        key = self.name_key(kind.token)
        known = kind.inputs.get(key)
        return (key,) if known and "string" in known.type.scalars else None

    def autoname(self, token: str, name: str) -> str:
        """A made-up name in the form that the type wants."""
        del token
        return name

    def make(self, birth: Birth) -> Made:
        """The identifier and the computed outputs of a new resource."""
        maker = self.makers.get(birth.type)
        return maker(birth) if maker else (birth.name, {})

    def fill(self, name: str, known: Field, birth: Birth, *, asked: bool) -> Any:
        """A plausible value for an output that is never null and has no better source.

        Args:
            name: The property.
            known: What the SDK says of it.
            birth: The resource.
            asked: Whether it could have been given as an input: then the cloud's choice is empty.
        """
        if name == self.name_key(birth.type):
            return birth.name
        if known.type.items is not None:
            return []
        if known.type.entries is not None or known.type.objects:
            return {}
        if "string" in known.type.scalars:
            return "" if asked else f"{birth.name}-{name}"
        return False if "boolean" in known.type.scalars else 0

    def common(self, kind: Kind, inputs: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
        """Outputs that depend on the provider's settings, such as the tags of everything."""
        del kind, inputs, settings
        return {}

    def regional(self, kind: Kind) -> bool:
        """Whether identifiers of the type are taken in one region only."""
        del kind
        return False

    def joins(self, token: str) -> bool:
        """Whether to make what is there already is no error, and changes nothing."""
        del token
        return False

    def refuse_create(self, record: Record, cloud: Cloud) -> str | None:
        """Why the cloud would not make this resource, or ``None``."""
        del record, cloud
        return None

    def refuse_update(self, record: Record, new: Mapping[str, Any], cloud: Cloud) -> str | None:
        """Why the cloud would not change this resource to new inputs, or ``None``."""
        del record, new, cloud
        return None

    def refuse_delete(self, record: Record, cloud: Cloud) -> str | None:
        """Why the cloud would not delete this resource, or ``None``."""
        del record, cloud
        return None

    def goes_with(self, record: Record, cloud: Cloud) -> Iterable[Record]:
        """What disappears along with a resource."""
        del record, cloud
        return ()

    def deleted(self, record: Record, cloud: Cloud) -> None:
        """Note whatever outlasts a resource that has just been deleted."""
        del record, cloud


def opened(config: Mapping[str, Any], fields: Mapping[str, Field]) -> dict[str, Any]:
    """A provider configuration with its nested settings, which travel as JSON texts, read."""
    return {
        key: json.loads(value)
        if isinstance(value, str)
        and value[:1] in ("{", "[")
        and key in fields
        and "string" not in fields[key].type.scalars
        else value
        for key, value in config.items()
    }
