"""Encryption in transit on Azure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from plinth.graph import Resource
from plinth_policies.controls import IN_TRANSIT
from plinth_policies.model import REGISTRY, Scope
from plinth_policies.settings import Setting, register
from plinth_policies.values import known

_PLAIN: Final = "Passwords and data would cross the network in plain text."
_NUMBERS: Final = ("1.2", "1.3")

#: Server parameter in lower case -> the values with which plain or outdated connections are
#: refused (Azure documentation, "TLS in Azure Database for PostgreSQL" and "... for MySQL").
_PARAMETERS: Final = {
    "require_secure_transport": ("on",),
    "ssl_min_protocol_version": ("tlsv1.2", "tlsv1.3"),
    "tls_version": ("tlsv1.2", "tlsv1.3", "tlsv1.2,tlsv1.3", "tlsv1.3,tlsv1.2"),
}

register(
    "transit-azure-tls-version",
    {
        "azure-native:storage:StorageAccount": (
            Setting("minimumTlsVersion", ("TLS1_2", "TLS1_3"), default="TLS1_0"),
        ),
        "azure-native:redisenterprise:RedisEnterprise": (
            # No older version can be chosen any more, says the API.
            Setting("minimumTlsVersion", _NUMBERS, default="1.2"),
        ),
        "azure-native:redis:Redis": (Setting("minimumTlsVersion", _NUMBERS),),
        "azure-native:eventhub:Namespace": (Setting("minimumTlsVersion", _NUMBERS),),
        "azure-native:servicebus:Namespace": (Setting("minimumTlsVersion", _NUMBERS),),
        "azure-native:sql:Server": (Setting("minimalTlsVersion", _NUMBERS),),
        "azure-native:cosmosdb:DatabaseAccount": (
            Setting("minimalTlsVersion", ("Tls12",), default="Tls12"),
        ),
    },
    title="Azure's services refuse TLS older than 1.2",
    why="Older versions have known attacks.",
    fix="set the minimum to TLS 1.2",
    controls=(*IN_TRANSIT, "cis-azure/4.15"),
    mends=True,
)

register(
    "transit-azure-plain",
    {
        "azure-native:storage:StorageAccount": (
            Setting("enableHttpsTrafficOnly", ("true",), default="true"),
        ),
        "azure-native:redisenterprise:Database": (
            Setting("clientProtocol", ("Encrypted",), default="Encrypted"),
        ),
        "azure-native:redis:Redis": (Setting("enableNonSslPort", ("false",), default="false"),),
    },
    title="Azure's services refuse plain connections",
    why=_PLAIN,
    fix="leave the property at its default, which takes TLS alone",
    controls=(*IN_TRANSIT, "cis-azure/4.1"),
)


@REGISTRY.rule(
    "transit-azure-database-tls",
    title="Parameters of Azure's databases leave TLS on",
    why=_PLAIN,
    fix="set require_secure_transport to on, and TLS 1.2 or newer",
    judges=dict.fromkeys(
        (
            "azure-native:dbforpostgresql:Configuration",
            "azure-native:dbformysql:Configuration",
        ),
        ("configurationName", "value"),
    ),
    controls=(*IN_TRANSIT, "cis-azure/5.2.1", "cis-azure/5.3.1", "cis-azure/5.3.2"),
    good={"configurationName": "require_secure_transport", "value": "on"},
    bad={"configurationName": "require_secure_transport", "value": "off"},
)
def _parameter(resource: Resource, _scope: Scope) -> Iterator[str]:
    name = str(known(resource.inputs.get("configurationName"), "configurationName")).casefold()
    if name in _PARAMETERS:
        value = known(resource.inputs.get("value"), f"the value of {name}")
        if str(value).casefold().replace(" ", "") not in _PARAMETERS[name]:
            yield f"{name} is {value}"
