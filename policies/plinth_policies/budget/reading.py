"""How a cloud writes down a budget."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from plinth.graph import Resource


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """How one cloud keeps budgets.

    Attributes:
        kind: Type of a budget.
        spenders: Types that cost money and are there in some form in every account that is used.
        period: Property that says for how long the amount is.
        periods: Its values that mean a month.
        default: Its value when it is missing.
        amount: What may be spent in a period; ``None`` when that is no fixed amount.
        amount_reads: The input properties that decide on the amount.
        notices: For each notice that somebody gets, the share of the amount at which it is sent.
        notice_reads: The input properties that decide on notices.
    """

    kind: str
    spenders: tuple[str, ...]
    period: str
    periods: tuple[str, ...]
    default: str = ""
    amount: Callable[[Resource], float | None]
    amount_reads: tuple[str, ...]
    notices: Callable[[Resource], Iterator[float]]
    notice_reads: tuple[str, ...]
