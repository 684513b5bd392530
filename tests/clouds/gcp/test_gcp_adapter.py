"""The graph of a GCP platform: structure, network, keys, guards, the way in."""

from __future__ import annotations

from typing import Any

import pytest
from gcp_parts import PROJECT, REGION, blueprint, names, one
from gcp_support import ADOPTED, PROD, adapted, before, everything, graph, of_type

from plinth.clouds.gcp import CLOUD
from plinth.clouds.gcp.adapter import Gcp
from plinth.clouds.gcp.facts import REGIONS, ZONES, ranges
from plinth.graph import Graph
from plinth.ports import PROTOCOLS, Port

NAMES = ["dev", "prod", "adopted"]


def test_adapter_implements_every_port_it_lists() -> None:
    made = object.__new__(Gcp)
    assert all(isinstance(made, PROTOCOLS[port]) for port in CLOUD.ports if port in PROTOCOLS)


def test_facts_need_no_sdk() -> None:
    assert CLOUD.region_like("europe/de") == "europe-west3"
    assert CLOUD.region_like("north-america/us/east") == "us-east4"
    assert REGIONS.keys() == ZONES.keys()
    assert ZONES["us-east1"] == ("us-east1-b", "us-east1-c", "us-east1-d")
    assert CLOUD.stateful("gcp:storage/bucket:Bucket")
    assert CLOUD.stateful("kubernetes:apps/v1:StatefulSet")
    assert not CLOUD.stateful("gcp:compute/firewall:Firewall")


@pytest.mark.parametrize("name", NAMES)
def test_everything_has_an_explicit_provider_and_a_cost_label(name: str) -> None:
    found = graph(name)
    assert names(found, "providers:gcp") == ["gcp"]
    for resource in found:
        if resource.custom and not resource.is_provider:
            assert found.provider_of(resource), resource.urn
        if resource.type.startswith("gcp:") and "labels" in resource.inputs:
            labels = resource.inputs["labels"]
            assert "email_address" in labels or labels["capability"] in {"foundation", "tracking"}
    provider = one(found, "providers:gcp")
    assert '"cost-center":"4711"' in provider.inputs["defaultLabels"].replace(" ", "")
    assert "ml_example_com" in provider.inputs["defaultLabels"]
    assert provider.inputs["project"] == PROJECT


def test_the_project_is_looked_up_where_the_spec_names_none() -> None:
    found = everything(blueprint(account=...))
    assert "project" not in one(found, "providers:gcp").inputs
    assert found.outputs["account"] == PROJECT
    assert names(found, "storage/bucket:Bucket") == names(graph("dev"), "storage/bucket:Bucket")
    physical = [
        {bucket.inputs["name"] for bucket in of_type(one_of, "storage/bucket:Bucket")}
        for one_of in (found, graph("dev"))
    ]
    assert physical[0] == physical[1]


def test_services_of_the_project_come_first_and_stay() -> None:
    found = graph("dev")
    services = {service.name: service for service in of_type(found, "projects/service:Service")}
    assert all(service.inputs["disableOnDestroy"] is False for service in services.values())
    cluster = one(found, "container/cluster:Cluster")
    assert {services["container"].urn, services["compute"].urn} <= set(cluster.dependencies)
    ready = {service.urn for service in services.values()}
    homeless = ("projects/service:Service", "projects/serviceIdentity:ServiceIdentity")
    for resource in found:
        if resource.type.startswith("gcp:") and not resource.type.endswith(homeless):
            assert ready & before(found, resource.urn), resource.urn


# --- network -------------------------------------------------------------------------------------


def test_ranges_do_not_meet_and_hold_the_nodes() -> None:
    for cidr, nodes in (("10.0.0.0/16", 256), ("10.8.0.0/20", 16)):
        cut = ranges(cidr)
        assert cut.most_nodes == nodes
        assert len(set(cut)) == 4
    assert ranges("10.0.0.0/16") == ("10.0.0.0/18", "10.0.128.0/17", "10.0.64.0/19", "10.0.96.0/19")


