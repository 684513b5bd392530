"""Reading policy documents: those of AWS, and the policies of Google Cloud."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

from plinth.graph import UNKNOWN
from plinth_policies.values import blocks, known, listed

#: A resource that is every one, of all services or of one: ``*``, ``arn:aws:s3:::*``.
_EVERY_RESOURCE: Final = re.compile(r"[*?]+|arn(:[^:]*){0,4}:[*?:]*")
#: One that is every one of a type, such as every role, or every object of S3.
_EVERY_OF_A_TYPE: Final = re.compile(
    r"arn(:[^:]*){3}:[^:]+:[\w-]+[:/][*?/]+|arn:[^:]*:s3:::[*?]+/[*?/]+"
)


def document(value: Any, name: str) -> Mapping[str, Any]:
    """A JSON document; empty when missing.

    It is empty also while it is unknown: one that names what is not made yet is unknown as a whole
    in a preview, and the engine has it judged again, with its value, before it is made.

    Raises:
        UnjudgeableError: It is secret.
    """
    if value is None or value == UNKNOWN:
        return {}
    text = known(value, name)
    found: Mapping[str, Any] = json.loads(text) if isinstance(text, str) else text
    return found


def allowed(value: Any, name: str) -> Iterator[Mapping[str, Any]]:
    """The statements of a policy document that allow something."""
    for statement in blocks(document(value, name).get("Statement"), "Statement"):
        if statement.get("Effect") == "Allow":
            yield statement


def principals(statement: Mapping[str, Any], kind: str = "") -> list[str]:
    """Those whom a statement is about, all or of one kind, such as ``Federated``."""
    found = statement.get("Principal")
    if isinstance(found, Mapping):
        kinds = [kind] if kind else list(found)
        return [one for name in kinds for one in listed(found.get(name, []))]
    return [] if kind else listed(found)


def covers_everything(statement: Mapping[str, Any], *, of_a_type: bool = False) -> bool:
    """Whether a statement is about every resource, or (with ``of_a_type``) all of one type."""
    return "NotResource" in statement or any(
        _EVERY_RESOURCE.fullmatch(one) or (of_a_type and _EVERY_OF_A_TYPE.fullmatch(one))
        for one in listed(statement.get("Resource", []))
    )


def takes(pattern: str, actions: tuple[str, ...]) -> bool:
    """Whether an action's pattern, in any case, covers one of the actions."""
    return any(fnmatchcase(action.lower(), pattern.lower()) for action in actions)
