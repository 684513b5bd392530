"""A subscription on Azure: state and its keys, CI's identities, guardrails.

What Azure allows less than AWS: there is no boundary around identities, so a role of our own names
services and a condition names the roles that a deployment may give on; disks have no default key
of one's own; and subjects of federated credentials are exact, so only named branches get in.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import pulumi_azure_native as azure
from pulumi import Input, InvokeOutputOptions, Output, Resource, ResourceOptions
from pulumi_azure_native import (
    authorization,
    consumption,
    keyvault,
    managedidentity,
    monitor,
    operationalinsights,
    resources,
    storage,
)

from plinth.accounts import short
from plinth.bootstrap.base import Excuse, Part, Preparation
from plinth.bootstrap.order import Order
from plinth.bootstrap.quotas import Limits
from plinth.bootstrap.trust import Trust
from plinth.clouds.azure.facts import GUARDED_ACCOUNT, ROLES

_GROUP: Final = "plinth"
_OLD_STATES: Final = 365
_LOGS: Final = 400
_AUDIENCE: Final = "api://AzureADTokenExchange"
_POLICIES: Final = "/providers/Microsoft.Authorization/policyDefinitions"

#: Services that a platform is made of.
_SERVICES: Final = (
    "Microsoft.Cache/redisEnterprise/*",
    "Microsoft.Compute/diskEncryptionSets/*",
    "Microsoft.Consumption/budgets/*",
    "Microsoft.ContainerRegistry/registries/*",
    "Microsoft.ContainerService/managedClusters/*",
    "Microsoft.DBforPostgreSQL/flexibleServers/*",
    "Microsoft.Insights/*",
    "Microsoft.KeyVault/vaults/*",
    "Microsoft.ManagedIdentity/userAssignedIdentities/*",
    "Microsoft.Network/*",
    "Microsoft.OperationalInsights/workspaces/*",
    "Microsoft.Resources/deployments/*",
    "Microsoft.Resources/subscriptions/resourceGroups/*",
    "Microsoft.Storage/storageAccounts/*",
)
_RIGHTS: Final = (
    "Microsoft.Authorization/locks/delete",
    "Microsoft.Authorization/locks/write",
    "Microsoft.Authorization/roleAssignments/delete",
    "Microsoft.Authorization/roleAssignments/write",
)
#: What no deployment does although its service is listed: lasting keys, the end of protection.
_NEVER: Final = (
    "Microsoft.Insights/diagnosticSettings/delete",
    "Microsoft.Storage/storageAccounts/listKeys/action",
    "Microsoft.Storage/storageAccounts/listAccountSas/action",
    "Microsoft.Storage/storageAccounts/regenerateKey/action",
)
#: Built-in policies that refuse (Azure Policy built-in definitions): name, definition, parameters.
_REQUIRED_TAGS: Final = ("platform", "environment", "owner", "cost-center")
_REQUIRE_TAG: Final = "96670d01-0a4d-4649-9c89-2d3abc0a5025"
_DENIED: Final = {
    "plinth-no-public-blobs": "4fa4b6c0-31ca-4c0d-b10d-24b96f62a751",
    "plinth-secure-transfer": "404c3081-a854-4457-ae30-26a93ef643f9",
}
#: ... and one that tells: disks whose caches and temporary parts are not encrypted on the host.
_TOLD: Final = {"plinth-encryption-at-host": "fc4d8e41-e223-45ea-9bf5-eada37891d87"}


def _program(order: Order, _limits: Limits) -> dict[str, Output[Any]]:
    # The provider looks up no quota, so each need is told with the command that shows its limit.
    provider = azure.Provider("azure", subscription_id=order.account, location=order.region)
    guardrails = Guardrails(order, provider)
    state = State(order, provider, guardrails)
    outputs: dict[str, Output[Any]] = {"key": state.key}
    if order.trust:
        identities = Identities(order, provider, order.trust, state=state, group=guardrails.group)
        outputs |= {"tenant_id": state.tenant, **identities.clients}
    return outputs


#: What the registry names.
ACCOUNT: Final = Preparation(
    program=_program,
    excuses=(
        Excuse(
            "exposure-azure-public-network",
            "*::state",
            "CI's runners have no network of ours: only identities get in, over TLS, and no key",
        ),
        Excuse(
            "encryption-keyvault-key-rotation",
            "*azure-native:keyvault:Key::state",
            "The engine unlocks a stack with the latest version of the key that locked it",
        ),
        Excuse(
            "privilege-azure-custom-role",
            "*azure-native:authorization:RoleDefinition::deploy",
            "Deployments give roles to workloads: those that the assignment's condition names",
        ),
    ),
)


class _AzurePart(Part):
    def __init__(self, kind: str, order: Order, provider: azure.Provider) -> None:
        super().__init__(kind, order, [provider])
        self.provider = provider
        self.subscription = f"/subscriptions/{order.account}"

    def lock(self, name: str, scope: Input[str]) -> None:
        """Nobody deletes it who does not take the lock away first."""
        authorization.ManagementLockByScope(
            name,
            lock_name="plinth",
            scope=scope,
            level="CanNotDelete",
            notes="Holds the state of all stacks, or who did what.",
            opts=self.child(),
        )

    def assign(
        self,
        name: str,
        definition: Input[str],
        *,
        scope: Input[str],
        principal: Input[str],
        condition: str | None = None,
        depends_on: Sequence[Resource] = (),
        by_hand: bool = False,
    ) -> Resource:
        """Gives an identity a role; ``by_hand`` says that somebody else may have done so."""
        # A GUID that is the same in every run.
        guid = str(uuid.uuid5(_NAMES, f"{self.order.account}/{name}"))
        options = self.child(depends_on=depends_on)
        if by_hand and self.order.adopt:
            options.import_ = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{guid}"
        assignment: Resource = authorization.RoleAssignment(
            name,
            role_assignment_name=guid,
            role_definition_id=definition,
            scope=scope,
            principal_id=principal,
            principal_type="ServicePrincipal",
            condition=condition,
            condition_version="2.0" if condition else None,
            opts=options,
        )
        return assignment

    def builtin(self, role: str) -> str:
        """The definition of a built-in role."""
        return (
            f"{self.subscription}/providers/Microsoft.Authorization/roleDefinitions/{ROLES[role]}"
        )


#: Makes GUIDs of names; any constant would do.
_NAMES: Final = uuid.UUID("6f0a7b0e-6f0b-5d0c-9c53-2f2a5a1b7f10")


class Guardrails(_AzurePart):
    """What holds for the whole subscription, whoever works in it."""

    def __init__(self, order: Order, provider: azure.Provider) -> None:
        super().__init__("Guardrails", order, provider)
        group = resources.ResourceGroup(
            _GROUP,
            resource_group_name=_GROUP,
            location=order.region,
            tags=order.tags,
            opts=self.child(keep=True),
        )
        self.group: Output[str] = group.name
        self.logs = operationalinsights.Workspace(
            "audit",
            workspace_name="plinth-audit",
            resource_group_name=self.group,
            location=order.region,
            sku={"name": "PerGB2018"},
            retention_in_days=_LOGS,
            features={
                "disable_local_auth": True,
                "enable_log_access_using_only_resource_permissions": True,
            },
            public_network_access_for_ingestion="Disabled",
            tags=order.tags,
            opts=self.child(keep=True),
        )
        self.lock("audit", self.logs.id)
        if order.makes("trail"):
            self._trail()
        if order.makes("policies"):
            self._policies()
        if order.makes("budget"):
            self._budget()
        self.register_outputs({})

    def _trail(self) -> None:
        monitor.DiagnosticSetting(
            "activity",
            name="plinth",
            resource_uri=self.subscription,
            workspace_id=self.logs.id,
            logs=[
                {"category": category, "enabled": True}
                for category in ("Administrative", "Alert", "Policy", "Security")
            ],
            opts=self.child(),
        )

    def _policies(self) -> None:
        for tag in _REQUIRED_TAGS:
            self._policy(f"plinth-tag-{tag}", _REQUIRE_TAG, {"tagName": {"value": tag}})
        for name, definition in _DENIED.items():
            self._policy(name, definition, {"effect": {"value": "Deny"}})
        for name, definition in _TOLD.items():
            self._policy(name, definition, {"effect": {"value": "Audit"}})

    def _policy(self, name: str, definition: str, parameters: Mapping[str, Any]) -> None:
        authorization.PolicyAssignment(
            name,
            policy_assignment_name=name,
            scope=self.subscription,
            policy_definition_id=f"{_POLICIES}/{definition}",
            display_name=f"Plinth: {name.removeprefix('plinth-')}",
            parameters=dict(parameters),
            enforcement_mode="Default",
            opts=self.child(),
        )

    def _budget(self) -> None:
        order = self.order
        consumption.Budget(
            "budget",
            budget_name="plinth",
            scope=self.subscription,
            category="Cost",
            time_grain="Monthly",
            amount=order.budget,
            notifications={
                f"{kind}_{percent}": {
                    "enabled": True,
                    "operator": "GreaterThan",
                    "threshold": percent,
                    "threshold_type": kind,
                    "contact_emails": order.people,
                }
                for kind, percent in (
                    ("Actual", 50), ("Actual", 80), ("Actual", 100), ("Forecasted", 100),
                )
            },
            time_period={"start_date": f"{datetime.now(UTC):%Y-%m}-01T00:00:00Z"},
            # A budget begins in the month in which it is made, and does not move.
            opts=self.child(ignore_changes=["timePeriod"]),
        )  # fmt: skip


class State(_AzurePart):
    """Where the state of all stacks is kept, and the key of their secrets."""

    def __init__(self, order: Order, provider: azure.Provider, guardrails: Guardrails) -> None:
        super().__init__("State", order, provider)
        self._group = guardrails.group
        self._logs = guardrails.logs.id
        found = authorization.get_client_config_output(opts=InvokeOutputOptions(provider=provider))
        self.tenant: Output[str] = found.tenant_id
        vault = self._vault()
        self.key_id, self.key = self._keys(vault)
        self.account = self._account(vault)
        self.register_outputs({})

    def _vault(self) -> Any:
        order = self.order
        vault = keyvault.Vault(
            "state",
            vault_name=f"plinth-{short(order.account)}",
            resource_group_name=self._group,
            location=order.region,
            properties={
                "sku": {"family": "A", "name": "premium"},
                "tenant_id": self.tenant,
                "enable_rbac_authorization": True,
                "enable_purge_protection": True,
                "enable_soft_delete": True,
                "soft_delete_retention_in_days": 90,
                "public_network_access": "Enabled",
                "network_acls": {"bypass": "AzureServices", "default_action": "Allow"},
            },
            tags=order.tags,
            opts=self.child(keep=True),
        )
        self.lock("vault", vault.id)
        self._watch("vault", vault.id, ["AuditEvent"])
        return vault

    def _watch(self, name: str, scope: Input[str], categories: Sequence[str]) -> None:
        monitor.DiagnosticSetting(
            name,
            name="plinth",
            resource_uri=scope,
            workspace_id=self._logs,
            logs=[{"category": category, "enabled": True} for category in categories],
            opts=self.child(),
        )

    def _keys(self, vault: Any) -> tuple[Output[str], Output[str]]:
        state = self._key("state", "plinth-state", vault, ["encrypt", "decrypt"], rotate=False)
        self._disk_key = self._key(
            "storage", "plinth-storage", vault, ["wrapKey", "unwrapKey"], rotate=True
        )
        return state.id, state.key_uri

    def _key(
        self, name: str, physical: str, vault: Any, operations: list[str], *, rotate: bool
    ) -> Any:
        # No version ever expires: what it encrypted has to stay readable.
        rotation = {
            "lifetime_actions": [
                {"action": {"type": "rotate"}, "trigger": {"time_after_create": "P365D"}}
            ]
        }
        properties: dict[str, Any] = {"kty": "RSA-HSM", "key_size": 3072, "key_ops": operations}
        return keyvault.Key(
            name,
            key_name=physical,
            resource_group_name=self._group,
            vault_name=vault.name,
            properties={**properties, **({"rotation_policy": rotation} if rotate else {})},
            tags=self.order.tags,
            opts=self.child(keep=True),
        )

    def _account(self, vault: Any) -> Any:
        order = self.order
        identity = managedidentity.UserAssignedIdentity(
            "storage",
            resource_name_="plinth-storage",
            resource_group_name=self._group,
            location=order.region,
            tags=order.tags,
            opts=self.child(),
        )
        right = self.assign(
            "storage",
            self.builtin("Key Vault Crypto Service Encryption User"),
            scope=self._disk_key.id,
            principal=identity.principal_id,
        )
        account = storage.StorageAccount(
            "state",
            account_name=f"plinthstate{short(order.account)}",
            resource_group_name=self._group,
            location=order.region,
            kind="StorageV2",
            access_tier="Hot",
            sku={"name": "Standard_ZRS"},
            identity={"type": "UserAssigned", "user_assigned_identities": [identity.id]},
            encryption={
                "key_source": "Microsoft.Keyvault",
                "require_infrastructure_encryption": True,
                "encryption_identity": {"encryption_user_assigned_identity": identity.id},
                "key_vault_properties": {
                    "key_name": self._disk_key.name,
                    "key_vault_uri": vault.properties.vault_uri,
                },
            },
            **GUARDED_ACCOUNT,
            public_network_access="Enabled",
            network_rule_set={"bypass": "AzureServices", "default_action": "Allow"},
            tags=order.tags,
            opts=self.child(keep=True, depends_on=[right], ignore_changes=["sku"]),
        )
        self.lock("state", account.id)
        blobs = Output.concat(account.id, "/blobServices/default")
        self._watch("state", blobs, ["StorageRead", "StorageWrite", "StorageDelete"])
        service = storage.BlobServiceProperties(
            "state",
            account_name=account.name,
            resource_group_name=self._group,
            blob_services_name="default",
            is_versioning_enabled=True,
            delete_retention_policy={"enabled": True, "days": 90},
            container_delete_retention_policy={"enabled": True, "days": 90},
            opts=self.child(),
        )
        storage.ManagementPolicy(
            "state",
            account_name=account.name,
            resource_group_name=self._group,
            management_policy_name="default",
            policy={"rules": [_tidy()]},
            opts=self.child(depends_on=[service]),
        )
        storage.BlobContainer(
            "state",
            account_name=account.name,
            resource_group_name=self._group,
            container_name="state",
            public_access="None",
            opts=self.child(keep=True, depends_on=[service]),
        )
        return account


def _tidy() -> dict[str, Any]:
    """Only what was overwritten goes: the present state has no age."""
    old = {"delete": {"days_after_creation_greater_than": _OLD_STATES}}
    return {
        "name": "tidy",
        "enabled": True,
        "type": "Lifecycle",
        "definition": {
            "filters": {"blob_types": ["blockBlob"]},
            "actions": {"version": old, "snapshot": old},
        },
    }


class Identities(_AzurePart):
    """What CI comes as: an identity that looks and one that deploys, without keys."""

    def __init__(
        self,
        order: Order,
        provider: azure.Provider,
        trust: Trust,
        *,
        state: State,
        group: Output[str],
    ) -> None:
        super().__init__("Identities", order, provider)
        self._group = group
        #: Output -> client ID, which Azure makes up.
        self.clients: dict[str, Output[str]] = {}
        deploy = self._identity("deploy", trust, trust.deploy)
        preview = self._identity("preview", trust, trust.preview)
        role = self._role("deploy", [*_SERVICES, *_RIGHTS, "*/read"], _NEVER)
        self.assign(
            "deploy",
            role.id,
            scope=self.subscription,
            principal=deploy,
            condition=_only_roles_of_workloads(),
            by_hand=True,
        )
        reader = self.builtin("Reader")
        self.assign("preview", reader, scope=self.subscription, principal=preview, by_hand=True)
        # By their paths, which are known before they are there.
        providers = f"{self.subscription}/resourceGroups/{_GROUP}/providers"
        digits = short(order.account)
        account = f"{providers}/Microsoft.Storage/storageAccounts/plinthstate{digits}"
        key = f"{providers}/Microsoft.KeyVault/vaults/plinth-{digits}/keys/plinth-state"
        for name, principal, data in (
            ("deploy", deploy, "Storage Blob Data Contributor"),
            ("preview", preview, "Storage Blob Data Reader"),
        ):
            for what, role_name, scope in (
                ("state", data, account),
                ("key", "Key Vault Crypto User", key),
            ):
                self.assign(
                    f"{name}-{what}",
                    self.builtin(role_name),
                    scope=scope,
                    principal=principal,
                    depends_on=[state],
                    by_hand=True,
                )
        self.register_outputs({})

    def _known(self, path: str, *depends_on: Resource) -> ResourceOptions:
        made = self.child(depends_on=depends_on)
        made.import_ = f"{self.subscription}{path}" if self.order.adopt else None
        return made

    def _identity(self, name: str, trust: Trust, subjects: Sequence[str]) -> Output[str]:
        """An identity with one federated credential a subject; its principal."""
        physical = f"plinth-{name}"
        path = (
            f"/resourceGroups/{_GROUP}/providers/Microsoft.ManagedIdentity"
            f"/userAssignedIdentities/{physical}"
        )
        identity = managedidentity.UserAssignedIdentity(
            name,
            resource_name_=physical,
            resource_group_name=self._group,
            location=self.order.region,
            tags=self.order.tags,
            opts=self._known(path),
        )
        before: tuple[Resource, ...] = ()
        for subject in subjects:
            # Azure compares subjects as a whole: what ends in a pattern gets in nowhere.
            if subject.endswith("*"):
                continue
            # Stable whatever comes before or behind it in the list.
            called = f"{trust.ci}-{uuid.uuid5(_NAMES, subject).hex[:8]}"
            credential = managedidentity.FederatedIdentityCredential(
                f"{name}-{called}",
                federated_identity_credential_resource_name=called,
                resource_name_=identity.name,
                resource_group_name=self._group,
                issuer=trust.issuer,
                subject=subject,
                audiences=[_AUDIENCE],
                # Azure refuses two changes of an identity's credentials at once.
                opts=self._known(f"{path}/federatedIdentityCredentials/{called}", *before),
            )
            before = (credential,)
        self.clients[f"{name}_client_id"] = identity.client_id
        principal: Output[str] = identity.principal_id
        return principal

    def _role(self, name: str, actions: Sequence[str], never: Sequence[str]) -> Any:
        guid = str(uuid.uuid5(_NAMES, f"{self.order.account}/role/{name}"))
        return authorization.RoleDefinition(
            name,
            role_definition_id=guid,
            role_name=f"Plinth {name} {short(self.order.account)}",
            description="What a deployment of Plinth makes.",
            role_type="CustomRole",
            scope=self.subscription,
            assignable_scopes=[self.subscription],
            permissions=[
                {
                    "actions": list(actions),
                    "not_actions": list(never),
                    "data_actions": [],
                    "not_data_actions": [],
                }
            ],
            opts=self._known(f"/providers/Microsoft.Authorization/roleDefinitions/{guid}"),
        )


def _only_roles_of_workloads() -> str:
    """Roles that a deployment may give and take: those that the adapter gives, and no other.

    Source: Azure documentation, "Examples to delegate Azure role assignment management with
    conditions", constrain roles.
    """
    allowed = ", ".join(guid for name, guid in sorted(ROLES.items()) if name != "Reader")
    action = "Microsoft.Authorization/roleAssignments"
    parts = [
        f"((!(ActionMatches{{'{action}/{verb}'}})) OR "
        f"(@{source}[{action}:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {{{allowed}}}))"
        for verb, source in (("write", "Request"), ("delete", "Resource"))
    ]
    return " AND ".join(parts)
