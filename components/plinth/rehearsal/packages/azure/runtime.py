"""What runs and who it is: clusters, pools, identities, roles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from plinth.rehearsal.packages.azure.paths import identifier
from plinth.rehearsal.packages.azure.shapes import (
    asked,
    derived_uuid,
    has,
    identity,
    made_uuid,
    settled,
    tenant,
)
from plinth.rehearsal.packages.base import Birth, Made, Maker

#: A version that a cluster gets when it asks for none; only its form matters.
_KUBERNETES: Final = "1.33.5"


def node_group(birth: Birth) -> str:
    """The resource group that a cluster makes for its machines."""
    made = f"MC_{birth.text('resourceGroupName')}_{birth.name}_{_place(birth)}"
    return birth.text("nodeResourceGroup", made[:80])


def _place(birth: Birth) -> str:
    return birth.text("location", birth.region).replace(" ", "").lower()


def _named(birth: Birth, name: str) -> dict[str, Any]:
    """An identity that a cluster makes in its node resource group."""
    group = f"/subscriptions/{birth.account}/resourceGroups/{node_group(birth)}"
    return _kubelet(f"{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}")


def _kubelet(id_: str) -> dict[str, Any]:
    known = identity(id_)
    objects = {"objectId": known["principalId"], "clientId": known["clientId"]}
    return {"resourceId": id_, **objects}


def _addons(birth: Birth) -> dict[str, Any]:
    """Each add-on that is on has an identity of its own."""
    return {
        name: {**profile, "identity": _named(birth, f"{name.lower()}-{birth.name}")}
        for name, profile in asked(birth, "addonProfiles").items()
        if isinstance(profile, Mapping) and profile.get("enabled") is True
    }


def _hosts(birth: Birth) -> dict[str, Any]:
    """The addresses of the API server."""
    prefix = birth.text("dnsPrefix") or birth.text("fqdnSubdomain") or birth.name
    host, place = f"{prefix}-{birth.hex(8, 'host')}", _place(birth)
    access = asked(birth, "apiServerAccessProfile")
    private = access.get("enablePrivateCluster") is True
    public = not private or access.get("enablePrivateClusterPublicFQDN") is not False
    inside = f"{host}.{made_uuid(birth, 'zone')}.privatelink.{place}.azmk8s.io"
    return {
        "fqdn": f"{host}.hcp.{place}.azmk8s.io" if public else "",
        "privateFQDN": inside if private else "",
        "azurePortalFQDN": f"{host}.portal.hcp.{place}.azmk8s.io",
    }


def _cluster(birth: Birth) -> Made:
    given = asked(birth, "identityProfile").get("kubeletidentity")
    own = given.get("resourceId") if isinstance(given, Mapping) else None
    kubelet = _kubelet(str(own)) if own else _named(birth, f"{birth.name}-agentpool")
    issues = asked(birth, "oidcIssuerProfile").get("enabled") is True
    place = f"{_place(birth)}.oic.prod-aks.azure.com/{tenant(birth.account)}"
    return "", _hosts(birth) | {
        "nodeResourceGroup": node_group(birth),
        "identityProfile": {"kubeletidentity": kubelet},
        "addonProfiles": _addons(birth) or None,
        "oidcIssuerProfile": {
            "enabled": issues,
            "issuerURL": f"https://{place}/{made_uuid(birth, 'issuer')}/" if issues else "",
        },
        "networkProfile": settled(
            birth,
            "networkProfile",
            serviceCidr="10.0.0.0/16",
            dnsServiceIP="10.0.0.10",
            loadBalancerSku="standard",
            outboundType="loadBalancer",
        ),
        "kubernetesVersion": birth.text("kubernetesVersion", _KUBERNETES),
        "currentKubernetesVersion": birth.text("kubernetesVersion", _KUBERNETES),
        "maxAgentPools": 100,
        "powerState": {"code": "Running"},
        "resourceUID": birth.hex(24, "uid"),
    }


def _pool(birth: Birth) -> Made:
    version = birth.text("orchestratorVersion", _KUBERNETES)
    return "", {
        "currentOrchestratorVersion": version,
        "orchestratorVersion": version,
        "nodeImageVersion": "AKSUbuntu-2204gen2containerd-202501.12.0",
        "type": birth.text("type", "VirtualMachineScaleSets"),
    }


def _role(birth: Birth) -> Made:
    return "", {
        "createdBy": derived_uuid("caller", birth.account),
        "updatedBy": derived_uuid("caller", birth.account),
    }


def _user_identity(birth: Birth) -> Made:
    known = identity(identifier(birth, "resourceName"))
    return "", {**known, "tenantId": tenant(birth.account)}


MAKERS: Final[Mapping[str, Maker]] = {
    "azure-native:authorization:RoleAssignment": _role,
    "azure-native:authorization:RoleDefinition": _role,
    "azure-native:compute:DiskEncryptionSet": has(
        encryptionType=lambda b: b.text("encryptionType", "EncryptionAtRestWithCustomerKey")
    ),
    "azure-native:containerservice:AgentPool": _pool,
    "azure-native:containerservice:ManagedCluster": _cluster,
    "azure-native:managedidentity:UserAssignedIdentity": _user_identity,
}
