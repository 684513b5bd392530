"""Good and bad cases of the rules on what clusters publish."""

from __future__ import annotations

from policy_support import Table, resource

from plinth.graph import UNKNOWN, Resource

SERVICE = "kubernetes:core/v1:Service"
ENVOY = "kubernetes:gateway.envoyproxy.io/v1alpha1:EnvoyProxy"
INTERNAL = {"service.beta.kubernetes.io/aws-load-balancer-scheme": "internal"}
INGRESS = "kubernetes:networking.k8s.io/v1:Ingress"
FACING = {"service.beta.kubernetes.io/aws-load-balancer-scheme": "internet-facing"}
OLD = {"service.beta.kubernetes.io/aws-load-balancer-internal": "true"}
GCE = {"kubernetes.io/ingress.class": "gce"}


def _service(
    annotations: object = None, ranges: object = None, name: str = "public-gateway"
) -> dict[str, object]:
    spec = {"type": "LoadBalancer", "loadBalancerSourceRanges": ranges}
    return {"metadata": {"name": name, "annotations": annotations}, "spec": spec}


def _ingress(**annotations: object) -> list[Resource]:
    marks = {f"alb.ingress.kubernetes.io/{key}": value for key, value in annotations.items()}
    return [resource(INGRESS, {"metadata": {"name": "edge", "annotations": marks}})]


def _envoy(**service: object) -> list[Resource]:
    spec = {"provider": {"kubernetes": {"envoyService": service}}}
    return [resource(ENVOY, {"metadata": {"name": "edge"}, "spec": spec})]


PUBLIC = {"type": "LoadBalancer"}


def _values(service: object) -> dict[str, object]:
    return {"values": {"controllers": [{"service": service}]}}


TABLES = {
    "exposure-service-load-balancer": Table(
        SERVICE,
        good=[
            {"spec": {"type": "ClusterIP"}},
            {},
            _service(INTERNAL, name="edge"),
            _service(OLD, name="edge"),
            _service(FACING, ["203.0.113.0/24"]),
            _ingress(),
            _ingress(scheme="internal"),
            [resource(INGRESS, {"metadata": {"name": "public-gateway", "annotations": GCE}})],
            _envoy(annotations=INTERNAL),
            _envoy(type="ClusterIP"),
            _envoy(loadBalancerSourceRanges=["10.0.0.0/8", "192.168.0.0/16"]),
        ],
        bad=[
            (_service(name="edge"), "gets a public load balancer"),
            (_service(FACING, name="edge"), "gets a public load balancer"),
            (_service({**FACING, **OLD}, name="edge"), "gets a public load balancer"),
            (_ingress(scheme="internet-facing"), "the ingress gets a public load balancer"),
            (_ingress(scheme=UNKNOWN), "scheme is not known"),
            ([resource(INGRESS, {"metadata": {"annotations": GCE}})], "the ingress gets a public"),
            (_service(name=UNKNOWN), "gets a public load balancer"),
            (_service(UNKNOWN), "annotations is not known"),
            (_service(), "loadBalancerSourceRanges is not set"),
            (_service(FACING, ["0.0.0.0/0"]), "the whole internet"),
            ({"spec": UNKNOWN}, "spec is not known"),
            ({"spec": {"type": UNKNOWN}}, "type is not known"),
            (_envoy(), "gets a public load balancer"),
            (_envoy(annotations=FACING), "gets a public load balancer"),
            (_envoy(loadBalancerSourceRanges=["10.0.0.0/8", "203.0.113.0/24"]), "gets a public"),
            (_envoy(loadBalancerSourceRanges=UNKNOWN), "is not known"),
        ],
    ),
    "exposure-helm-load-balancer": Table(
        "kubernetes:helm.sh/v3:Release",
        good=[
            {},
            _values({"type": "ClusterIP"}),
            _values({"type": "LoadBalancer", "annotations": INTERNAL}),
            [resource("kubernetes:helm.sh/v3:Release", _values(PUBLIC), "public-gateway")],
        ],
        bad=[
            (_values(PUBLIC), "values.controllers.0.service gets a public load balancer"),
            (
                _values({**PUBLIC, "annotations": {next(iter(INTERNAL)): "internet-facing"}}),
                "public load balancer",
            ),
            (_values({**PUBLIC, "annotations": UNKNOWN}), "public load balancer"),
            (
                {"values": {"server": {"serviceType": "LoadBalancer"}}},
                "values.server gets a public",
            ),
            ({"values": UNKNOWN}, "values is not known"),
        ],
    ),
}
