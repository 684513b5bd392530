"""AWS Budgets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from plinth.graph import Resource
from plinth_policies.budget.reading import Ledger
from plinth_policies.encryption.aws import BUCKET
from plinth_policies.values import blocks, get, known


def _amount(resource: Resource) -> float | None:
    amount = known(resource.inputs.get("limitAmount"), "limitAmount")
    return None if amount in (None, "") else float(amount)


def _notices(resource: Resource) -> Iterator[float]:
    amount = _amount(resource)
    for notice in blocks(resource.inputs.get("notifications"), "notifications"):
        threshold = float(known(get(notice, "threshold"), "threshold"))
        if known(get(notice, "thresholdType"), "thresholdType") == "PERCENTAGE":
            share = threshold / 100
        elif amount:
            share = threshold / amount
        else:
            continue
        # Whoever is told may well be known only later.
        if notice.get("subscriberEmailAddresses") or notice.get("subscriberSnsTopicArns"):
            yield share


LEDGER: Final = Ledger(
    kind="aws:budgets/budget:Budget",
    spenders=(
        "aws:eks/cluster:Cluster",
        "aws:rds/instance:Instance",
        "aws:rds/cluster:Cluster",
        "aws:ec2/natGateway:NatGateway",
        "aws:ec2/vpc:Vpc",
        BUCKET,
    ),
    period="timeUnit",
    periods=("MONTHLY",),
    amount=_amount,
    amount_reads=("limitAmount",),
    notices=_notices,
    notice_reads=(
        "limitAmount",
        "notifications.threshold",
        "notifications.thresholdType",
        "notifications.subscriberEmailAddresses",
        "notifications.subscriberSnsTopicArns",
    ),
)
