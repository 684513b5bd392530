"""Properties as the engine sends them, read as plain data and put back after a mend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf.struct_pb2 import Struct, Value

from plinth.graph import SECRET, SECRET_MARK, SIGNATURE, UNKNOWN, UNKNOWNS


def plain(struct: Struct) -> dict[str, Any]:
    """Properties as plain data, with markers for what is unknown or secret."""
    return {key: _plain(value) for key, value in struct.fields.items()}


def _plain(value: Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        return UNKNOWN if value.string_value in UNKNOWNS else value.string_value
    if kind == "struct_value":
        fields = value.struct_value.fields
        if SIGNATURE in fields and fields[SIGNATURE].string_value == SECRET_MARK:
            return SECRET
        return plain(value.struct_value)
    if kind == "list_value":
        return [_plain(item) for item in value.list_value.values]
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    return value.bool_value if kind == "bool_value" else None


def mended(struct: Struct, before: Mapping[str, Any], after: Mapping[str, Any]) -> Struct:
    """The properties as they were sent, changed in what differs from ``before`` to ``after``.

    Secrets and unknown values, which plain data has only markers for, stay what they were.
    """
    result = Struct()
    for key in after:
        kept = struct.fields.get(key)
        if kept is not None and key in before and before[key] == after[key]:
            result.fields[key].CopyFrom(kept)
        elif _both_mappings(kept, before.get(key), after[key]):
            inner = mended(struct.fields[key].struct_value, before[key], after[key])
            result.fields[key].struct_value.CopyFrom(inner)
        else:
            result.update({key: after[key]})
    return result


def _both_mappings(kept: Value | None, before: Any, after: Any) -> bool:
    sent = kept is not None and kept.HasField("struct_value")
    return sent and isinstance(before, Mapping) and isinstance(after, Mapping)
