"""The GKE cluster: isolation, people, node pools, workloads' rights, secrets."""

from __future__ import annotations

import ipaddress
import json
import re
from typing import Any

import pytest
from gcp_parts import PROJECT, REGION, blueprint, names, one
from gcp_support import PROD, adapted, before, graph, of_type

from plinth.clouds.gcp.adapter import Gcp
from plinth.clouds.gcp.cluster import kubeconfig
from plinth.clouds.gcp.secrets import secret_id
from plinth.graph import Graph
from plinth.ports import Generated


def cluster(**changes: Any) -> Graph:
    return adapted(blueprint(**changes), lambda adapter, _: adapter.cluster())


def control_plane(found: Graph) -> dict[str, Any]:
    inputs: dict[str, Any] = dict(one(found, "container/cluster:Cluster").inputs)
    return inputs


def test_api_server_is_private_unless_networks_are_listed() -> None:
    inputs = control_plane(graph("dev"))
    assert inputs["privateClusterConfig"] == {
        "enablePrivateNodes": True,
        "enablePrivateEndpoint": True,
    }
    inside = [
        ipaddress.ip_network(block["cidrBlock"])
        for block in inputs["masterAuthorizedNetworksConfig"]["cidrBlocks"]
    ]
    assert inside
    assert all(network.is_private for network in inside)
    listed = cluster(cluster={"public_access": ["192.0.2.0/24"]})
    inputs = control_plane(listed)
    assert inputs["privateClusterConfig"]["enablePrivateNodes"] is True
    assert inputs["privateClusterConfig"]["enablePrivateEndpoint"] is False
    authorised = inputs["masterAuthorizedNetworksConfig"]
    assert [block["cidrBlock"] for block in authorised["cidrBlocks"]] == ["192.0.2.0/24"]
    assert authorised["gcpPublicCidrsAccessEnabled"] is False
    assert not listed.outputs["cluster_connect"].endswith("--internal-ip")


def test_old_ways_in_are_closed() -> None:
    inputs = control_plane(graph("dev"))
    assert inputs["enableLegacyAbac"] is False
    assert inputs["masterAuth"]["clientCertificateConfig"]["issueClientCertificate"] is False
    assert inputs["anonymousAuthenticationConfig"]["mode"] == "LIMITED"
    assert inputs["datapathProvider"] == "ADVANCED_DATAPATH"
    assert inputs["networkPolicy"] == {"enabled": False}
    assert inputs["enableIntranodeVisibility"] is True
    assert inputs["workloadIdentityConfig"]["workloadPool"] == f"{PROJECT}.svc.id.goog"
    assert inputs["removeDefaultNodePool"] is True


def test_the_spec_s_people_have_rights_on_this_cluster_alone() -> None:
    found = graph("prod")
    people = {
        right.inputs["member"]: right.inputs
        for right in of_type(found, "projects/iAMMember:IAMMember")
        if right.inputs["role"].startswith("roles/container.") and "condition" in right.inputs
    }
    roles = {member: right["role"] for member, right in people.items()}
    assert roles == {
        "group:ml-admins@example.com": "roles/container.admin",
        "user:auditor@example.com": "roles/container.viewer",
    }
    name = f"projects/{PROJECT}/locations/{REGION}/clusters/churn-dev"
    for right in people.values():
        expression = right["condition"]["expression"]
        assert expression == (f'resource.name == "{name}" || resource.name.startsWith("{name}/")')


def test_node_pools_follow_the_spec() -> None:
    found = graph("prod")
    pools = {pool.name: pool.inputs for pool in of_type(found, ":NodePool")}
    general, gpu = pools["general"], pools["gpu"]
    assert general["autoscaling"] == {
        "totalMinNodeCount": 4,
        "totalMaxNodeCount": 6,
        "locationPolicy": "BALANCED",
    }
    assert len(general["nodeLocations"]) == 3
    assert general["initialNodeCount"] == 2  # in each of three zones, no fewer than four in all
    assert gpu["initialNodeCount"] == 0
    assert gpu["autoscaling"]["totalMinNodeCount"] == 0
    assert gpu["nodeConfig"]["spot"] is True
    (accelerator,) = gpu["nodeConfig"]["guestAccelerators"]
    assert accelerator["type"] == "nvidia-l4"
    assert accelerator["gpuDriverInstallationConfig"]["gpuDriverVersion"] == "DEFAULT"
    assert "guestAccelerators" not in general["nodeConfig"]


