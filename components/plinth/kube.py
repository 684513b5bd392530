"""Kubernetes objects: manifests, Helm releases and hardened workloads, on one explicit provider.

Manifests are plain dictionaries in the API's own spelling.  They are registered under the same type
tokens and with the same inputs as the classes of ``pulumi_kubernetes``; going without those classes
spares every plan two CPU seconds and 80 MB of imports.  Names of objects are chosen, never
generated, because other objects refer to them by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import version
from typing import Any

import pulumi
from pulumi import Input, Resource, ResourceOptions

from plinth.versions import Chart
from plinth.workloads import Container, WebApp

#: What the engine must keep encrypted although it is an answer of the API server's, as the classes
#: of ``pulumi_kubernetes`` say: a Secret's values come back in base64.
_SECRET_OUTPUTS = {"kubernetes:core/v1:Secret": ["data", "stringData"]}
#: Pod Security Standards profile that every namespace enforces unless a chart cannot meet it.
RESTRICTED = "restricted"


@cache
def _sdk_version() -> str:
    return version("pulumi-kubernetes")


class Manifest(pulumi.CustomResource):
    """One Kubernetes object (``kubernetes:<group>/<version>:<Kind>``)."""

    def __init__(self, name: str, manifest: Mapping[str, Any], opts: ResourceOptions) -> None:
        group = manifest["apiVersion"]
        token = f"kubernetes:{group if '/' in group else f'core/{group}'}:{manifest['kind']}"
        own = ResourceOptions(
            version=_sdk_version(), additional_secret_outputs=_SECRET_OUTPUTS.get(token)
        )
        super().__init__(token, name, dict(manifest), ResourceOptions.merge(opts, own))


class Release(pulumi.CustomResource):
    """One Helm release (``kubernetes:helm.sh/v3:Release``); hooks run as Helm runs them."""

    def __init__(self, name: str, props: Mapping[str, Any], opts: ResourceOptions) -> None:
        merged = ResourceOptions.merge(opts, ResourceOptions(version=_sdk_version()))
        super().__init__("kubernetes:helm.sh/v3:Release", name, dict(props), merged)


class Kube:
    """Makes objects on one cluster, labelled with the platform's cost labels."""

    def __init__(
        self,
        provider: pulumi.ProviderResource,
        labels: Mapping[str, str],
        spot: Sequence[Mapping[str, str]] = (),
    ) -> None:
        """Looks at a cluster.

        Args:
            provider: Its provider.
            labels: What everything made is labelled with.
            spot: As :attr:`plinth.ports.ClusterHandle.spot`.
        """
        self._provider = provider
        self.labels = dict(labels)
        self.spot = [dict(toleration) for toleration in spot]

    def labelled(self, **labels: str) -> Kube:
        """The same cluster, with further labels on everything made."""
        return Kube(self._provider, {**self.labels, **labels}, self.spot)

    def options(
        self, parent: Resource, depends_on: Sequence[Resource] = (), *, keep: bool = False
    ) -> ResourceOptions:
        """Fresh options for a child of ``parent`` on this cluster."""
        return ResourceOptions(
            parent=parent,
            provider=self._provider,
            depends_on=list(depends_on) or None,
            retain_on_delete=keep or None,
        )

    def apply(
        self,
        name: str,
        manifest: Mapping[str, Any],
        *,
        parent: Resource,
        depends_on: Sequence[Resource] = (),
    ) -> Manifest:
        """Makes one object, with the cost labels added to its own."""
        metadata = manifest["metadata"]
        labels = {**self.labels, **metadata.get("labels", {})}
        labelled = {**manifest, "metadata": {**metadata, "labels": labels}}
        return Manifest(name, labelled, self.options(parent, depends_on))

    def release(
        self,
        name: str,
        chart: Chart,
        *,
        namespace: str,
        values: Mapping[str, Any],
        parent: Resource,
        depends_on: Sequence[Resource] = (),
        keep: bool = False,
        timeout: int = 900,
    ) -> Release:
        """Installs a chart as the Helm release ``name``.

        Args:
            name: Release name, and the resource's logical name.
            chart: Chart and version.
            namespace: Where to; must exist.
            values: Chart values.
            parent: Parent component.
            depends_on: What must be there first.
            keep: Leave the release when the stack is destroyed; for charts that bring CRDs, whose
                deletion would delete every object of those kinds.
            timeout: Seconds to wait for the release's pods.
        """
        props: dict[str, Any] = {
            "name": name,
            "chart": chart.chart,
            "version": chart.version,
            "namespace": namespace,
            "values": values,
            "timeout": timeout,
            # A failed first install must not be rolled back to nothing: pods and events are
            # what explains it (the trouble that `atomic` causes: run-x/opta#650).
            "atomic": False,
        }
        if chart.repository:
            props["repositoryOpts"] = {"repo": chart.repository}
        return Release(name, props, self.options(parent, depends_on, keep=keep))

    def namespace(
        self,
        name: str,
        *,
        parent: Resource,
        depends_on: Sequence[Resource] = (),
        profile: str = RESTRICTED,
        callers: Sequence[str] = (),
        open_ports: Sequence[int] = (),
    ) -> tuple[Manifest, Manifest]:
        """A namespace with a pod-security profile, closed to other namespaces but ``callers``.

        ``open_ports`` take connections from anywhere: the API server calls webhooks from
        addresses that no selector matches, and load balancers reach gateways from theirs.
        Returns the namespace and its network policy.
        """
        space = self.apply(
            f"{name}-namespace",
            {
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": {
                    "name": name,
                    "labels": {
                        "pod-security.kubernetes.io/enforce": profile,
                        "pod-security.kubernetes.io/warn": RESTRICTED,
                    },
                },
            },
            parent=parent,
            depends_on=depends_on,
        )
        sources = [{"podSelector": {}}, *(_from_namespace(caller) for caller in callers)]
        ingress: list[dict[str, Any]] = [{"from": sources}]
        if open_ports:
            ingress.append({"ports": [{"port": port} for port in open_ports]})
        policy = self.apply(
            f"{name}-isolation",
            {
                "apiVersion": "networking.k8s.io/v1",
                "kind": "NetworkPolicy",
                "metadata": {"name": "isolation", "namespace": name},
                "spec": {
                    "podSelector": {},
                    "policyTypes": ["Ingress"],
                    "ingress": ingress,
                },
            },
            parent=parent,
            depends_on=[space],
        )
        return space, policy

    def service_account(
        self,
        name: str,
        *,
        namespace: str,
        annotations: Mapping[str, Input[str]],
        parent: Resource,
        depends_on: Sequence[Resource] = (),
    ) -> Manifest:
        """A service account whose token is mounted only where a pod asks for it."""
        return self.apply(
            f"{name}-service-account",
            {
                "apiVersion": "v1",
                "kind": "ServiceAccount",
                "metadata": {
                    "name": name,
                    "namespace": namespace,
                    "annotations": dict(annotations),
                },
                "automountServiceAccountToken": False,
            },
            parent=parent,
            depends_on=depends_on,
        )

    def config_map(
        self,
        name: str,
        data: Mapping[str, Input[str]],
        *,
        namespace: str,
        parent: Resource,
        depends_on: Sequence[Resource] = (),
        labels: Mapping[str, str] | None = None,
    ) -> Manifest:
        """A ConfigMap."""
        return self.apply(
            f"{name}-config",
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": name, "namespace": namespace, "labels": dict(labels or {})},
                "data": dict(data),
            },
            parent=parent,
            depends_on=depends_on,
        )

    def job(
        self,
        name: str,
        container: Container,
        *,
        namespace: str,
        service_account: str,
        parent: Resource,
        depends_on: Sequence[Resource] = (),
        schedule: str | None = None,
        pod_labels: Mapping[str, str] | None = None,
        before: Sequence[Container] = (),
    ) -> Manifest:
        """A Job, or with ``schedule`` a CronJob (UTC), of one hardened container.

        It starts again when its machine is taken away, so it may run on any.

        Containers of ``before`` must succeed first, one after the other; they share the main
        container's folders, which they list in the same order.
        """
        labels = {**self.labels, "app.kubernetes.io/name": name, **(pod_labels or {})}
        spec: dict[str, Any] = {
            "backoffLimit": 6,
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    **_pod(container, name, service_account, before),
                    **({"tolerations": self.spot} if self.spot else {}),
                    "restartPolicy": "OnFailure",
                },
            },
        }
        kind = "Job"
        if schedule is not None:
            kind = "CronJob"
            spec = {
                "schedule": schedule,
                "concurrencyPolicy": "Forbid",
                "successfulJobsHistoryLimit": 1,
                "failedJobsHistoryLimit": 3,
                "jobTemplate": {"spec": spec},
            }
        return self.apply(
            name,
            {
                "apiVersion": "batch/v1",
                "kind": kind,
                "metadata": {"name": name, "namespace": namespace},
                "spec": spec,
            },
            parent=parent,
            depends_on=depends_on,
        )

    def web_app(
        self, name: str, app: WebApp, *, parent: Resource, depends_on: Sequence[Resource] = ()
    ) -> Manifest:
        """A Deployment with its Service, autoscaler, disruption budget and scrape target.

        Returns the Deployment.
        """
        selector = _selector(name)
        deployment = self.apply(
            name, self._deployment(name, app), parent=parent, depends_on=depends_on
        )
        for suffix, manifest in _companions(name, app, selector).items():
            self.apply(f"{name}-{suffix}", manifest, parent=parent, depends_on=[deployment])
        return deployment

    def controller(
        self, name: str, app: WebApp, *, parent: Resource, depends_on: Sequence[Resource] = ()
    ) -> Manifest:
        """A Deployment of one copy that speaks to the API server; nobody calls it but Prometheus.

        Of the pods made here, it alone has its service account's token.
        """
        manifest = self._deployment(name, app)
        manifest["spec"]["template"]["spec"]["automountServiceAccountToken"] = True
        return self.apply(name, manifest, parent=parent, depends_on=depends_on)

    def _deployment(self, name: str, app: WebApp) -> dict[str, Any]:
        selector = _selector(name)
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name, "namespace": app.namespace, "labels": selector},
            "spec": {
                "selector": {"matchLabels": selector},
                "strategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
                "template": {
                    "metadata": {
                        "labels": {**self.labels, **selector, **app.pod_labels},
                        "annotations": dict(app.annotations),
                    },
                    "spec": _web_pod(name, app),
                },
            },
        }


