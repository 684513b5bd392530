"""How the example platform is broken for each rule on pods and namespaces."""

from __future__ import annotations

from typing import Any

from mutation import Break

from plinth_policies.pods.charts import RELEASE
from plinth_policies.pods.templates import PREDICTOR

_DEPLOYMENT = "kubernetes:apps/v1:Deployment"
_POD = "spec.template.spec"


def _server(**change: Any) -> Break:
    """MLflow's pod, with properties set; dots in their names are written as ``__``."""
    paths = {f"{_POD}.{name.replace('__', '.')}": value for name, value in change.items()}
    return Break(cloud="aws", token=_DEPLOYMENT, name="mlflow", change=paths)


def _job(**change: Any) -> Break:
    """The job that makes a database, in the same way."""
    paths = {f"{_POD}.{name.replace('__', '.')}": value for name, value in change.items()}
    return Break(cloud="aws", token="kubernetes:batch/v1:Job", name="database-*", change=paths)


_FIRST = "containers__0__securityContext"

MUTATIONS: dict[str, Break] = {
    "pods-privileged": _server(**{f"{_FIRST}__privileged": True}),
    "pods-privilege-escalation": _server(**{f"{_FIRST}__allowPrivilegeEscalation": None}),
    "pods-run-as-non-root": _job(securityContext__runAsUser=0),
    "pods-capabilities": _server(**{f"{_FIRST}__capabilities__drop": ["NET_RAW"]}),
    "pods-seccomp": _job(securityContext__seccompProfile=None),
    "pods-host-namespaces": _server(hostNetwork=True),
    "pods-host-ports": _server(containers__0__ports__0__hostPort=5000),
    "pods-volumes": _server(volumes__0__hostPath={"path": "/etc"}),
    "pods-read-only-root": Break(
        cloud="aws",
        token="kubernetes:batch/v1:CronJob",
        name="mlflow-gc",
        change={
            f"spec.jobTemplate.{_POD}.containers.0.securityContext.readOnlyRootFilesystem": False
        },
    ),
    "pods-resources": Break(
        cloud="gcp",
        token=PREDICTOR,
        change={"spec.predictor.model.resources.limits": None},
    ),
    "pods-probes": _server(containers__0__livenessProbe=None),
    "pods-service-account-token": _job(automountServiceAccountToken=True),
    "pods-namespace-profile": Break(
        cloud="azure",
        token="kubernetes:core/v1:Namespace",
        name="serving-namespace",
        change={"metadata.labels": {}},
    ),
    "pods-namespace-isolation": Break(
        cloud="kubernetes",
        token="kubernetes:networking.k8s.io/v1:NetworkPolicy",
        name="tracking-isolation",
        drop=True,
    ),
    "pods-loosened": Break(
        cloud="aws",
        token=RELEASE,
        name="airflow",
        change={"values.securityContexts.containers.allowPrivilegeEscalation": True},
    ),
    "pods-chart-settings": Break(
        cloud="aws",
        token=RELEASE,
        name="aws-load-balancer-controller",
        change={"values.securityContext": None},
    ),
}
