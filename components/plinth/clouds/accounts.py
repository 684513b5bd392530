"""The account that an environment is pinned to, and what is said when others are at hand.

Each adapter asks its provider whose credentials are in hand before it makes anything.  Where a
cloud's credentials belong to one account (AWS) the two are compared; where they may be let into
many (Azure, Google Cloud) they have to be let into the pinned one.
"""

from __future__ import annotations

import re
from typing import Final

from plinth.blueprint import Blueprint
from plinth.errors import PlinthError, Problem

#: What the AWS provider says by itself when ``allowed_account_ids`` does not list the account of
#: the credentials (aws-sdk-go-base, VerifyAccountIDAllowed): it names that account alone.
_REFUSED: Final = re.compile(r"AWS account ID not allowed: (\d{12})", re.IGNORECASE)


class WrongAccountError(PlinthError):
    """The credentials in hand are not those of the account that the environment is pinned to."""


def refused(message: str) -> str | None:
    """The account of the credentials, when this is the AWS provider refusing them."""
    found = _REFUSED.search(message)
    return found[1] if found else None


def wrong(blueprint: Blueprint, pinned: str, hands: str, *, get: str) -> WrongAccountError:
    """The error of credentials that are not the pinned account's.

    Args:
        blueprint: The environment.
        pinned: What it is pinned to, such as "AWS account 111111111111".
        hands: What is to be said of the credentials in hand.
        get: How to get the right ones, one clause.
    """
    name = blueprint.environment
    return WrongAccountError(
        Problem(
            code="wrong-account",
            message=f"environment {name} is pinned to {pinned}, and the credentials in hand "
            f"{hands}; nothing was changed",
            path="account",
            environment=name,
            fix=f"{get}; or, where the spec is wrong, correct `account` of {name} in it.",
        )
    )


def wrong_aws(blueprint: Blueprint, found: str) -> WrongAccountError:
    """The error of credentials that belong to the AWS account ``found``."""
    account = blueprint.settings.account
    return wrong(
        blueprint,
        f"AWS account {account}",
        f"belong to account {found}",
        get=f"Take credentials of {account}, such as with AWS_PROFILE or `aws sso login`",
    )


def explained(error: PlinthError, blueprint: Blueprint) -> PlinthError:
    """The error of an operation; with both accounts, where it is the AWS provider's own refusal.

    That comes from operations that do not run the program, such as a refresh.
    """
    told = [refused(problem.message) for problem in error.problems]
    found = next((account for account in told if account), None)
    return wrong_aws(blueprint, found) if found and blueprint.settings.account else error
