"""Good and bad cases of the rules on exposure on Azure."""

from __future__ import annotations

from policy_support import Table, nested, resource, settings_table

from plinth.graph import UNKNOWN, Resource
from plinth_policies.exposure.azure import BROUGHT

ACCOUNT = "azure-native:storage:StorageAccount"
VAULT = "azure-native:keyvault:Vault"
REGISTRY = "azure-native:containerregistry:Registry"
POSTGRES = "azure-native:dbforpostgresql:Server"
REDIS = "azure-native:redis:Redis"
CLUSTER = "azure-native:containerservice:ManagedCluster"
POOL = "azure-native:containerservice:AgentPool"
LOGS = "azure-native:operationalinsights:Workspace"
METRICS = "azure-native:monitor:AzureMonitorWorkspace"
AI = "azure-native:cognitiveservices:Account"
ENDPOINT = "azure-native:machinelearningservices:OnlineEndpoint"
GROUP = "azure-native:network:NetworkSecurityGroup"
RULE = "azure-native:network:SecurityRule"
BALANCER = "azure-native:network:LoadBalancer"
GATEWAY = "azure-native:network:ApplicationGateway"
FIREWALL = "azure-native:dbforpostgresql:FirewallRule"

_CLOSED = (
    "containerregistry:Registry",
    "redisenterprise:RedisEnterprise",
    "compute:Disk",
    "compute:Snapshot",
    "eventhub:Namespace",
    "servicebus:Namespace",
    "cosmosdb:DatabaseAccount",
    "sql:Server",
    "machinelearningservices:Workspace",
    "machinelearningservices:Registry",
    "databricks:Workspace",
    "search:Service",
    "eventgrid:Topic",
)

_NETWORK = settings_table(
    (ACCOUNT, "publicNetworkAccess", "SecuredByPerimeter", "Enabled"),
    (VAULT, "properties.publicNetworkAccess", "disabled", None),
    (POSTGRES, "network.publicNetworkAccess", "Disabled", "Enabled"),
    ("azure-native:dbformysql:Server", "network.publicNetworkAccess", "Disabled", None),
    (REDIS, "publicNetworkAccess", "Disabled", "Enabled"),
    (AI, "properties.publicNetworkAccess", "Disabled", "Enabled"),
    (ENDPOINT, "properties.publicNetworkAccess", "Disabled", "Enabled"),
    *((f"azure-native:{kind}", "publicNetworkAccess", "Disabled", None) for kind in _CLOSED),
)


def _api(**profile: object) -> dict[str, object]:
    return {"apiServerAccessProfile": profile}


def _workspace(ingestion: object, query: object) -> dict[str, object]:
    return {"publicNetworkAccessForIngestion": ingestion, "publicNetworkAccessForQuery": query}


def _rule(source: object, **more: object) -> dict[str, object]:
    return {"direction": "Inbound", "access": "Allow", "sourceAddressPrefix": source, **more}


def _single(*sources: object, **more: object) -> list[Resource]:
    rule = _rule(None, sourceAddressPrefixes=list(sources), **more)
    return [resource(RULE, rule)]


def _frontend(
    address: object, token: str = BALANCER, name: str = "subject", **more: object
) -> list[Resource]:
    frontend = {"publicIPAddress": address, **more}
    return [resource(token, {"frontendIPConfigurations": [frontend]}, name)]


def _range(first: str, last: str, service: str = "dbforpostgresql") -> list[Resource]:
    inputs = {"startIpAddress": first, "endIpAddress": last}
    return [resource(f"azure-native:{service}:FirewallRule", inputs)]


def _compute(*, public: object = False, local: object = True) -> dict[str, object]:
    properties = {"enableNodePublicIp": public}
    kind = {"computeType": "AmlCompute", "disableLocalAuth": local}
    return {"properties": {**kind, "properties": properties}}


