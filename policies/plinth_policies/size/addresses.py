"""Public addresses, which cost money and are worth something to others while nothing uses them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from plinth.graph import Resource
from plinth_policies.controls import CAPACITY, INVENTORY
from plinth_policies.encryption.azure import CLUSTER
from plinth_policies.model import REGISTRY, Scope, kind_of
from plinth_policies.values import hidden, known

_EIP: Final = "aws:ec2/eip:Eip"
_AZURE: Final = "azure-native:network:PublicIPAddress"
_GCP: Final = "gcp:compute/address:Address"
_GCP_GLOBAL: Final = "gcp:compute/globalAddress:GlobalAddress"

#: Properties of an address that themselves say what uses it.
_ATTACHED: Final = {
    _EIP: ("instance", "networkInterface"),
    _AZURE: ("natGateway",),
    _GCP: (),
    _GCP_GLOBAL: (),
}

#: Type of an address -> types that use one, and where they name it.
_USERS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    _EIP: {
        "aws:ec2/natGateway:NatGateway": ("allocationId", "secondaryAllocationIds"),
        "aws:ec2/eipAssociation:EipAssociation": ("allocationId", "publicIp"),
        "aws:lb/loadBalancer:LoadBalancer": ("subnetMappings",),
    },
    _AZURE: {
        "azure-native:network:NatGateway": ("publicIpAddresses",),
        "azure-native:network:LoadBalancer": ("frontendIPConfigurations",),
        "azure-native:network:ApplicationGateway": ("frontendIPConfigurations",),
        "azure-native:network:NetworkInterface": ("ipConfigurations",),
        "azure-native:network:AzureFirewall": ("ipConfigurations",),
        "azure-native:network:BastionHost": ("ipConfigurations",),
        "azure-native:network:VirtualNetworkGateway": ("ipConfigurations",),
        CLUSTER: ("networkProfile",),
    },
    _GCP: {
        "gcp:compute/routerNat:RouterNat": ("natIps", "drainNatIps"),
        "gcp:compute/forwardingRule:ForwardingRule": ("ipAddress",),
        "gcp:compute/instance:Instance": ("networkInterfaces",),
    },
    _GCP_GLOBAL: {"gcp:compute/globalForwardingRule:GlobalForwardingRule": ("ipAddress",)},
}


@REGISTRY.rule(
    "size-idle-address",
    title="Every public address is in use",
    why="An idle address is paid for, and a forgotten one may still be trusted somewhere.",
    fix="attach it to what needs it, or remove it",
    judges={
        **_ATTACHED,
        _GCP: ("addressType",),
        _GCP_GLOBAL: ("addressType",),
    },
    consults={kind: paths for users in _USERS.values() for kind, paths in users.items()},
    controls=(*CAPACITY, *INVENTORY),
    good=(
        (_EIP, {"domain": "vpc"}),
        ("aws:ec2/natGateway:NatGateway", {"allocationId": "subject"}),
    ),
    bad={"domain": "vpc"},
)
def _idle(resource: Resource, scope: Scope) -> Iterator[str]:
    kind = kind_of(resource.type)
    if known(resource.inputs.get("addressType"), "addressType") == "INTERNAL":
        return
    if not any(_names(resource, name) for name in _ATTACHED[kind]) and not any(
        scope.companions(resource, user, through)
        for user, paths in _USERS[kind].items()
        for through in paths
    ):
        yield "nothing uses the address"


def _names(resource: Resource, name: str) -> bool:
    """Whether a property names something; as an output it is there, unknown, for every address."""
    value = resource.inputs.get(name)
    return bool(value) and (not hidden(value) or name in resource.property_dependencies)
