"""What GCP refuses before anything is made, and where it points."""

from __future__ import annotations

from typing import Any

import pytest
from gcp_parts import PROJECT, REGION, blueprint

from plinth.blueprint import Choice
from plinth.clouds.gcp.checks import check
from plinth.ports import Port
from plinth.spec.options import ArtifactsOptions

KEY = f"projects/{PROJECT}/locations/{REGION}/keyRings/ml/cryptoKeys/platform"
NETWORK = f"projects/{PROJECT}/global/networks/main"
SUBNET = f"projects/{PROJECT}/regions/{REGION}/subnetworks/ml"


def adopt(**changes: Any) -> dict[str, Any]:
    adopted = {"network": NETWORK, "private_subnets": [SUBNET], **changes}
    return {"network": {"adopt": adopted}}


def pool(**changes: Any) -> dict[str, Any]:
    return {"cluster": {"node_pools": {"general": {"min": 1}, "extra": changes}}}


def cost(**changes: Any) -> dict[str, Any]:
    return {"cost": {"center": "1", "monthly_budget": 5, **changes}}


PEOPLE = [
    "user:ann@example.com",
    "group:ml@example.com",
    f"serviceAccount:ci@{PROJECT}.iam.gserviceaccount.com",
    "principalSet://iam.googleapis.com/locations/global/workforcePools/ml/group/ops",
]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"durable": True},
        {"account": ...},
        {"account": "example.com:churn-dev"},
        {"encryption": {"key": KEY}},
        {"domain": {"name": "ml.example.com", "zone": "ml-example-com"}},
        {"domain": {"name": "ml.example.com", "exposure": "public", "allow": ["10.0.0.0/8"]}},
        {"cluster": {"admins": PEOPLE, "viewers": PEOPLE[:1]}},
        adopt(),
        adopt() | {"options": {"pods_range": "pods", "services_range": "services"}},
        {"options": {"gpu_zones": [f"{REGION}-b"]}},
        pool(machine="c3-standard-22", labels={"example.com/team": "ml"}),
        pool(machine="n1-standard-8", gpu={"type": "t4"}),
        pool(gpu={"type": "h100"}, spot=True),
        cost(currency="JPY", thresholds=list(range(10, 300, 10))),
        {"cache": {"memory": 5, "replicas": 5}},
        {"database": {"cpu": 2, "memory": 512}},
    ],
)
def test_accepts(changes: dict[str, Any]) -> None:
    assert check(blueprint(**changes)) == []


