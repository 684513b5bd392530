"""KServe: model servers that scale, on plain Deployments and the shared gateway.

Every model speaks the Open Inference Protocol (V2).  Three servers cover all frameworks, chosen
because they measure failures as well as latency: MLServer for models that Python loads, Triton for
compiled graphs, KServe's own server for transformers.

Models from the registry are fetched by a storage container that runs the tracking server's own
client.  Which version an alias names is looked up in one place (:mod:`.kserve_follow`), which tells
the InferenceService by annotations of its predictor; copies load what they were told, so all that
start are alike, and a moved alias is a rolling update like any other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import Field

from plinth import render
from plinth.errors import Problem
from plinth.ports import Grant, Port
from plinth.results import Serving
from plinth.spec.options import ServedModel, ServingOptions
from plinth.spec.types import Label, Replicas
from plinth.tools import Tool, Way
from plinth.tools.serving import kserve_follow, kserve_processes, manifests, recording

if TYPE_CHECKING:
    from pulumi import Resource

    from plinth.blueprint import Blueprint
    from plinth.capabilities.gateway import Gateway
    from plinth.context import Context
    from plinth.ports import WorkloadIdentity

#: Where the controller and its webhooks run.
CONTROLLER_NAMESPACE = "kserve"
#: Service account of model servers.
READER = "model-reader"
#: The controller's webhook port, which the API server calls.
_WEBHOOK_PORT = 9443

_REGISTRY = "models:/"
_PINNED = re.compile(rf"{_REGISTRY}[^/@]+/(?P<version>\d+)")
_ABFSS = re.compile(r"abfss://(?P<container>[^@/]+)@(?P<account>[^./]+)\.dfs\.core\.windows\.net/")


class Options(ServingOptions):
    """KServe's options."""

    expose: bool | None = Field(
        default=None,
        description="Whether models have host names, <model>.models.<domain>. Callers need no "
        "sign-in. Default: when there is a domain and it is internal.",
    )
    allow_from: tuple[Label, ...] = Field(
        default=(), description="Namespaces of your own whose workloads may call models."
    )
    record: int | None = Field(
        default=None,
        ge=0,
        le=65536,
        description="MiB of each model's latest requests and answers to keep in the datasets "
        "bucket below inference/; 0 for none. Default: "
        f"{kserve_processes.RECORD} on the machine itself, 0 on clusters.",
    )


@dataclass(frozen=True, kw_only=True)
class _Server:
    runtime: str
    metrics_port: int
    args: tuple[str, ...] = ()


# MLServer answers metrics on 8082; the annotation in KServe's chart says 8080, which is a 404.
_MLSERVER = _Server(runtime="kserve-mlserver", metrics_port=8082)
# Triton counts latency only as a sum unless it is told to keep quantiles too.
_TRITON = _Server(
    runtime="kserve-tritonserver",
    metrics_port=8002,
    args=("--metrics-config=summary_latencies=true",),
)
_TRANSFORMERS = _Server(runtime="kserve-huggingfaceserver", metrics_port=8080)

_SERVERS: Mapping[str, _Server] = {
    "sklearn": _MLSERVER,
    "xgboost": _MLSERVER,
    "lightgbm": _MLSERVER,
    "mlflow": _MLSERVER,
    "pytorch": _TRITON,
    "tensorflow": _TRITON,
    "onnx": _TRITON,
    "triton": _TRITON,
    "huggingface": _TRANSFORMERS,
}

#: Frameworks whose server wants a folder that the registry does not keep, and what to do.
_NOT_FROM_REGISTRY: Mapping[str, str] = {
    "triton": "Give the storage address of a Triton model repository.",
    "huggingface": "Give an hf:// or storage address, or serve it with `framework: mlflow`.",
}

#: What retraining needs, and what for.
_RETRAINED_BY: Mapping[str, str] = {
    "monitoring": "which notices that it is time",
    "orchestration": "which runs the pipeline",
}


