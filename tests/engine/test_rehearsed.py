from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from plinth.engine.locate import Engine
from plinth.engine.settings import REHEARSED_SECRET, Settings, environment_variables
from plinth.engine.workspace import Stack

pytestmark = pytest.mark.engine

SALT = "v1:hello"


def bucket() -> None:
    import pulumi_aws as aws

    settings = pulumi.Config("plinth")
    provider = aws.Provider("aws", region="eu-west-1")
    made = aws.s3.Bucket(
        "store", tags={"team": "ml"}, opts=pulumi.ResourceOptions(provider=provider)
    )
    pulumi.export("name", made.bucket)
    pulumi.export("token", settings.require_secret("token"))


@pytest.fixture
def rehearsed(root: Path) -> Settings:
    """A project whose real configuration has a secret that only its real backend can open."""
    config = {
        "encryptionsalt": SALT,
        "config": {"plinth:token": {"secure": "v1:x:y"}, "plinth:size": "3"},
    }
    (root / "stacks" / "Pulumi.dev.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    return Settings(root=root, environment="dev", rehearse=True)


def stack(settings: Settings, engine: Engine, **more: Any) -> Stack:
    return Stack(settings, bucket, engine=engine, packages=("aws",), **more)


def test_a_rehearsal_touches_nothing_of_the_real_stack(
    rehearsed: Settings, engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", "https://127.0.0.1:1")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "the real one")
    before = rehearsed.config_file.read_bytes()
    rehearsal = stack(rehearsed, engine)
    made = rehearsal.up()
    assert made.outputs["token"] == "[secret]"
    assert rehearsal.outputs(show_secrets=True)["token"] == REHEARSED_SECRET
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE")
    assert rehearsal.preview(allow_changes=False).changed == ()
    assert rehearsed.config_file.read_bytes() == before
    assert not (rehearsed.root / ".plinth" / "state").exists()
    assert not (tmp_path / "home").exists()
    urns = [entry["urn"] for entry in rehearsal.export()["deployment"]["resources"]]
    assert "urn:pulumi:dev::plinth::aws:s3/bucket:Bucket::store" in urns
    rehearsal.destroy()
    assert rehearsal.export()["deployment"].get("resources", []) == []


def test_plain_pulumi_joins_the_rehearsal(rehearsed: Settings, engine: Engine) -> None:
    stack(rehearsed, engine).up()
    (rehearsed.root / "stacks" / "__main__.py").write_text(
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from test_rehearsed import bucket\nbucket()\n",
        encoding="utf-8",
    )
    answer = subprocess.run(
        ["pulumi", "preview", "-s", "dev", "--non-interactive", "--json", "--expect-no-changes"],
        cwd=rehearsed.project_directory,
        env={**os.environ, **environment_variables(rehearsed, engine)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr + answer.stdout
    assert json.loads(answer.stdout)["changeSummary"].keys() == {"same"}
