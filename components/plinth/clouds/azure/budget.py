"""The spending limit: a budget of Azure Cost Management, on this environment's resource groups.

The cluster's machines and disks are in a group of their own, so the budget is the subscription's.
It is kept in the billing account's own currency, which nothing here can choose or look up: the
spec's amount is taken in that currency.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pulumi import Output, Resource
from pulumi_azure_native import consumption

from plinth.clouds.azure.site import Component, Site


class Budget(Component):
    """A monthly budget with its alerts (``plinth:index:Budget``)."""

    def __init__(self, *, site: Site, parent: Resource) -> None:
        super().__init__("Budget", "budget", site, parent)
        settings = site.blueprint.settings
        people = list(dict.fromkeys([settings.owner, *settings.cost.notify]))
        alerts = [("Actual", percent) for percent in sorted(set(settings.cost.thresholds))]
        consumption.Budget(
            "budget",
            budget_name=site.prefix,
            scope=Output.concat("/subscriptions/", site.account),
            category="Cost",
            time_grain="Monthly",
            amount=settings.cost.monthly_budget,
            filter={
                "dimensions": {
                    "name": "ResourceGroupName",
                    "operator": "In",
                    "values": [site.prefix, f"{site.prefix}-nodes"],
                }
            },
            notifications={
                f"{kind}_{percent}": _alert(kind, percent, people)
                for kind, percent in [*alerts, ("Forecasted", 100)]
            },
            time_period={"start_date": _this_month()},
            # A budget begins in the month in which it is made, and does not move.
            opts=self.child(ignore_changes=["timePeriod"]),
        )
        self.register_outputs({})


def _this_month() -> str:
    """The first day of this month. Azure takes none before it."""
    return f"{datetime.now(UTC):%Y-%m}-01T00:00:00Z"


def _alert(kind: str, percent: int, people: list[str]) -> dict[str, Any]:
    return {
        "enabled": True,
        "operator": "GreaterThan",
        "threshold": percent,
        "threshold_type": kind,
        "contact_emails": people,
    }
