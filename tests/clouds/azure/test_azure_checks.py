"""What Azure refuses before anything is made, and where it points."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from plinth import versions
from plinth.blueprint import Blueprint, Choice, complete
from plinth.clouds.azure.checks import check
from plinth.spec.models import Settings
from plinth.spec.options import ArtifactsOptions, CloudOptions

GUID = "00000000-1111-2222-3333-444444444444"
GROUP = f"/subscriptions/{GUID}/resourceGroups/shared/providers"
VNET = f"{GROUP}/Microsoft.Network/virtualNetworks/hub"
SUBNETS = [f"{VNET}/subnets/nodes", f"{VNET}/subnets/endpoints"]
KEY = f"{GROUP}/Microsoft.KeyVault/vaults/team-keys/keys/platform"
ZONE = f"{GROUP}/Microsoft.Network/dnsZones/example.com"
BASE: dict[str, Any] = {
    "apiVersion": "plinth/v1",
    "name": "churn",
    "owner": "ml@example.com",
    "cost": {"center": "4711", "monthly_budget": 3000},
    "cloud": "azure",
    "region": "westeurope",
    "account": GUID,
}


def blueprint(**changes: Any) -> Blueprint:
    data = {key: value for key, value in {**BASE, **changes}.items() if value is not ...}
    settings = Settings.model_validate(data)
    return Blueprint.model_construct(
        environment="dev",
        settings=complete(settings, durable=settings.durable),
        cloud_options=CloudOptions(),
        choices={},
        pins=versions.defaults(),
    )


def adopt(**changes: Any) -> dict[str, Any]:
    return {"network": {"adopt": {"network": VNET, "private_subnets": SUBNETS, **changes}}}


def pool(**changes: Any) -> dict[str, Any]:
    return {"cluster": {"node_pools": {"general": {"min": 1}, "extra": changes}}}


def domain(zone: str, name: str = "ml.example.com") -> dict[str, Any]:
    return {"domain": {"name": name, "zone": zone}}


def cost(**changes: Any) -> dict[str, Any]:
    return {"cost": {"center": "1", "monthly_budget": 5, **changes}}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"durable": True},
        {"account": ...},
        {"encryption": {"key": KEY}},
        adopt(),
        adopt(private_subnets=SUBNETS[:1]) | {"domain": {"name": "ml.example.com"}},
        adopt() | {"network": {**adopt()["network"], "nat": "none"}},
        domain(ZONE),
        domain(ZONE.replace("resourceGroups", "resourcegroups"), "example.com"),
        pool(machine="Standard_E4s_v5"),
        pool(gpu={"type": "l4"}),
        {"cluster": {"admins": [GUID], "viewers": [GUID.replace("4", "A")]}},
        {"versions": {"postgres": "16"}},
        {"tags": {"team": "ranking"}},
        {"log_retention_days": 730},
        {"cluster": {"public_access": ["203.0.113.7/32"]}},
        cost(currency="EUR", thresholds=[50, 80, 100, 120]),
    ],
)
def test_accepts(changes: dict[str, Any]) -> None:
    assert check(blueprint(**changes)) == []


@pytest.mark.parametrize(
    ("changes", "code", "path"),
    [
        ({"region": ...}, "region-missing", "region"),
        ({"region": "eu-west-1"}, "unknown-region", "region"),
        ({"region": "chinaeast2"}, "unknown-region", "region"),
        ({"account": "111111111111"}, "account-shape", "account"),
        ({"tags": {"Owner": "me"}}, "tag-twice", "tags.Owner"),
        ({"tags": {"Capability": "all"}}, "tag-twice", "tags.Capability"),
        ({"network": {"endpoints": False}}, "endpoints-needed", "network.endpoints"),
        ({"network": {"nat": "none"}}, "no-way-out", "network.nat"),
        (adopt(network="vpc-0123456789abcdef0"), "wrong-shape", "network.adopt.network"),
        (
            adopt(private_subnets=[SUBNETS[0], "10.0.0.0/24"]),
            "wrong-shape",
            "network.adopt.private_subnets.1",
        ),
        (
            adopt(private_subnets=[SUBNETS[0], SUBNETS[1].replace("/hub/", "/spoke/")]),
            "subnet-elsewhere",
            "network.adopt.private_subnets.1",
        ),
        (adopt(public_subnets=SUBNETS[1:]), "not-on-azure", "network.adopt.public_subnets"),
        (
            adopt() | {"cluster": {"public_access": ["203.0.113.7/32"]}},
            "nodes-shut-out",
            "cluster.public_access",
        ),
        ({"log_retention_days": 731}, "logs-too-long", "log_retention_days"),
        (
            {"encryption": {"key": "https://x.vault.azure.net/keys/y"}},
            "wrong-shape",
            "encryption.key",
        ),
        ({"encryption": {"key": f"{KEY}/versions/1"}}, "wrong-shape", "encryption.key"),
        (domain("Z0123456789ABC"), "wrong-shape", "domain.zone"),
        (domain(ZONE.replace("dnsZones", "privateDnsZones")), "wrong-shape", "domain.zone"),
        (domain(ZONE, "ml.example.org"), "zone-mismatch", "domain.zone"),
        (domain(ZONE, "ml.an-example.com"), "zone-mismatch", "domain.zone"),
        ({"cluster": {"admins": [GUID, "ann@example.com"]}}, "wrong-shape", "cluster.admins.1"),
        ({"cluster": {"viewers": ["arn:aws:iam::1:role/x"]}}, "wrong-shape", "cluster.viewers.0"),
        (
            {"cluster": {"admins": [GUID], "viewers": [GUID.upper()]}},
            "admin-and-viewer",
            "cluster.viewers",
        ),
        (pool(machine="m7i.xlarge"), "wrong-shape", "cluster.node_pools.extra.machine"),
        (pool(memory=2048), "no-machine", "cluster.node_pools.extra"),
        (pool(gpu={"type": "v100"}), "no-machine", "cluster.node_pools.extra.gpu"),
        ({"cache": {"memory": 512}}, "no-machine", "cache.memory"),
        ({"cache": {"replicas": 2}}, "too-many-replicas", "cache.replicas"),
        ({"versions": {"postgres": "17.4"}}, "version-not-offered", "versions.postgres"),
        ({"versions": {"postgres": "12"}}, "version-not-offered", "versions.postgres"),
        ({"versions": {"valkey": "8.1"}}, "version-not-offered", "versions.valkey"),
        (cost(thresholds=[10, 20, 30, 40, 50]), "too-many-thresholds", "cost.thresholds"),
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
    (problem,) = check(blueprint(region="west-europe"))
    assert problem.nearest == "westeurope"
    assert "northeurope" in problem.allowed


def test_a_minor_version_gets_its_major() -> None:
    (problem,) = check(blueprint(versions={"postgres": "17.4"}))
    assert problem.nearest == "17"


def test_every_problem_is_found_in_one_run() -> None:
    changes = {"account": "1", "encryption": {"key": "x"}, **pool(machine="xx")}
    assert len(check(blueprint(**changes))) == 3


@pytest.mark.parametrize("role", ["ml", "my--data"])
def test_names_that_no_container_can_have_are_refused(role: str) -> None:
    options = ArtifactsOptions.model_validate({"buckets": {role: {}}})
    chosen = {"artifacts": Choice(tool="buckets", options=options)}
    (problem,) = check(blueprint().model_copy(update={"choices": chosen}))
    assert problem.path == f"artifacts.buckets.{role}"


def test_checks_need_neither_pulumi_nor_the_sdk() -> None:
    code = "import sys, plinth.clouds.azure.checks; sys.exit('pulumi' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
