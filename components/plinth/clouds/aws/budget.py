"""The spending limit: AWS Budgets, on what carries this environment's tags.

AWS counts a tag only once it is activated as a cost allocation tag (Billing console, or
``aws ce update-cost-allocation-tags-status``), which it allows a day after the tag's first use.
"""

from __future__ import annotations

from typing import Any

import pulumi_aws as aws
from pulumi import Resource

from plinth.clouds.aws.site import Component, Site

#: Tags that tell one environment's cost from another's.
_FILTER = ("platform", "environment")


class Budget(Component):
    """A monthly budget with its alerts (``plinth:index:Budget``)."""

    def __init__(self, *, site: Site, parent: Resource) -> None:
        super().__init__("Budget", "budget", site, parent)
        settings = site.blueprint.settings
        people = list(dict.fromkeys([settings.owner, *settings.cost.notify]))
        alerts = [("ACTUAL", percent) for percent in sorted(set(settings.cost.thresholds))]
        aws.budgets.Budget(
            "budget",
            name=site.prefix,
            budget_type="COST",
            time_unit="MONTHLY",
            limit_amount=f"{settings.cost.monthly_budget:.2f}",
            limit_unit=settings.cost.currency,
            metrics="UnblendedCost",
            filter_expression={
                "ands": [
                    {"tags": {"key": tag, "values": [site.blueprint.tags[tag]]}} for tag in _FILTER
                ]
            },
            notifications=[
                _alert(kind, percent, people) for kind, percent in [*alerts, ("FORECASTED", 100)]
            ],
            tags=self.tags(),
            opts=self.child(),
        )
        self.register_outputs({})


def _alert(kind: str, percent: int, people: list[str]) -> dict[str, Any]:
    return {
        "notification_type": kind,
        "comparison_operator": "GREATER_THAN",
        "threshold": percent,
        "threshold_type": "PERCENTAGE",
        "subscriber_email_addresses": people,
    }
