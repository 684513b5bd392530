"""What holds data and is encrypted with one key: a table, and the rule made from each row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from plinth.graph import Resource
from plinth_policies.model import REGISTRY, Check, Scope
from plinth_policies.values import get, key_missing, switch_off, value_refused

WHY: Final = (
    "Only a key of one's own can be revoked, audited use by use, and kept from other tenants."
)


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
    """

    rule_id: str
    what: str
    token: str
    key: str
    switch: str | None = None
    inherits: str | None = None
    mode: str | None = None
    modes: tuple[str, ...] = ()

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
    """Registers the rule of each store."""
    for store in stores:
        check: Check = store.check
        REGISTRY.rule(
            f"encryption-{store.rule_id}-kms",
            title=f"Data of {store.what} is encrypted with a customer-managed key",
            why=WHY,
            fix=store.fix,
            judges={store.token: store.reads},
        )(check)
