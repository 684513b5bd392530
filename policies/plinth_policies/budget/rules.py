"""The rules on budgets, the same on every cloud."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from plinth.graph import Resource
from plinth_policies.budget.aws import LEDGER as AWS
from plinth_policies.budget.azure import LEDGER as AZURE
from plinth_policies.budget.gcp import LEDGER as GCP
from plinth_policies.controls import CAPACITY
from plinth_policies.model import REGISTRY, Scope, kind_of
from plinth_policies.values import value_refused

_LEDGERS: Final = {ledger.kind.split(":", 1)[0]: ledger for ledger in (AWS, AZURE, GCP)}

_GOOD: Final = {
    "timeUnit": "MONTHLY",
    "limitAmount": "3000.00",
    "notifications": [
        {
            "threshold": 80,
            "thresholdType": "PERCENTAGE",
            "subscriberEmailAddresses": ["ml-platform@example.com"],
        }
    ],
}


@REGISTRY.rule(
    "budget-exists",
    title="Whatever costs money has a budget",
    why="Without one, a forgotten GPU is noticed when the bill comes.",
    fix="add a budget",
    judges={token: () for ledger in _LEDGERS.values() for token in ledger.spenders},
    consults={ledger.kind: () for ledger in _LEDGERS.values()},
    controls=CAPACITY,
    good=((AWS.spenders[0], {"name": "models"}), (AWS.kind, _GOOD)),
    bad=((AWS.spenders[0], {"name": "models"}),),
)
def _exists(resource: Resource, scope: Scope) -> Iterator[str]:
    ledger = _LEDGERS[kind_of(resource.type).split(":", 1)[0]]
    # What is missing once is said once, of the resource that is dearest.
    dearest = scope.all_of(*ledger.spenders)[0]
    if resource.urn == dearest.urn and not scope.all_of(ledger.kind):
        yield "there is no budget on this cloud"


@REGISTRY.rule(
    "budget-amount",
    title="Budgets are for no more than the environment may cost a month",
    why="A budget that is larger than what was agreed warns too late.",
    fix="set a fixed amount for a month, at most what the spec names as monthly_budget",
    judges={ledger.kind: (ledger.period, *ledger.amount_reads) for ledger in _LEDGERS.values()},
    parameters=("monthly_budget",),
    controls=CAPACITY,
    good=_GOOD,
    bad={"timeUnit": "MONTHLY"},
)
def _amount(resource: Resource, scope: Scope) -> Iterator[str]:
    ledger = _LEDGERS[kind_of(resource.type).split(":", 1)[0]]
    yield from value_refused(resource.inputs, ledger.period, ledger.periods, default=ledger.default)
    amount, most = ledger.amount(resource), scope.parameters.monthly_budget
    if amount is None:
        yield "no amount is fixed"
    elif most and round(amount, 2) > round(most, 2):
        yield f"the amount is {amount:.2f}, and the environment may cost {most:.2f}"


@REGISTRY.rule(
    "budget-notice",
    title="Somebody is told before a budget is used up",
    why="A budget stops nothing: all that it does is to tell somebody.",
    fix="add a notice at 100 % or less, to an address or a channel",
    judges={ledger.kind: ledger.notice_reads for ledger in _LEDGERS.values()},
    controls=CAPACITY,
    good=_GOOD,
    bad={"timeUnit": "MONTHLY", "limitAmount": "3000.00"},
)
def _notice(resource: Resource, _scope: Scope) -> Iterator[str]:
    ledger = _LEDGERS[kind_of(resource.type).split(":", 1)[0]]
    if not any(share <= 1 for share in ledger.notices(resource)):
        yield "nobody is told at 100 % or less"