def controller_values(
    domain: str | None, labels: Mapping[str, str], gateway: Gateway
) -> dict[str, Any]:
    """Values of `kserve-resources`: plain Deployments, and routes only with a ``domain``.

    ``svc.cluster.local`` is the domain by which KServe knows that a model has no route
    (``constants.ClusterLocalDomain``, v0.20).
    """
    return {
        "kserve": {
            # Model servers have no business with the API server.
            "security": {"autoMountServiceAccountToken": False},
            "storage": {
                "resources": {
                    "requests": {"cpu": "100m", "memory": "256Mi"},
                    "limits": {"cpu": "1", "memory": "2Gi"},
                },
            },
            "controller": {
                "deploymentMode": "Standard",
                "imagePullPolicy": "IfNotPresent",
                "podLabels": dict(labels),
                "resources": {
                    "requests": {"cpu": "100m", "memory": "256Mi"},
                    "limits": {"cpu": "500m", "memory": "512Mi"},
                },
                "gateway": {
                    "domain": domain or "svc.cluster.local",
                    "domainTemplate": "{{ .Name }}.{{ .IngressDomain }}",
                    "urlScheme": "https" if domain else "http",
                    "disableIstioVirtualHost": True,
                    "disableIngressCreation": domain is None,
                    "ingressGateway": {
                        # Without a domain there is no gateway, and none of its CRDs either,
                        # for want of which the controller would not start.
                        "enableGatewayApi": domain is not None,
                        "kserveGateway": f"{gateway.namespace}/{gateway.name}",
                        "createGateway": False,
                        "className": gateway.class_name,
                    },
                },
            },
        }
    }


def runtime_values(images: Mapping[str, str]) -> dict[str, Any]:
    """Values of `kserve-runtime-configs`, whose runtimes are off by default since 0.17."""
    return {
        "kserve": {
            "servingruntime": {
                "enabled": True,
                "mlserver": _image(images["mlserver"]),
                "tritonserver": _image(images["triton"]),
            }
        }
    }


def _image(reference: str) -> dict[str, str]:
    image, _, tag = reference.rpartition(":")
    return {"image": image, "tag": tag}


def _mlflow_uri(uri: str) -> str:
    """The address as MLflow's client of blob storage knows it."""
    return _ABFSS.sub(r"wasbs://\g<container>@\g<account>.blob.core.windows.net/", uri)


def storage_uri(uri: str) -> str:
    """The address as KServe's storage initializer knows it: Azure's by its HTTPS form."""
    return _ABFSS.sub(r"https://\g<account>.blob.core.windows.net/\g<container>/", uri)


def inference_service(
    name: str,
    model: ServedModel,
    *,
    namespace: str,
    labels: Mapping[str, str],
    store_secret: str | None = None,
    recorder: str | None = None,
) -> dict[str, Any]:
    """One model as an InferenceService of ``serving.kserve.io/v1beta1``.

    Args:
        name: The model's name in the spec, and in every metric.
        model: What the spec says.
        namespace: Where to.
        labels: Labels of its pods: cost, and what the identity needs.
        store_secret: Secret with the keys to an object store that knows no workload identity.
        recorder: URL that its requests and answers are posted to.
    """
    registered = model.uri.startswith(_REGISTRY)
    pinned = _PINNED.fullmatch(model.uri)
    # What comes from the registry is an MLflow model, whatever library is inside.
    server = _MLSERVER if registered else _SERVERS[model.framework]
    replicas = model.replicas or Replicas()
    quantities = {"cpu": model.cpu, "memory": model.memory}
    if model.gpu:
        quantities["nvidia.com/gpu"] = str(model.gpu)
    predictor = {
        # KServe's default is 25 % for both: from four copies on, one would go before its
        # successor is ready, and not come back while the new version cannot be loaded.
        "deploymentStrategy": {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxUnavailable": 0, "maxSurge": "25%"},
        },
        "minReplicas": replicas.min,
        "maxReplicas": replicas.max,
        "scaleMetric": "cpu",
        "scaleTarget": 80,
        "labels": dict(labels),
        "annotations": {
            "prometheus.kserve.io/port": str(server.metrics_port),
            # Where the storage initializer finds keys (``StorageSecretNameAnnotation``, v0.20).
            **({"serving.kserve.io/secretName": store_secret} if store_secret else {}),
            **({manifests.TOLD_VERSION: pinned["version"]} if recorder and pinned else {}),
        },
        **({"logger": recording.logger(recorder)} if recorder else {}),
        "serviceAccountName": READER,
        **manifests.pod_settings(name, gpu=model.gpu > 0),
        "model": {
            "modelFormat": {"name": "mlflow" if registered else model.framework},
            "runtime": server.runtime,
            "protocolVersion": "v2",
            "storageUri": storage_uri(model.uri),
            **({"args": list(server.args)} if server.args else {}),
            **({"env": [manifests.version_of(model.uri)]} if registered else {}),
            # The runtimes limit CPU to one core; a larger request alone would be refused.
            "resources": {"requests": quantities, "limits": dict(quantities)},
            **manifests.PROBES,
        },
    }
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"predictor": predictor},
    }


