"""Good and bad cases of the rules on encryption in transit at the edge of a cluster."""

from __future__ import annotations

from typing import Any

from policy_support import Table, resource

from plinth.graph import UNKNOWN, Resource

GATEWAY = "kubernetes:gateway.networking.k8s.io/v1:Gateway"
POSTGRES = "kubernetes:postgresql.cnpg.io/v1:Cluster"
BACKUPS = "kubernetes:barmancloud.cnpg.io/v1:ObjectStore"
ROUTE = "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute"


def _gateway(*routes: Resource, protocol: str = "HTTP") -> list[Resource]:
    listeners = [{"name": "https", "protocol": "HTTPS"}, {"name": "web", "protocol": protocol}]
    metadata = {"name": "gateway", "namespace": "gateway"}
    return [resource(GATEWAY, {"metadata": metadata, "spec": {"listeners": listeners}}), *routes]


def _route(section: str | None, filters: object = None, *, namespace: str = "gateway") -> Resource:
    parent: dict[str, Any] = {"name": "gateway", **({"sectionName": section} if section else {})}
    spec = {"parentRefs": [parent], "rules": [{"filters": filters}]}
    return resource(ROUTE, {"metadata": {"namespace": namespace}, "spec": spec}, name="route")


REDIRECT = [{"type": "RequestRedirect", "requestRedirect": {"scheme": "https"}}]


def _hba(*records: str) -> dict[str, Any]:
    return {"spec": {"postgresql": {"pg_hba": list(records)}}}


def _endpoint(url: str) -> dict[str, Any]:
    return {"spec": {"configuration": {"endpointURL": url}}}


TABLES = {
    "transit-ingress-tls": Table(
        "kubernetes:networking.k8s.io/v1:Ingress",
        good=[
            {"spec": {"tls": [{"secretName": UNKNOWN}]}},
            {"metadata": {"annotations": {"alb.ingress.kubernetes.io/certificate-arn": UNKNOWN}}},
        ],
        bad=[({}, "spec.tls is not set"), ({"spec": {"tls": []}}, "spec.tls is not set")],
    ),
    "transit-gateway-tls": Table(
        GATEWAY,
        good=[
            _gateway(protocol="TLS"),
            _gateway(_route("web", REDIRECT)),
            _gateway(_route("web", REDIRECT), _route("https")),
        ],
        bad=[
            (_gateway(protocol="TCP"), "passes TCP without TLS"),
            (_gateway(protocol=UNKNOWN), "is not known"),
            (_gateway(), "no route redirects it"),
            (_gateway(_route("web", REDIRECT, namespace="other")), "no route redirects it"),
            (_gateway(_route("web")), "serves the route route in plain HTTP"),
            (_gateway(_route("web", REDIRECT), _route(None)), "serves the route"),
            (_gateway(_route("web", REDIRECT), _route(UNKNOWN)), "serves the route"),
            (_gateway(_route("web", [{"requestRedirect": {"port": 1}}])), "serves the route"),
        ],
    ),
    "transit-cnpg-tls": Table(
        POSTGRES,
        good=[
            _hba("hostnossl all all all reject"),
            _hba("local all all peer", "hostssl all all all cert", "host all all all reject"),
        ],
        bad=[
            ({}, "lets clients connect without TLS"),
            (_hba(), "lets clients connect without TLS"),
            (_hba("hostnossl app all all reject"), "lets clients connect"),
            (_hba("host all all all md5", "hostnossl all all all reject"), "lets clients connect"),
            (_hba(UNKNOWN), "is not known"),
            ({"spec": UNKNOWN}, "is not known"),
        ],
    ),
    "transit-cnpg-backups-tls": Table(
        BACKUPS,
        good=[{}, _endpoint("https://store.example.com")],
        bad=[
            (_endpoint("http://store.example.com"), "endpointURL is not https"),
            (_endpoint(UNKNOWN), "is not known"),
        ],
    ),
}
