"""What an account is made of, on every cloud: guarded, judged, and nothing left to chance."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from accounts_support import CLOUDS, TRUST, graph, order
from plinth import registry
from plinth.bootstrap.planning import build, graph_of, judge, refuse_violations
from plinth.bootstrap.script import script
from plinth.bootstrap.trust import Trust, trust_of
from plinth.errors import PolicyError, UsageError
from plinth_policies import coverage

#: What an account has to break: a boundary on AWS is a limit, no grant; on Azure the state is for
#: runners without a network of ours, and deployments give on roles that a condition names.
EXCUSED = {
    "aws": {("privilege-aws-wildcard", "aws:iam/policy:Policy")},
    "azure": {
        ("encryption-keyvault-key-rotation", "azure-native:keyvault:Key"),
        ("exposure-azure-public-network", "azure-native:keyvault:Vault"),
        ("exposure-azure-public-network", "azure-native:storage:StorageAccount"),
        ("privilege-azure-custom-role", "azure-native:authorization:RoleDefinition"),
    },
}


@pytest.mark.parametrize("cloud", CLOUDS)
def test_no_policy_is_broken_but_by_name(cloud: str) -> None:
    report = judge(order(cloud), graph(cloud))
    assert [(each.policy, each.urn, each.message) for each in report.blocking] == []
    broken = {
        (each.policy, each.urn.split("::")[2].rsplit("$", 1)[-1]) for each in report.violations
    }
    assert broken == EXCUSED.get(cloud, set())
    assert {excuse.state for excuse in report.excuses} <= {"used"}


def test_a_broken_policy_stops_it() -> None:
    careless = replace(order("aws"), cost_center="")
    with pytest.raises(PolicyError):
        refuse_violations(careless)


@pytest.mark.parametrize("cloud", CLOUDS)
def test_every_type_has_a_verdict(cloud: str) -> None:
    kinds = {each.type for each in graph(cloud) if each.custom}
    assert coverage.without_verdict(kinds) == []


@pytest.mark.parametrize("cloud", CLOUDS)
def test_what_keeps_data_is_protected(cloud: str) -> None:
    stateful = registry.cloud(cloud).stateful
    kept = [each for each in graph(cloud) if stateful(each.type)]
    assert kept
    assert [each.urn for each in kept if not each.protect] == []


@pytest.mark.parametrize("cloud", CLOUDS)
def test_the_outputs_are_the_names_that_ci_finds(cloud: str) -> None:
    outputs, names = graph(cloud).outputs, order(cloud).names
    assert outputs["backend"] == names.backend_url
    assert outputs["secrets_provider"] == names.secrets_provider


@pytest.mark.parametrize("cloud", CLOUDS)
def test_without_a_ci_nobody_is_let_in(cloud: str) -> None:
    alone = graph_of(replace(order(cloud), trust=None))
    assert not [each for each in alone if "Identities" in each.urn]
    assert [each for each in graph(cloud) if "Identities" in each.urn]
    assert callable(build(order(cloud)))


@pytest.mark.parametrize("cloud", CLOUDS)
def test_the_script_makes_every_identity_and_is_a_shell_script(cloud: str) -> None:
    text = script(order(cloud))
    subprocess.run(["sh", "-n"], input=text, text=True, check=True)
    words = shlex.split(text, comments=True)
    program = {"aws": "aws", "azure": "az", "gcp": "gcloud"}[cloud]
    made = [each for each in graph(cloud) if each.custom and "plinth:index:Identities$" in each.urn]
    # Whoever makes the state can open it to others.
    opened = [each for each in made if each.type.startswith(("gcp:storage/", "gcp:kms/"))]
    commands = [line for line in text.splitlines() if line.startswith(f"{program} ")]
    assert len(commands) == len(made) - len(opened)
    names = order(cloud).names
    for identity in (names.preview_identity, names.deploy_identity):
        assert identity.rpartition("/")[2].partition("@")[0] in words
    for word in ("access-key", "password", "credential reset", "keys create"):
        assert word not in text


def test_a_name_with_quotes_stays_one_word() -> None:
    quoted = replace(order("aws"), owner="o'neill; rm@example.com")
    words = shlex.split(script(quoted), comments=True)
    assert any("o'neill; rm@example.com" in word for word in words)
    assert "rm" not in words


def test_there_is_no_script_for_nobody() -> None:
    with pytest.raises(UsageError):
        script(replace(order("aws"), trust=None))


DEVOPS = trust_of(
    "azure-devops",
    "example/churn",
    issuer="https://login.microsoftonline.com/00000000-0000-0000-0000-0000000000aa/v2.0",
    preview=["sc://example/churn/preview"],
    deploy=["sc://example/churn/deploy"],
)


def google_provider(trust: Trust) -> Mapping[str, Any]:
    kind = "gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider"
    found = graph_of(replace(order("gcp"), trust=trust))
    (provider,) = [each for each in found if each.type == kind]
    return provider.inputs


def test_google_takes_tokens_that_azure_devops_made_for_microsoft() -> None:
    assert not google_provider(TRUST)["oidc"].get("allowedAudiences")
    assert google_provider(DEVOPS)["oidc"]["allowedAudiences"] == ["api://AzureADTokenExchange"]
    text = script(replace(order("gcp"), trust=DEVOPS))
    assert "--allowed-audiences=api://AzureADTokenExchange" in text


def test_google_is_told_no_subject_that_may_be_longer_than_it_takes() -> None:
    """Branches are as long as people like; four identifiers are longer than 127 bytes."""
    for trust in (trust_of("gitlab", "example/ml/churn"), DEVOPS):
        mapping = google_provider(trust)["attributeMapping"]
        subject = mapping["google.subject"]
        # Compared with, perhaps, but never handed on.
        assert "assertion.sub" not in subject.rpartition("?")[2]
        words = shlex.split(script(replace(order("gcp"), trust=trust)), comments=True)
        assert any(f"google.subject={subject}" in word.split(";") for word in words)
