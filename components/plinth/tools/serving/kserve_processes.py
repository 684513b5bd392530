"""KServe's model server as a process: one for all models, following the registry's aliases.

The server is KServe's own, as a library; how it loads, follows, reads and measures is
``templates/kserve/local_server.py``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from plinth import render
from plinth.errors import Problem
from plinth.ports import Metrics, Program
from plinth.results import Serving

if TYPE_CHECKING:
    from plinth.blueprint import Blueprint
    from plinth.context import Context
    from plinth.tools.serving.kserve import Options

NAME = "kserve"
PORT = 8090
#: MiB of each model's requests that are kept, unless the spec says otherwise.
RECORD = 64

_LOCK = "serving"
_SCRIPT = "local_server.py"
_FOLLOW_SECONDS = 2
#: Where models can be loaded from on the machine that serves them.
_SOURCES = ("models:/", "file://")


def check(_blueprint: Blueprint, options: Options) -> Sequence[Problem]:
    """What a process cannot serve."""
    return tuple(_problems(options))


def _problems(options: Options) -> Iterator[Problem]:
    for name, model in options.models.items():
        if not model.uri.startswith(_SOURCES):
            yield Problem(
                code="model-not-here",
                message=f"model {name} is in a store that processes on this machine have no login "
                "for",
                path=f"models.{name}.uri",
                fix="Write a registry reference such as models:/churn@champion, or file:// and "
                "the folder of an MLflow model.",
            )


def build(options: Options, context: Context) -> Serving:
    """Runs the server; a model that is not there yet is served once it is."""
    cloud, parent = context.cloud, context.parent
    artifacts, tracking = context.peers.artifacts, context.peers.tracking
    if artifacts is None:
        raise RuntimeError("serving is built without artifacts, which it requires")
    port = cloud.port(NAME, PORT)
    kept = RECORD if options.record is None else options.record
    settings: dict[str, Any] = {
        "port": port,
        "models": {name: model.uri for name, model in options.models.items()},
        "follow_seconds": _FOLLOW_SECONDS,
        "record": {
            "folder": context.format("{}/inference", artifacts.buckets["datasets"].uri),
            "mebibytes": kept,
        }
        if kept
        else None,
    }
    server = Program(
        command=[context.format("{}/bin/python", cloud.python(_LOCK)), _SCRIPT, "settings.json"],
        environment={
            **(tracking.client if tracking else {}),
            # A registry that is away is asked again soon anyway.
            "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
            "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "DO_NOT_TRACK": "true",
        },
        files={
            _SCRIPT: render.text(f"kserve/{_SCRIPT}"),
            "settings.json": context.json(settings),
        },
        port=port,
        health="/v2/health/live",
        metrics=Metrics(namespace=context.namespace),
    )
    process = cloud.run(NAME, server, parent=parent)
    return Serving(
        namespace=None,
        endpoints=dict.fromkeys(options.models, process.url),
        client={"SERVING_URL": process.url},
    )
