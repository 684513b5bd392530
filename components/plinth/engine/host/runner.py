"""Runs one Pulumi program in the project's own interpreter; started by :mod:`.server`.

This file is run by path, possibly in a virtual environment that has no Plinth: it imports nothing
but the standard library and the Pulumi SDK.  The settings come as JSON in ``PLINTH_PROGRAM``; the
configuration, which may hold secrets, in the variables that the SDK reads itself.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import runpy
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from typing import Any

#: Tells the host that the program's error has been shown already (the official host's convention).
SHOWN = 32


def _run(order: dict[str, Any]) -> int:
    import pulumi
    from pulumi import runtime

    runtime.set_all_config(runtime.get_config_env(), runtime.get_config_secret_keys_env())
    settings = {
        key: order[key]
        for key in (
            "project", "stack", "organization", "monitor", "engine", "parallel", "dry_run",
            "root_directory",
        )
    }  # fmt: skip
    runtime.configure(runtime.Settings(**settings))
    entry = order["entry"]
    sys.argv = [entry, *order["arguments"]]
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)

    def program() -> None:
        runpy.run_path(entry, run_name="__main__")

    # Each resource in flight holds a thread while it waits for the engine; the SDK's own factor.
    executor = ThreadPoolExecutor(max_workers=max(order["parallel"], 1) * 4)
    loop.set_default_executor(executor)
    # A failed program leaves futures behind that nobody awaits; asyncio would bury the real error.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    try:
        loop.run_until_complete(runtime.run_in_stack(program))
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
        return SHOWN
    except Exception:  # noqa: BLE001 - whatever the program raises is shown by the engine
        pulumi.log.error(f"Program failed with an unhandled exception:\n{traceback.format_exc()}")
        return SHOWN
    finally:
        executor.shutdown(wait=True)
        loop.close()
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def main() -> int:
    """Runs the program that ``PLINTH_PROGRAM`` describes; the result is the exit code."""
    # The folder of this file is not the program's business; its module names must not shadow.
    sys.path.pop(0)
    order = json.loads(os.environ.pop("PLINTH_PROGRAM"))
    try:
        return _run(order)
    except ModuleNotFoundError as error:
        if error.name != "pulumi":
            raise
        sys.stderr.write(f"The Pulumi SDK is not installed in {sys.prefix}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
