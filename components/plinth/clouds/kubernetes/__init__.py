"""Any existing Kubernetes cluster: what is known of it without Pulumi."""

from __future__ import annotations

from plinth.clouds import STATEFUL_ANYWHERE, CloudInfo
from plinth.clouds.kubernetes.checks import check
from plinth.clouds.kubernetes.facts import STATEFUL
from plinth.clouds.kubernetes.options import KubernetesOptions
from plinth.ports import Port

CLOUD = CloudInfo(
    name="kubernetes",
    title="Kubernetes",
    adapter="plinth.clouds.kubernetes.adapter:Kubernetes",
    ports=frozenset(
        {
            Port.OBJECT_STORE,
            Port.SQL,
            Port.KEY_VALUE,
            Port.CLUSTER,
            Port.IDENTITY,
            Port.SECRETS,
            Port.NOTIFICATIONS,
        }
    ),
    sdk="pulumi_kubernetes",
    extra="kubernetes",
    packages=("kubernetes", "random"),
    stateful=(STATEFUL | STATEFUL_ANYWHERE).__contains__,
    check=check,
    options=KubernetesOptions,
)
