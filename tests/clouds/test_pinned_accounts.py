"""What providers really say when the credentials are others', and what each adapter makes of it."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from pulumi import ProviderResource

from example import ROOT
from plinth.blueprint import Blueprint
from plinth.clouds import accounts
from plinth.clouds.accounts import WrongAccountError
from plinth.errors import EngineError, Problem
from plinth.program import blueprint_of

EXAMPLES = {
    "aws": ("stacks/platform.yaml", "dev"),
    "azure": ("examples/azure-regulated/platform.yaml", "test"),
    "gcp": ("examples/gcp-small/platform.yaml", "dev"),
}


def blueprint(cloud: str) -> Blueprint:
    spec, environment = EXAMPLES[cloud]
    return blueprint_of(Path(ROOT) / spec, environment)


def site(cloud: str) -> ModuleType:
    from importlib import import_module

    return import_module(f"plinth.clouds.{cloud}.site")


def confirm(cloud: str, monkeypatch: pytest.MonkeyPatch, **answers: Any) -> None:
    """Asks the provider, which answers as given: with a result or an error."""
    module = site(cloud)
    holder = {"aws": "aws", "azure": "authorization", "gcp": "gcp"}[cloud]

    def answering(answer: Any) -> Any:
        def ask(**_: Any) -> Any:
            if isinstance(answer, Exception):
                raise answer
            return answer

        return ask

    lookups = SimpleNamespace(**{name: answering(answer) for name, answer in answers.items()})
    fake = SimpleNamespace(organizations=lookups) if cloud == "gcp" else lookups
    monkeypatch.setattr(module, holder, fake)
    environment = blueprint(cloud)
    provider: Any = ProviderResource.__new__(ProviderResource)
    monkeypatch.setattr(module, "InvokeOptions", lambda **_: None)
    module._confirm(environment, environment.settings.account, provider)


def test_the_provider_s_own_refusal_is_the_same_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    said = Exception("invoke failed: 1 error occurred: * AWS account ID not allowed: 222222222222")
    with pytest.raises(WrongAccountError) as refused:
        confirm("aws", monkeypatch, get_caller_identity=said)
    caller = SimpleNamespace(account_id="222222222222")
    with pytest.raises(WrongAccountError) as compared:
        confirm("aws", monkeypatch, get_caller_identity=caller)
    assert refused.value.problems == compared.value.problems
    (problem,) = refused.value.problems
    assert "111111111111" in problem.message
    assert "222222222222" in problem.message
    assert refused.value.exit_code == 1
    confirm("aws", monkeypatch, get_caller_identity=SimpleNamespace(account_id="111111111111"))


@pytest.mark.parametrize(
    "said",
    [
        'Status=401 Code="InvalidAuthenticationTokenTenant" Message="The access token is from the '
        'wrong issuer"',
        'Status=404 Code="SubscriptionNotFound" Message="The subscription could not be found."',
        "AzureCLICredential: ERROR: Subscription '00000000-0000-0000-0000-000000000001' not found. "
        "Check the spelling and casing and try again.",
    ],
)
def test_azure_lets_nobody_in(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    caller = SimpleNamespace(client_id="c1", tenant_id="t1")
    asked = {"get_role_definition": Exception(said)}
    with pytest.raises(WrongAccountError, match=r"000000000001.*client c1 of tenant t1"):
        confirm("azure", monkeypatch, **asked, get_client_config=caller)
    with pytest.raises(WrongAccountError, match="unknown client"):
        confirm("azure", monkeypatch, **asked, get_client_config=Exception(said))


def test_gcp_lets_nobody_in(monkeypatch: pytest.MonkeyPatch) -> None:
    said = Exception(
        "googleapi: Error 403: Permission 'resourcemanager.projects.get' denied on resource "
        "'//cloudresourcemanager.googleapis.com/projects/forecast-dev' (or it may not exist)., "
        "forbidden"
    )
    who = SimpleNamespace(email="ci@other.iam.gserviceaccount.com")
    with pytest.raises(WrongAccountError, match=r"forecast-dev.*ci@other\.iam"):
        confirm("gcp", monkeypatch, get_project=said, get_client_open_id_user_info=who)
    with pytest.raises(WrongAccountError, match="unknown address"):
        confirm("gcp", monkeypatch, get_project=said, get_client_open_id_user_info=said)


@pytest.mark.parametrize(
    ("cloud", "lookup", "said"),
    [
        ("aws", "get_caller_identity", "api error ExpiredToken: The security token has expired"),
        ("azure", "get_role_definition", "AADSTS700082: The refresh token has expired"),
        ("gcp", "get_project", "oauth2: cannot fetch token: invalid_grant"),
        (
            "gcp",
            "get_project",
            "googleapi: Error 403: Cloud Resource Manager API has not been used in project 123 "
            "before or it is disabled., forbidden",
        ),
    ],
)
def test_other_failures_are_not_about_accounts(
    cloud: str, lookup: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Exception, match=said[:20]) as raised:
        confirm(cloud, monkeypatch, **{lookup: Exception(said)})
    assert not isinstance(raised.value, WrongAccountError)


def test_errors_of_operations_get_both_numbers() -> None:
    said = "The credentials in hand are not …: AWS account ID not allowed: 222222222222"
    error = EngineError(Problem(code="wrong-account", message=said))
    (problem,) = accounts.explained(error, blueprint("aws")).problems
    assert "pinned to AWS account 111111111111" in problem.message
    assert "belong to account 222222222222" in problem.message
    other = EngineError(Problem(code="resource-failed", message="no"))
    assert accounts.explained(other, blueprint("aws")) is other
