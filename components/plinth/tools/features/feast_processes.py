"""Feast as a process: the feature server, its registry and online store in SQLite.

How it serves and follows a repository is ``templates/feast/local_server.py``. It starts empty:
definitions come from the spec's repository, from ``feast apply`` by a client, or from both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plinth import render
from plinth.ports import Metrics, Program
from plinth.results import Features

if TYPE_CHECKING:
    from plinth.context import Context
    from plinth.tools.features.feast import Options

NAME = "feast"
PORT = 6566

#: Variable that tells definitions where offline features are.
OFFLINE_STORE = "FEATURES_OFFLINE_STORE"

_CONFIG = "feature_store.yaml"
_SCRIPT = "local_server.py"
#: How old the registry that is answered from may be.
_REGISTRY_SECONDS = 5
_FOLLOW_SECONDS = 60


def build(options: Options, context: Context) -> Features:
    """Runs the server; offline features are files in the datasets folder."""
    cloud, parent = context.cloud, context.parent
    artifacts = context.peers.artifacts
    if artifacts is None:
        raise RuntimeError("Feast without artifacts is refused by the blueprint")
    data = cloud.folder(NAME, parent=parent)
    port = cloud.port(NAME, PORT)
    environment = cloud.python(NAME)
    offline = context.format("{}/features", artifacts.buckets["datasets"].uri)
    config = context.format(f"{{}}/{_CONFIG}", data)
    known = {
        "FEAST_FS_YAML_FILE_PATH": config,
        # Dask takes an address of this kind for a path in the working directory.
        OFFLINE_STORE: offline.apply(lambda uri: uri.removeprefix("file://")),
    }
    settings: dict[str, Any] = {
        "port": port,
        "registry_seconds": _REGISTRY_SECONDS,
        "offline_store": known[OFFLINE_STORE],
        "repository": {
            "url": options.repository.repository,
            "branch": options.repository.branch,
            "path": options.repository.path,
            "clone": context.format("{}/repository", data),
            "seconds": _FOLLOW_SECONDS,
        }
        if options.repository
        else None,
    }
    server = Program(
        command=[context.format("{}/bin/python", environment), _SCRIPT, "settings.json"],
        environment=known,
        files={
            _SCRIPT: render.text(f"feast/{_SCRIPT}"),
            "settings.json": context.json(settings),
            _CONFIG: context.text(
                "feast/local_feature_store.yaml.j2",
                project=options.project_of(context.blueprint.settings.name),
                folder=data,
                registry_seconds=_REGISTRY_SECONDS,
            ),
        },
        # Clients read it too, and where the server works is not theirs to know.
        before=[["cp", _CONFIG, config]],
        port=port,
        health="/health",
        metrics=Metrics(namespace=context.namespace),
    )
    process = cloud.run(NAME, server, parent=parent)
    return Features(
        uri=process.url,
        namespace=None,
        offline_store=offline,
        client={"FEATURES_URL": process.url, **known},
    )
