"""The forms that identifiers, ARNs and addresses of AWS share.

Identifiers are those of the Terraform provider, as documented in each resource's ``import``.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final

from plinth.rehearsal.packages.base import Birth, Made, Maker

_COMPASS: Final = {
    "north": "n", "south": "s", "east": "e", "west": "w", "central": "c", "northeast": "ne",
    "northwest": "nw", "southeast": "se", "southwest": "sw",
}  # fmt: skip

CREATED: Final = "2025-01-01T00:00:00Z"


def arn(birth: Birth, service: str, resource: str, *, region: bool = True) -> str:
    """An ARN in the birth's account, with or without a region."""
    return f"arn:aws:{service}:{birth.region if region else ''}:{birth.account}:{resource}"


def short_region(region: str) -> str:
    """The region inside ElastiCache host names: ``eu-west-1`` is ``euw1``."""
    area, *words, number = region.split("-")
    return area + "".join(_COMPASS.get(word, word[:1]) for word in words) + number


def made_uuid(birth: Birth, salt: str = "") -> str:
    """A made-up UUID."""
    return str(uuid.UUID(birth.hex(32, salt)))


def capitals(birth: Birth, prefix: str, length: int) -> str:
    """An identifier such as ``AROA`` and capitals and digits."""
    return (prefix + birth.hex(length * 2, prefix).upper())[:length]


def address(birth: Birth, first: str) -> str:
    """An IPv4 address that starts with a number."""
    digits = birth.hex(6, first)
    return ".".join([first, *(str(int(digits[i : i + 2], 16)) for i in (0, 2, 4))])


def zone(birth: Birth) -> str:
    """The availability zone that was asked for, or the first of the region."""
    return birth.text("availabilityZone", f"{birth.region}a")


def item(value: Any) -> Mapping[str, Any]:
    """An object, or the first of a list of them."""
    first = value[0] if isinstance(value, list) and value else value
    return first if isinstance(first, Mapping) else {}


def ec2(prefix: str, resource: str, **more: Callable[[Birth], Any]) -> Maker:
    """EC2 things: ``<prefix>-<17 hex>``, an ARN and the owner."""

    def make(birth: Birth) -> Made:
        id_ = f"{prefix}-{birth.hex(17)}"
        extra = {key: give(birth) for key, give in more.items()}
        known = {"arn": arn(birth, "ec2", f"{resource}/{id_}"), "ownerId": birth.account}
        return id_, known | extra

    return make


def named(service: str, resource: str, **more: Callable[[Birth], Any]) -> Maker:
    """Things whose identifier is their name. ``resource`` is the ARN's tail, with ``{}``."""

    def make(birth: Birth) -> Made:
        known = {"arn": arn(birth, service, resource.format(birth.name))}
        return birth.name, known | {key: give(birth) for key, give in more.items()}

    return make


def by_arn(service: str, resource: str, **more: Callable[[Birth], Any]) -> Maker:
    """Things whose identifier is their ARN."""

    def make(birth: Birth) -> Made:
        id_ = arn(birth, service, resource.format(birth.name))
        return id_, {"arn": id_} | {key: give(birth) for key, give in more.items()}

    return make


def joined(pattern: str, **more: Callable[[Birth], Any]) -> Maker:
    """Things identified by their inputs, such as ``{role}:{name}``."""

    def make(birth: Birth) -> Made:
        values = {key: birth.text(key) for key in birth.inputs} | {"name": birth.name}
        id_ = re.sub(r"\{(\w+)\}", lambda m: values.get(m.group(1), ""), pattern)
        return id_, {key: give(birth) for key, give in more.items()}

    return make
