from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from rehearsal_azure import ACCOUNT, Azure
from rehearsal_client import Client, serving

from plinth.rehearsal.cloud import Cloud


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    with Cloud(tmp_path / "cloud.db") as opened:
        yield opened


@pytest.fixture
def aws(cloud: Cloud) -> Iterator[Client]:
    with serving("aws", cloud) as address:
        yield Client(address, region="eu-west-1", allowedAccountIds='["111111111111"]')


@pytest.fixture
def azure(cloud: Cloud) -> Iterator[Azure]:
    with serving("azure-native", cloud) as address:
        client = Client(address, subscriptionId=ACCOUNT, location="westeurope")
        yield Azure(client, cloud)


@pytest.fixture
def kubernetes(cloud: Cloud) -> Iterator[Client]:
    with serving("kubernetes", cloud) as address:
        yield Client(address, clusterIdentifier="one")


@pytest.fixture
def random(cloud: Cloud) -> Iterator[Client]:
    with serving("random", cloud) as address:
        yield Client(address)
