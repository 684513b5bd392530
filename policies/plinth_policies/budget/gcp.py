"""Budgets of Cloud Billing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from plinth.graph import Resource
from plinth_policies.budget.reading import Ledger
from plinth_policies.encryption.gcp_stores import CLUSTER
from plinth_policies.values import blocks, get, is_on, known

_AMOUNT: Final = "amount.specifiedAmount"
_RULE: Final = "allUpdatesRule"


def _amount(resource: Resource) -> float | None:
    money = known(get(resource.inputs, _AMOUNT), _AMOUNT)
    if not money:  # that of the last period, whatever it was
        return None
    units = known(money.get("units"), "units") or 0
    nanos = known(money.get("nanos"), "nanos") or 0
    return float(units) + float(nanos) / 1e9


def _notices(resource: Resource) -> Iterator[float]:
    rule = known(resource.inputs.get(_RULE), _RULE) or {}
    mute = is_on(known(get(rule, "disableDefaultIamRecipients"), "disableDefaultIamRecipients"))
    # Unless told otherwise, the administrators of the billing account get a mail.
    if mute and not (rule.get("monitoringNotificationChannels") or rule.get("pubsubTopic")):
        return
    for threshold in blocks(resource.inputs.get("thresholdRules"), "thresholdRules"):
        yield float(known(get(threshold, "thresholdPercent"), "thresholdPercent"))


LEDGER: Final = Ledger(
    kind="gcp:billing/budget:Budget",
    spenders=(
        CLUSTER,
        "gcp:sql/databaseInstance:DatabaseInstance",
        "gcp:compute/network:Network",
        "gcp:storage/bucket:Bucket",
    ),
    period="budgetFilter.calendarPeriod",
    periods=("MONTH",),
    default="MONTH",
    amount=_amount,
    amount_reads=(f"{_AMOUNT}.units", f"{_AMOUNT}.nanos"),
    notices=_notices,
    notice_reads=(
        "thresholdRules.thresholdPercent",
        f"{_RULE}.disableDefaultIamRecipients",
        f"{_RULE}.monitoringNotificationChannels",
        f"{_RULE}.pubsubTopic",
    ),
)