def _selector(name: str) -> dict[str, str]:
    return {"app.kubernetes.io/name": name}


def _from_namespace(name: str) -> dict[str, Any]:
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}


def _container(container: Container, name: str) -> dict[str, Any]:
    env: list[dict[str, Any]] = [{"name": k, "value": v} for k, v in container.env.items()]
    env += [
        {"name": k, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}
        for k, (secret, key) in container.env_secrets.items()
    ]
    spec: dict[str, Any] = {
        "name": name,
        "image": container.image,
        # A tag may be pushed anew, and a copy on a node would be run without asking for the right
        # to pull it. Layers that have not changed are not pulled again.
        "imagePullPolicy": "Always",
        "env": env,
        "resources": {
            "requests": {"cpu": container.cpu, "memory": container.memory},
            # No CPU limit: throttled bursts help nobody; it is memory that must be bounded.
            "limits": {"memory": container.memory},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            *(
                {"name": f"config-{i}", "mountPath": p, "readOnly": True}
                for i, p in enumerate(container.files)
            ),
            *(
                {"name": f"secret-{i}", "mountPath": p, "readOnly": True}
                for i, p in enumerate(container.secret_files)
            ),
            *({"name": f"scratch-{i}", "mountPath": p} for i, p in enumerate(container.scratch)),
        ],
    }
    if container.command:
        spec["command"] = list(container.command)
    if container.args:
        spec["args"] = list(container.args)
    return spec