@pytest.mark.parametrize(("nat", "gateways"), [("single", 1), ("per-zone", 1), ("none", 0)])
def test_ways_out(nat: str, gateways: int) -> None:
    found = adapted(
        blueprint(network={"nat": nat}, ports=frozenset({Port.SQL})),
        lambda adapter, _: adapter.sql_server(),
    )
    assert len(of_type(found, ":RouterNat")) == gateways
    assert len(of_type(found, ":Router")) == gateways
    subnet = one(found, ":Subnetwork")
    assert subnet.inputs["privateIpGoogleAccess"] is True
    for gateway in of_type(found, ":RouterNat"):
        assert gateway.inputs["subnetworks"][0]["name"] == subnet.id


def test_nothing_comes_in_but_the_control_plane() -> None:
    found = graph("prod")
    rules = {rule.name: rule.inputs for rule in of_type(found, ":Firewall")}
    assert rules["deny"]["denies"] == [{"protocol": "all"}]
    assert rules["deny"]["sourceRanges"] == ["0.0.0.0/0"]
    allowed = [rule for rule in rules.values() if "allows" in rule]
    assert [rule["sourceRanges"] for rule in allowed] == [["10.0.0.0/18"]]
    assert all(rule["priority"] < rules["deny"]["priority"] for rule in allowed)


def test_adopted_network_is_used_and_never_touched() -> None:
    found = graph("adopted")
    kinds = (":Network", ":Subnetwork", ":Firewall", ":Router", ":RouterNat")
    assert not [r for r in found if r.type.startswith("gcp:compute") and r.type.endswith(kinds)]
    assert not [log for log in of_type(found, ":ProjectSink") if log.name == "flow-logs"]
    cluster = one(found, "container/cluster:Cluster").inputs
    adopted = ADOPTED["network"]["adopt"]
    assert cluster["network"] == adopted["network"] == found.outputs["network"]
    assert cluster["subnetwork"] == adopted["private_subnets"][0]
    assert cluster["ipAllocationPolicy"] == {}
    ranges = {"pods_range": "ml-pods", "services_range": "ml-services"}
    named = adapted(blueprint(options=ranges, **ADOPTED), lambda adapter, _: adapter.cluster())
    assert one(named, "container/cluster:Cluster").inputs["ipAllocationPolicy"] == {
        "clusterSecondaryRangeName": "ml-pods",
        "servicesSecondaryRangeName": "ml-services",
    }


def test_logs_are_kept_as_long_as_the_spec_says_and_once() -> None:
    changes: dict[str, Any] = {
        "log_retention_days": 400,
        "network": {"flow_logs": {"retention_days": 30}},
    }
    found = adapted(blueprint(**changes), lambda adapter, _: adapter.cluster())
    kept = {bucket.name: bucket for bucket in of_type(found, ":ProjectBucketConfig")}
    assert {name: bucket.inputs["retentionDays"] for name, bucket in kept.items()} == {
        "cluster-logs": 400,
        "flow-logs": 30,
    }
    for name, bucket in kept.items():
        sink, left_out = one(found, ":ProjectSink", name), one(found, ":ProjectExclusion", name)
        assert sink.inputs["filter"] == left_out.inputs["filter"]
        assert sink.inputs["destination"] == f"logging.googleapis.com/{bucket.id}"
        assert bucket.inputs["cmekSettings"]["kmsKeyName"].endswith("/cryptoKeys/logs")
    off = adapted(
        blueprint(network={"flow_logs": {"enabled": False}}), lambda adapter, _: adapter.cluster()
    )
    assert "logConfig" not in one(off, ":Subnetwork").inputs
    assert names(off, ":ProjectSink") == ["cluster-logs"]


# --- keys ----------------------------------------------------------------------------------------

