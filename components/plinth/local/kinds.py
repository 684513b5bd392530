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
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

import psutil

from plinth.errors import EngineError, Problem
from plinth.graph import UNKNOWN
from plinth.local import executables, packages, ports
from plinth.local.example import PACKAGE
from plinth.local.home import Home
from plinth.local.supervisor import Supervisor, marked, sweep, tail, write_private

Data = dict[str, Any]

_LETTERS: Final = string.ascii_letters + string.digits
#: How long a service runs that does not tell when it is ready, before it counts as that; most that
#: is wrong with one shows while it starts.
_SETTLED_SECONDS: Final = 10
#: File in a folder of ours that says whose it is.
_OWNER: Final = ".plinth"
_LATER: Final = "once it can be had, `plinth up` starts it"
#: Held while the list of who has metrics changes: services start side by side.
_LISTING: Final = threading.Lock()


@dataclass(frozen=True)
class Machine:
    """One environment on this machine, for as long as the provider runs."""

    home: Home
    cancelled: threading.Event = field(default_factory=threading.Event)
    supervisor: Supervisor = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "supervisor", Supervisor(self.home))


class Kind(Protocol):
    """One type of resource; ``name`` is the logical name, the identifier within the environment."""

    #: Inputs that cannot change in place.
    fixed: frozenset[str]

    def expect(self, machine: Machine, name: str, inputs: Data) -> Data:
        """What is known of the outputs before anything is made."""
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


class Folder:
    """A data folder: ``path``. Kept folders stay when it is deleted, and are taken up again."""

    fixed = frozenset[str]()

    def expect(self, machine: Machine, name: str, inputs: Data) -> Data:
        """Its path."""
        del inputs
        return {"path": str(machine.home.data / name)}

    def make(self, machine: Machine, name: str, inputs: Data, outputs: Data) -> Data:
        """Makes it, or takes up the one that is there."""
        del outputs
        path = machine.home.data / name
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        (path / _OWNER).write_text(f"{name}\n", encoding="utf-8")
        return self.expect(machine, name, inputs)

    def look(self, machine: Machine, name: str, outputs: Data) -> Data | None:
        """As it was, unless it is gone."""
        del name, machine
        return outputs if Path(outputs["path"]).is_dir() else None

    def delete(self, machine: Machine, name: str, outputs: Data) -> None:
        """Deletes it with all that is in it."""
        del name
        path = Path(outputs["path"])
        # Whatever the state says: nothing outside of the environment's own folder is deleted.
        if path.parent == machine.home.data and (path / _OWNER).is_file():
            shutil.rmtree(path)


class Port:
    """A port of the loopback interface: ``number``, the ``wanted`` one if it was free."""

    fixed = frozenset[str]()

    def expect(self, machine: Machine, name: str, inputs: Data) -> Data:
        """Which one it is shows when it is taken."""
        del machine, name, inputs
        return {"number": UNKNOWN}

    def make(self, machine: Machine, name: str, inputs: Data, outputs: Data) -> Data:
        """Takes one; what listens on another of ours keeps it until it is told of the new one."""
        owner, before = _owner(machine, name), outputs.get("number")
        if before and inputs["wanted"] == outputs.get("wanted") and self._usable(machine, before):
            return {"number": before}
        # An owner whose folder is not there is taken for one that is gone.
        machine.home.root.mkdir(parents=True, exist_ok=True)
        number = ports.take(inputs["wanted"], owner)
        if before and before != number:
            ports.give_back(before, owner)
        return {"number": number}

    def look(self, machine: Machine, name: str, outputs: Data) -> Data | None:
        """As it was, unless somebody else listens there."""
        del name
        return outputs if self._usable(machine, outputs["number"]) else {**outputs, "number": 0}

    def delete(self, machine: Machine, name: str, outputs: Data) -> None:
        """Gives it back."""
        ports.give_back(outputs["number"], _owner(machine, name))

    def _usable(self, machine: Machine, number: int) -> bool:
        return ports.free(number) or any(
            _listens(process, number) for process in marked(machine.home)
        )


def _owner(machine: Machine, name: str) -> str:
    return f"{machine.home.root}#{name}"


def _listens(process: psutil.Process, port: int) -> bool:
    """Whether a process listens on a port."""
    try:
        connections = process.net_connections("tcp")
    except psutil.Error:
        return False
    return any(c.status == psutil.CONN_LISTEN and c.laddr.port == port for c in connections)


class Password:
    """A secret ``value``, made once: as :class:`plinth.ports.Generated` has it."""

    fixed = frozenset({"kind", "length"})

    def expect(self, machine: Machine, name: str, inputs: Data) -> Data:
        """Nothing: it is not made yet."""
        del machine, name, inputs
        return {"value": UNKNOWN}

    def make(self, machine: Machine, name: str, inputs: Data, outputs: Data) -> Data:
        """Makes it, or keeps the one that is there."""
        del machine, name
        return {"value": outputs.get("value") or _random(inputs["kind"], inputs["length"])}

    def look(self, machine: Machine, name: str, outputs: Data) -> Data | None:
        """As it was: it lives in the state."""
        del machine, name
        return outputs

    def delete(self, machine: Machine, name: str, outputs: Data) -> None:
        """It goes with the state."""


