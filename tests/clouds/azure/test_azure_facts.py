"""Facts about Azure: light to import, and true of the installed SDK."""

from __future__ import annotations

import importlib
import ipaddress
import subprocess
import sys

import pytest

from plinth.clouds.azure import CLOUD
from plinth.clouds.azure.facts import STATEFUL
from plinth.clouds.azure.network import layout
from plinth.clouds.azure.nodes import share
from plinth.clouds.azure.secrets import vault_name
from plinth.clouds.azure.site import tags
from plinth.ports import Port


def test_facts_load_neither_pulumi_nor_the_sdk() -> None:
    script = (
        "import sys, plinth.clouds.azure\n"
        "print([m for m in sys.modules if m.split('.')[0].startswith('pulumi')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]"


def test_every_port_of_clusters_is_offered() -> None:
    assert CLOUD.ports == frozenset(Port) - {Port.PROCESSES}


def test_the_nearest_region_is_in_the_same_country() -> None:
    assert CLOUD.region_like("europe/de") == "germanywestcentral"
    assert CLOUD.region_like("north-america/us/east") == "eastus"


@pytest.mark.parametrize("token", sorted(STATEFUL))
def test_stateful_types_exist(token: str) -> None:
    _, module, kind = token.split(":")
    made = getattr(importlib.import_module(f"pulumi_azure_native.{module}"), kind)
    assert made.pulumi_type == token


@pytest.mark.parametrize("cidr", ["10.0.0.0/16", "10.8.0.0/20", "192.168.0.0/18"])
def test_subnets_fit_and_do_not_meet(cidr: str) -> None:
    found = layout(cidr)
    parts = [ipaddress.IPv4Network(p) for p in (*found.nodes, found.endpoints, found.control_plane)]
    whole = ipaddress.IPv4Network(cidr)
    assert all(part.subnet_of(whole) for part in parts)
    pairs = [(one, other) for one in parts for other in parts if one is not other]
    assert not any(one.overlaps(other) for one, other in pairs)
    assert parts[-1].prefixlen <= 28  # the least that the API server takes


@pytest.mark.parametrize(("whole", "parts"), [(2, 3), (6, 3), (1, 3), (0, 2), (7, 2)])
def test_shares_add_up_and_stay_in_order(whole: int, parts: int) -> None:
    found = [share(whole, parts, number) for number in range(parts)]
    assert sum(found) == whole
    assert max(found) - min(found) <= 1


def test_names_of_tags_and_secrets() -> None:
    assert tags({"team/unit": "a/b"}, "tracking") == {"team_unit": "a/b", "capability": "tracking"}
    assert vault_name("ml/oidc_client") == "ml-oidc-client"
