"""Who retrains models: a small server beside Airflow that takes Alertmanager's webhook.

It starts the pipeline that the spec names for a model (``retrain``) once an alert says that the
model drifts or has become worse; how is in ``templates/lifecycle/retrain.py``.  Alertmanager, which
is built before, knows its address and makes the token by which it proves itself.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Final

from plinth import render
from plinth.ports import Metrics, Program, Secret
from plinth.spec.options import ServingOptions
from plinth.tools.orchestration import airflow_values as chart
from plinth.workloads import Container, WebApp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pulumi import Input, Resource

    from plinth.blueprint import Blueprint
    from plinth.context import Context

#: The process; on a cluster the Deployment, its Service and its service account.
NAME: Final = "retrain"
PORT: Final = 8091
#: Where it takes notifications, and inside a cluster all of its address.
PATH: Final = "/alerts"
URL: Final = f"http://{NAME}.orchestration.svc.cluster.local:{PORT}{PATH}"
#: Secret with what Alertmanager proves itself with, key `token`.
WEBHOOK: Final = "retrain-webhook"

#: Variables by which it reaches Airflow.
_LOGIN: Final = ("AIRFLOW_API_URL", "AIRFLOW_USERNAME", "AIRFLOW_PASSWORD")
_SCRIPT: Final = "retrain.py"
_FOLDER: Final = "/etc/retrain"
#: Pin of its image in ``versions.toml``.
_IMAGE: Final = "python"


def pipelines(blueprint: Blueprint) -> dict[str, str]:
    """Pipelines by the model that they retrain; none unless it is Airflow that runs them."""
    serving = blueprint.choices.get("serving")
    orchestration = blueprint.choices.get("orchestration")
    if serving is None or orchestration is None or orchestration.tool != chart.RELEASE:
        return {}
    if not isinstance(serving.options, ServingOptions):
        return {}
    models = serving.options.models.items()
    return {name: model.retrain for name, model in models if model.retrain}


def run(context: Context, login: Mapping[str, Input[str]], depends_on: Sequence[Resource]) -> None:
    """Runs it as a process, where any model is to be retrained.

    Args:
        context: Airflow's.
        login: The variables by which clients reach Airflow.
        depends_on: Airflow's server.
    """
    told, webhook = _settings(context.blueprint), _webhook(context)
    if not told or webhook is None:
        return
    cloud, parent = context.cloud, context.parent
    port = cloud.port(NAME, PORT)
    server = Program(
        command=[context.format("{}/bin/python", cloud.python(chart.RELEASE)), "-I", _SCRIPT],
        environment={
            **told,
            **{name: login[name] for name in _LOGIN},
            "HOST": "127.0.0.1",
            "PORT": context.format("{}", port),
            "WEBHOOK_TOKEN": webhook.ref["token"],
        },
        files={_SCRIPT: render.text(f"lifecycle/{_SCRIPT}")},
        port=port,
        health="/healthz",
        metrics=Metrics(namespace=context.namespace),
    )
    cloud.run(NAME, server, parent=parent, depends_on=depends_on)


def deploy(context: Context, depends_on: Sequence[Resource]) -> None:
    """Runs it on the cluster, where any model is to be retrained.

    Monitoring may connect to everything of the namespace; what it wants is asked for by token.

    Args:
        context: Airflow's.
        depends_on: What makes the namespace, and the secret :data:`chart.ADMIN`.
    """
    told, webhook = _settings(context.blueprint), _webhook(context)
    if not told or webhook is None:
        return
    kube, namespace, parent = context.kube, context.namespace, context.parent
    script = render.text(f"lifecycle/{_SCRIPT}")
    ready = [
        *depends_on,
        kube.config_map(
            NAME, {_SCRIPT: script}, namespace=namespace, parent=parent, depends_on=depends_on
        ),
        kube.service_account(
            NAME, namespace=namespace, annotations={}, parent=parent, depends_on=depends_on
        ),
        context.secret(
            WEBHOOK, {"token": "${webhook.token}"}, {"webhook": webhook}, depends_on=depends_on
        ),
    ]
    kube.web_app(
        NAME,
        WebApp(
            namespace=namespace,
            container=Container(
                image=context.blueprint.pins.images[_IMAGE],
                # Isolated: of its surroundings it takes the variables that it asks for.
                command=("python", "-I", f"{_FOLDER}/{_SCRIPT}"),
                env={**told, "PORT": str(PORT), "AIRFLOW_API_URL": chart.URI},
                env_secrets={
                    "AIRFLOW_USERNAME": (chart.ADMIN, "username"),
                    "AIRFLOW_PASSWORD": (chart.ADMIN, "password"),
                    "WEBHOOK_TOKEN": (WEBHOOK, "token"),
                },
                files={_FOLDER: NAME},
                cpu="50m",
                memory="96Mi",
            ),
            port=PORT,
            max=2,
            metrics="/metrics",
            annotations={"checksum/script": hashlib.sha256(script.encode()).hexdigest()},
        ),
        parent=parent,
        depends_on=ready,
    )


def _settings(blueprint: Blueprint) -> dict[str, str]:
    """Which pipeline is for which model; empty when there is none."""
    found = pipelines(blueprint)
    return {"PIPELINES": json.dumps(found, sort_keys=True)} if found else {}


def _webhook(context: Context) -> Secret | None:
    """What Alertmanager proves itself with, if there is one."""
    monitoring = context.peers.monitoring
    return monitoring.webhook if monitoring else None
