"""Property values as the engine sends them, and as plain Python data.

On the wire a property map is a protobuf ``Struct``.  Secrets, outputs and resource references are
objects with a signature key; a value that is not known yet is one of seven reserved texts
(pulumi ``sdk/go/common/resource/plugin/rpc.go``).  In here everything is plain data, and anything
unknown is :data:`plinth.graph.UNKNOWN`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf.struct_pb2 import NULL_VALUE, Struct, Value

from plinth.graph import (
    OUTPUT_MARK,
    REFERENCE_MARK,
    SECRET,
    SECRET_MARK,
    SIGNATURE,
    UNKNOWN,
    UNKNOWNS,
)


def decode(struct: Struct, *, secrets: bool = True) -> dict[str, Any]:
    """A property map as plain data: outputs opened, whole numbers as ``int``.

    Args:
        struct: The map.
        secrets: Whether secrets are opened too; else :data:`plinth.graph.SECRET` stands for each.
    """
    return {key: _plain(value, secrets=secrets) for key, value in struct.fields.items()}


def encode(data: Mapping[str, Any]) -> Struct:
    """Plain data as a property map. ``None`` values are left out, as the engine does."""
    struct = Struct()
    for key, value in data.items():
        if value is not None:
            _fill(struct.fields[key], value)
    return struct


def _plain(value: Value, *, secrets: bool) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return _opened(decode(value.struct_value, secrets=secrets), secrets=secrets)
    if kind == "list_value":
        return [_plain(item, secrets=secrets) for item in value.list_value.values]
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    if kind == "string_value":
        return UNKNOWN if value.string_value in UNKNOWNS else value.string_value
    return value.bool_value if kind == "bool_value" else None


def _opened(record: dict[str, Any], *, secrets: bool) -> Any:
    """The value inside a secret, output or resource reference; assets stay as they are."""
    match record.get(SIGNATURE):
        case mark if mark == SECRET_MARK and not secrets:
            return SECRET
        case mark if mark == OUTPUT_MARK and record.get("secret") and not secrets:
            return SECRET
        case mark if mark in (SECRET_MARK, OUTPUT_MARK):
            return record.get("value", UNKNOWN)
        case mark if mark == REFERENCE_MARK:
            return record.get("id") or record.get("urn")
    return record


def _fill(target: Value, value: Any) -> None:
    if isinstance(value, Mapping):
        target.struct_value.CopyFrom(encode(value))
    elif isinstance(value, (list, tuple)):
        target.list_value.SetInParent()
        for item in value:
            _fill(target.list_value.values.add(), item)
    elif isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, (int, float)):
        target.number_value = value
    elif value is None:
        target.null_value = NULL_VALUE
    else:
        target.string_value = str(value)
