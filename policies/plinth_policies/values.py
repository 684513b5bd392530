"""Reading property values that may be missing, unknown or secret.

What must be judged by its value (a switch, an address range, a tag) is read with :func:`known`,
which refuses to guess.  What only must be there (a key, an identifier) may be unknown or secret.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from plinth.graph import SECRET, UNKNOWN
from plinth_policies.model import UnjudgeableError


def hidden(value: object) -> bool:
    """Whether the value is unknown or secret."""
    return isinstance(value, str) and value in (UNKNOWN, SECRET)


def get(properties: Mapping[str, Any], dotted: str) -> Any:
    """The value at a dotted path; ``None`` when missing, the marker when on the way it is hidden.

    Raises:
        TypeError: A step is neither a mapping nor missing.
    """
    value: Any = properties
    for name in dotted.split("."):
        if value is None or hidden(value):
            return value
        if not isinstance(value, Mapping):
            raise TypeError(f"{dotted} is not where the schema has it")
        value = value.get(name)
    return value


def put(properties: Mapping[str, Any], dotted: str, value: Any) -> dict[str, Any]:
    """The properties with a value at a dotted path; what is missing on the way is made.

    Raises:
        TypeError: A step is neither a mapping nor missing.
    """
    name, _, rest = dotted.partition(".")
    return {**properties, name: put(properties.get(name) or {}, rest, value) if rest else value}


def nested(dotted: Mapping[str, Any]) -> dict[str, Any]:
    """Inputs from dotted paths; a value that is ``None`` is left out."""
    inputs: dict[str, Any] = {}
    for path, value in dotted.items():
        if value is not None:
            inputs = put(inputs, path, value)
    return inputs


def known(value: Any, name: str) -> Any:
    """The value itself.

    Raises:
        UnjudgeableError: It is unknown or secret.
    """
    if hidden(value):
        raise UnjudgeableError(f"{name} is not known before deployment and cannot be judged")
    return value


def blocks(value: Any, name: str) -> list[Any]:
    """A repeated block as a list: missing is empty, a single one is itself.

    Raises:
        UnjudgeableError: The list or an element is unknown or secret.
    """
    value = known(value, name)
    if value is None:
        return []
    return [known(item, name) for item in (value if isinstance(value, list | tuple) else [value])]


def listed(value: Any) -> list[Any]:
    """A value that may stand alone, as a list."""
    return value if isinstance(value, list) else [value]


def every(properties: Mapping[str, Any], dotted: str) -> list[Any]:
    """All values at a dotted path, lists on the way looked through; none when it is missing.

    Raises:
        UnjudgeableError: A value, or something on the way to it, is unknown or secret.
    """
    found: list[Any] = [properties]
    for name in dotted.split("."):
        found = [item for value in found for item in blocks(get(value, name), dotted)]
    return found


def is_on(value: object) -> bool:
    """Whether a switch is on; some properties take a boolean as text."""
    return value is True or value == "true"


def switch_off(properties: Mapping[str, Any], dotted: str) -> Iterator[str]:
    """Yields what is wrong unless the switch at ``dotted`` is on."""
    value = known(get(properties, dotted), dotted)
    if not is_on(value):
        yield f"{dotted} is not set" if value is None else f"{dotted} is off"


def value_refused(
    properties: Mapping[str, Any], dotted: str, accepted: Sequence[str], *, default: str = ""
) -> Iterator[str]:
    """Yields what is wrong unless ``dotted`` is one of the accepted values, in any case.

    Args:
        properties: Inputs of a resource, or a part of them.
        dotted: Path of the property.
        accepted: The values that are fine.
        default: What the cloud takes when the property is missing.
    """
    value = known(get(properties, dotted), dotted)
    unset = value in (None, "")
    text = str(default if unset else value)
    if text.casefold() in (one.casefold() for one in accepted):
        return
    if unset:
        yield f"{dotted} is not set{f', which means {default}' if default else ''}"
    else:
        yield f"{dotted} is {'on' if value is True else 'off' if value is False else text}"


def too_little(
    properties: Mapping[str, Any], dotted: str, least: float, *, default: float = 0, unit: float = 1
) -> Iterator[str]:
    """Yields what is wrong unless the number at ``dotted`` is ``least`` or more.

    Args:
        properties: Inputs of a resource, or a part of them.
        dotted: Path of the property: a number, or a duration in seconds such as ``604800s``.
        least: What is enough, in units.
        default: What the cloud takes when the property is missing, as the property has it.
        unit: How much of the property is one unit.
    """
    value = known(get(properties, dotted), dotted)
    amount = float(str(default if value in (None, "") else value).removesuffix("s"))
    if amount >= least * unit:
        return
    if value in (None, ""):
        yield f"{dotted} is not set, which means {default:.0f}"
    else:
        yield f"{dotted} is {value}, which is less than {least * unit:.0f}"


def key_missing(properties: Mapping[str, Any], dotted: str) -> Iterator[str]:
    """Yields what is wrong unless ``dotted`` refers to a customer-managed key."""
    value = get(properties, dotted)
    if not value:
        yield f"{dotted} is not set"
    elif "alias/aws/" in value:
        yield f"{dotted} is a key that the cloud manages"
