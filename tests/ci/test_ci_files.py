"""Workflow files: valid by others' checkers, few rights, pinned, never over somebody's own."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ci_support import SPEC
from ci_tools import against_schema, as_azure_reads, lint

from example import ROOT
from plinth.ci.files import PLATFORMS, File, files, write
from plinth.ci.targets import targets_of
from plinth.errors import UsageError

SPECS = [ROOT / "stacks" / "platform.yaml", *sorted(ROOT.glob("examples/*/platform.yaml"))]
IDS = [path.parent.name for path in SPECS]


@pytest.fixture(params=SPECS, ids=IDS)
def spec(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def written(platform: str, spec: Path, folder: Path, **options: Any) -> list[Path]:
    found = files(platform, spec, folder=folder, **options)
    write(found)
    return [file.path for file in found]


def workflows(spec: Path, folder: Path) -> dict[str, Any]:
    return {
        path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))
        for path in written("github", spec, folder)
    }


@pytest.mark.parametrize("models", [False, True], ids=["platform", "models"])
def test_github_passes_actionlint_and_schemas(spec: Path, tmp_path: Path, models: bool) -> None:
    found = written("github", spec, tmp_path, models=models)
    assert lint(tmp_path) == ""
    yamls = [path for path in found if path.parent.name == "workflows"]
    assert against_schema("github-workflows", yamls) == ""
    actions = [path for path in found if path.name == "action.yml"]
    assert len(actions) == (0 if models else 1)
    if actions:
        assert against_schema("github-actions", actions) == ""


@pytest.mark.parametrize("models", [False, True], ids=["platform", "models"])
def test_gitlab_fits_its_schema(spec: Path, tmp_path: Path, models: bool) -> None:
    found = [p for p in written("gitlab", spec, tmp_path, models=models) if p.suffix == ".yml"]
    assert against_schema("gitlab-ci", found, "--data-transform", "gitlab-ci") == ""


@pytest.mark.parametrize("models", [False, True], ids=["platform", "models"])
def test_azure_devops_fits_its_schema(spec: Path, tmp_path: Path, models: bool) -> None:
    found = written("azure-devops", spec, tmp_path, models=models)
    read = [as_azure_reads(path, tmp_path) for path in found if path.suffix == ".yml"]
    options = ("--data-transform", "azure-pipelines", "--regex-variant", "python")
    assert against_schema("azure-pipelines", read, *options) == ""


def test_the_checkers_find_mistakes(tmp_path: Path) -> None:
    found = written("github", SPECS[0], tmp_path)
    broken = next(path for path in found if path.name == "plinth-preview.yml")
    text = broken.read_text(encoding="utf-8")
    broken.write_text(text.replace("needs.changes.outputs", "needs.chanegs.outputs"))
    assert "chanegs" in lint(tmp_path)
    broken.write_text(text.replace("timeout-minutes: 15", "timeout-minutes: soon"))
    assert "timeout-minutes" in against_schema("github-workflows", [broken])


@pytest.mark.parametrize("platform", PLATFORMS)
def test_two_clouds_in_one_spec(platform: str, tmp_path: Path) -> None:
    spec = tmp_path / "stacks" / "platform.yaml"
    spec.parent.mkdir()
    azure = "{cloud: azure, region: northeurope, account: 00000000-0000-0000-0000-000000000001}"
    cluster = "{cloud: kubernetes, region: null, artifacts: null, monitoring: {}}"
    spec.write_text(f"{SPEC}  azure: {azure}\n  cluster: {cluster}\n", encoding="utf-8")
    found = written(platform, spec, tmp_path / "out")
    text = "".join(path.read_text(encoding="utf-8") for path in found)
    assert "plinth[aws,azure,kubernetes]==" in text
    assert "PLINTH_DEPLOY_CLIENT_ID_AZURE" in text or platform == "gitlab"
    assert "KUBECONFIG" in text
    if platform == "github":
        assert lint(tmp_path / "out") == ""


def test_actions_are_pinned_by_commit_and_say_which_release(spec: Path, tmp_path: Path) -> None:
    for path in written("github", spec, tmp_path):
        for line in path.read_text(encoding="utf-8").splitlines():
            if (used := line.partition("uses: ")[2]) and not used.startswith("./"):
                assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", used)


def test_jobs_have_no_right_they_do_not_need(tmp_path: Path) -> None:
    found = workflows(SPECS[0], tmp_path)
    rights = {
        f"{name}/{job}": set(each["permissions"].items())
        for name, workflow in found.items()
        if "jobs" in workflow
        for job, each in workflow["jobs"].items()
    }
    assert all(workflow.get("permissions", {}) == {} for workflow in found.values())
    may = {right for right, granted in rights.items() if ("id-token", "write") in granted}
    assert may == {
        "plinth-preview/preview",
        "plinth-drift/preview",
        *(f"plinth-deploy/up-{name}" for name in ("dev", "staging", "prod")),
    }
    writing = {
        (job, right)
        for job, granted in rights.items()
        for right, level in granted
        if level == "write" and right != "id-token"
    }
    assert writing == {
        ("plinth-preview/comment", "pull-requests"),
        ("plinth-comment/comment", "pull-requests"),
        ("plinth-drift/issue", "issues"),
    }


def test_no_foreign_code_meets_a_token_that_may_write(tmp_path: Path) -> None:
    """No `pull_request_target`; what comments for forks checks out our own branch only."""
    found = workflows(SPECS[0], tmp_path)
    triggers = {
        name: each.get(True, {}) for name, each in found.items()
    }  # `on` is true in YAML 1.1
    assert all("pull_request_target" not in each for each in triggers.values())
    assert set(triggers["plinth-comment"]) == {"workflow_run"}
    steps = found["plinth-comment"]["jobs"]["comment"]["steps"]
    checkouts = [
        each["with"] for each in steps if each.get("uses", "").startswith("actions/checkout")
    ]
    assert checkouts == [{"persist-credentials": False}]
    assert "--untrusted" in steps[-1]["run"]
    for workflow in found.values():
        for job in workflow.get("jobs", {}).values():
            for step in job["steps"]:
                # Values from outside reach a shell by variables only.
                assert "${{" not in step.get("run", "")


def test_previews_are_read_only_and_deployments_wait_for_their_environment(tmp_path: Path) -> None:
    text = (written("github", SPECS[0], tmp_path)[1]).read_text(encoding="utf-8")
    assert "plinth-deploy" not in text
    jobs = workflows(SPECS[0], tmp_path / "again")["plinth-deploy"]["jobs"]
    assert [name for name in jobs if name != "changes"] == ["up-dev", "up-staging", "up-prod"]
    assert jobs["up-dev"]["needs"] == ["changes"]
    assert jobs["up-prod"]["needs"] == ["changes", "up-staging"]
    for name in ("dev", "staging", "prod"):
        job = jobs[f"up-{name}"]
        assert job["environment"] == name
        assert job["concurrency"] == {
            "group": f"plinth-churn-{name}",
            "cancel-in-progress": False,
        }
        assert '--approved "$approved"' in job["steps"][2]["run"]


def test_waves_follow_the_spec(tmp_path: Path) -> None:
    spec = tmp_path / "platform.yaml"
    spec.write_text(SPEC + '  prod-us: {account: "222222222222", after: [dev]}\n')
    jobs = workflows(spec, tmp_path / "out")["plinth-deploy"]["jobs"]
    assert jobs["up-prod-eu"]["needs"] == jobs["up-prod-us"]["needs"] == ["changes", "up-dev"]
    gitlab = yaml.safe_load(written("gitlab", spec, tmp_path / "lab")[0].read_text())
    assert gitlab["up:prod-us"]["stage"] == gitlab["up:prod-eu"]["stage"] == "up-2"
    assert gitlab["up:prod-us"]["rules"][0]["when"] == "manual"
    assert "rules" not in gitlab["up:dev"]


def test_environments_on_people_s_own_machines_have_no_pipeline(tmp_path: Path) -> None:
    spec = tmp_path / "platform.yaml"
    theirs = [file.text for file in _files(spec, SPEC)]
    # Wherever it stands in the order.
    with_local = SPEC.replace("after: [dev]", "after: [local]") + (
        "  local: {cloud: local, after: [dev]}\n"
    )
    assert [file.text for file in _files(spec, with_local)] == theirs
    with pytest.raises(UsageError, match="people's own machines"):
        _files(spec, SPEC.replace("cloud: aws", "cloud: local"))


def _files(spec: Path, text: str) -> list[File]:
    spec.write_text(text, encoding="utf-8")
    return [file for name in ("github", "gitlab", "azure-devops") for file in files(name, spec)]


def test_files_of_others_are_left_alone(tmp_path: Path) -> None:
    mine = tmp_path / ".gitlab-ci.yml"
    mine.write_text("test: {script: [make test]}\n")
    with pytest.raises(UsageError) as refused:
        write(files("gitlab", SPECS[0], folder=tmp_path))
    assert refused.value.problems[0].code == "file-not-ours"
    assert "make test" in mine.read_text()


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_project_in_a_folder_of_its_repository(platform: str, tmp_path: Path) -> None:
    """Pipelines run at the repository's top, where paths begin; and names may have spaces."""
    project = tmp_path / "ml platform"
    spec = project / "stacks" / "platform.yaml"
    spec.parent.mkdir(parents=True)
    spec.write_text(SPEC, encoding="utf-8")
    (project / "Pulumi.yaml").write_text("name: plinth\n", encoding="utf-8")
    text = "".join(path.read_text() for path in written(platform, spec, tmp_path))
    named = re.findall(r"--spec ('[^']*'|\S+)", text)
    assert set(named) == {"'ml platform/stacks/platform.yaml'"}
    assert "ml platform/stacks/" in "".join(line for line in text.splitlines() if "lock" in line)
    # Anywhere else they wait to be merged by hand into the project's own repository.
    (elsewhere := tmp_path / "elsewhere").mkdir()
    text = "".join(path.read_text() for path in written(platform, spec, elsewhere))
    assert set(re.findall(r"--spec ([\w/.]+)", text)) == {"stacks/platform.yaml"}


