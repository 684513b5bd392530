"""Short-lived credentials from a CI job's identity token, where no ready-made step exchanges it.

Nothing is exchanged here: cloud SDKs do that themselves when they are told where the token is.
What they are told is written as variables:

- AWS: ``AWS_WEB_IDENTITY_TOKEN_FILE`` and ``AWS_ROLE_ARN`` (AWS SDKs and Tools Reference Guide,
  "Assume role credential provider").
- Azure: ``AZURE_FEDERATED_TOKEN_FILE`` for the state's store (``WorkloadIdentityCredential`` of the
  Azure SDKs), ``ARM_OIDC_TOKEN_FILE_PATH`` for Pulumi's Azure Native provider.
- Google: a credentials file of type ``external_account`` (RFC 8693; AIP-4117).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from plinth.accounts import ci_variable
from plinth.ci.hosts import needed
from plinth.ci.targets import Target

Identity = Literal["preview", "deploy"]

#: Where the pipelines put the identity token.
TOKEN: Final = "PLINTH_ID_TOKEN"  # noqa: S105 - the variable's name


@dataclass(frozen=True, kw_only=True)
class _Asked:
    target: Target
    identity: Identity
    folder: Path
    variables: Mapping[str, str]

    @property
    def name(self) -> str:
        return self.target.preview if self.identity == "preview" else self.target.deploy

    def variable(self, what: str, why: str) -> str:
        return needed(self.variables, what, f"Make it a variable of the pipeline: {why}.")

    def own(self, what: str) -> str:
        """Name of a variable that every identity of every environment has its own of."""
        return ci_variable(f"{self.identity.upper()}_{what}", self.target.environment)

    def keep(self, name: str, text: str) -> str:
        """A file that only this job's user can read."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self.folder / f"{self.target.environment}-{self.identity}-{name}"
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
            stream.write(text)
        return str(path)

    def token(self) -> str:
        return self.keep("token", self.variable(TOKEN, "the job's OIDC token"))


def credentials(
    target: Target, identity: Identity, folder: Path, variables: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Variables with which the engine and the state's store are reached as an identity.

    Args:
        target: The environment.
        identity: ``preview`` reads, ``deploy`` changes.
        folder: Where files with credentials go; only this user can read them.
        variables: The job's variables.

    Raises:
        UsageError: A variable is missing.
    """
    given = os.environ if variables is None else variables
    asked = _Asked(target=target, identity=identity, folder=folder, variables=given)
    found = _CLOUDS.get(target.cloud, _cluster)(asked)
    return {**found, "PULUMI_BACKEND_URL": target.backend} if target.backend else found


def _aws(asked: _Asked) -> dict[str, str]:
    return {
        "AWS_ROLE_ARN": asked.name,
        "AWS_WEB_IDENTITY_TOKEN_FILE": asked.token(),
        "AWS_ROLE_SESSION_NAME": f"plinth-{asked.identity}-{asked.target.environment}",
        "AWS_REGION": asked.target.region,
    }


def _azure(asked: _Asked) -> dict[str, str]:
    client = asked.variable(asked.own("CLIENT_ID"), f"client ID of the identity {asked.name}")
    tenant = asked.variable("AZURE_TENANT_ID", "the tenant of the subscription")
    token = asked.token()
    return {
        "ARM_USE_OIDC": "true",
        "ARM_OIDC_TOKEN_FILE_PATH": token,
        "ARM_CLIENT_ID": client,
        "ARM_TENANT_ID": tenant,
        "ARM_SUBSCRIPTION_ID": asked.target.account,
        "AZURE_FEDERATED_TOKEN_FILE": token,
        "AZURE_CLIENT_ID": client,
        "AZURE_TENANT_ID": tenant,
    }


def _gcp(asked: _Asked) -> dict[str, str]:
    number = asked.variable(
        ci_variable("PROJECT_NUMBER", asked.target.environment),
        f"the number of project {asked.target.account}",
    )
    document: dict[str, Any] = {
        "type": "external_account",
        "audience": f"//iam.googleapis.com/projects/{number}/{asked.target.pool}",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": "https://sts.googleapis.com/v1/token",
        "credential_source": {"file": asked.token()},
        "service_account_impersonation_url": "https://iamcredentials.googleapis.com/v1/projects/-/"
        f"serviceAccounts/{asked.name}:generateAccessToken",
    }
    return {
        "GOOGLE_APPLICATION_CREDENTIALS": asked.keep("google.json", json.dumps(document)),
        "GOOGLE_PROJECT": asked.target.account,
    }


def _cluster(asked: _Asked) -> dict[str, str]:
    """A cluster of one's own trusts no CI: its kubeconfig is a secret of the pipeline."""
    text = asked.variable(asked.own("KUBECONFIG"), "the kubeconfig, masked")
    # GitLab hands over variables of type "file" as the file's name.
    return {"KUBECONFIG": text if Path(text).is_file() else asked.keep("kubeconfig", text)}


_CLOUDS: Final[Mapping[str, Callable[[_Asked], dict[str, str]]]] = {
    "aws": _aws,
    "azure": _azure,
    "gcp": _gcp,
}
