"""What a new project consists of: valid for every cloud and answer, written whole or not at all."""

from __future__ import annotations

import math
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from example import EXAMPLES, ROOT
from plinth import planning, registry, render
from plinth.blueprint import check as check_file
from plinth.errors import UsageError
from plinth.scaffold import files
from plinth.scaffold.answers import (
    ENVIRONMENTS,
    SPEC,
    Answers,
    check,
    name_for,
    questions,
    required,
    stand_ins,
)
from plinth.scaffold.examples import example, examples
from plinth.spec.document import parse
from plinth.spec.models import CAPABILITIES

CLOUDS = registry.cloud_names()


def answers_on(cloud: str, **others: Any) -> Answers:
    return Answers(**others).completed(stand_ins(Answers(cloud=cloud)))


def made(folder: Path, answers: Answers) -> Path:
    files.write(folder, files.of(answers))
    return folder / SPEC


@pytest.mark.parametrize("cloud", CLOUDS)
def test_a_new_platform_may_go_to_production(cloud: str, tmp_path: Path) -> None:
    spec = made(tmp_path, answers_on(cloud, domain="ml.example.com"))
    blueprints = check_file(spec)
    assert {name: b.settings.durable for name, b in blueprints.items()} == ENVIRONMENTS
    assert all(tuple(b.choices) == CAPABILITIES for b in blueprints.values())
    assert {b.settings.domain.name for b in blueprints.values() if b.settings.domain} == {
        "ml.example.com"
    }
    plan = planning.plan(spec, "prod")
    assert all("::ml-platform::" in each.urn for each in plan.graph)
    assert plan.blueprint.settings.policies == "mandatory"
    assert not plan.blocked


@pytest.mark.parametrize("domain", ["", "ml.example.com"], ids=["", "domain"])
@pytest.mark.parametrize("chosen", [CAPABILITIES, ("artifacts", "monitoring")], ids=["all", "some"])
@pytest.mark.parametrize("cloud", CLOUDS)
def test_what_comments_suggest_is_valid(
    cloud: str, chosen: tuple[str, ...], domain: str, tmp_path: Path
) -> None:
    """Each suggestion in place of what it would replace, all at once."""
    text = files.of(answers_on(cloud, capabilities=chosen, domain=domain))[SPEC]
    suggestion = re.compile(r"^( *)# ( *)([a-z_]+:(?: .*)?)$", re.M)
    taken = suggestion.sub(r"\1\2\3", text)
    count = len(suggestion.findall(text))
    assert count >= 8
    lines: dict[str, str] = {}
    for number, line in enumerate(taken.splitlines()):
        top = re.match(r"([a-z]+):", line)
        lines[top[1] if top else str(number)] = line  # of two lines for one key, the last
    lines = {key: line for key, line in lines.items() if "acme" not in line or "zone" in taken}
    spec = tmp_path / "platform.yaml"
    # Names with what is a person's to fill in, and sign-in by a gateway that the cluster brings.
    content = "\n".join(lines.values()).replace("<id>", "00000000-0000-0000-0000-000000000001")
    content = content.replace("<group>", "dns").replace("<name>", "ml.example.com")
    spec.write_text(content, encoding="utf-8")
    resolved = check_file(spec)
    assert {"orchestration", "serving"} <= resolved["dev"].choices.keys()
    assert resolved["prod"].settings.cost.monthly_budget == 3000
    assert resolved["dev"].settings.identity is not None


TEXTS = st.text(min_size=1, max_size=30)


@given(cloud=st.sampled_from(CLOUDS), data=st.data())
def test_an_answer_is_refused_or_kept_to_the_letter(cloud: str, data: st.DataObject) -> None:
    asked = [
        each
        for each in questions(Answers(cloud=cloud), Path())
        if each.key not in {"cloud", "capabilities"}
    ]
    question = data.draw(st.sampled_from(asked))
    said = data.draw(TEXTS | st.from_regex(r"\A[ -~]+@[ -~]+\.[a-z]+\Z") | st.sampled_from(
        ["yes", "null", "0815", "1e3", "inf", "nan", "a: b", "#x@y.z", "'@x.y", "{@x.y", "a\n@b.c"]
    ))  # fmt: skip
    answers = answers_on(cloud).answer(question, said)
    if check(answers):
        return
    document, found = parse(files.of(answers)[SPEC].encode(), SPEC)
    assert document is not None
    assert not found
    value: Any = document.data
    for key in question.path.split("."):
        value = value[key]
    if question.key == "budget":
        assert 0 < float(value) == float(said) < math.inf
    else:
        assert value == said