#: Types -> where in their inputs the key is, and whose key it is.
SEALED = {
    "storage/bucket:Bucket": (("encryption", "defaultKmsKeyName"), "storage"),
    "artifactregistry/repository:Repository": (("kmsKeyName",), "storage"),
    "sql/databaseInstance:DatabaseInstance": (("encryptionKeyName",), "database"),
    "redis/instance:Instance": (("customerManagedKey",), "database"),
    "container/cluster:Cluster": (("databaseEncryption", "keyName"), "cluster"),
    "container/nodePool:NodePool": (("nodeConfig", "bootDiskKmsKey"), "cluster"),
    "logging/projectBucketConfig:ProjectBucketConfig": (("cmekSettings", "kmsKeyName"), "logs"),
}


def keys_of(found: Graph) -> dict[str, set[str]]:
    seen: dict[str, set[str]] = {}
    for kind, (path, _) in SEALED.items():
        for resource in of_type(found, kind):
            value: Any = resource.inputs
            for part in path:
                value = value[part]
            seen.setdefault(kind, set()).add(value)
    for secret in of_type(found, "secretmanager/secret:Secret"):
        (replica,) = secret.inputs["replication"]["userManaged"]["replicas"]
        assert replica["location"] == REGION
        sealing = replica["customerManagedEncryption"]["kmsKeyName"]
        seen.setdefault("secret", set()).add(sealing)
    disks = one(found, "StorageClass", "storage-class").inputs["parameters"]
    seen["disks"] = {disks["disk-encryption-kms-key"]}
    return seen


@pytest.mark.parametrize("name", NAMES)
def test_everything_that_holds_data_is_under_its_concern_s_key(name: str) -> None:
    found = graph(name)
    ids = {key.name: key.id for key in of_type(found, ":CryptoKey")}
    wanted = {kind: {ids[concern]} for kind, (_, concern) in SEALED.items()}
    wanted |= {"secret": {ids["secrets"]}, "disks": {ids["cluster"]}}
    assert keys_of(found) == wanted


def test_keys_are_usable_by_the_services_of_their_concern_alone() -> None:
    found = graph("dev")
    rights: dict[str, set[str]] = {}
    for right in of_type(found, ":CryptoKeyIAMMember"):
        assert right.inputs["role"] == "roles/cloudkms.cryptoKeyEncrypterDecrypter"
        assert right.inputs["member"].startswith("serviceAccount:")
        domain = right.inputs["member"].partition("@")[2].removesuffix(".iam.gserviceaccount.com")
        key = right.inputs["cryptoKeyId"].rpartition("/")[2]
        rights.setdefault(key, set()).add(domain)
    assert rights["storage"] == {"gs-project-accounts", "gcp-sa-artifactregistry"}
    assert rights["database"] == {"gcp-sa-cloud-sql", "cloud-redis"}
    assert rights["cluster"] == {"container-engine-robot", "compute-system"}
    assert rights["secrets"] == {"gcp-sa-secretmanager"}
    assert rights["logs"] == {"gcp-sa-logging"}
    # A key's name is told only to those who may use it by then.
    right = one(found, ":CryptoKeyIAMMember", "cluster-compute")
    assert right.urn in before(found, one(found, "container/cluster:Cluster").urn)


def test_keys_are_made_for_the_concerns_in_use_only() -> None:
    found = adapted(
        blueprint(ports=frozenset({Port.SQL}), network={"flow_logs": {"enabled": False}}),
        lambda adapter, _: adapter.sql_server(),
    )
    assert names(found, ":CryptoKey") == ["database", "secrets"]
    assert names(found, ":ServiceIdentity") == ["secretmanager", "sqladmin"]


def test_an_adopted_key_takes_the_place_of_all() -> None:
    key = f"projects/{PROJECT}/locations/{REGION}/keyRings/team/cryptoKeys/ml"
    found = everything(blueprint(encryption={"key": key}))
    assert not of_type(found, ":CryptoKey")
    assert not of_type(found, ":KeyRing")
    assert not of_type(found, ":CryptoKeyIAMMember")
    assert set().union(*keys_of(found).values()) == {key}


