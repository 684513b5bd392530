from __future__ import annotations

import json
import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from toycloud import Box, ToyCloud

from plinth.changes import Change
from plinth.engine import settings as settings_module
from plinth.engine.changes import ChangesFoundError
from plinth.engine.host import SELF_CONFIGURING
from plinth.engine.locate import Engine
from plinth.engine.settings import Settings, environment_variables
from plinth.engine.workspace import PolicyPack, Stack
from plinth.errors import EngineError, PolicyError

pytestmark = pytest.mark.engine

PACK = """
from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy
import pulumi

def small(args, report):
    limit = args.get_config().get("limit", 5)
    if args.resource_type == "toy:index:Box" and args.props["size"] > limit:
        report(f"size {args.props['size']:.0f} of {pulumi.get_stack()} is above {limit:.0f}")

PolicyPack(
    name="toy",
    enforcement_level=EnforcementLevel.MANDATORY,
    policies=[
        ResourceValidationPolicy(
            name="small",
            description="Boxes are small.",
            validate=small,
        )
    ],
)
"""


class Group(pulumi.ComponentResource):
    def __init__(self, kind: str, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"plinth:index:{kind}", name, {}, opts)


class Wanted:
    """A program whose wishes a test can change."""

    def __init__(self, **inputs: Any) -> None:
        self.inputs = inputs
        self.secret = "hunter2"

    def __call__(self) -> None:
        platform = Group("Platform", "platform")
        tracking = Group("Tracking", "tracking", pulumi.ResourceOptions(parent=platform))
        box = Box("one", pulumi.ResourceOptions(parent=tracking), **self.inputs)
        pulumi.export("urn", box.urn)
        pulumi.export("password", pulumi.Output.secret(self.secret))


@pytest.fixture
def wanted() -> Wanted:
    return Wanted(size=1, kind="a")


@pytest.fixture
def stack(settings: Settings, engine: Engine, cloud: ToyCloud, wanted: Wanted) -> Stack:
    return Stack(
        settings,
        wanted,
        engine=engine,
        environment=cloud.environment,
        stateful=lambda type_: type_ == "toy:index:Box",
    )


def only(changes: tuple[Change, ...]) -> Change:
    assert len(changes) == 1, changes
    return changes[0]


def test_a_life(stack: Stack, cloud: ToyCloud, wanted: Wanted) -> None:
    steps: list[tuple[str, str, str]] = []
    preview = stack.preview(lambda change, phase: steps.append((change.op, change.name, phase)))
    assert ("create", "one", "planned") in steps
    assert preview.risk == "low"
    assert cloud.boxes == {}

    steps.clear()
    made = stack.up(lambda change, phase: steps.append((change.op, change.name, phase)))
    assert ("create", "one", "started") in steps
    assert ("create", "one", "done") in steps
    box = next(change for change in made.changes if change.name == "one")
    assert (box.op, box.capability, box.risk, box.stateful) == ("create", "tracking", "low", True)
    assert made.outputs["urn"] == box.urn
    assert made.outputs["password"] == "[secret]"
    assert made.seconds > 0
    assert stack.preview(allow_changes=False).changed == ()

    wanted.inputs["size"] = 2
    with pytest.raises(ChangesFoundError) as caught:
        stack.preview(allow_changes=False)
    assert caught.value.exit_code == 4
    change = only(caught.value.outcome.changed)
    assert (change.op, dict(change.properties)) == ("update", {"size": "update"})
    stack.up()

    wanted.inputs["kind"] = "b"
    change = only(stack.preview().changed)
    assert (change.op, change.risk) == ("replace", "data-loss")
    assert dict(change.properties) == {"kind": "update-replace"}
    assert "kind" in change.reason
    assert only(stack.up().changed).op == "replace"
    assert len(cloud.created) == 2
    assert len(cloud.deleted) == 1

    cloud.boxes.clear()
    gone = only(stack.refresh().changed)
    assert (gone.op, gone.name, gone.risk) == ("delete", "one", "data-loss")
    assert "gone" in gone.reason
    assert only(stack.up().changed).op == "create"

    ended = stack.destroy()
    assert {change.op for change in ended.changed} == {"delete"}
    assert cloud.boxes == {}
    assert ended.risk == "data-loss"
    assert {change.risk for change in ended.changed if change.name != "one"} == {"low"}


def test_outputs_and_state(stack: Stack, settings: Settings, wanted: Wanted) -> None:
    assert stack.outputs() == {}
    assert stack.export()["deployment"]["resources"] == []
    stack.up()
    assert stack.outputs()["password"] == "[secret]"
    assert stack.outputs(show_secrets=True)["password"] == wanted.secret
    assert wanted.secret not in json.dumps(stack.export())
    kept = b"".join(path.read_bytes() for path in settings.root.rglob("*") if path.is_file())
    assert wanted.secret.encode() not in kept


