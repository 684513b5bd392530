"""`plinth diff`: which sides are meant, what is refused, and what is shown first."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from cli_support import Plinth
from click.testing import CliRunner


@pytest.fixture
def plinth(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Plinth:
    made = Plinth(tmp_path / "project", capsys)
    monkeypatch.chdir(made.folder)
    return made


@pytest.fixture
def committed(plinth: Plinth) -> Plinth:
    """The project in a repository, and its spec changed since the only commit."""
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], _COMMIT):
        subprocess.run(["git", *words], cwd=plinth.folder, check=True)
    plinth.edit("artifacts: {}", "artifacts: {}\ntracking: {}")
    return plinth


_COMMIT = ["-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-qm", "first"]


@pytest.mark.parametrize(
    ("words", "left", "right"),
    [
        (("dev", "prod"), ("dev", "aws"), ("prod", "aws")),
        (("dev", "--cloud", "gcp"), ("dev", "aws"), ("dev", "gcp")),
        (("dev", "--cloud", "aws", "--cloud", "gcp"), ("dev", "aws"), ("dev", "gcp")),
        (("dev", "prod", "--cloud", "gcp"), ("dev", "gcp"), ("prod", "gcp")),
        (("dev", "prod", "--cloud", "aws", "--cloud", "gcp"), ("dev", "aws"), ("prod", "gcp")),
    ],
)
def test_environments_and_clouds(
    plinth: Plinth, words: tuple[str, ...], left: tuple[str, str], right: tuple[str, str]
) -> None:
    found = plinth("diff", *words, "--json").json
    sides = [(found[side]["environment"], found[side]["cloud"]) for side in ("left", "right")]
    assert sides == [left, right]
    assert found["changes"] is None


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("dev",), "nothing-to-compare"),
        (("dev", "--cloud", "aws", "--cloud", "gcp", "--cloud", "azure"), "too-many-clouds"),
        (("prd", "dev"), "unknown-side"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    plinth: Plinth, words: tuple[str, ...], code: str
) -> None:
    answer = plinth("diff", *words, "--json")
    assert answer.code == 2
    assert answer.problem["code"] == code
    assert answer.problem["fix"]


def test_an_unknown_word_is_told_what_was_meant(plinth: Plinth) -> None:
    problem = plinth("diff", "prd", "dev", "--json").problem
    assert problem["nearest"] == "prod"
    assert "dev" in problem["allowed"]


def test_a_revision_alone_is_compared_with_the_working_tree(committed: Plinth) -> None:
    found = committed("diff", "main", "--json").json
    assert list(found["environments"]) == ["dev", "prod"]
    dev = found["environments"]["dev"]
    assert {change["op"] for change in dev["changes"]} >= {"create"}
    assert dev["left"]["resources"] < dev["right"]["resources"]
    assert ["foundation", "NodeGroup in cluster"] in [[c["part"], c["what"]] for c in dev["costly"]]
    text = committed("diff", "main").out
    assert text.index("on the bill") < text.index("NatGateway") < text.index("tracking")
    assert "dev aws eu-west-1 at main beside dev aws eu-west-1 at stacks/platform.yaml" in text


def test_one_environment_of_a_revision(committed: Plinth) -> None:
    alike = committed("diff", "main:dev", "HEAD:dev", "--json").json
    assert alike["changes"] == []
    assert not alike["costly"]
    assert "alike" in committed("diff", "main:dev", "HEAD:dev").out
    other = committed("diff", "HEAD", "prod", "--json").json
    assert other["left"]["environment"] == other["right"]["environment"] == "prod"
    missing = committed("diff", "main:prd", "dev", "--json")
    assert missing.problem["code"] == "unknown-environment"
    assert missing.problem["location"]["file"] == "main:stacks/platform.yaml"


def test_spec_files_and_environments_of_one_side_only(committed: Plinth) -> None:
    other = committed.folder / "other.yaml"
    shutil.copy(committed.spec, other)
    other.write_text(other.read_text().replace("  prod:", "  live:"))
    found = committed("diff", "stacks/platform.yaml", "other.yaml", "--json").json
    assert list(found["environments"]) == ["dev"]
    assert (found["onlyLeft"], found["onlyRight"]) == (["prod"], ["live"])
    text = committed("diff", "stacks/platform.yaml", "other.yaml").out
    assert "live is in other.yaml only" in text
    assert committed("diff", "stacks/platform.yaml:prod", "other.yaml:live").code == 0


def test_a_branch_that_is_called_like_an_environment(committed: Plinth) -> None:
    subprocess.run(["git", "branch", "dev"], cwd=committed.folder, check=True)
    answer = committed("diff", "dev", "prod")
    assert "dev is taken for the environment" in answer.err
    assert committed("diff", "refs/heads/dev:dev", "dev", "--json").json["changes"]


def test_help_says_how_two_clouds_are_compared() -> None:
    from plinth.cli.diff import diff

    shown = CliRunner().invoke(diff, ["--help"])
    assert "plinth diff dev --cloud aws --cloud gcp" in " ".join(shown.output.split())
