"""An environment as a pipeline sees it: where it is, who may look, who may deploy."""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from plinth import accounts
from plinth.blueprint import Blueprint, check
from plinth.combinations import account_names
from plinth.errors import Problem, UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One environment.

    Attributes:
        environment: Its name, which is the stack's.
        platform: Name of the platform.
        cloud: The cloud it is on.
        region: The region, where the cloud has any.
        account: Account, subscription or project; empty for a cluster.
        backend: Pulumi's state backend; empty where no account holds it.
        secrets_provider: What encrypts secrets in the state, likewise.
        preview: Read-only identity; empty where there is no account.
        deploy: Identity that deploys, likewise.
        provider: Google's workload identity provider; empty elsewhere.
    """

    environment: str
    platform: str
    cloud: str
    region: str = ""
    account: str = ""
    backend: str = ""
    secrets_provider: str = ""
    preview: str = ""
    deploy: str = ""
    provider: str = ""

    @property
    def key(self) -> str:
        """The name as part of a CI variable: ``prod-eu`` is ``PROD_EU``."""
        return self.environment.replace("-", "_").upper()

    @property
    def job(self) -> str:
        """The name as an identifier, for platforms that take no dashes there."""
        return self.environment.replace("-", "_")

    @property
    def pool(self) -> str:
        """Google's provider without its project, whose number only a CI variable knows."""
        return re.sub(r"^projects/[^/]+/", "", self.provider)

    def to_json(self) -> dict[str, str]:
        """The target as plain data, empty fields included: a matrix wants all of them."""
        return {**asdict(self), "key": self.key, "pool": self.pool}


def target_of(blueprint: Blueprint) -> Target:
    """One environment.

    Raises:
        UsageError: The environment is in a cloud's account and does not say in which.
    """
    settings = blueprint.settings
    place = {
        "environment": blueprint.environment,
        "platform": settings.name,
        "cloud": settings.cloud,
        "region": settings.region or "",
        "account": settings.account or "",
    }
    if settings.cloud not in accounts.CLOUDS:
        return Target(**place)
    names = account_names(blueprint)
    return Target(
        **place,
        backend=names.backend_url,
        secrets_provider=names.secrets_provider,
        preview=names.preview_identity,
        deploy=names.deploy_identity,
        provider=names.named_provider,
    )


def targets_of(spec: Path) -> dict[str, Target]:
    """Every environment of a spec that has a pipeline, in its order.

    One on people's own machines has none.

    Raises:
        SpecError: The spec has problems.
        UsageError: No environment has a pipeline, or one does not say in which account it is.
    """
    blueprints = check(spec)
    found = {name: target_of(each) for name, each in blueprints.items() if not each.cloud.here}
    if not found:
        raise UsageError(
            Problem(
                code="no-pipeline",
                message=f"every environment of {spec} is on people's own machines, where no "
                "pipeline reaches it",
                fix="Add an environment on another cloud.",
            )
        )
    return found


def waves_of(spec: Path, targets: Container[str]) -> tuple[tuple[str, ...], ...]:
    """The targets in the order in which they are brought up; those of a wave together.

    Raises:
        SpecError: The spec has problems.
    """
    from plinth.ordering import waves

    found = (tuple(name for name in wave if name in targets) for wave in waves(spec))
    return tuple(wave for wave in found if wave)


def matrix_entry(target: Target) -> dict[str, Any]:
    """What a matrix job needs to know of an environment."""
    left_out = {"platform", "secrets_provider", "deploy"}
    return {key: value for key, value in target.to_json().items() if key not in left_out}
