"""Services: ready, ended, mute, interrupted; what is done before; what they see."""

from __future__ import annotations

import sys

import psutil
import pytest
from local_machine import (
    answer,
    in_background,
    kind,
    local,
    ours,
    running,
    stranger,
    tiny,
    up,
)

from plinth.errors import EngineError
from plinth.local.home import Home
from plinth.local.kinds import Machine
from served import free_port, until

__all__ = ["local"]


def make(local: Machine, inputs: dict[str, object]) -> str:
    """Starts one that cannot be; returns what is said of it."""
    with pytest.raises(EngineError) as caught:
        kind("Service").make(local, "web", inputs, {})
    assert ours(local) == []
    (problem,) = caught.value.problems
    if problem.code == "service-failed":
        assert problem.fix == (
            f"Read its log, {local.home.log('web')}, then run the same command again."
        )
    return problem.message


def test_one_that_ends_is_told_with_the_last_line_of_its_log(local: Machine) -> None:
    said = make(local, tiny(local, free_port(), ENDS="3"))
    assert said == "web ended with exit code 3 before it was ready: cannot read settings"


def test_what_an_earlier_start_said_is_not_blamed(local: Machine) -> None:
    make(local, tiny(local, free_port(), ENDS="3"))
    inputs = {
        **tiny(local, free_port()),
        "command": [sys.executable, "-c", "import sys; sys.exit(4)"],
    }
    assert make(local, inputs) == "web ended with exit code 4 before it was ready"
    assert "cannot read settings" in local.home.log("web").read_text()  # for people


def test_one_that_is_killed_is_told_so(local: Machine) -> None:
    command = "import os; os.kill(os.getpid(), 9)"
    inputs = {**tiny(local, free_port()), "command": [sys.executable, "-c", command]}
    assert make(local, inputs) == "web ended by a signal before it was ready"


def test_one_that_never_answers_is_given_up(local: Machine) -> None:
    port = free_port()
    said = make(local, {**tiny(local, port, MUTE="1"), "seconds": 2})
    assert said.startswith(f"web does not answer at http://127.0.0.1:{port}/ after 2 s")


def test_one_is_stopped_when_the_run_is_cancelled(local: Machine) -> None:
    inputs = tiny(local, free_port(), MUTE="1")
    thread, raised = in_background(lambda: kind("Service").make(local, "web", inputs, {}))
    until(lambda: any("tiny.py" in " ".join(p.cmdline()) for p in ours(local, "web")))
    local.cancelled.set()
    thread.join(30)  # half of what it may take to answer
    assert not thread.is_alive()
    assert [str(error) for error in raised] == ["web was interrupted"]
    assert ours(local) == []


def test_a_stranger_that_answers_in_its_place_is_not_taken_for_it(local: Machine) -> None:
    theirs = Machine(Home(local.project / "theirs"))
    port = free_port()
    try:
        up(theirs, "web", tiny(theirs, port))
        said = make(local, tiny(local, port))
    finally:
        theirs.supervisor.end()
    assert said.startswith("web ended with exit code 1 before it was ready: OSError")
    assert "Address already in use" in said


def test_a_port_that_a_mute_stranger_took_is_told(local: Machine) -> None:
    port = free_port()
    with stranger(port):
        assert "Address already in use" in make(local, tiny(local, port))


