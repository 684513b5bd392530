"""Any existing Kubernetes cluster: what is known of it without Pulumi."""

from __future__ import annotations

from plinth.clouds import STATEFUL_ANYWHERE, CloudInfo, Terms
from plinth.clouds.kubernetes.checks import check
from plinth.clouds.kubernetes.facts import COSTLY, STATEFUL
from plinth.clouds.kubernetes.options import KubernetesOptions
from plinth.ports import Port

CLOUD = CloudInfo(
    name="kubernetes",
    title="Kubernetes",
    adapter="plinth.clouds.kubernetes.adapter:Kubernetes",
    products={
        Port.OBJECT_STORE: "S3-compatible store: yours, or SeaweedFS",
        Port.SQL: "PostgreSQL: yours, or CloudNativePG",
        Port.KEY_VALUE: "Redis protocol: yours, or Valkey",
        Port.CLUSTER: "the cluster that is there",
        Port.IDENTITY: "keys of the object store",
        Port.SECRETS: "a namespace of the cluster",
        Port.NOTIFICATIONS: "your mail server",
    },
    sdk="pulumi_kubernetes",
    extra="kubernetes",
    packages=("kubernetes", "random"),
    costly=COSTLY,
    stateful=(STATEFUL | STATEFUL_ANYWHERE).__contains__,
    check=check,
    options=KubernetesOptions,
    terms=Terms(
        place="kubeconfig context",
        example="ml-production",
        at=("clouds", "kubernetes", "context"),
    ),
)
