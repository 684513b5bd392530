"""Where one environment keeps its things on this machine."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from plinth.engine.locate import cache_directory

#: Addresses of Unix sockets have room for 107 bytes on Linux and 103 elsewhere (unix(7), unix(4)).
_SOCKET_LIMIT: Final = 100
#: Variable that every process of an environment carries: the environment's folder.
MARK: Final = "PLINTH_LOCAL"
#: Variable that every process of a service carries: the service's name.
SERVICE: Final = "PLINTH_SERVICE"
#: Variable that all carry that make a Python environment or bring a program: its folder.
INSTALL: Final = "PLINTH_INSTALL"


@dataclass(frozen=True)
class Home:
    """An environment's folder, absolute."""

    root: Path

    @property
    def owner(self) -> Path:
        """File that says whose the folder is: nothing is changed in one of others."""
        return self.root / ".plinth-environment"

    @property
    def passwords(self) -> Path:
        """Secrets that outlive the state, as the data that they open do: one file each."""
        return self.root / "passwords"

    @property
    def data(self) -> Path:
        """What services keep: one folder each."""
        return self.root / "data"

    @property
    def services(self) -> Path:
        """How services are started: one folder each."""
        return self.root / "services"

    @property
    def logs(self) -> Path:
        """What services say: one file each."""
        return self.root / "logs"

    @property
    def supervisor(self) -> Path:
        """The supervisor's own files."""
        return self.root / "supervisor"

    @property
    def targets(self) -> Path:
        """Who has metrics: a file each, as Prometheus reads them."""
        return self.root / "targets"

    @property
    def programs(self) -> Path:
        """What the supervisor is to keep running: one file for each service that was started."""
        return self.supervisor / "programs"

    @property
    def skipped(self) -> Path:
        """Why services are not started: one file each."""
        return self.root / "skipped"

    @property
    def socket(self) -> Path:
        """Where the supervisor listens: in the folder, unless its path is too long for a socket.

        Then in the cache; and if that is too deep as well, in a folder of one's own below /tmp.
        """
        digest = hashlib.sha256(str(self.root).encode()).hexdigest()[:16]
        places = (
            self.supervisor / "supervisor.sock",
            cache_directory() / "sockets" / digest,
            Path("/tmp", f"plinth-{os.getuid()}", digest),  # noqa: S108 - owned, as is checked
        )
        return next(place for place in places if len(str(place).encode()) <= _SOCKET_LIMIT)

    def log(self, service: str) -> Path:
        """The log of a service."""
        return self.logs / f"{service}.log"


def home_of(root: Path, folder: str) -> Home:
    """An environment's home; the same one however the way there is written.

    Args:
        root: The project's folder.
        folder: The environment's, relative to it, absolute, or from ``~``.
    """
    return Home((root / Path(folder).expanduser()).resolve())


def project_root(start: Path) -> Path:
    """The nearest folder at or above ``start`` that has a ``Pulumi.yaml``, else ``start``."""
    above = (start, *start.parents)
    return next((folder for folder in above if (folder / "Pulumi.yaml").is_file()), start)


def environments() -> Path:
    """Where Python environments are kept, shared by all: made once, never changed."""
    return cache_directory() / "environments"


def executables() -> Path:
    """Where programs are kept that neither PyPI nor the machine has, a folder for each package."""
    return cache_directory() / "executables"
