"""``after``: which environments an environment waits for when all are brought up.

It says something about the environment, not about its resources, so it stands in the overlay and
is no part of the settings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final

from plinth.errors import Problem, unknown
from plinth.spec.document import Document
from plinth.spec.nodes import Path
from plinth.spec.wording import kind

AFTER: Final = "after"
DESCRIPTION: Final = (
    "Environments that have to be up before this one, for `plinth up --all` and for the pipeline. "
    "Default: where none says so, each waits for the one written before it."
)


def predecessors(environments: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """For each environment those that it waits for; a chain where none says anything."""
    overlays = {name: overlay or {} for name, overlay in environments.items()}
    if any(AFTER in overlay for overlay in overlays.values()):
        return {name: tuple(overlay.get(AFTER) or ()) for name, overlay in overlays.items()}
    names = tuple(overlays)
    return {name: names[max(0, index - 1) : index] for index, name in enumerate(names)}


def misplaced(document: Document) -> Problem:
    """``after`` stands beside the environments, where it says nothing."""
    return Problem(
        code="unknown-key",
        message=f"a spec has no key '{AFTER}': it is an environment that waits for others",
        location=document.locate((AFTER,), key=True),
        path=AFTER,
        fix="Move it into the environment that waits.",
    )


def problems(document: Document, environments: Mapping[str, Any], place: str) -> list[Problem]:
    """What is wrong with the order of the environments in the block at ``place``."""
    found = [
        problem
        for name, overlay in environments.items()
        if isinstance(overlay, Mapping) and AFTER in overlay
        for problem in _one(document, environments, (place, name, AFTER), overlay[AFTER])
    ]
    if not found and all(isinstance(each, Mapping | None) for each in environments.values()):
        found.extend(_cycle(document, environments, place))
    return found


def _one(
    document: Document, environments: Mapping[str, Any], path: Path, value: Any
) -> Iterator[Problem]:
    name = str(path[1])
    others = tuple(each for each in environments if each != name)
    if value is None:
        return
    if not isinstance(value, list):
        message = f"`after` of {name} must be a list of environments; it is {kind(value)}"
        fix = f"Write `after: [{value}]`." if isinstance(value, str) else "Write `after: [dev]`."
        yield _problem(document, path, "wrong-type", message, fix=fix)
        return
    for index, each in enumerate(value):
        inside = (*path, index)
        if each == name:
            message, fix = f"environment {name} cannot wait for itself", "Remove it from the list."
            yield _problem(document, inside, "after-itself", message, fix=fix)
        elif each not in environments:
            found = unknown(
                "environment",
                str(each),
                others,
                message=f"{name} waits for '{each}', and there is no such environment",
                otherwise="Name another environment of this spec.",
                path=".".join(map(str, inside)),
            )
            yield replace(found, location=document.locate(inside))


def _cycle(document: Document, environments: Mapping[str, Any], place: str) -> Iterator[Problem]:
    try:
        TopologicalSorter(predecessors(environments)).prepare()
    except CycleError as error:
        # graphlib goes from each to one that waits for it; a sentence reads better the other way.
        round_trip = list(reversed(error.args[1]))
        first = round_trip[0]
        path = (place, first, AFTER)
        message = f"the environments wait for each other: {' after '.join(round_trip)}"
        fix = "Take one of them out of `after`."
        yield _problem(document, path, "after-cycle", message, fix=fix)


def _problem(document: Document, path: Path, code: str, message: str, *, fix: str) -> Problem:
    where = document.locate(path)
    return Problem(
        code=code, message=message, location=where, path=".".join(map(str, path)), fix=fix
    )
