"""Kubernetes objects around KServe's model servers. Pure functions over plain data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pulumi import Input

#: Label that KServe puts on the pods of a model (``constants.InferenceServicePodLabelKey``).
MODEL_LABEL = "serving.kserve.io/inferenceservice"
#: Annotations of a predictor that say which version to serve, and of which reference
#: (``templates/kserve/follow_aliases.py``).
TOLD_MODEL = "plinth/model"
TOLD_VERSION = "plinth/version"
#: Secret with the registry's credentials, keys ``username`` and ``password``.
REGISTRY_SECRET = "model-registry"  # noqa: S105 - the secret's name

_USER = 1000  # as in the images of MLServer, Triton and KServe


def _probe(path: str, **settings: int) -> dict[str, Any]:
    return {"httpGet": {"path": path, "port": 8080}, **settings}


#: Probes by the protocol's own health paths. Without them KServe only tries to open the port, which
#: MLServer does long before its model is loaded. Large models load for up to 30 minutes.
PROBES: dict[str, Any] = {
    "startupProbe": _probe("/v2/health/ready", periodSeconds=10, failureThreshold=180),
    "readinessProbe": _probe("/v2/health/ready", periodSeconds=10, timeoutSeconds=5),
    "livenessProbe": _probe(
        "/v2/health/live", periodSeconds=20, timeoutSeconds=5, failureThreshold=6
    ),
}


def pod_settings(name: str, *, gpu: bool) -> dict[str, Any]:
    """Pod-level fields of a predictor: hardening, spread over zones, access to GPU nodes."""
    settings: dict[str, Any] = {
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "fsGroup": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "topology.kubernetes.io/zone",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": {MODEL_LABEL: name}},
            }
        ],
    }
    if gpu:
        settings["tolerations"] = [
            {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
        ]
    return settings


def _told(name: str, annotation: str) -> dict[str, Any]:
    """A variable from an annotation of the pod; empty where there is none."""
    source = {"fieldRef": {"fieldPath": f"metadata.annotations['{annotation}']"}}
    return {"name": name, "valueFrom": source}


def version_of(uri: str) -> dict[str, Any]:
    """The variable by which MLServer's answers say the version of a registered model.

    Answers look as before while it is empty (tried on MLServer 1.7.1).
    """
    name = "MLSERVER_MODEL_VERSION"
    if "@" in uri:
        return _told(name, TOLD_VERSION)
    return {"name": name, "value": uri.rpartition("/")[2]}


def disruption_budget(name: str, namespace: str) -> dict[str, Any]:
    """Keeps all but one copy of a model through node upgrades."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {MODEL_LABEL: name}}},
    }


def storage_container(
    *, prefix: str, image: str, script: str, tracking_uri: Input[str]
) -> dict[str, Any]:
    """A ClusterStorageContainer that fetches addresses starting with ``prefix`` from MLflow.

    KServe merges ``container`` into the init container of matching models and calls it with two
    arguments, source and target folder (``CommonStorageInitialization``, v0.20). Secrets are looked
    up in the model's namespace.
    """
    credentials = [
        {
            "name": f"MLFLOW_TRACKING_{key.upper()}",
            "valueFrom": {"secretKeyRef": {"name": REGISTRY_SECRET, "key": key}},
        }
        for key in ("username", "password")
    ]
    told = [_told("TOLD_MODEL", TOLD_MODEL), _told("TOLD_VERSION", TOLD_VERSION)]
    return {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": "ClusterStorageContainer",
        "metadata": {"name": "model-registry"},
        "spec": {
            "container": {
                "name": "storage-initializer",
                "image": image,
                "command": ["python", "-c", script],
                "env": [
                    {"name": "MLFLOW_TRACKING_URI", "value": tracking_uri},
                    {"name": "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "value": "false"},
                    # The image's user has no home folder that user 1000 could write to.
                    {"name": "HOME", "value": "/tmp"},  # noqa: S108 - inside the pod
                    *credentials,
                    *told,
                ],
                "resources": {
                    "requests": {"cpu": "100m", "memory": "512Mi"},
                    "limits": {"cpu": "1", "memory": "2Gi"},
                },
                "securityContext": {
                    "runAsNonRoot": True,
                    "runAsUser": _USER,
                    "allowPrivilegeEscalation": False,
                    "capabilities": {"drop": ["ALL"]},
                },
            },
            "supportedUriFormats": [{"prefix": prefix}],
            "workloadType": "initContainer",
        },
    }


def pod_monitor(namespace: str) -> dict[str, Any]:
    """Scrapes every model server, on the port that its annotation names.

    The runtimes declare no container ports, hence the address made of annotation and pod address.
    The label ``model`` is the model's name in the spec on whatever a server exports.
    """
    model = f"__meta_kubernetes_pod_label_{MODEL_LABEL.translate(str.maketrans('./', '__'))}"
    relabelings = [
        {
            "action": "keep",
            "sourceLabels": ["__meta_kubernetes_pod_container_name"],
            "regex": "kserve-container",
        },
        {
            "sourceLabels": [
                "__meta_kubernetes_pod_ip",
                "__meta_kubernetes_pod_annotation_prometheus_kserve_io_port",
            ],
            "separator": ":",
            "targetLabel": "__address__",
        },
        {"sourceLabels": [model], "targetLabel": "model"},
    ]
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PodMonitor",
        "metadata": {"name": "models", "namespace": namespace},
        "spec": {
            "selector": {"matchExpressions": [{"key": MODEL_LABEL, "operator": "Exists"}]},
            "podMetricsEndpoints": [
                {"path": "/metrics", "interval": "30s", "relabelings": relabelings}
            ],
        },
    }


def follower_monitor(name: str, namespace: str) -> dict[str, Any]:
    """Scrapes what tells models their versions."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PodMonitor",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "selector": {"matchLabels": {"app.kubernetes.io/name": name}},
            "podMetricsEndpoints": [{"port": "http", "path": "/metrics", "interval": "30s"}],
        },
    }


def follower_role(name: str, namespace: str, models: Sequence[str]) -> tuple[dict[str, Any], ...]:
    """The right to read and patch the InferenceServices of these models, and its binding."""
    group = "rbac.authorization.k8s.io"
    metadata = {"name": name, "namespace": namespace}
    role = {
        "apiVersion": f"{group}/v1",
        "kind": "Role",
        "metadata": metadata,
        "rules": [
            {
                "apiGroups": ["serving.kserve.io"],
                "resources": ["inferenceservices"],
                "resourceNames": list(models),
                "verbs": ["get", "patch"],
            }
        ],
    }
    binding = {
        "apiVersion": f"{group}/v1",
        "kind": "RoleBinding",
        "metadata": metadata,
        "roleRef": {"apiGroup": group, "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
    }
    return role, binding