def test_the_state_stays_in_the_project(stack: Stack, settings: Settings, tmp_path: Path) -> None:
    stack.up()
    passphrase = settings.root / ".plinth" / "passphrase"
    assert stat.S_IMODE(passphrase.stat().st_mode) == 0o600
    state = settings.root / ".plinth" / "state" / ".pulumi" / "stacks" / "plinth" / "dev.json"
    assert state.is_file()
    assert not (tmp_path / "home" / "credentials.json").exists()
    assert "encryptionsalt" in settings.config_file.read_text(encoding="utf-8")


def test_a_failing_resource_is_named_with_its_provider_s_words(
    stack: Stack, wanted: Wanted
) -> None:
    wanted.inputs["fail"] = "BoxRefused: 3 of 3 lids are missing"
    with pytest.raises(EngineError) as caught:
        stack.up()
    (problem,) = caught.value.problems
    assert problem.code == "resource-failed"
    assert problem.message == "BoxRefused: 3 of 3 lids are missing"
    assert problem.path is not None
    assert problem.path.endswith("::one")


def test_a_failing_program_is_one_sentence(
    settings: Settings, engine: Engine, cloud: ToyCloud
) -> None:
    def program() -> None:
        message = "no region in the spec"
        raise ValueError(message)

    stack = Stack(settings, program, engine=engine, environment=cloud.environment)
    with pytest.raises(EngineError) as caught:
        stack.preview()
    (problem,) = caught.value.problems
    assert problem.message == "ValueError: no region in the spec"


