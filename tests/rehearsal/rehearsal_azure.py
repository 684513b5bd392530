"""A provider of Azure under test, with a resource group to begin with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import pytest
from rehearsal_client import Client, Made

from plinth.rehearsal.cloud import Cloud

ACCOUNT = "11111111-1111-1111-1111-111111111111"
OTHER = "22222222-2222-2222-2222-222222222222"
GROUP = f"/subscriptions/{ACCOUNT}/resourceGroups/rg"
IN = {"resourceGroupName": "rg"}
SKU = {"family": "A", "name": "standard"}
VAULT = {"sku": SKU, "tenantId": OTHER, "enableRbacAuthorization": True}
POOL = {"name": "system", "mode": "System", "count": 1, "vmSize": "Standard_D4s_v5"}
CLUSTER: dict[str, Any] = {
    "dnsPrefix": "web",
    "identity": {"type": "SystemAssigned"},
    "agentPoolProfiles": [POOL],
}
ACCOUNT_OF_DATA = {"kind": "StorageV2", "sku": {"name": "Standard_ZRS"}}
ROLE = f"/subscriptions/{ACCOUNT}/providers/Microsoft.Authorization/roleDefinitions/{OTHER}"


class Azure:
    """A provider and its cloud, with a resource group to begin with."""

    def __init__(self, client: Client, cloud: Cloud) -> None:
        self.client, self.cloud = client, cloud
        self.group = self.make("resources:ResourceGroup", "rg", resourceGroupName="rg")

    def make(self, type_: str, name: str = "web", /, **inputs: Any) -> Made:
        known = inputs if type_.startswith(("resources:", "authorization:")) else {**IN, **inputs}
        return self.client.make(f"azure-native:{type_}", known, name=name)

    def check(self, type_: str, **inputs: Any) -> dict[str, str]:
        return self.client.check(f"azure-native:{type_}", {**IN, **inputs})[1]

    def refused(self, call: Callable[[], object], reason: str) -> None:
        with pytest.raises(grpc.RpcError, match=reason):
            call()
