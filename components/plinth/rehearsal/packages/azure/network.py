"""Networks, private endpoints and names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from plinth.graph import UNKNOWN
from plinth.rehearsal.packages.azure.paths import identifier, last
from plinth.rehearsal.packages.azure.shapes import address, has, made_uuid
from plinth.rehearsal.packages.base import Birth, Made, Maker

#: What a private endpoint can lead to -> the domain of the name that it answers for.
#: From the page on private DNS zone values in the documentation of Private Link.
_DOMAINS: Final = {
    "vault": "vault.azure.net",
    "blob": "blob.core.windows.net",
    "dfs": "dfs.core.windows.net",
    "postgresqlServer": "postgres.database.azure.com",
    "registry": "azurecr.io",
}


def _network(birth: Birth) -> Made:
    """Subnets that are part of the network get identifiers; they can be referred to."""
    id_ = identifier(birth, "virtualNetworkName")
    given = birth.inputs.get("subnets")
    subnets = [
        {**subnet, "id": f"{id_}/subnets/{subnet['name']}"}
        for subnet in (given if isinstance(given, list) else [])
        if isinstance(subnet, Mapping) and subnet.get("name")
    ]
    return "", {"subnets": subnets} if subnets else {}


def _public_ip(birth: Birth) -> Made:
    fixed = birth.text("publicIPAllocationMethod", "Dynamic") == "Static"
    return "", {
        "ipAddress": address(birth, "20") if fixed else None,
        "publicIPAddressVersion": birth.text("publicIPAddressVersion", "IPv4"),
        "publicIPAllocationMethod": birth.text("publicIPAllocationMethod", "Dynamic"),
        "idleTimeoutInMinutes": birth.number("idleTimeoutInMinutes", 4),
    }


def _private_endpoint(birth: Birth) -> Made:
    id_ = identifier(birth, "privateEndpointName")
    name = birth.text("customNetworkInterfaceName", f"{birth.name}.nic.{made_uuid(birth, 'nic')}")
    group = id_.split("/providers/")[0]
    found = [
        {"fqdn": f"{target}.{_DOMAINS[kind]}", "ipAddresses": [address(birth, "10")]}
        for target, kind in _targets(birth.inputs.get("privateLinkServiceConnections"))
        if kind in _DOMAINS
    ]
    return "", {
        "networkInterfaces": [
            {"id": f"{group}/providers/Microsoft.Network/networkInterfaces/{name}"}
        ],
        "customDnsConfigs": found or None,
    }


def _targets(connections: Any) -> list[tuple[str, str]]:
    """Name and kind of each thing that an endpoint leads to."""
    found = []
    for connection in connections if isinstance(connections, list) else []:
        if isinstance(connection, Mapping):
            kinds = connection.get("groupIds")
            target = last(connection.get("privateLinkServiceId"))
            for kind in kinds if isinstance(kinds, list) and target else []:
                if kind != UNKNOWN:
                    found.append((target, str(kind)))
    return found


def _subnet(birth: Birth) -> Made:
    return "", {
        "purpose": "",
        "privateEndpointNetworkPolicies": birth.text("privateEndpointNetworkPolicies", "Disabled"),
        "privateLinkServiceNetworkPolicies": birth.text(
            "privateLinkServiceNetworkPolicies", "Enabled"
        ),
    }


def _zone(birth: Birth) -> Made:
    number = int(birth.hex(2), 16) % 9 + 1
    domains = ("com", "net", "org", "info")
    servers = [f"ns{i}-0{number}.azure-dns.{domain}." for i, domain in enumerate(domains, 1)]
    return "", {
        "nameServers": servers,
        "numberOfRecordSets": 2,
        "maxNumberOfRecordSets": 10000,
        "zoneType": birth.text("zoneType", "Public"),
    }


def _record_name(zone: str) -> Maker:
    return has(fqdn=lambda b: f"{b.name}.{b.text(zone)}.".removeprefix("@."))


MAKERS: Final[Mapping[str, Maker]] = {
    "azure-native:dns:RecordSet": _record_name("zoneName"),
    "azure-native:dns:Zone": _zone,
    "azure-native:network:FlowLog": has(
        targetResourceGuid=lambda b: made_uuid(b, "target"),
        enabled=lambda b: b.text("enabled", "true").lower() == "true",
    ),
    "azure-native:network:NatGateway": has(
        idleTimeoutInMinutes=lambda b: b.number("idleTimeoutInMinutes", 4)
    ),
    "azure-native:network:PrivateEndpoint": _private_endpoint,
    "azure-native:network:PublicIPAddress": _public_ip,
    "azure-native:network:Subnet": _subnet,
    "azure-native:network:VirtualNetwork": _network,
    "azure-native:privatedns:PrivateRecordSet": _record_name("privateZoneName"),
    "azure-native:privatedns:PrivateZone": has(
        numberOfRecordSets=lambda _: 1,
        maxNumberOfRecordSets=lambda _: 25000,
        maxNumberOfVirtualNetworkLinks=lambda _: 1000,
        maxNumberOfVirtualNetworkLinksWithRegistration=lambda _: 100,
        internalId=lambda b: b.hex(32, "internal"),
    ),
    "azure-native:privatedns:VirtualNetworkLink": has(
        virtualNetworkLinkState=lambda _: "Completed",
        registrationEnabled=lambda b: b.text("registrationEnabled", "false").lower() == "true",
    ),
}
