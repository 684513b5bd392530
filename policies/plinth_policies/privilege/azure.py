"""Who may do what on Azure, and what still takes keys and passwords."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from plinth.graph import Resource
from plinth_policies.controls import CREDENTIALS, PRIVILEGE
from plinth_policies.model import REGISTRY, Scope
from plinth_policies.settings import Setting, register
from plinth_policies.values import blocks, get, hidden, known

_NO_KEYS: Final = (Setting("disableLocalAuth", ("true",), default="false"),)
_NO_PASSWORDS: Final = "osProfile.linuxConfiguration.disablePasswordAuthentication"

#: Roles that change everything, or give anybody any role ("Azure built-in roles").
_BROAD: Final = {
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635": "Owner",
    "b24988ac-6180-42a0-ab88-20f7382dd24c": "Contributor",
    "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9": "User Access Administrator",
    "f58310d9-a9f6-439a-9e8d-f62e7b41a168": "Role Based Access Control Administrator",
}

#: A subscription, a management group, or all there is.
_WIDE: Final = re.compile(
    r"/?|/?subscriptions/[^/]+/?|/?providers/microsoft\.management/managementgroups/[^/]+/?"
)
_GRANTS: Final = (
    "azure-native:authorization:RoleAssignment",
    "azure-native:authorization:PimRoleEligibilitySchedule",
)
#: Any action that changes things, whatever they are, and all of those that give rights.
_ANY_ACTION: Final = re.compile(
    r"\*|\*/(?!read$).*|microsoft\.authorization/(?!.*/read$)"
    r"(.*\*.*|role(assignments|definitions)/write|elevateaccess/action)"
)

_SUBSCRIPTION: Final = "/subscriptions/00000000-0000-0000-0000-000000000000"
_OWNER: Final = (
    f"{_SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{next(iter(_BROAD))}"
)


@REGISTRY.rule(
    "privilege-azure-broad-role",
    title="Nobody owns or runs a whole subscription on Azure",
    why="Whoever takes over such an identity has every resource there, or makes itself the owner.",
    fix="give a role of the job, on the resource or the resource group that the job is about",
    judges=dict.fromkeys(_GRANTS, ("roleDefinitionId", "scope")),
    controls=(*PRIVILEGE, "cis-azure/2.23"),
    good={"roleDefinitionId": _OWNER, "scope": f"{_SUBSCRIPTION}/resourceGroups/churn-dev"},
    bad={"roleDefinitionId": _OWNER, "scope": _SUBSCRIPTION},
)
def _broad_role(resource: Resource, _scope: Scope) -> Iterator[str]:
    role, scope = resource.inputs.get("roleDefinitionId"), resource.inputs.get("scope")
    # Whichever of the two is known may be narrow enough by itself.
    narrow = not hidden(scope) and not _WIDE.fullmatch(str(scope or "").lower())
    name = _BROAD.get(str(role).rsplit("/", 1)[-1].lower())
    if narrow or not (name or hidden(role)):
        return
    known(role, "roleDefinitionId")
    known(scope, "scope")
    yield f"the role {name} is given on a whole subscription or more"


@REGISTRY.rule(
    "privilege-azure-custom-role",
    title="Custom roles on Azure name what they allow",
    why="A role that allows every action is Owner by another name, and no review looks for it.",
    fix="name the actions of the services that the role is for",
    judges={
        "azure-native:authorization:RoleDefinition": (
            "permissions.actions",
            "permissions.dataActions",
        )
    },
    controls=(*PRIVILEGE, "cis-azure/2.23"),
    good={"permissions": [{"actions": ["Microsoft.Storage/storageAccounts/read", "*/read"]}]},
    bad={"permissions": [{"actions": ["*"]}]},
)
def _custom_role(resource: Resource, _scope: Scope) -> Iterator[str]:
    for permission in blocks(resource.inputs.get("permissions"), "permissions"):
        for name in ("actions", "dataActions"):
            for action in blocks(get(permission, name), name):
                if _ANY_ACTION.fullmatch(str(action).lower()):
                    yield f"{name} has {action}"


register(
    "privilege-azure-static-keys",
    {
        "azure-native:storage:StorageAccount": (
            # Azure turns local users on where nothing is said.
            Setting("isLocalUserEnabled", ("false",), default="true"),
        ),
        "azure-native:redis:Redis": (
            Setting("disableAccessKeyAuthentication", ("true",), default="false"),
        ),
        "azure-native:search:Service": _NO_KEYS,
        "azure-native:appconfiguration:ConfigurationStore": _NO_KEYS,
        "azure-native:eventgrid:Topic": _NO_KEYS,
        "azure-native:eventgrid:Domain": _NO_KEYS,
        "azure-native:applicationinsights:Component": (
            Setting("disableLocalAuth", ("true",), default="false"),
        ),
        "azure-native:signalrservice:SignalR": _NO_KEYS,
        "azure-native:webpubsub:WebPubSub": _NO_KEYS,
        "azure-native:automation:AutomationAccount": _NO_KEYS,
        "azure-native:compute:VirtualMachine": (
            Setting(_NO_PASSWORDS, ("true",), moot="osProfile.windowsConfiguration"),
        ),
        "azure-native:compute:VirtualMachineScaleSet": (
            Setting(
                f"virtualMachineProfile.{_NO_PASSWORDS}",
                ("true",),
                moot="virtualMachineProfile.osProfile.windowsConfiguration",
            ),
        ),
    },
    title="Azure's stores, queues and machines take no keys and no passwords",
    why="Keys and passwords are shared, never expire, and leave no name in the logs.",
    fix="turn keys, local users and passwords off, and give clients identities",
    controls=(*CREDENTIALS, "cis-azure/5.4.3"),
)

_AUDIENCE: Final = "api://AzureADTokenExchange"


@REGISTRY.rule(
    "privilege-azure-federation",
    title="Identities on Azure trust one subject, with a token made for the exchange",
    why="With another audience, a token that the workload sends somewhere else opens Azure too.",
    fix=f"set subject to one workload, and audiences to {_AUDIENCE}",
    judges={"azure-native:managedidentity:FederatedIdentityCredential": ("audiences", "subject")},
    controls=PRIVILEGE,
    good={"subject": "system:serviceaccount:tracking:mlflow", "audiences": [_AUDIENCE]},
    bad={"subject": "system:serviceaccount:tracking:mlflow", "audiences": ["api"]},
)
def _federation(resource: Resource, _scope: Scope) -> Iterator[str]:
    subject = known(resource.inputs.get("subject"), "subject")
    if not subject or "*" in subject:
        yield "subject names no single workload"
    if blocks(resource.inputs.get("audiences"), "audiences") != [_AUDIENCE]:
        yield f"audiences is not {_AUDIENCE}"