def _pod(
    container: Container, name: str, service_account: str, before: Sequence[Container] = ()
) -> dict[str, Any]:
    first = [_container(item, f"{name}-before-{i}") for i, item in enumerate(before)]
    return {
        **({"initContainers": first} if first else {}),
        "serviceAccountName": service_account,
        # Cloud rights come by the identity agent's own projected token; the API token is for
        # pods that talk to the API server, and these do not.
        "automountServiceAccountToken": False,
        # A Service named `mlflow` would set MLFLOW_PORT in every pod, to a URL.
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": container.uid,
            "runAsGroup": container.uid,
            "fsGroup": container.uid,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(container, name)],
        "volumes": [
            *(
                {"name": f"config-{i}", "configMap": {"name": config}}
                for i, config in enumerate(container.files.values())
            ),
            *(
                {"name": f"secret-{i}", "secret": {"secretName": secret}}
                for i, secret in enumerate(container.secret_files.values())
            ),
            *({"name": f"scratch-{i}", "emptyDir": {}} for i, _ in enumerate(container.scratch)),
        ],
    }


def _ports(app: WebApp) -> dict[str, int]:
    return {"http": app.port, **({"metrics": app.metrics_port} if app.metrics_port else {})}


def _web_pod(name: str, app: WebApp) -> dict[str, Any]:
    pod = _pod(app.container, name, name, app.migrate)
    probe = {"httpGet": {"path": app.health, "port": "http"}}
    pod["containers"][0] |= {
        "ports": [{"name": k, "containerPort": v} for k, v in _ports(app).items()],
        # Slow starts (imports, migrations) are the startup probe's business: up to five minutes.
        "startupProbe": {**probe, "failureThreshold": 60, "periodSeconds": 5},
        "readinessProbe": {**probe, "periodSeconds": 10},
        "livenessProbe": {**probe, "periodSeconds": 20, "failureThreshold": 6},
    }
    pod["topologySpreadConstraints"] = [
        {
            "maxSkew": 1,
            "topologyKey": "topology.kubernetes.io/zone",
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": _selector(name)},
        }
    ]
    return pod


