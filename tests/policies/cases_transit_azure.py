"""Good and bad cases of the rules on encryption in transit on Azure."""

from __future__ import annotations

from policy_support import Table, resource, settings_table

from plinth.graph import UNKNOWN, Resource

ACCOUNT = "azure-native:storage:StorageAccount"
REDIS = "azure-native:redis:Redis"
POSTGRES = "azure-native:dbforpostgresql:Configuration"
MYSQL = "azure-native:dbformysql:Configuration"


def _parameter(name: str, value: object, token: str = POSTGRES) -> list[Resource]:
    return [resource(token, {"configurationName": name, "value": value})]


_VERSIONS = settings_table(
    (ACCOUNT, "minimumTlsVersion", "TLS1_2", "TLS1_1"),
    ("azure-native:redisenterprise:RedisEnterprise", "minimumTlsVersion", "1.2", "1.0"),
    (REDIS, "minimumTlsVersion", "1.2", None),
    ("azure-native:eventhub:Namespace", "minimumTlsVersion", "1.2", "1.1"),
    ("azure-native:servicebus:Namespace", "minimumTlsVersion", "1.2", None),
    ("azure-native:sql:Server", "minimalTlsVersion", "1.3", "None"),
    ("azure-native:cosmosdb:DatabaseAccount", "minimalTlsVersion", "Tls12", "Tls11"),
)

TABLES = {
    "transit-azure-tls-version": Table(
        ACCOUNT,
        good=[*_VERSIONS.good, [resource("azure-native:cosmosdb:DatabaseAccount", {})]],
        bad=[*_VERSIONS.bad, ({}, "minimumTlsVersion is not set, which means TLS1_0")],
    ),
    "transit-azure-plain": settings_table(
        (ACCOUNT, "enableHttpsTrafficOnly", None, False),
        ("azure-native:redisenterprise:Database", "clientProtocol", "Encrypted", "Plaintext"),
        (REDIS, "enableNonSslPort", False, True),
    ),
    "transit-azure-database-tls": Table(
        POSTGRES,
        good=[
            _parameter("require_secure_transport", "on"),
            _parameter("ssl_min_protocol_version", "TLSv1.3"),
            _parameter("tls_version", "TLSv1.2, TLSv1.3", MYSQL),
            _parameter("max_connections", UNKNOWN),
        ],
        bad=[
            (_parameter("require_secure_transport", "off"), "require_secure_transport is off"),
            (_parameter("require_secure_transport", UNKNOWN), "is not known"),
            (_parameter("require_secure_transport", "OFF", MYSQL), "is OFF"),
            (_parameter("ssl_min_protocol_version", "TLSv1"), "is TLSv1"),
            (_parameter("tls_version", "TLSv1.1,TLSv1.2", MYSQL), "is TLSv1.1,TLSv1.2"),
            (_parameter(UNKNOWN, "off"), "configurationName is not known"),
        ],
    ),
}
