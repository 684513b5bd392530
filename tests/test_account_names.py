"""Names that bootstrap makes and CI uses: within the rules of clouds, made of the account alone."""

import re

import pytest

from plinth.accounts import account_of, numbered
from plinth.errors import UsageError

SUBSCRIPTION = "0A1B2C3D-0000-0000-0000-000000000001"


def test_aws() -> None:
    names = account_of("aws", "111111111111", "eu-west-1", "dev")
    bucket = "plinth-state-111111111111-eu-west-1"
    assert names.backend_url == f"s3://{bucket}?region=eu-west-1&awssdk=v2"
    assert names.secrets_provider == "awskms:///alias/plinth-state?region=eu-west-1"
    assert names.deploy_identity == "arn:aws:iam::111111111111:role/plinth-deploy"
    assert names.identity_provider.endswith("oidc-provider/token.actions.githubusercontent.com")


def test_azure() -> None:
    names = account_of("azure", SUBSCRIPTION, "westeurope", "dev")
    assert names.backend_url == "azblob://state?storage_account=plinthstate0a1b2c3d"
    vault = "plinth-0a1b2c3d.vault.azure.net"
    assert names.secrets_provider == f"azurekeyvault://{vault}/keys/plinth-state"


def test_gcp() -> None:
    names = account_of("gcp", "churn-prod", "europe-west4", "prod")
    assert names.backend_url == "gs://plinth-state-churn-prod"
    assert names.preview_identity == "plinth-preview@churn-prod.iam.gserviceaccount.com"
    assert numbered(names, "42").startswith("projects/42/locations/global/workloadIdentityPools/")


@pytest.mark.parametrize("project", ["p" * 30, "example.com:churn-prod"])
def test_a_project_of_any_shape_has_a_bucket(project: str) -> None:
    names = account_of("gcp", project, "europe-west4", "prod")
    assert re.fullmatch(r"gs://[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", names.backend_url)


@pytest.mark.parametrize(
    ("cloud", "account", "region", "code"),
    [
        ("local", "x", "y", "no-accounts"),
        ("aws", None, "eu-west-1", "account-missing"),
        ("aws", "12", "eu-west-1", "account-shape"),
        ("azure", "churn-prod", "westeurope", "account-shape"),
        ("gcp", "Churn", "europe-west4", "account-shape"),
        ("aws", "111111111111", None, "region-missing"),
        ("aws", "111111111111", "eu west", "unknown-region"),
    ],
)
def test_what_cannot_be_named(
    cloud: str, account: str | None, region: str | None, code: str
) -> None:
    with pytest.raises(UsageError) as raised:
        account_of(cloud, account, region, "dev")
    assert [problem.code for problem in raised.value.problems] == [code]
