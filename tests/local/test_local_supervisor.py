"""The supervisor: what it starts, what it ends, and what it never touches."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest
from local_machine import (
    STRAY,
    in_background,
    kind,
    local,
    machine,
    mode,
    ours,
    running,
    supervisor_of,
    tiny,
    up,
)

from plinth.errors import EngineError
from plinth.local import processes
from plinth.local.home import MARK, SERVICE
from plinth.local.kinds import Machine
from plinth.local.supervisor import Supervisor, marks
from served import free_port, until

__all__ = ["local"]


def stop(local: Machine, name: str = "web") -> None:
    kind("Service").delete(local, name, {})


def kill(process: psutil.Process) -> None:
    process.kill()
    process.wait(10)


def test_starting_again_replaces_it_and_the_last_stop_ends_the_supervisor(local: Machine) -> None:
    port = free_port()
    first = up(local, "web", tiny(local, port))
    other = up(local, "other", tiny(local, free_port()))
    daemon = supervisor_of(local)
    second = up(local, "web", tiny(local, port))
    assert second != first
    assert not running(first)
    assert running(other)
    assert supervisor_of(local) == daemon
    assert {found.name: found.running for found in local.supervisor.statuses()} == {
        "web": True,
        "other": True,
    }
    stop(local)
    assert running(other)
    assert not running(second)
    stop(local, "other")
    assert not daemon.is_running() or daemon.status() == psutil.STATUS_ZOMBIE
    assert ours(local) == []
    assert local.supervisor.statuses() == []
    stop(local)  # what is not there is stopped already


def test_what_a_killed_supervisor_left_is_ended_before_a_new_start(local: Machine) -> None:
    port = free_port()
    orphan = up(local, "web", tiny(local, port))
    forgotten = up(local, "other", tiny(local, free_port()))
    kill(supervisor_of(local))
    assert running(orphan)
    assert local.home.socket.exists()  # and nobody listens there
    assert local.supervisor.status("web") is None
    again = up(local, "web", tiny(local, port))
    assert not running(orphan)
    assert not running(forgotten)
    assert running(again)


def test_what_a_killed_supervisor_left_is_ended_by_a_stop(local: Machine) -> None:
    orphan = up(local, "web", tiny(local, free_port()))
    other = up(local, "other", tiny(local, free_port()))
    kill(supervisor_of(local))
    stop(local)
    assert not running(orphan)
    assert running(other)  # until it is stopped as well, or started again
    stop(local, "other")
    assert ours(local) == []


@pytest.mark.parametrize("end", ["stop", "start", "environment"])
def test_children_that_left_for_another_session_are_ended_too(local: Machine, end: str) -> None:
    inputs = tiny(local, free_port(), CHILD=STRAY)
    pid = up(local, "web", inputs)
    (stray,) = (process for process in ours(local, "web") if process.pid != pid)
    assert os.getsid(stray.pid) != os.getsid(pid)
    if end == "stop":
        stop(local)
    elif end == "start":
        up(local, "web", inputs)
    else:
        local.supervisor.end()
    assert not running(stray.pid)


def test_one_that_does_not_want_to_end_is_made_to(local: Machine) -> None:
    deaf = (
        "import signal, subprocess, sys;"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'],"
        " start_new_session=True)"
    )
    up(local, "web", tiny(local, free_port(), CHILD=deaf))
    processes.end(marks(local.home), seconds=1)
    assert ours(local) == []


def test_one_whose_parent_never_asks_how_it_ended_is_not_waited_for(local: Machine) -> None:
    program = (
        "import os, subprocess, sys, time;"
        "subprocess.Popen(['sleep', '600'], env={**os.environ, sys.argv[1]: sys.argv[2]});"
        "print('begun', flush=True); time.sleep(600)"
    )
    ((name, value),) = marks(local.home).items()
    command = [sys.executable, "-c", program, name, value]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        (child,) = ours(local)
        begun = time.monotonic()
        processes.end(marks(local.home), seconds=30)
        took, status = time.monotonic() - begun, child.status()
        parent.kill()
    assert status == psutil.STATUS_ZOMBIE
    assert took < 15


class TestStrangers:
    """Numbers of processes are given again; the marks are not."""

    @pytest.fixture
    def stranger(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        yield process
        process.kill()
        process.wait()

    def test_one_with_the_recorded_number_is_never_touched(
        self, local: Machine, stranger: subprocess.Popen[bytes]
    ) -> None:
        port = free_port()
        up(local, "web", tiny(local, port))
        kill(supervisor_of(local))
        pidfile = local.home.supervisor / "supervisord.pid"
        pidfile.write_text(f"{stranger.pid}\n", encoding="utf-8")
        up(local, "web", tiny(local, port))
        pidfile.write_text(f"{stranger.pid}\n", encoding="utf-8")
        stop(local)
        assert ours(local) == []
        assert stranger.poll() is None

    def test_another_environment_goes_on(self, local: Machine) -> None:
        with machine() as other:
            theirs = up(other, "web", tiny(other, free_port()))
            up(local, "web", tiny(local, free_port()))
            kill(supervisor_of(local))
            up(local, "web", tiny(local, free_port()))
            stop(local)
            assert running(theirs)
            assert len(ours(other)) == 2

    def test_a_run_from_within_a_service_does_not_end_itself(self, local: Machine) -> None:
        program = (
            "import sys; from pathlib import Path; from plinth.local.home import Home;"
            "from plinth.local.supervisor import sweep; sweep(Home(Path(sys.argv[1])));"
            "print('still here')"
        )
        said = subprocess.run(
            [sys.executable, "-c", program, str(local.home.root)],
            env={**os.environ, **marks(local.home, "web")},
            capture_output=True,
            text=True,
            check=True,
        )
        assert said.stdout == "still here\n"

    def test_a_supervisor_is_no_service_of_the_one_it_was_started_from(
        self, local: Machine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(MARK, "/elsewhere")
        monkeypatch.setenv(SERVICE, "web")
        up(local, "web", tiny(local, free_port()))
        variables = supervisor_of(local).environ()
        assert variables[MARK] == str(local.home.root)
        assert SERVICE not in variables


def test_services_started_at_once_by_two_providers_all_run(local: Machine) -> None:
    second = Machine(local.home, project=local.project)
    names = {"a": local, "b": second, "c": local, "d": second}
    begun = [
        in_background(lambda by=by, name=name: up(by, name, tiny(local, free_port())))
        for name, by in names.items()
    ]
    for thread, raised in begun:
        thread.join(60)
        assert raised == []
    assert {found.name for found in local.supervisor.statuses() if found.running} == set(names)
    assert len([p for p in ours(local) if SERVICE not in p.environ()]) == 1  # one supervisor


@pytest.mark.parametrize("folder", ["my data", "c#;", "a'b", "möbel"])
def test_folders_may_be_called_anything(local: Machine, folder: str) -> None:
    with machine(local.project, folder) as odd:
        pid = up(odd, "web", tiny(odd, free_port()))
        assert odd.home.log("web").read_text().startswith("begins")
        kill(supervisor_of(odd))
        stop(odd)
        assert not running(pid)


@pytest.mark.parametrize("folder", ["a[b]", "50%", "a ;b"])
def test_a_folder_that_would_mean_something_else_is_refused(local: Machine, folder: str) -> None:
    with (
        machine(local.project, folder) as odd,
        pytest.raises(EngineError, match="cannot be told to supervisord"),
    ):
        odd.supervisor.start("web", {})


def test_a_path_too_long_for_a_socket_has_it_in_the_cache(
    local: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tempfile.TemporaryDirectory(prefix="pl-") as cache:
        monkeypatch.setenv("PLINTH_CACHE", cache)
        with machine(local.project, "/".join(["deep" * 10] * 3)) as deep:
            up(deep, "web", tiny(deep, free_port()))
            assert deep.home.socket.is_relative_to(cache)
            assert mode(deep.home.socket) == 0o600
            assert mode(deep.home.socket.parent) == 0o700
            stop(deep)
            assert ours(deep) == []
            assert not deep.home.socket.exists()
            monkeypatch.setenv("PLINTH_CACHE", cache + "/deep" * 30)
            up(deep, "web", tiny(deep, free_port()))
            assert deep.home.socket.parent == Path(f"/tmp/plinth-{os.getuid()}")
            stop(deep)


def test_a_socket_of_somebody_else_is_not_spoken_to(
    local: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    up(local, "web", tiny(local, free_port()))
    uid = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: uid + 1)
    assert local.supervisor.statuses() == []
    with pytest.raises(EngineError, match="is somebody else's"):
        local.supervisor.start("web", {})


def test_what_runs_in_a_folder_that_was_moved_is_ended(local: Machine) -> None:
    pid = up(local, "web", tiny(local, free_port()))
    with machine(local.project, "moved") as moved:
        local.home.root.rename(moved.home.root)
        again = up(moved, "web", tiny(moved, free_port()))
        assert not running(pid)
        assert running(again)
        assert ours(local) == []


def test_one_that_cannot_start_says_why(local: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plinth.local.supervisor._CONFIG", "[supervisord]\nlogfile = /nowhere/log")
    with pytest.raises(EngineError, match=r"the supervisor of .* does not start: Error: .*nowhere"):
        local.supervisor.start("web", {})
    assert ours(local) == []


def test_an_interrupt_in_the_terminal_reaches_no_service(local: Machine) -> None:
    pid = up(local, "web", tiny(local, free_port()))
    assert os.getpgid(pid) != os.getpgid(0)
    assert os.getsid(pid) != os.getsid(0)


def test_services_see_interrupts_whatever_the_provider_ignores(local: Machine) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        pid = up(local, "web", tiny(local, free_port()))
    finally:
        signal.signal(signal.SIGINT, before)
    os.kill(pid, signal.SIGINT)
    until(lambda: not running(pid))


def test_a_full_disk_is_told_in_a_sentence_and_leaves_nothing(
    local: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(EngineError, match="No space left on device"):
        Supervisor(local.home).start("web", {"command": ["true"]})
    assert ours(local) == []


def test_statuses_tell_how_it_ended(local: Machine) -> None:
    pid = up(local, "web", tiny(local, free_port()))
    status = local.supervisor.status("web")
    assert status is not None
    assert (status.running, status.pid, status.exit_code) == (True, pid, 0)
    assert abs(status.since - time.time()) < 60
    os.kill(pid, signal.SIGKILL)
    until(lambda: not local.supervisor.statuses()[0].running)
    assert kind("Service").look(local, "web", {"log": "x"}) == {"log": "x", "running": False}
    status = local.supervisor.status("web")
    assert status is not None
    assert (status.pid, status.exit_code) == (0, -1)


class TestSecrets:
    def test_none_is_in_arguments_or_where_others_can_read(self, local: Machine) -> None:
        secret = "s3cr3t-of-this-test"
        inputs = {
            **tiny(local, free_port(), PASSWORD=secret),
            "files": {"auth/settings.ini": f"password = {secret}"},
        }
        pid = up(local, "web", inputs)
        assert psutil.Process(pid).environ()["PASSWORD"] == secret
        for process in psutil.process_iter():
            try:
                assert not any(secret in part for part in process.cmdline())
            except psutil.Error:
                continue
        with_it = [
            path
            for path in local.home.root.rglob("*")
            if path.is_file() and secret.encode() in path.read_bytes()
        ]
        assert {path.name for path in with_it} == {"launch.json", "settings.ini"}
        for path in with_it:
            assert mode(path) == 0o600
        assert mode(local.home.services / "web") == 0o700
        assert mode(local.home.log("web")) == 0o600
        stop(local)
        assert not any(path.exists() for path in with_it)

    def test_a_file_that_others_could_read_is_made_anew(self, local: Machine) -> None:
        folder = local.home.services / "web"
        folder.mkdir(parents=True)
        (folder / "launch.json").write_text(json.dumps({}), encoding="utf-8")
        (folder / "launch.json").chmod(0o644)
        up(local, "web", tiny(local, free_port()))
        assert mode(folder / "launch.json") == 0o600
