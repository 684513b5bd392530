"""How the example platform breaks each rule on budgets."""

from __future__ import annotations

from mutation import Break

MUTATIONS: dict[str, Break] = {
    "budget-exists": Break(cloud="azure", token="azure-native:consumption:Budget", drop=True),
    "budget-amount": Break(
        cloud="aws", token="aws:budgets/budget:Budget", change={"limitAmount": "1000000.00"}
    ),
    "budget-notice": Break(
        cloud="gcp",
        token="gcp:billing/budget:Budget",
        change={"allUpdatesRule.monitoringNotificationChannels": None},
    ),
}
