"""Good and bad cases of the rules on encryption in transit on Google Cloud."""

from __future__ import annotations

from policy_support import Table, resource, settings_table

from plinth.graph import UNKNOWN, Resource

SQL = "gcp:sql/databaseInstance:DatabaseInstance"
PROXY = "gcp:compute/targetHttpProxy:TargetHttpProxy"
REGIONAL_PROXY = "gcp:compute/regionTargetHttpProxy:RegionTargetHttpProxy"
URL_MAP = "gcp:compute/uRLMap:URLMap"
REGIONAL_URL_MAP = "gcp:compute/regionUrlMap:RegionUrlMap"
REDIRECT = {"httpsRedirect": True, "stripQuery": False}


def _proxy(redirect: object, *, regional: bool = False, **more: object) -> list[Resource]:
    url_map = resource(
        REGIONAL_URL_MAP if regional else URL_MAP, {"defaultUrlRedirect": redirect, **more}
    )
    links = {"urlMap": (url_map.urn,)}
    token = REGIONAL_PROXY if regional else PROXY
    return [resource(token, {"urlMap": UNKNOWN}, property_dependencies=links), url_map]


TABLES = {
    "transit-gcp-database-tls": settings_table(
        (
            SQL,
            "settings.ipConfiguration.sslMode",
            "TRUSTED_CLIENT_CERTIFICATE_REQUIRED",
            "ALLOW_UNENCRYPTED_AND_ENCRYPTED",
        ),
        (SQL, "settings.ipConfiguration.sslMode", "ENCRYPTED_ONLY", None),
        (
            "gcp:alloydb/instance:Instance",
            "clientConnectionConfig.sslConfig.sslMode",
            None,
            "ALLOW_UNENCRYPTED_AND_ENCRYPTED",
        ),
    ),
    "transit-memorystore-tls": settings_table(
        (
            "gcp:redis/instance:Instance",
            "transitEncryptionMode",
            "SERVER_AUTHENTICATION",
            "DISABLED",
        ),
        (
            "gcp:redis/cluster:Cluster",
            "transitEncryptionMode",
            "TRANSIT_ENCRYPTION_MODE_SERVER_AUTHENTICATION",
            None,
        ),
        (
            "gcp:memorystore/instance:Instance",
            "transitEncryptionMode",
            "SERVER_AUTHENTICATION",
            None,
        ),
    ),
    "transit-gcp-ssl-policy": settings_table(
        ("gcp:compute/sSLPolicy:SSLPolicy", "minTlsVersion", "TLS_1_2", None),
        ("gcp:compute/sSLPolicy:SSLPolicy", "profile", "MODERN", None),
        ("gcp:compute/regionSslPolicy:RegionSslPolicy", "minTlsVersion", "TLS_1_3", "TLS_1_1"),
        ("gcp:compute/regionSslPolicy:RegionSslPolicy", "profile", "RESTRICTED", "CUSTOM"),
    ),
    "transit-gcp-http-proxy-redirect": Table(
        PROXY,
        good=[
            _proxy(REDIRECT),
            _proxy(REDIRECT, regional=True),
            [
                resource(
                    PROXY,
                    {"urlMap": UNKNOWN},
                    property_dependencies={"urlMap": ("urn:of-another-stack",)},
                )
            ],
        ],
        bad=[
            ({"urlMap": "elsewhere"}, "refers to no URL map"),
            (_proxy(None), "serves plain HTTP"),
            (_proxy({"httpsRedirect": UNKNOWN}), "httpsRedirect is not known"),
            (_proxy(REDIRECT, pathMatchers=[{"name": "models"}]), "serves plain HTTP"),
            (_proxy({"httpsRedirect": False}, regional=True), "serves plain HTTP"),
        ],
    ),
}
