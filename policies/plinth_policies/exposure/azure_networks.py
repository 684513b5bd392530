"""What machines and networks on Azure can be reached by: subnets and ML computes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from plinth.graph import Resource
from plinth_policies.controls import EXPOSURE
from plinth_policies.model import REGISTRY, Scope
from plinth_policies.values import get, known, value_refused

#: Subnets of Azure's own gateways, which refuse a security group or have one of Azure's
#: (Azure documentation, "Virtual network FAQ" and those of the services).
_OWN_RULES: Final = ("GatewaySubnet", "AzureFirewallSubnet", "AzureFirewallManagementSubnet")


@REGISTRY.rule(
    "exposure-azure-subnet-group",
    title="Every subnet on Azure has a security group",
    why="Without one, whatever has a public address in the subnet answers on every port.",
    fix="set networkSecurityGroup",
    judges={"azure-native:network:Subnet": ("networkSecurityGroup", "subnetName")},
    controls=EXPOSURE,
    good={"subnetName": "nodes", "networkSecurityGroup": {"id": "nodes"}},
    bad={"subnetName": "nodes"},
)
def _subnet(resource: Resource, _scope: Scope) -> Iterator[str]:
    if resource.inputs.get("subnetName") in _OWN_RULES:
        return
    if not resource.inputs.get("networkSecurityGroup"):
        yield "networkSecurityGroup is not set"


#: Computes that run in machines of their own.
_MACHINES: Final = ("AmlCompute", "ComputeInstance")


def _instance(*, public: bool) -> dict[str, Any]:
    return {
        "properties": {
            "computeType": "ComputeInstance",
            "disableLocalAuth": True,
            "properties": {"vmSize": "Standard_DS3_v2", "enableNodePublicIp": public},
        }
    }


@REGISTRY.rule(
    "exposure-azure-ml-compute",
    title="Computes of Azure Machine Learning have no public address and no local accounts",
    why="A notebook or a training job runs whatever its user pastes, next to the data.",
    fix="set properties.properties.enableNodePublicIp to false and turn "
    "properties.disableLocalAuth on",
    judges={
        "azure-native:machinelearningservices:Compute": (
            "properties.computeType",
            "properties.disableLocalAuth",
            "properties.properties.enableNodePublicIp",
        )
    },
    controls=EXPOSURE,
    good=_instance(public=False),
    bad=_instance(public=True),
)
def _compute(resource: Resource, _scope: Scope) -> Iterator[str]:
    kind = "properties.computeType"
    if known(get(resource.inputs, kind), kind) in _MACHINES:
        yield from value_refused(
            resource.inputs, "properties.properties.enableNodePublicIp", ("false",), default="true"
        )
        yield from value_refused(
            resource.inputs, "properties.disableLocalAuth", ("true",), default="false"
        )
