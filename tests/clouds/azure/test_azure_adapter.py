"""The graph of an Azure platform: structure, encryption, guards, rights."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import pulumi
import pytest
from azure_support import (
    ADMINS,
    PROD,
    SHARED,
    VIEWERS,
    blueprint,
    graph,
    of_type,
    one,
    recorded,
)
from pulumi import Resource
from pulumi_azure_native import storage

from plinth.clouds.azure import CLOUD, nodes
from plinth.clouds.azure.adapter import Azure
from plinth.clouds.azure.facts import ROLES
from plinth.clouds.azure.kubeconfig import kubeconfig
from plinth.graph import SECRET, Graph
from plinth.kube import Kube
from plinth.ports import PROTOCOLS, Grant
from plinth.spec.options import BucketOptions

NAMES = ["dev", "prod", "adopted"]
PUBLIC = ["198.51.100.0/24"]


def names(found: Graph, suffix: str) -> list[str]:
    return sorted(resource.name for resource in of_type(found, suffix))


def cluster(found: Graph) -> Mapping[str, Any]:
    return one(found, ":ManagedCluster").inputs


def roles(found: Graph, principal: str) -> set[tuple[str, str]]:
    """Roles of a principal, each with the last two parts of what it is on."""
    titles = {guid: title for title, guid in ROLES.items()}
    return {
        (
            titles[resource.inputs["roleDefinitionId"].rsplit("/", 1)[-1]],
            "/".join(resource.inputs["scope"].split("/")[-2:]),
        )
        for resource in of_type(found, ":RoleAssignment")
        if resource.inputs["principalId"] == principal
    }


def principal(found: Graph, name: str) -> str:
    identity = one(found, ":UserAssignedIdentity", name)
    return str(identity.outputs["principalId"])


def cluster_only(**changes: Any) -> Graph:
    def program(adapter: Azure, _parent: Resource) -> None:
        adapter.cluster()

    return recorded(blueprint(**changes), program)


def test_adapter_implements_every_port_it_lists() -> None:
    made = object.__new__(Azure)
    assert all(isinstance(made, PROTOCOLS[port]) for port in CLOUD.ports if port in PROTOCOLS)


@pytest.mark.parametrize("name", NAMES)
def test_everything_has_an_explicit_provider_and_a_cost_tag(name: str) -> None:
    found = graph(name)
    assert names(found, "providers:azure-native") == ["azure"]
    tagged = 0
    for resource in found:
        if resource.custom and not resource.is_provider:
            assert found.provider_of(resource), resource.urn
        if "tags" in resource.inputs:
            tagged += 1
            assert resource.inputs["tags"]["capability"] in {"foundation", "tracking"}
            assert resource.inputs["tags"]["cost-center"] == "4711"
    assert tagged > len(of_type(found, ":UserAssignedIdentity"))
    for kind in (":ResourceGroup", ":Vault", ":VirtualNetwork", ":ManagedCluster", ":AgentPool"):
        made = [resource for resource in of_type(found, kind) if resource.custom]
        assert all("tags" in resource.inputs for resource in made), kind


def test_what_others_make_is_tagged_as_what_it_belongs_to() -> None:
    def program(adapter: Azure, _foundation: Resource) -> None:
        tool = pulumi.ComponentResource("plinth:index:Tracking", "tracking")
        opts = pulumi.ResourceOptions(parent=tool)
        storage.StorageAccount(
            "theirs",
            resource_group_name="shared",
            kind="StorageV2",
            sku={"name": "Standard_LRS"},
            tags={"owner": "somebody"},
            opts=opts,
        )
        storage.BlobContainer("no-tags", account_name="a", resource_group_name="shared", opts=opts)

    found = recorded(blueprint(), program)
    tags = one(found, "storage:StorageAccount", "theirs").inputs["tags"]
    assert (tags["owner"], tags["capability"], tags["cost-center"]) == (
        "somebody",
        "tracking",
        "4711",
    )
    assert "tags" not in one(found, "storage:BlobContainer").inputs


# --- network -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("network", "subnets"),
    [
        ({"nat": "single"}, {"nodes-1": "nat-1"}),
        ({"nat": "per-zone"}, {"nodes-1": "nat-1", "nodes-2": "nat-2", "nodes-3": "nat-3"}),
        ({"nat": "per-zone", "zones": 2}, {"nodes-1": "nat-1", "nodes-2": "nat-2"}),
    ],
)
def test_each_zone_leaves_by_its_gateway(network: dict[str, Any], subnets: dict[str, str]) -> None:
    found = cluster_only(network=network)
    ways = {
        subnet.name: subnet.inputs["natGateway"]["id"].rsplit("/", 1)[-1]
        for subnet in of_type(found, ":Subnet")
        if "natGateway" in subnet.inputs
    }
    assert ways == subnets
    for gateway in of_type(found, ":NatGateway"):
        assert gateway.inputs["zones"] == [gateway.name[-1]]
    for subnet in of_type(found, ":Subnet"):
        assert subnet.inputs["defaultOutboundAccess"] is False
        assert subnet.inputs["networkSecurityGroup"]["id"]


def test_pools_are_split_as_the_subnets_are() -> None:
    found = graph("prod")
    pools = {
        pool.name: (
            pool.inputs["availabilityZones"],
            pool.inputs["minCount"],
            pool.inputs["maxCount"],
        )
        for pool in of_type(found, ":AgentPool")
    }
    assert pools == {
        "general-1": (["1"], 1, 2),
        "general-2": (["2"], 1, 2),
        "general-3": (["3"], 0, 2),
        "gpu-1": (["1"], 0, 1),
        "gpu-2": (["2"], 0, 1),
    }


def test_public_pages_are_open_to_those_listed_only() -> None:
    domain = {"name": "ml.example.com", "exposure": "public", "allow": PUBLIC}
    rules = one(cluster_only(domain=domain), ":NetworkSecurityGroup", "nodes").inputs
    (rule,) = rules["securityRules"]
    assert (rule["sourceAddressPrefixes"], rule["access"]) == (PUBLIC, "Allow")
    assert not one(cluster_only(), ":NetworkSecurityGroup", "nodes").inputs.get("securityRules")


def test_an_adopted_network_is_left_alone() -> None:
    found = graph("adopted")
    for kind in (":VirtualNetwork", ":Subnet", ":NatGateway", ":NetworkSecurityGroup", ":FlowLog"):
        assert not of_type(found, kind)
    hub = f"{SHARED}/Microsoft.Network/virtualNetworks/hub"
    assert found.outputs["network"] == hub
    for endpoint in of_type(found, ":PrivateEndpoint"):
        assert endpoint.inputs["subnet"]["id"] == f"{hub}/subnets/endpoints"
    assert cluster(found)["networkProfile"]["outboundType"] == "userDefinedRouting"


def test_private_zones_are_linked_once_or_left_to_the_organisation() -> None:
    found = graph("dev")
    zones = names(found, ":PrivateZone")
    assert zones == names(found, ":VirtualNetworkLink")
    assert "privatelink.vaultcore.azure.net" in zones
    assert len(of_type(found, ":PrivateDnsZoneGroup")) == len(of_type(found, ":PrivateEndpoint"))
    central = graph("adopted")
    assert not of_type(central, ":PrivateZone")
    assert not of_type(central, ":PrivateDnsZoneGroup")
    assert cluster(central)["apiServerAccessProfile"]["privateDNSZone"] == "none"


def test_flow_logs_go_where_no_key_opens() -> None:
    found = graph("dev")
    log = one(found, ":FlowLog").inputs
    assert log["retentionPolicy"] == {"enabled": True, "days": 365}
    account = one(found, ":StorageAccount", "flow-logs").inputs
    assert account["publicNetworkAccess"] == "Disabled"
    assert account["allowSharedKeyAccess"] is False
    assert account["encryption"]["keySource"] == "Microsoft.Keyvault"
    off = cluster_only(network={"flow_logs": {"enabled": False}})
    assert not of_type(off, ":FlowLog")
    assert not names(off, "plinth:index:FlowLogs")


# --- keys ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_vaults_are_closed_and_keep_what_they_lose(name: str) -> None:
    for vault in of_type(graph(name), ":Vault"):
        if not vault.custom:
            continue
        properties = vault.inputs["properties"]
        assert properties["enablePurgeProtection"] is True
        assert properties["enableRbacAuthorization"] is True
        assert properties["publicNetworkAccess"] == "Disabled"
        assert properties["softDeleteRetentionInDays"] == (30 if name == "prod" else 7)
        assert "vaultName" not in vault.inputs  # a deleted one keeps its name for days


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_uses_of_keys_and_secrets_are_recorded_where_few_may_read(name: str) -> None:
    found = graph(name)
    workspace = one(found, "operationalinsights:Workspace", "audit")
    assert workspace.inputs["publicNetworkAccessForIngestion"] == "Disabled"
    for vault in (r for r in of_type(found, "keyvault:Vault") if r.custom):
        setting = one(found, "monitor:DiagnosticSetting", vault.name).inputs
        assert (setting["resourceUri"], setting["workspaceId"]) == (vault.id, workspace.id)
        assert setting["logs"] == [{"category": "AuditEvent", "enabled": True}]


def test_each_concern_has_its_key_and_its_identity() -> None:
    found = graph("dev")
    assert names(found, ":keyvault:Key") == ["cluster", "database", "etcd", "logs", "storage"]
    for concern in ("cluster", "database", "logs", "storage"):
        assert roles(found, principal(found, concern)) == {
            ("Key Vault Crypto Service Encryption User", f"keys/{concern}")
        }
    for key in of_type(found, ":keyvault:Key"):
        policy = key.inputs["properties"]["rotationPolicy"]
        assert policy["lifetimeActions"][0]["trigger"]["timeAfterCreate"] == "P90D"
        assert "attributes" not in policy  # nothing expires under what it encrypted


def test_an_adopted_key_serves_every_concern() -> None:
    key = f"{SHARED}/Microsoft.KeyVault/vaults/team-keys/keys/platform"
    found = cluster_only(encryption={"key": key})
    assert names(found, ":keyvault:Key") == ["etcd"]
    disks = one(found, ":DiskEncryptionSet").inputs
    assert disks["activeKey"]["keyUrl"] == "https://team-keys.vault.azure.net/keys/platform"
    scopes = {resource.inputs["scope"] for resource in of_type(found, ":RoleAssignment")}
    assert key in scopes


# --- cluster -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_the_cluster_is_entered_by_identity_alone(name: str) -> None:
    made = cluster(graph(name))
    assert made["disableLocalAccounts"] is True
    assert made["aadProfile"]["enableAzureRBAC"] is True
    assert made["oidcIssuerProfile"]["enabled"] is True
    assert made["securityProfile"]["workloadIdentity"]["enabled"] is True
    assert made["apiServerAccessProfile"]["enablePrivateCluster"] is True
    assert made["apiServerAccessProfile"]["disableRunCommand"] is True
    assert made["diskEncryptionSetID"].endswith("churn-dev-disks")


def test_logs_of_containers_are_sent_only_on_request() -> None:
    found = cluster_only()
    assert [*cluster(found)["addonProfiles"]] == ["azurepolicy"]
    workspace = one(found, "operationalinsights:Workspace", "cluster").inputs
    assert workspace["publicNetworkAccessForIngestion"] == "Disabled"
    assert not of_type(found, "monitor:DataCollectionRule")

    found = cluster_only(clouds={"container_insights": True})
    addon = cluster(found)["addonProfiles"]["omsagent"]
    workspace_ = one(found, "operationalinsights:Workspace", "cluster")
    assert addon["config"] == {
        "logAnalyticsWorkspaceResourceID": workspace_.id,
        "useAADAuth": "true",
    }
    # The agent comes by the public address, and by its identity alone.
    assert workspace_.inputs["publicNetworkAccessForIngestion"] == "Enabled"
    assert workspace_.inputs["features"]["disableLocalAuth"] is True
    rule = one(found, "monitor:DataCollectionRule")
    (flow,) = rule.inputs["dataFlows"]
    (source,) = rule.inputs["dataSources"]["extensions"]
    assert flow["streams"] == source["streams"]
    assert rule.inputs["destinations"]["logAnalytics"][0]["workspaceResourceId"] == workspace_.id
    link = one(found, "monitor:DataCollectionRuleAssociation").inputs
    assert link["dataCollectionRuleId"] == rule.id
    assert link["resourceUri"] == one(found, ":ManagedCluster").id
    assert link["associationName"] == "ContainerInsightsExtension"


def test_etcd_is_encrypted_where_the_api_server_has_a_subnet() -> None:
    kms = cluster(graph("dev"))["securityProfile"]["azureKeyVaultKms"]
    assert kms["keyVaultNetworkAccess"] == "Private"
    assert kms["keyVaultResourceId"].endswith("/vaults/etcd")
    assert "/keys/etcd/" in kms["keyId"]
    assert "azureKeyVaultKms" not in cluster(graph("adopted"))["securityProfile"]


def test_the_cluster_may_do_what_it_needs() -> None:
    found = graph("dev")
    assert roles(found, principal(found, "control-plane")) == {
        ("Network Contributor", "virtualNetworks/churn-dev"),
        ("Managed Identity Operator", "userAssignedIdentities/kubelet"),
        ("Disk Encryption Set Operator for Managed Disks", "diskEncryptionSets/churn-dev-disks"),
        ("Key Vault Crypto User", "keys/etcd"),
        ("Key Vault Contributor", "vaults/etcd"),
    }
    ((role, scope),) = roles(found, principal(found, "kubelet"))
    assert role == "AcrPull"
    assert scope.startswith("registries/")


def test_public_access_is_for_those_listed() -> None:
    profile = cluster(cluster_only(cluster={"public_access": PUBLIC}))["apiServerAccessProfile"]
    assert profile["enablePrivateCluster"] is False
    assert profile["authorizedIPRanges"] == PUBLIC


def test_people_have_the_rights_of_their_list() -> None:
    found = graph("prod")
    connect = ("Azure Kubernetes Service Cluster User Role", "resourceGroups/churn-dev")
    admin = ("Azure Kubernetes Service RBAC Cluster Admin", "resourceGroups/churn-dev")
    assert roles(found, ADMINS) == {connect, admin}
    assert roles(found, VIEWERS) == {
        connect,
        ("Azure Kubernetes Service RBAC Reader", "resourceGroups/churn-dev"),
    }
    assert "maker" not in names(found, ":RoleAssignment")
    assert "maker" in names(graph("dev"), ":RoleAssignment")


def test_a_pool_with_other_machines_is_another_pool() -> None:
    def pool(**changes: Any) -> str:
        pools = {"general": {"min": 1, "max": 3, **changes}}
        made = one(cluster_only(cluster={"node_pools": pools}), ":AgentPool")
        return str(made.inputs["agentPoolName"])

    first = pool()
    assert pool(max=9, labels={"team": "ml"}) == first
    assert len({first, pool(cpu=8, memory=32), pool(disk=200)}) == 3
    assert all(len(name) <= 12 and name.isalnum() for name in (first, pool(cpu=8, memory=32)))


def test_nodes_reserve_memory_for_as_many_pods_as_kubernetes_counts_on() -> None:
    found = graph("dev")
    (system,) = one(found, ":ManagedCluster").inputs["agentPoolProfiles"]
    pools = [system, *(pool.inputs for pool in of_type(found, ":AgentPool"))]
    assert {pool["maxPods"] for pool in pools} == {110}


def test_accelerators_and_spot_machines() -> None:
    pool = one(graph("prod"), ":AgentPool", "gpu-1").inputs
    assert "nvidia.com/gpu=true:NoSchedule" in pool["nodeTaints"]
    assert pool["nodeLabels"]["nvidia.com/gpu.present"] == "true"
    assert (pool["scaleSetPriority"], pool["spotMaxPrice"]) == ("Spot", -1)
    assert "upgradeSettings" not in pool
    key, value, effect = (nodes.SPOT_TOLERATION[name] for name in ("key", "value", "effect"))
    assert pool["nodeLabels"][key] == value
    assert f"{key}={value}:{effect}" in pool["nodeTaints"]
    assert "nvidia-device-plugin" in names(graph("prod"), ":Release")
    assert "nvidia-device-plugin" not in names(graph("dev"), ":Release")
    plugin = one(graph("prod"), ":Release", "nvidia-device-plugin").inputs
    assert plugin["values"]["tolerations"] == [{"operator": "Exists"}], "on spot machines too"


def test_disks_of_volumes_are_under_the_key() -> None:
    made = one(graph("prod"), ":StorageClass").inputs
    assert made["parameters"]["diskEncryptionSetID"].endswith("churn-dev-disks")
    assert made["reclaimPolicy"] == "Retain"
    assert one(graph("dev"), ":StorageClass").inputs["reclaimPolicy"] == "Delete"


def test_the_kubeconfig_holds_no_credential() -> None:
    server = {"server": "https://elsewhere:443", "certificate-authority-data": "Q0E="}
    given = {
        "clusters": [{"name": "c", "cluster": server}],
        "users": [{"name": "u", "user": {"token": "t0ken"}}],
    }
    encoded = base64.b64encode(json.dumps(given).encode()).decode()
    text = kubeconfig("c", "here", encoded, "tenant-1")
    assert "t0ken" not in text
    made = json.loads(text)
    assert made["clusters"][0]["cluster"] == {**server, "server": "https://here:443"}
    assert made["users"][0]["user"]["exec"]["command"] == "kubelogin"
    assert "tenant-1" in made["users"][0]["user"]["exec"]["args"]


# --- rights and secrets --------------------------------------------------------------------------


def test_a_workload_has_its_grants_and_nothing_more() -> None:
    found = graph("dev")
    assert roles(found, principal(found, "tracking-server")) == {
        ("Storage Blob Data Contributor", "containers/models"),
        ("Key Vault Secrets User", "secrets/web"),
        ("Key Vault Secrets User", "secrets/team-token"),
    }
    trust = one(found, ":FederatedIdentityCredential", "tracking-server").inputs
    assert trust["subject"] == "system:serviceaccount:tracking:server"
    assert trust["audiences"] == ["api://AzureADTokenExchange"]


def test_reading_and_writing_the_same_bucket_is_one_right() -> None:
    def program(adapter: Azure, parent: Resource) -> None:
        bucket = adapter.bucket("models", BucketOptions(), parent=parent)
        adapter.workload_identity(
            "both",
            namespace="team",
            service_account="both",
            grants=[Grant(to=bucket, access="write"), Grant(to=bucket)],
            parent=parent,
        )

    found = recorded(blueprint(), program)
    assert roles(found, principal(found, "both")) == {
        ("Storage Blob Data Contributor", "containers/models")
    }


def test_secrets_stay_sealed_and_go_with_their_vault() -> None:
    for secret in of_type(graph("prod"), ":keyvault:Secret"):
        assert secret.inputs["properties"]["value"] == SECRET
        assert "secretName" not in secret.inputs


def test_the_store_is_opened_by_an_account_of_its_own() -> None:
    found = graph("dev")
    provider = one(found, ":ClusterSecretStore").inputs["spec"]["provider"]["azurekv"]
    assert provider["authType"] == "WorkloadIdentity"
    account = one(found, ":ServiceAccount", "secret-store-service-account").inputs["metadata"]
    assert provider["serviceAccountRef"] == {
        "name": account["name"],
        "namespace": account["namespace"],
    }
    identity = one(found, ":UserAssignedIdentity", "external-secrets")
    client = account["annotations"]["azure.workload.identity/client-id"]
    assert client == identity.outputs["clientId"]


def test_the_teams_own_secrets_come_from_their_vault() -> None:
    found = graph("adopted")
    stores = {store.inputs["metadata"]["name"] for store in of_type(found, ":ClusterSecretStore")}
    assert stores == {"plinth", "plinth-existing"}
    entries = one(found, ":ExternalSecret").inputs["spec"]["data"]
    origins = {entry["remoteRef"]["key"]: "sourceRef" in entry for entry in entries}
    assert {key for key, other in origins.items() if other} == {"team-token"}


def test_dns_rights_end_at_the_zone() -> None:
    def program(adapter: Azure, parent: Resource) -> None:
        adapter.dns_identity(
            "cert-manager-dns", namespace="cert-manager", service_account="c", parent=parent
        )
        Kube(adapter.cluster().provider, {}).apply(
            "issuer",
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "y"}}
            | {"data": adapter.dns_solver()["azureDNS"]["managedIdentity"]},
            parent=parent,
        )

    found = recorded(blueprint(**PROD), program)
    assert roles(found, principal(found, "cert-manager-dns")) == {
        ("DNS Zone Contributor", "dnsZones/example.com"),
        ("Reader", "resourceGroups/shared"),
    }
    client = one(found, ":UserAssignedIdentity", "cert-manager-dns").outputs["clientId"]
    assert one(found, ":ConfigMap").inputs["data"] == {"clientID": client}


# --- guards --------------------------------------------------------------------------------------


def test_a_durable_platform_protects_what_holds_data() -> None:
    for resource in graph("prod"):
        if resource.custom and CLOUD.stateful(resource.type) and "kubernetes" not in resource.type:
            assert resource.protect, resource.urn
    assert not any(resource.protect for resource in graph("dev"))


def test_load_balancers_by_exposure() -> None:
    def annotations(**changes: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
        found: list[Any] = []

        def program(adapter: Azure, _parent: Resource) -> None:
            found.append(adapter.load_balancer())

        recorded(blueprint(**changes), program)
        return dict(found[0].annotations), found[0].source_ranges

    inside, open_to = annotations(domain={"name": "ml.example.com"})
    assert inside["service.beta.kubernetes.io/azure-load-balancer-internal"] == "true"
    assert open_to == ()
    domain = {"name": "ml.example.com", "exposure": "public", "allow": PUBLIC}
    outside, open_to = annotations(domain=domain)
    assert "service.beta.kubernetes.io/azure-load-balancer-internal" not in outside
    assert open_to == tuple(PUBLIC)