def test_settings_of_the_pipeline_hold_on_azure_devops(tmp_path: Path) -> None:
    """What the YAML declares would hide them (Azure Pipelines, "Define variables")."""
    for path in written("azure-devops", SPECS[0], tmp_path):
        text = path.read_text(encoding="utf-8")
        declared = yaml.safe_load(text).get("variables", {})
        assert not {"PLINTH_ARGS", "PLINTH_PACKAGE"} & set(declared)
        # Steps run with `set -u`.
        assert all(used == "{PLINTH_ARGS:-}" for used in re.findall(r"\$(\S*PLINTH_ARGS\S*)", text))
    setup = tmp_path / ".azure-pipelines" / "plinth-setup.yml"
    assert '"${PLINTH_PACKAGE:-plinth[' in setup.read_text(encoding="utf-8")


def test_files_in_another_encoding_are_somebody_elses(tmp_path: Path) -> None:
    (tmp_path / ".gitlab-ci.yml").write_bytes("# für uns\n".encode("latin-1"))
    assert [each.state for each in files("gitlab", SPECS[0], folder=tmp_path)] == ["foreign"]


def test_states_tell_what_is_stale(tmp_path: Path) -> None:
    def states() -> set[str]:
        return {file.state for file in files("azure-devops", SPECS[0], folder=tmp_path)}

    assert states() == {"new"}
    paths = written("azure-devops", SPECS[0], tmp_path)
    assert states() == {"same"}
    paths[0].write_text(paths[0].read_text().replace("fetchDepth: 0", "fetchDepth: 1"))
    assert states() == {"same", "changed"}
    assert File(paths[0], "x").state == "changed"


def test_names_come_from_the_account(spec: Path, tmp_path: Path) -> None:
    text = "".join(path.read_text() for path in written("github", spec, tmp_path))
    for target in targets_of(spec).values():
        for name in filter(None, (target.backend, target.cloud != "azure" and target.deploy)):
            assert str(name) in text


def test_an_environment_without_an_account_is_refused(tmp_path: Path) -> None:
    spec = tmp_path / "platform.yaml"
    spec.write_text(SPEC.replace('dev: {account: "111111111111"}', "dev: {}"))
    for platform, models in itertools.product(PLATFORMS, (False, True)):
        with pytest.raises(UsageError) as refused:
            files(platform, spec, models=models)
        assert refused.value.problems[0].code == "account-missing"