def exposed(options: Options, blueprint: Blueprint) -> str | None:
    """The domain below which models have host names; ``None`` when they have none."""
    domain = blueprint.settings.domain
    if domain is None:
        return None
    wanted = domain.exposure == "internal" if options.expose is None else options.expose
    return f"models.{domain.name}" if wanted else None


def _check(blueprint: Blueprint, options: Options) -> Sequence[Problem]:
    return tuple(_problems(blueprint, options))


def _check_cluster(_blueprint: Blueprint, options: Options) -> Sequence[Problem]:
    return tuple(_cluster_problems(options))


def _cluster_problems(options: Options) -> Iterator[Problem]:
    for name, model in options.models.items():
        if model.uri.startswith("file:"):
            yield Problem(
                code="model-not-here",
                message=f"model {name} is in a folder of one machine, which a cluster does not see",
                path=f"models.{name}.uri",
                fix="Write a registry reference such as models:/churn@champion, or the address of "
                "an object store.",
            )


def _advise_cluster(_blueprint: Blueprint, options: Options) -> Sequence[Problem]:
    """Drift is measured by recorded requests; a team may have others that record them."""
    if options.record is not None:
        return ()
    return tuple(
        Problem(
            code="drift-unmeasured",
            message=f"model {name} is retrained when it drifts, and none of its requests are "
            "recorded, by which that is measured",
            path=f"models.{name}.retrain",
            fix="Add `record: 256` to serving, or `record: 0` if others record them.",
        )
        for name, model in options.models.items()
        if model.retrain
    )


def _problems(blueprint: Blueprint, options: Options) -> Iterator[Problem]:
    if options.expose and blueprint.settings.domain is None:
        yield Problem(
            code="expose-without-domain",
            message="models can have host names only below a domain, and there is none",
            path="expose",
            fix="Add `domain: {name: ml.example.com}`, or remove expose.",
        )
    for name, model in options.models.items():
        path = f"models.{name}.uri"
        if model.uri.startswith(_REGISTRY) and model.framework in _NOT_FROM_REGISTRY:
            yield Problem(
                code="model-not-from-registry",
                message=f"model {name} is served by {model.framework}, which cannot read a folder "
                "from the model registry",
                path=path,
                fix=_NOT_FROM_REGISTRY[model.framework],
            )
        if model.uri.startswith("abfss:") and not _ABFSS.match(model.uri):
            yield Problem(
                code="model-address",
                message=f"the address of model {name} does not name container and account",
                path=path,
                fix="Write abfss://<container>@<account>.dfs.core.windows.net/<path>.",
            )
        if model.retrain:
            yield from _retraining_problems(blueprint, name, model)


def _retraining_problems(blueprint: Blueprint, name: str, model: ServedModel) -> Iterator[Problem]:
    """What retraining needs: something that notices, something that trains, a way to serve it."""
    path = f"models.{name}.retrain"
    for capability, why in _RETRAINED_BY.items():
        if capability not in blueprint.choices:
            yield Problem(
                code="capability-missing",
                message=f"model {name} is to be retrained, and {capability}, {why}, is off",
                path=path,
                fix=f"Add `{capability}: {{}}` to the spec, or remove retrain.",
            )
    if not model.uri.startswith(_REGISTRY) or "@" not in model.uri:
        yield Problem(
            code="retrain-without-alias",
            message=f"model {name} is to be retrained, and its address {model.uri} would never "
            "lead to the new version",
            path=path,
            fix=f"Write an alias as its uri, such as models:/{name}@champion, or remove retrain.",
        )


def _controller(options: Options, context: Context) -> Resource:
    """Installs KServe: CRDs, controller, runtimes. Returns the last step."""
    kube, charts = context.kube, context.blueprint.pins.charts
    space = kube.namespace(
        CONTROLLER_NAMESPACE,
        parent=context.parent,
        depends_on=context.ready,
        callers=["monitoring"],
        open_ports=[_WEBHOOK_PORT],
    )
    domain = exposed(options, context.blueprint)
    controller = controller_values(domain, kube.labels, context.gateway)
    runtimes = runtime_values(context.blueprint.pins.images)
    steps: tuple[tuple[str, dict[str, Any]], ...] = (
        ("kserve-crd", {}),
        ("kserve-resources", controller),
        ("kserve-runtime-configs", runtimes),
    )
    after: tuple[Resource, ...] = (*context.ready, *space)
    for name, values in steps:
        release = kube.release(
            name,
            charts[name],
            namespace=CONTROLLER_NAMESPACE,
            values=values,
            parent=context.parent,
            depends_on=after,
            # Deleting the CRDs would delete every model of every team.
            keep=name == "kserve-crd",
        )
        after = (release,)
    return after[0]


