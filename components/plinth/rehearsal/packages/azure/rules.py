"""What Azure refuses to name, and what it does not delete while it is in use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_UUID: Final = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


@dataclass(frozen=True, slots=True)
class Form:
    """What a name looks like.

    Attributes:
        pattern: Regular expression for the whole name.
        words: The same in words.
    """

    pattern: str
    words: str


def _network(low: int, high: int) -> Form:
    return Form(
        rf"(?=.{{{low},{high}}}$)[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9_])?",
        f"{low} to {high} letters, digits, underscores, periods and hyphens, beginning with a "
        "letter or digit and ending with one or an underscore",
    )


_DASHED: Final = Form(
    r"(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*",
    "3 to 63 lowercase letters, digits and single hyphens in between",
)
_DEFAULT: Final = Form("default", "default")
_GUID: Final = Form(_UUID, "a GUID")
_LOCK: Final = Form(
    r"[\w().-]{0,89}[\w()-]",
    "at most 90 letters, digits, periods, underscores, hyphens and parentheses",
)
_MANAGED: Final = Form(
    r"[A-Za-z0-9][A-Za-z0-9_-]{2,127}", "3 to 128 letters, digits, hyphens and underscores"
)
_ZONE: Final = Form(
    r"(?=.{1,253}$)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63}){1,33}",
    "2 to 34 labels with periods in between",
)

#: Type -> form of the physical name. Read: the page on naming rules in the Azure Resource Manager
#: documentation; of storage (containers, encryption scopes) and of the enterprise cache in the SDK.
#: Believed: node pools, federated credentials, budgets.
NAME_RULES: Final[Mapping[str, Form]] = {
    "azure-native:authorization:ManagementLockAtResourceGroupLevel": _LOCK,
    "azure-native:authorization:ManagementLockAtResourceLevel": _LOCK,
    "azure-native:authorization:ManagementLockAtSubscriptionLevel": _LOCK,
    "azure-native:authorization:ManagementLockByScope": _LOCK,
    "azure-native:authorization:RoleAssignment": _GUID,
    "azure-native:authorization:RoleDefinition": _GUID,
    "azure-native:compute:DiskEncryptionSet": Form(
        r"[A-Za-z0-9_-]{1,80}", "at most 80 letters, digits, underscores and hyphens"
    ),
    "azure-native:consumption:Budget": Form(
        r"[A-Za-z0-9_-]{1,63}", "at most 63 letters, digits, underscores and hyphens"
    ),
    "azure-native:containerregistry:Registry": Form(
        r"[A-Za-z0-9]{5,50}", "5 to 50 letters and digits"
    ),
    "azure-native:containerservice:AgentPool": Form(
        r"[a-z][a-z0-9]{0,11}", "a lowercase letter, then at most 11 lowercase letters and digits"
    ),
    "azure-native:containerservice:ManagedCluster": Form(
        r"[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?",
        "at most 63 letters, digits, underscores and hyphens, with a letter or digit at both ends",
    ),
    "azure-native:dbforpostgresql:Server": Form(
        r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]",
        "3 to 63 lowercase letters, digits and hyphens, with no hyphen at either end",
    ),
    "azure-native:dns:Zone": _ZONE,
    "azure-native:keyvault:Key": Form(
        r"[A-Za-z0-9-]{1,127}", "at most 127 letters, digits and hyphens"
    ),
    "azure-native:keyvault:Secret": Form(
        r"[A-Za-z0-9-]{1,127}", "at most 127 letters, digits and hyphens"
    ),
    "azure-native:keyvault:Vault": Form(
        r"(?=.{3,24}$)[A-Za-z][A-Za-z0-9]*(-[A-Za-z0-9]+)*",
        "a letter, then 2 to 23 letters, digits and single hyphens in between",
    ),
    "azure-native:managedidentity:FederatedIdentityCredential": Form(
        r"[A-Za-z0-9][A-Za-z0-9_-]{2,119}", "3 to 120 letters, digits, hyphens and underscores"
    ),
    "azure-native:managedidentity:UserAssignedIdentity": _MANAGED,
    "azure-native:network:NatGateway": _network(1, 80),
    "azure-native:network:NetworkSecurityGroup": _network(1, 80),
    "azure-native:network:NetworkWatcher": _network(1, 80),
    "azure-native:network:PrivateEndpoint": _network(2, 64),
    "azure-native:network:PublicIPAddress": _network(1, 80),
    "azure-native:network:RouteTable": _network(1, 80),
    "azure-native:network:Subnet": _network(1, 80),
    "azure-native:network:VirtualNetwork": _network(2, 64),
    "azure-native:operationalinsights:Workspace": Form(
        r"[A-Za-z0-9][A-Za-z0-9-]{2,61}[A-Za-z0-9]",
        "4 to 63 letters, digits and hyphens, with a letter or digit at both ends",
    ),
    "azure-native:privatedns:PrivateZone": _ZONE,
    "azure-native:privatedns:VirtualNetworkLink": _network(1, 80),
    "azure-native:redis:Redis": Form(
        r"(?=.{1,63}$)[A-Za-z0-9]+(-[A-Za-z0-9]+)*",
        "at most 63 letters, digits and single hyphens in between",
    ),
    "azure-native:redisenterprise:Database": _DEFAULT,
    "azure-native:redisenterprise:RedisEnterprise": Form(
        r"(?=.{1,60}$)[A-Za-z0-9]+(-[A-Za-z0-9]+)*",
        "at most 60 letters, digits and single hyphens in between",
    ),
    "azure-native:resources:ResourceGroup": Form(
        r"[\w().-]{0,89}[\w()-]",
        "at most 90 letters, digits, underscores, parentheses, hyphens and periods, "
        "not ending in a period",
    ),
    "azure-native:storage:BlobContainer": Form(
        rf"{_DASHED.pattern}|\$root|\$web|\$logs", _DASHED.words
    ),
    "azure-native:storage:BlobContainerImmutabilityPolicy": _DEFAULT,
    "azure-native:storage:BlobServiceProperties": _DEFAULT,
    "azure-native:storage:EncryptionScope": _DASHED,
    "azure-native:storage:ManagementPolicy": _DEFAULT,
    "azure-native:storage:StorageAccount": Form(
        r"[a-z0-9]{3,24}", "3 to 24 lowercase letters and digits"
    ),
}

#: Types whose names are taken for every subscription. Read: the same page, but for the enterprise
#: cache, whose name is part of an address of all customers.
GLOBAL: Final = frozenset(
    {
        "azure-native:containerregistry:Registry",
        "azure-native:dbforpostgresql:Server",
        "azure-native:keyvault:Vault",
        "azure-native:redis:Redis",
        "azure-native:redisenterprise:RedisEnterprise",
        "azure-native:storage:StorageAccount",
    }
)

#: Type -> properties that no two of them below one owner may share, and the error. Believed.
UNIQUE: Final[Mapping[str, tuple[tuple[str, ...], str]]] = {
    "azure-native:authorization:RoleAssignment": (
        ("scope", "principalId", "roleDefinitionId"),
        "RoleAssignmentExists",
    ),
    "azure-native:authorization:RoleDefinition": (
        ("scope", "roleName"),
        "RoleDefinitionWithSameNameExists",
    ),
    "azure-native:managedidentity:FederatedIdentityCredential": (
        ("resourceGroupName", "resourceName", "issuer", "subject"),
        "Conflict",
    ),
}

#: Type -> the error when it is deleted while something elsewhere names it. Believed.
HOLDS: Final[Mapping[str, str]] = {
    "azure-native:authorization:RoleDefinition": "RoleDefinitionHasAssignments",
    "azure-native:compute:DiskEncryptionSet": "ResourceInUse",
    "azure-native:network:NatGateway": "InUseNatGatewayCannotBeDeleted",
    "azure-native:network:NetworkSecurityGroup": "InUseNetworkSecurityGroupCannotBeDeleted",
    "azure-native:network:PublicIPAddress": "PublicIPAddressCannotBeDeleted",
    "azure-native:network:RouteTable": "InUseRouteTableCannotBeDeleted",
    "azure-native:network:Subnet": "InUseSubnetCannotBeDeleted",
    "azure-native:network:VirtualNetwork": "InUseSubnetCannotBeDeleted",
    "azure-native:monitor:DataCollectionEndpoint": "DataCollectionEndpointInUse",
}

#: Type -> the type below it that has to go first, and the error; anything else goes along.
#: Believed.
NESTED: Final[Mapping[str, tuple[str, str]]] = {
    "azure-native:privatedns:PrivateZone": (
        "azure-native:privatedns:VirtualNetworkLink",
        "CannotDeleteResource",
    ),
}

#: What only watches or guards a thing, and holds nothing.
WATCHERS: Final = (
    "azure-native:authorization:*",
    "azure-native:monitor:*",
    "azure-native:network:FlowLog",
    "azure-native:consumption:*",
    "azure-native:costmanagement:*",
    "azure-native:privatedns:VirtualNetworkLink",
)