@pytest.mark.parametrize("cloud", CLOUDS)
def test_every_problem_can_be_asked_about(cloud: str) -> None:
    """What cannot be left out is what the spec's own validation misses."""
    asked = list(questions(Answers(cloud=cloud), Path("churn")))
    assert len(asked) <= 10
    needed = {each.flag for each in asked if not each.default and required(Answers(), each)}
    assert {"--owner", "--cost-center", "--cloud"} <= needed
    for each in asked:
        if each.default:
            assert not check(Answers(cloud=cloud).answer(each, each.default))


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("churn", "churn"),
        ("My Churn_2", "my-churn-2"),
        ("2024-ml", "ml"),
        ("a-very-long-name-of-a-folder", "a-very-long-name-of"),
        ("---", "ml-platform"),
        ("é", "ml-platform"),
    ],
)
def test_a_name_from_a_folder(folder: str, name: str) -> None:
    assert name_for(Path("/work") / folder) == name
    assert not check(Answers(name=name))


@pytest.mark.parametrize(
    "text",
    ["plain", "a@b.c", "yes", "null", "4711", "1.0", "a b", 'q"q', "ü", "\u2028", "x\ny", ""],
)
def test_scalars_are_read_back(text: str) -> None:
    assert yaml.safe_load(f"{{a: {render.scalar(text)}}}") == {"a": text}


# --- one source ----------------------------------------------------------------------------------


def test_a_project_is_set_up_as_this_one_is() -> None:
    new = files.of(answers_on("aws"))
    assert new["stacks/__main__.py"] == (ROOT / "stacks" / "__main__.py").read_text()
    ours = yaml.safe_load((ROOT / "Pulumi.yaml").read_text(encoding="utf-8"))
    theirs = yaml.safe_load(new["Pulumi.yaml"])
    assert theirs.pop("name") == "ml-platform"
    for project in (ours, theirs):
        project.pop("name", None)
        project.pop("runtime")
    assert theirs == ours


def test_the_templates_of_pulumi_new_are_current() -> None:
    """`make docs` writes them."""
    folder = ROOT / "templates" / "pulumi"
    written = {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in folder.rglob("*")
        if path.is_file()
    }
    assert written == {
        f"plinth-{cloud}/{path}": text
        for cloud in CLOUDS
        for path, text in files.pulumi_template(cloud).items()
    }


@pytest.mark.parametrize("cloud", CLOUDS)
def test_a_template_asks_for_what_only_a_person_knows(cloud: str) -> None:
    text = files.pulumi_template(cloud)[SPEC].replace("${PROJECT}", "churn")
    _, found = parse(text.encode(), SPEC)
    assert {problem.code for problem in found} == {"placeholder"}
    assert {"owner", "cost.center"} <= {problem.path for problem in found}


def test_examples_are_described_and_complete(tmp_path: Path) -> None:
    assert {each.path for each in examples()} == {each.spec for each in EXAMPLES}
    for each in examples():
        assert 20 < len(each.description) < 200
        assert not each.description.startswith("#")
        files.write(tmp_path / each.name, each.files())
        spec = tmp_path / each.name / SPEC
        assert "$schema" not in spec.read_text(encoding="utf-8")
        assert set(check_file(spec)) == set(files.environments_of(each.files()))


# --- writing --------------------------------------------------------------------------------------

FILES = {".gitignore": "a\nb\n", "Pulumi.yaml": "x", "stacks/deep/spec.yaml": "y"}


def snapshot(folder: Path) -> dict[str, str | None]:
    return {
        path.relative_to(folder).as_posix(): path.read_text() if path.is_file() else None
        for path in folder.rglob("*")
    }


