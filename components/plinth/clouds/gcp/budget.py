"""The spending limit: a Cloud Billing budget on the project's part that carries our label.

A budget's filter takes one label (Cloud Billing Budget API, "Filter"). It is the platform's name,
so environments that share a project share the count. Whoever runs `up` needs a right on the
billing account, such as `roles/billing.costsManager`.
"""

from __future__ import annotations

from typing import Any, Final

import pulumi_gcp as gcp
from pulumi import Input, Output, Resource

from plinth.clouds.gcp.notifications import channels
from plinth.clouds.gcp.options import options
from plinth.clouds.gcp.site import Component, Site
from plinth.naming import gcp_label

_FILTER: Final = "platform"


class Budget(Component):
    """A monthly budget with its alerts (``plinth:index:Budget``)."""

    services = ("billingbudgets", "monitoring")

    def __init__(self, *, site: Site, parent: Resource) -> None:
        super().__init__("Budget", "budget", site, parent)
        settings = site.blueprint.settings
        people = list(dict.fromkeys([settings.owner, *settings.cost.notify]))
        alerts = [("CURRENT_SPEND", percent) for percent in sorted(set(settings.cost.thresholds))]
        gcp.billing.Budget(
            "budget",
            billing_account=self._billing_account(),
            display_name=site.prefix,
            amount={
                "specified_amount": _money(settings.cost.monthly_budget, settings.cost.currency)
            },
            budget_filter={
                "projects": [Output.concat("projects/", site.project_number)],
                "labels": {_FILTER: gcp_label(site.blueprint.tags[_FILTER])},
                "calendar_period": "MONTH",
            },
            threshold_rules=[
                {"spend_basis": basis, "threshold_percent": percent / 100}
                for basis, percent in [*alerts, ("FORECASTED_SPEND", 100)]
            ],
            all_updates_rule={
                "monitoring_notification_channels": channels(self, "budget", people),
                # The billing account's administrators are not who the spec names.
                "disable_default_iam_recipients": True,
            },
            opts=self.child(),
        )
        self.register_outputs({})

    def _billing_account(self) -> Input[str]:
        """The spec's, or the one that pays for the project.

        A project's lookup says nothing of its billing account, and does not fail either, while the
        Cloud Billing API is off (hashicorp/terraform-provider-google, resource_google_project.go).
        """
        given = options(self.site.blueprint).billing_account
        if given is not None:
            return given
        found = gcp.organizations.get_project_output(
            project_id=self.site.project, opts=self.site.lookup_with("cloudbilling")
        )
        account: Output[str] = found.billing_account
        return account


def _money(amount: float, currency: str) -> dict[str, Any]:
    """An amount, to the cent. Another currency than the billing account's is refused there."""
    whole, cents = divmod(round(amount * 100), 100)
    return {"currency_code": currency, "units": str(whole), "nanos": cents * 10_000_000}