def test_pools_with_accelerators_come_after_ordinary_ones_and_so_get_their_taint() -> None:
    pools = {pool.name: pool for pool in of_type(graph("prod"), ":NodePool")}
    assert pools["general"].urn in pools["gpu"].dependencies
    assert pools["gpu"].urn not in pools["general"].dependencies


def test_accelerators_are_sought_where_the_spec_says() -> None:
    found = cluster(options={"gpu_zones": [f"{REGION}-b"]}, cluster=PROD["cluster"])
    zones = {pool.name: pool.inputs["nodeLocations"] for pool in of_type(found, ":NodePool")}
    assert zones["gpu"] == [f"{REGION}-b"]
    assert zones["general"] == [f"{REGION}-{letter}" for letter in "abc"]


def test_taints_and_labels_reach_the_nodes() -> None:
    pool = {
        "min": 1,
        "labels": {"example.com/team": "ml"},
        "taints": [{"key": "batch", "effect": "NoExecute"}],
    }
    (made,) = of_type(cluster(cluster={"node_pools": {"general": pool}}), ":NodePool")
    node = made.inputs["nodeConfig"]
    assert node["labels"] == {"example.com/team": "ml", "plinth/pool": "general"}
    assert node["taints"] == [{"key": "batch", "value": "true", "effect": "NO_EXECUTE"}]
    assert node["resourceLabels"]["cost-center"] == "4711"


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_no_machine_lends_its_own_rights(name: str) -> None:
    found = graph(name)
    (account,) = of_type(found, "serviceaccount/account:Account")
    machines = [pool.inputs["nodeConfig"] for pool in of_type(found, ":NodePool")]
    for machine in [*machines, control_plane(found)["nodeConfig"]]:
        assert machine["workloadMetadataConfig"]["mode"] == "GKE_METADATA"
        assert machine["serviceAccount"] == account.outputs["email"]
        assert machine["shieldedInstanceConfig"]["enableSecureBoot"] is True
        assert machine["metadata"]["disable-legacy-endpoints"] == "true"
    member = f"serviceAccount:{account.outputs['email']}"
    roles = [r.inputs["role"] for r in found if r.inputs.get("member") == member]
    assert sorted(roles) == [
        "roles/artifactregistry.reader",
        "roles/container.defaultNodeServiceAccount",
    ]


def test_kubeconfig_holds_no_credential() -> None:
    config = json.loads(kubeconfig("churn-dev", "10.0.0.2", "Y2E="))
    (user,) = config["users"]
    assert user["user"].keys() == {"exec"}
    assert user["user"]["exec"]["command"] == "gke-gcloud-auth-plugin"
    assert config["clusters"][0]["cluster"]["server"] == "https://10.0.0.2"
    assert "kubeconfig" not in graph("prod").outputs


# --- workloads -----------------------------------------------------------------------------------


def granted(found: Graph, account: str) -> set[tuple[str, str]]:
    return {
        (resource.type.rpartition(":")[2], resource.inputs["role"])
        for resource in found
        if str(resource.inputs.get("member", "")).endswith(account)
    }


def test_a_workload_gets_its_grants_and_nothing_more() -> None:
    found = graph("prod")
    assert granted(found, "/subject/ns/tracking/sa/server") == {
        ("BucketIAMMember", "roles/storage.objectUser"),
        ("BucketIAMMember", "roles/storage.legacyBucketReader"),
        ("SecretIamMember", "roles/secretmanager.secretAccessor"),
        ("IAMMember", "roles/secretmanager.secretAccessor"),
    }
    bucket = one(found, "storage/bucket:Bucket", "models")
    right = one(found, ":BucketIAMMember", "tracking-server-models-objectUser")
    assert right.inputs["bucket"] == bucket.inputs["name"]
    secrets = {
        right.inputs["secretId"]
        for right in of_type(found, ":SecretIamMember")
        if right.inputs["member"].endswith("/ns/tracking/sa/server")
    }
    assert secrets == {one(found, "secretmanager/secret:Secret", "web").id}


