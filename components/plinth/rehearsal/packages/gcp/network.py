"""Networks: VPCs, subnetworks, addresses, NAT, private services and DNS."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote_plus

from plinth.rehearsal.packages.base import Birth, Made, Maker
from plinth.rehearsal.packages.gcp.shapes import (
    COMPUTE,
    CREATED,
    address,
    digits,
    last,
    linked,
    member,
    named,
    on,
    project,
    project_number,
)


def _network(birth: Birth) -> Made:
    id_ = f"projects/{project(birth)}/global/networks/{birth.name}"
    number = digits(birth, 19)
    return id_, {
        "selfLink": COMPUTE + id_,
        "networkId": number,
        "numericId": number,
        "gatewayIpv4": "",  # of legacy networks only
        "mtu": birth.number("mtu", 1460),
        "routingMode": birth.text("routingMode", "REGIONAL"),
    }


def _subnetwork(birth: Birth) -> Made:
    id_ = f"projects/{project(birth)}/regions/{birth.region}/subnetworks/{birth.name}"
    network = birth.text("network")
    known: dict[str, Any] = {"network": _network_link(network, birth)} if network else {}
    return id_, known | {
        "selfLink": COMPUTE + id_,
        "gatewayAddress": _gateway(birth.text("ipCidrRange", "10.0.0.0/20")),
        "subnetworkId": int(digits(birth, 15)),
        "creationTimestamp": CREATED,
        "fingerprint": f"{birth.hex(11, str(birth.revision))}=",
        "purpose": birth.text("purpose", "PRIVATE"),
        "stackType": birth.text("stackType", "IPV4_ONLY"),
    }


def _network_link(text: str, birth: Birth) -> str:
    """Subnetworks give the network they are in as a link, however it was asked for."""
    if text.startswith("https://"):
        return text
    tail = text if "/" in text else f"projects/{project(birth)}/global/networks/{text}"
    return COMPUTE + tail


def _gateway(cidr: str) -> str:
    try:
        return str(next(ipaddress.ip_network(cidr).hosts()))
    except ValueError:
        return ""


def _address(birth: Birth) -> Made:
    inside = birth.text("addressType") == "INTERNAL"
    regional = birth.type == "gcp:compute/address:Address"
    place = f"regions/{birth.region}" if regional else "global"
    id_ = f"projects/{project(birth)}/{place}/addresses/{birth.name}"
    known = {"selfLink": COMPUTE + id_, "creationTimestamp": CREATED}
    known["address"] = birth.text("address", _free(birth) if inside else address(birth, "34"))
    return id_, known | {"addressId": int(digits(birth, 15))} if regional else known


def _free(birth: Birth) -> str:
    """A private address; that of a range begins where a range of its length may begin."""
    free = address(birth, "10")
    length = birth.number("prefixLength", 32)
    return str(ipaddress.ip_network(f"{free}/{length}", strict=False).network_address)


def _forwarding_rule(birth: Birth) -> Made:
    id_ = f"projects/{project(birth)}/regions/{birth.region}/forwardingRules/{birth.name}"
    published = "/serviceAttachments/" in birth.text("target")
    connected = {"pscConnectionId": digits(birth, 17), "pscConnectionStatus": "ACCEPTED"}
    return id_, {
        "selfLink": COMPUTE + id_,
        "creationTimestamp": CREATED,
        "baseForwardingRule": "",
        "forwardingRuleId": int(digits(birth, 15)),
        "serviceName": "",
        "ipAddress": birth.text("ipAddress", address(birth, "10")),
        **(connected if published else dict.fromkeys(connected, "")),
    }


def _connection(birth: Birth) -> Made:
    """``RetrieveServiceNetworkingNetworkName``: the network goes by the project's number."""
    owner, name = project(birth), last(birth.text("network"))
    network = f"projects/{project_number(owner)}/global/networks/{name}"
    id_ = f"{quote_plus(network)}:{quote_plus(birth.text('service'))}"
    return id_, {"peering": birth.text("service").replace(".", "-")}


def _zone(birth: Birth) -> Made:
    group = "abcde"[int(birth.hex(2), 16) % 5]
    servers = [f"ns-cloud-{group}{number}.googledomains.com." for number in range(1, 5)]
    private = birth.text("visibility") == "private"
    return f"projects/{project(birth)}/managedZones/{birth.name}", {
        "nameServers": ["ns-gcp-private.googledomains.com."] if private else servers,
        "managedZoneId": digits(birth, 18),
        "creationTime": CREATED,
        "description": birth.text("description", "Managed by Pulumi"),
    }


_DNS: Final = "projects/{project}/managedZones/{managedZone}"
MAKERS: Final[Mapping[str, Maker]] = {
    "gcp:compute/address:Address": _address,
    "gcp:compute/firewall:Firewall": linked("projects/{project}/global/firewalls/{name}"),
    "gcp:compute/forwardingRule:ForwardingRule": _forwarding_rule,
    "gcp:compute/globalAddress:GlobalAddress": _address,
    "gcp:compute/network:Network": _network,
    "gcp:compute/router:Router": linked("projects/{project}/regions/{region}/routers/{name}"),
    "gcp:compute/routerNat:RouterNat": named("{project}/{region}/{router}/{name}"),
    "gcp:compute/subnetwork:Subnetwork": _subnetwork,
    "gcp:dns/dnsManagedZoneIamMember:DnsManagedZoneIamMember": member(on(_DNS)),
    "gcp:dns/managedZone:ManagedZone": _zone,
    "gcp:dns/recordSet:RecordSet": named(f"{_DNS}/rrsets/{{name}}/{{type}}"),
    "gcp:servicenetworking/connection:Connection": _connection,
}
