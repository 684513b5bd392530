"""All environments at once: order, failures, interrupts, and what one of them must not disturb."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plinth import fleet
from plinth.engine.settings import Settings, _passphrase_file
from plinth.fleet import Ended
from project import PLINTH, Project

#: Stands in for the command line: notes when it runs, and ends as its environment says.
_ACTOR = """\
#!{python}
import os, sys, time
name = sys.argv[4]
def note(word):
    with open({log!r}, "a") as log:
        log.write(f"{{word}} {{name}}\\n")
note("start")
print("options", *sys.argv[7:])
print("careful", file=sys.stderr)
time.sleep(0.3)
note("end")
sys.exit(int(os.environ.get("CODE", "0")))
"""

SPEC = """\
apiVersion: plinth/v1
environments:
  dev: {after: []}
  lab: {}
  staging: {after: [dev]}
  prod: {after: [staging, lab]}
"""


@pytest.fixture
def sail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Ended, ...]]:
    """Runs a fleet of stand-ins; ``codes`` by environment are how they end."""
    actor = tmp_path / "actor"
    log = tmp_path / "log"
    actor.write_text(_ACTOR.format(python=sys.executable, log=str(log)), encoding="utf-8")
    actor.chmod(actor.stat().st_mode | stat.S_IXUSR)
    spec = tmp_path / "platform.yaml"
    monkeypatch.setattr(sys, "executable", str(actor))

    def run(codes: dict[str, int] | None = None, **options: Any) -> tuple[Ended, ...]:
        log.unlink(missing_ok=True)
        for name, code in (codes or {}).items():
            monkeypatch.setenv(f"PLINTH_{name.upper()}_CODE", str(code))
        told = options.pop("on_line", lambda _name, _line: None)
        options.setdefault("parallel", 4)
        spec.write_text(options.pop("text", SPEC), encoding="utf-8")
        command = options.pop("command", ["up", "--yes"])
        return fleet.run(spec, command, on_line=told, **options)

    return run


def history(tmp_path: Path) -> list[str]:
    return (tmp_path / "log").read_text(encoding="utf-8").splitlines()


def states(ended: tuple[Ended, ...]) -> dict[str, str]:
    return {each.environment: each.state for each in ended}


Sail = Callable[..., tuple[Ended, ...]]


def test_a_reader_that_went_leaves_everything_to_its_end(sail: Sail, tmp_path: Path) -> None:
    """Such as `| head`, or a terminal that was closed: what is under way has to be waited for."""

    def gone(_name: str, _line: str) -> None:
        raise BrokenPipeError

    assert set(states(sail(on_line=gone)).values()) == {"done"}
    assert history(tmp_path)[-1] == "end prod"


def test_nothing_starts_before_what_it_waits_for(sail: Sail, tmp_path: Path) -> None:
    ended = sail()
    assert list(states(ended)) == ["dev", "lab", "staging", "prod"], "the order of the spec"
    assert set(states(ended).values()) == {"done"}
    log = history(tmp_path)
    assert set(log[:2]) == {"start dev", "start lab"}, "both at once"
    assert log.index("start staging") > log.index("end dev")
    assert log.index("start prod") > max(log.index("end staging"), log.index("end lab"))


def test_one_at_a_time(sail: Sail, tmp_path: Path) -> None:
    sail(parallel=1)
    log = history(tmp_path)
    assert [line.split()[0] for line in log] == ["start", "end"] * 4


def test_a_failure_stops_what_waits_and_nothing_else(sail: Sail, tmp_path: Path) -> None:
    ended = sail({"dev": 3})
    assert states(ended) == {
        "dev": "failed", "lab": "done", "staging": "skipped", "prod": "skipped",
    }  # fmt: skip
    missing = {each.environment: each.missing for each in ended}
    assert missing["staging"] == ("dev",)
    assert missing["prod"] == ("staging",)
    assert not any("staging" in line or "prod" in line for line in history(tmp_path))


def test_without_order_all_run(sail: Sail) -> None:
    ended = sail({"dev": 4}, ordered=False)
    assert states(ended)["prod"] == states(ended)["staging"] == "done"


LOCAL = """\
apiVersion: plinth/v1
name: churn
owner: ml@example.com
cost: {center: "4711", monthly_budget: 10}
cloud: aws
region: eu-west-1
artifacts: {}
environments:
  dev: {after: []}
  local: {cloud: local, after: [dev]}
  prod: {after: [local]}