def test_what_somebody_else_keeps_is_read_and_not_touched() -> None:
    found = graph("prod")
    rights = {
        right.inputs["condition"]["title"]: right.inputs
        for right in of_type(found, "projects/iAMMember:IAMMember")
        if right.inputs["role"] == "roles/secretmanager.secretAccessor"
    }
    assert rights.keys() == {"churn-dev-team-token", "churn-dev-ml-oidc-client"}
    for title, right in rights.items():
        name = title.removeprefix("churn-dev-")
        # Secret Manager's names in conditions have the project's number.
        assert re.fullmatch(
            rf'resource\.name == "projects/\d+/secrets/{name}" \|\| '
            rf'resource\.name\.startsWith\("projects/\d+/secrets/{name}/"\)',
            right["condition"]["expression"],
        )


def test_nobody_is_granted_anything_before_the_pool_of_identities_exists() -> None:
    """Google makes it with the first cluster of a project."""
    found = graph("prod")
    control_plane = one(found, "container/cluster:Cluster").urn
    members = [r for r in found if "workloadIdentityPools" in str(r.inputs.get("member"))]
    assert len(members) > 5
    for right in members:
        assert control_plane in before(found, right.urn), right.urn


def test_no_workload_has_a_right_on_the_whole_project() -> None:
    found = graph("prod")
    for right in of_type(found, "projects/iAMMember:IAMMember"):
        if "workloadIdentityPools" in right.inputs["member"]:
            assert right.inputs["role"] == "roles/dns.reader" or "condition" in right.inputs
    roles = {r.inputs["role"] for r in found if r.type.startswith("gcp:") and "role" in r.inputs}
    assert not roles & {"roles/owner", "roles/editor", "roles/viewer"}


# --- secrets -------------------------------------------------------------------------------------


def test_values_are_sealed_and_read_by_the_operator_alone() -> None:
    found = graph("prod")
    for version in of_type(found, ":SecretVersion"):
        assert "admin" not in version.inputs["secretData"]
    readers = {
        right.inputs["member"].rpartition("/subject/")[2]
        for right in of_type(found, ":SecretIamMember")
        if right.inputs["role"] == "roles/secretmanager.secretAccessor"
    }
    assert readers == {"ns/external-secrets/sa/external-secrets", "ns/tracking/sa/server"}
    secrets = set(names(found, "secretmanager/secret:Secret"))
    operator = [r for r in of_type(found, ":SecretIamMember") if r.name in secrets]
    assert {right.name for right in operator} == secrets
    # A delivery waits until there is something that it may read.
    delivered = before(found, one(found, "ExternalSecret", "web-secret").urn)
    assert one(found, ":SecretVersion", "web").urn in delivered
    assert one(found, ":SecretIamMember", "web").urn in delivered


def test_store_and_names_are_secret_manager_s() -> None:
    found = graph("prod")
    store = one(found, "ClusterSecretStore", "secret-store").inputs["spec"]["provider"]
    assert store == {"gcpsm": {"projectID": PROJECT}}
    assert secret_id("ml/oidc-client.v2") == "ml-oidc-client-v2"
    delivered = one(found, "ExternalSecret", "web-secret").inputs["spec"]["data"]
    assert {item["remoteRef"]["key"] for item in delivered} == {
        "churn-dev-web",
        "churn-dev-sql-admin",
        "churn-dev-key-value",
    }


def test_two_secrets_of_one_name_are_refused() -> None:
    def program(adapter: Gcp, foundation: Any) -> None:
        for _ in range(2):
            adapter.generate("web", {"password": Generated()}, parent=foundation)

    with pytest.raises(ValueError, match="two secrets are called web"):
        adapted(blueprint(), program)
