"""What one account holds for Plinth, by name: state, key and the identities of CI.

``plinth bootstrap`` makes these things and ``plinth ci`` writes them into workflows.  The names
follow from the account alone, so that neither has to ask the other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from plinth.errors import Problem, UsageError
from plinth.naming import physical

#: Subscriptions are told apart by their first eight hexadecimal digits: names of vaults and
#: storage accounts have no room for more (Azure Resource Manager, "Naming rules": 24 characters).
_SHORT: Final = 8

_DIGITS: Final = re.compile(r"\d{12}")
_GUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_PROJECT: Final = re.compile(r"([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]")
_REGION: Final = re.compile(r"[a-z][a-z0-9-]*")
_GITHUB: Final = "token.actions.githubusercontent.com"

#: Cloud -> what it calls an account, how one is written, and an example.
_SHAPES: Final = {
    "aws": ("an AWS account", _DIGITS, "111111111111"),
    "azure": ("an Azure subscription", _GUID, "00000000-0000-0000-0000-000000000001"),
    "gcp": ("a Google Cloud project", _PROJECT, "churn-prod"),
}

#: Clouds that ``plinth bootstrap`` prepares an account of.
CLOUDS: Final = tuple(_SHAPES)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountNames:
    """The names in one account and region.

    Attributes:
        backend_url: Pulumi's state backend, as for ``PULUMI_BACKEND_URL``.
        secrets_provider: What encrypts secrets in the state, as for ``--secrets-provider``.
        preview_identity: Read-only identity of pull requests. AWS: the role's ARN.  GCP: the
            service account's address.  Azure: the managed identity's name, as Azure makes its ID.
        deploy_identity: Identity of deployments, likewise.
        identity_provider: Who vouches for CI. AWS: ARN of the OIDC provider.  GCP: resource name of
            the workload identity provider, with the project's ID where its number belongs (see
            :func:`numbered`).  Azure: empty, the trust is part of each identity.
    """

    backend_url: str
    secrets_provider: str
    preview_identity: str
    deploy_identity: str
    identity_provider: str

    @property
    def named_provider(self) -> str:
        """Who vouches, where a pipeline has to say it: a role on AWS names it in its own trust."""
        provider = self.identity_provider
        return provider if provider.startswith("projects/") else ""


def account_of(
    cloud: str, account: str | None, region: str | None, name: str, *, issuer: str = _GITHUB
) -> AccountNames:
    """The names that belong to an account.

    Args:
        cloud: ``aws``, ``azure`` or ``gcp``.
        account: Account, subscription or project.
        region: Region that holds the state.
        name: Whose account it is (an environment or a platform), for what is said of a mistake.
        issuer: Host and path of the CI's OIDC issuer, part of the provider's name on AWS.

    Raises:
        UsageError: The cloud has no accounts, or account or region are missing or misspelt.
    """
    if cloud not in _SHAPES:
        raise UsageError(
            Problem(
                code="no-accounts",
                message=f"{name} is on {cloud}, which has no accounts to prepare",
                allowed=CLOUDS,
            )
        )
    _refuse(cloud, account, region, name)
    return _NAMES[cloud](
        account or "", region or "", issuer or "token.actions.githubusercontent.com"
    )


def _refuse(cloud: str, account: str | None, region: str | None, name: str) -> None:
    what, shape, example = _SHAPES[cloud]
    if account is None:
        raise UsageError(
            Problem(
                code="account-missing",
                message=f"{name} names no account",
                path="account",
                environment=name,
                fix=f"Add `account:` with {what}, such as {example}.",
            )
        )
    if not shape.fullmatch(account):
        raise UsageError(
            Problem(
                code="account-shape",
                message=f"'{account}' is not {what}",
                path="account",
                environment=name,
                fix=f"Write it like {example}.",
            )
        )
    if region is None or not _REGION.fullmatch(region):
        raise UsageError(
            Problem(
                code="region-missing" if region is None else "unknown-region",
                message=f"{name} names no region" if region is None else f"no region '{region}'",
                path="region",
                environment=name,
                fix="Name the region that is to hold the state.",
            )
        )


def short(subscription: str) -> str:
    """What tells a subscription apart where a name has little room."""
    return subscription[:_SHORT].lower()


def numbered(names: AccountNames, number: str) -> str:
    """The workload identity provider with its project's number, as Google's token service wants it.

    Source: Google Cloud documentation, "Workload Identity Federation": "the project number".
    """
    return re.sub(r"projects/[^/]+/", f"projects/{number}/", names.identity_provider, count=1)


def ci_variable(what: str, environment: str) -> str:
    """A CI variable that every environment has its own of: ``PLINTH_<WHAT>_PROD_EU``."""
    return f"PLINTH_{what}_{environment.replace('-', '_').upper()}"


def _aws(account: str, region: str, issuer: str) -> AccountNames:
    role = f"arn:aws:iam::{account}:role"
    return AccountNames(
        backend_url=f"s3://plinth-state-{account}-{region}?region={region}&awssdk=v2",
        secrets_provider=f"awskms:///alias/plinth-state?region={region}",
        preview_identity=f"{role}/plinth-preview",
        deploy_identity=f"{role}/plinth-deploy",
        identity_provider=f"arn:aws:iam::{account}:oidc-provider/{issuer}",
    )


def _azure(subscription: str, _region: str, _issuer: str) -> AccountNames:
    return AccountNames(
        backend_url=f"azblob://state?storage_account=plinthstate{short(subscription)}",
        secrets_provider=(
            f"azurekeyvault://plinth-{short(subscription)}.vault.azure.net/keys/plinth-state"
        ),
        preview_identity="plinth-preview",
        deploy_identity="plinth-deploy",
        identity_provider="",
    )


def _gcp(project: str, region: str, _issuer: str) -> AccountNames:
    # A domain-scoped project (example.com:churn) has its parts swapped in addresses of accounts.
    domain, _, identifier = project.rpartition(":")
    host = f"{identifier}.{domain}" if domain else identifier
    pool = f"projects/{project}/locations/global/workloadIdentityPools/plinth"
    return AccountNames(
        backend_url=f"gs://plinth-state-{physical(project, limit=50)}",
        secrets_provider=(
            f"gcpkms://projects/{project}/locations/{region}/keyRings/plinth/cryptoKeys/state"
        ),
        preview_identity=f"plinth-preview@{host}.iam.gserviceaccount.com",
        deploy_identity=f"plinth-deploy@{host}.iam.gserviceaccount.com",
        identity_provider=f"{pool}/providers/ci",
    )


_NAMES: Final = {"aws": _aws, "azure": _azure, "gcp": _gcp}
