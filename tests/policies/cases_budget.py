"""Good and bad cases of the rules on budgets."""

from __future__ import annotations

from typing import Any

from policy_support import Inputs, Table, resource

from plinth.graph import UNKNOWN, Resource

AWS = "aws:budgets/budget:Budget"
AZURE = "azure-native:consumption:Budget"
GCP = "gcp:billing/budget:Budget"
EKS = "aws:eks/cluster:Cluster"
BUCKET = "aws:s3/bucket:Bucket"
GROUP = "azure-native:resources:ResourceGroup"

SPENDERS = (
    EKS,
    "aws:rds/instance:Instance",
    "aws:rds/cluster:Cluster",
    "aws:ec2/natGateway:NatGateway",
    "aws:ec2/vpc:Vpc",
    BUCKET,
    GROUP,
    "azure-native:containerservice:ManagedCluster",
    "gcp:container/cluster:Cluster",
    "gcp:sql/databaseInstance:DatabaseInstance",
    "gcp:compute/network:Network",
    "gcp:storage/bucket:Bucket",
)


def limited(**more: Any) -> Inputs:
    """A budget of AWS that is within its limit."""
    return {"timeUnit": "MONTHLY", "limitAmount": "3000.00", **more}


def _azure(**more: Any) -> list[Resource]:
    return [resource(AZURE, {"timeGrain": "Monthly", "amount": 3000, **more})]


def _gcp(**more: Any) -> list[Resource]:
    money = {"specifiedAmount": {"units": "3000", "nanos": 0}}
    return [resource(GCP, {"amount": money, "budgetFilter": {"calendarPeriod": "MONTH"}, **more})]


def _money(units: object, nanos: int = 0) -> dict[str, Any]:
    return {"amount": {"specifiedAmount": {"units": units, "nanos": nanos}}}


def told(threshold: object, kind: str = "PERCENTAGE", **who: Any) -> dict[str, Any]:
    """The notice of a budget of AWS."""
    notice = {"threshold": threshold, "thresholdType": kind, **who}
    return {"notifications": [notice]}


def _azure_told(threshold: object = 80, *, enabled: object = True, **who: Any) -> list[Resource]:
    return _azure(notifications={"Actual_80": {"enabled": enabled, "threshold": threshold, **who}})


def _gcp_told(*shares: object, **rule: Any) -> list[Resource]:
    thresholds = [{"thresholdPercent": share} for share in shares]
    return _gcp(thresholdRules=thresholds, allUpdatesRule=rule)


MAIL = {"subscriberEmailAddresses": ["ml@example.com"]}
CONTACTS = {"contactEmails": ["ml@example.com"]}
CHANNELS = {"monitoringNotificationChannels": UNKNOWN, "disableDefaultIamRecipients": True}

TABLES = {
    "budget-exists": Table(
        EKS,
        good=[
            [resource(EKS, {"name": UNKNOWN}), resource(AWS, {}, "budget")],
            [resource(GROUP, {}), resource(AZURE, {}, "budget")],
        ],
        bad=[
            *(([resource(token, {})], "there is no budget on this cloud") for token in SPENDERS),
            (
                [resource(EKS, {"name": UNKNOWN}), resource(AZURE, {}, "budget")],
                "there is no budget on this cloud",
            ),
        ],
    ),
    "budget-amount": Table(
        AWS,
        good=[
            limited(),
            limited(limitAmount="10"),
            _azure(),
            _azure(timeGrain="BillingMonth"),
            _gcp(),
            _gcp(budgetFilter={}, **_money("2999", 990_000_000)),
        ],
        bad=[
            (limited(limitAmount="3000.01"), "the amount is 3000.01, and the environment may cost"),
            (limited(limitAmount=None), "no amount is fixed"),
            (limited(limitAmount=UNKNOWN), "limitAmount is not known"),
            (limited(timeUnit="ANNUALLY"), "timeUnit is ANNUALLY"),
            (_azure(amount=3001), "the amount is 3001.00"),
            (_azure(timeGrain="Annually"), "timeGrain is Annually"),
            (_azure(amount=UNKNOWN), "amount is not known"),
            (_gcp(**_money("3000", 10_000_000)), "the amount is 3000.01"),
            (_gcp(amount={"lastPeriodAmount": True}), "no amount is fixed"),
            (_gcp(**_money(UNKNOWN)), "units is not known"),
            (_gcp(budgetFilter={"calendarPeriod": "YEAR"}), "calendarPeriod is YEAR"),
        ],
    ),
    "budget-notice": Table(
        AWS,
        good=[
            limited(**told(80, **MAIL)),
            limited(**told(3000, "ABSOLUTE_VALUE", subscriberSnsTopicArns=[UNKNOWN])),
            _azure_told(**CONTACTS),
            _azure_told(100, contactGroups=UNKNOWN),
            _gcp_told(0.5, **CHANNELS),
            _gcp_told(1.0),
        ],
        bad=[
            (limited(), "nobody is told"),
            (limited(**told(101, **MAIL)), "nobody is told"),
            (limited(**told(80)), "nobody is told"),
            (limited(**told(3001, "ABSOLUTE_VALUE", **MAIL)), "nobody is told"),
            (limited(limitAmount=None, **told(80, "ABSOLUTE_VALUE", **MAIL)), "nobody is told"),
            (limited(**told(UNKNOWN, **MAIL)), "threshold is not known"),
            (limited(notifications=UNKNOWN), "notifications is not known"),
            (_azure(), "nobody is told"),
            (_azure_told(120, **CONTACTS), "nobody is told"),
            (_azure_told(80), "nobody is told"),
            (_azure_told(80, enabled=False, **CONTACTS), "nobody is told"),
            (_azure_told(80, enabled=UNKNOWN, **CONTACTS), "enabled is not known"),
            (_gcp(), "nobody is told"),
            (_gcp_told(1.2, **CHANNELS), "nobody is told"),
            (_gcp_told(0.5, disableDefaultIamRecipients=True), "nobody is told"),
            (_gcp_told(UNKNOWN), "thresholdPercent is not known"),
        ],
    ),
}
