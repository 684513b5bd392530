"""What can be reached from outside on Azure, and by whom."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any, Final

from plinth.graph import Resource
from plinth_policies.controls import CREDENTIALS, EXPOSURE, PRIVILEGE
from plinth_policies.encryption.azure import AGENT_POOL, CLUSTER, VAULT
from plinth_policies.exposure.ranges import may_be_public, open_ranges
from plinth_policies.model import REGISTRY, Scope, kind_of
from plinth_policies.settings import Setting, register
from plinth_policies.values import blocks, every, get, is_on, known, value_refused

_OFF: Final = ("Disabled", "SecuredByPerimeter")
_CLOSED: Final = (Setting("publicNetworkAccess", _OFF, default="Enabled"),)
_NO_KEYS: Final = (Setting("disableLocalAuth", ("true",), default="false"),)

_GROUP: Final = "azure-native:network:NetworkSecurityGroup"
_SECURITY_RULE: Final = "azure-native:network:SecurityRule"
_RULE_READS: Final = ("direction", "access", "sourceAddressPrefix", "sourceAddressPrefixes")

#: Service tags that stand for the network itself; all others stand for strangers, be they
#: customers of Azure (Azure documentation, "Virtual network service tags").
_INSIDE: Final = ("VirtualNetwork", "AzureLoadBalancer")
_EVERYONE: Final = ("*", "Internet", "Any")

register(
    "exposure-azure-public-network",
    {
        "azure-native:storage:StorageAccount": _CLOSED,
        VAULT: (Setting("properties.publicNetworkAccess", _OFF, default="Enabled"),),
        "azure-native:containerregistry:Registry": _CLOSED,
        **{
            f"azure-native:dbfor{engine}:Server": (
                Setting(
                    "network.publicNetworkAccess",
                    _OFF,
                    default="Enabled",
                    moot="network.delegatedSubnetResourceId",
                ),
            )
            for engine in ("postgresql", "mysql")
        },
        "azure-native:redisenterprise:RedisEnterprise": _CLOSED,
        "azure-native:redis:Redis": (
            Setting("publicNetworkAccess", _OFF, default="Enabled", moot="subnetId"),
        ),
        "azure-native:compute:Disk": _CLOSED,
        "azure-native:compute:Snapshot": _CLOSED,
        "azure-native:eventhub:Namespace": _CLOSED,
        "azure-native:servicebus:Namespace": _CLOSED,
        "azure-native:cosmosdb:DatabaseAccount": _CLOSED,
        "azure-native:sql:Server": _CLOSED,
        "azure-native:machinelearningservices:Workspace": _CLOSED,
        "azure-native:machinelearningservices:Registry": _CLOSED,
        "azure-native:machinelearningservices:OnlineEndpoint": (
            Setting("properties.publicNetworkAccess", _OFF, default="Enabled"),
        ),
        "azure-native:databricks:Workspace": _CLOSED,
        "azure-native:search:Service": _CLOSED,
        "azure-native:eventgrid:Topic": _CLOSED,
        "azure-native:cognitiveservices:Account": (
            Setting("properties.publicNetworkAccess", _OFF, default="Enabled"),
        ),
    },
    title="Azure's services answer inside the network alone",
    why="A service with a public endpoint is one leaked key away from everyone.",
    fix="set it to Disabled and give the service a private endpoint",
    controls=(*EXPOSURE, "cis-azure/4.6", "cis-azure/5.1.7", "cis-azure/5.4.1", "cis-azure/8.5"),
)


register(
    "exposure-azure-anonymous",
    {
        "azure-native:storage:StorageAccount": (
            Setting("allowBlobPublicAccess", ("false",), default="false"),
        ),
        "azure-native:storage:BlobContainer": (Setting("publicAccess", ("None",), default="None"),),
        "azure-native:containerregistry:Registry": (
            Setting("anonymousPullEnabled", ("false",), default="false"),
        ),
    },
    title="Nobody reads blobs or images without an identity",
    why="One public container is enough to publish training data.",
    fix="leave the property at its default, which takes no anonymous reader",
    controls=(*EXPOSURE, "cis-azure/4.17"),
    mends=True,
)

register(
    "exposure-azure-static-keys",
    {
        "azure-native:storage:StorageAccount": (
            Setting("allowSharedKeyAccess", ("false",), default="true"),
        ),
        "azure-native:containerregistry:Registry": (
            Setting("adminUserEnabled", ("false",), default="false"),
        ),
        VAULT: (Setting("properties.enableRbacAuthorization", ("true",)),),
        CLUSTER: (
            Setting("disableLocalAccounts", ("true",), default="false"),
            Setting("aadProfile.managed", ("true",)),
            Setting("aadProfile.enableAzureRBAC", ("true",)),
        ),
        "azure-native:dbforpostgresql:Server": (
            Setting("authConfig.activeDirectoryAuth", ("Enabled",)),
        ),
        "azure-native:eventhub:Namespace": _NO_KEYS,
        "azure-native:servicebus:Namespace": _NO_KEYS,
        "azure-native:cosmosdb:DatabaseAccount": _NO_KEYS,
        "azure-native:search:Service": _NO_KEYS,
        "azure-native:machinelearningservices:OnlineEndpoint": (
            Setting("properties.authMode", ("AADToken",)),
        ),
        "azure-native:cognitiveservices:Account": (
            Setting("properties.disableLocalAuth", ("true",), default="false"),
        ),
        "azure-native:sql:Server": (
            Setting("administrators.azureADOnlyAuthentication", ("true",)),
        ),
    },
    title="Azure's services know their clients by identities of the directory",
    why="Keys and local accounts are shared, never expire, and leave no name in the logs.",
    fix="turn keys and local accounts off and access control of the directory on",
    controls=(
        *CREDENTIALS,
        "cis-azure/3.3.6",
        "cis-azure/5.1.4",
        "cis-azure/5.4.3",
        "cis-aks/5.5.1",
        "cis-aks/5.5.2",
    ),
)

register(
    "exposure-aks-workload-identity",
    {
        CLUSTER: (
            Setting("oidcIssuerProfile.enabled", ("true",)),
            Setting("securityProfile.workloadIdentity.enabled", ("true",)),
        )
    },
    title="Workloads on AKS have identities of their own",
    why="Without them every pod has the rights of its node or carries a static secret.",
    fix="turn oidcIssuerProfile and securityProfile.workloadIdentity on",
    controls=(*PRIVILEGE, "cis-aks/5.2.1"),
)


_LOGS: Final = "azure-native:operationalinsights:Workspace"
_METRICS: Final = "azure-native:monitor:AzureMonitorWorkspace"
_ENTRA_ONLY: Final = "features.disableLocalAuth"
_LOG_ACCESS: Final = ("publicNetworkAccessForIngestion", "publicNetworkAccessForQuery")


@REGISTRY.rule(
    "exposure-azure-monitor-network",
    title="Logs and metrics on Azure are for identities of the directory, or for the network alone",
    why="Logs name every user, address and mistake of a platform, and the keys of a workspace have "
    "no name. Queries take identities only, and so do data collection endpoints, which are "
    "therefore not judged (Azure Monitor, Logs Ingestion API).",
    fix="turn features.disableLocalAuth on, or set public network access to Disabled and reach "
    "Azure Monitor through a private link scope",
    judges={_LOGS: (_ENTRA_ONLY, *_LOG_ACCESS), _METRICS: ("publicNetworkAccess",)},
    controls=EXPOSURE,
    good={"features": {"disableLocalAuth": True}},
    bad={"features": {"disableLocalAuth": False}},
)
def _monitor(resource: Resource, _scope: Scope) -> Iterator[str]:
    names: tuple[str, ...] = ("publicNetworkAccess",)
    if kind_of(resource.type) == _LOGS:
        if is_on(known(get(resource.inputs, _ENTRA_ONLY), _ENTRA_ONLY)):
            return
        names = _LOG_ACCESS
    for name in names:
        yield from value_refused(resource.inputs, name, _OFF, default="Enabled")


@REGISTRY.rule(
    "exposure-aks-endpoint",
    title="The AKS API is closed to the internet but for listed ranges",
    why="The API server is open to the whole internet unless it is told otherwise.",
    fix="turn apiServerAccessProfile.enablePrivateCluster on, or list allowed ranges in "
    "authorizedIPRanges",
    judges={
        CLUSTER: (
            "apiServerAccessProfile.enablePrivateCluster",
            "apiServerAccessProfile.authorizedIPRanges",
        )
    },
    parameters=("allowed_public_cidrs",),
    controls=(*EXPOSURE, "cis-aks/5.4.1", "cis-aks/5.4.2"),
    good={"apiServerAccessProfile": {"enablePrivateCluster": True}},
    bad={"apiServerAccessProfile": {"enablePrivateCluster": False}},
)
def _aks(resource: Resource, scope: Scope) -> Iterator[str]:
    private = "apiServerAccessProfile.enablePrivateCluster"
    if is_on(known(get(resource.inputs, private), private)):
        return
    ranges = get(resource.inputs, "apiServerAccessProfile.authorizedIPRanges")
    if not ranges:
        yield "the cluster is not private and authorizedIPRanges is not set"
    yield from open_ranges(ranges, "authorizedIPRanges", scope)


_ADDRESS: Final = (
    "networkProfile.networkInterfaceConfigurations.ipConfigurations.publicIPAddressConfiguration"
)
#: Machines that bring interfaces of their own -> where these have a public address.
BROUGHT: Final = {
    "azure-native:compute:VirtualMachine": _ADDRESS,
    "azure-native:compute:VirtualMachineScaleSet": f"virtualMachineProfile.{_ADDRESS}",
}


@REGISTRY.rule(
    "exposure-azure-machine-public-ip",
    title="Machines on Azure have no public address",
    why="Whatever listens on the machine could be reached from the internet.",
    fix="turn enableNodePublicIP off, or remove publicIPAddress or publicIPAddressConfiguration",
    judges={
        CLUSTER: ("agentPoolProfiles.enableNodePublicIP",),
        AGENT_POOL: ("enableNodePublicIP",),
        "azure-native:network:NetworkInterface": ("ipConfigurations.publicIPAddress",),
        **{token: (path,) for token, path in BROUGHT.items()},
    },
    controls=(*EXPOSURE, "cis-aks/5.4.3"),
    good={"agentPoolProfiles": [{"name": "system", "enableNodePublicIP": False}]},
    bad={"agentPoolProfiles": [{"name": "system", "enableNodePublicIP": True}]},
)
def _machine(resource: Resource, _scope: Scope) -> Iterator[str]:
    brought = BROUGHT.get(kind_of(resource.type))
    if brought:
        if every(resource.inputs, brought):
            yield "publicIPAddressConfiguration is set"
        return
    parts: list[Mapping[str, Any]] = [resource.inputs]
    if kind_of(resource.type) != AGENT_POOL:
        name = "agentPoolProfiles" if kind_of(resource.type) == CLUSTER else "ipConfigurations"
        parts = blocks(resource.inputs.get(name), name)
    for part in parts:
        if is_on(known(get(part, "enableNodePublicIP"), "enableNodePublicIP")):
            yield "enableNodePublicIP is on"
        if get(part, "publicIPAddress"):
            yield "publicIPAddress is set"


def _frontend(address: Mapping[str, Any]) -> dict[str, Any]:
    return {"frontendIPConfigurations": [{"name": "platform", **address}]}


@REGISTRY.rule(
    "exposure-azure-load-balancer",
    title="Load balancers on Azure are internal unless they are meant to be public",
    why="A load balancer with a public address publishes what is behind it.",
    fix="give the frontend a subnet instead of a public address, or name it in public_services",
    judges=dict.fromkeys(
        ("azure-native:network:LoadBalancer", "azure-native:network:ApplicationGateway"),
        ("frontendIPConfigurations.publicIPAddress",),
    ),
    parameters=("public_services",),
    controls=EXPOSURE,
    good=_frontend({"subnet": {"id": "nodes"}}),
    bad=_frontend({"publicIPAddress": {"id": "address"}}),
)
def _load_balancer(resource: Resource, scope: Scope) -> Iterator[str]:
    name = "frontendIPConfigurations"
    frontends = blocks(resource.inputs.get(name), name)
    if any(get(f, "publicIPAddress") for f in frontends) and not may_be_public(resource, scope):
        yield "the load balancer faces the internet"


def _inbound(source: str) -> dict[str, Any]:
    rule = {"name": "https", "direction": "Inbound", "access": "Allow"}
    return {"securityRules": [{**rule, "sourceAddressPrefix": source}]}


@REGISTRY.rule(
    "exposure-azure-security-rule",
    title="Azure's security groups let in no public range that is not listed",
    why="What listens behind the group is scanned within minutes.",
    fix="let in a private range or a service tag of the network, or list the range as allowed",
    judges={
        _GROUP: tuple(f"securityRules.{name}" for name in _RULE_READS),
        _SECURITY_RULE: _RULE_READS,
    },
    parameters=("allowed_public_cidrs",),
    controls=(*EXPOSURE, "cis-azure/7.1", "cis-azure/7.2", "cis-azure/7.3", "cis-azure/7.4"),
    good=_inbound("10.0.0.0/16"),
    bad=_inbound("*"),
)
def _security_rule(resource: Resource, scope: Scope) -> Iterator[str]:
    rules: list[Mapping[str, Any]] = [resource.inputs]
    if kind_of(resource.type) == _GROUP:
        rules = blocks(resource.inputs.get("securityRules"), "securityRules")
    for rule in rules:
        outbound = not list(value_refused(rule, "direction", ("Outbound",)))
        denied = not list(value_refused(rule, "access", ("Deny",)))
        if not (outbound or denied):
            for name in _RULE_READS[2:]:
                yield from _open_sources(get(rule, name), name, scope)


def _open_sources(sources: Any, name: str, scope: Scope) -> Iterator[str]:
    cidrs = []
    for source in blocks(sources, name):
        if source in _EVERYONE:
            yield f"{name} lets in the whole internet ({source})"
        elif source[:1].isalpha() and ":" not in source:
            if source not in _INSIDE:
                yield f"{name} lets in the service tag {source}"
        else:
            cidrs.append(source)
    yield from open_ranges(cidrs, name, scope)


@REGISTRY.rule(
    "exposure-azure-database-firewall",
    title="Firewalls of Azure's databases let in no public range that is not listed",
    why="A database with a public address is one password away from everyone.",
    fix="remove the firewall rule, or list the range as allowed",
    judges=dict.fromkeys(
        (
            "azure-native:dbforpostgresql:FirewallRule",
            "azure-native:dbformysql:FirewallRule",
            "azure-native:sql:FirewallRule",
        ),
        ("startIpAddress", "endIpAddress"),
    ),
    parameters=("allowed_public_cidrs",),
    controls=(*EXPOSURE, "cis-azure/5.1.2", "cis-azure/5.2.5"),
    good={"startIpAddress": "10.0.0.0", "endIpAddress": "10.0.255.255"},
    bad={"startIpAddress": "198.51.100.0", "endIpAddress": "198.51.100.255"},
)
def _firewall(resource: Resource, scope: Scope) -> Iterator[str]:
    first, last = (
        ipaddress.IPv4Address(known(resource.inputs.get(name), name))
        for name in ("startIpAddress", "endIpAddress")
    )
    if int(first) == int(last) == 0:
        yield "the rule lets in every machine on Azure, whoever's it is"
        return
    ranges = [str(network) for network in ipaddress.summarize_address_range(first, last)]
    yield from open_ranges(ranges, "the rule", scope)
