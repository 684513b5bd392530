"""The cluster that is there, and the namespace that takes the place of a secret store."""

from __future__ import annotations

from pulumi import Output, Resource

from plinth import ports
from plinth.clouds.kubernetes.facts import SECRETS
from plinth.clouds.kubernetes.options import KubernetesOptions
from plinth.clouds.kubernetes.site import Component, Site


class Cluster(Component):
    """The cluster (``plinth:index:Cluster``); Plinth makes no more of it than a namespace.

    Attributes:
        handle: The port's handle.
    """

    handle: ports.ClusterHandle

    def __init__(self, *, site: Site, parent: Resource) -> None:
        super().__init__("Cluster", "cluster", site, parent)
        space = site.kube(guarded=True).namespace(SECRETS, parent=self)
        context = site.options.context
        self.handle = ports.ClusterHandle(
            name=Output.from_input(context or "current context"),
            endpoint=Output.from_input(context or "current context"),
            connect=Output.from_input(
                f"kubectl config use-context {context}"
                if context
                else "kubectl config current-context"
            ),
            provider=site.provider,
            ready=space,
            installed=installed(site.options),
        )
        self.register_outputs({})


def installed(options: KubernetesOptions) -> ports.Installed:
    """What the spec says is there already."""
    there = options.installed
    gateway = there.gateway
    named = gateway.name is not None and gateway.namespace is not None
    services = {*there.services}
    if "prometheus-operator" in services:
        services.add("prometheus-operator-crds")  # it does not run without
    return ports.Installed(
        services=frozenset(services),
        storage_class=options.storage_class,
        issuer=there.issuer,
        gateway_class=gateway.class_name,
        gateway=(gateway.namespace or "", gateway.name or "") if named else None,
        gateway_pods=gateway.pods,
    )
