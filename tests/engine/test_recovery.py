from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pulumi
import pytest
from pulumi.automation.events import StepEventStateMetadata
from toycloud import Box, ToyCloud

from plinth.engine import recovery
from plinth.engine.locate import Engine
from plinth.engine.settings import Settings
from plinth.engine.workspace import Stack
from plinth.errors import EngineError

URN = "urn:pulumi:dev::plinth::toy:index:Box::one"


def export_with(*pending: dict[str, Any], resources: tuple[dict[str, Any], ...] = ()) -> Any:
    operations = [{"resource": resource, "type": "creating"} for resource in pending]
    return {
        "version": 3,
        "deployment": {"resources": list(resources), "pending_operations": operations},
    }


def resource(urn: str = URN, **more: Any) -> dict[str, Any]:
    return {"urn": urn, "type": "toy:index:Box", "custom": True, "inputs": {"size": 1}, **more}


class TestRepair:
    def test_a_clean_state_needs_none(self) -> None:
        assert recovery.repair(export_with(resources=(resource(id="a"),))) is None

    def test_what_exists_is_adopted(self) -> None:
        repair = recovery.repair(export_with(resource()), find=lambda _urn, _type: "box-1")
        assert repair is not None
        assert repair.adopted == {URN: "box-1"}
        deployment = repair.export["deployment"]
        assert deployment["resources"] == [resource(id="box-1")]
        assert deployment["pending_operations"] == []

    def test_what_does_not_exist_is_forgotten(self) -> None:
        repair = recovery.repair(export_with(resource()), find=lambda _urn, _type: None)
        assert repair is not None
        assert repair.forgotten == (URN,)
        assert repair.export["deployment"] == {"resources": [], "pending_operations": []}

    def test_the_state_given_is_left_alone(self) -> None:
        export = export_with(resource())
        before = json.dumps(export)
        recovery.repair(export, find=lambda _urn, _type: "box-1")
        assert json.dumps(export) == before

    def test_half_a_replacement_keeps_the_new_one_and_deletes_the_old(self) -> None:
        export = export_with(resource(), resources=(resource(id="old"),))
        repair = recovery.repair(export, find=lambda _urn, _type: ["old", "new"])
        assert repair is not None
        assert repair.export["deployment"]["resources"] == [
            resource(id="old", delete=True),
            resource(id="new"),
        ]

    def test_a_replacement_that_made_nothing_keeps_the_old_one(self) -> None:
        export = export_with(resource(), resources=(resource(id="old"),))
        repair = recovery.repair(export, find=lambda _urn, _type: "old")
        assert repair is not None
        assert repair.export["deployment"]["resources"] == [resource(id="old")]

    def test_a_place_holder_of_something_deleted_first_gives_way(self) -> None:
        holder = resource(id="old", pendingReplacement=True)
        repair = recovery.repair(
            export_with(resource(), resources=(holder,)), find=lambda _urn, _type: "new"
        )
        assert repair is not None
        assert repair.export["deployment"]["resources"] == [resource(id="new")]

    def test_without_a_finder_each_case_is_named_with_both_ways_out(self) -> None:
        second = URN.replace("one", "two")
        with pytest.raises(EngineError) as caught:
            recovery.repair(export_with(resource(), resource(second)))
        problems = caught.value.problems
        assert [problem.path for problem in problems] == [URN, second]
        for problem in problems:
            assert problem.code == "create-interrupted"
            assert problem.fix is not None
            assert f"--adopt '{problem.path}=ID'" in problem.fix
            assert f"--forget '{problem.path}'" in problem.fix

    def test_people_may_decide(self) -> None:
        second = URN.replace("one", "two")
        repair = recovery.repair(
            export_with(resource(), resource(second)), adopt={URN: "x"}, forget=[second]
        )
        assert repair is not None
        assert (repair.adopted, repair.forgotten) == ({URN: "x"}, (second,))

    def test_what_lives_in_the_state_alone_needs_nobody(self) -> None:
        urn = "urn:pulumi:dev::plinth::random:index/randomId:RandomId::id"
        pending = {"urn": urn, "type": "random:index/randomId:RandomId"}
        repair = recovery.repair(export_with(pending))
        assert repair is not None
        assert repair.forgotten == (urn,)


