"""Properties as the engine sends them, put back after a mend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf.struct_pb2 import Struct, Value


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
