"""What every AWS component is built with: place, providers, tags, and the base of components."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws
from pulumi import Input, InvokeOptions, Output, ProviderResource, Resource, ResourceOptions

from plinth.blueprint import Blueprint
from plinth.clouds import accounts, base
from plinth.naming import physical


@dataclass(frozen=True, kw_only=True)
class Site(base.Site):
    """One environment's place on AWS: an account and a region."""

    @classmethod
    def open(cls, blueprint: Blueprint, parent: Resource) -> Site:
        """Makes the providers below ``parent``; credentials come from the environment.

        Raises:
            WrongAccountError: They are of another account than the environment is pinned to.
        """
        account = blueprint.settings.account
        provider = aws.Provider(
            "aws",
            region=blueprint.region,
            allowed_account_ids=[account] if account else None,
            default_tags={"tags": blueprint.tags},
            opts=ResourceOptions(parent=parent),
        )
        providers = (provider, base.random_provider(parent))
        if account is None:
            options = pulumi.InvokeOutputOptions(parent=parent, provider=provider)
            caller = aws.get_caller_identity_output(opts=options)
            return cls(blueprint=blueprint, account=caller.account_id, providers=providers)
        _confirm(blueprint, account, provider)
        return cls(blueprint=blueprint, account=account, providers=providers)

    def named(self, *parts: str, limit: int = 63) -> str:
        """The prefix and more, for services that want short names and no two dashes in a row."""
        return physical(self.prefix, *parts, limit=limit)

    def arn(self, service: str, resource: str) -> Output[str]:
        """The ARN of a thing in this region and account, known before the thing exists."""
        return Output.concat(f"arn:aws:{service}:{self.region}:", self.account, f":{resource}")


def _confirm(blueprint: Blueprint, account: str, provider: ProviderResource) -> None:
    """Raises WrongAccountError when the credentials in hand are not of the account."""
    try:
        options = InvokeOptions(provider=provider)
        found = str(aws.get_caller_identity(opts=options).account_id)
    except Exception as error:
        # The provider's own `allowed_account_ids` may speak first.
        refused = accounts.refused(str(error))
        if refused is None:
            raise
        found = refused
    if found != account:
        raise accounts.wrong_aws(blueprint, found)


class Component(base.Component):
    """Base of AWS components, with their tags."""

    def __init__(
        self, kind: str, name: str, site: Site, parent: Resource, *, capability: str | None = None
    ) -> None:
        super().__init__(kind, name, site, parent, capability=capability)
        self.site = site

    def tags(self, name: str | None = None, **more: str) -> dict[str, str]:
        """Tags besides the provider's; ``name`` is what the console shows."""
        found = {"capability": self.capability, **more}
        return {"Name": f"{self.site.prefix}-{name}", **found} if name else found

    def log_group(self, name: str, path: str, key: Input[str], days: int) -> Any:
        """An encrypted log group, made before the service that would make it open and eternal."""
        return aws.cloudwatch.LogGroup(
            name,
            name=path,
            kms_key_id=key,
            retention_in_days=retention(days),
            tags=self.tags(),
            opts=self.child(stateful=True),
        )


#: Retention periods that CloudWatch Logs knows, in days (API reference, PutRetentionPolicy).
_RETENTIONS = (
    1,
    3,
    5,
    7,
    14,
    30,
    60,
    90,
    120,
    150,
    180,
    365,
    400,
    545,
    731,
    1096,
    1827,
    2192,
    2557,
    2922,
    3288,
    3653,
)


def retention(days: int) -> int:
    """The shortest retention that CloudWatch Logs knows and that keeps ``days``."""
    return next(period for period in _RETENTIONS if period >= days)


def document(*statements: Mapping[str, Any]) -> Output[str]:
    """An IAM policy document as JSON, once everything in it is known."""
    return Output.json_dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(
    actions: Sequence[str],
    resources: Input[str] | list[Output[str]] | list[Input[str]],
    condition: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """A statement of an identity policy."""
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Action": list(actions),
        "Resource": resources,
    }
    return {**statement, "Condition": condition} if condition else statement


def assume(service: str, condition: Mapping[str, Any] | None = None) -> Output[str]:
    """The trust policy of a role that an AWS service takes."""
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
    }
    return document({**statement, "Condition": condition} if condition else statement)