TABLES = {
    "exposure-azure-public-network": Table(
        ACCOUNT,
        good=[
            *_NETWORK.good,
            [resource(POSTGRES, {"network": {"delegatedSubnetResourceId": UNKNOWN}})],
            [resource(REDIS, {"subnetId": UNKNOWN})],
        ],
        bad=[*_NETWORK.bad, ({}, "publicNetworkAccess is not set, which means Enabled")],
    ),
    "exposure-azure-monitor-network": Table(
        LOGS,
        good=[
            {"features": {"disableLocalAuth": True}},
            _workspace("Disabled", "SecuredByPerimeter"),
            [resource(METRICS, {"publicNetworkAccess": "Disabled"})],
        ],
        bad=[
            ({}, "publicNetworkAccessForIngestion is not set, which means Enabled"),
            (_workspace("Disabled", None), "publicNetworkAccessForQuery is not set"),
            (_workspace("Enabled", "Disabled"), "publicNetworkAccessForIngestion is Enabled"),
            (
                {"features": {"disableLocalAuth": False}},
                "publicNetworkAccessForQuery is not set, which means Enabled",
            ),
            ({"features": {"disableLocalAuth": UNKNOWN}}, "disableLocalAuth is not known"),
            (_workspace(UNKNOWN, "Disabled"), "publicNetworkAccessForIngestion is not known"),
            ([resource(METRICS, {})], "publicNetworkAccess is not set, which means Enabled"),
            ([resource(METRICS, {"publicNetworkAccess": UNKNOWN})], "is not known"),
        ],
    ),
    "exposure-azure-anonymous": settings_table(
        (ACCOUNT, "allowBlobPublicAccess", False, True),
        ("azure-native:storage:BlobContainer", "publicAccess", None, "Blob"),
        (REGISTRY, "anonymousPullEnabled", None, True),
    ),
    "exposure-azure-static-keys": settings_table(
        (ACCOUNT, "allowSharedKeyAccess", False, None),
        (REGISTRY, "adminUserEnabled", None, True),
        (VAULT, "properties.enableRbacAuthorization", True, None),
        (CLUSTER, "disableLocalAccounts", True, None),
        (CLUSTER, "aadProfile.managed", True, None),
        (CLUSTER, "aadProfile.enableAzureRBAC", True, False),
        (POSTGRES, "authConfig.activeDirectoryAuth", "Enabled", "Disabled"),
        ("azure-native:eventhub:Namespace", "disableLocalAuth", True, None),
        ("azure-native:servicebus:Namespace", "disableLocalAuth", True, False),
        ("azure-native:cosmosdb:DatabaseAccount", "disableLocalAuth", True, None),
        (AI, "properties.disableLocalAuth", True, None),
        ("azure-native:search:Service", "disableLocalAuth", True, None),
        (ENDPOINT, "properties.authMode", "AADToken", "Key"),
        (
            "azure-native:sql:Server",
            "administrators.azureADOnlyAuthentication",
            True,
            None,
        ),
    ),
    "exposure-aks-workload-identity": settings_table(
        (CLUSTER, "oidcIssuerProfile.enabled", True, None),
        (CLUSTER, "securityProfile.workloadIdentity.enabled", True, False),
    ),
    "exposure-aks-endpoint": Table(
        CLUSTER,
        good=[
            _api(enablePrivateCluster=True),
            _api(authorizedIPRanges=["203.0.113.7", "10.0.0.0/8"]),
        ],
        bad=[
            ({}, "authorizedIPRanges is not set"),
            (_api(enablePrivateCluster=UNKNOWN), "enablePrivateCluster is not known"),
            (_api(authorizedIPRanges=["0.0.0.0/0"]), "the whole internet"),
            (_api(authorizedIPRanges=["198.51.100.7/32"]), "not an allowed public range"),
            (_api(authorizedIPRanges=UNKNOWN), "authorizedIPRanges is not known"),
        ],
    ),
    "exposure-azure-machine-public-ip": Table(
        CLUSTER,
        good=[
            {"agentPoolProfiles": [{"name": "system"}]},
            [resource(POOL, {"enableNodePublicIP": False})],
        ],
        bad=[
            ({"agentPoolProfiles": [{"enableNodePublicIP": True}]}, "enableNodePublicIP is on"),
            ([resource(POOL, {"enableNodePublicIP": True})], "enableNodePublicIP is on"),
            ([resource(POOL, {"enableNodePublicIP": UNKNOWN})], "is not known"),
            *(
                ([resource(token, nested({path: {"name": "a"}}))], "publicIPAddressConf")
                for token, path in BROUGHT.items()
            ),
            (
                [resource("azure-native:compute:VirtualMachine", {"networkProfile": UNKNOWN})],
                "is not known",
            ),
            (
                [
                    resource(
                        "azure-native:network:NetworkInterface",
                        {"ipConfigurations": [{"publicIPAddress": {"id": UNKNOWN}}]},
                    )
                ],
                "publicIPAddress is set",
            ),
        ],
    ),
    "exposure-azure-load-balancer": Table(
        BALANCER,
        good=[
            _frontend(None, subnet={"id": UNKNOWN}),
            _frontend({"id": UNKNOWN}, name="public-lb"),
        ],
        bad=[
            (_frontend({"id": UNKNOWN}), "faces the internet"),
            (_frontend({"id": "ip"}, GATEWAY), "faces the internet"),
            ({"frontendIPConfigurations": UNKNOWN}, "is not known"),
        ],
    ),
    "exposure-azure-security-rule": Table(
        GROUP,
        good=[
            {},
            {"securityRules": [_rule("VirtualNetwork"), _rule("10.0.0.0/16"), _rule("fd00::/8")]},
            _single("203.0.113.0/25", "AzureLoadBalancer"),
            _single("*", direction="Outbound"),
            _single("Internet", access="deny"),
        ],
        bad=[
            ({"securityRules": [_rule("*")]}, "the whole internet (*)"),
            ({"securityRules": [_rule("Internet")]}, "the whole internet (Internet)"),
            ({"securityRules": [_rule("AzureCloud")]}, "the service tag AzureCloud"),
            ({"securityRules": [_rule("0.0.0.0/0")]}, "the whole internet (0.0.0.0/0)"),
            ({"securityRules": [_rule("::/0")]}, "the whole internet (::/0)"),
            ({"securityRules": UNKNOWN}, "securityRules is not known"),
            (_single("198.51.100.0/24"), "not an allowed public range"),
            (_single(UNKNOWN), "sourceAddressPrefixes is not known"),
            (_single("10.0.0.0/8", direction=UNKNOWN), "direction is not known"),
        ],
    ),
    "exposure-azure-database-firewall": Table(
        FIREWALL,
        good=[_range("10.0.0.1", "10.0.0.9"), _range("203.0.113.7", "203.0.113.7")],
        bad=[
            (_range("0.0.0.0", "0.0.0.0"), "every machine on Azure"),
            (_range("0.0.0.0", "255.255.255.255"), "the whole internet"),
            (_range("198.51.100.1", "198.51.100.2", "dbformysql"), "not an allowed public range"),
            (_range("8.8.8.8", "8.8.8.8", "sql"), "not an allowed public range"),
            (_range(UNKNOWN, "10.0.0.9"), "startIpAddress is not known"),
        ],
    ),
    "exposure-azure-subnet-group": Table(
        "azure-native:network:Subnet",
        good=[{"networkSecurityGroup": {"id": UNKNOWN}}, {"subnetName": "GatewaySubnet"}],
        bad=[
            ({}, "networkSecurityGroup is not set"),
            ({"subnetName": UNKNOWN}, "networkSecurityGroup is not set"),
        ],
    ),
    "exposure-azure-ml-compute": Table(
        "azure-native:machinelearningservices:Compute",
        good=[_compute(), {"properties": {"computeType": "Kubernetes"}}],
        bad=[
            (_compute(public=True), "enableNodePublicIp is on"),
            (_compute(public=None), "enableNodePublicIp is not set, which means true"),
            (_compute(public=UNKNOWN), "enableNodePublicIp is not known"),
            (_compute(local=None), "disableLocalAuth is not set"),
            ({"properties": UNKNOWN}, "computeType is not known"),
        ],
    ),
}
