"""What clusters publish through load balancers, whatever cloud they run on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from plinth.graph import Resource
from plinth_policies.controls import EXPOSURE
from plinth_policies.exposure.ranges import may_be_public, only_private, open_ranges
from plinth_policies.model import REGISTRY, Scope
from plinth_policies.values import get, known

#: Annotation -> value with which a load balancer gets a private address (AWS Load Balancer
#: Controller, the AWS in-tree controller, GKE and AKS).
_INTERNAL: Final = {
    "service.beta.kubernetes.io/aws-load-balancer-internal": "true",
    "networking.gke.io/load-balancer-type": "Internal",
    "cloud.google.com/load-balancer-type": "Internal",
    "service.beta.kubernetes.io/azure-load-balancer-internal": "true",
}

#: Says the same, and goes before all others (AWS Load Balancer Controller).
_SCHEME: Final = "service.beta.kubernetes.io/aws-load-balancer-scheme"
#: Annotation of an ingress -> value with which its load balancer gets a public address (AWS Load
#: Balancer Controller, where the default is internal, and GKE).
_FACING: Final = {
    "alb.ingress.kubernetes.io/scheme": "internet-facing",
    "kubernetes.io/ingress.class": "gce",
}
_INGRESS: Final = "kubernetes:networking.k8s.io/v1:Ingress"

#: What Envoy Gateway makes a gateway's service from (its EnvoyProxy API, v1alpha1).
_ENVOY_PROXY: Final = "kubernetes:gateway.envoyproxy.io/v1alpha1:EnvoyProxy"
_ENVOY_SERVICE: Final = "spec.provider.kubernetes.envoyService"


@REGISTRY.rule(
    "exposure-service-load-balancer",
    title="Kubernetes services get internal load balancers unless they are meant to be public",
    why="A service of type LoadBalancer gets a public address on most clouds by default.",
    fix="set the cloud's annotation for an internal load balancer, list private networks only in "
    "loadBalancerSourceRanges, or name the service in public_services and list who may connect",
    judges={
        "kubernetes:core/v1:Service": (
            "spec.type",
            "spec.loadBalancerSourceRanges",
            "metadata.name",
            "metadata.annotations",
        ),
        _INGRESS: ("metadata.name", "metadata.annotations"),
        _ENVOY_PROXY: ("metadata.name", "spec.provider.kubernetes.envoyService"),
    },
    parameters=("public_services", "allowed_public_cidrs"),
    controls=EXPOSURE,
    good={"spec": {"type": "LoadBalancer", "loadBalancerSourceRanges": ["10.0.0.0/8"]}},
    bad={"spec": {"type": "LoadBalancer"}},
)
def _service(resource: Resource, scope: Scope) -> Iterator[str]:
    if resource.type == _INGRESS:
        annotations = known(get(resource.inputs, "metadata.annotations"), "annotations") or {}
        facing = any(known(annotations.get(key), key) == value for key, value in _FACING.items())
        if facing and not may_be_public(resource, scope):
            yield "the ingress gets a public load balancer"
        return
    if resource.type == _ENVOY_PROXY:  # its service gets a load balancer unless told otherwise
        service = known(get(resource.inputs, _ENVOY_SERVICE), _ENVOY_SERVICE) or {}
        kind, annotations = service.get("type", "LoadBalancer"), service.get("annotations")
    else:
        service = known(resource.inputs.get("spec"), "spec") or {}
        kind, annotations = service.get("type"), get(resource.inputs, "metadata.annotations")
    if known(kind, "the service's type") != "LoadBalancer":
        return
    present = known(annotations, "annotations") or {}
    if _internal(present):
        return
    ranges = service.get("loadBalancerSourceRanges")
    if only_private(ranges, "loadBalancerSourceRanges"):
        return  # whatever address it gets, the internet cannot connect
    if not may_be_public(resource, scope):
        yield "the service gets a public load balancer"
    elif not ranges:
        yield "loadBalancerSourceRanges is not set, so everyone may connect"
    yield from open_ranges(ranges, "loadBalancerSourceRanges", scope)


@REGISTRY.rule(
    "exposure-helm-load-balancer",
    title="Charts get internal load balancers unless they are meant to be public",
    why="A chart's service of type LoadBalancer gets a public address on most clouds by default.",
    fix="set the service's type to ClusterIP, give it the cloud's annotation for an internal load "
    "balancer, or name the release in public_services",
    judges={"kubernetes:helm.sh/v3:Release": ("values", "name")},
    parameters=("public_services",),
    controls=EXPOSURE,
    good={"values": {"service": {"type": "ClusterIP"}}},
    bad={"values": {"service": {"type": "LoadBalancer"}}},
)
def _release(resource: Resource, scope: Scope) -> Iterator[str]:
    for place, part in _parts(known(resource.inputs.get("values"), "values"), "values"):
        annotations = part.get("annotations")
        public = any(
            value == "LoadBalancer" and str(key).casefold().endswith("type")
            for key, value in part.items()
        ) and not (isinstance(annotations, Mapping) and _internal(annotations))
        if public and not may_be_public(resource, scope):
            yield f"{place} gets a public load balancer"


def _parts(value: Any, place: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """All mappings inside a value, with where they are."""
    if isinstance(value, Mapping):
        yield place, value
    steps = value.items() if isinstance(value, Mapping) else enumerate(_items(value))
    for step, part in steps:
        yield from _parts(part, f"{place}.{step}")


def _items(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()


def _internal(annotations: Mapping[str, Any]) -> bool:
    if annotations.get(_SCHEME) is not None:
        return bool(annotations[_SCHEME] == "internal")
    return any(annotations.get(key) == value for key, value in _INTERNAL.items())