"""


def test_a_rehearsal_is_without_what_runs_on_this_machine(sail: Sail, tmp_path: Path) -> None:
    told: list[str] = []
    ended = sail(
        text=LOCAL,
        command=["up", "--rehearse"],
        on_line=lambda name, line: told.append(f"{name}: {line}"),
    )
    assert states(ended) == {"dev": "done", "prod": "done"}
    assert history(tmp_path) == ["start dev", "end dev", "start prod", "end prod"]
    assert any(line.startswith("local: left out") for line in told)
    assert list(states(sail(text=LOCAL))) == ["dev", "local", "prod"]


def test_output_is_told_with_its_environment_or_kept(sail: Sail) -> None:
    told: list[tuple[str, str]] = []
    sail(on_line=lambda name, line: told.append((name, line)))
    assert ("prod", "options --yes") in told
    assert ("prod", "careful") in told
    told.clear()
    ended = sail(on_line=lambda name, line: told.append((name, line)), keep=True)
    assert {each.output for each in ended} == {"options --yes\n"}
    assert {line for _, line in told} == {"careful"}


@pytest.mark.parametrize(
    ("codes", "worst"),
    [((0, 0), 0), ((0, 4), 4), ((4, 3), 3), ((3, 2, 4), 2), ((3, 1), 1), ((4, -9), 1),
     ((1, 130), 130)],
)  # fmt: skip
def test_the_worst_code_counts(codes: tuple[int, ...], worst: int) -> None:
    ended = [Ended(environment=f"e{n}", state="done", code=code) for n, code in enumerate(codes)]
    assert fleet.worst(ended) == worst


def test_each_environment_has_variables_of_its_own() -> None:
    given = {"AWS_PROFILE": "any", "PLINTH_PROD_EU_AWS_PROFILE": "eu", "PATH": "/bin"}
    assert fleet.variables("prod-eu", given)["AWS_PROFILE"] == "eu"
    assert fleet.variables("dev", given)["AWS_PROFILE"] == "any"
    assert fleet.variables("dev", given)["PATH"] == "/bin"


def test_those_who_start_together_get_one_passphrase(tmp_path: Path) -> None:
    settings = Settings(root=tmp_path, environment="dev")
    gate = threading.Barrier(8)
    found: list[str] = []

    def read() -> None:
        gate.wait()
        found.append(_passphrase_file(settings).read_text(encoding="utf-8"))

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert found[0]
    assert [each.name for each in settings.home.iterdir()] == ["passphrase"]
    assert (settings.home / "passphrase").stat().st_mode & 0o077 == 0


# --- through the real engine ---------------------------------------------------------------------

TWO_CLOUDS = {
    "dev": {"account": "111111111111", "after": []},
    "lab": {"cloud": "gcp", "region": "europe-west1", "account": "churn-lab"},
    "prod": {"account": "222222222222", "after": ["dev"]},
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path)
    made.write(environments=TWO_CLOUDS)
    made.keep(artifacts={})
    return made


@pytest.mark.engine
def test_two_clouds_and_three_accounts_come_up(project: Project) -> None:
    made = project.json("up", "--all", "--rehearse")
    assert made["ok"] is True
    assert made["problems"] == []
    found = made["environments"]
    outputs = {name: each["result"]["outputs"] for name, each in found.items()}
    assert {name: (each["cloud"], each["account"]) for name, each in outputs.items()} == {
        "dev": ("aws", "111111111111"),
        "lab": ("gcp", "churn-lab"),
        "prod": ("aws", "222222222222"),
    }
    assert {kind.partition(":")[0] for kind, _, _ in project.cloud("lab")} <= {"gcp", "random"}
    assert {kind.partition(":")[0] for kind, _, _ in project.cloud("prod")} <= {"aws", "random"}
    for name in TWO_CLOUDS:
        project.json("preview", name, "--rehearse", "--expect-no-changes")


@pytest.mark.engine
def test_the_wrong_account_of_one_stops_its_followers_alone(project: Project) -> None:
    project.variables["PLINTH_DEV_PLINTH_REHEARSE_ACCOUNT"] = "999999999999"
    told = project.json("up", "--all", "--rehearse", code=1)
    states = {name: each["state"] for name, each in told["environments"].items()}
    assert states == {"dev": "failed", "lab": "done", "prod": "skipped"}
    (problem,) = told["problems"]
    assert (problem["code"], problem["environment"]) == ("wrong-account", "dev")
    assert project.cloud("dev") == []
    assert project.cloud("prod") == []
    shown = project.run("up", "--all", "--rehearse", code=1)
    assert shown.stdout.splitlines()[0].split() == ["environment", "state", "time"]
    assert "waits for dev" in shown.stdout
    assert "dev  │ error environment dev is pinned to AWS account 111111111111" in shown.stderr


@pytest.mark.engine
def test_a_spec_with_problems_starts_nothing(project: Project) -> None:
    project.write(environments={"dev": {"after": ["nowhere"]}})
    told = project.json("up", "--all", "--rehearse", code=2)
    assert told["problems"][0]["code"] == "unknown-environment"
    assert not (project.folder / ".plinth").exists()


@pytest.mark.engine
def test_an_interrupt_is_handed_on_once_and_waited_for(project: Project, tmp_path: Path) -> None:
    """Engines end what is under way and let go of their stacks; nothing is left running."""
    plan = tmp_path / "hang.json"
    fault = {"operation": "create", "type": "*ucket:Bucket", "action": "hang", "seconds": 300}
    plan.write_text(json.dumps([{**fault, "times": 99}]), encoding="utf-8")
    process = subprocess.Popen(
        [*PLINTH, "up", "--all", "--rehearse", "--faults", str(plan)],
        cwd=project.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not all(
        len(project.cloud(name)) > 1 for name in ("dev", "lab")
    ):
        assert process.poll() is None, "it ended before it could be interrupted"
        time.sleep(0.1)
    time.sleep(2)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "Traceback" not in out + err
    assert err.count("Stopping: what is under way is finished first.") == 2
    rows = {line.split()[0]: line for line in out.splitlines()[1:]}
    assert "interrupted" in rows["dev"]
    assert "interrupted" in rows["lab"]
    assert "not started" in rows["prod"]
    locks = (project.folder / ".plinth").rglob("locks/**/*.json")
    assert list(locks) == []
