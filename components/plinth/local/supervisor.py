"""Keeping services running: a supervisord for each environment, and what it may leave behind.

Supervisord (http://supervisord.org) is the parent of every service, so it cannot mistake another
process for one of them.  Nothing is started again by itself: a service that ended is found by
``refresh`` or ``up``, which says so.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final
from xmlrpc.client import Fault, ServerProxy

import psutil

from plinth.errors import EngineError, Problem
from plinth.local import processes
from plinth.local.home import MARK, SERVICE, Home

_START_SECONDS: Final = 20
_STOP_SECONDS: Final = 20
#: Supervisord's fault codes (supervisor/xmlrpc.py, `Faults`).
_UNKNOWN: Final = 10
_NOT_RUNNING: Final = 70
#: Whether a call returns when its work is done (`wait`).
_AT_ONCE, _WHEN_DONE = False, True
_RUNNING: Final = ("STARTING", "RUNNING")
#: Paths that its configuration cannot hold: they are patterns, expansions or comments there.
_ODD: Final = re.compile(r"[*?\[%]|\s[;#]")
#: What a supervisor that is gone, or about to go, makes of a call.
_ENDING: Final = (Fault, OSError, HTTPException)
#: Our interpreter, without the working directory among the places that modules come from.
_PYTHON: Final = (sys.executable, "-P", "-m")

_CONFIG: Final = """\
[unix_http_server]
file = {socket}
chmod = 0600

