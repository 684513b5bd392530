"""Accounts to prepare in tests, one a cloud, and their recorded graphs."""

from __future__ import annotations

from functools import cache

from plinth import registry
from plinth.bootstrap.order import Order
from plinth.bootstrap.planning import graph_of
from plinth.bootstrap.trust import trust_of
from plinth.graph import Graph

PLACES = {
    "aws": ("111111111111", "eu-west-1"),
    "azure": ("00000000-0000-0000-0000-000000000001", "westeurope"),
    "gcp": ("churn-dev", "europe-west1"),
}
CLOUDS = registry.bootstrap_names()
TRUST = trust_of("github", "example/churn", environments=["dev", "prod"])


def order(cloud: str) -> Order:
    account, region = PLACES[cloud]
    return Order(
        cloud=cloud,
        account=account,
        region=region,
        platform="churn",
        owner="ml-platform@example.com",
        cost_center="4711",
        budget=3000.0,
        trust=TRUST,
    )


@cache
def graph(cloud: str) -> Graph:
    return graph_of(order(cloud))
