"""Feast's feature server in one process: `local_server.py SETTINGS`, a file of JSON.

`feast serve` would start two, and answer metrics to the whole network on a port that cannot be
chosen; here they are below /metrics of the one port, on the loopback interface.

Where there is a repository, a thread follows its branch and applies the definitions in it, as a
job does on a cluster. The store's configuration is the file that FEAST_FS_YAML_FILE_PATH names.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import feast.metrics  # before prometheus_client, which it tells where values are
import uvicorn
from fastapi import Response
from feast import FeatureStore
from feast.feature_server import get_app
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

HOST = "127.0.0.1"

log = logging.getLogger("plinth.features")


def follow(url: str, branch: str, path: str, clone: Path, seconds: float) -> None:
    """Applies the definitions at the branch's tip, and again when it moves, for ever."""
    applied = said = ""
    while True:
        try:
            tip = _fetch(url, branch, clone)
            if tip != applied:
                _run(str(Path(sys.executable).parent / "feast"), "--chdir", str(clone / path),
                     "apply", "--no-progress")  # fmt: skip
                applied, said = tip, ""
                log.info("definitions of %s at %s are applied", branch, tip[:12])
        except (OSError, subprocess.CalledProcessError) as error:
            problem = _reason(error)
            if problem != said:
                log.warning("%s is not followed: %s", url, problem)
            said = problem
        time.sleep(seconds)


def _fetch(url: str, branch: str, clone: Path) -> str:
    """Brings the clone to the branch's tip, by the user's own login; its commit."""
    git = ("git", "-C", str(clone))
    clone.mkdir(parents=True, exist_ok=True)
    _run(*git, "init", "--quiet")
    _run(*git, "fetch", "--quiet", "--depth=1", "--", url, branch)
    _run(*git, "checkout", "--quiet", "--force", "--detach", "FETCH_HEAD")
    _run(*git, "clean", "--quiet", "--force", "-d")
    return _run(*git, "rev-parse", "HEAD").strip()


def _run(*command: str) -> str:
    return subprocess.run(  # noqa: S603 - git and Feast
        command,
        check=True,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "GIT_TERMINAL_PROMPT": "0"},
    ).stdout


def _reason(error: OSError | subprocess.CalledProcessError) -> str:
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}"
    lines = [line.strip() for line in (error.output or "").splitlines() if line.strip()]
    return lines[-1] if lines else f"{error.cmd[0]} failed with {error.returncode}"


def main(settings: Mapping[str, Any]) -> None:
    """Serves until it is told to end.

    Args:
        settings: `port`; `registry_seconds`, how old the registry that is answered from may be;
            `offline_store`, a folder to have; `repository`, none or what
            :func:`follow` takes.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    for name in ("uvicorn.access", "feast"):
        logging.getLogger(name).setLevel(logging.WARNING)
    Path(settings["offline_store"]).mkdir(parents=True, exist_ok=True)
    store = FeatureStore(fs_yaml_file=Path(os.environ["FEAST_FS_YAML_FILE_PATH"]))
    # Makes the registry's tables, which two threads would stumble over.
    store.refresh_registry()
    # What `feast serve --metrics` does, but for its server.
    feast.metrics._config = feast.metrics.build_metrics_flags(None)
    feast.metrics.init_worker_monitoring()
    feast.metrics.init_worker_freshness_monitoring(store)
    app = get_app(store, settings["registry_seconds"])
    registry = CollectorRegistry()
    MultiProcessCollector(registry)

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    if settings.get("repository"):
        source = {**settings["repository"], "clone": Path(settings["repository"]["clone"])}
        threading.Thread(target=follow, kwargs=source, name="follow", daemon=True).start()
    uvicorn.run(app, host=HOST, port=settings["port"], log_config=None)


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
