"""Values of the charts behind monitoring. Pure functions; names that other objects refer to."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import PurePosixPath
from typing import Any

from plinth.ports import RECEIVER_FILES
from plinth.spec.options import MonitoringOptions

#: Helm release; the chart derives the names of its services from it.
RELEASE = "kps"
PROMETHEUS_SERVICE = f"{RELEASE}-kube-prometheus-stack-prometheus"
GRAFANA_SERVICE = f"{RELEASE}-grafana"
#: Release and service of the Pushgateway.
PUSHGATEWAY = "pushgateway"
#: Service account of Alertmanager, which may publish to the alerts' topic.
ALERTMANAGER = "alertmanager"
#: Port of the operator's webhook, which the API server calls.
WEBHOOK_PORT = 10250

ALERTMANAGER_SECRET = "alertmanager-routes"  # noqa: S105 - a secret's name, as are the next two
GRAFANA_SECRET = "grafana-admin"  # noqa: S105
SLACK_SECRET = "alertmanager-slack"  # noqa: S105
RECEIVER_SECRET = PurePosixPath(RECEIVER_FILES).name
#: Where Alertmanager finds the webhook's address: the operator mounts `spec.secrets` there, as it
#: does :data:`plinth.ports.RECEIVER_FILES`.
SLACK_URL_FILE = f"/etc/alertmanager/secrets/{SLACK_SECRET}/url"

_OFF = {"enabled": False}
_SELECTORS = ("serviceMonitor", "podMonitor", "rule", "probe", "scrapeConfig")


def _resources(cpu: str, memory: str) -> dict[str, Any]:
    return {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": memory}}


def _claim(gigabytes: int, storage_class: str | None) -> dict[str, Any]:
    return {
        "volumeClaimTemplate": {
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                **({"storageClassName": storage_class} if storage_class else {}),
                "resources": {"requests": {"storage": f"{gigabytes}Gi"}},
            }
        }
    }


def stack(
    options: MonitoringOptions,
    *,
    labels: Mapping[str, str],
    pod_labels: Mapping[str, str],
    url: str | None,
    storage_class: str | None = None,
    receiver_files: bool = False,
    namespace: str = "monitoring",
    installed: Collection[str] = (),
) -> dict[str, Any]:
    """Values of kube-prometheus-stack 88.

    Args:
        options: Retention, disk and copies.
        labels: Cost labels, put on everything and kept as metrics' labels.
        pod_labels: What Alertmanager's identity needs on its pods.
        url: Where people reach Grafana.
        storage_class: Class of the disks; ``None`` for the cluster's default.
        receiver_files: Whether Alertmanager's receivers read secret values from files.
        namespace: Where the release is.
        installed: Of :data:`plinth.ports.SERVICES`, what the cluster has already.
    """
    return {
        "commonLabels": dict(labels),
        # The CRDs are a release of their own, which upgrades reach and destroy keeps.
        "crds": _OFF,
        # Out of reach on managed control planes: targets that are down for ever, and their alerts.
        "kubeControllerManager": _OFF,
        "kubeEtcd": _OFF,
        "kubeScheduler": _OFF,
        "kubeProxy": _OFF,
        # A second operator of the whole cluster would change what the first one made, and a second
        # exporter finds its port of the node taken.
        "prometheusOperator": {
            "enabled": "prometheus-operator" not in installed,
            **_operator(namespace),
        },
        "kubeStateMetrics": {"enabled": "kube-state-metrics" not in installed},
        "nodeExporter": {"enabled": "node-exporter" not in installed},
        "prometheus": _prometheus(options, labels, storage_class),
        "alertmanager": _alertmanager(
            options, {**labels, **pod_labels}, storage_class, files=receiver_files
        ),
        "grafana": {**_grafana(url, storage_class), "podLabels": dict(labels)},
        "kube-state-metrics": {
            "metricLabelsAllowlist": [
                f"{kind}=[{','.join(sorted(labels))}]"
                for kind in ("namespaces", "pods", "persistentvolumeclaims")
            ],
            "resources": _resources("50m", "256Mi"),
        },
        "prometheus-node-exporter": {"resources": _resources("50m", "64Mi")},
    }


def _operator(namespace: str) -> dict[str, Any]:
    return {
        # Other servers on the cluster are others' business; monitors and rules are read everywhere.
        "prometheusInstanceNamespaces": [namespace],
        "alertmanagerInstanceNamespaces": [namespace],
        "thanosRulerInstanceNamespaces": [namespace],
        # cert-manager in place of the two hook jobs that would otherwise make the certificate.
        # The chart's own rules come right after the webhook that checks them, and long before the
        # operator that answers for it: the first install must not insist on an answer.
        "admissionWebhooks": {
            "certManager": {"enabled": True},
            "patch": _OFF,
            "failurePolicy": "IgnoreOnInstallOnly",
        },
        "resources": _resources("100m", "256Mi"),
        "prometheusConfigReloader": {"resources": _resources("10m", "64Mi")},
    }


def _prometheus(
    options: MonitoringOptions, labels: Mapping[str, str], storage_class: str | None
) -> dict[str, Any]:
    replicas = options.replicas or 1
    return {
        "podDisruptionBudget": {"enabled": replicas > 1},
        "prometheusSpec": {
            # Otherwise only monitors that carry this release's label would be seen.
            **{f"{kind}SelectorNilUsesHelmValues": False for kind in _SELECTORS},
            "replicas": replicas,
            "podMetadata": {"labels": dict(labels)},
            "retention": f"{options.retention_days}d",
            # The write-ahead log and compaction need room beside the blocks.
            "retentionSize": f"{options.storage * 85 // 100}GiB",
            "storageSpec": _claim(options.storage, storage_class),
            "externalLabels": {
                key: labels[key] for key in ("platform", "environment") if key in labels
            },
            "resources": _resources("500m", "4Gi"),
        },
    }


def _alertmanager(
    options: MonitoringOptions,
    pod_labels: Mapping[str, str],
    storage_class: str | None,
    *,
    files: bool,
) -> dict[str, Any]:
    replicas = options.replicas or 1
    mounted = {SLACK_SECRET: options.alerts.slack is not None, RECEIVER_SECRET: files}
    return {
        "serviceAccount": {"create": False, "name": ALERTMANAGER},
        "podDisruptionBudget": {"enabled": replicas > 1},
        "alertmanagerSpec": {
            "replicas": replicas,
            "useExistingSecret": True,
            "configSecret": ALERTMANAGER_SECRET,
            "secrets": [name for name, wanted in mounted.items() if wanted],
            "podMetadata": {"labels": dict(pod_labels)},
            "automountServiceAccountToken": False,
            "storage": _claim(5, storage_class),
            "resources": _resources("50m", "128Mi"),
        },
    }


def _grafana(url: str | None, storage_class: str | None) -> dict[str, Any]:
    return {
        "admin": {"existingSecret": GRAFANA_SECRET},
        "defaultDashboardsEditable": False,
        "sidecar": {
            "dashboards": {"searchNamespace": "ALL"},
            "resources": _resources("50m", "192Mi"),
        },
        "grafana.ini": {
            "server": {"root_url": url} if url else {},
            "security": {"cookie_secure": url is not None},
            "users": {"allow_sign_up": False},
            "auth.anonymous": _OFF,
            "analytics": {"reporting_enabled": False, "check_for_updates": False},
        },
        "persistence": {
            "enabled": True,
            "size": "10Gi",
            **({"storageClassName": storage_class} if storage_class else {}),
        },
        # A disk can be on one node at a time: a second copy would wait for the first for ever.
        "deploymentStrategy": {"type": "Recreate"},
        # fsGroup does what this root container is for.
        "initChownData": _OFF,
        "testFramework": _OFF,
        "resources": _resources("100m", "512Mi"),
    }


def pushgateway(labels: Mapping[str, str]) -> dict[str, Any]:
    """Values of prometheus-pushgateway 3: one small server that keeps the last push of each job."""
    return {
        "fullnameOverride": PUSHGATEWAY,
        "podLabels": dict(labels),
        "automountServiceAccountToken": False,
        "containerSecurityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "serviceMonitor": {"enabled": True, "honorLabels": True},
        "resources": _resources("20m", "128Mi"),
    }
