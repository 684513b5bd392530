"""A whole life on this machine, in the real engine, with tiny services."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from local_machine import answer, ours, running, stranger, supervisor_of
from tinytool import KNOWN

from plinth.local import home as homes
from plinth.local import packages, processes
from plinth.local.home import Home
from plinth.local.kinds import Machine
from plinth.local.supervisor import marks
from served import free_port, until

pytestmark = pytest.mark.engine

ROOT = Path(__file__).parents[2]
PLINTH = (sys.executable, "-c", f"{KNOWN}from plinth.cli import main\nmain()")


class Project:
    """A project with one environment on this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.variables: dict[str, str] = {}
        self.local = Machine(Home(folder / ".plinth" / "local" / "local"))
        (folder / "stacks").mkdir()
        project = yaml.safe_load((ROOT / "Pulumi.yaml").read_text(encoding="utf-8"))
        project["runtime"]["options"]["virtualenv"] = str(ROOT / ".venv")
        (folder / "Pulumi.yaml").write_text(yaml.safe_dump(project), encoding="utf-8")
        (folder / "stacks" / "__main__.py").write_text(
            f"{KNOWN}from plinth.program import main\nmain()\n", encoding="utf-8"
        )
        self.ports = {"one": free_port(), "two": free_port()}
        self.durable = False
        self.tracking: dict[str, Any] = {}
        self.write()

    def write(self, **tracking: Any) -> None:
        self.tracking |= tracking
        spec = {
            "apiVersion": "plinth/v1",
            "name": "churn",
            "owner": "ml@example.com",
            "cost": {"center": "4711", "monthly_budget": 10},
            "cloud": "local",
            "tracking": {"tool": "tiny", **self.tracking},
            "environments": {
                "local": {"durable": self.durable, "clouds": {"local": {"ports": self.ports}}}
            },
        }
        (self.folder / "stacks" / "platform.yaml").write_text(yaml.safe_dump(spec), "utf-8")

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Runs a command as a terminal does, in a process group of its own."""
        return subprocess.Popen(
            [*PLINTH, *words],
            cwd=self.folder,
            env={**os.environ, **self.variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *words: str, code: int = 0) -> str:
        process = self.start(*words)
        said, _ = process.communicate(timeout=180)
        assert process.returncode == code, said
        assert "Traceback" not in said
        return said

    def json(self, *words: str) -> Any:
        return json.loads(self.run(*words, "--json"))

    def changed(self, *words: str) -> dict[str, str]:
        """What a command changes: name and type, and how."""
        return {
            f"{change['name']} {change['type'].rsplit(':', 1)[-1]}": change["op"]
            for change in self.json(*words)["changes"]
            if change["op"] not in {"same", "read", "refresh"}
            and ":index:" in change["type"]
            and change["type"].startswith("plinth-local")
        }

    def pids(self) -> dict[str, int]:
        return {name: answer(port) for name, port in self.ports.items()}

    @property
    def quiet(self) -> bool:
        """Nothing runs, no port is given."""
        file = homes.cache_directory() / "ports.json"
        given = json.loads(file.read_text()) if file.exists() else {}
        return not ours(self.local) and not any(
            str(owner).startswith(f"{self.local.home.root}#") for owner in given.values()
        )


@pytest.fixture
def project(monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    for name in ("PULUMI_BACKEND_URL", "PULUMI_ACCESS_TOKEN", "PULUMI_CONFIG_PASSPHRASE",
                 "PULUMI_CONFIG_PASSPHRASE_FILE"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    folder = Path(tempfile.mkdtemp(prefix="pl-")).resolve()
    monkeypatch.setenv("PULUMI_HOME", str(folder / "pulumi"))
    made = Project(folder)
    try:
        yield made
    finally:
        processes.end(marks(made.local.home))
        shutil.rmtree(folder, ignore_errors=True)


def test_a_life(project: Project) -> None:
    made = project.changed("up", "local", "--yes")
    assert set(made.values()) == {"create"}
    assert {"one Service", "two Service", "environment Environment"} <= set(made)
    first = project.pids()

    # Up changes nothing, nor does a preview.
    assert project.changed("up", "local", "--yes") == {}
    project.run("preview", "local", "--expect-no-changes")
    assert project.pids() == first

    # No secret where others can read: neither in the state, nor in arguments, nor in other files.
    password = psutil.Process(first["one"]).environ()["PASSWORD"]
    with_it = [
        path
        for path in project.folder.rglob("*")
        if path.is_file() and password.encode() in path.read_bytes()
    ]
    assert {path.name for path in with_it} == {"launch.json", "users"}
    assert all(path.stat().st_mode & 0o077 == 0 for path in with_it)

    # One that was killed is found by a preview, told by a refresh, repaired by up; data are kept.
    os.kill(first["one"], signal.SIGKILL)
    until(lambda: not psutil.pid_exists(first["one"]))  # the supervisor knows it then
    assert "one" in project.run("preview", "local", "--expect-no-changes", code=4)
    assert project.changed("refresh", "local") == {"one Service": "update"}
    assert project.changed("up", "local", "--yes") == {"one Service": "update"}
    second = project.pids()
    assert second["one"] != first["one"]
    assert second["two"] == first["two"]
    kept = project.local.home.data / "one-data" / "users"
    assert kept.read_text() == password

    # An edited option restarts that service only.
    project.write(level="debug")
    assert project.changed("up", "local", "--yes") == {"one Service": "update"}
    third = project.pids()
    assert psutil.Process(third["one"]).environ()["LEVEL"] == "debug"
    assert third["one"] != second["one"]
    assert third["two"] == first["two"]

    # A supervisor that is gone takes nothing along that the next up does not bring back.
    daemon = supervisor_of(project.local)
    daemon.kill()
    until(lambda: not running(daemon.pid))
    assert project.changed("up", "local", "--yes") == {
        "one Service": "update",
        "two Service": "update",
    }
    assert not running(third["one"])
    assert not running(third["two"])

    # Destroy says that data are lost, and leaves nothing.
    destroyed = project.json("destroy", "local", "--yes")
    risks = {change["name"]: change["risk"] for change in destroyed["changes"]}
    assert risks["one-data"] == "data-loss"
    assert project.quiet
    assert not project.local.home.root.exists()


def test_a_durable_one_leaves_its_data_and_takes_them_up_again(project: Project) -> None:
    project.durable = True
    project.write()
    project.run("up", "local", "--yes")
    password = psutil.Process(project.pids()["one"]).environ()["PASSWORD"]
    told = project.run("destroy", "local", "--yes")
    assert "the old one is kept" in told
    destroyed = {
        change["name"]: change for change in project.json("up", "local", "--yes")["changes"]
    }
    assert destroyed["one-data"]["op"] == "create"
    # The old password opens the old data: else it would not have become ready.
    assert psutil.Process(project.pids()["one"]).environ()["PASSWORD"] == password
    risks = {
        change["name"]: change["risk"]
        for change in project.json("destroy", "local", "--yes")["changes"]
    }
    assert risks["one-data"] == risks["tiny-admin"] == "low"
    assert project.quiet
    assert {path.name for path in project.local.home.root.iterdir()} == {
        ".plinth-environment", "data", "passwords",
    }  # fmt: skip

    # No longer durable, the same data go for good.
    project.durable = False
    project.write()
    project.run("up", "local", "--yes")
    assert not project.local.home.passwords.exists() or not any(
        project.local.home.passwords.iterdir()
    )
    project.run("destroy", "local", "--yes")
    assert project.quiet
    assert not project.local.home.root.exists()


def test_plain_pulumi_works_on_the_same_environment(project: Project) -> None:
    project.run("up", "local", "--yes")
    before = project.pids()
    said = project.json("engine", "env", "local")
    variables = said["variables"]

    def pulumi(*words: str) -> str:
        done = subprocess.run(
            ["pulumi", *words, "-s", "local", "--non-interactive"],
            cwd=project.folder / "stacks",  # anywhere in the project
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    pulumi("preview", "--expect-no-changes")
    assert project.pids() == before
    pulumi("destroy", "--yes")
    assert project.quiet
    assert not project.local.home.root.exists()
    pulumi("up", "--yes", "--skip-preview")
    assert set(project.pids()) == {"one", "two"}
    assert project.changed("up", "local", "--yes") == {}
    project.run("destroy", "local", "--yes")
    assert project.quiet


def test_a_port_that_a_stranger_has_is_left_to_them(project: Project) -> None:
    with stranger(project.ports["one"]):
        uri = project.json("up", "local", "--yes")["outputs"]["tracking_uri"]
        assert uri != f"http://127.0.0.1:{project.ports['one']}"
        assert answer(int(uri.rpartition(":")[2]))
        assert project.changed("up", "local", "--yes") == {}
    # It stays where it is, also when the wanted one is free again.
    assert project.changed("up", "local", "--yes") == {}
    # One that a stranger takes while the service is down is given up.
    pid = answer(int(uri.rpartition(":")[2]))
    os.kill(pid, signal.SIGKILL)
    until(lambda: not psutil.pid_exists(pid))
    with stranger(int(uri.rpartition(":")[2])):
        changed = project.changed("up", "local", "--yes")
        assert changed == {"one Port": "update", "one Service": "update"}
        assert project.json("outputs", "local")["tracking_uri"] != uri
    project.run("destroy", "local", "--yes")
    assert project.quiet


def test_two_environments_side_by_side(project: Project) -> None:
    folder = Path(tempfile.mkdtemp(prefix="pl-")).resolve()
    other = Project(folder)
    other.ports = dict(project.ports)  # both want the same
    other.write()
    try:
        first, second = project.start("up", "local", "--yes"), other.start("up", "local", "--yes")
        for process in (first, second):
            said, _ = process.communicate(timeout=180)
            assert process.returncode == 0, said
        theirs = {process.pid for process in ours(other.local)}
        project.run("destroy", "local", "--yes")
        assert project.quiet
        assert {process.pid for process in ours(other.local)} == theirs
        other.run("preview", "local", "--expect-no-changes")
        other.run("destroy", "local", "--yes")
        assert other.quiet
    finally:
        processes.end(marks(other.local.home))
        shutil.rmtree(folder, ignore_errors=True)


def test_an_interrupt_while_packages_are_installed(project: Project) -> None:
    modules = project.folder / "modules" / "uv"
    modules.mkdir(parents=True)
    (modules / "__init__.py").touch()
    (modules / "__main__.py").write_text("import time; time.sleep(600)", encoding="utf-8")
    path = os.pathsep.join((str(modules.parent), os.environ.get("PYTHONPATH", "")))
    project.variables = {"PYTHONPATH": path}
    digest = packages.digest("mlflow")
    cache = project.folder / "cache"
    project.variables["PLINTH_CACHE"] = str(cache)
    cache.mkdir()
    for name in ("engine", "host"):
        (cache / name).symlink_to(homes.cache_directory() / name)
    target = project.folder / "cache" / "environments" / f"mlflow-{digest}"
    project.write(packages=True)
    process = project.start("up", "local", "--yes")
    installing = {homes.INSTALL: str(target)}
    until(lambda: any(processes.carrying(installing)))
    os.killpg(process.pid, signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "stopped before the end" in said
    assert not any(processes.carrying(installing))
    (modules / "__main__.py").write_text(
        "import pathlib, sys\n"
        "if 'venv' in sys.argv: pathlib.Path(sys.argv[-1]).mkdir(exist_ok=True)\n",
        encoding="utf-8",
    )
    project.run("up", "local", "--yes")
    project.run("destroy", "local", "--yes")
    assert ours(project.local) == []


def _words(process: psutil.Process) -> list[str]:
    with contextlib.suppress(psutil.NoSuchProcess):  # of which one that has ended is a kind
        return process.cmdline()
    return []


def begun(project: Project) -> bool:
    return any("server.py" in " ".join(_words(p)) for p in ours(project.local, "one"))


def test_an_interrupt_while_services_start(project: Project) -> None:
    project.write(slow=40)
    process = project.start("up", "local", "--yes")
    until(lambda: begun(project))
    os.killpg(process.pid, signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "stopped before the end" in said
    assert "Traceback" not in said
    assert ours(project.local) == []  # what did not become ready is stopped
    project.write(slow=0)
    project.run("up", "local", "--yes")
    assert set(project.pids()) == {"one", "two"}
    project.run("destroy", "local", "--yes")
    assert project.quiet


@pytest.mark.parametrize(
    ("victim", "then"), [("provider", "up"), ("engine", "up"), ("all", "up"), ("all", "destroy")]
)
def test_killed_in_the_middle_the_next_run_goes_on_without_a_question(
    project: Project, victim: str, then: str
) -> None:
    project.write(slow=40)
    process = project.start("up", "local", "--yes")
    until(lambda: begun(project))
    tree = {p: _words(p) for p in psutil.Process(process.pid).children(recursive=True)}
    parts = {
        "provider": [p for p, words in tree.items() if "plinth-local" in " ".join(words)],
        "engine": [p for p, words in tree.items() if Path(*words[:1]).name == "pulumi"],
    }
    assert all(parts.values())
    everybody = [psutil.Process(process.pid), *parts["engine"], *parts["provider"]]
    for each in everybody if victim == "all" else parts[victim]:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()
    said, _ = process.communicate(timeout=120)
    assert process.returncode != 0
    assert "Traceback" not in said
    if then == "up":
        project.write(slow=0)
        project.run("up", "local", "--yes")
        assert set(project.pids()) == {"one", "two"}
        project.run("preview", "local", "--expect-no-changes")
    project.run("destroy", "local", "--yes")
    assert project.quiet
    assert not project.local.home.root.exists()


def test_what_cannot_start_is_one_sentence_and_up_goes_on(project: Project) -> None:
    project.write(level="x" * 200_000)  # longer than a variable can be
    said = project.run("up", "local", "--yes", code=1)
    assert "one ended with exit code 1 before it was ready" in said
    assert "Argument list too long" in said.replace("\n", " ")
    project.write(level="info")
    project.run("up", "local", "--yes")
    assert set(project.pids()) == {"one", "two"}
    project.run("destroy", "local", "--yes")
    assert project.quiet