[supervisord]
identifier = {root}
directory = {folder}
logfile = {folder}/supervisord.log
pidfile = {folder}/supervisord.pid
childlogdir = {folder}
nodaemon = true
silent = true

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[include]
files = programs/*.conf
"""

_PROGRAM: Final = """\
[program:{name}]
command = {command}
directory = {folder}
autostart = false
autorestart = false
startsecs = 0
stopsignal = {stop}
stopwaitsecs = 15
stopasgroup = true
killasgroup = true
redirect_stderr = true
stdout_logfile = {log}
stdout_logfile_maxbytes = 10MB
stdout_logfile_backups = 2
"""


@dataclass(frozen=True, kw_only=True)
class Status:
    """A service as it is now.

    Attributes:
        name: The service.
        running: Whether its process is there.
        pid: Its process; 0 when it is not running.
        since: When it started or ended, in seconds since the epoch.
        exit_code: How it ended; 0 while it runs, -1 when a signal ended it.
    """

    name: str
    running: bool
    pid: int
    since: float
    exit_code: int


class Supervisor:
    """The supervisor of one environment."""

    def __init__(self, home: Home) -> None:
        self._home = home

    # --- what is there ---------------------------------------------------------------------------

    def statuses(self) -> list[Status]:
        """Every service that the supervisor knows; none when it is not running."""
        return [_status(found) for found in self._ask(lambda s: s.getAllProcessInfo()) or ()]

    def status(self, name: str) -> Status | None:
        """One service; ``None`` when the supervisor does not know it or is not running."""
        return next((found for found in self.statuses() if found.name == name), None)

    # --- what changes it -------------------------------------------------------------------------

    def start(self, name: str, launch: Mapping[str, Any], stop: str = "TERM") -> None:
        """Starts a service, in place of the one of that name.

        Args:
            name: The service.
            launch: What :mod:`plinth.local.launch` reads.
            stop: Signal that ends it, and its process group.

        Raises:
            EngineError: The supervisor does not start.
        """
        folder = self._home.services / name
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "launch.json"
        write_private(file, json.dumps({**launch, "marks": marks(self._home, name)}))
        self._home.logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        text = _PROGRAM.format(
            name=name,
            command=shlex.join([*_PYTHON, "plinth.local.launch", str(file)]),
            folder=str(folder),
            log=str(self._home.log(name)),
            stop=stop,
        )
        with self._alone():
            self._ensure()
            self._drop(name)
            self._program(name).write_text(text, encoding="utf-8")
            server = self._server().supervisor
            server.reloadConfig()
            server.addProcessGroup(name)
            server.startProcess(name, _AT_ONCE)

    def stop(self, name: str) -> None:
        """Stops a service with all its processes; with the last one, the supervisor.

        Raises:
            EngineError: The supervisor did not let go of it.
        """
        if not self._home.root.exists():  # deleted by its user, and not to be made again
            sweep(self._home)
            return
        with self._alone():
            self._drop(name)
            self._program(name).unlink(missing_ok=True)
            if not any(self._home.programs.glob("*.conf")):
                self._shut_down()

    def end(self) -> None:
        """Stops the supervisor and all services, whoever started them."""
        with self._alone():
            self._shut_down()

    # --- in between ------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Holds off all others who change something: an engine may run a provider twice."""
        from filelock import FileLock

        self._home.supervisor.mkdir(mode=0o700, parents=True, exist_ok=True)
        with FileLock(self._home.supervisor / "lock"):
            try:
                self._end_former()
                yield
            except _ENDING as error:
                if isinstance(error, OSError) and error.filename:
                    raise  # of a file, not of a conversation
                said = getattr(error, "faultString", None) or getattr(error, "strerror", None)
                raise EngineError(self._failed(said or str(error))) from error

    def _program(self, name: str) -> Path:
        return self._home.programs / f"{name}.conf"

    def _server(self) -> Any:
        """Supervisord's XML-RPC interface; nothing is sent before it is used."""
        from supervisor.xmlrpc import SupervisorTransport

        transport = SupervisorTransport(None, None, f"unix://{self._home.socket}")
        return ServerProxy("http://127.0.0.1", transport=transport)

    def _ask(self, question: Callable[[Any], Any]) -> Any:
        """The answer, or ``None`` when nobody of ours listens."""
        if self._identification() != str(self._home.root):
            return None
        try:
            return question(self._server().supervisor)
        except _ENDING:
            return None

    def _identification(self) -> str | None:
        """The folder that the supervisor was started for; ``None`` when there is none."""
        if not _ours(self._home.socket):
            return None
        try:
            return str(self._server().supervisor.getIdentification())
        except _ENDING:
            return None

    def _alive(self) -> bool:
        return self._ask(lambda supervisor: supervisor.getPID()) is not None

    def _end_former(self) -> None:
        """Ends what still runs from before the folder was moved: its marks tell the old place."""
        former = self._identification()
        if former not in (None, str(self._home.root)):
            processes.end({MARK: former})

    def _ensure(self) -> None:
        if self._alive():
            return
        # A supervisor that was killed leaves its services running, where nobody can stop them.
        sweep(self._home)
        self._home.programs.mkdir(parents=True, exist_ok=True)
        for stale in self._home.programs.glob("*.conf"):
            stale.unlink()
        socket, root = self._home.socket, str(self._home.root)
        for path in (root, sys.executable):
            if _ODD.search(path):
                raise EngineError(_odd(path))
        socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _ours(socket.parent):
            raise EngineError(self._failed(f"{socket.parent} is somebody else's"))
        socket.unlink(missing_ok=True)
        config = self._home.supervisor / "supervisord.conf"
        config.write_text(
            _CONFIG.format(
                socket=str(socket),
                root=root,
                folder=str(self._home.supervisor),
            ),
            encoding="utf-8",
        )
        with (self._home.supervisor / "start.log").open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter
                [*_PYTHON, "supervisor.supervisord", "-c", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={k: v for k, v in os.environ.items() if k != SERVICE} | marks(self._home),
                umask=0o077,  # its own setting holds for daemons alone
                start_new_session=True,  # an interrupt in the terminal is not for it
            )
        deadline = time.monotonic() + _START_SECONDS
        while not self._alive():
            if process.poll() is not None or time.monotonic() > deadline:
                said = tail(self._home.supervisor / "start.log", 20)
                errors = [line for line in said if line.startswith("Error")] or said
                reason = errors[-1] if errors else "it does not answer"
                processes.end(marks(self._home))
                raise EngineError(self._failed(f"it does not start: {reason}"))
            time.sleep(0.05)

    def _drop(self, name: str) -> None:
        """Ends a service and forgets it; whatever left its process group is ended too."""
        if self._alive():
            server = self._server().supervisor
            with _allowed(_NOT_RUNNING, _UNKNOWN):
                server.stopProcess(name, _WHEN_DONE)
            with _allowed(_UNKNOWN):
                server.removeProcessGroup(name)
        sweep(self._home, name)

    def _shut_down(self) -> None:
        pid = self._ask(lambda supervisor: supervisor.getPID())
        if pid is not None:
            with contextlib.suppress(*_ENDING, psutil.Error):
                process = psutil.Process(pid)
                self._server().supervisor.shutdown()
                processes.wait([process], _STOP_SECONDS)
        sweep(self._home)
        self._home.socket.unlink(missing_ok=True)

    def _failed(self, why: str) -> Problem:
        return Problem(
            code="supervisor-failed",
            message=f"the supervisor of {self._home.root} failed: {why}",
            fix=f"See {self._home.supervisor / 'supervisord.log'}, then run the same command "
            "again.",
        )


def marks(home: Home, service: str | None = None) -> dict[str, str]:
    """The variables that processes of an environment carry, or those of one of its services."""
    return {MARK: str(home.root)} | ({SERVICE: service} if service is not None else {})


def _ours(path: Path) -> bool:
    """Whether a file is there, and belongs to who runs this."""
    try:
        return path.stat().st_uid == os.getuid()
    except OSError:
        return False


def _odd(path: str) -> Problem:
    return Problem(
        code="path-odd",
        message=f"{path} cannot be told to supervisord: it has * ? [ or % in it, or a blank before "
        "; or #",
        fix="Name another folder in `clouds.local.folder`, or rename it.",
    )


def marked(home: Home, service: str | None = None) -> Iterator[psutil.Process]:
    """The processes of an environment, or of one of its services, whoever their parent is."""
    return processes.carrying(marks(home, service))


def sweep(home: Home, service: str | None = None) -> None:
    """Ends the processes of an environment, or of one of its services, whoever their parent is.

    They are known by the variables that they carry, which no process of anybody else has.
    """
    processes.end(marks(home, service))


@contextlib.contextmanager
def _allowed(*codes: int) -> Iterator[None]:
    try:
        yield
    except Fault as fault:
        if fault.faultCode not in codes:
            raise


def _status(found: Mapping[str, Any]) -> Status:
    running = found["statename"] in _RUNNING
    return Status(
        name=found["name"],
        running=running,
        pid=found["pid"],
        since=found["start"] if running else found["stop"],
        exit_code=found["exitstatus"],
    )


def write_private(file: Path, text: str) -> None:
    """Writes a file that only its owner can read, from the first byte."""
    file.unlink(missing_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)


def size(log: Path) -> int:
    """How long a log is by now."""
    return log.stat().st_size if log.exists() else 0


def tail(log: Path, lines: int, since: int = 0) -> Sequence[str]:
    """The last lines of a log that say something, of those after its first ``since`` bytes."""
    try:
        said = log.read_bytes()
    except FileNotFoundError:
        return ()
    # One that is shorter now was begun anew in between.
    text = said[since if since <= len(said) else 0 :].decode("utf-8", "replace")
    return [line.rstrip() for line in text.splitlines() if line.strip()][-lines:]
