"""What ``plinth-local`` can make, one class for each type.

Making is the same as changing: both bring a thing to where its inputs want it, whatever is there.
So a creation that was cut off can be repeated, and a resource that changed by itself (a process
that died) is repaired by an update.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import shutil
import string
import subprocess
import threading
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final, Protocol

from plinth.errors import EngineError, Problem
from plinth.graph import UNKNOWN
from plinth.local import executables, packages, ports, processes
from plinth.local.example import PACKAGE
from plinth.local.home import Home
from plinth.local.supervisor import Status, Supervisor, marks, size, tail, write_private

Data = dict[str, Any]

_LETTERS: Final = string.ascii_letters + string.digits
#: How long a service runs that does not tell when it is ready, before it counts as that; most that
#: is wrong with one shows while it starts.
_SETTLED_SECONDS: Final = 10
#: A proxy of this shell's is not for this machine's own services.
_DIRECT: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_LATER: Final = "once it can be had, `plinth up` starts it"
#: Held while the list of who has metrics changes: services start side by side.
_LISTING: Final = threading.Lock()


@dataclass(frozen=True)
class Machine:
    """One environment on this machine, for as long as the provider runs."""

    home: Home
    cancelled: threading.Event = field(default_factory=threading.Event)
    project: Path = Path("/")
    supervisor: Supervisor = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "supervisor", Supervisor(self.home))


class Kind(Protocol):
    """One type of resource; ``name`` is the logical name, the identifier within the environment."""

    def expect(self, machine: Machine, name: str, inputs: Data, outputs: Data) -> Data:
        """The outputs as making would leave them, as far as can be told; touches nothing.

        Args:
            machine: Where.
            name: Which one.
            inputs: What it is to be.
            outputs: Those so far; empty before it is made.
        """
        ...

    def make(self, machine: Machine, name: str, inputs: Data, outputs: Data) -> Data:
        """Makes or changes it; ``outputs`` are those so far. Returns the outputs."""
        ...

    def look(self, machine: Machine, name: str, outputs: Data) -> Data | None:
        """The outputs as they are now; ``None`` when it is gone."""
        ...

    def delete(self, machine: Machine, name: str, outputs: Data) -> None:
        """Deletes it."""
        ...


class Environment:
    """The folder of all that is an environment's: ``path``, and whose it is, ``owner``.

    ``rootless`` names what in it refuses to run as root, if anything does.

    Everything else depends on it, so it is made first and deleted last, with whatever a run that
    was cut off has left in it.
    """

    def expect(self, machine: Machine, name: str, inputs: Data, outputs: Data) -> Data:
        """Its path.

        Raises:
            EngineError: The folder is somebody else's, or root brings up what root may not run.
        """
        del name
        if inputs.get("rootless") and os.geteuid() == 0:
            raise EngineError(_rootless(inputs["rootless"]))
        home = machine.home
        try:
            owner = home.owner.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            if home.root.is_dir() and any(home.root.iterdir()):
                raise EngineError(_not_ours(home, "is not empty, and not Plinth's")) from None
        else:
            ours = {self._owner(machine, known) for known in (inputs, outputs) if known}
            if owner and owner not in ours:  # none: whoever made it was cut off
                raise EngineError(_not_ours(home, f"is of the environment {owner}"))
        return {"path": str(home.root)}

    def make(self, machine: Machine, name: str, inputs: Data, outputs: Data) -> Data:
        """Takes the folder, or the one that a durable environment has left."""
        made = self.expect(machine, name, inputs, outputs)
        machine.home.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        machine.home.owner.write_text(f"{self._owner(machine, inputs)}\n", encoding="utf-8")
        return made

    def look(self, machine: Machine, name: str, outputs: Data) -> Data | None:
        """As it was, unless it is gone."""
        del name
        return outputs if machine.home.owner.is_file() else None

    def delete(self, machine: Machine, name: str, outputs: Data) -> None:
        """Ends whatever runs in it, and deletes all but the data that are kept."""
        del name, outputs
        home = machine.home
        if not home.owner.is_file():
            return
        machine.supervisor.end()
        for folder in (home.services, home.skipped, home.targets, home.logs, home.supervisor):
            shutil.rmtree(folder, ignore_errors=True)
        for folder in (home.data, home.passwords):
            with contextlib.suppress(OSError):  # not there, or with something that is kept
                folder.rmdir()
        if [*home.root.iterdir()] == [home.owner]:
            home.owner.unlink()
            home.root.rmdir()

    def _owner(self, machine: Machine, known: Data) -> str:
        """Two checkouts of a project may name the same folder, but only outside of both."""
        inside = machine.home.root.is_relative_to(machine.project)
        return str(known["owner"]) if inside else f"{known['owner']} of {machine.project}"


def _rootless(name: str) -> Problem:
    return Problem(
        code="root",
        message=f"{name} refuses to run as root, and this is root",
        fix=f"Run the same command as an ordinary user, or leave {name} out of `clouds.local`.",
    )


def _not_ours(home: Home, why: str) -> Problem:
    return Problem(
        code="folder-taken",
        message=f"the folder {home.root} {why}",
        fix=f"Name another one in `clouds.local.folder`, or delete {home.root} if nobody needs it.",
    )


class Folder:
    """A data folder: ``path``. Kept folders stay when it is deleted, and are taken up again."""

    def expect(self, machine: Machine, name: str, inputs: Data, outputs: Data) -> Data:
        """Its path."""
        del inputs, outputs
        return {"path": str(machine.home.data / name)}

    def make(self, machine: Machine, name: str, inputs: Data, outputs: Data) -> Data:
        """Makes it, or takes up the one that is there."""
        (machine.home.data / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        return self.expect(machine, name, inputs, outputs)

    def look(self, machine: Machine, name: str, outputs: Data) -> Data | None:
        """As it was, unless it is gone."""
        del name, machine
        return outputs if Path(outputs["path"]).is_dir() else None

    def delete(self, machine: Machine, name: str, outputs: Data) -> None:
        """Deletes it with all that is in it."""
        del name
        path = Path(outputs["path"])
        # Whatever the state says: nothing outside of the environment's own folder is deleted.
        if path.parent != machine.home.data:
            return
        if path.is_symlink():
            path.unlink()
        elif path.exists():
            shutil.rmtree(path)


class Port:
    """A port of the loopback interface: ``number``, the ``wanted`` one if it was free."""

    def expect(self, machine: Machine, name: str, inputs: Data, outputs: Data) -> Data:
        """The one that it has while that is as wanted; another one shows when it is taken."""
        del name
        before = outputs.get("number")
        wanted = inputs["wanted"] in (before, outputs.get("wanted"))
        return {"number": before if before and wanted and _usable(machine, before) else UNKNOWN}

    def make(self, machine: Machine, name: str, inputs: Data, outputs: Data) -> Data:
        """Takes one; what listens on another of ours keeps it until it is told of the new one."""
        kept = self.expect(machine, name, inputs, outputs)
        if kept["number"] != UNKNOWN:
            return kept
        owner = _owner(machine, name)
        return {"number": ports.take(inputs["wanted"], owner, lambda port: _ours(machine, port))}

    def look(self, machine: Machine, name: str, outputs: Data) -> Data | None:
        """As it was; lost when somebody else listens there."""
        del name
        return outputs if _usable(machine, outputs["number"]) else None

    def delete(self, machine: Machine, name: str, outputs: Data) -> None:
        """Gives it back."""
        ports.give_back(outputs["number"], _owner(machine, name))


def _usable(machine: Machine, number: int) -> bool:
    return ports.free(number) or _ours(machine, number)


def _ours(machine: Machine, number: int) -> bool:
    """Whether a process of the environment listens on a port."""
    return processes.listening(marks(machine.home), number)


def _owner(machine: Machine, name: str) -> str:
    return f"{machine.home.root}#{name}"


class Password:
    """A secret ``value``, made once: as :class:`plinth.ports.Generated` has it.

    It lives in the state.  With ``keep`` also in a file, since data that are kept on destroy, such
    as the users of a tracking server, can be opened by the same value only.
    """

    def expect(self, machine: Machine, name: str, inputs: Data, outputs: Data) -> Data:
        """The one that there is, while it is as wanted."""
        del machine, name
        same = all(inputs[key] == outputs.get(key) for key in ("kind", "length"))
        return {"value": outputs["value"] if same else UNKNOWN}

    def make(self, machine: Machine, name: str, inputs: Data, outputs: Data) -> Data:
        """Makes it, unless there is one; what was kept is taken up again."""
        file = machine.home.passwords / name
        kept = file.read_text(encoding="utf-8") if file.exists() else ""
        value = self.expect(machine, name, inputs, outputs)["value"]
        if value == UNKNOWN:
            value = (not outputs and kept) or _random(inputs["kind"], inputs["length"])
        if inputs.get("keep"):
            if value != kept:
                file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                write_private(file, value)
        else:
            file.unlink(missing_ok=True)
        return {"value": value}

    def look(self, machine: Machine, name: str, outputs: Data) -> Data | None:
        """As it was, and whether it is kept."""
        lost = outputs.get("keep") and not (machine.home.passwords / name).is_file()
        return {**outputs, "keep": False} if lost else outputs

    def delete(self, machine: Machine, name: str, outputs: Data) -> None:
        """It goes with the state, and its file too."""
        del outputs
        (machine.home.passwords / name).unlink(missing_ok=True)


def _random(kind: str, length: int) -> str:
    if kind == "bytes":
        return base64.urlsafe_b64encode(secrets.token_bytes(length)).decode("ascii")
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


class Packages:
    """A Python environment: ``folder``. It stays when it is deleted: others may use it."""

    def expect(self, machine: Machine, name: str, inputs: Data, outputs: Data) -> Data:
        """Its folder."""
        del machine, name, outputs
        return {"folder": str(packages.folder(inputs["lock"], inputs["digest"]))}

    def make(self, machine: Machine, name: str, inputs: Data, outputs: Data) -> Data:
        """Installs it, unless it is there."""
        del name, outputs
        made = packages.install(inputs["lock"], inputs["digest"], machine.cancelled)
        return {"folder": str(made)}

    def look(self, machine: Machine, name: str, outputs: Data) -> Data | None:
        """As it was, unless it is gone or was never finished."""
        del machine, name
        return outputs if packages.installed(outputs["lock"], outputs["digest"]) else None

    def delete(self, machine: Machine, name: str, outputs: Data) -> None:
        """Nothing: it is the machine's."""


