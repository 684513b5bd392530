"""Facts about AWS: light to import, and true of the installed SDK."""

from __future__ import annotations

import subprocess
import sys

import pulumi_aws
import pytest
from aws_support import graph

from plinth.clouds.aws import CLOUD
from plinth.clouds.aws.facts import STATEFUL, ZONES
from plinth.clouds.aws.network import layout
from plinth.clouds.aws.site import retention
from plinth.ports import Port


def test_facts_load_neither_pulumi_nor_the_sdk() -> None:
    script = (
        "import sys, plinth.clouds.aws\n"
        "print([m for m in sys.modules if m.split('.')[0].startswith('pulumi')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]"


def test_every_port_of_clusters_is_offered() -> None:
    assert CLOUD.ports == frozenset(Port) - {Port.PROCESSES}
    assert CLOUD.regions.keys() == ZONES.keys()


@pytest.mark.parametrize("token", sorted(t for t in STATEFUL if t.startswith("aws:")))
def test_stateful_types_exist(token: str) -> None:
    module, kind = token.removeprefix("aws:").split(":")
    made = getattr(getattr(pulumi_aws, module.split("/", maxsplit=1)[0]), kind)
    assert made.pulumi_type == token


def test_what_holds_data_is_known_as_stateful() -> None:
    held = {"s3/bucket:Bucket", "rds/instance:Instance", "kms/key:Key", "eks/cluster:Cluster"}
    assert all(CLOUD.stateful(f"aws:{token}") for token in held)
    assert not CLOUD.stateful("aws:s3/bucketPolicy:BucketPolicy")
    assert not CLOUD.stateful("kubernetes:helm.sh/v3:Release")


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_protected_is_exactly_what_is_stateful_and_durable(name: str) -> None:
    for resource in graph(name):
        expected = name == "prod" and CLOUD.stateful(resource.type)
        assert resource.protect is expected, resource.urn


def test_every_region_has_two_or_three_zones_of_its_own() -> None:
    zones = [zone for found in ZONES.values() for zone in found]
    assert len(zones) == len(set(zones))
    assert {len(found) for found in ZONES.values()} == {2, 3}
    # EKS takes no control plane there.
    assert not {"use1-az3", "usw1-az2", "cac1-az3"} & set(zones)


@pytest.mark.parametrize(
    ("cidr", "private", "public"),
    [
        ("10.0.0.0/16", "10.0.64.0/18", "10.0.196.0/22"),
        ("10.8.0.0/20", "10.8.4.0/22", "10.8.12.64/26"),
    ],
)
def test_layout_of_the_second_zone(cidr: str, private: str, public: str) -> None:
    zones = layout(cidr, ["z1", "z2", "z3"])
    assert zones[1] == ("b", "z2", private, public)
    assert len(layout(cidr, ["z1", "z2"])) == 2


@pytest.mark.parametrize(("days", "kept"), [(1, 1), (2, 3), (90, 90), (366, 400), (3650, 3653)])
def test_retention_is_never_shorter_than_asked(days: int, kept: int) -> None:
    assert retention(days) == kept
