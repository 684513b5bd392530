"""New projects in the real engine: by ``plinth init`` and by ``pulumi new``, which are the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from plinth import registry
from plinth.engine.host import launcher
from plinth.engine.locate import Engine
from plinth.scaffold import files
from plinth.scaffold.answers import SPEC, to_be_filled_in

pytestmark = pytest.mark.engine

ROOT = Path(__file__).parents[2]
FILLED = {
    "owner: CHANGEME": "owner: ml@example.com",
    "center: CHANGEME": 'center: "4711"',
}


def run(*words: str, folder: Path, variables: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(
        words,
        cwd=folder,
        env={**os.environ, **(variables or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def plinth(*words: str, folder: Path) -> str:
    return run(sys.executable, "-m", "plinth.cli", *words, folder=folder)


def new(cloud: str, folder: Path, engine: Engine, home: Path) -> None:
    """What ``pulumi new`` makes of the template, offline."""
    path = os.pathsep.join((str(launcher.directory()), os.environ["PATH"]))
    template = ROOT / "templates" / "pulumi" / f"plinth-{cloud}"
    run(
        str(engine.path), "new", str(template), "--yes", "--generate-only", "--name", "churn",
        "--description", "ours", "--dir", str(folder),
        folder=home,
        variables={"PATH": path, "PULUMI_HOME": str(home), "PULUMI_SKIP_UPDATE_CHECK": "true"},
    )  # fmt: skip


@pytest.mark.parametrize("cloud", registry.cloud_names())
def test_pulumi_new_makes_the_same_files(cloud: str, engine: Engine, tmp_path: Path) -> None:
    folder = tmp_path / "churn"
    new(cloud, folder, engine, tmp_path)
    found = {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in folder.rglob("*")
        if path.is_file()
    }
    wanted = {
        path: text.replace('"${PROJECT}"', "churn").replace("${DESCRIPTION}", "ours")
        for path, text in files.of(to_be_filled_in(cloud)).items()
    }
    ours, theirs = (yaml.safe_load(each.pop("Pulumi.yaml")) for each in (wanted, found))
    assert theirs["config"].pop("pulumi:tags")  # where it came from, by Pulumi itself
    assert theirs == ours
    assert found == wanted


def test_plain_pulumi_previews_what_pulumi_new_made(engine: Engine, tmp_path: Path) -> None:
    folder = tmp_path / "churn"
    new("gcp", folder, engine, tmp_path)
    spec = folder / SPEC
    text = spec.read_text(encoding="utf-8")
    for old, value in FILLED.items():
        assert old in text
        text = text.replace(old, value)
    text = "".join(
        line
        for line in text.splitlines(keepends=True)
        if not line.startswith(("serving:", "features:", "orchestration:", "monitoring:"))
    )
    spec.write_text(text, encoding="utf-8")
    said = json.loads(plinth("engine", "env", "dev", "--rehearse", "--json", folder=folder))
    where = Path(said["directory"])
    run("pulumi", "stack", "init", "dev", folder=where, variables=said["variables"])
    preview = json.loads(
        run("pulumi", "preview", "-s", "dev", "--non-interactive", "--json",
            folder=where, variables=said["variables"])
    )  # fmt: skip
    assert preview["changeSummary"].keys() == {"create"}
    planned = json.loads(plinth("plan", "dev", "--json", folder=folder))["resources"]
    urns = {step["urn"] for step in preview["steps"]}
    assert {resource["urn"] for resource in planned} <= urns


def test_a_new_project_comes_up(engine: Engine, tmp_path: Path) -> None:
    plinth(
        "init", ".", "--name", "churn", "--cloud", "aws", "--owner", "ml@example.com",
        "--cost-center", "4711", "--capabilities", "artifacts", "--yes",
        folder=tmp_path,
    )  # fmt: skip
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    made = json.loads(plinth("up", "dev", "--rehearse", "--json", folder=tmp_path))
    assert made["summary"]["create"] > 5
    again = plinth("preview", "dev", "--rehearse", "--expect-no-changes", folder=tmp_path)
    assert "nothing to change" in again
    assert {path: path.read_bytes() for path in before} == before
