"""What every AWS component is built with: place, providers, tags, and the base of components."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_random as random
from pulumi import Input, Output, ProviderResource, Resource, ResourceOptions

from plinth import naming
from plinth.blueprint import Blueprint


@dataclass(frozen=True, kw_only=True)
class Site:
    """One environment's place on AWS.

    Attributes:
        account: Account number; looked up when the spec names none, so that names and policies
            made from it stay the same when the spec names it later.
        providers: The one AWS provider and the one random provider.
    """

    blueprint: Blueprint
    account: Input[str]
    providers: tuple[ProviderResource, ...]

    @classmethod
    def open(cls, blueprint: Blueprint, parent: Resource) -> Site:
        """Makes the providers below ``parent``; credentials come from the environment."""
        account = blueprint.settings.account
        provider = aws.Provider(
            "aws",
            region=blueprint.region,
            allowed_account_ids=[account] if account else None,
            default_tags={"tags": blueprint.tags},
            opts=ResourceOptions(parent=parent),
        )
        if account is None:
            options = pulumi.InvokeOutputOptions(parent=parent, provider=provider)
            caller = aws.get_caller_identity_output(opts=options)
            return cls(
                blueprint=blueprint,
                account=caller.account_id,
                providers=(provider, _random(parent)),
            )
        return cls(blueprint=blueprint, account=account, providers=(provider, _random(parent)))

    @property
    def region(self) -> str:
        """The region."""
        return self.blueprint.region

    @property
    def prefix(self) -> str:
        """Start of physical names."""
        return self.blueprint.prefix

    @property
    def durable(self) -> bool:
        """Whether everything that holds data is guarded."""
        return self.blueprint.settings.durable

    @property
    def backup_days(self) -> int:
        """How long backups are kept; 0 when there are none."""
        backups = self.blueprint.settings.backups
        return backups.retention_days if backups.enabled else 0

    def arn(self, service: str, resource: str) -> Output[str]:
        """The ARN of a thing in this region and account, known before the thing exists."""
        return Output.concat(f"arn:aws:{service}:{self.region}:", self.account, f":{resource}")

    def unique(self, *parts: str) -> Output[str]:
        """A name that nobody else in the world has: with a digest of account and region."""
        return Output.from_input(self.account).apply(
            lambda account: naming.physical(self.prefix, *parts, unique=f"{account}/{self.region}")
        )


def _random(parent: Resource) -> ProviderResource:
    provider: ProviderResource = random.Provider("random", opts=ResourceOptions(parent=parent))
    return provider


class Component(pulumi.ComponentResource):
    """Base of AWS components (``plinth:index:<kind>``).

    The cost tag ``capability`` of everything inside is the name of the component's parent, which
    is the capability that asked for it, or ``foundation``.
    """

    def __init__(
        self, kind: str, name: str, site: Site, parent: Resource, *, capability: str | None = None
    ) -> None:
        super().__init__(
            f"plinth:index:{kind}",
            name,
            None,
            ResourceOptions(parent=parent, providers=list(site.providers)),
        )
        self.site = site
        inherited = getattr(parent, "capability", None) or parent.pulumi_resource_name
        self.capability: str = capability or inherited

    def child(
        self,
        *,
        stateful: bool = False,
        depends_on: Sequence[Resource] = (),
        ignore_changes: Sequence[str] = (),
        delete_before_replace: bool = False,
    ) -> ResourceOptions:
        """Fresh options for a child; a stateful one is protected in a durable environment."""
        return ResourceOptions(
            parent=self,
            protect=(stateful and self.site.durable) or None,
            depends_on=list(depends_on) or None,
            ignore_changes=list(ignore_changes) or None,
            delete_before_replace=delete_before_replace or None,
        )

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
