"""Which environments a change touches."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ci_support import SPEC, commit, git, repository

from plinth.ci.matrix import FORMATS, touched
from plinth.ci.targets import targets_of
from plinth.errors import UsageError


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    return repository(tmp_path)


def edit(spec: Path, old: str, new: str) -> None:
    text = spec.read_text(encoding="utf-8")
    assert old in text
    spec.write_text(text.replace(old, new), encoding="utf-8")


def test_nothing_is_touched_by_words_alone(spec: Path) -> None:
    edit(spec, "artifacts: {}", "artifacts: {}  # where models are kept")
    (spec.parents[1] / "README.md").write_text("Read me")
    assert touched(spec, "HEAD") == ()


def test_an_overlay_touches_its_own_environment(spec: Path) -> None:
    edit(spec, "durable: true", "durable: false")
    assert touched(spec, "HEAD") == ("prod-eu",)


def test_the_shared_part_touches_all(spec: Path) -> None:
    edit(spec, "owner: ml-platform@", "owner: ml@")
    assert touched(spec, "HEAD") == ("dev", "prod-eu")


def test_a_default_that_is_now_written_touches_nothing(spec: Path) -> None:
    edit(spec, "artifacts: {}", "artifacts: {}\nnetwork: {cidr: 10.0.0.0/16}")
    assert touched(spec, "HEAD") == ()


@pytest.mark.parametrize("base", [None, "", "0" * 40])
def test_without_a_base_all_are_touched(spec: Path, base: str | None) -> None:
    assert touched(spec, base) == ("dev", "prod-eu")


def test_a_new_environment_is_touched_and_one_that_went_is_not(spec: Path) -> None:
    base = commit(spec.parents[1], "Nothing") if git(spec.parents[1], "status", "-s") else "HEAD"
    edit(spec, "prod-eu: {", "prod-us: {")
    assert touched(spec, base) == ("prod-us",)


def test_a_base_without_a_usable_spec_touches_all(spec: Path) -> None:
    spec.write_text("name: [", encoding="utf-8")
    broken = commit(spec.parents[1], "Break it")
    spec.write_text(SPEC, encoding="utf-8")
    assert touched(spec, broken) == ("dev", "prod-eu")


def test_configuration_and_recorded_versions_count(spec: Path) -> None:
    (spec.parent / "Pulumi.dev.yaml").write_text("config: {}\n")
    git(spec.parents[1], "add", "-A")
    assert touched(spec, "HEAD") == ("dev",)
    base = commit(spec.parents[1], "Configure")
    (spec.parent / "prod-eu.lock.json").write_text(json.dumps({"kubernetes": "1.33"}))
    assert touched(spec, base) == ("prod-eu",)


def test_another_version_of_plinth_touches_all(spec: Path) -> None:
    workflow = spec.parents[1] / ".github" / "workflows" / "plinth-preview.yml"
    workflow.parent.mkdir(parents=True)
    workflow.write_text("env: {PLINTH_PACKAGE: plinth==1}\n")
    base = commit(spec.parents[1], "Pipelines")
    assert touched(spec, base) == ()
    workflow.write_text("env: {PLINTH_PACKAGE: plinth==2}\n")
    assert touched(spec, base) == ("dev", "prod-eu")


def test_an_unknown_revision_is_told(spec: Path) -> None:
    with pytest.raises(UsageError) as refused:
        touched(spec, "no-such-branch")
    assert refused.value.problems[0].code == "unknown-revision"


def test_formats(spec: Path) -> None:
    targets = list(targets_of(spec).values())
    assert FORMATS["names"](targets) == "dev prod-eu"
    github = json.loads(FORMATS["github"](targets))
    assert [each["environment"] for each in github["include"]] == ["dev", "prod-eu"]
    assert github["include"][1]["preview"] == "arn:aws:iam::222222222222:role/plinth-preview"
    assert "deploy" not in github["include"][1]
    assert json.loads(FORMATS["gitlab"](targets))[1]["ENVIRONMENT"] == "prod-eu"
    assert set(json.loads(FORMATS["azure-devops"](targets))) == {"dev", "prod_eu"}
    assert all("\n" not in write(targets) for write in FORMATS.values())
