"""What AWS refuses before anything is made, and where it points."""

from __future__ import annotations

from typing import Any

import pytest
from aws_support import ADOPTED, PROD, REGION, blueprint

from plinth.blueprint import Choice
from plinth.clouds.aws.checks import check
from plinth.spec.options import ArtifactsOptions

ROLE = "arn:aws:iam::111111111111:role/ml"
KEY = f"arn:aws:kms:{REGION}:111111111111:key/01234567-89ab-cdef-0123-456789abcdef"
SUBNETS = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
PUBLIC = {"name": "ml.example.com", "exposure": "public", "allow": ["10.0.0.0/8"]}


def adopt(**changes: Any) -> dict[str, Any]:
    adopted = {"network": "vpc-0123456789abcdef0", "private_subnets": SUBNETS, **changes}
    return {"network": {"adopt": adopted}}


def pool(**changes: Any) -> dict[str, Any]:
    return {"cluster": {"node_pools": {"general": {"min": 1}, "extra": changes}}}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        PROD,
        ADOPTED,
        {"account": ...},
        {"encryption": {"key": KEY}},
        {"region": "us-west-1", "network": {"zones": 2}},
        adopt(public_subnets=SUBNETS) | {"domain": PUBLIC},
        pool(machine="g6e.xlarge"),
        {"cluster": {"admins": [ROLE, "arn:aws:iam::111111111111:user/team/ann"]}},
    ],
)
def test_accepts(changes: dict[str, Any]) -> None:
    assert check(blueprint(**changes)) == []


@pytest.mark.parametrize(
    ("changes", "code", "path"),
    [
        ({"region": ...}, "region-missing", "region"),
        ({"region": "eu-west-9"}, "unknown-region", "region"),
        ({"region": "cn-north-1"}, "unknown-region", "region"),
        ({"region": "us-west-1"}, "too-few-zones", "network.zones"),
        ({"account": "11111111111"}, "account-shape", "account"),
        ({"account": "my-account"}, "account-shape", "account"),
        (adopt(network="projects/p/network"), "wrong-shape", "network.adopt.network"),
        (
            adopt(private_subnets=[SUBNETS[0], "10.0.0.0/24"]),
            "wrong-shape",
            "network.adopt.private_subnets.1",
        ),
        (adopt(public_subnets=["x"]), "wrong-shape", "network.adopt.public_subnets.0"),
        (
            adopt(private_subnets=SUBNETS[:1]),
            "too-few-zones",
            "network.adopt.private_subnets",
        ),
        (
            adopt() | {"domain": PUBLIC},
            "public-subnets-missing",
            "network.adopt.public_subnets",
        ),
        ({"encryption": {"key": "alias/mine"}}, "wrong-shape", "encryption.key"),
        (
            {"encryption": {"key": KEY.replace(REGION, "us-east-1")}},
            "key-elsewhere",
            "encryption.key",
        ),
        (
            {"domain": {"name": "ml.example.com", "zone": "ml-example-com"}},
            "wrong-shape",
            "domain.zone",
        ),
        ({"cluster": {"admins": [ROLE, "ann"]}}, "wrong-shape", "cluster.admins.1"),
        ({"cluster": {"viewers": ["system:masters"]}}, "wrong-shape", "cluster.viewers.0"),
        (
            {"cluster": {"admins": [ROLE], "viewers": [ROLE]}},
            "admin-and-viewer",
            "cluster.viewers",
        ),
        (pool(machine="n2-standard-4"), "wrong-shape", "cluster.node_pools.extra.machine"),
        (pool(memory=2048), "no-machine", "cluster.node_pools.extra"),
        (pool(gpu={"type": "a100"}), "no-machine", "cluster.node_pools.extra.gpu"),
        ({"cache": {"memory": 512}}, "no-machine", "cache.memory"),
        (
            {"cost": {"center": "1", "monthly_budget": 5, "currency": "EUR"}},
            "budget-currency",
            "cost.currency",
        ),
        (
            {"cost": {"center": "1", "monthly_budget": 5, "thresholds": list(range(10, 110, 10))}},
            "too-many-thresholds",
            "cost.thresholds",
        ),
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
    (problem,) = check(blueprint(region="eu-wset-1"))
    assert problem.nearest == "eu-west-1"
    assert "eu-central-1" in problem.allowed


def test_every_problem_is_found_in_one_run() -> None:
    changes = {"account": "1", "encryption": {"key": "x"}, **pool(machine="xx")}
    assert len(check(blueprint(**changes))) == 3


def test_the_access_log_bucket_s_name_is_taken() -> None:
    options = ArtifactsOptions.model_validate({"buckets": {"access-logs": {}}})
    chosen = {"artifacts": Choice(tool="buckets", options=options)}
    (problem,) = check(blueprint().model_copy(update={"choices": chosen}))
    assert (problem.code, problem.path) == ("reserved-name", "artifacts.buckets.access-logs")