class TestCutOff:
    def event(self, **inputs: Any) -> StepEventStateMetadata:
        return StepEventStateMetadata.from_json(
            {"urn": URN, "type": "toy:index:Box", "parent": "p", "provider": "q", "inputs": inputs}
        )

    @pytest.fixture
    def cut_off(self, tmp_path: Path) -> recovery.CutOff:
        return recovery.CutOff(tmp_path / "deep" / "dev.json")

    def test_it_is_pending_in_the_next_run(self, cut_off: recovery.CutOff, tmp_path: Path) -> None:
        cut_off.note([self.event(size=1)])
        export = export_with()
        pending = recovery.CutOff(tmp_path / "deep" / "dev.json").added_to(export)
        assert export == export_with()
        assert recovery.pending_creates(pending) == [resource(parent="p", provider="q")]
        repair = recovery.repair(pending, find=lambda _urn, _type: "box-1")
        assert repair is not None
        assert repair.adopted == {URN: "box-1"}

    def test_more_may_come_before_it_is_settled(self, cut_off: recovery.CutOff) -> None:
        cut_off.note([self.event(size=1)])
        cut_off.note([self.event(size=2)])
        assert len(recovery.pending_creates(cut_off.added_to(export_with()))) == 2
        cut_off.clear()
        assert cut_off.added_to(export_with()) == export_with()

    def test_nothing_to_note_leaves_no_file(self, cut_off: recovery.CutOff, tmp_path: Path) -> None:
        cut_off.note([])
        assert list(tmp_path.iterdir()) == []

    def test_hidden_values_are_left_out(self, cut_off: recovery.CutOff) -> None:
        hidden = {
            "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
            "ciphertext": "[secret]",
        }
        cut_off.note([self.event(size=1, key=hidden, more={"list": [hidden, 2], "key": hidden})])
        (pending,) = recovery.pending_creates(cut_off.added_to(export_with()))
        assert pending["inputs"] == {"size": 1, "more": {"list": [2]}}


def write_lock(backend: Path, *, process: int, host: str, since: datetime) -> Path:
    path = backend / ".pulumi" / "locks" / "organization" / "plinth" / "dev" / "a.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "pid": process,
        "username": "ada",
        "hostname": host,
        "timestamp": since.isoformat().replace("+00:00", "123Z"),
    }
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


class TestRelease:
    def test_the_lock_of_a_dead_process_is_removed(self, tmp_path: Path) -> None:
        dead = subprocess.Popen([sys.executable, "-c", ""])
        dead.wait()
        path = write_lock(
            tmp_path, process=dead.pid, host=socket.gethostname(), since=datetime.now(UTC)
        )
        assert recovery.release(tmp_path, "plinth", "dev", patience=0) == 1
        assert not path.exists()

    def test_one_that_nobody_asks_how_it_ended_is_dead(self, tmp_path: Path) -> None:
        with subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE) as dead:
            assert dead.stdout is not None
            dead.stdout.read()
            os.waitid(os.P_PID, dead.pid, os.WEXITED | os.WNOWAIT)
            write_lock(
                tmp_path, process=dead.pid, host=socket.gethostname(), since=datetime.now(UTC)
            )
            assert recovery.release(tmp_path, "plinth", "dev", patience=0) == 1

    def test_an_empty_sidecar_of_the_state_is_dropped(self, tmp_path: Path) -> None:
        folder = tmp_path / ".pulumi" / "stacks" / "plinth"
        folder.mkdir(parents=True)
        torn, whole = folder / "dev.json.attrs", folder / "dev.json.bak.attrs"
        torn.touch()
        whole.write_text("{}", encoding="utf-8")
        recovery.release(tmp_path, "plinth", "dev")
        assert (torn.exists(), whole.exists()) == (False, True)

    def test_the_lock_of_a_live_process_stays_and_says_who(self, tmp_path: Path) -> None:
        since = datetime.now(UTC)
        path = write_lock(tmp_path, process=os.getpid(), host=socket.gethostname(), since=since)
        with pytest.raises(EngineError, match=f"ada@.* process {os.getpid()}"):
            recovery.release(tmp_path, "plinth", "dev", patience=0)
        assert path.exists()

    def test_a_number_that_went_to_a_younger_process_is_stale(self, tmp_path: Path) -> None:
        born = datetime.fromtimestamp(psutil.Process().create_time(), UTC)
        write_lock(
            tmp_path,
            process=os.getpid(),
            host=socket.gethostname(),
            since=born - timedelta(hours=1),
        )
        assert recovery.release(tmp_path, "plinth", "dev", patience=0) == 1

    def test_another_machine_is_never_judged(self, tmp_path: Path) -> None:
        path = write_lock(tmp_path, process=1, host="elsewhere", since=datetime.now(UTC))
        with pytest.raises(EngineError, match="ada@elsewhere"):
            recovery.release(tmp_path, "plinth", "dev")
        assert path.exists()

    def test_other_stacks_are_left_alone(self, tmp_path: Path) -> None:
        path = write_lock(tmp_path, process=1, host="elsewhere", since=datetime.now(UTC))
        assert recovery.release(tmp_path, "plinth", "prod", patience=0) == 0
        assert path.exists()

    def test_a_lock_that_was_never_finished_is_removed(self, tmp_path: Path) -> None:
        path = write_lock(tmp_path, process=1, host="elsewhere", since=datetime.now(UTC))
        path.write_text('{"pid": ', encoding="utf-8")
        assert recovery.release(tmp_path, "plinth", "dev", patience=0) == 0
        assert not path.exists()


def two_boxes() -> None:
    first = Box("one", size=1)
    Box("two", pulumi.ResourceOptions(depends_on=[first]), size=1, slow=True)


