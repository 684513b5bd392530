"""What can go wrong, through the real engine on a simulated cloud, as a user sees it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from example import ROOT
from project import PLINTH, Project

pytestmark = pytest.mark.engine

#: The command line with one more line in the registry.
_WITH_CARELESS_TOOL = [
    sys.executable,
    "-c",
    f"import sys; sys.path.insert(0, {str(ROOT / 'tests')!r})\n"
    "from plinth import registry\n"
    "registry._TOOLS['artifacts', 'careless'] = 'toytool:TOOL'\n"
    "from plinth.cli import main\n"
    "main()",
]


def test_killed_in_the_middle_the_next_up_converges(tmp_path: Path) -> None:
    """`kill -9` of everything at once: nothing is orphaned and nothing is made twice."""
    project = Project(tmp_path)
    _shrink(project, "artifacts: {}")
    process = subprocess.Popen(
        [*PLINTH, "up", "dev", "--rehearse", "--json"],
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
    # Pulumi writes these in place: one that it was killed over makes the state unreadable.
    assert not list(project.folder.rglob("*.attrs"))


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
    assert {problem["code"] for problem in refused["problems"]} == {"approval-missing"}
    assert any("models" in problem["message"] for problem in refused["problems"])
    project.json("up", "dev", "--rehearse", "--allow-data-loss")


def _shrink(project: Project, artifacts: str) -> None:
    """Leaves artifacts as the only capability, so that the engine is done in seconds."""
    text = project.spec.read_text(encoding="utf-8")
    start, end = text.index("artifacts: {}"), text.index("cluster:")
    project.spec.write_text(f"{text[:start]}{artifacts}\n{text[end:]}", encoding="utf-8")