class Executable:
    """A program: ``path``, or ``missing``, why there is none.

    Inputs: ``names``, Debian ``package`` and Go ``module`` (the latter may be left out), as
    :func:`plinth.local.executables.find` has them.  What was unpacked or built stays when it is
    deleted: others may use it.
    """

    def expect(self, machine: Machine, name: str, inputs: Data, outputs: Data) -> Data:
        """What is here already; what has to be fetched or built shows when it is made.

        One that was made before is looked for as when it was, and lands in the cache alone.
        """
        if outputs:
            return self.make(machine, name, inputs, outputs)
        del machine, name
        known = executables.here(inputs["names"], inputs["package"], inputs.get("module", ""))
        return asdict(known) if known else {"path": UNKNOWN, "missing": UNKNOWN}

    def make(self, machine: Machine, name: str, inputs: Data, outputs: Data) -> Data:
        """Finds, fetches or builds it, or says why not; one in use stays in use."""
        del name
        path = outputs.get("path")
        same = inputs == {key: outputs.get(key) for key in inputs}
        if path and same and os.access(path, os.X_OK):
            return {"path": path, "missing": ""}
        return asdict(
            executables.find(
                inputs["names"],
                inputs["package"],
                machine.cancelled,
                module=inputs.get("module", ""),
            )
        )

    def look(self, machine: Machine, name: str, outputs: Data) -> Data | None:
        """As it was, unless it has gone."""
        del machine, name
        there = not outputs["path"] or os.access(outputs["path"], os.X_OK)
        return outputs if there else {**outputs, "path": ""}

    def delete(self, machine: Machine, name: str, outputs: Data) -> None:
        """Nothing: it is the machine's."""