def kill_engine() -> None:
    """kill -9 for the CLI that this process has started."""
    running = [each for each in psutil.Process().children() if each.name() == "pulumi"]
    assert len(running) == 1
    running[0].kill()


@pytest.mark.engine
class TestAfterKill:
    @pytest.fixture
    def stack(self, settings: Settings, engine: Engine, cloud: ToyCloud) -> Stack:
        return Stack(
            settings, two_boxes, engine=engine, find=cloud.find, environment=cloud.environment
        )

    def interrupt(self, stack: Stack, cloud: ToyCloud, made: int) -> None:
        cloud.hold.clear()
        errors: list[EngineError] = []

        def run() -> None:
            try:
                stack.up()
            except EngineError as error:
                errors.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        cloud.wait_for(lambda: len(cloud.created) == made)
        kill_engine()
        thread.join(60)
        cloud.hold.set()
        assert not thread.is_alive()
        assert errors

    def test_the_next_up_converges(self, stack: Stack, cloud: ToyCloud) -> None:
        self.interrupt(stack, cloud, made=2)
        outcome = stack.up()
        assert len(cloud.boxes) == len(cloud.created) == 2
        assert cloud.deleted == []
        assert outcome.summary.get("create") is None
        assert stack.preview(allow_changes=False).changed == ()
        ids = {
            entry["id"]
            for entry in stack.export()["deployment"]["resources"]
            if "toy:index:Box" in entry["type"]
        }
        assert ids == set(cloud.boxes)

    def test_a_create_that_never_happened_is_repeated(self, stack: Stack, cloud: ToyCloud) -> None:
        self.interrupt(stack, cloud, made=2)
        lost = next(id_ for id_, urn in cloud.urns.items() if urn.endswith("::two"))
        cloud.boxes.pop(lost)
        cloud.urns.pop(lost)
        assert stack.up().summary["create"] == 1
        assert len(cloud.boxes) == 2
        assert stack.preview(allow_changes=False).changed == ()

    def test_destroy_leaves_nothing_behind(self, stack: Stack, cloud: ToyCloud) -> None:
        self.interrupt(stack, cloud, made=2)
        stack.destroy()
        assert cloud.boxes == {}

    def test_without_a_finder_people_decide(
        self, settings: Settings, engine: Engine, cloud: ToyCloud
    ) -> None:
        stack = Stack(settings, two_boxes, engine=engine, environment=cloud.environment)
        self.interrupt(stack, cloud, made=2)
        with pytest.raises(EngineError) as caught:
            stack.up()
        (problem,) = caught.value.problems
        assert problem.code == "create-interrupted"
        made = next(id_ for id_, urn in cloud.urns.items() if urn == problem.path)
        stack.up(adopt={str(problem.path): made})
        assert len(cloud.boxes) == len(cloud.created) == 2
        assert stack.preview(allow_changes=False).changed == ()


PARENT = """
import sys
sys.path[:0] = {paths}
from pathlib import Path
from plinth.engine.settings import Settings
from plinth.engine.workspace import Stack
from test_recovery import two_boxes
settings = Settings(root=Path({root!r}), environment="dev")
Stack(settings, two_boxes, environment={environment}).up()
"""


@pytest.fixture
def other_plinth(engine: Engine, cloud: ToyCloud, root: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that runs ``up`` and has the second box in the making."""
    here = [str(Path(__file__).parent), str(Path(recovery.__file__).parents[2])]
    script = PARENT.format(paths=here, root=str(root), environment=cloud.environment)
    cloud.hold.clear()
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        env={**os.environ, "PLINTH_PULUMI": str(engine.path)},
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    cloud.wait_for(lambda: len(cloud.created) == 2)
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def next_run(settings: Settings, engine: Engine, cloud: ToyCloud) -> Stack:
    return Stack(
        settings, two_boxes, engine=engine, find=cloud.find, environment=cloud.environment,
        patience=30,
    )  # fmt: skip


@pytest.mark.engine
def test_killing_plinth_itself_is_survived(
    other_plinth: subprocess.Popen[bytes], next_run: Stack, cloud: ToyCloud
) -> None:
    other_plinth.send_signal(signal.SIGKILL)
    other_plinth.wait()
    cloud.hold.set()
    next_run.up()
    assert len(cloud.boxes) == len(cloud.created) == 2
    assert next_run.preview(allow_changes=False).changed == ()


@pytest.mark.engine
def test_an_interrupted_engine_is_waited_for(
    other_plinth: subprocess.Popen[bytes], next_run: Stack, cloud: ToyCloud
) -> None:
    os.killpg(other_plinth.pid, signal.SIGINT)  # what Ctrl-C does
    with pytest.raises(subprocess.TimeoutExpired):
        other_plinth.wait(2)
    cloud.hold.set()
    assert other_plinth.wait(60) != 0
    assert recovery.pending_creates(next_run.export()) == []
    names = [
        entry["urn"].rsplit("::", 1)[-1] for entry in next_run.export()["deployment"]["resources"]
    ]
    assert {"one", "two"} <= set(names)
