"""The gateway that pages and models are reached through, and the objects around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from plinth.ports import Installed, LoadBalancer

#: Namespace of the platform's own gateway, its name, and its class.
NAMESPACE = "gateway"
NAME = "platform"
CLASS = "envoy"


@dataclass(frozen=True, kw_only=True)
class Gateway:
    """The gateway that pages and models are reached through: Plinth's own, or one that was there.

    Attributes:
        namespace: Where it is.
        name: What it is called.
        class_name: Its GatewayClass.
        section: The listener that serves https; ``None`` for whichever fits.
        pods: Namespace that its connections come from.
    """

    namespace: str
    name: str
    class_name: str
    section: str | None
    pods: str

    @classmethod
    def of(cls, installed: Installed) -> Gateway:
        """The cluster's own where it has one."""
        class_name = installed.gateway_class or CLASS
        if installed.gateway:
            namespace, name = installed.gateway
            section = None
        else:
            namespace, name, section = NAMESPACE, NAME, "https"
        return cls(
            namespace=namespace,
            name=name,
            class_name=class_name,
            section=section,
            pods=installed.gateway_pods or namespace,
        )

    @property
    def reference(self) -> dict[str, str]:
        """A route's ``parentRefs`` entry."""
        found = {"name": self.name, "namespace": self.namespace}
        return {**found, "sectionName": self.section} if self.section else found


def envoy_service(balancer: LoadBalancer) -> dict[str, Any]:
    """The gateway's Service as EnvoyProxy's `envoyService` spells it."""
    found: dict[str, Any] = {"annotations": dict(balancer.annotations)}
    if balancer.load_balancer_class:
        found["loadBalancerClass"] = balancer.load_balancer_class
    if balancer.source_ranges:
        found["loadBalancerSourceRanges"] = list(balancer.source_ranges)
    return found


def listeners(class_name: str, *, own_proxy: bool) -> dict[str, Any]:
    """A Gateway's specification; ``own_proxy`` when an EnvoyProxy of ours says how it runs."""
    parameters = {"group": "gateway.envoyproxy.io", "kind": "EnvoyProxy", "name": NAME}
    return {
        "gatewayClassName": class_name,
        **({"infrastructure": {"parametersRef": parameters}} if own_proxy else {}),
        "listeners": [
            {
                # Only the redirect below may attach here: nothing is served without TLS.
                "name": "http",
                "port": 80,
                "protocol": "HTTP",
                "allowedRoutes": {"namespaces": {"from": "Same"}},
            },
            {
                "name": "https",
                "port": 443,
                "protocol": "HTTPS",
                "tls": {"mode": "Terminate", "certificateRefs": [{"name": "platform-tls"}]},
                "allowedRoutes": {"namespaces": {"from": "All"}},
            },
        ],
    }


def redirect() -> dict[str, Any]:
    """A route's specification that sends http to https."""
    filter_ = {
        "type": "RequestRedirect",
        "requestRedirect": {"scheme": "https", "statusCode": 301},
    }
    return {
        "parentRefs": [{"name": NAME, "sectionName": "http"}],
        "rules": [{"filters": [filter_]}],
    }
