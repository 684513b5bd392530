"""``python -m plinth.local.launch FILE``: becomes a service, after what must be done before it.

The file holds ``command`` (program and arguments), ``environment``, ``before`` (commands that must
succeed first, such as a migration), ``folder`` (the working directory) and ``marks``.  It is
readable by its owner alone, so that secrets reach a service by no argument and no configuration of
the supervisor's.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

#: Variables of the shell that a service sees; everything else comes from its definition.
_KEPT = ("HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "SSL_CERT_FILE", "TMPDIR", "TZ", "USER")

#: Without it, services that name themselves (setproctitle: Airflow, gunicorn) write their name over
#: the variables that the system shows of them, and nobody can tell any more whose they are.
_SHOWN = {"SPT_NOENV": "1"}


def main(file: Path) -> None:
    """Replaces this process by the service.

    Raises:
        SystemExit: A command before it failed, or the program is not there.
    """
    # Whoever started the supervisor may have ignored it, which is handed on.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    launch: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    environment = {**kept, **launch["environment"], **launch["marks"], **_SHOWN}
    # As in an environment that is activated: what it starts by name, such as `python`, is its own.
    where = (launch["command"][0].rpartition("/")[0], environment.get("PATH", os.defpath))
    environment["PATH"] = os.pathsep.join(filter(None, where))
    command: list[str] = []
    try:
        os.chdir(launch["folder"])
        for command in launch["before"]:
            subprocess.run(command, check=True, env=environment, stdin=subprocess.DEVNULL)  # noqa: S603
        command = launch["command"]
        os.execvpe(command[0], command, environment)  # noqa: S606
    except subprocess.CalledProcessError as error:
        said = " ".join([Path(command[0]).name, *command[1:3]])
        raise SystemExit(f"`{said}` failed with exit code {error.returncode}") from None
    except OSError as error:
        raise SystemExit(f"{command[0] if command else file}: {error.strerror}") from None


if __name__ == "__main__":
    main(Path(sys.argv[1]))
