"""What holds data and is encrypted with one key: a table, and the rule made from each row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from plinth.graph import Resource
from plinth_policies.controls import AT_REST
from plinth_policies.model import REGISTRY, Check, Scope
from plinth_policies.values import get, key_missing, nested, switch_off, value_refused

WHY: Final = (
    "Only a key of one's own can be revoked, audited use by use, and kept from other tenants."
)


#: Keys as each cloud's resources name them, for the examples.
AWS_KEY: Final = "arn:aws:kms:eu-west-1:111111111111:key/1"
AZURE_KEY: Final = "https://keys.vault.azure.net/keys/data"
GCP_KEY: Final = "projects/churn/locations/europe-west1/keyRings/keys/cryptoKeys/data"
_KEYS: Final = {"aws": AWS_KEY, "azure-native": AZURE_KEY, "gcp": GCP_KEY}


@dataclass(frozen=True)
class Store:
    """A type whose encryption is one key property and, for some, one switch or mode.

    Attributes:
        rule_id: Middle of the rule's id: ``encryption-<rule_id>-kms``.
        what: What it is called, in the plural.
        token: Type token.
        key: Property that refers to the key.
        switch: Property that turns encryption on.
        inherits: Property of a copy, which is encrypted as its source is.
        mode: Property that chooses how to encrypt.
        modes: Its values that use the key.
        controls: What it serves beside what every store does.
        example: A key as this property names it, where it is not like the cloud's others.
    """

    rule_id: str
    what: str
    token: str
    key: str
    switch: str | None = None
    inherits: str | None = None
    mode: str | None = None
    modes: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()
    example: str = ""

    @property
    def reads(self) -> tuple[str, ...]:
        """The input properties that decide."""
        return tuple(name for name in (self.key, self.switch, self.inherits, self.mode) if name)

    @property
    def fix(self) -> str:
        """What to set."""
        if self.switch:
            return f"turn {self.switch} on and set {self.key}"
        if self.mode:
            return f"set {self.mode} to {' or '.join(self.modes)} and set {self.key}"
        return f"set {self.key}"

    @property
    def kept(self) -> dict[str, Any]:
        """The dotted inputs that are encrypted as the rule asks."""
        inputs: dict[str, Any] = {self.switch: True} if self.switch else {}
        if self.mode:
            inputs[self.mode] = self.modes[0]
        return {**inputs, self.key: self.example or _KEYS[self.token.split(":", 1)[0]]}

    def check(self, resource: Resource, _scope: Scope) -> Iterator[str]:
        """Yields what is wrong with the encryption of one resource."""
        if self.inherits and get(resource.inputs, self.inherits):
            return
        if self.switch:
            yield from switch_off(resource.inputs, self.switch)
        if self.mode:
            yield from value_refused(resource.inputs, self.mode, self.modes)
        yield from key_missing(resource.inputs, self.key)


def register(*stores: Store) -> None:
    """Registers the rule of each store; its bad example is the good one without the key."""
    for store in stores:
        check: Check = store.check
        REGISTRY.rule(
            f"encryption-{store.rule_id}-kms",
            title=f"Data of {store.what} is encrypted with a customer-managed key",
            why=WHY,
            fix=store.fix,
            judges={store.token: store.reads},
            controls=(*AT_REST, *store.controls),
            good=nested(store.kept),
            bad=nested({**store.kept, store.key: None}),
        )(check)
