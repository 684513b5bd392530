"""AWS: what is known of it without Pulumi and without its SDK."""

from __future__ import annotations

from plinth.clouds import STATEFUL_ANYWHERE, CloudInfo
from plinth.clouds.aws.checks import check
from plinth.clouds.aws.facts import REGIONS, STATEFUL
from plinth.ports import Port

CLOUD = CloudInfo(
    name="aws",
    title="AWS",
    adapter="plinth.clouds.aws.adapter:Aws",
    ports=frozenset(Port),
    sdk="pulumi_aws",
    extra="aws",
    packages=("aws", "kubernetes", "random"),
    stateful=(STATEFUL | STATEFUL_ANYWHERE).__contains__,
    commands=("aws",),
    check=check,
    regions=REGIONS,
    any_account="000000000000",
)
