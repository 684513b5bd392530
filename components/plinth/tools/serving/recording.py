"""The recorder: puts models' requests and answers into the datasets bucket.

KServe's agent before each model posts them as CloudEvents; what the recorder makes of them is
``templates/kserve/recorder.py``.  The agent can write to buckets itself, but as KServe 0.20 does it
(``pkg/logger``, ``pkg/agent/storage``) each body would be a record of its own, in base64 and packed
as it went over the wire; each model would need the right to write datasets; and on Azure and Google
Cloud the agent takes a stored key, not the pod's identity.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from plinth import render
from plinth.ports import Grant
from plinth.tools.serving import manifests
from plinth.workloads import Container, WebApp

if TYPE_CHECKING:
    from pulumi import Input, Resource

    from plinth.context import Context

#: Name of the Deployment, its Service and its service account.
NAME: Final = "recorder"
PORT: Final = 8080

_FOLDER: Final = "/etc/recorder"
_SCRIPT: Final = "recorder.py"
_SETTINGS: Final = "settings.json"
#: MLflow's image, which has the clients of all object stores that MLflow itself keeps models in.
_IMAGE: Final = "mlflow"


def logger(url: str) -> dict[str, Any]:
    """``spec.predictor.logger`` of a model that is recorded."""
    return {"mode": "all", "url": url, "metadataAnnotations": [manifests.TOLD_VERSION]}


def build(
    context: Context,
    *,
    folder: Input[str],
    mebibytes: int,
    models: Sequence[str],
    namespace: str,
    depends_on: Sequence[Resource],
) -> tuple[str, Resource]:
    """Runs the recorder where models' callers cannot reach it.

    One copy: request and answer are posted one by one, and must meet.

    Args:
        context: Of serving; its namespace, where models are, may post.
        folder: Address of the folder that models' folders are in, as MLflow spells it.
        mebibytes: How much to keep of each.
        models: Their names.
        namespace: Where to.
        depends_on: What makes the namespace.

    Returns:
        The URL for events, and the Deployment.
    """
    artifacts = context.peers.artifacts
    if artifacts is None:
        raise RuntimeError("serving is built without artifacts, which it requires")
    right = Grant(to=artifacts.buckets["datasets"], access="write")
    identity = context.identity(NAME, [right], namespace=namespace, depends_on=depends_on)
    script = render.text(f"kserve/{_SCRIPT}")
    settings = context.json({"folder": folder, "mebibytes": mebibytes, "models": sorted(models)})
    config = context.kube.config_map(
        NAME,
        {_SCRIPT: script, _SETTINGS: settings},
        namespace=namespace,
        parent=context.parent,
        depends_on=depends_on,
    )
    scraped = "monitoring" in context.blueprint.choices
    deployment = context.kube.web_app(
        NAME,
        WebApp(
            namespace=namespace,
            container=Container(
                image=context.blueprint.pins.images[_IMAGE],
                # Isolated: of its surroundings it takes the variables that it asks for.
                command=("python", "-I"),
                args=(f"{_FOLDER}/{_SCRIPT}", f"{_FOLDER}/{_SETTINGS}"),
                env={
                    "PORT": str(PORT),
                    "HOME": "/tmp",  # noqa: S108 - a path inside the pod
                    "MLFLOW_DISABLE_TELEMETRY": "true",
                    "DO_NOT_TRACK": "true",
                    **identity.env,
                },
                env_secrets=identity.env_secrets,
                files={_FOLDER: NAME},
                secret_files=identity.secret_files,
                memory="1Gi",
            ),
            port=PORT,
            metrics="/metrics" if scraped else None,
            callers=[context.namespace],
            pod_labels=identity.pod_labels,
            annotations={
                "checksum/script": settings.apply(
                    lambda known: hashlib.sha256((script + known).encode()).hexdigest()
                )
            },
        ),
        parent=context.parent,
        depends_on=[*depends_on, config, *identity.ready],
    )
    return f"http://{NAME}.{namespace}.svc.cluster.local:{PORT}/", deployment
