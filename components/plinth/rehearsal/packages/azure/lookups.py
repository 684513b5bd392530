"""The lookups (invokes) that programs make on Azure."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any, Final

from plinth.rehearsal import packages
from plinth.rehearsal.outputs import computed
from plinth.rehearsal.packages.azure.shapes import derived_uuid, tenant
from plinth.rehearsal.packages.base import Lookup, NotFoundError, Question, digest

_ROLES: Final = "Microsoft.Authorization/roleDefinitions"
_CLUSTER: Final = "azure-native:containerservice:ManagedCluster"


def _caller(question: Question) -> Mapping[str, Any]:
    settings = question.settings
    own = settings.holder or settings.account
    return {
        "clientId": derived_uuid("caller-client", own),
        "objectId": derived_uuid("caller", own),
        "subscriptionId": settings.account,
        "tenantId": settings.tenant or tenant(own),
    }


def _token(question: Question) -> Mapping[str, Any]:
    return {
        "token": f"rehearsal-{digest(question.text('endpoint') + question.settings.account, 40)}"
    }


def _found(question: Question, type_: str) -> dict[str, Any]:
    """What a lookup of a resource says: the one that exists, or, without a cloud, a likely one.

    Raises:
        NotFoundError: It does not exist.
    """
    id_, known = computed(
        type_,
        _own_name(question, type_),
        question.args,
        region=question.settings.region,
        account=question.settings.account,
    )
    if question.cloud is None:
        return {**question.args, **known, "id": id_}
    record = question.cloud.get(type_, id_, question.settings.scope)
    if record is None:
        raise NotFoundError(f"ResourceNotFound: {id_} does not exist")
    return {**record.state, "id": id_}


def _own_name(question: Question, type_: str) -> str:
    package = packages.find("azure-native")
    return question.text(package.name_key(type_), "existing")


def _existing(type_: str) -> Lookup:
    return lambda question: _found(question, type_)


def _role(question: Question) -> Mapping[str, Any]:
    """A role that was defined; any other is taken for one of those that Azure has."""
    name = question.text("roleDefinitionId").rsplit("/", 1)[-1]
    try:
        return _found(question, "azure-native:authorization:RoleDefinition")
    except NotFoundError:
        return {
            "id": f"/subscriptions/{question.settings.account}/providers/{_ROLES}/{name}",
            "name": name,
            "type": _ROLES,
            "roleName": f"role {name}",
            "roleType": "BuiltInRole",
            "assignableScopes": ["/"],
            "permissions": [],
        }


def _credentials(question: Question) -> Mapping[str, Any]:
    """A kubeconfig for the cluster, with the address of its API server."""
    cluster = _found(question, _CLUSTER)
    name = question.text("resourceName")
    host = cluster.get("privateFQDN") or cluster.get("fqdn")
    authority = base64.b64encode(b"-----BEGIN CERTIFICATE-----\n").decode()
    server = {"server": f"https://{host}:443", "certificate-authority-data": authority}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": server}],
        "users": [{"name": name, "user": {"token": digest(str(cluster["id"]), 40)}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
    text = base64.b64encode(json.dumps(config).encode()).decode()
    return {"kubeconfigs": [{"name": "clusterUser", "value": text}]}


def _keys(type_: str, *names: str) -> Lookup:
    """Two access keys of a resource, under these names."""

    def answer(question: Question) -> Mapping[str, Any]:
        id_ = str(_found(question, type_)["id"])
        return {name: _secret(id_, name) for name in names}

    return answer


def _account_keys(question: Question) -> Mapping[str, Any]:
    id_ = str(_found(question, "azure-native:storage:StorageAccount")["id"])
    return {
        "keys": [
            {"keyName": name, "permissions": "FULL", "value": _secret(id_, name)}
            for name in ("key1", "key2")
        ]
    }


def _registry_login(question: Question) -> Mapping[str, Any]:
    registry = _found(question, "azure-native:containerregistry:Registry")
    id_ = str(registry["id"])
    passwords = [{"name": n, "value": _secret(id_, n)} for n in ("password", "password2")]
    return {"username": question.text("registryName"), "passwords": passwords}


def _secret(id_: str, name: str) -> str:
    return base64.b64encode(bytes.fromhex(digest(f"{id_}|{name}", 64))).decode()


#: Lookup -> the type that it looks up, with the arguments that are the parts of its path.
_EXISTING: Final = {
    "authorization:getRoleAssignment": "authorization:RoleAssignment",
    "compute:getDiskEncryptionSet": "compute:DiskEncryptionSet",
    "containerregistry:getRegistry": "containerregistry:Registry",
    "containerservice:getAgentPool": "containerservice:AgentPool",
    "containerservice:getManagedCluster": "containerservice:ManagedCluster",
    "dbforpostgresql:getServer": "dbforpostgresql:Server",
    "dns:getZone": "dns:Zone",
    "keyvault:getKey": "keyvault:Key",
    "keyvault:getSecret": "keyvault:Secret",
    "keyvault:getVault": "keyvault:Vault",
    "managedidentity:getUserAssignedIdentity": "managedidentity:UserAssignedIdentity",
    "monitor:getActionGroup": "monitor:ActionGroup",
    "network:getNetworkSecurityGroup": "network:NetworkSecurityGroup",
    "network:getPublicIPAddress": "network:PublicIPAddress",
    "network:getSubnet": "network:Subnet",
    "network:getVirtualNetwork": "network:VirtualNetwork",
    "operationalinsights:getWorkspace": "operationalinsights:Workspace",
    "privatedns:getPrivateZone": "privatedns:PrivateZone",
    "redisenterprise:getDatabase": "redisenterprise:Database",
    "redisenterprise:getRedisEnterprise": "redisenterprise:RedisEnterprise",
    "resources:getResourceGroup": "resources:ResourceGroup",
    "storage:getStorageAccount": "storage:StorageAccount",
}

LOOKUPS: Final[Mapping[str, Lookup]] = {
    "azure-native:authorization:getClientConfig": _caller,
    "azure-native:authorization:getClientToken": _token,
    "azure-native:authorization:getRoleDefinition": _role,
    "azure-native:containerregistry:listRegistryCredentials": _registry_login,
    "azure-native:containerservice:listManagedClusterAdminCredentials": _credentials,
    "azure-native:containerservice:listManagedClusterUserCredentials": _credentials,
    "azure-native:operationalinsights:getSharedKeys": _keys(
        "azure-native:operationalinsights:Workspace", "primarySharedKey", "secondarySharedKey"
    ),
    "azure-native:redis:listRedisKeys": _keys(
        "azure-native:redis:Redis", "primaryKey", "secondaryKey"
    ),
    "azure-native:redisenterprise:listDatabaseKeys": _keys(
        "azure-native:redisenterprise:Database", "primaryKey", "secondaryKey"
    ),
    "azure-native:storage:listStorageAccountKeys": _account_keys,
    **{
        f"azure-native:{lookup}": _existing(f"azure-native:{type_}")
        for lookup, type_ in _EXISTING.items()
    },
}
