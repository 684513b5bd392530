"""``python -m plinth.local.launch FILE``: becomes a service, after what must be done before it.

The file holds ``command`` (program and arguments), ``environment``, ``before`` (commands that must
succeed first, such as a migration), ``folder`` (the working directory) and ``marks``.  It is
readable by its owner alone, so that secrets reach a service by no argument and no configuration of
the supervisor's.
"""

from __future__ import annotations

import json
import os
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
    launch: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    environment = {**kept, **launch["environment"], **launch["marks"], **_SHOWN}
    # As in an environment that is activated: what it starts by name, such as `python`, is its own.
    where = (launch["command"][0].rpartition("/")[0], environment.get("PATH", os.defpath))
    environment["PATH"] = os.pathsep.join(filter(None, where))
    os.chdir(launch["folder"])
    try:
        for command in launch["before"]:
            subprocess.run(command, check=True, env=environment, stdin=subprocess.DEVNULL)  # noqa: S603
        os.execvpe(launch["command"][0], launch["command"], environment)  # noqa: S606
    except subprocess.CalledProcessError as error:
        program = Path(error.cmd[0]).name
        raise SystemExit(f"{program} {error.cmd[1:2]} failed with {error.returncode}") from None
    except OSError as error:
        raise SystemExit(f"{error.filename}: {error.strerror}") from None


if __name__ == "__main__":
    main(Path(sys.argv[1]))
