"""A pull request and its merge: the commands of the GitHub workflows, in their order, for real.

The steps' own text runs in the shell that a runner starts it in; clouds are the rehearsal's, GitHub
is a small server. Not run are the actions that only GitHub runs: checkout (there is a clone),
artifacts (folders here) and logins (nothing asks who one is).
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import venv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from ci_servers import FakeGitHub
from ci_support import commit, git

from example import ROOT
from project import Project

pytestmark = pytest.mark.engine

_EXPRESSION = re.compile(r"\$\{\{ (.+?) \}\}")


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A runner's Python: an environment of its own that finds this one's packages."""
    folder = tmp_path_factory.mktemp("runner")
    venv.create(folder, symlinks=True, with_pip=True)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "here.pth").write_text("\n".join(path for path in sys.path if "site-packages" in path))
    return folder


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Plinth as it is installed by others: templates and policies come from the wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


class Runner:
    """Runs the `run:` steps of workflows as GitHub's runner does."""

    def __init__(self, folder: Path, tools: Path, wheel: Path, server: FakeGitHub) -> None:
        self.folder, self.server = folder, server
        self.temp = folder.parent / "temp"
        self.temp.mkdir()
        path = os.pathsep.join([str(tools / "bin"), os.environ["PATH"]])
        kept = {"HOME", "LANG", "XDG_CACHE_HOME", "PLINTH_PULUMI", "PLINTH_CACHE"}
        self.variables = {
            **{name: value for name, value in os.environ.items() if name in kept},
            **server.variables(),
            "PATH": path,
            "RUNNER_TEMP": str(self.temp),
            "PIP_NO_DEPS": "1",
            "PIP_NO_INDEX": "1",
        }
        self.context: dict[str, Any] = {
            "vars": {"PLINTH_ARGS": "--rehearse", "PLINTH_PACKAGE": str(wheel)},
            "github": {"token": self.variables["GITHUB_TOKEN"], "event_name": "pull_request"},
            "inputs": {},
        }
        self.ran: list[str] = []

    def workflow(self, name: str) -> dict[str, Any]:
        text = (self.folder / ".github" / "workflows" / f"{name}.yml").read_text("utf-8")
        found: dict[str, Any] = yaml.safe_load(text)
        return found

    def event(self, **event: Any) -> None:
        file = self.temp / "event.json"
        file.write_text(json.dumps(event))
        self.variables["GITHUB_EVENT_PATH"] = str(file)
        self.context["github"]["event"] = event

    def job(
        self, workflow: str, job: str, *, code: int = 0, **context: Any
    ) -> tuple[dict[str, str], str]:
        """Runs a job's steps; returns its outputs and all that it printed."""
        document = self.workflow(workflow)
        found = document["jobs"][job]
        known = {**self.context, "steps": {}, **context}
        shared = {**document.get("env", {}), **found.get("env", {})}
        said, failed = "", 0
        for step in self._opened(found["steps"]):
            if "run" not in step or (failed and "cancelled()" not in step.get("if", "")):
                continue
            variables = self._values({**shared, **step.get("env", {})}, known)
            done, outputs = self._shell(step["run"], variables)
            if "id" in step:
                known["steps"][step["id"]] = {"outputs": outputs}
            said += done.stdout
            failed = failed or done.returncode
            self.ran.append(step.get("name", ""))
        assert bool(failed) == bool(code), said
        return {
            name: self._value(text, known) for name, text in found.get("outputs", {}).items()
        }, said

    def _opened(self, steps: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """The steps, with those of the repository's own action in place of it."""
        for step in steps:
            if step.get("uses") != "./.github/actions/plinth":
                yield step
                continue
            action = yaml.safe_load(
                (self.folder / ".github/actions/plinth/action.yml").read_text("utf-8")
            )
            cloud = step.get("with", {}).get("cloud", "")
            for inner in action["runs"]["steps"]:
                # Without a cloud no engine is asked for.
                if cloud or inner.get("name") != "Install the engine":
                    yield inner

    def _shell(
        self, script: str, variables: Mapping[str, str]
    ) -> tuple[subprocess.CompletedProcess[str], dict[str, str]]:
        output = self.temp / "output"
        output.write_text("")
        done = subprocess.run(
            # What GitHub runs for `shell: bash`.
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
            cwd=self.folder,
            env={
                **self.variables,
                **variables,
                "GITHUB_OUTPUT": str(output),
                "GITHUB_STEP_SUMMARY": str(self.temp / "summary.md"),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        lines = output.read_text().splitlines()
        return done, dict(line.split("=", 1) for line in lines)

    def _values(self, variables: Mapping[str, Any], known: dict[str, Any]) -> dict[str, str]:
        return {name: self._value(str(value), known) for name, value in variables.items()}

    def _value(self, text: str, known: dict[str, Any]) -> str:
        """A text with its expressions looked up; of `a || b` the first that is there."""

        def look_up(found: re.Match[str]) -> str:
            for path in found[1].split(" || "):
                value: Any = path.strip("'") if path.startswith("'") else known
                for part in [] if path.startswith("'") else path.split("."):
                    value = value.get(part) if isinstance(value, dict) else None
                if value:
                    return str(value)
            return ""

        return _EXPRESSION.sub(look_up, text)


@pytest.fixture
def server() -> Iterator[FakeGitHub]:
    server = FakeGitHub()
    with server.running():
        yield server


def test_from_pull_request_to_deployment(  # noqa: PLR0915 - one story
    tmp_path: Path, tools: Path, wheel: Path, server: FakeGitHub
) -> None:
    project = Project(tmp_path / "repository")
    dev, prod = {"account": "111111111111"}, {"account": "222222222222", "after": ["dev"]}
    project.keep(artifacts={})
    project.write(environments={"dev": dev, "prod": prod}, domain=None)
    runner = Runner(project.folder, tools, wheel, server)
    git(project.folder, "init", "-q", "-b", "main")
    (project.folder / ".gitignore").write_text(".plinth/\nreviews/\n")
    project.run("ci", "github")
    base = commit(project.folder, "Begin")

    # A pull request that changes dev alone.
    project.write(environments={"dev": {**dev, "tags": {"team": "churn"}}, "prod": prod})
    commit(project.folder, "Tag dev")
    runner.event(pull_request={"number": 7, "base": {"sha": base}})
    outputs, _ = runner.job("plinth-preview", "changes")
    assert outputs["environments"] == "dev"
    (entry,) = json.loads(outputs["matrix"])["include"]
    assert entry["preview"] == "arn:aws:iam::111111111111:role/plinth-preview"
    runner.job("plinth-preview", "preview", matrix=entry)
    summary = (runner.temp / "summary.md").read_text()
    assert "<details><summary>Log</summary>" in summary
    needs = {"changes": {"outputs": outputs}}
    runner.job("plinth-preview", "comment", needs=needs)
    runner.job("plinth-preview", "comment", needs=needs)
    (comment,) = server.comments
    assert re.search(r'plinth-approved {"dev": "sha256:[\w.+]+"}', comment["body"])
    assert runner.ran[:5] == [
        "Install Plinth",
        "Validate",
        "Environments that the change touches",
        "Install Plinth",
        "Install the engine",
    ]

    # It is merged: what is brought up is what the comment showed.
    pull = {"number": 7, "commits": ["c0ffee"], "merged_at": "x", "merge_commit_sha": "c0ffee"}
    server.pulls.append(pull)
    runner.event(before=base)
    outputs, _ = runner.job("plinth-deploy", "changes")
    assert outputs["environments"].split() == ["dev"]
    faults = runner.temp / "faults.json"
    faults.write_text('[{"operation": "create", "nth": 9, "action": "fail"}]')
    faulty = {**runner.context["vars"], "PLINTH_ARGS": f"--rehearse --faults {faults}"}
    _, said = runner.job("plinth-deploy", "up-dev", code=1, vars=faulty)
    assert "resource-failed" in said

    # Run again, it makes the rest, unless something else has come on top.
    project.write(environments={"dev": {**dev, "tags": {"team": "fraud"}}, "prod": prod})
    _, said = runner.job("plinth-deploy", "up-dev", code=1)
    assert "plan-changed" in said
    assert "nobody approved to" in said
    git(project.folder, "checkout", "-q", "stacks")
    _, said = runner.job("plinth-deploy", "up-dev")
    assert "created" in said
    _, said = runner.job("plinth-deploy", "up-dev")
    assert "nothing changed" in said
    # Nobody approved anything for prod.
    _, said = runner.job("plinth-deploy", "up-prod", code=1)
    assert "not-approved" in said

    # At night: nothing has changed; then somebody deletes a bucket by hand.
    outputs, _ = runner.job("plinth-drift", "environments")
    assert outputs["environments"] == "dev prod"
    needs = {"environments": {"outputs": {"environments": "dev"}}}
    entry = json.loads(outputs["matrix"])["include"][0]
    for file in (project.folder / "reviews").glob("*"):
        file.unlink()
    runner.job("plinth-drift", "preview", matrix=entry)
    runner.job("plinth-drift", "issue", needs=needs)
    assert server.issues == []
    with project.opened("dev") as cloud:
        (bucket,) = cloud.resources(type="aws:s3/bucket:Bucket")[:1]
        cloud.delete(bucket)
    runner.job("plinth-drift", "preview", matrix=entry)
    runner.job("plinth-drift", "issue", needs=needs)
    (issue,) = server.issues
    assert issue["state"] == "open"
    assert issue["title"] == "Drift: churn"


def test_a_fork_gets_the_same_comment_without_credentials(
    tmp_path: Path, tools: Path, wheel: Path, server: FakeGitHub
) -> None:
    project = Project(tmp_path / "repository")
    project.write(environments={"dev": {"account": "111111111111"}}, domain=None)
    project.keep(artifacts={})
    runner = Runner(project.folder, tools, wheel, server)
    git(project.folder, "init", "-q", "-b", "main")
    project.run("ci", "github")
    base = commit(project.folder, "Begin")
    project.edit("artifacts: {}", "artifacts: {}\nnetwork: {zones: 2}")
    runner.event(pull_request={"number": 8, "base": {"sha": base}})
    outputs, _ = runner.job("plinth-preview", "changes")
    (entry,) = json.loads(outputs["matrix"])["include"]
    runner.job("plinth-preview", "offline", matrix=entry)
    # The second workflow: another run, which knows the fork by its branch and commit alone.
    (project.folder / "reviews").rename(runner.temp / "reviews")
    run = {
        "head_repository": {"owner": {"login": "mallory"}},
        "head_branch": "patch-1",
        "head_sha": "beef",
        "html_url": "https://example.com/runs/1",
    }
    runner.event(workflow_run=run)
    server.pulls.append({"number": 8, "label": "mallory:patch-1", "head": {"sha": "beef"}})
    runner.job("plinth-comment", "comment")
    (comment,) = server.comments
    assert comment["number"] == "8"
    assert comment["body"].startswith("<!-- plinth-review churn -->")
    assert "credentials" in comment["body"]
    assert comment["body"].rstrip().endswith("<!-- plinth-approved {} -->")
