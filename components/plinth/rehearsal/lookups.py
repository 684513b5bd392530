"""Answers to lookups without a cloud: what an offline plan is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from plinth.errors import Problem, UsageError
from plinth.rehearsal import packages
from plinth.rehearsal.cloud import Cloud
from plinth.rehearsal.packages.base import Question, Settings


def answer(token: str, args: Mapping[str, Any], *, region: str, account: str) -> dict[str, Any]:
    """What a lookup would return, with nothing in the cloud to look at.

    Args:
        token: Function token, such as ``aws:index/getRegion:getRegion``.
        args: Its arguments.
        region: Region of the provider.
        account: Account of the provider.

    Raises:
        UsageError: The rehearsal does not know the function.
    """
    package = packages.find(token.split(":", 1)[0])
    settings = Settings(scope=f"{package.name}:{account}", account=account, region=region)
    return ask(token, args, settings, None)


def ask(
    token: str, args: Mapping[str, Any], settings: Settings, cloud: Cloud | None
) -> dict[str, Any]:
    """What a lookup returns, given the cloud.

    Raises:
        UsageError: The rehearsal does not know the function.
        NotFoundError: There is nothing like that in the cloud.
    """
    package = packages.find(token.split(":", 1)[0])
    if token not in package.lookups:
        raise UsageError(
            Problem(
                code="unknown-lookup",
                message=f"the rehearsal of {package.name} does not know the lookup {token}",
                fix=f"add it to the lookups of the {package.name} package",
            )
        )
    known = {key: value for key, value in args.items() if value is not None}
    return dict(package.lookups[token](Question(known, settings, cloud)))