def test_a_proxy_of_the_shell_is_not_asked(local: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    inputs = tiny(local, free_port())
    assert kind("Service").make(local, "web", inputs, {})["running"]


def test_a_program_that_is_not_there_is_named(local: Machine) -> None:
    inputs = {**tiny(local, free_port()), "command": ["/nowhere/mlflow", "server"]}
    assert make(local, inputs) == (
        "web ended with exit code 1 before it was ready: /nowhere/mlflow: No such file or directory"
    )
    inputs["command"] = ["no-such-program-of-ours"]
    assert "no-such-program-of-ours: No such file or directory" in make(local, inputs)


class TestBefore:
    def step(self, text: str) -> list[str]:
        return [sys.executable, "-c", text]

    def test_steps_are_done_in_order_before_each_start(self, local: Machine) -> None:
        step = "import os; print(os.getcwd(), os.environ['STEP'], file=open('steps', 'a'))"
        inputs = {**tiny(local, free_port(), STEP="x"), "before": [self.step(step)] * 2}
        folder = local.home.services / "web"
        for starts in (1, 2):
            up(local, "web", inputs)
            assert (folder / "steps").read_text() == f"{folder} x\n" * 2 * starts

    def test_one_that_fails_is_named_and_nothing_is_started(self, local: Machine) -> None:
        failing = self.step("import sys; print('no such revision'); sys.exit(5)")
        inputs = {**tiny(local, free_port()), "before": [failing]}
        said = make(local, inputs)
        assert said.startswith("web ended with exit code 1 before it was ready: `python")
        assert said.endswith("failed with exit code 5")
        assert "no such revision" in local.home.log("web").read_text()
        assert "begins" not in local.home.log("web").read_text()

    def test_a_long_one_ends_when_the_run_is_cancelled(self, local: Machine) -> None:
        inputs = {**tiny(local, free_port()), "before": [self.step("import time; time.sleep(600)")]}
        thread, raised = in_background(lambda: kind("Service").make(local, "web", inputs, {}))
        until(lambda: any("sleep(600)" in " ".join(p.cmdline()) for p in ours(local, "web")))
        local.cancelled.set()
        thread.join(30)
        assert [str(error) for error in raised] == ["web was interrupted"]
        assert ours(local) == []


def test_a_service_sees_its_own_variables_and_few_others(
    local: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of the shell")
    pid = up(local, "web", tiny(local, free_port(), OWN="1"))
    seen = psutil.Process(pid).environ()
    assert seen["OWN"] == "1"
    assert seen["PATH"]
    assert "AWS_SECRET_ACCESS_KEY" not in seen


def test_changed_files_and_variables_are_there_after_the_next_start(local: Machine) -> None:
    inputs = {**tiny(local, free_port()), "files": {"a.ini": "one"}}
    first = up(local, "web", inputs)
    second = up(local, "web", {**inputs, "files": {"a.ini": "two"}})
    assert not running(first)
    assert (local.home.services / "web" / "a.ini").read_text() == "two"
    assert answer(inputs["port"]) == second


def test_modules_of_plinth_are_not_taken_from_the_working_folder(local: Machine) -> None:
    inputs = {**tiny(local, free_port()), "files": {"plinth.py": "raise SystemExit(9)"}}
    assert up(local, "web", inputs)


def test_one_without_http_is_ready_when_a_command_says_so(local: Machine) -> None:
    sign = local.project / "ready"
    port = free_port()
    inputs = {**tiny(local, port), "health": "/none", "ready": ["test", "-f", str(sign)]}
    thread, raised = in_background(lambda: kind("Service").make(local, "web", inputs, {}))
    until(lambda: bool(ours(local, "web")))
    thread.join(2)
    assert thread.is_alive()
    sign.touch()
    thread.join(60)
    assert raised == []
    assert running(answer(port))


def test_one_is_ended_by_the_signal_that_it_wants(local: Machine) -> None:
    told = local.project / "told"
    script = (
        "import http.server, pathlib, signal, sys\n"
        "def end(number, frame):\n"
        f"    pathlib.Path({str(told)!r}).write_text(signal.Signals(number).name)\n"
        "    sys.exit()\n"
        "for each in (signal.SIGINT, signal.SIGTERM): signal.signal(each, end)\n"
        "class Handler(http.server.BaseHTTPRequestHandler):\n"
        "    def do_GET(self): self.send_response(200); self.end_headers()\n"
        "http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), Handler).serve_forever()\n"
    )
    for stop, name in ((None, "SIGTERM"), ("INT", "SIGINT")):
        port = free_port()
        inputs = {**tiny(local, port), "command": [sys.executable, "-c", script, str(port)]}
        kind("Service").make(local, "web", {**inputs, "stop": stop}, {})
        kind("Service").delete(local, "web", {})
        assert told.read_text() == name