def _registry(context: Context, depends_on: Sequence[Resource]) -> tuple[Resource, ...]:
    """Teaches KServe the registry's addresses, where there is a registry."""
    tracking = context.peers.tracking
    if tracking is None:
        return ()
    secret = context.secret(
        manifests.REGISTRY_SECRET,
        {key: f"${{tracking.{key}}}" for key in ("username", "password")},
        {"tracking": tracking.credentials},
        depends_on=depends_on,
    )
    container = manifests.storage_container(
        prefix=_REGISTRY,
        image=context.blueprint.pins.images["mlflow"],
        script=render.text("kserve/fetch_model.py"),
        tracking_uri=tracking.uri,
    )
    return secret, context.apply("model-registry", container, depends_on=depends_on)


def _recorder(
    options: Options, context: Context, depends_on: Sequence[Resource]
) -> tuple[str | None, tuple[Resource, ...]]:
    """Where models' requests are posted to, if they are kept, and what must be there first."""
    artifacts = context.peers.artifacts
    if artifacts is None or not (options.record and options.models):
        return None, ()
    url, made = recording.build(
        context,
        folder=artifacts.buckets["datasets"].uri.apply(lambda uri: _mlflow_uri(f"{uri}/inference")),
        mebibytes=options.record,
        models=tuple(options.models),
        namespace=CONTROLLER_NAMESPACE,
        depends_on=depends_on,
    )
    return url, (made,)


def _identity(context: Context, depends_on: Sequence[Resource]) -> WorkloadIdentity:
    artifacts = context.peers.artifacts
    if artifacts is None:
        raise RuntimeError("serving is built without artifacts, which it requires")
    return context.identity(READER, [Grant(to=artifacts.buckets["models"])], depends_on=depends_on)


def _build(options: Options, context: Context) -> Serving:
    installed = _controller(options, context)
    # After the controller, so that it goes first: models that pipelines put into the namespace
    # carry a finalizer, and without the controller the namespace could never be deleted.
    opened = context.open_namespace(
        callers=["orchestration", *options.allow_from], depends_on=[installed]
    )
    identity = _identity(context, opened)
    ready = (installed, *opened, *identity.ready)
    registry = _registry(context, ready)
    kserve_follow.build(options.models, context, depends_on=(*ready, *registry))
    recorder, recording_ready = _recorder(options, context, [installed])
    after = (*ready, *registry, *recording_ready)
    labels = {**context.kube.labels, **identity.pod_labels}
    secret = next((name for name, _ in identity.env_secrets.values()), None)
    namespace = context.namespace
    for name, model in options.models.items():
        service = inference_service(
            name,
            model,
            namespace=namespace,
            labels=labels,
            store_secret=secret,
            recorder=recorder,
        )
        made = context.apply(name, service, depends_on=after)
        if service["spec"]["predictor"]["minReplicas"] > 1:
            budget = manifests.disruption_budget(name, namespace)
            context.apply(f"{name}-disruption-budget", budget, depends_on=[made])
    if context.peers.monitoring:
        context.apply("models-metrics", manifests.pod_monitor(namespace), depends_on=opened)
    domain = exposed(options, context.blueprint)
    return Serving(
        namespace=namespace,
        endpoints={
            name: f"https://{name}.{domain}"
            if domain
            else f"http://{name}-predictor.{namespace}.svc.cluster.local"
            for name in options.models
        },
    )


TOOL = Tool(
    capability="serving",
    name="kserve",
    title="KServe",
    summary="Model servers on Kubernetes that scale with their load and speak one protocol.",
    options=Options,
    ways=(
        Way(
            needs=frozenset({Port.CLUSTER, Port.IDENTITY, Port.OBJECT_STORE, Port.SECRETS}),
            build=_build,
            check=_check_cluster,
            advise=_advise_cluster,
        ),
        Way(
            needs=frozenset({Port.OBJECT_STORE, Port.PROCESSES}),
            build=kserve_processes.build,
            check=kserve_processes.check,
        ),
    ),
    requires=frozenset({"artifacts"}),
    check=_check,
)