def test_a_wrong_passphrase(
    stack: Stack, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.up()
    (settings.root / ".plinth" / "passphrase").write_text("another", encoding="utf-8")
    with pytest.raises(EngineError) as caught:
        stack.up()
    assert [problem.code for problem in caught.value.problems] == ["passphrase-wrong"]


def test_a_backend_that_is_not_there(
    stack: Stack, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", "https://127.0.0.1:1")
    monkeypatch.setenv("PULUMI_ACCESS_TOKEN", "pul-0000")
    with pytest.raises(EngineError) as caught:
        stack.preview()
    assert caught.value.problems[0].code == "backend-unreachable"
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{settings.root}/nowhere")
    with pytest.raises(EngineError) as caught:
        stack.preview()
    assert caught.value.problems[0].code == "backend-unreachable"
    assert not (settings.root / "nowhere").exists()


def test_a_second_run_is_told_who_holds_the_stack(
    stack: Stack, settings: Settings, engine: Engine, cloud: ToyCloud, wanted: Wanted
) -> None:
    import threading

    wanted.inputs["slow"] = True
    cloud.hold.clear()
    thread = threading.Thread(target=stack.up)
    thread.start()
    cloud.wait_for(lambda: bool(cloud.created))
    second = Stack(settings, wanted, engine=engine, environment=cloud.environment, patience=0.5)
    with pytest.raises(EngineError, match=r"in use by .* process"):
        second.up()
    cloud.hold.set()
    thread.join()
    assert second.preview(allow_changes=False).changed == ()


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    folder = tmp_path / "pack"
    folder.mkdir()
    (folder / "__main__.py").write_text(PACK, encoding="utf-8")
    manifest = {"runtime": "python", "version": "0.0.1"}
    (folder / "PulumiPolicy.yaml").write_text(yaml.safe_dump(manifest), encoding="utf-8")
    return folder


def test_policies_are_asked(
    settings: Settings, engine: Engine, cloud: ToyCloud, wanted: Wanted, pack: Path
) -> None:
    config = pack / "config.json"

    def checked(config: Path | None = None) -> Stack:
        return Stack(
            settings,
            wanted,
            engine=engine,
            environment=cloud.environment,
            policy_packs=[PolicyPack(path=pack, config=config)],
        )

    wanted.inputs["size"] = 9
    with pytest.raises(PolicyError) as caught:
        checked().preview()
    assert caught.value.exit_code == 3
    (problem,) = caught.value.problems
    assert problem.message == "toy/small: Boxes are small. size 9 of dev is above 5"
    assert problem.path is not None
    assert problem.path.endswith("::one")
    config.write_text(json.dumps({"small": {"limit": 20}}), encoding="utf-8")
    assert checked(config).up().summary["create"] > 0
    config.write_text(
        json.dumps({"small": {"limit": 2, "enforcementLevel": "advisory"}}), encoding="utf-8"
    )
    advice = [said.message for said in checked(config).preview().diagnostics]
    assert advice == ["toy/small: Boxes are small. size 9 of dev is above 2"]


@pytest.mark.parametrize("options", [{}, {SELF_CONFIGURING: True}], ids=["", "by itself"])
@pytest.mark.parametrize(
    ("main", "said"),
    [
        ("raise RuntimeError('no rules today')", "did not start: RuntimeError: no rules today"),
        ("import os; os._exit(3)", "did not start: it ended with exit code 3"),
        ("print('hello', flush=True)", "did not start: it wrote 'hello' where its port was due"),
        (
            PACK.replace("if args.resource_type", "raise KeyError('x')\n    if args.resource_type"),
            "failed to run policy",
        ),
    ],
    ids=["cannot start", "ends at once", "talks", "breaks"],
)
def test_a_pack_that_does_not_work_stops_the_update_with_a_sentence(
    *,
    settings: Settings,
    engine: Engine,
    cloud: ToyCloud,
    wanted: Wanted,
    pack: Path,
    main: str,
    said: str,
    options: dict[str, Any],
) -> None:
    (pack / "__main__.py").write_text(main, encoding="utf-8")
    manifest = {"runtime": {"name": "python", "options": options}, "version": "0.0.1"}
    (pack / "PulumiPolicy.yaml").write_text(yaml.safe_dump(manifest), encoding="utf-8")
    judged = Stack(
        settings,
        wanted,
        engine=engine,
        environment=cloud.environment,
        policy_packs=[PolicyPack(path=pack)],
    )
    with pytest.raises(EngineError) as caught:
        judged.up()
    (problem,) = caught.value.problems
    assert problem.code == "policy-pack-broken"
    assert said in problem.message
    assert problem.fix
    assert cloud.boxes == {}


def test_plain_pulumi_works_on_the_same_stack(
    settings: Settings, engine: Engine, cloud: ToyCloud, stack: Stack, pack: Path
) -> None:
    stack.up()
    here = Path(__file__).parent
    (settings.root / "stacks" / "__main__.py").write_text(
        f"import sys; sys.path.insert(0, {str(here)!r})\n"
        "from test_stack import Wanted\nWanted(size=1, kind='a')()\n",
        encoding="utf-8",
    )
    variables = environment_variables(settings, engine)
    answer = subprocess.run(
        ["pulumi", "preview", "-s", "dev", "--non-interactive", "--json", "--expect-no-changes",
         "--policy-pack", str(pack)],
        cwd=settings.root,
        env={**os.environ, **variables, **cloud.environment},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr + answer.stdout
    assert json.loads(answer.stdout)["changeSummary"].keys() == {"same"}


def test_a_failing_plain_program_shows_its_error(
    settings: Settings, engine: Engine, cloud: ToyCloud
) -> None:
    (settings.root / "stacks" / "__main__.py").write_text("raise KeyError('x')", encoding="utf-8")
    variables = environment_variables(settings, engine)
    answer = subprocess.run(
        ["sh", "-c", "pulumi stack init dev && pulumi preview -s dev --non-interactive"],
        cwd=settings.root,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode != 0
    assert "KeyError: 'x'" in answer.stdout


def test_the_stand_in_host_never_shadows_an_official_one(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from plinth.engine.host import launcher
    from plinth.engine.locate import LANGUAGE_HOST, Source

    folder = tmp_path / "bin"
    folder.mkdir()
    cli = Engine(path=folder / "pulumi", version="3.259.0", source=Source.PATH)
    stand_in = str(launcher.directory())
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert stand_in in environment_variables(settings, cli)["PATH"].split(os.pathsep)
    official = folder / LANGUAGE_HOST
    official.write_text("#!/bin/sh\n", encoding="utf-8")
    official.chmod(0o755)
    assert stand_in not in environment_variables(settings, cli)["PATH"].split(os.pathsep)


def test_nothing_secret_is_ever_an_argument(
    stack: Stack, settings: Settings, monkeypatch: pytest.MonkeyPatch, wanted: Wanted
) -> None:
    from plinth.engine import command

    seen: list[str] = []
    popen = subprocess.Popen

    def recording(arguments: list[str], **options: Any) -> Any:
        seen.extend(arguments)
        return popen(arguments, **options)

    monkeypatch.setattr(command.subprocess, "Popen", recording)
    stack.up()
    stack.outputs(show_secrets=True)
    assert "up" in seen
    passphrase = (
        settings_module.Settings(root=settings.root, environment="dev").home / "passphrase"
    ).read_text()
    assert not [
        argument for argument in seen if passphrase in argument or wanted.secret in argument
    ]