class Service:
    """A process that keeps running.

    Inputs: ``command`` and ``environment``; ``files``, by name, in its own folder, which is its
    working directory; ``before``, commands that must succeed first; ``port`` and ``health``, the
    path that answers 200 once it is ready, or ``ready``, a command that succeeds then; ``seconds``,
    how long that may take; ``metrics``, as :func:`_announce` has it; ``missing``, why it cannot
    run: it is ``skipped`` then; ``stop``, the signal that ends it.  Without ``port`` it answers
    nobody, and is ready once it has run for :data:`_SETTLED_SECONDS`.
    """

    def expect(self, machine: Machine, name: str, inputs: Data, outputs: Data) -> Data:
        """That it runs, and where its log is; or that it is skipped, and why."""
        del outputs
        missing = inputs.get("missing") or ""
        unsure = missing == UNKNOWN
        return {
            "running": UNKNOWN if unsure else not missing,
            "skipped": UNKNOWN if unsure else missing and f"{name} is skipped: {missing}; {_LATER}",
            "log": str(machine.home.log(name)),
        }

    def make(self, machine: Machine, name: str, inputs: Data, outputs: Data) -> Data:
        """Starts it, in place of the one that runs; stops that one if it is skipped now.

        Raises:
            EngineError: It ended, or did not become ready in time; it is stopped again.
        """
        folder = machine.home.services / name
        if inputs.get("missing"):
            if folder.exists():
                self.delete(machine, name, outputs)
            expected = self.expect(machine, name, inputs, outputs)
            machine.home.skipped.mkdir(mode=0o700, parents=True, exist_ok=True)
            (machine.home.skipped / name).write_text(expected["skipped"], encoding="utf-8")
            return expected
        (machine.home.skipped / name).unlink(missing_ok=True)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for file, text in (inputs.get("files") or {}).items():
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            path.write_text(text, encoding="utf-8")
        said = size(machine.home.log(name))
        executables.link(Path(inputs["command"][0]), folder)
        _announce(machine.home, name, inputs)
        launch = {
            "command": [part for part in inputs["command"] if part],
            "environment": inputs.get("environment") or {},
            "before": inputs.get("before") or [],
            "folder": str(folder),
        }
        try:
            machine.supervisor.start(name, launch, inputs.get("stop") or "TERM")
            self._wait(machine, name, inputs, said)
        except BaseException:
            machine.supervisor.stop(name)
            _withdraw(machine.home, name)
            raise
        return self.expect(machine, name, inputs, outputs)

    def look(self, machine: Machine, name: str, outputs: Data) -> Data | None:
        """Whether it runs."""
        status = machine.supervisor.status(name)
        return {**outputs, "running": status is not None and status.running}

    def delete(self, machine: Machine, name: str, outputs: Data) -> None:
        """Stops it, with every process that it started; its log stays until the folder goes."""
        del outputs
        machine.supervisor.stop(name)
        _withdraw(machine.home, name)
        (machine.home.skipped / name).unlink(missing_ok=True)
        shutil.rmtree(machine.home.services / name, ignore_errors=True)

    def _wait(self, machine: Machine, name: str, inputs: Data, said: int) -> None:
        """Waits until it is ready; ``said`` is where what it says begins in its log."""
        port, seconds = inputs.get("port"), inputs["seconds"]
        url = f"http://{ports.HOST}:{port}{inputs['health']}"
        begun = time.monotonic()
        while True:
            passed = time.monotonic() - begun
            if inputs.get("ready"):
                ready = _succeeds(inputs["ready"])
            else:
                ready = _answers(url) if port else passed > _SETTLED_SECONDS
            status = machine.supervisor.status(name)
            if status is None or not status.running:
                raise EngineError(_failed(machine, name, f"{name} {_end(status)}", said))
            # Whoever answers may be somebody else, who was faster to take the port.
            if ready and (not port or processes.listening(marks(machine.home, name), port)):
                return
            if passed > seconds:
                late = f"{name} does not answer at {url} after {seconds} s"
                raise EngineError(_failed(machine, name, late, said))
            if machine.cancelled.wait(0.2):
                raise EngineError(Problem(code="interrupted", message=f"{name} was interrupted"))


