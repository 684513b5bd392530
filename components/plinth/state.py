"""Reads documents that hold resources: a stack's state, its export, or a plan."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from plinth.errors import Problem, UsageError
from plinth.graph import Graph, Resource

_URN = re.compile(r"urn:pulumi:[^:]+::[^:]+::\S+?::.+", re.DOTALL)

_EXPORT = "Write one with `pulumi stack export --file FILE` or `plinth plan ENV --json > FILE`."


def read(file: Path, *, environment: str, cloud: str) -> Graph:
    """The resources of one environment, secrets as markers.

    Takes what ``pulumi stack export`` prints, the state file of a local backend, and what
    ``plan --json`` prints.

    Raises:
        UsageError: It cannot be read, is no such document, or is of another environment.
    """
    deployment = _deployment(_document(file), file)
    try:
        graph = Graph.from_export(deployment, environment=environment, cloud=cloud)
        whole = all(_whole(resource) for resource in graph)
    except (KeyError, TypeError, AttributeError):
        whole = False
    if not whole:
        raise _refused(file, "has a resource that is none of Pulumi's")
    if not graph.resources:
        fix = f"Bring it up with `plinth up {environment}`, or leave --state out to judge the plan."
        raise _refused(file, "holds no resource", fix)
    stacks = sorted({resource.urn.split(":", 3)[2] for resource in graph})
    if stacks != [environment]:
        fix = f"Name that environment in place of {environment}, or export the other stack."
        raise _refused(file, f"is the state of {', '.join(stacks)}, not of {environment}", fix)
    return graph


def _document(file: Path) -> Any:
    try:
        return json.loads(file.read_bytes())
    except OSError as error:
        # The words of JSON errors may repeat what the file holds; these do not.
        raise _refused(file, f"cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise _refused(file, "is not JSON") from None


def _deployment(document: Any, file: Path) -> Mapping[str, Any]:
    """The object with the list of resources, however deep the document has it."""
    for name in ("deployment", "checkpoint", "latest"):
        if isinstance(document, Mapping) and document.get(name):
            document = document[name]
    if not isinstance(document, Mapping) or not isinstance(document.get("resources"), list):
        raise _refused(file, "has no list of resources")
    return document


def _whole(resource: Resource) -> bool:
    """Whether what the rules rely on is there; a secret would be in place of all inputs."""
    return (
        _URN.fullmatch(resource.urn) is not None
        and isinstance(resource.type, str)
        and isinstance(resource.inputs, Mapping)
        and isinstance(resource.outputs, Mapping)
    )


def _refused(file: Path, what: str, fix: str = _EXPORT) -> UsageError:
    return UsageError(Problem(code="state-unusable", message=f"{file} {what}", fix=fix))
