"""Whom an account trusts: exact subjects, nothing that stands for more than it says."""

from __future__ import annotations

from typing import Any

import pytest

from plinth.bootstrap.trust import Trust, trust_of
from plinth.errors import UsageError


def test_github_looks_from_pull_requests_and_deploys_from_environments() -> None:
    trust = trust_of("github", "example/churn", environments=["dev", "prod"])
    assert trust.preview == (
        "repo:example/churn:pull_request",
        "repo:example/churn:ref:refs/heads/main",
    )
    assert trust.deploy == (
        "repo:example/churn:environment:dev",
        "repo:example/churn:environment:prod",
    )


def test_github_without_environments_deploys_from_the_branch() -> None:
    trust = trust_of("github", "example/churn", branch="release")
    assert trust.deploy == ("repo:example/churn:ref:refs/heads/release",)


def test_immutable_subjects_carry_the_numbers_of_owner_and_repository() -> None:
    trust = trust_of("github", "example@123456/churn@456789")
    assert trust.preview[0] == "repo:example@123456/churn@456789:pull_request"


def test_gitlab_looks_from_any_branch_and_deploys_from_one() -> None:
    trust = trust_of("gitlab", "example/ml/churn", issuer="https://git.example.com")
    assert trust.issuer == "https://git.example.com"
    assert trust.preview[-1] == "project_path:example/ml/churn:ref_type:branch:ref:*"
    assert trust.deploy == ("project_path:example/ml/churn:ref_type:branch:ref:main",)


def test_azure_devops_is_told_by_its_connections() -> None:
    with pytest.raises(UsageError) as raised:
        trust_of("azure-devops", "example/churn")
    assert "--deploy-subject" in str(raised.value.problems[0].fix)
    trust = trust_of(
        "azure-devops",
        "example/churn",
        issuer="https://login.microsoftonline.com/00000000-0000-0000-0000-0000000000aa/v2.0",
        preview=["sc://example/churn/preview"],
        deploy=["sc://example/churn/deploy"],
    )
    assert trust.host.startswith("login.microsoftonline.com/")
    assert Trust.from_json(trust.to_json()) == trust


@pytest.mark.parametrize(
    "change",
    [
        {"ci": "gitea"},
        {"repository": "example"},
        {"repository": "example/*"},
        {"branch": "*"},
        {"environments": ["prod*"]},
        {"environments": ["prod:ref"]},
        {"issuer": "http://gitlab.com"},
        {"deploy": ["repo:example/churn:*"]},
        {"preview": ["*"]},
        {"preview": ["repo:example/*"]},
        {"preview": ["repo:*/example/churn:pull_request"]},
        {"preview": ["repo:example/churn:?*"]},
    ],
    ids=str,
)
def test_no_pattern_gets_in(change: dict[str, Any]) -> None:
    arguments: dict[str, Any] = {"ci": "github", "repository": "example/churn"} | change
    with pytest.raises(UsageError):
        trust_of(arguments.pop("ci"), arguments.pop("repository"), **arguments)