@pytest.mark.parametrize(
    ("changes", "code", "path"),
    [
        ({"region": ...}, "region-missing", "region"),
        ({"region": "europe-west99"}, "unknown-region", "region"),
        ({"region": "eu-west-1"}, "unknown-region", "region"),
        ({"account": "123456789012"}, "account-shape", "account"),
        ({"account": "Churn Dev"}, "account-shape", "account"),
        (adopt(network="vpc-0123"), "wrong-shape", "network.adopt.network"),
        (
            adopt(network="projects/host-project/global/networks/main"),
            "network-elsewhere",
            "network.adopt.network",
        ),
        (adopt(private_subnets=["ml"]), "wrong-shape", "network.adopt.private_subnets.0"),
        (
            adopt(private_subnets=[SUBNET.replace(REGION, "us-east1")]),
            "subnet-elsewhere",
            "network.adopt.private_subnets.0",
        ),
        (
            adopt(private_subnets=[SUBNET, SUBNET + "2"]),
            "too-many-subnets",
            "network.adopt.private_subnets",
        ),
        (adopt(public_subnets=[SUBNET]), "too-many-subnets", "network.adopt.public_subnets"),
        (
            {"options": {"pods_range": "pods"}},
            "range-without-network",
            "clouds.gcp.pods_range",
        ),
        (
            {"options": {"gpu_zones": [f"{REGION}-a", "us-east1-b"]}},
            "zone-elsewhere",
            "clouds.gcp.gpu_zones.1",
        ),
        ({"encryption": {"key": "alias/mine"}}, "wrong-shape", "encryption.key"),
        (
            {"encryption": {"key": KEY.replace(REGION, "global")}},
            "key-elsewhere",
            "encryption.key",
        ),
        (
            {"domain": {"name": "ml.example.com", "zone": "Z0123456789ABC"}},
            "wrong-shape",
            "domain.zone",
        ),
        ({"cluster": {"admins": [PEOPLE[0], "ann"]}}, "wrong-shape", "cluster.admins.1"),
        ({"cluster": {"viewers": ["allUsers"]}}, "wrong-shape", "cluster.viewers.0"),
        *(
            (pool(machine=machine), "no-disk", "cluster.node_pools.extra.machine")
            for machine in ("c4-standard-4", "n4-highmem-8", "c4a-standard-4", "a3-ultragpu-8g")
        ),
        (pool(machine="m7i.xlarge"), "wrong-shape", "cluster.node_pools.extra.machine"),
        (
            pool(machine="a3-megagpu-8g"),
            "unknown-accelerators",
            "cluster.node_pools.extra.machine",
        ),
        (
            pool(machine="n2-standard-8", gpu={"type": "l4"}),
            "no-machine",
            "cluster.node_pools.extra.machine",
        ),
        (pool(memory=2048), "no-machine", "cluster.node_pools.extra"),
        (pool(gpu={"type": "a10g"}), "no-machine", "cluster.node_pools.extra.gpu"),
        (pool(gpu={"type": "h100"}), "spot-only", "cluster.node_pools.extra.spot"),
        (
            pool(labels={"node.kubernetes.io/role": "x"}),
            "reserved-label",
            "cluster.node_pools.extra.labels",
        ),
        (
            pool(max=20) | {"network": {"cidr": "10.0.0.0/20"}},
            "too-few-addresses",
            "network.cidr",
        ),
        ({"versions_": {"postgres": "17.4"}}, "postgres-version", "versions.postgres"),
        ({"versions_": {"postgres": "12"}}, "postgres-version", "versions.postgres"),
        ({"cache": {"memory": 512}}, "no-machine", "cache.memory"),
        (
            {"cache": {"memory": 2, "replicas": 2}},
            "too-small-for-replicas",
            "cache.replicas",
        ),
        (cost(notify=[f"{n}@example.com" for n in range(5)]), "too-many-people", "cost.notify"),
        ({"name": "google-churn"}, "reserved-name", "name"),
        ({"name": "goog"}, "reserved-name", "name"),
    ],
)
def test_refuses_once_and_points_at_the_place(
    changes: dict[str, Any], code: str, path: str
) -> None:
    (problem,) = check(blueprint(**changes))
    assert (problem.code, problem.path) == (code, path)
    assert problem.fix is not None
    assert not problem.message.endswith(".")


def test_a_mistyped_region_gets_the_one_that_was_meant() -> None:
    (problem,) = check(blueprint(region="europe-wset4"))
    assert problem.nearest == "europe-west4"
    assert "us-central1" in problem.allowed


def test_a_minor_version_gets_the_major_one() -> None:
    (problem,) = check(blueprint(versions_={"postgres": "16.3"}))
    assert problem.nearest == "16"


def test_every_problem_is_found_in_one_run() -> None:
    changes = {"account": "1", "encryption": {"key": "x"}, **pool(machine="XL")}
    assert len(check(blueprint(**changes))) == 3


def test_a_network_of_another_project_does_where_no_cache_is() -> None:
    network = adopt(network="projects/host-project/global/networks/main")
    assert check(blueprint(ports=frozenset({Port.SQL}), **network)) == []


@pytest.mark.parametrize("role", ["access-logs", "google-data"])
def test_bucket_names_that_are_taken(role: str) -> None:
    options = ArtifactsOptions.model_validate({"buckets": {role: {}}})
    chosen = {"artifacts": Choice(tool="buckets", options=options)}
    (problem,) = check(blueprint().model_copy(update={"choices": chosen}))
    assert (problem.code, problem.path) == ("reserved-name", f"artifacts.buckets.{role}")
