"""A tool of two tiny services, one of which keeps data and knows a password, from outside."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from plinth.ports import Port, Program, Secret
from plinth.results import Tracking
from plinth.spec.options import TrackingOptions
from plinth.tools import Tool, Way

if TYPE_CHECKING:
    from plinth.context import Context

#: Keeps what it was told first, as a tracking server keeps its users.
_SERVER = """\
import http.server, os, pathlib, sys, time
time.sleep(float(os.environ.get("SLOW", "0")))
kept = pathlib.Path(os.environ["DATA"], "users")
if not kept.exists():
    kept.write_text(os.environ["PASSWORD"])
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        right = kept.read_text() == os.environ["PASSWORD"]
        self.send_response(200 if right else 401)
        self.end_headers()
        self.wfile.write(str(os.getpid()).encode())
    def log_message(self, *said):
        pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


class Options(TrackingOptions):
    """Options of the tiny tool."""

    level: str = "info"
    slow: int = 0
    packages: bool = False


def _build(options: Options, context: Context) -> Tracking:
    cloud, parent = context.cloud, context.parent
    password = cloud.password("tiny-admin", parent=parent)
    if options.packages:
        cloud.python("mlflow")
    runs = []
    for name, level in (("one", options.level), ("two", "info")):
        variables = {
            "DATA": cloud.folder(f"{name}-data", parent=parent),
            "PASSWORD": password,
            "LEVEL": level,
            "SLOW": str(options.slow),
        }
        port = cloud.port(name, 5000)
        program = Program(
            command=[sys.executable, "server.py", context.format("{}", port)],
            environment=variables,
            files={"server.py": _SERVER},
            port=port,
            health="/",
            seconds=60,
        )
        runs.append(cloud.run(name, program, parent=parent))
    return Tracking(
        uri=runs[0].url,
        url=runs[1].url,
        namespace=None,
        credentials=Secret(name="tiny", keys=("password",), ref={"password": password}),
    )


TOOL: Tool = Tool(
    capability="tracking",
    name="tiny",
    title="Tiny",
    summary="Two tiny services.",
    options=Options,
    ways=(Way(needs=frozenset({Port.PROCESSES}), build=_build),),
)

#: Registers it; what follows knows it.
KNOWN = f"""\
import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
from plinth import registry
registry._TOOLS['tracking', 'tiny'] = 'tinytool:TOOL'
"""
