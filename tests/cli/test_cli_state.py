"""Where an environment's state is kept, as the spec says it and as plain `pulumi` is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from cli_support import Plinth

from plinth.engine.settings import backend_url, files_url, secrets_provider
from plinth.operations import settings_of
from plinth.program import blueprint_of

DEV = 'dev: {account: "111111111111"}'


def _with_state(plinth: Plinth, state: str, account: str = 'account: "111111111111", ') -> None:
    plinth.edit(DEV, f"dev: {{{account}state: {state}}}")


@pytest.fixture
def plinth(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Plinth:
    monkeypatch.chdir(tmp_path)
    return Plinth(tmp_path, capsys)


@pytest.mark.engine
@pytest.mark.parametrize(
    ("state", "url"),
    [
        ("{backend: account}", "s3://plinth-state-111111111111-eu-west-1?region=eu-west-1&awssdk=v2"),
        ('{backend: "gs://elsewhere"}', "gs://elsewhere"),
    ],
)  # fmt: skip
def test_plain_pulumi_is_told_the_backend(
    plinth: Plinth, monkeypatch: pytest.MonkeyPatch, state: str, url: str
) -> None:
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    _with_state(plinth, state)
    told = plinth("engine", "env", "dev", "--json").json["variables"]
    assert told["PULUMI_BACKEND_URL"] == url
    assert "PULUMI_CONFIG_PASSPHRASE_FILE" not in told
    rehearsed = plinth("engine", "env", "dev", "--rehearse", "--json").json["variables"]
    assert rehearsed["PULUMI_BACKEND_URL"].startswith("file://")
    monkeypatch.setenv("PULUMI_BACKEND_URL", "file:///chosen")
    told = plinth("engine", "env", "dev", "--json").json["variables"]
    assert told["PULUMI_BACKEND_URL"] == "file:///chosen"


def test_the_accounts_key_goes_with_the_accounts_backend(
    plinth: Plinth, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pipelines name the backend alone."""
    settings = settings_of(blueprint_of(plinth.spec, "dev"), plinth.spec, rehearse=False)
    bucket = "s3://plinth-state-111111111111-eu-west-1?region=eu-west-1&awssdk=v2"
    monkeypatch.setenv("PULUMI_BACKEND_URL", bucket)
    assert secrets_provider(settings) == "awskms:///alias/plinth-state?region=eu-west-1"
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://elsewhere")
    assert secrets_provider(settings) is None
    monkeypatch.setenv("PULUMI_BACKEND_URL", bucket)
    rehearsed = settings_of(blueprint_of(plinth.spec, "dev"), plinth.spec, rehearse=True)
    assert secrets_provider(rehearsed) is None


def test_an_account_that_is_not_named_holds_no_state(plinth: Plinth) -> None:
    _with_state(plinth, "{backend: account}", account="")
    problem = plinth("validate", "--json").problem
    assert problem["code"] == "account-missing"
    assert problem["path"] == "state.backend"
    assert problem["location"]["line"] == 9


@pytest.mark.parametrize("backend", ["acount", "bucket", "ftp://somewhere"])
def test_a_backend_is_an_account_or_an_address(plinth: Plinth, backend: str) -> None:
    _with_state(plinth, f'{{backend: "{backend}"}}')
    problem = plinth("validate", "--json").problem
    assert problem["path"] == "state.backend"


def test_the_state_of_what_runs_on_this_machine_is_kept_on_it(
    plinth: Plinth, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the spec says of others, and wherever somebody is logged in."""
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://team")
    plinth.edit(
        "environments:", "state: {backend: account}\nenvironments:\n  local: {cloud: local}"
    )
    settings = settings_of(blueprint_of(plinth.spec, "local"), plinth.spec, rehearse=False)
    assert backend_url(settings) == files_url(plinth.spec.parent.parent / ".plinth" / "state")
    assert secrets_provider(settings) is None
    assert backend_url(replace(settings, state=None)) == "s3://team"
