"""Encryption in transit on Google Cloud."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from plinth.graph import UNKNOWN, Resource
from plinth_policies.controls import IN_TRANSIT
from plinth_policies.model import REGISTRY, Scope
from plinth_policies.settings import Setting, register
from plinth_policies.values import get, is_on, known

_PLAIN: Final = "Passwords and data would cross the network in plain text."
_VERSIONS: Final = (
    Setting("minTlsVersion", ("TLS_1_2", "TLS_1_3"), default="TLS_1_0"),
    Setting("profile", ("MODERN", "RESTRICTED", "FIPS_202205"), default="COMPATIBLE"),
)

_REDIRECT: Final = "defaultUrlRedirect.httpsRedirect"
_URL_MAPS: Final = {
    "gcp:compute/targetHttpProxy:TargetHttpProxy": "gcp:compute/uRLMap:URLMap",
    "gcp:compute/regionTargetHttpProxy:RegionTargetHttpProxy": (
        "gcp:compute/regionUrlMap:RegionUrlMap"
    ),
}

register(
    "transit-gcp-database-tls",
    {
        "gcp:sql/databaseInstance:DatabaseInstance": (
            Setting(
                "settings.ipConfiguration.sslMode",
                ("ENCRYPTED_ONLY", "TRUSTED_CLIENT_CERTIFICATE_REQUIRED"),
                default="ALLOW_UNENCRYPTED_AND_ENCRYPTED",
            ),
        ),
        "gcp:alloydb/instance:Instance": (
            Setting(
                "clientConnectionConfig.sslConfig.sslMode",
                ("ENCRYPTED_ONLY",),
                default="ENCRYPTED_ONLY",
            ),
        ),
    },
    title="Databases on Google Cloud refuse connections without TLS",
    why=_PLAIN,
    fix="set sslMode to ENCRYPTED_ONLY",
    controls=(*IN_TRANSIT, "cis-gcp/6.4"),
    mends=True,
)

register(
    "transit-memorystore-tls",
    {
        "gcp:redis/instance:Instance": (
            Setting("transitEncryptionMode", ("SERVER_AUTHENTICATION",), default="DISABLED"),
        ),
        "gcp:redis/cluster:Cluster": (
            Setting(
                "transitEncryptionMode",
                ("TRANSIT_ENCRYPTION_MODE_SERVER_AUTHENTICATION",),
                default="TRANSIT_ENCRYPTION_MODE_DISABLED",
            ),
        ),
        "gcp:memorystore/instance:Instance": (
            Setting("transitEncryptionMode", ("SERVER_AUTHENTICATION",)),
        ),
    },
    title="Memorystore accepts connections with TLS alone",
    why="A cache without TLS sends features and passwords in plain text.",
    fix="set transitEncryptionMode to server authentication",
    controls=IN_TRANSIT,
)

register(
    "transit-gcp-ssl-policy",
    {
        "gcp:compute/sSLPolicy:SSLPolicy": _VERSIONS,
        "gcp:compute/regionSslPolicy:RegionSslPolicy": _VERSIONS,
    },
    title="Load balancers on Google Cloud refuse old versions of TLS and weak ciphers",
    why="Versions before TLS 1.2 and ciphers without forward secrecy have known attacks.",
    fix="set minTlsVersion to TLS_1_2 and profile to MODERN",
    controls=(*IN_TRANSIT, "cis-gcp/3.9"),
    mends=True,
)


def _proxy(redirects: Mapping[str, Any]) -> tuple[tuple[str, dict[str, Any]], ...]:
    kind, url_map = next(iter(_URL_MAPS.items()))
    return (kind, {"urlMap": "redirect"}), (url_map, {"name": "redirect", **redirects})


@REGISTRY.rule(
    "transit-gcp-http-proxy-redirect",
    title="Load balancers on Google Cloud serve plain HTTP only to redirect it",
    why="Passwords and tokens would cross the network in plain text.",
    fix="use an HTTPS proxy, or a URL map with defaultUrlRedirect.httpsRedirect",
    judges=dict.fromkeys(_URL_MAPS, ("urlMap",)),
    consults=dict.fromkeys(_URL_MAPS.values(), ("name", _REDIRECT, "pathMatchers")),
    controls=IN_TRANSIT,
    good=_proxy({"defaultUrlRedirect": {"httpsRedirect": True, "stripQuery": False}}),
    bad=_proxy({"defaultService": "mlflow"}),
)
def _http_proxy(resource: Resource, scope: Scope) -> Iterator[str]:
    url_map = scope.target(resource, "urlMap", _URL_MAPS[resource.type])
    if url_map is None:
        # An unknown name that comes from somewhere is one of another stack.
        referred = resource.property_dependencies.get("urlMap")
        if resource.inputs.get("urlMap") != UNKNOWN or not referred:
            yield "urlMap refers to no URL map of this stack"
        return
    redirects = is_on(known(get(url_map.inputs, _REDIRECT), _REDIRECT))
    if not redirects or url_map.inputs.get("pathMatchers"):
        yield "the URL map serves plain HTTP"
