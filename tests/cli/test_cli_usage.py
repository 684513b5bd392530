"""Wrong words, wrong places, wrong files: a code, a sentence, a remedy; JSON where asked for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from cli_support import Plinth

from plinth.cli import app, output


@pytest.fixture
def plinth(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Plinth:
    made = Plinth(tmp_path / "project", capsys)
    monkeypatch.chdir(made.folder)
    return made


def _commands(group: click.Group, *before: str) -> list[tuple[str, ...]]:
    context = click.Context(group)
    found: list[tuple[str, ...]] = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        found.append((*before, name))
        if isinstance(command, click.Group):
            found += _commands(command, *before, name)
    return found


assert isinstance(app, click.Group)
COMMANDS = _commands(app)
LEAVES = [words for words in COMMANDS if words not in (("ci",), ("engine",), ("policy",))]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_has_help(plinth: Plinth, words: tuple[str, ...]) -> None:
    answer = plinth(*words, "--help")
    assert answer.code == 0
    assert answer.out.startswith(f"Usage: plinth {' '.join(words)}")
    assert answer.err == ""


@pytest.mark.parametrize("words", LEAVES, ids=" ".join)
def test_every_command_takes_spec_and_json(plinth: Plinth, words: tuple[str, ...]) -> None:
    """An option that none has is the only thing wrong, so no command starts to work."""
    problem = plinth(*words, "--spec", "x.yaml", "--json", "--nonsense").problem
    assert problem["code"] == "unknown-option"
    assert "'--nonsense'" in problem["message"]


@pytest.mark.parametrize(
    ("words", "code", "nearest"),
    [
        (("plna", "dev"), "unknown-command", "plan"),
        (("engine", "stats"), "unknown-command", "status"),
        (("plan", "dev", "--spce", "x"), "unknown-option", "--spec"),
        (("plan", "dve"), "unknown-environment", "dev"),
        (("plan", "dev", "--cloud", "asw"), "unknown-cloud", "aws"),
        (("explain", "dev", "netwrk.cidr"), "unknown-path", "network.cidr"),
        (("plan", "dev", "prod"), "usage", None),
        (("up", "dev", "--adopt", "no-pair"), "usage", None),
        (("validate", "--spec", "nowhere.yaml"), "file-missing", None),
        (("validate", "--spec", "."), "file-is-directory", None),
        (("engine", "env", "dve"), "unknown-environment", "dev"),
        (("policy", "explian"), "unknown-command", "explain"),
        (("plan", "dev", "--no-tre"), "unknown-option", "--no-tree"),
        (("policy", "check", "dev", "--format", "markdwn"), "unknown-value", "markdown"),
        (("policy", "check", "dve"), "unknown-environment", "dev"),
        (("policy", "check", "dev", "--rule", "tags-requird"), "unknown-rule", "tags-required"),
        (("policy", "explain", "tags-requird"), "unknown-rule", "tags-required"),
        (("policy", "list", "--domain", "tag"), "unknown-domain", "tags"),
        (("policy", "list", "--framework", "soc2"), "unknown-framework", "soc-2"),
        (("policy", "list", "--cloud", "asw"), "unknown-cloud", "aws"),
    ],
)
def test_bad_usage_is_told_alike(
    plinth: Plinth, words: tuple[str, ...], code: str, nearest: str | None
) -> None:
    answer = plinth(*words, "--json")
    assert (answer.code, answer.err) == (2, "")
    assert answer.problem["code"] == code
    assert answer.problem.get("nearest") == nearest
    assert answer.problem["fix"]

    spoken = plinth(*words)
    assert (spoken.code, spoken.out) == (2, "")
    assert f"[{code}]" in spoken.err
    assert answer.problem["message"] in spoken.err


def test_a_missing_environment_is_asked_for_by_name(plinth: Plinth) -> None:
    assert plinth("plan", "--json").problem["allowed"] == ["dev", "prod"]
    plinth.spec.unlink()
    assert "allowed" not in plinth("plan", "--json").problem


def test_a_missing_option_is_named(plinth: Plinth) -> None:
    problem = plinth("ci", "pulumi-operator", "--json").problem
    assert problem["message"] == "--repository URL is missing"


def test_the_spec_is_found_from_below(plinth: Plinth, monkeypatch: pytest.MonkeyPatch) -> None:
    below = plinth.folder / "stacks" / "deep"
    below.mkdir()
    monkeypatch.chdir(below)
    assert plinth("validate").code == 0
    plinth.edit("artifacts: {}", "artefacts: {}")
    problem = plinth("validate", "--json").problem
    assert problem["location"]["file"] == str(Path("..", "platform.yaml"))
    assert problem["nearest"] == "artifacts"


def test_a_derived_value_says_from_what_it_follows(plinth: Plinth) -> None:
    first, *_ = plinth("explain", "dev", "network.nat").out.splitlines()
    assert first == "network.nat  single  (derived, durable is false)"
    elsewhere = plinth("explain", "dev", "region", "--cloud", "gcp").out
    assert elsewhere.startswith("region  europe-west4  (derived, the nearest to eu-west-1 on aws)")


def test_recorded_versions_are_those_explained(plinth: Plinth) -> None:
    lock = plinth.spec.parent / "dev.lock.json"
    lock.write_text('{"postgres": "15"}', encoding="utf-8")
    assert plinth("explain", "dev", "versions.postgres").out.split()[1] == "15"
    assert plinth("explain", "prod", "versions.postgres").out.split()[1] != "15"


@pytest.mark.parametrize("text", ["{half", "[1]", '{"postgres": 3}', '{"charts": 7}'])
@pytest.mark.parametrize("command", ["explain", "plan"])
def test_broken_records_of_versions_are_told(plinth: Plinth, command: str, text: str) -> None:
    lock = plinth.spec.parent / "dev.lock.json"
    lock.write_text(text, encoding="utf-8")
    answer = plinth(command, "dev", "--json")
    assert (answer.code, answer.problem["code"]) == (2, "lock-unusable")
    assert answer.problem["location"]["file"].endswith("dev.lock.json")


def test_what_is_probably_not_meant_is_a_warning(plinth: Plinth) -> None:
    """A model that is retrained when it drifts, where requests are recorded, and where not."""
    model = '{uri: "models:/churn@champion", framework: sklearn, retrain: retrain_churn}'
    plinth.edit(
        "artifacts: {}",
        "artifacts: {}\ntracking: {}\norchestration: {}\nmonitoring: {}\n"
        f"serving:\n  models:\n    churn: {model}\n    fraud: {model}",
    )
    plinth.edit("environments:\n", "environments:\n  local: {cloud: local}\n")
    answer = plinth("validate")
    assert answer.code == 0
    assert answer.out.count("ok ") == 3
    column = len("    churn: ") + model.index("retrain_churn") + 1
    where = str(Path("stacks", "platform.yaml"))
    for line, name in ((13, "churn"), (14, "fraud")):
        assert f"warning {where}:{line}:{column}: model {name} is retrained" in answer.err
        assert f"  at serving.models.{name}.retrain [drift-unmeasured]\n" in answer.err
    assert "error" not in answer.err
    # One remedy for both.
    assert answer.err.count("fix: Add `record: 256` to serving, or `record: 0` if") == 1

    plinth.edit('prod: {account: "222', 'prod: {serving: {record: 256}, account: "222')
    assert "in environment dev [drift-unmeasured]" in plinth("validate").err
    found = plinth("validate", "--json").json
    assert (found["ok"], len(found["warnings"])) == (True, 2)
    assert {warning["environment"] for warning in found["warnings"]} == {"dev"}
    plinth.edit('dev: {account: "111', 'dev: {serving: {record: 0}, account: "111')
    assert plinth("validate").err == ""
    plinth.edit("serving: {record: 256}, ", "")
    assert plinth("validate", "--cloud", "local").err == ""
    assert "drift-unmeasured" in plinth("validate", "--cloud", "gcp").err


@pytest.mark.parametrize("command", ["up", "destroy"])
def test_nobody_to_ask(plinth: Plinth, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    """Refused at once: without an engine, before anything is looked at."""
    monkeypatch.setenv("PLINTH_PULUMI", "/nonexistent")
    answer = plinth(command, "dev", "--json")
    assert answer.code == 2
    assert answer.problem["code"] == "confirmation-needed"
    assert "--yes" in answer.problem["fix"]


@pytest.mark.parametrize(
    "words", [("preview",), ("up", "--yes"), ("refresh",), ("destroy", "--yes"), ("outputs",)]
)
def test_without_an_engine(
    plinth: Plinth, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, words: tuple[str, ...]
) -> None:
    monkeypatch.delenv("PLINTH_PULUMI", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PLINTH_CACHE", str(tmp_path))
    answer = plinth(*words, "dev", "--json")
    assert answer.code == 1
    assert answer.problem["code"] == "engine-missing"
    assert "plinth engine install" in answer.problem["fix"]


def test_without_a_project(plinth: Plinth) -> None:
    """A plan needs none; a broken one is told of."""
    file = plinth.folder / "Pulumi.yaml"
    file.unlink()
    assert plinth("plan", "dev", "--no-tree").code == 0
    assert plinth("engine", "env", "dev", "--json").problem["code"] == "project-missing"
    file.write_text("- no project\n", encoding="utf-8")
    answer = plinth("plan", "dev", "--json")
    assert (answer.code, answer.problem["code"]) == (2, "project-broken")


@pytest.mark.parametrize("variable", ["NO_COLOR", "UNUSED"])
def test_colour_can_be_turned_off(
    plinth: Plinth, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "1")
    monkeypatch.setattr(click.utils, "should_strip_ansi", lambda _, color: color is False)
    plain = variable == "NO_COLOR"
    for words in (("validate",), ("explain", "dev", "network")):
        assert ("\x1b[" not in plinth(*words).out) is plain
    assert ("\x1b[" not in plinth("validate", "--cloud", "asw").err) is plain


def test_an_interrupt_is_told_in_json_too(plinth: Plinth, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_cloud: str | None) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("plinth.spec.schema.json_schema", interrupted)
    answer = plinth("schema", "--json")
    assert (answer.code, answer.problem["code"]) == (130, "interrupted")


def test_a_defect_is_recorded_and_not_printed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from plinth.cli import main

    def broken(_cloud: str | None) -> None:
        raise ZeroDivisionError("three apples, no friends")

    monkeypatch.setattr("plinth.spec.schema.json_schema", broken)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(SystemExit) as ended:
        main(["schema"])
    said = capsys.readouterr()
    (log,) = tmp_path.glob("plinth-*.log")
    assert ended.value.code == 1
    assert said.out == ""
    assert "three apples" not in said.err
    assert str(log) in said.err
    assert "three apples" in log.read_text(encoding="utf-8")


def test_a_remedy_for_many_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    from plinth.errors import Problem

    many = [Problem(code="c", message=name, fix="Undo it.") for name in ("one", "two")]
    other = Problem(code="c", message="three", fix="Leave it.")
    output.problems([*many, other], as_json=False)
    said = capsys.readouterr().err
    assert said.count("Undo it.") == 1
    assert said.index("two") < said.index("Undo it.") < said.index("three")


def test_a_reader_that_leaves_early_is_no_failure(plinth: Plinth) -> None:
    command = f"{sys.executable} -m plinth.cli schema | head -1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "{\n", "")


def test_completion_knows_environments(plinth: Plinth) -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("plinth")],
        env=os.environ
        | {"_PLINTH_COMPLETE": "bash_complete", "COMP_WORDS": "plinth up p", "COMP_CWORD": "2"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == ["plain,prod"]
