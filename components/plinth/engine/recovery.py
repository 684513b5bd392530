"""Picking up after a crash: locks that nobody holds and creations whose end nobody saw.

When the engine dies in the middle of ``up``, two things stay behind in the state.  Its lock stops
every later run.  And each creation that was under way is kept as a *pending operation*: the cloud
may or may not have made the resource, and making it again could leave two.  Interrupted updates and
deletions need no care, the next run repeats them.  When a provider dies instead, the engine takes
the creation for failed and keeps nothing; :class:`CutOff` does.
"""

from __future__ import annotations

import copy
import json
import socket
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import psutil
from pulumi.automation.events import StepEventStateMetadata

from plinth.errors import EngineError, Problem
from plinth.graph import SECRET_MARK, SIGNATURE

#: Looks for what a pending creation made: URN and type to the physical ids that the cloud knows
#: for it, or nothing.
Find = Callable[[str, str], str | Sequence[str] | None]

#: Types that exist in the state alone, or whose making can be repeated as it is: nothing of theirs
#: can be left behind in a cloud.
_VIRTUAL: Final = ("pulumi:providers:", "random:", "plinth-local:")


@dataclass(frozen=True, slots=True)
class Lock:
    """One lock of a local-file backend (pkg/backend/diy/lock.go)."""

    path: Path
    process: int
    user: str
    host: str
    since: datetime

    @property
    def stale(self) -> bool:
        """Whether its holder ran on this machine and is gone.

        A younger process may have been given the same number, hence the look at its age. One that
        ended keeps its number until its parent asks how, which a container's first process may
        never do.
        """
        if self.host != socket.gethostname():
            return False
        try:
            holder = psutil.Process(self.process)
            born, ended = holder.create_time(), holder.status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True
        except psutil.AccessDenied:
            return False
        return ended or born > self.since.timestamp() + 2


def locks(directory: Path, project: str, stack: str) -> list[Lock]:
    """The locks on a stack in the local-file backend at ``directory``."""
    base = directory / ".pulumi" / "locks"
    found = []
    for path in sorted(base.glob(f"*/{project}/{stack}/*.json")) + sorted(
        base.glob(f"{stack}/*.json")
    ):
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            found.append(
                Lock(
                    path=path,
                    process=int(content["pid"]),
                    user=str(content["username"]),
                    host=str(content["hostname"]),
                    since=_moment(content["timestamp"]),
                )
            )
        except FileNotFoundError:
            continue  # released in the meantime
        except (ValueError, KeyError, TypeError):
            # The holder died while it wrote the file, before it did anything else.
            path.unlink(missing_ok=True)
    return found


def _moment(text: str) -> datetime:
    # Go writes nanoseconds, of which Python keeps microseconds.
    return datetime.fromisoformat(text)


def release(directory: Path, project: str, stack: str, *, patience: float = 10.0) -> int:
    """Removes the locks of dead processes; waits up to ``patience`` seconds for live ones.

    The wait is for an engine whose starter was killed: it notices within seconds, saves its state
    and ends.

    Returns:
        How many stale locks were removed.

    Raises:
        EngineError: Somebody else is at work on the stack; says who.
    """
    removed = 0
    deadline = time.monotonic() + patience
    while True:
        held = locks(directory, project, stack)
        for lock in held:
            if lock.stale:
                lock.path.unlink(missing_ok=True)
                removed += 1
        alive = [lock for lock in held if not lock.stale]
        if not alive:
            _drop_torn(directory, project, stack)
            return removed
        if time.monotonic() >= deadline or all(lock.host != socket.gethostname() for lock in alive):
            raise EngineError(*(_held(stack, lock) for lock in alive))
        time.sleep(0.2)


def _drop_torn(directory: Path, project: str, stack: str) -> None:
    """Removes the empty sidecar files that a killed engine leaves beside a stack's state.

    Files of the local backend are replaced in one step, their `.attrs` are not; an empty one makes
    the engine fail with "failed to load checkpoint: EOF", while a missing one is fine
    (gocloud.dev/blob/fileblob, attrs.go).
    """
    for path in (directory / ".pulumi" / "stacks" / project).glob(f"{stack}.json*.attrs"):
        if path.stat().st_size == 0:
            path.unlink(missing_ok=True)


def _held(stack: str, lock: Lock) -> Problem:
    since = lock.since.strftime("%Y-%m-%d %H:%M:%S %Z").strip()
    return Problem(
        code="stack-locked",
        message=f"Stack {stack} is in use by {lock.user}@{lock.host}, process {lock.process}, "
        f"since {since}",
        fix=f"Wait until that run has ended; if it is surely gone, `pulumi cancel --stack {stack}`",
    )