def _random(kind: str, length: int) -> str:
    if kind == "bytes":
        return base64.urlsafe_b64encode(secrets.token_bytes(length)).decode("ascii")
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


class Packages:
    """A Python environment: ``folder``. It stays when it is deleted: others may use it."""

    fixed = frozenset[str]()

    def expect(self, machine: Machine, name: str, inputs: Data) -> Data:
        """Its folder."""
        del machine, name
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

    Inputs: ``names`` and Debian ``package``, as :func:`plinth.local.executables.find` has them.
    What was unpacked stays when it is deleted: others may use it.
    """

    fixed = frozenset[str]()

    def expect(self, machine: Machine, name: str, inputs: Data) -> Data:
        """What is here already; what has to be fetched shows when it is made.

        Of one that was found before, ``look`` tells.
        """
        del machine, name
        known = None if "path" in inputs else executables.here(inputs["names"], inputs["package"])
        return asdict(known) if known else {"path": UNKNOWN, "missing": UNKNOWN}

    def make(self, machine: Machine, name: str, inputs: Data, outputs: Data) -> Data:
        """Finds or fetches it, or says why that is not possible."""
        del name, outputs
        return asdict(executables.find(inputs["names"], inputs["package"], machine.cancelled))

    def look(self, machine: Machine, name: str, outputs: Data) -> Data | None:
        """As it was while it is there; else what is found now."""
        if outputs["path"] and os.access(outputs["path"], os.X_OK):
            return outputs
        return {**outputs, **self.make(machine, name, outputs, outputs)}

    def delete(self, machine: Machine, name: str, outputs: Data) -> None:
        """Nothing: it is the machine's."""


class Service:
    """A process that keeps running.

    Inputs: ``command`` and ``environment``; ``files``, by name, in its own folder, which is its
    working directory; ``before``, commands that must succeed first; ``port`` and ``health``, the
    path that answers 200 once it is ready; ``seconds``, how long that may take; ``metrics``, as
    :func:`_announce` has it; ``missing``, why it cannot run: it is ``skipped`` then.  Without
    ``port`` it answers nobody, and is ready once it has run for :data:`_SETTLED_SECONDS`.
    """

    fixed = frozenset[str]()

    def expect(self, machine: Machine, name: str, inputs: Data) -> Data:
        """That it runs, and where its log is; or that it is skipped, and why."""
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
            return self.expect(machine, name, inputs)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for file, text in (inputs.get("files") or {}).items():
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            path.write_text(text, encoding="utf-8")
        executables.link(Path(inputs["command"][0]), folder)
        _announce(machine.home, name, inputs)
        machine.supervisor.start(
            name,
            {
                "command": [part for part in inputs["command"] if part],
                "environment": inputs.get("environment") or {},
                "before": inputs.get("before") or [],
                "folder": str(folder),
            },
        )
        try:
            self._wait(machine, name, inputs)
        except EngineError:
            machine.supervisor.stop(name)
            _withdraw(machine.home, name)
            raise
        return self.expect(machine, name, inputs)

    def look(self, machine: Machine, name: str, outputs: Data) -> Data | None:
        """Whether it runs."""
        status = machine.supervisor.status(name)
        return {**outputs, "running": status is not None and status.running}

    def delete(self, machine: Machine, name: str, outputs: Data) -> None:
        """Stops it, with every process that it started; its log stays until the folder goes."""
        del outputs
        machine.supervisor.stop(name)
        sweep(machine.home, name)
        _withdraw(machine.home, name)
        shutil.rmtree(machine.home.services / name, ignore_errors=True)

    def _wait(self, machine: Machine, name: str, inputs: Data) -> None:
        deadline = time.monotonic() + inputs.get("seconds", 120)
        url = f"http://{ports.HOST}:{inputs['port']}{inputs['health']}" if "port" in inputs else ""
        settled = time.monotonic() + _SETTLED_SECONDS
        while not (_answers(url) if url else time.monotonic() > settled):
            status = machine.supervisor.status(name)
            if status is None or not status.running:
                code = f" with exit code {status.exit_code}" if status else ""
                raise EngineError(_failed(machine, name, f"{name} ended{code} before it was ready"))
            if machine.cancelled.wait(0.2):
                raise EngineError(Problem(code="interrupted", message=f"{name} was interrupted"))
            if time.monotonic() > deadline:
                said = f"{name} does not answer at {url} after {inputs.get('seconds', 120)} s"
                raise EngineError(_failed(machine, name, said))


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
        with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310 - our own, http
            return bool(response.status == 200)
    except (OSError, urllib.error.URLError, ValueError):
        return False


def _failed(machine: Machine, name: str, what: str) -> Problem:
    log = machine.home.log(name)
    last = tail(log, 1)
    because = f": {last[-1]}" if last else ""
    return Problem(
        code="service-failed",
        message=f"{what}{because}",
        fix=f"Read its log, {log}, then run the same command again.",
    )


KINDS: Final[Mapping[str, Kind]] = {
    f"{PACKAGE}:index:{kind.__name__}": kind()
    for kind in (Executable, Folder, Packages, Password, Port, Service)
}
