"""``init`` as a user meets it: by options, by questions in a real terminal, from an example."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from cli_support import Plinth

from plinth.blueprint import check

SAID = ("--owner", "ml@example.com", "--cost-center", "0815")


@pytest.fixture
def plinth(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Plinth:
    made = Plinth(tmp_path / "churn", capsys)
    monkeypatch.chdir(tmp_path)
    return made


@pytest.mark.parametrize(
    ("cloud", "more"),
    [
        ("aws", ("--account", "prod=222222222222", "--region", "us-west-2")),
        ("azure", ("--budget", "2500.50", "--domain", "ml.example.com")),
        ("gcp", ("--capabilities", "artifacts,tracking")),
        ("kubernetes", ("--account", "prod=ml", "--mail", "mail.example.com")),
    ],
)
def test_options_answer_everything(
    plinth: Plinth, tmp_path: Path, cloud: str, more: tuple[str, ...]
) -> None:
    answer = plinth("init", "new", "--cloud", cloud, *SAID, *more, "--yes")
    assert answer.code == 0
    assert "cd new && plinth validate" in answer.out
    assert "plinth plan dev" in answer.out
    assert "plinth up dev --rehearse" in answer.out
    found = check(tmp_path / "new" / "stacks" / "platform.yaml")["prod"].settings
    assert (found.name, found.cloud, found.cost.center) == ("new", cloud, "0815")
    assert cloud != "aws" or (found.account, found.region) == ("222222222222", "us-west-2")
    assert cloud != "azure" or found.cost.monthly_budget == 2500.5
    assert cloud != "gcp" or found.monitoring is None
    assert plinth("validate", "--spec", "new/stacks/platform.yaml").code == 0


@pytest.mark.parametrize("cloud", ["aws", "azure", "gcp", "kubernetes"])
def test_the_line_about_state_works_where_it_is_written(
    plinth: Plinth, tmp_path: Path, cloud: str
) -> None:
    subscription = "00000000-0000-0000-0000-000000000002"
    known = {"aws": "222222222222", "azure": subscription, "gcp": "churn-ml", "kubernetes": "ml"}
    words = ["--account", f"dev={known[cloud]}", "--account", f"prod={known[cloud]}"]
    words += ["--mail", "mail.example.com"] if cloud == "kubernetes" else []
    assert plinth("init", "new", "--cloud", cloud, *SAID, *words, "--yes").code == 0
    spec = tmp_path / "new" / "stacks" / "platform.yaml"
    text = spec.read_text(encoding="utf-8")
    line = "state: {backend: account}"
    assert (f"\n# {line}\n" in text) == (cloud != "kubernetes")
    spec.write_text(text.replace(f"# {line}", line), encoding="utf-8")
    state = check(spec)["prod"].settings.state
    assert (state.backend if state else None) == (None if cloud == "kubernetes" else "account")


def test_all_missing_answers_are_named_at_once(plinth: Plinth, tmp_path: Path) -> None:
    problem = plinth("init", "new", "--json").problem
    assert problem["code"] == "answers-missing"
    assert "said: --owner, --cost-center, --cloud" in problem["message"]
    problem = plinth("init", "new", "--cloud", "kubernetes", "--json").problem
    assert "--owner, --cost-center, --account prod=, --mail" in problem["message"]
    assert plinth("init", "new", "--yes").code == 2
    assert not (tmp_path / "new").exists()


def test_every_wrong_answer_is_told_at_its_option(plinth: Plinth, tmp_path: Path) -> None:
    answer = plinth(
        "init", "new", "--cloud", "aws", "--region", "eu-west-9", *SAID, "--account", "dev=1",
        "--json",
    )  # fmt: skip
    assert answer.code == 2
    found = {problem["path"]: problem for problem in answer.json["problems"]}
    assert found.keys() == {"--region", "--account dev="}
    assert found["--region"]["nearest"] == "eu-west-1"
    assert "location" not in found["--region"]
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--cloud", "asw"), "unknown-cloud"),
        (("--cloud", "aws", "--mail", "x"), "not-on-this-cloud"),
        (("--cloud", "kubernetes", "--region", "x"), "not-on-this-cloud"),
        (("--account", "qa=1"), "usage"),
        (("--account", "dev"), "usage"),
        (("--capabilities", "artefacts"), "unknown-capability"),
        (("--from", "gcp-small", "--owner", "a@b.c"), "example-and-answers"),
        (("--from", "gcp-smal"), "unknown-example"),
    ],
)
def test_words_that_do_not_fit(plinth: Plinth, words: tuple[str, ...], code: str) -> None:
    answer = plinth("init", "new", *words, "--json")
    assert answer.code == 2
    assert answer.problem["code"] == code


def test_an_unknown_example_is_answered_with_all(plinth: Plinth) -> None:
    problem = plinth("init", "--from", "gcp-smal", "--json").problem
    assert problem["nearest"] == "gcp-small"
    assert "A small team on GCP" in problem["fix"]
    assert "Churn prediction on AWS" in problem["fix"]


def test_an_example_is_taken_as_it_is(plinth: Plinth, tmp_path: Path) -> None:
    answer = plinth("init", "copy", "--from", "azure-regulated", "--json")
    assert answer.json["next"][1] == "plinth plan test"
    assert "stacks/Pulumi.prod.yaml" in answer.json["files"]
    assert list(check(tmp_path / "copy" / "stacks" / "platform.yaml")) == ["test", "prod"]


def test_what_is_there_stays(plinth: Plinth) -> None:
    before = plinth.spec.read_text(encoding="utf-8")
    words = ("init", "churn", "--cloud", "gcp", *SAID, "--yes", "--json")
    problem = plinth(*words).problem
    assert "churn/stacks/platform.yaml" in problem["message"]
    assert "churn/Pulumi.yaml" in problem["message"]
    assert plinth.spec.read_text(encoding="utf-8") == before
    assert not (plinth.folder / ".gitignore").exists()
    assert "stacks/platform.yaml" in plinth(*words, "--force").json["files"]
    assert plinth(*words).json["files"] == []


def interview(folder: Path, *lines: str, words: tuple[str, ...] = ()) -> tuple[int, str]:
    """Types into a real terminal; the last thing is the end of input."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "plinth.cli", "init", *words],
        cwd=folder,
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.STDOUT,
    )
    os.close(theirs)
    os.write(ours, "".join(f"{line}\n" for line in lines).encode() + b"\x04")
    said = b""
    while True:
        try:
            part = os.read(ours, 1 << 16)
        except OSError:  # Linux says EIO when nobody has the other end open any more
            break
        if not part:
            break
        said += part
    os.close(ours)
    return process.wait(), said.decode().replace("\r\n", "\n")


