"""What tells model servers on a cluster which version to serve: the one that their alias names.

One small pod looks every alias up and writes what it finds into two annotations of the model's
InferenceService (``templates/kserve/follow_aliases.py``).  Predictor annotations are annotations of
the Deployment's pod template (``buildPredictorResources``, KServe v0.20), so a new version is a
rolling update.  The address itself (``storageUri``) belongs to the spec and is never changed:
server-side apply keeps the two owners apart, and neither undoes what the other said.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from plinth import render
from plinth.tools.serving import manifests
from plinth.workloads import Container, WebApp

if TYPE_CHECKING:
    from pulumi import Resource

    from plinth.context import Context
    from plinth.spec.options import ServedModel

#: Name of the Deployment, its service account and its role.
NAME: Final = "follow-aliases"
PORT: Final = 8080

_SECONDS: Final = 10
_FOLDER: Final = "/etc/follow"
_SCRIPT: Final = "follow_aliases.py"


def build(
    models: Mapping[str, ServedModel], context: Context, *, depends_on: Sequence[Resource]
) -> None:
    """Follows the models whose address is an alias, where there is a registry.

    Models do not wait for it: one that cannot be told yet resolves its alias by itself.
    """
    followed = {
        name: model.uri
        for name, model in models.items()
        if model.uri.startswith("models:/") and "@" in model.uri
    }
    tracking = context.peers.tracking
    if tracking is None or not followed:
        return
    kube, namespace, parent = context.kube, context.namespace, context.parent
    files = {
        _SCRIPT: render.text(f"kserve/{_SCRIPT}"),
        "settings.json": json.dumps(
            {"models": followed, "namespace": namespace, "port": PORT, "seconds": _SECONDS},
            sort_keys=True,
        ),
    }
    config = kube.config_map(NAME, files, namespace=namespace, parent=parent, depends_on=depends_on)
    account = kube.service_account(
        NAME, namespace=namespace, annotations={}, parent=parent, depends_on=depends_on
    )
    role, binding = manifests.follower_role(NAME, namespace, [*followed])
    allowed = context.apply(f"{NAME}-role", role, depends_on=depends_on)
    bound = context.apply(f"{NAME}-binding", binding, depends_on=[allowed, account])
    checksum = hashlib.sha256("".join(files.values()).encode()).hexdigest()
    follower = kube.controller(
        NAME,
        WebApp(
            namespace=namespace,
            container=Container(
                # Two calls to two APIs: no need of MLflow's client and its large image.
                image=context.blueprint.pins.images["python"],
                # Isolated: of its surroundings it takes the variables that it asks for.
                command=("python", "-I", f"{_FOLDER}/{_SCRIPT}", f"{_FOLDER}/settings.json"),
                env={"MLFLOW_TRACKING_URI": tracking.uri},
                env_secrets={
                    f"MLFLOW_TRACKING_{key.upper()}": (manifests.REGISTRY_SECRET, key)
                    for key in ("username", "password")
                },
                files={_FOLDER: NAME},
                cpu="20m",
                memory="96Mi",
            ),
            port=PORT,
            annotations={"checksum/files": checksum},
        ),
        parent=parent,
        depends_on=[*depends_on, config, account, bound],
    )
    if context.peers.monitoring:
        context.apply(
            f"{NAME}-metrics",
            manifests.follower_monitor(NAME, namespace),
            depends_on=[follower],
        )
