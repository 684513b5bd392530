"""What Azure refuses without looking at anything else: names, and settings that do not fit."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from plinth.graph import UNKNOWN
from plinth.rehearsal.check import Failure, join
from plinth.rehearsal.packages.azure.rules import NAME_RULES

_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_Check: TypeAlias = Callable[[Mapping[str, Any]], Iterator[Failure]]

#: Types that are nowhere in particular. Read: their examples in the REST reference.
GLOBAL_PLACE: Final = frozenset(
    {
        "azure-native:dns:Zone",
        "azure-native:monitor:ActionGroup",
        "azure-native:monitor:ActivityLogAlert",
        "azure-native:monitor:MetricAlert",
        "azure-native:privatedns:PrivateZone",
        "azure-native:privatedns:VirtualNetworkLink",
    }
)
#: ... and of these, the ones that are not anywhere else either.
_GLOBAL_ONLY: Final = frozenset(t for t in GLOBAL_PLACE if ":monitor:ActionGroup" not in t)


def is_uuid(text: str) -> bool:
    """Whether a text is a GUID."""
    return _UUID.fullmatch(text) is not None


def name(token: str, key: str, inputs: Mapping[str, Any]) -> Iterator[Failure]:
    """Names in a form that Azure refuses."""
    form, value = NAME_RULES.get(token), inputs.get(key)
    known = isinstance(value, str) and value != UNKNOWN
    if form and known and not re.fullmatch(form.pattern, str(value)):
        yield Failure(key, f"{key} is {value!r}, but must be {form.words}")


def settings(token: str, inputs: Mapping[str, Any]) -> Iterator[Failure]:
    """Settings that do not go together."""
    place = inputs.get("location")
    if token in _GLOBAL_ONLY and place not in (None, UNKNOWN) and str(place).lower() != "global":
        yield Failure("location", f"location is {place!r}, but must be global")
    if token in _CHECKS:
        yield from _CHECKS[token](inputs)


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _vault(inputs: Mapping[str, Any]) -> Iterator[Failure]:
    properties = _object(inputs.get("properties"))
    days, path = properties.get("softDeleteRetentionInDays"), "properties.softDeleteRetentionInDays"
    if isinstance(days, (int, float)) and not 7 <= days <= 90:
        yield Failure(path, f"{path} is {days}, but must be 7 to 90")
    if properties.get("enablePurgeProtection") is False:
        path = "properties.enablePurgeProtection"
        yield Failure(path, f"{path} cannot be false; leave it out")
    rbac = properties.get("enableRbacAuthorization")
    if rbac in (None, False) and properties.get("accessPolicies") is None:
        path = "properties.accessPolicies"
        yield Failure(path, f"{path} is required unless enableRbacAuthorization is true")


def _cluster(inputs: Mapping[str, Any]) -> Iterator[Failure]:
    """Believed: the errors of the service for these are well known."""
    pools = inputs.get("agentPoolProfiles")
    automatic = _object(inputs.get("sku")).get("name") == "Automatic"
    if pools != UNKNOWN and not automatic:
        modes = [pool.get("mode") for pool in pools or [] if isinstance(pool, Mapping)]
        if not any(mode in ("System", UNKNOWN) for mode in modes):
            path = "agentPoolProfiles"
            yield Failure(path, f"{path} needs a pool with mode System")
    for index, pool in enumerate(pools if isinstance(pools, list) else []):
        own = {"agentPoolName": _object(pool).get("name")}
        for failure in name("azure-native:containerservice:AgentPool", "agentPoolName", own):
            path = join(join("agentPoolProfiles", index), "name")
            yield Failure(path, failure.reason.replace("agentPoolName", path, 1))
    if inputs.get("dnsPrefix") is None and inputs.get("fqdnSubdomain") is None:
        yield Failure("dnsPrefix", "dnsPrefix is required and missing")
    if inputs.get("identity") is None and inputs.get("servicePrincipalProfile") is None:
        yield Failure("identity", "identity is required and missing")
    workload = _object(_object(inputs.get("securityProfile")).get("workloadIdentity"))
    issuer = _object(inputs.get("oidcIssuerProfile")).get("enabled")
    if workload.get("enabled") is True and issuer not in (True, UNKNOWN):
        path = "oidcIssuerProfile.enabled"
        yield Failure(path, f"{path} has to be true for workload identity")


def _postgres(inputs: Mapping[str, Any]) -> Iterator[Failure]:
    network = _object(inputs.get("network"))
    if network.get("delegatedSubnetResourceId") and not network.get("privateDnsZoneArmResourceId"):
        path = "network.privateDnsZoneArmResourceId"
        yield Failure(path, f"{path} is required with network.delegatedSubnetResourceId")
    encryption = _object(inputs.get("dataEncryption"))
    if encryption.get("type") == "AzureKeyVault" and inputs.get("identity") is None:
        yield Failure("identity", "identity is required for encryption with a key of one's own")
    days, path = _object(inputs.get("backup")).get("backupRetentionDays"), "backup"
    if isinstance(days, (int, float)) and not 7 <= days <= 35:
        path = "backup.backupRetentionDays"
        yield Failure(path, f"{path} is {days}, but must be 7 to 35")


_CHECKS: Final[Mapping[str, _Check]] = {
    "azure-native:containerservice:ManagedCluster": _cluster,
    "azure-native:dbforpostgresql:Server": _postgres,
    "azure-native:keyvault:Vault": _vault,
}
