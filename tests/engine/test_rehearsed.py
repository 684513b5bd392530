from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from test_recovery import kill_engine

from plinth.changes import Change
from plinth.engine.locate import Engine
from plinth.engine.settings import REHEARSED_SECRET, Settings, environment_variables
from plinth.engine.workspace import Stack
from plinth.errors import EngineError
from plinth.rehearsal import launch
from plinth.rehearsal.cloud import Cloud

pytestmark = [
    pytest.mark.engine,
    # The SDK tells of its own deprecated names while it is imported.
    pytest.mark.filterwarnings("ignore::DeprecationWarning:pulumi_aws"),
]

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


def two_queues() -> None:
    import pulumi_aws as aws

    opts = pulumi.ResourceOptions(provider=aws.Provider("aws", region="eu-west-1"))
    first = aws.sqs.Queue("one", opts=opts)
    aws.sqs.Queue(
        "two", opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[first]))
    )


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("action", ["crash", "hang"])
def test_an_outage_orphans_nothing_and_makes_nothing_twice(
    root: Path, engine: Engine, tmp_path: Path, action: str, when: str
) -> None:
    """The provider dies, or the engine is killed while the provider hangs, around a creation."""
    settings = Settings(root=root, environment="dev", rehearse=True)
    plan = tmp_path / "faults.json"
    fault = {"operation": "create", "urn": "*::two", "action": action, "when": when, "seconds": 60}
    plan.write_text(json.dumps([fault]), encoding="utf-8")

    def opened() -> Stack:
        return Stack(settings, two_queues, engine=engine, packages=("aws",), faults=plan)

    reached = threading.Event()

    def watch(change: Change, phase: str) -> None:
        if (change.name, phase) == ("two", "started"):
            reached.set()

    def kill() -> None:
        assert reached.wait(60)
        time.sleep(1)  # the call is on its way to the provider
        kill_engine()

    killer = threading.Thread(target=kill)
    if action == "hang":
        killer.start()
    with pytest.raises(EngineError):
        opened().up(watch)
    if action == "hang":
        killer.join()
    opened().up()
    assert opened().preview(allow_changes=False).changed == ()
    with Cloud(launch.database(settings.cloud)) as cloud:
        names = sorted(record.urn.rsplit("::", 1)[-1] for record in cloud.resources())
    assert names == ["one", "two"]


def test_a_resource_outside_of_the_chosen_account_is_refused(
    rehearsed: Settings, engine: Engine
) -> None:
    """``Pulumi.yaml`` turns default providers off, so forgetting one is an error."""

    def program() -> None:
        import pulumi_aws as aws

        aws.s3.Bucket("anywhere")

    with pytest.raises(EngineError, match="must use an explicit provider"):
        Stack(rehearsed, program, engine=engine, packages=("aws",)).preview()
