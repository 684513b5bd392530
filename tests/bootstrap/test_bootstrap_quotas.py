"""What environments need at their largest, compared with what an account may have."""

from __future__ import annotations

import pytest

from example import SPEC
from plinth.bootstrap.order import order_of
from plinth.bootstrap.planning import needs_of
from plinth.bootstrap.quotas import Need, Quota, compare, needs
from plinth.graph import Graph, Resource


def amounts(found: tuple[Need, ...]) -> dict[str, int]:
    return {need.quota.code: need.amount for need in found}


def graph(*resources: tuple[str, dict[str, object]]) -> Graph:
    listed = tuple(
        Resource(urn=f"urn:pulumi:dev::p::{kind}::{number}", type=kind, name=str(number),
                 inputs=inputs, custom=True)
        for number, (kind, inputs) in enumerate(resources)
    )  # fmt: skip
    return Graph(environment="dev", cloud="aws", resources=listed)


def pool(machine: str, most: int, *, spot: bool = False) -> tuple[str, dict[str, object]]:
    return "aws:eks/nodeGroup:NodeGroup", {
        "instanceTypes": [machine],
        "scalingConfig": {"maxSize": most},
        "capacityType": "SPOT" if spot else "ON_DEMAND",
    }


def test_the_example_on_aws() -> None:
    """dev and staging alike: 6 of 4 cores, 2 of 8 with a GPU, 10 of 8 as spot machines."""
    found = needs_of(order_of("aws", SPEC, account="111111111111"))
    assert amounts(found) == {
        "L-1216C47A": 2 * 6 * 4,
        "L-DB2E81BA": 2 * 2 * 8,
        "L-34B43A08": 2 * 10 * 8,
        "L-0263D0A3": 2,
        "L-F678F1CE": 2,
        "L-A4707A72": 2,
        "L-FE5A380F": 2,
    }
    assert all(need.environments == ("dev", "staging") for need in found)


@pytest.mark.parametrize(
    ("machine", "spot", "code", "cores"),
    [
        ("m7i.large", False, "L-1216C47A", 2),
        ("m6i.12xlarge", True, "L-34B43A08", 48),
        ("g5.xlarge", True, "L-3819A6DF", 4),
        ("p4d.24xlarge", False, "L-417A185B", 96),
        ("p4d.24xlarge", True, "L-7212CCBC", 96),
        ("p5.48xlarge", True, "L-C4BD4855", 192),
        ("inf2.xlarge", False, "L-1945791B", 4),
    ],
)
def test_machines_on_aws(machine: str, *, spot: bool, code: str, cores: int) -> None:
    found = needs("aws", [("dev", "eu-west-1", graph(pool(machine, 3, spot=spot)))])
    assert amounts(found) == {code: 3 * cores}


def test_machines_on_azure() -> None:
    kind = "azure-native:containerservice:AgentPool"
    resources = graph(
        (kind, {"vmSize": "Standard_D4s_v5", "maxCount": 6}),
        (kind, {"vmSize": "Standard_NC4as_T4_v3", "maxCount": 2}),
        (kind, {"vmSize": "Standard_D8s_v5", "maxCount": 10, "scaleSetPriority": "Spot"}),
        ("azure-native:network:PublicIPAddress", {}),
    )
    assert amounts(needs("azure", [("dev", "westeurope", resources)])) == {
        "cores": 24 + 8,
        "Ds_v5": 24,
        "NCas_T4_v3": 8,
        "lowPriorityCores": 80,
        "PublicIPAddresses": 1,
    }


def test_machines_on_google_cloud() -> None:
    kind = "gcp:container/nodePool:NodePool"

    def nodes(machine: str, most: int, **node: object) -> tuple[str, dict[str, object]]:
        config = {"machineType": machine, **node}
        return kind, {"nodeConfig": config, "autoscaling": {"totalMaxNodeCount": most}}

    gpu = {"guestAccelerators": [{"type": "nvidia-l4", "count": 1}]}
    resources = graph(
        nodes("e2-standard-4", 6),
        nodes("n2-standard-8", 2, spot=True),
        nodes("g2-standard-8", 2, **gpu),
        nodes("g2-standard-8", 3, **gpu, spot=True),
    )
    assert amounts(needs("gcp", [("dev", "europe-west4", resources)])) == {
        "CPUS-ALL-REGIONS-per-project": 24 + 16 + 16 + 24,
        "CPUS-per-project-region": 24,
        "N2-CPUS-per-project-region": 16,
        "GPUS-ALL-REGIONS-per-project": 5,
        "NVIDIA-L4-GPUS-per-project-region": 2,
        "PREEMPTIBLE-NVIDIA-L4-GPUS-per-project-region": 3,
    }


def test_one_sentence_with_both_numbers_and_how_to_raise_it() -> None:
    need = Need(quota=Quota("ec2", "L-1", "cores of all machines"), region="eu-west-1", amount=48,
                environments=("dev", "prod"))  # fmt: skip
    (short,) = compare("aws", [need], {need.key: 5.0}, "111111111111")
    assert short.problem.code == "quota-too-small"
    assert short.problem.message == (
        "cores of all machines in eu-west-1: dev, prod need up to 48, and the limit is 5"
    )
    assert "--desired-value 48" in str(short.problem.fix)
    assert compare("aws", [need], {need.key: 48.0}, "1") == ()
    assert compare("aws", [need], {need.key: -1.0}, "1") == ()  # no limit at all
    (unknown,) = compare("azure", [need], {}, "1")
    assert unknown.problem.code == "quota-unknown"
    assert "az vm list-usage" in str(unknown.problem.fix)
