"""Keeps the SDK from telling of a failed engine in its own way, beside the error that does it well.

When the engine ends before the program (a failed resource, a policy violation, a kill), the inline
language server of the Automation API (automation/_server.py) finds nobody to report to.  It then
logs the traceback of that, warns that the stream of events broke off, and leaves the program's
coroutine unfinished, of which Python tells when it exits.
"""

from __future__ import annotations

import logging
import sys
import warnings
from functools import cache
from types import TracebackType
from typing import Any

_SERVER = "pulumi.automation._server"
_PROGRAM = {"run_in_stack", "run_pulumi_func"}


@cache
def install() -> None:
    """Installs the three filters, once in a process; everything else passes them."""
    warnings.filterwarnings("ignore", message="Error in event stream", module="pulumi.automation")
    logging.getLogger("grpc._server").addFilter(_not_from_the_language_server)
    default = sys.unraisablehook

    def hook(event: Any) -> None:
        if getattr(event.object, "__name__", "") not in _PROGRAM:
            default(event)

    sys.unraisablehook = hook


def _not_from_the_language_server(record: logging.LogRecord) -> bool:
    trace: TracebackType | None = record.exc_info[2] if record.exc_info else None
    while trace is not None:
        if trace.tb_frame.f_globals.get("__name__") == _SERVER:
            return False
        trace = trace.tb_next
    return True