def test_all_is_written_and_nothing_else(tmp_path: Path) -> None:
    assert files.write(tmp_path / "new" / "er", FILES) == tuple(FILES)
    found = snapshot(tmp_path / "new" / "er")
    assert {path: text for path, text in found.items() if text is not None} == FILES
    assert files.write(tmp_path / "new" / "er", FILES) == ()


def test_nothing_is_overwritten_and_all_that_is_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "stacks" / "deep").mkdir(parents=True)
    (tmp_path / "stacks" / "deep" / "spec.yaml").write_text("mine")
    (tmp_path / "Pulumi.yaml").symlink_to("nowhere")
    (tmp_path / "other").write_text("mine")
    before = snapshot(tmp_path)
    with pytest.raises(UsageError) as caught:
        files.write(tmp_path, FILES)
    (problem,) = caught.value.problems
    assert problem.code == "in-the-way"
    assert "Pulumi.yaml" in problem.message
    assert "spec.yaml" in problem.message
    assert "--force" in str(problem.fix)
    assert snapshot(tmp_path) == before
    assert files.write(tmp_path, FILES, force=True) == tuple(FILES)
    after = snapshot(tmp_path)
    assert {path: after[path] for path in FILES} == FILES
    assert after["other"] == "mine"
    assert not (tmp_path / "nowhere").exists()


def test_an_ignore_file_with_all_lines_may_stay(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("a\n")
    with pytest.raises(UsageError) as caught:
        files.write(tmp_path, FILES)
    assert "a, b" in str(caught.value.problems[0].fix)
    (tmp_path / ".gitignore").write_text("b\nmine\na\n")
    assert ".gitignore" not in files.write(tmp_path, FILES)
    assert (tmp_path / ".gitignore").read_text() == "b\nmine\na\n"


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("wall", ["file as folder", "folder as file", "project is a file"])
def test_what_is_no_ordinary_file_is_never_replaced(
    tmp_path: Path, wall: str, *, force: bool
) -> None:
    folder = tmp_path / "project"
    if wall == "project is a file":
        folder.write_text("mine")
    elif wall == "folder as file":
        (folder / "Pulumi.yaml").mkdir(parents=True)
    else:
        folder.mkdir()
        (folder / "stacks").write_text("mine")
    before = snapshot(tmp_path)
    with pytest.raises(UsageError) as caught:
        files.write(folder, FILES, force=force)
    assert "replaces ordinary files alone" in str(caught.value.problems[0].fix)
    assert snapshot(tmp_path) == before


# One move a new file, and one more for what is replaced.
@pytest.mark.parametrize("number", list(range(len(FILES) + 1)))
def test_a_failure_at_any_moment_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("mine")
    before = snapshot(tmp_path)
    real, calls = Path.replace, iter(range(100))

    def replace(self: Path, target: Any) -> Path:
        if next(calls) == number:
            raise OSError(28, "No space left on device", str(target))
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(files.NotWrittenError, match="No space left"):
        files.write(tmp_path, FILES, force=True)
    assert snapshot(tmp_path) == before
    new = tmp_path / "new"
    calls = iter(range(100))
    if number < len(FILES):
        with pytest.raises(files.NotWrittenError):
            files.write(new, FILES)
        assert not new.exists()


def test_what_an_example_has_beside_its_spec_comes_along(tmp_path: Path) -> None:
    """But for what running it there has left behind."""
    starter = example("starter")
    folder = tmp_path / "starter"
    shutil.copytree(starter.path.parent, folder)
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "train.cpython-311.pyc").write_bytes(b"\xff")
    (folder / ".venv").mkdir()
    (folder / ".venv" / "python").write_bytes(b"\xff")
    made = replace(starter, path=folder / "platform.yaml").files()
    assert made == starter.files()
    assert {"train.py", "features/definitions.py", "dags/models.py", "README.md", SPEC} <= {*made}
    assert "platform.yaml" not in made
    assert made["train.py"] == (folder / "train.py").read_text(encoding="utf-8")