def pending_creates(export: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The resources of an exported state whose creation was cut off."""
    operations = (export.get("deployment") or {}).get("pending_operations") or []
    return [entry["resource"] for entry in operations if entry.get("type") == "creating"]


class CutOff:
    """Keeps creations whose end nobody saw until the next run, in a file of this checkout.

    The state itself cannot hold them: the CLI drops pending operations from whatever is imported
    (pkg/cmd/pulumi/stack/io.go, SaveSnapshot).
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def note(self, steps: Iterable[StepEventStateMetadata]) -> None:
        """Adds creations, as the engine's events described them.

        Events hide secret inputs; those are left out and come back with the next refresh.
        """
        resources = self._read() + [
            {
                "urn": each.urn,
                "custom": True,
                "type": each.type,
                "inputs": _open_values(each.inputs or {}),
                "parent": each.parent,
                "provider": each.provider,
            }
            for each in steps
        ]
        if resources:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.write_text(json.dumps(resources, indent=2), encoding="utf-8")

    def added_to(self, export: Mapping[str, Any]) -> dict[str, Any]:
        """An exported state in which they are pending, like those that the engine noted itself."""
        extended = copy.deepcopy(dict(export))
        operations = extended["deployment"].setdefault("pending_operations", [])
        operations += [{"resource": each, "type": "creating"} for each in self._read()]
        return extended

    def clear(self) -> None:
        """Forgets all of them."""
        self._path.unlink(missing_ok=True)

    def _read(self) -> list[dict[str, Any]]:
        try:
            noted: list[dict[str, Any]] = json.loads(self._path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return []
        return noted


def _open_values(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _open_values(each) for key, each in value.items() if not _is_secret(each)}
    if isinstance(value, list):
        return [_open_values(each) for each in value if not _is_secret(each)]
    return value


def _is_secret(value: Any) -> bool:
    return isinstance(value, Mapping) and value.get(SIGNATURE) == SECRET_MARK


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """A state in which no creation is pending any more.

    Attributes:
        export: The state, to be imported into the stack.
        adopted: URN to physical id of what turned out to exist.
        forgotten: URNs of what was never made.
    """

    export: dict[str, Any]
    adopted: Mapping[str, str]
    forgotten: tuple[str, ...]


def repair(
    export: Mapping[str, Any],
    *,
    find: Find | None = None,
    adopt: Mapping[str, str] | None = None,
    forget: Collection[str] = (),
) -> Repair | None:
    """Settles every pending creation of an exported state.

    Args:
        export: What ``pulumi stack export`` gave.
        find: Asks the cloud; ``None`` where nobody can, then each case has to be named below.
        adopt: URN to id, for what is known to exist.
        forget: URNs of what is known not to exist.

    Returns:
        The repaired state, or ``None`` if nothing was pending.

    Raises:
        EngineError: It cannot be known whether something exists; one problem for each.
    """
    pending = pending_creates(export)
    if not pending:
        return None
    repaired = copy.deepcopy(dict(export))
    deployment = repaired["deployment"]
    resources: list[dict[str, Any]] = deployment["resources"]
    adopted: dict[str, str] = {}
    forgotten: list[str] = []
    unknown: list[Problem] = []
    for resource in pending:
        urn = resource["urn"]
        known = {entry.get("id") for entry in resources if entry["urn"] == urn}
        if (given := (adopt or {}).get(urn)) is not None:
            made: str | None = given
        elif urn in forget or resource["type"].startswith(_VIRTUAL):
            made = None
        elif find is not None:
            made = _new_id(find(urn, resource["type"]), known)
        else:
            unknown.append(_unknown(resource))
            continue
        if made is None:
            forgotten.append(urn)
            continue
        adopted[urn] = made
        if made not in known:
            _insert(resources, resource, made)
    if unknown:
        raise EngineError(*unknown)
    deployment["pending_operations"] = [
        entry for entry in deployment["pending_operations"] if entry.get("type") != "creating"
    ]
    return Repair(export=repaired, adopted=adopted, forgotten=tuple(forgotten))


def _new_id(found: str | Sequence[str] | None, known: Collection[str | None]) -> str | None:
    """The id that the state does not have yet: during a replacement the old one is found too."""
    candidates = [found] if isinstance(found, str) else list(found or ())
    return next((each for each in candidates if each not in known), None)


def _insert(resources: list[dict[str, Any]], resource: Mapping[str, Any], id_: str) -> None:
    """Adds what a creation made, as if the engine had seen it end (deploy/step.go, CreateStep).

    It goes to the end, behind all that it depends on. An old resource of the same URN is what it
    replaces: to be deleted, or, if it was deleted first, a mere place holder.
    """
    urn = resource["urn"]
    resources[:] = [
        entry
        for entry in resources
        if not (entry["urn"] == urn and entry.get("pendingReplacement"))
    ]
    for entry in resources:
        if entry["urn"] == urn:
            entry["delete"] = True
    resources.append({**resource, "id": id_})


def _unknown(resource: Mapping[str, Any]) -> Problem:
    urn = resource["urn"]
    return Problem(
        code="create-interrupted",
        message=f"A former run was cut off while it made {urn.rsplit('::', 1)[-1]} "
        f"({resource['type']}); it may exist or not",
        path=urn,
        fix=f"Look it up in the cloud, then add `--adopt '{urn}=ID'` if it exists or "
        f"`--forget '{urn}'` if it does not",
    )