def _announce(home: Home, name: str, inputs: Data) -> None:
    """Lists a service for Prometheus; one that died stays listed, so that it is missed.

    ``metrics``: ``group``, ``path``, ``labels``, and the group's ``password`` if it has one; see
    :data:`plinth.ports.TARGETS`.
    """
    metrics = inputs.get("metrics")
    if not metrics:
        _withdraw(home, name)
        return
    target = {
        "targets": [f"{ports.HOST}:{inputs['port']}"],
        "labels": {**metrics["labels"], "__metrics_path__": metrics["path"]},
    }
    file = home.targets / f"{metrics['group']}.{name}.json"
    with _LISTING:
        home.targets.mkdir(mode=0o700, parents=True, exist_ok=True)
        if metrics.get("password"):
            write_private(home.targets / f"{metrics['group']}.password", metrics["password"])
        draft = file.with_suffix(".draft")
        draft.write_text(json.dumps([target], indent=1), encoding="utf-8")
        draft.rename(file)  # at once, as Prometheus may be reading
    _withdraw(home, name, but=file)


def _withdraw(home: Home, name: str, *, but: Path | None = None) -> None:
    with _LISTING:
        for file in {*home.targets.glob(f"*.{name}.json")} - {but}:
            file.unlink()
        for password in home.targets.glob("*.password"):
            if not any(home.targets.glob(f"{password.stem}.*.json")):
                password.unlink()
        with contextlib.suppress(OSError):  # others are listed, or nobody ever was
            home.targets.rmdir()


def _answers(url: str) -> bool:
    try:
        with _DIRECT.open(url, timeout=5) as response:
            return bool(response.status == 200)
    except (OSError, HTTPException, ValueError):
        return False


def _succeeds(command: list[str]) -> bool:
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - a tool's own
    return done.returncode == 0


def _end(status: Status | None) -> str:
    if status is None:
        return "ended with its supervisor before it was ready"
    by = "by a signal" if status.exit_code < 0 else f"with exit code {status.exit_code}"
    return f"ended {by} before it was ready"


def _failed(machine: Machine, name: str, what: str, said: int) -> Problem:
    log = machine.home.log(name)
    last = tail(log, 1, said)
    because = f": {last[-1]}" if last else ""
    return Problem(
        code="service-failed",
        message=f"{what}{because}",
        fix=f"Read its log, {log}, then run the same command again.",
    )


KINDS: Final[Mapping[str, Kind]] = {
    f"{PACKAGE}:index:{kind.__name__}": kind()
    for kind in (Environment, Executable, Folder, Packages, Password, Port, Service)
}
