"""Budgets of Azure Cost Management."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from plinth.graph import Resource
from plinth_policies.budget.reading import Ledger
from plinth_policies.encryption.azure import CLUSTER
from plinth_policies.values import get, is_on, known

_CONTACTS: Final = ("contactEmails", "contactGroups", "contactRoles")


def _amount(resource: Resource) -> float | None:
    amount = known(resource.inputs.get("amount"), "amount")
    return None if amount is None else float(amount)


def _notices(resource: Resource) -> Iterator[float]:
    notifications = known(resource.inputs.get("notifications"), "notifications") or {}
    for notice in notifications.values():
        enabled = is_on(known(get(notice, "enabled"), "enabled"))
        threshold = float(known(get(notice, "threshold"), "threshold"))
        if enabled and any(notice.get(name) for name in _CONTACTS):
            yield threshold / 100


LEDGER: Final = Ledger(
    kind="azure-native:consumption:Budget",
    spenders=("azure-native:resources:ResourceGroup", CLUSTER),
    period="timeGrain",
    periods=("Monthly", "BillingMonth"),
    amount=_amount,
    amount_reads=("amount",),
    notices=_notices,
    notice_reads=("notifications",),
)
