"""What is to be made in which account: from the spec, from options, or from both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from plinth.accounts import AccountNames, account_of
from plinth.blueprint import Blueprint, resolve
from plinth.bootstrap import parts
from plinth.bootstrap.trust import Trust
from plinth.errors import Problem, UsageError
from plinth.naming import physical
from plinth.program import recorded_versions
from plinth.spec.document import load

#: Value of the tag ``environment`` on what all environments of an account share.
SHARED: Final = "shared"


@dataclass(frozen=True, kw_only=True)
class Order:
    """One account to prepare.

    Attributes:
        cloud: ``aws``, ``azure`` or ``gcp``.
        account: Account, subscription or project.
        region: Region that holds the state.
        platform: Value of the tag ``platform``.
        owner: Who is told of trouble.
        cost_center: Who pays.
        budget: What the account may cost a month.
        currency: Of the budget.
        notify: Further addresses for alerts.
        trust: The CI that may come in; nobody's without one.
        blueprints: The environments that will live there, for the quotas they need.
        adopt: Whether CI's identities were made by hand and are to be taken over.
        without: Parts that the account has from elsewhere; ``None`` says as in earlier runs.
    """

    cloud: str
    account: str
    region: str
    platform: str
    owner: str
    cost_center: str
    budget: float
    currency: str = "USD"
    notify: tuple[str, ...] = ()
    trust: Trust | None = None
    blueprints: tuple[Blueprint, ...] = ()
    adopt: bool = False
    without: tuple[str, ...] | None = None

    def makes(self, part: str) -> bool:
        """Whether a part that can be left out is made."""
        return part not in (self.without or ())

    @property
    def regions(self) -> tuple[str, ...]:
        """Where the account is used: first where the state is, then where environments are."""
        there = (each.region for each in self.blueprints if each.region)
        return tuple(dict.fromkeys([self.region, *there]))

    @property
    def stack(self) -> str:
        """Name of the stack, unique among all accounts that one backend may hold."""
        return physical(self.cloud, self.account)

    @property
    def names(self) -> AccountNames:
        """What CI will find."""
        issuer = {"issuer": self.trust.host} if self.trust else {}
        return account_of(self.cloud, self.account, self.region, self.platform, **issuer)

    @property
    def people(self) -> list[str]:
        """Who gets alerts, each once."""
        return list(dict.fromkeys([self.owner, *self.notify]))

    @property
    def tags(self) -> dict[str, str]:
        """What everything is tagged with."""
        return {
            "platform": self.platform,
            "environment": SHARED,
            "owner": self.owner,
            "cost-center": self.cost_center,
            "capability": "bootstrap",
            "managed-by": "plinth",
        }


def order_of(
    cloud: str,
    spec: Path | None,
    *,
    account: str | None = None,
    region: str | None = None,
    owner: str | None = None,
    cost_center: str | None = None,
    budget: float | None = None,
    adopt: bool = False,
    without: Sequence[str] = (),
) -> Order:
    """Takes the environments on a cloud out of a spec, and options before what these say.

    Args:
        cloud: Which cloud.
        spec: The spec; without one, everything has to be said.
        account: One of the spec's accounts, or any.
        region: Where the state is to be kept; the first environment's in that account, and no
            other where there is one.
        owner: Address of the owner.
        cost_center: Cost centre.
        budget: Monthly budget; what the environments have together.
        adopt: Whether CI's identities were made by hand.
        without: Parts to leave out, see :mod:`plinth.bootstrap.parts`.

    Raises:
        SpecError: The spec has problems.
        UsageError: Something is missing, there are several accounts to choose from, or the state
            would be kept where no environment looks for it.
    """
    leave = parts.left_out(cloud, without)
    found = _environments(cloud, spec) if spec else ()
    chosen = _account(cloud, found, account)
    there = tuple(each for each in found if each.settings.account in (chosen, None))
    first = there[0].settings if there else None
    values: dict[str, Any] = {
        "--region": _region(chosen, there, region),
        "--owner": owner or (first and first.owner),
        "--cost-center": cost_center or (first and first.cost.center),
        "--budget": budget or sum(each.settings.cost.monthly_budget for each in there),
    }
    if missing := [option for option, value in values.items() if not value]:
        raise UsageError(
            Problem(
                code="bootstrap-incomplete",
                message=f"nothing says {', '.join(missing)} of {chosen}",
                fix="Add the options, or name the account in the spec.",
            )
        )
    order = Order(
        cloud=cloud,
        account=chosen,
        region=values["--region"],
        platform=first.name if first else "plinth",
        owner=values["--owner"],
        cost_center=values["--cost-center"],
        budget=float(values["--budget"]),
        currency=first.cost.currency if first else "USD",
        notify=tuple(dict.fromkeys(each for one in there for each in one.settings.cost.notify)),
        blueprints=there,
        adopt=adopt,
        without=leave,
    )
    _ = order.names  # refuses what is no account or region
    return order


def _environments(cloud: str, spec: Path) -> tuple[Blueprint, ...]:
    document = load(spec)
    everything = (
        resolve(document, name, recorded=recorded_versions(spec.parent, name))
        for name in document.data.get("environments") or ()
    )
    return tuple(each for each in everything if each.settings.cloud == cloud)


def _region(account: str, there: Sequence[Blueprint], wanted: str | None) -> str | None:
    """Where the account's environments look for their state, else where it is wanted."""
    pinned = [each for each in there if each.settings.account == account]
    if not pinned:
        return wanted or (there[0].region if there else None)
    home = pinned[0].state_region
    if wanted and wanted != home:
        raise UsageError(
            Problem(
                code="state-elsewhere",
                message=f"--region says {wanted}, and the environments of {account} look for their "
                f"state in {home}, where the first of them ({pinned[0].environment}) is",
                fix="Leave --region out, or put an environment of that region first in the spec.",
            )
        )
    return home


def _account(cloud: str, found: Sequence[Blueprint], wanted: str | None) -> str:
    by_account: dict[str, list[str]] = {}
    for each in found:
        if each.settings.account:
            by_account.setdefault(each.settings.account, []).append(each.environment)
    if wanted:
        return wanted
    if len(by_account) == 1:
        return next(iter(by_account))
    listed = tuple(f"{account} ({', '.join(names)})" for account, names in by_account.items())
    raise UsageError(
        Problem(
            code="which-account" if listed else "account-missing",
            message=f"the spec has {len(listed)} accounts on {cloud}"
            if listed
            else f"no environment of the spec names an account on {cloud}",
            allowed=listed,
            fix="Choose one with --account.",
        )
    )