def test_keys_are_renewed_and_can_be_brought_back_and_rings_never_meet() -> None:
    found = adapted(
        blueprint(encryption={"rotation_days": 90, "deletion_window_days": 7}),
        lambda adapter, _: adapter.sql_server(),
    )
    key = one(found, ":CryptoKey", "database").inputs
    assert key["rotationPeriod"] == f"{90 * 86400}s"
    assert key["destroyScheduledDuration"] == f"{7 * 86400}s"
    ring, mark = one(found, "kms/keyRing:KeyRing"), one(found, ":RandomId", "keys")
    assert ring.inputs["name"] == f"churn-dev-{mark.outputs['hex']}"


# --- guards --------------------------------------------------------------------------------------


def test_durable_turns_on_every_guard() -> None:
    found = graph("prod")
    for resource in found:
        if resource.type.startswith("gcp:") and CLOUD.stateful(resource.type):
            assert resource.protect, resource.urn
    for kind in ("container/cluster:Cluster", "secretmanager/secret:Secret"):
        assert all(r.inputs["deletionProtection"] is True for r in of_type(found, kind))
    assert one(found, "StorageClass", "storage-class").inputs["reclaimPolicy"] == "Retain"


def test_what_is_not_durable_can_be_taken_down() -> None:
    found = graph("dev")
    assert not [resource.urn for resource in found if resource.protect]
    # The provider's own default would refuse.
    assert one(found, "container/cluster:Cluster").inputs["deletionProtection"] is False
    assert one(found, "StorageClass", "storage-class").inputs["reclaimPolicy"] == "Delete"


def test_destroy_can_go_the_other_way_round() -> None:
    found = graph("prod")
    waits = before(found, one(found, "container/nodePool:NodePool", "general").urn)
    kinds = (":RouterNat", ":Subnetwork", ":Firewall", "cluster:Cluster", "iAMMember:IAMMember")
    for kind in kinds:
        assert {r.urn for r in of_type(found, kind) if r.name in {"nat", "nodes", "deny"}} <= waits
    store = one(found, "ClusterSecretStore", "secret-store")
    assert one(found, ":NodePool", "general").urn in before(found, store.urn)


# --- the way in ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("domain", "annotations", "allowed"),
    [
        (None, {"networking.gke.io/load-balancer-type": "Internal"}, ()),
        (
            {"name": "ml.example.com", "exposure": "public", "allow": ["192.0.2.0/24"]},
            {"cloud.google.com/l4-rbs": "enabled"},
            ("192.0.2.0/24",),
        ),
    ],
)
def test_load_balancer_follows_the_exposure(
    domain: Any, annotations: dict[str, str], allowed: tuple[str, ...]
) -> None:
    seen: list[Any] = []
    adapted(
        blueprint(ports=frozenset(), domain=domain),
        lambda adapter, _: seen.append(adapter.load_balancer()),
    )
    (service,) = seen
    assert service.annotations == annotations
    assert service.source_ranges == allowed


def test_outputs_are_those_of_every_cloud() -> None:
    found = graph("dev")
    assert found.outputs.keys() == {"region", "account", "network", "cluster", "cluster_connect"}
    assert found.outputs["cluster_connect"].endswith("--internal-ip")
    small = adapted(blueprint(ports=frozenset()), lambda _adapter, _: None)
    assert small.outputs.keys() == {"region", "account"}


def test_records_are_changed_in_the_spec_s_zone_alone() -> None:
    seen: list[Any] = []

    def program(adapter: Gcp, foundation: Any) -> None:
        adapter.dns_identity("records", namespace="dns", service_account="dns", parent=foundation)
        seen.append(adapter.dns_values())

    found = adapted(blueprint(**PROD), program)
    right = one(found, ":DnsManagedZoneIamMember").inputs
    assert right["managedZone"] == "ml-example-com"
    assert right["member"].endswith("/subject/ns/dns/sa/dns")
    assert "--zone-id-filter=ml-example-com" in seen[0]["extraArgs"]
