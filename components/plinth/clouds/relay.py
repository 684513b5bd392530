"""The alert relay: a go-between for clouds that Alertmanager cannot speak to.

It takes Alertmanager's webhook inside the cluster and writes each alert as one line of JSON, which
the cloud's logging agent picks up; or sends the alerts to Azure's Logs Ingestion API.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final

from pulumi import Input, Resource

from plinth import render
from plinth.kube import Kube, Manifest
from plinth.ports import WorkloadIdentity
from plinth.workloads import Container, WebApp

#: Name of the Deployment, its Service, its container and its service account.
NAME: Final = "alert-relay"
PORT: Final = 8090
#: Pin of its image in ``versions.toml``.
IMAGE: Final = "python"
#: Variable that turns the Logs Ingestion API on: the stream's full URL
#: (``<endpoint>/dataCollectionRules/<rule id>/streams/<stream>?api-version=…``).
INGESTION_URL: Final = "LOGS_INGESTION_URL"
#: Columns of the stream, by name, with their types as data collection rules spell them.
COLUMNS: Final = {
    "TimeGenerated": "datetime",
    "severity": "string",  # ERROR, WARNING or INFO; INFO for every alert that is over
    "message": "string",
    "alert": "dynamic",  # status, labels, annotations, startsAt, endsAt, fingerprint
}

_FOLDER: Final = "/etc/relay"


def deploy(
    kube: Kube,
    *,
    image: str,
    namespace: str,
    parent: Resource,
    depends_on: Sequence[Resource],
    identity: WorkloadIdentity | None = None,
    env: Mapping[str, Input[str]] | None = None,
) -> tuple[str, Manifest]:
    """Runs the relay; only its own namespace may connect, as everywhere.

    Args:
        kube: The cluster.
        image: Python.
        namespace: Alertmanager's own.
        parent: Parent component.
        depends_on: What makes the namespace.
        identity: Rights of its service account, :data:`NAME`.
        env: Variables, such as :data:`INGESTION_URL`.

    Returns:
        The URL for Alertmanager's ``webhook_configs``, and the Deployment.
    """
    bound = identity or WorkloadIdentity()
    script = render.text("relay/relay.py")
    config = kube.config_map(
        NAME, {"relay.py": script}, namespace=namespace, parent=parent, depends_on=depends_on
    )
    account = kube.service_account(
        NAME,
        namespace=namespace,
        annotations=bound.annotations,
        parent=parent,
        depends_on=depends_on,
    )
    deployment = kube.web_app(
        NAME,
        WebApp(
            namespace=namespace,
            container=Container(
                image=image,
                # Isolated: of its surroundings it takes the variables that it asks for.
                command=("python", "-I", f"{_FOLDER}/relay.py"),
                env={"PORT": str(PORT), **bound.env, **(env or {})},
                env_secrets=bound.env_secrets,
                files={_FOLDER: NAME},
                cpu="50m",
                memory="96Mi",
            ),
            port=PORT,
            max=2,
            pod_labels=bound.pod_labels,
            annotations={"checksum/script": hashlib.sha256(script.encode()).hexdigest()},
        ),
        parent=parent,
        depends_on=[*depends_on, config, account, *bound.ready],
    )
    return f"http://{NAME}.{namespace}.svc.cluster.local:{PORT}/alerts", deployment
