"""The forms that identifiers, addresses and nested outputs of Azure share."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final

from plinth.rehearsal.packages.base import Birth, Made, Maker, digest

#: When everything was made.
CREATED: Final = "2025-01-01T00:00:00Z"


def made_uuid(birth: Birth, salt: str = "") -> str:
    """A made-up UUID."""
    return str(uuid.UUID(birth.hex(32, salt)))


def derived_uuid(*parts: str) -> str:
    """A made-up UUID that is the same wherever it is asked for."""
    return str(uuid.UUID(digest("|".join(parts), 32)))


def tenant(account: str) -> str:
    """The tenant of a subscription."""
    return derived_uuid("tenant", account)


def identity(id_: str) -> dict[str, str]:
    """The principal of a user-assigned identity, the same whoever looks at it.

    In Azure an identity that is made again is another principal; here it is not.
    """
    lower = id_.lower()
    known = {"principalId": derived_uuid("principal", lower)}
    return known | {"clientId": derived_uuid("client", lower)}


def address(birth: Birth, first: str) -> str:
    """An IPv4 address that starts with a number."""
    digits = birth.hex(6, first)
    return ".".join([first, *(str(int(digits[i : i + 2], 16)) for i in (0, 2, 4))])


def asked(birth: Birth, key: str) -> Mapping[str, Any]:
    """An input that is an object; empty when it is absent or unknown."""
    value = birth.inputs.get(key)
    return value if isinstance(value, Mapping) else {}


def settled(birth: Birth, key: str, **defaults: Any) -> dict[str, Any]:
    """An object as asked for, with what the service adds; ``None`` adds nothing."""
    known = {name: value for name, value in defaults.items() if value is not None}
    return known | {name: value for name, value in asked(birth, key).items() if value is not None}


def has(**outputs: Callable[[Birth], Any]) -> Maker:
    """Types that have these outputs beyond what all types have."""

    def make(birth: Birth) -> Made:
        return "", {key: give(birth) for key, give in outputs.items()}

    return make
