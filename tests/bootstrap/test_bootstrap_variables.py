"""What has to be set in the CI: one variable an environment, and nothing that names tell."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from accounts_support import CLOUDS, PLACES, order
from example import SPEC
from plinth.bootstrap.order import Order, order_of
from plinth.bootstrap.script import script
from plinth.bootstrap.trust import trust_of
from plinth.bootstrap.variables import variables
from plinth.ci.credentials import credentials
from plinth.ci.targets import Target, target_of
from plinth.cli import main
from plinth.errors import UsageError


def prepared(cloud: str, folder: Path) -> Order:
    """An account with two environments of a spec."""
    account, region = PLACES[cloud]
    text = yaml.safe_load(SPEC.read_text(encoding="utf-8")) | {
        "cloud": cloud,
        "region": region,
        "environments": {"dev": {"account": account}, "prod-eu": {"account": account}},
    }
    spec = folder / "platform.yaml"
    spec.write_text(yaml.safe_dump(text), encoding="utf-8")
    return replace(order_of(cloud, spec), trust=order(cloud).trust)


OUTPUTS = {
    "aws": {},
    "azure": {"tenant_id": "t", "preview_client_id": "p", "deploy_client_id": "d"},
    "gcp": {"project_number": "42"},
}


def _works(target: Target, identity: str, folder: Path, given: dict[str, str]) -> bool:
    try:
        credentials(target, identity, folder, given)  # type: ignore[arg-type]
    except UsageError:
        return False
    return True


@pytest.mark.parametrize("cloud", CLOUDS)
def test_they_are_all_that_credentials_ask_for(cloud: str, tmp_path: Path) -> None:
    """Not one more, not one less: what a job of GitLab reads."""
    found = prepared(cloud, tmp_path)
    given = {each.name: each.value or "" for each in variables(found, OUTPUTS[cloud])}
    assert "" not in given.values()
    token = {"PLINTH_ID_TOKEN": "token"}
    jobs = [
        (target_of(each), identity)
        for each in found.blueprints
        for identity in ("preview", "deploy")
    ]
    assert all(_works(target, identity, tmp_path, given | token) for target, identity in jobs)
    for name in given:
        lacking = {key: value for key, value in given.items() if key != name} | token
        assert not all(_works(target, identity, tmp_path, lacking) for target, identity in jobs)


@pytest.mark.parametrize("cloud", CLOUDS)
def test_the_script_ends_with_what_tells_them(cloud: str, tmp_path: Path) -> None:
    found = prepared(cloud, tmp_path)
    comments = script(found).rpartition("\n\n")[2].splitlines()
    wanted = [f"#   {each.name}: {each.command}" for each in variables(found)]
    assert comments[1:] == wanted
    assert [each.value for each in variables(found)] == [None] * len(wanted)


def test_connections_of_azure_devops_know_their_clients(tmp_path: Path) -> None:
    devops = trust_of(
        "azure-devops",
        "example/churn",
        issuer="https://login.microsoftonline.com/00000000-0000-0000-0000-0000000000aa/v2.0",
        preview=["sc://example/churn/preview"],
        deploy=["sc://example/churn/deploy"],
    )
    assert variables(replace(prepared("azure", tmp_path), trust=devops)) == ()
    assert len(variables(replace(prepared("gcp", tmp_path), trust=devops))) == 2


def test_nobody_needs_none_and_without_a_spec_the_environment_is_open() -> None:
    assert variables(replace(order("gcp"), trust=None)) == ()
    assert [each.name for each in variables(order("gcp"))] == ["PLINTH_PROJECT_NUMBER_ENV"]


def test_printed_for_machines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prepared("gcp", tmp_path)
    words = ["bootstrap", "gcp", "--spec", str(tmp_path / "platform.yaml"), "--ci", "github",
             "--repository", "example/churn", "--print-only", "--json"]  # fmt: skip
    with pytest.raises(SystemExit):
        main(words)
    answer = json.loads(capsys.readouterr().out)
    assert answer["script"].startswith("#!/bin/sh")
    assert answer["variables"] == {
        "PLINTH_PROJECT_NUMBER_DEV": None,
        "PLINTH_PROJECT_NUMBER_PROD_EU": None,
    }


def test_without_a_word_the_specs_environments_deploy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the pipelines of `plinth ci github` come: from an environment, never from the branch."""
    prepared("aws", tmp_path)
    words = ["bootstrap", "aws", "--spec", str(tmp_path / "platform.yaml"), "--ci", "github",
             "--repository", "example/churn", "--print-only"]  # fmt: skip
    for more, deploying in (((), ("dev", "prod-eu")), (("--environment", "live"), ("live",))):
        with pytest.raises(SystemExit):
            main([*words, *more])
        made = capsys.readouterr().out.partition("--role-name plinth-deploy")[2].partition("\n")[0]
        found = json.loads(shlex.split(made)[3])["Statement"][0]["Condition"]["StringEquals"]
        subjects = next(each for key, each in found.items() if key.endswith(":sub"))
        assert subjects == [f"repo:example/churn:environment:{name}" for name in deploying]
