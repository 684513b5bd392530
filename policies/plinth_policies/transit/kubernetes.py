"""Encryption in transit at the edge of a cluster, whatever cloud it runs on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from plinth.graph import Resource
from plinth_policies.controls import IN_TRANSIT
from plinth_policies.model import REGISTRY, Scope
from plinth_policies.values import blocks, get, hidden, known

_GATEWAY: Final = "kubernetes:gateway.networking.k8s.io/v1:Gateway"
_HTTP_ROUTE: Final = "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute"


@REGISTRY.rule(
    "transit-ingress-tls",
    title="Ingresses terminate TLS",
    why="Passwords and tokens would cross the network in plain text.",
    fix="set spec.tls, or the certificate annotation of the load balancer",
    judges={"kubernetes:networking.k8s.io/v1:Ingress": ("spec.tls", "metadata.annotations")},
    controls=(*IN_TRANSIT, "cis-eks/5.4.5", "cis-aks/5.4.5"),
    good={"spec": {"tls": [{"secretName": "platform-tls"}]}},
    bad={"spec": {"ingressClassName": "nginx"}},
)
def _ingress(resource: Resource, _scope: Scope) -> Iterator[str]:
    annotations = known(get(resource.inputs, "metadata.annotations"), "annotations") or {}
    if not (
        get(resource.inputs, "spec.tls")
        or annotations.get("alb.ingress.kubernetes.io/certificate-arn")
    ):
        yield "spec.tls is not set"


def _listener(protocol: str, port: int) -> dict[str, Any]:
    listener = {"name": "web", "protocol": protocol, "port": port}
    return {"metadata": {"name": "gateway"}, "spec": {"listeners": [listener]}}


@REGISTRY.rule(
    "transit-gateway-tls",
    title="Gateways serve plain HTTP only to redirect it",
    why="Passwords and tokens would cross the network in plain text.",
    fix="make the listener HTTPS, or attach to it nothing but routes that redirect to https",
    judges={_GATEWAY: ("metadata.name", "metadata.namespace", "spec.listeners")},
    consults={
        _HTTP_ROUTE: ("metadata.namespace", "spec.parentRefs", "spec.rules"),
    },
    controls=(*IN_TRANSIT, "cis-eks/5.4.5", "cis-aks/5.4.5"),
    good=_listener("HTTPS", 443),
    bad=_listener("HTTP", 80),
)
def _gateway(resource: Resource, scope: Scope) -> Iterator[str]:
    for listener in blocks(get(resource.inputs, "spec.listeners"), "spec.listeners"):
        name = get(listener, "name")
        protocol = known(get(listener, "protocol"), f"the protocol of listener {name}")
        if protocol in ("HTTPS", "TLS"):
            continue
        if protocol != "HTTP":
            yield f"listener {name} passes {protocol} without TLS"
            continue
        routes = [r for r in scope.all_of(_HTTP_ROUTE) if _attached(r, resource, listener)]
        if not routes:
            yield f"listener {name} is plain HTTP and no route redirects it"
        for route in routes:
            if not _redirects(route):
                yield f"listener {name} serves the route {route.name} in plain HTTP"


def _attached(route: Resource, gateway: Resource, listener: Mapping[str, Any]) -> bool:
    home = get(route.inputs, "metadata.namespace")
    return any(
        _same(get(ref, "name"), get(gateway.inputs, "metadata.name"))
        and _same(get(ref, "namespace") or home, get(gateway.inputs, "metadata.namespace"))
        and (get(ref, "sectionName") is None or _same(ref["sectionName"], listener.get("name")))
        for ref in blocks(get(route.inputs, "spec.parentRefs"), "spec.parentRefs")
    )


def _same(one: Any, other: Any) -> bool:
    """Whether two names may be the same: what is not known may be anything."""
    return hidden(one) or hidden(other) or one == other


def _redirects(route: Resource) -> bool:
    rules = blocks(get(route.inputs, "spec.rules"), "spec.rules")
    return bool(rules) and all(
        any(
            get(item, "requestRedirect.scheme") == "https"
            for item in blocks(get(rule, "filters"), "filters")
        )
        for rule in rules
    )
