"""The ``random`` package: values that are made up once and kept."""

from __future__ import annotations

import base64
import hashlib
import string
import uuid
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from plinth.rehearsal.packages.base import Birth, Made, Maker, Package, Settings

#: Characters of a password when ``special`` is on (RandomPasswordArgs.special).
_SPECIAL: Final = "!@#$%&*()-_=+[]{}<>:?"
_PETS: Final = ("badger", "heron", "lynx", "marten", "otter", "plover", "stoat", "wren")
_ADJECTIVES: Final = ("brave", "calm", "eager", "keen", "merry", "quick", "sturdy", "wise")


def _numbers(birth: Birth, count: int) -> list[int]:
    """Numbers from 0 to 65535 that derive from the seed."""
    digits = birth.hex(count * 4)
    return [int(digits[i : i + 4], 16) for i in range(0, count * 4, 4)]


def _flag(birth: Birth, key: str) -> bool:
    return birth.text(key, "true").lower() != "false"


def _characters(birth: Birth) -> str:
    """A text of the asked length with at least the asked number of each class."""
    classes = {
        "Lower": string.ascii_lowercase if _flag(birth, "lower") else "",
        "Upper": string.ascii_uppercase if _flag(birth, "upper") else "",
        "Numeric": string.digits if _flag(birth, "numeric") and _flag(birth, "number") else "",
        "Special": birth.text("overrideSpecial", _SPECIAL) if _flag(birth, "special") else "",
    }
    length = birth.number("length", 16)
    pools = [chars for key, chars in classes.items() for _ in range(birth.number(f"min{key}", 0))]
    pools += ["".join(classes.values()) or string.ascii_lowercase] * (length - len(pools))
    picks = _numbers(birth, length)
    chosen = [pool[pick % len(pool)] for pool, pick in zip(pools, picks, strict=True)]
    order = sorted(range(length), key=lambda i: hashlib.sha256(f"{picks}{i}".encode()).digest())
    return "".join(chosen[i] for i in order)


def _password(birth: Birth) -> Made:
    result = _characters(birth)
    hashed = "$2a$10$" + birth.hex(53, "bcrypt")
    # The real provider calls every password "none"; here identifiers tell resources apart.
    return f"none-{birth.hex(12, 'id')}", {"result": result, "bcryptHash": hashed}


def _string(birth: Birth) -> Made:
    result = _characters(birth)
    return result, {"result": result}


def _bytes(birth: Birth) -> Made:
    digits = birth.hex(2 * birth.number("length", 16))
    encoded = base64.b64encode(bytes.fromhex(digits)).decode()
    return f"none-{birth.hex(12, 'id')}", {"base64": encoded, "hex": digits}


def _id(birth: Birth) -> Made:
    digits = birth.hex(2 * birth.number("byteLength", 8))
    raw, prefix = bytes.fromhex(digits), birth.text("prefix")
    url = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    return url, {
        "hex": prefix + digits,
        "dec": f"{prefix}{int(digits, 16)}",
        "b64Std": prefix + base64.b64encode(raw).decode(),
        "b64Url": prefix + url,
    }


def _uuid(birth: Birth) -> Made:
    result = str(uuid.UUID(birth.hex(32), version=4))
    return result, {"result": result}


def _integer(birth: Birth) -> Made:
    low, high = birth.number("min", 0), birth.number("max", 1)
    result = low + int(birth.hex(12), 16) % (high - low + 1)
    return str(result), {"result": result}


def _pet(birth: Birth) -> Made:
    first, second = _numbers(birth, 2)
    words = [_ADJECTIVES[first % len(_ADJECTIVES)], _PETS[second % len(_PETS)]]
    result = birth.text("separator", "-").join([*filter(None, [birth.text("prefix")]), *words])
    return result, {"result": result, "separator": birth.text("separator", "-"), "length": 2}


def _shuffle(birth: Birth) -> Made:
    items = list(birth.inputs.get("inputs") or [])
    order = sorted(range(len(items)), key=lambda i: birth.hex(16, str(i)))
    results = [items[i] for i in order][: birth.number("resultCount", len(items))]
    return "-", {"results": results}


class Random(Package):
    """Everything is fixed at birth, so every change makes a new value."""

    name = "random"
    module = "pulumi_random"
    names: ClassVar[Mapping[str, str]] = {}
    makers: ClassVar[Mapping[str, Maker]] = {
        "random:index/randomPassword:RandomPassword": _password,
        "random:index/randomString:RandomString": _string,
        "random:index/randomBytes:RandomBytes": _bytes,
        "random:index/randomId:RandomId": _id,
        "random:index/randomUuid:RandomUuid": _uuid,
        "random:index/randomInteger:RandomInteger": _integer,
        "random:index/randomPet:RandomPet": _pet,
        "random:index/randomShuffle:RandomShuffle": _shuffle,
    }

    def force_new(self, token: str, inputs: Mapping[str, Any], settings: Settings) -> list[str]:
        """Every input of every type (terraform-provider-random marks all of them)."""
        del token, settings
        return list(inputs)