def _companions(name: str, app: WebApp, selector: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    metadata = {"name": name, "namespace": app.namespace, "labels": dict(selector)}
    found: dict[str, dict[str, Any]] = {
        "service": {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata,
            "spec": {
                "selector": dict(selector),
                "ports": [{"name": k, "port": v, "targetPort": k} for k, v in _ports(app).items()],
            },
        },
        "autoscaler": {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": metadata,
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
                "minReplicas": app.min,
                "maxReplicas": app.max,
                "metrics": [
                    {
                        "type": "Resource",
                        "resource": {
                            "name": "cpu",
                            "target": {"type": "Utilization", "averageUtilization": 80},
                        },
                    }
                ],
            },
        },
        "disruption-budget": {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": metadata,
            "spec": {"maxUnavailable": 1, "selector": {"matchLabels": dict(selector)}},
        },
    }
    if app.callers:
        found["access"] = {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": metadata,
            "spec": {
                "podSelector": {"matchLabels": dict(selector)},
                "policyTypes": ["Ingress"],
                "ingress": [
                    {
                        "from": [_from_namespace(caller) for caller in app.callers],
                        "ports": [{"port": app.port}],
                    }
                ],
            },
        }
    if app.metrics:
        found["metrics"] = _service_monitor(name, app, selector)
    return found


def _service_monitor(name: str, app: WebApp, selector: Mapping[str, str]) -> dict[str, Any]:
    port = "metrics" if app.metrics_port else "http"
    endpoint: dict[str, Any] = {"port": port, "path": app.metrics, "interval": "30s"}
    if app.metrics_auth:
        endpoint["basicAuth"] = {
            part: {"name": app.metrics_auth, "key": part} for part in ("username", "password")
        }
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "ServiceMonitor",
        "metadata": {"name": name, "namespace": app.namespace, "labels": dict(selector)},
        "spec": {"selector": {"matchLabels": dict(selector)}, "endpoints": [endpoint]},
    }
