"""The whole example platform through the real engine, on simulated clouds, as a user runs it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from example import ROOT

pytestmark = pytest.mark.engine

_PLINTH = [sys.executable, "-m", "plinth.cli"]

#: The same with one more line in the registry.
_WITH_CARELESS_TOOL = [
    sys.executable,
    "-c",
    f"import sys; sys.path.insert(0, {str(ROOT / 'tests')!r})\n"
    "from plinth import registry\n"
    "registry._TOOLS['artifacts', 'careless'] = 'toytool:TOOL'\n"
    "from plinth.cli import main\n"
    "main()",
]


class Project:
    """A copy of the example in a folder of its own, driven through the command line."""

    def __init__(self, folder: Path, command: Sequence[str] = _PLINTH) -> None:
        self.folder = folder
        self.command = command
        shutil.copytree(ROOT / "stacks", folder / "stacks")
        shutil.copy(ROOT / "Pulumi.yaml", folder)
        self.spec = folder / "stacks" / "platform.yaml"

    def run(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [*self.command, *arguments],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, (
            f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        )
        assert "Traceback" not in done.stdout + done.stderr
        return done

    def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self.run(*arguments, "--json", code=code).stdout)

    def edit(self, old: str, new: str) -> None:
        text = self.spec.read_text(encoding="utf-8")
        assert old in text
        self.spec.write_text(text.replace(old, new), encoding="utf-8")

    def cloud(self, environment: str) -> list[tuple[str, str, str]]:
        """What exists in the simulated clouds: type, id and URN."""
        files = list((self.folder / ".plinth" / "rehearsal" / environment / "cloud").glob("*.db"))
        found: list[tuple[str, str, str]] = []
        for file in files:
            # The file may be there a moment before its table.
            with sqlite3.connect(file) as database, contextlib.suppress(sqlite3.OperationalError):
                found += database.execute("SELECT type, id, urn FROM resources").fetchall()
        return found


def test_the_whole_platform_comes_up_and_goes(tmp_path: Path) -> None:
    project = Project(tmp_path)
    made = project.json("up", "dev", "--rehearse")
    assert made["summary"].keys() == {"create"}
    assert made["outputs"]["tracking_url"] == "https://mlflow.ml.example.com"
    planned = project.json("plan", "dev")
    assert {change["urn"] for change in made["changes"]} >= {r["urn"] for r in planned["resources"]}

    again = project.json("preview", "dev", "--rehearse", "--expect-no-changes")
    assert again["summary"].keys() == {"same"}

    project.json("destroy", "dev", "--rehearse", "--yes")
    # Releases that bring CRDs are kept by the stack, and go with their cluster.
    assert project.cloud("dev") == []


def test_updates_and_drift(tmp_path: Path) -> None:
    """An edited option changes one thing; an out-of-band change is found, then repaired."""
    project = Project(tmp_path)
    _shrink(project, "artifacts: {}")
    project.json("up", "dev", "--rehearse")
    project.edit("artifacts: {}", "artifacts: {buckets: {models: {archive_after_days: 30}}}")
    found = project.json("preview", "dev", "--rehearse", "--expect-no-changes", code=4)
    assert found["problems"][0]["code"] == "changes-found"
    changed = project.json("up", "dev", "--rehearse", "--yes")
    felt = [c for c in changed["changes"] if c["op"] not in ("same", "read", "refresh")]
    assert [(c["op"], c["capability"], c["risk"]) for c in felt] == [("update", "artifacts", "low")]
    assert felt[0]["type"].endswith(":BucketLifecycleConfiguration")

    _turn_off_versioning(project)
    seen = project.json("refresh", "dev", "--rehearse")
    assert [c["name"] for c in seen["changes"] if c["op"] == "update"] == ["models"]
    project.json("up", "dev", "--rehearse", "--yes")
    project.json("preview", "dev", "--rehearse", "--expect-no-changes")


def _turn_off_versioning(project: Project) -> None:
    from plinth.rehearsal.cloud import Cloud

    folder = project.folder / ".plinth" / "rehearsal" / "dev" / "cloud"
    cloud = Cloud(next(folder.glob("*.db")))
    record = next(r for r in cloud.resources(type="*BucketVersioning", urn="*::models*"))
    cloud.patch(record, "versioningConfiguration.status", "Suspended")


def test_killed_in_the_middle_the_next_up_converges(tmp_path: Path) -> None:
    """`kill -9` of everything at once: nothing is orphaned and nothing is made twice."""
    project = Project(tmp_path)
    _shrink(project, "artifacts: {}")
    process = subprocess.Popen(
        [*_PLINTH, "up", "dev", "--rehearse", "--json"],
        cwd=project.folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while len(project.cloud("dev")) < 12 and time.monotonic() < deadline:
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert 12 <= len(project.cloud("dev")) < 40

    project.json("up", "dev", "--rehearse", "--yes")
    cloud = project.cloud("dev")
    urns = [urn for _, _, urn in cloud]
    assert len(urns) == len(set(urns)), "made twice"
    planned = {r["urn"] for r in project.json("plan", "dev")["resources"] if r["custom"]}
    made = {urn for urn in urns if urn}
    assert made <= planned, "orphaned"
    project.json("preview", "dev", "--rehearse", "--expect-no-changes")


def test_a_planned_outage_is_told_and_overcome(tmp_path: Path) -> None:
    project = Project(tmp_path)
    _shrink(project, "artifacts: {}")
    plan = tmp_path / "outage.json"
    fault = {"operation": "create", "type": "aws:s3/bucket:Bucket", "action": "fail"}
    plan.write_text(json.dumps([{**fault, "message": "ServiceUnavailable: try later"}]))
    failed = project.json("up", "dev", "--rehearse", "--faults", str(plan), code=1)
    assert any("ServiceUnavailable" in problem["message"] for problem in failed["problems"])
    project.json("up", "dev", "--rehearse", "--faults", str(plan))
    project.json("preview", "dev", "--rehearse", "--expect-no-changes")
    refused = project.json("preview", "dev", "--faults", str(plan), code=2)
    assert refused["problems"][0]["code"] == "faults-without-rehearsal"


def test_a_broken_policy_stops_production_and_warns_in_dev(tmp_path: Path) -> None:
    """A tool from outside the package makes a bucket without protection."""
    project = Project(tmp_path, command=_WITH_CARELESS_TOOL)
    _shrink(project, "artifacts: {tool: careless}")

    warned = project.json("plan", "dev")
    found = {(v["policy"], v["severity"]) for v in warned["policy"] if "careless" in v["urn"]}
    assert ("encryption-s3-bucket-kms", "advisory") in found
    assert any(policy.startswith("tags-") for policy, _ in found)
    made = project.json("up", "dev", "--rehearse")
    assert any("encryption-s3-bucket-kms" in d["message"] for d in made["diagnostics"])

    stopped = project.json("plan", "prod", code=3)
    assert {v["severity"] for v in stopped["policy"]} == {"mandatory"}
    refused = project.json("up", "prod", "--rehearse", code=3)
    # Rules on one resource stop it before those that look at several are asked.
    assert any("tags-" in str(p) and "careless" in str(p) for p in refused["problems"])
    made_before_the_stop = {kind for kind, _, _ in project.cloud("prod")}
    assert "aws:s3/bucketPolicy:BucketPolicy" not in made_before_the_stop


def test_data_loss_is_refused(tmp_path: Path) -> None:
    project = Project(tmp_path)
    _shrink(project, "artifacts: {}")
    project.json("up", "dev", "--rehearse")
    project.edit("name: churn\n", "name: attrition\n")
    refused = project.json("up", "dev", "--rehearse", code=1)
    assert {problem["code"] for problem in refused["problems"]} == {"data-loss"}
    assert any("models" in problem["message"] for problem in refused["problems"])
    project.json("up", "dev", "--rehearse", "--allow-data-loss")


def _shrink(project: Project, artifacts: str) -> None:
    """Leaves artifacts as the only capability, so that the engine is done in seconds."""
    text = project.spec.read_text(encoding="utf-8")
    start, end = text.index("artifacts: {}"), text.index("cluster:")
    project.spec.write_text(f"{text[:start]}{artifacts}\n{text[end:]}", encoding="utf-8")
