"""From an empty account to a pull request that shows its diff, and what comes after: one story.

The page docs/story.md is this test's own record: every command with what it really answered.
``PLINTH_GOLDEN=write`` writes it anew; without, the test fails when the page tells something else.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from ci_servers import FakeGitHub

from example import ROOT
from plinth.rehearsal import launch
from plinth.rehearsal.cloud import Cloud

pytestmark = [pytest.mark.engine, pytest.mark.slow]

PAGE = ROOT / "docs" / "story.md"
#: What differs from run to run, and how the page has it.
PASSING = (
    (re.compile(r"sha256:[0-9a-f]{64}(\+[\w.]+)?"), "sha256:…"),
    (re.compile(r"\b[0-9a-f]{40}\b"), "c0ffee…"),
    (re.compile(r"\bat ([0-9a-f]{8})\b|\(([0-9a-f]{8})\)"), "at c0ffee"),
    (re.compile(r"\bin \d+ s\b"), "in 12 s"),
    (re.compile(r"expires: 20[2-8]\d-\d\d-\d\d"), "expires: 2026-12-28"),
)

#: How far a command is, which is told on the way and differs as well.
_PROGRESS = re.compile(r"(Previewing|Preparing|Updating|Refreshing) .*…|  \d+ resources")


@dataclass
class Story:
    """A folder in which commands are run as people type them, and the record of it."""

    folder: Path
    variables: Mapping[str, str]
    page: list[str] = field(default_factory=list)

    def tell(self, text: str) -> None:
        """A paragraph of the page."""
        self.page.append(f"{text}\n")

    def run(self, command: str, *, code: int = 0, shown: int = 40, kind: str = "console") -> str:
        """Runs a command of a shell; its output is a block of the page."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=self.folder,
            env={**os.environ, **self.variables},
            capture_output=True,
            text=True,
            check=False,
        )
        said = done.stdout + done.stderr
        assert done.returncode == code, f"{command}: {done.returncode}\n{said}"
        assert "Traceback" not in said
        lines = [line for line in _passing(said).splitlines() if not _PROGRESS.fullmatch(line)]
        if len(lines) > shown:
            lines[shown // 2 : -shown // 2] = ["…"]
        end = f"\n(exit code {code})" if code else ""
        text = "\n".join([f"$ {command}", *lines])
        if kind == "markdown":
            self.page.append(f"```console\n$ {command}\n```\n\n" + "\n".join(_quoted(lines)) + "\n")
        else:
            self.page.append(f"```console\n{text}{end}\n```\n")
        return said

    def edit(self, old: str, new: str, why: str) -> None:
        """Somebody edits the spec."""
        path = self.folder / "stacks" / "platform.yaml"
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, text
        path.write_text(text.replace(old, new), encoding="utf-8")
        lines = [f"-{line}" for line in old.splitlines()] + [
            f"+{line}" for line in new.splitlines()
        ]
        self.tell(f"{why}\n\n```diff\n" + "\n".join(lines) + "\n```")


def _passing(text: str) -> str:
    for pattern, instead in PASSING:
        text = pattern.sub(instead, text)
    return text


def _quoted(lines: list[str]) -> list[str]:
    return [f"> {line}".rstrip() for line in lines]


INTRODUCTION = """\
# From an empty account to a pull request that shows its diff

One small platform, from nothing to a repaired drift. Every command and every answer below is \
real: `tests/ci/test_ci_story.py` runs them in this order, and fails when this page differs. \
Clouds are the rehearsal's, behind the real Pulumi engine; GitHub is a small server that answers \
like it. Nothing here has run in a cloud or on GitHub. Digests, commits and times are made alike. \
In a repository, [pipelines](ci.md) run these commands.
"""


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    server = FakeGitHub()
    with server.running():
        yield server


def _turn_versions_off(project: Path, environment: str) -> None:
    """What somebody does in the console of the cloud, to the bucket of the models."""
    simulation = project / ".plinth" / "rehearsal" / environment / "cloud"
    with Cloud(launch.database(simulation)) as cloud:
        (found,) = cloud.resources(type="aws:s3/bucketVersioning:BucketVersioning", urn="*::models")
        cloud.patch(found, "versioningConfiguration.status", "Suspended")


def test_from_an_empty_account_to_a_repaired_drift(  # noqa: PLR0915 - one story
    tmp_path: Path, github: FakeGitHub
) -> None:
    project = tmp_path / "churn"
    project.mkdir()
    event = tmp_path / "event.json"
    event.write_text('{"pull_request": {"number": 7}}', encoding="utf-8")
    story = Story(
        project,
        {
            **github.variables(),
            "GITHUB_EVENT_PATH": str(event),
            "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
            "PLINTH_PULL_REQUEST": "7",
            "COLUMNS": "100",
            "NO_COLOR": "1",
            **{f"GIT_{who}_NAME": "dev" for who in ("AUTHOR", "COMMITTER")},
            **{f"GIT_{who}_EMAIL": "dev@example.com" for who in ("AUTHOR", "COMMITTER")},
        },
    )
    story.page.append(INTRODUCTION)

    story.tell("## An empty account, an empty repository")
    story.run(
        "git init --quiet --initial-branch main && "
        "git commit --quiet --allow-empty --message 'Begin'"
    )
    story.run(
        "plinth init . --name churn --owner ml-platform@example.com --cost-center 4711 "
        "--budget 900 --cloud aws --region eu-west-1 --account dev=111111111111 "
        "--account prod=111111111111 --capabilities artifacts --yes"
    )
    story.tell(
        "The account gets what every environment in it needs: a home for the state, a key, "
        "identities that CI can be without any stored key, guardrails. Run again, it changes "
        "nothing."
    )
    bootstrap = (
        "plinth bootstrap aws --ci github --repository octo/platform "
        "--environment dev --environment prod --rehearse"
    )
    assert "created" in story.run(bootstrap)
    assert "created" not in story.run(bootstrap)

    story.tell("## A pull request with its comment")
    story.run("git switch --quiet --create platform && plinth ci github")
    story.run("git add --all && git commit --quiet --message 'A platform'")
    assert story.run("plinth ci matrix --base main").split() == ["dev", "prod"]
    story.run("plinth validate && plinth policy check prod")
    _preview(story, "dev")
    _preview(story, "prod")
    comment = story.run("plinth ci comment reviews/*.json", kind="markdown", shown=60)
    assert "dev" in comment
    assert "prod" in comment
    story.run("plinth ci comment --post reviews/*.json")

    story.tell(
        "## Merged: dev, then prod\n\nEach goes up only as the plan that the comment showed, "
        "and prod after dev."
    )
    story.run("git switch --quiet main && git merge --quiet platform")
    _up(story, "dev")
    _up(story, "prod")

    story.tell("## A risky change is blocked, then approved")
    story.edit(
        "  dev:\n",
        "  dev:\n    region: eu-central-1\n",
        "Somebody moves dev to another region, on a branch. Nothing there can move in place.",
    )
    blocked = _preview(story, "dev", code=1)
    assert "approval-missing" in blocked
    comment = story.run("plinth ci comment reviews/dev.json", kind="markdown", shown=60)
    assert "data loss" in comment
    story.run("plinth ci comment --post reviews/dev.json")
    story.run("plinth ci approved dev", code=1)
    story.edit(
        "    region: eu-central-1\n",
        "    region: eu-central-1\n"
        "    approvals:\n"
        '      - {resource: "*", change: replace, reason: dev holds nothing of worth, '
        "approver: lead@example.com, expires: 2099-12-31}\n",
        "Whoever answers for the data says so in the spec, where it is reviewed like the rest.",
    )
    _preview(story, "dev")
    story.run("plinth ci comment --post reviews/dev.json")
    story.run("git commit --quiet --all --message 'Move dev'")
    _up(story, "dev")

    story.tell(
        "## A change by hand is found at night\n\nSomebody turns the versions of the models' "
        "bucket off, in the cloud's console."
    )
    _turn_versions_off(project, "prod")
    drift = (
        "plinth preview prod --rehearse --refresh --expect-no-changes --format json "
        "--output reviews/prod.json"
    )
    assert "changes-found" in story.run(drift, code=4)
    story.run("plinth ci issue reviews/prod.json", kind="markdown")
    assert "opened" in story.run("plinth ci issue --post reviews/prod.json")
    story.tell("The next `up` makes it what the spec says, and the issue is closed.")
    story.run("plinth refresh prod --rehearse && plinth up prod --rehearse")
    story.run(drift)
    assert "closed" in story.run("plinth ci issue --post reviews/prod.json")
    assert [issue["state"] for issue in github.issues] == ["closed"]

    page = "\n".join(story.page)
    if os.environ.get("PLINTH_GOLDEN") == "write":
        PAGE.write_text(page, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page, "run `make docs`"


def _preview(story: Story, environment: str, *, code: int = 0) -> str:
    return story.run(
        f"plinth preview {environment} --rehearse --format json "
        f"--output reviews/{environment}.json",
        code=code,
    )


def _up(story: Story, environment: str) -> None:
    digest = f"--approved $(plinth ci approved {environment})"
    story.run(f"plinth up {environment} --rehearse --yes {digest}")
