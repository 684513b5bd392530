"""`plinth ci` as it is called: output, exit codes, credentials."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ci_servers import FakeGitHub
from ci_support import APPROVED, review
from cli_support import Plinth


@pytest.fixture
def plinth(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Plinth:
    for name in ("GITHUB_ACTIONS", "GITLAB_CI", "TF_BUILD"):
        monkeypatch.delenv(name, raising=False)
    made = Plinth(tmp_path / "project", capsys)
    monkeypatch.chdir(made.folder)
    return made


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGitHub]:
    server = FakeGitHub()
    with server.running():
        for name, value in server.variables().items():
            monkeypatch.setenv(name, value)
        yield server


def test_check_says_4_until_files_are_written(plinth: Plinth) -> None:
    assert plinth("ci", "github", "--check").code == 4
    assert not (plinth.folder / ".github").exists()
    assert plinth("ci", "github").code == 0
    assert plinth("ci", "github", "--check").code == 0
    plinth.edit("eu-west-1", "eu-west-2")
    answer = plinth("ci", "github", "--check", "--json")
    assert answer.code == 4
    states = {Path(each["path"]).name: each["state"] for each in answer.json["files"]}
    assert states["plinth-deploy.yml"] == "changed"
    assert states["plinth-comment.yml"] == "same"


def test_matrix_in_all_forms(plinth: Plinth) -> None:
    assert plinth("ci", "matrix").out == "dev prod\n"
    assert len(plinth("ci", "matrix", "--json").json["environments"]) == 2
    assert json.loads(plinth("ci", "matrix", "--format", "azure-devops").out)["prod"]
    assert plinth("ci", "matrix", "--base", "HEAD").code == 2


def test_a_comment_is_printed_or_posted(
    plinth: Plinth, github: FakeGitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    (plinth.folder / "dev.json").write_text(json.dumps(review().to_json()))
    printed = plinth("ci", "comment", "dev.json")
    assert printed.out.startswith("<!-- plinth-review churn -->")
    assert github.requests == []
    refused = plinth("ci", "comment", "dev.json", "--post")
    assert refused.code == 1
    assert "no-pull-request" in refused.err
    (plinth.folder / "event.json").write_text(json.dumps({"pull_request": {"number": 7}}))
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(plinth.folder / "event.json"))
    assert "Commented" in plinth("ci", "comment", "dev.json", "--post").out
    assert "https://github.com/octo/platform/actions/runs/99" in github.comments[0]["body"]
    assert plinth("ci", "approved", "dev").out == f"{APPROVED}\n"
    answer = plinth("ci", "approved", "prod", "--json")
    assert (answer.code, answer.problem["code"]) == (1, "not-approved")


def test_an_issue_is_printed_or_posted(plinth: Plinth, github: FakeGitHub) -> None:
    (plinth.folder / "dev.json").write_text(json.dumps(review().to_json()))
    assert "is not what the spec says" in plinth("ci", "issue", "dev.json").out
    assert "opened" in plinth("ci", "issue", "dev.json", "--post").out
    assert github.issues[0]["labels"] == ["plinth-drift"]


def test_outside_of_ci_nothing_is_posted(plinth: Plinth) -> None:
    (plinth.folder / "dev.json").write_text(json.dumps(review().to_json()))
    assert "[not-in-ci]" in plinth("ci", "comment", "dev.json", "--post").err


def test_credentials_can_be_evaluated(plinth: Plinth, monkeypatch: pytest.MonkeyPatch) -> None:
    assert plinth("ci", "credentials", "dev", "--identity", "preview").code == 2
    monkeypatch.setenv("PLINTH_ID_TOKEN", "header.payload.signature")
    answer = plinth("ci", "credentials", "dev", "--identity", "preview")
    assert "signature" not in answer.out
    shown = subprocess.run(
        ["bash", "-c", 'eval "$1"; env', "-", answer.out],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": os.environ["PATH"]},
    ).stdout
    found = dict(line.split("=", 1) for line in shown.splitlines())
    assert found["AWS_ROLE_ARN"] == "arn:aws:iam::111111111111:role/plinth-preview"
    assert found["PULUMI_BACKEND_URL"].endswith("?region=eu-west-1&awssdk=v2")
    file = Path(found["AWS_WEB_IDENTITY_TOKEN_FILE"])
    assert file.read_text() == "header.payload.signature"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_credentials_on_google_and_azure(plinth: Plinth, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLINTH_ID_TOKEN", "t")
    plinth.edit("cloud: aws\nregion: eu-west-1", "cloud: gcp\nregion: europe-west1")
    plinth.edit('"111111111111"', "churn-dev")
    assert (
        "PLINTH_PROJECT_NUMBER_DEV"
        in plinth("ci", "credentials", "dev", "--identity", "deploy").err
    )
    monkeypatch.setenv("PLINTH_PROJECT_NUMBER_DEV", "4711")
    out = plinth("ci", "credentials", "dev", "--identity", "deploy").out
    (line,) = [each for each in out.splitlines() if "GOOGLE_APPLICATION_CREDENTIALS" in each]
    document = json.loads(Path(line.partition("=")[2]).read_text())
    assert document["audience"].startswith("//iam.googleapis.com/projects/4711/locations/global/")
    assert "plinth-deploy@churn-dev" in document["service_account_impersonation_url"]
    plinth.edit("cloud: gcp\nregion: europe-west1", "cloud: azure\nregion: northeurope")
    plinth.edit("churn-dev", "00000000-0000-0000-0000-000000000001")
    monkeypatch.setenv("AZURE_TENANT_ID", "tenant")
    monkeypatch.setenv("PLINTH_DEPLOY_CLIENT_ID_DEV", "client")
    out = plinth("ci", "credentials", "dev", "--identity", "deploy").out
    assert "export ARM_USE_OIDC=true" in out
    assert "export AZURE_CLIENT_ID=client" in out


def test_the_operators_manifests_go_to_a_file(plinth: Plinth) -> None:
    words = ("--repository", "https://git.example.com/ml/platform.git", "--output", "stacks.yaml")
    assert plinth("ci", "pulumi-operator", *words).out == ""
    assert "kind: Stack" in (plinth.folder / "stacks.yaml").read_text()
    assert len(plinth("ci", "pulumi-operator", *words[:2], "--json").json["objects"]) == 6


def test_answers_for_machines(plinth: Plinth, monkeypatch: pytest.MonkeyPatch) -> None:
    (plinth.folder / "dev.json").write_text(json.dumps(review().to_json()))
    answer = plinth("ci", "comment", "dev.json", "--json").json
    assert answer["posted"] is None
    assert answer["body"].startswith("<!-- plinth-review churn -->")
    answer = plinth("ci", "issue", "dev.json", "--json").json
    assert (answer["done"], answer["posted"]) == ("nothing", None)
    assert "is not what the spec says" in answer["body"]
    monkeypatch.setenv("PLINTH_ID_TOKEN", "t")
    words = ("ci", "credentials", "dev", "--identity", "preview", "--json")
    assert "AWS_ROLE_ARN" in plinth(*words).json["variables"]


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['plinth', 'ci', '--help']\n"
        "from plinth.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "assert not {'pulumi', 'jinja2', 'pydantic', 'urllib.request'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