def test_the_interview(tmp_path: Path) -> None:
    folder = tmp_path / "churn"
    folder.mkdir()
    code, said = interview(
        folder, "", "me", "ml@example.com", "", "0815", "", "asw", "aws", "eu-west-9", "eu-west-1",
        "1", "111111111111", "", "", "tracking", "",
    )  # fmt: skip
    assert code == 0, said
    assert "Platform name [churn]" in said
    assert "'me' is not an e-mail address" in said
    assert "this cannot be left out" in said
    assert "there is no cloud 'asw'. Did you mean aws?" in said
    assert "there is no AWS region 'eu-west-9'. Did you mean eu-west-1?" in said
    assert "'1' is not an AWS account" in said
    assert "MLflow needs the capability artifacts" in said
    assert said.count("?") == 2
    assert "plinth up dev --rehearse" in said
    found = check(folder / "stacks" / "platform.yaml")
    assert found["dev"].settings.account == "111111111111"
    assert found["prod"].settings.account is None


def test_only_what_options_do_not_say_is_asked(tmp_path: Path) -> None:
    words = (*SAID, "--cloud", "kubernetes", "--name", "churn", "--budget", "10")
    code, said = interview(tmp_path, "", "", "prod", "", "", "mail.example.com", words=words)
    assert code == 0, said
    assert "Platform name" not in said
    assert "Region" not in said
    assert "kubeconfig context of dev (Enter: not known yet)" in said
    assert "kubeconfig context of prod: " in said
    assert check(tmp_path / "stacks" / "platform.yaml")["prod"].settings.durable


def test_who_leaves_half_way_leaves_nothing(tmp_path: Path) -> None:
    code, said = interview(tmp_path, "churn", "ml@example.com")
    assert code == 130
    assert "stopped before the end" in said
    assert list(tmp_path.iterdir()) == []
