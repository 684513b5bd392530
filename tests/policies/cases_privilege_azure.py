"""Good and bad cases of the rules on privilege on Azure."""

from __future__ import annotations

from typing import Any

from policy_support import Table, resource, settings_table

from plinth.graph import UNKNOWN, Resource

ASSIGNMENT = "azure-native:authorization:RoleAssignment"
ELIGIBILITY = "azure-native:authorization:PimRoleEligibilitySchedule"
ACCOUNT = "azure-native:storage:StorageAccount"
MACHINE = "azure-native:compute:VirtualMachine"
SCALE_SET = "azure-native:compute:VirtualMachineScaleSet"

SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000000"
GROUP = f"{SUBSCRIPTION}/resourceGroups/churn-dev"
OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
ACCESS = "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
PASSWORDS = "osProfile.linuxConfiguration.disablePasswordAuthentication"

_NO_KEYS = (
    "search:Service",
    "appconfiguration:ConfigurationStore",
    "eventgrid:Topic",
    "eventgrid:Domain",
    "applicationinsights:Component",
    "signalrservice:SignalR",
    "webpubsub:WebPubSub",
    "automation:AutomationAccount",
)


def _given(role: Any, scope: Any, token: str = ASSIGNMENT) -> list[Resource]:
    known = f"{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{role}"
    inputs = {"roleDefinitionId": role if role == UNKNOWN else known, "scope": scope}
    return [resource(token, inputs)]


def _role(*actions: Any, name: str = "actions") -> dict[str, Any]:
    return {"permissions": [{name: list(actions)}], "assignableScopes": [SUBSCRIPTION]}


def _trusting(subject: Any, audiences: Any) -> dict[str, Any]:
    return {"subject": subject, "audiences": audiences}


_KEYS = settings_table(
    (ACCOUNT, "isLocalUserEnabled", False, None),
    ("azure-native:redis:Redis", "disableAccessKeyAuthentication", True, False),
    *((f"azure-native:{kind}", "disableLocalAuth", True, None) for kind in _NO_KEYS),
    (MACHINE, PASSWORDS, True, None),
    (SCALE_SET, f"virtualMachineProfile.{PASSWORDS}", True, False),
)

TABLES = {
    "privilege-azure-broad-role": Table(
        ASSIGNMENT,
        good=[
            _given(READER, SUBSCRIPTION),
            _given(READER, UNKNOWN),
            _given(OWNER, GROUP),
            _given(UNKNOWN, GROUP),
            _given(OWNER, "/providers/Microsoft.Management/managementGroups/ml/x/y"),
        ],
        bad=[
            (_given(OWNER, SUBSCRIPTION), "the role Owner"),
            (_given(OWNER.upper(), SUBSCRIPTION.upper()), "the role Owner"),
            (_given(CONTRIBUTOR, f"{SUBSCRIPTION}/"), "the role Contributor"),
            (_given(CONTRIBUTOR, SUBSCRIPTION[1:]), "the role Contributor"),
            (_given(ACCESS, "/"), "the role User Access Administrator"),
            (
                _given(OWNER, "/providers/Microsoft.Management/managementGroups/ml"),
                "the role Owner",
            ),
            (_given(OWNER, UNKNOWN), "scope is not known"),
            (_given(UNKNOWN, SUBSCRIPTION), "roleDefinitionId is not known"),
            (_given(UNKNOWN, UNKNOWN), "roleDefinitionId is not known"),
            (_given(OWNER, None), "the role Owner"),
            (_given(OWNER, SUBSCRIPTION, ELIGIBILITY), "the role Owner"),
        ],
    ),
    "privilege-azure-custom-role": Table(
        "azure-native:authorization:RoleDefinition",
        good=[
            {},
            _role("Microsoft.Storage/storageAccounts/*", "*/read"),
            _role("Microsoft.Authorization/locks/read", "Microsoft.Authorization/*/read"),
            _role("Microsoft.Authorization/locks/write"),
        ],
        bad=[
            (_role("*"), "actions has *"),
            (_role("*/write"), "actions has */write"),
            (_role("Microsoft.Authorization/*"), "actions has Microsoft.Authorization/*"),
            (_role("Microsoft.Authorization/roleAssignments/*"), "actions has Microsoft.Auth"),
            *(
                (_role(f"Microsoft.Authorization/{action}"), "actions has Microsoft.Auth")
                for action in ("*/write", "roleAssignments/write", "elevateAccess/action")
            ),
            (_role("*", name="dataActions"), "dataActions has *"),
            (_role(UNKNOWN), "actions is not known"),
            ({"permissions": UNKNOWN}, "permissions is not known"),
        ],
    ),
    "privilege-azure-static-keys": Table(
        ACCOUNT,
        good=[
            *_KEYS.good,
            [resource(MACHINE, {"osProfile": {"windowsConfiguration": {"timeZone": "UTC"}}})],
        ],
        bad=_KEYS.bad,
    ),
    "privilege-azure-federation": Table(
        "azure-native:managedidentity:FederatedIdentityCredential",
        good=[_trusting("system:serviceaccount:ml:mlflow", ["api://AzureADTokenExchange"])],
        bad=[
            ({}, "subject names no single workload"),
            (_trusting("repo:*", ["api://AzureADTokenExchange"]), "no single workload"),
            (_trusting(UNKNOWN, ["api://AzureADTokenExchange"]), "subject is not known"),
            (_trusting("ml", ["api://AzureADTokenExchange", "api"]), "audiences is not"),
            (_trusting("ml", UNKNOWN), "audiences is not known"),
        ],
    ),
}
