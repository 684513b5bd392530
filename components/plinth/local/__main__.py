"""``pulumi-resource-plinth-local``: serves this machine to an engine until its input closes.

The first line on standard output is the port, as Pulumi expects of a plugin.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from plinth.local.provider import Provider
from plinth.plugin.server import serve, wait_for_parent


def main() -> None:
    """Serves; arguments, which are the engine's address, tell nothing that is needed."""
    port, _server = serve(Provider(Path.cwd()))
    print(port, flush=True)  # noqa: T201 - the plugin protocol
    # An interrupt from the terminal is for the engine, which ends what is under way in here first.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    wait_for_parent()
    sys.stdout.flush()
    os._exit(0)  # a call that hangs must not keep the process alive


if __name__ == "__main__":
    main()
