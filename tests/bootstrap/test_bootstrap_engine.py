"""Accounts prepared for real by the engine, on simulated clouds: repeated, interrupted, moved."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from accounts_support import CLOUDS, PLACES, graph, order
from plinth.bootstrap.landing import Landing
from plinth.engine.settings import files_url
from plinth.engine.workspace import Stack
from plinth.errors import EngineError, UsageError
from project import Project

pytestmark = pytest.mark.engine

LATER = pytest.mark.slow
REST = [pytest.param(cloud, marks=() if cloud == "azure" else LATER) for cloud in CLOUDS]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """An account that is two things, for what is about its state and not about them."""
    from plinth.bootstrap import landing
    from plinth.bootstrap.order import Order

    def build_small(order: Order, _limits: object = None) -> Any:
        import pulumi
        import pulumi_aws as aws

        def program() -> None:
            provider = aws.Provider("aws", region=order.region)
            opts = pulumi.ResourceOptions(provider=provider)
            aws.sns.Topic("one", opts=opts)
            aws.sns.Topic("two", opts=opts)
            if order.trust:
                pulumi.export("trust", order.trust.to_json())

        return program

    monkeypatch.setattr(landing, "build", build_small)


def cloud_of(landing: Landing) -> Path:
    return landing.folder / ".plinth" / "rehearsal" / landing.order.stack / "cloud"


@pytest.mark.parametrize("cloud", REST)
def test_twice_changes_nothing_and_the_state_is_where_it_belongs(
    cloud: str, tmp_path: Path
) -> None:
    landing = Landing(order(cloud), tmp_path, rehearse=True)
    assert landing.up().summary["create"] > 20
    assert landing.moved
    mark = json.loads((landing.folder / "rehearsed.json").read_text(encoding="utf-8"))
    backend = landing.folder / ".plinth" / "rehearsal" / landing.order.stack / "backend"
    assert mark["to"] == files_url(backend)
    assert list(backend.rglob(f"{landing.order.stack}.json"))

    again = Landing(order(cloud), tmp_path, rehearse=True)
    assert again.preview().changed == ()
    assert again.up().changed == ()


@pytest.mark.parametrize(
    "fault",
    [
        {"action": "crash", "nth": 30, "when": "after"},
        pytest.param({"action": "fail", "nth": 1, "message": "AccessDenied"}, marks=LATER),
        pytest.param({"action": "crash", "nth": 7}, marks=LATER),
        pytest.param({"action": "throttle", "nth": 52}, marks=LATER),
    ],
    ids=["crash-30", "fail-1", "crash-7", "throttle-52"],
)
def test_interrupted_anywhere_it_goes_on(fault: dict[str, Any], tmp_path: Path) -> None:
    plan = tmp_path / "faults.json"
    plan.write_text(json.dumps([{"operation": "create", **fault}]), encoding="utf-8")
    with pytest.raises(EngineError):
        Landing(order("aws"), tmp_path, rehearse=True, faults=plan).up()
    landing = Landing(order("aws"), tmp_path, rehearse=True, faults=plan)
    assert not landing.moved
    landing.up()
    assert landing.moved
    assert Landing(order("aws"), tmp_path, rehearse=True).preview().changed == ()


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("step", ["take", "preview", "export"])
def test_interrupted_while_it_moves_it_moves_the_next_time(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After any step of the move: the local state is whole until the other has been looked at."""
    landing = Landing(order("aws"), tmp_path, rehearse=True)
    done = getattr(Stack, step)

    def cut_off(self: Stack, *args: Any, **kwargs: Any) -> None:
        done(self, *args, **kwargs)
        if self.settings.state is not None or step == "export":
            raise KeyboardInterrupt

    landing._stack(landing._first).up()
    with monkeypatch.context() as patch:
        patch.setattr(Stack, step, cut_off)
        with pytest.raises(KeyboardInterrupt):
            landing.move()
    assert not landing.moved
    again = Landing(order("aws"), tmp_path, rehearse=True)
    assert again.up().changed == ()
    assert again.moved


@pytest.mark.usefixtures("small")
def test_on_another_machine_the_state_is_found_in_the_backend(tmp_path: Path) -> None:
    landing = Landing(order("aws"), tmp_path, rehearse=True)
    landing.up()
    (landing.folder / "rehearsed.json").unlink()
    rehearsal = landing.folder / ".plinth" / "rehearsal" / landing.order.stack
    (rehearsal / "state").rename(rehearsal / "elsewhere")
    again = Landing(order("aws"), tmp_path, rehearse=True)
    assert again.up().changed == ()
    assert again.moved


@pytest.mark.usefixtures("small")
def test_whom_to_trust_is_remembered(tmp_path: Path) -> None:
    from dataclasses import replace

    Landing(order("aws"), tmp_path, rehearse=True).up()
    forgetful = Landing(replace(order("aws"), trust=None), tmp_path, rehearse=True)
    assert forgetful.order.trust == order("aws").trust
    assert forgetful.preview().changed == ()


@pytest.mark.parametrize("name", [pytest.param(cloud, marks=LATER) for cloud in CLOUDS])
def test_what_an_administrator_made_is_taken_over(name: str, tmp_path: Path) -> None:
    """The identities are there, as the script makes them; nothing else is."""
    from dataclasses import replace

    from plinth.bootstrap.script import command
    from plinth.rehearsal import launch
    from plinth.rehearsal.cloud import Cloud

    by_hand = {each.urn: each.type for each in graph(name) if command(each, order(name))}
    # To bind a member once more changes nothing on Google Cloud.
    imported = [urn for urn, kind in by_hand.items() if not kind.endswith("Member")]
    landing = Landing(order(name), tmp_path, rehearse=True)
    landing.up()
    with Cloud(launch.database(cloud_of(landing))) as cloud:
        kept = []
        for each in list(cloud.resources()):
            if each.urn in by_hand:
                kept.append(each.urn)
            else:
                cloud.delete(each)
        assert sorted(kept) == sorted(by_hand)
    rehearsal = landing.folder / ".plinth" / "rehearsal" / landing.order.stack
    for gone in ("state", "backend"):
        (rehearsal / gone).rename(rehearsal / f"{gone}-gone")
    (landing.folder / "rehearsed.json").unlink()

    adopting = Landing(replace(order(name), adopt=True), tmp_path, rehearse=True)
    summary = adopting.up().summary
    assert summary["import"] == len(imported)
    assert Landing(order(name), tmp_path, rehearse=True).preview().changed == ()


#: As the provider tells it of an account that AWS Control Tower has set up.
_RECORDING = (
    "putting ConfigService Configuration Recorder (plinth): operation error Config Service: "
    "PutConfigurationRecorder, https response error StatusCode: 400, RequestID: A1, "
    "MaxNumberOfConfigurationRecordersExceededException: Failed to put configuration recorder "
    "'plinth' because the maximum number of configuration recorders: 1 is reached."
)


def test_what_the_organisation_has_is_left_out_and_stays_so(tmp_path: Path) -> None:
    project = Project(tmp_path)
    plan = tmp_path / "faults.json"
    fault = {"operation": "create", "action": "fail", "type": "aws:cfg/recorder:Recorder"}
    plan.write_text(json.dumps([{**fault, "message": _RECORDING, "times": 99}]), encoding="utf-8")
    words = ("bootstrap", "aws", "--account", "222222222222", "--rehearse")
    stopped = project.json(*words, "--faults", str(plan), code=1)
    (problem,) = stopped["problems"]
    assert problem["code"] == "part-taken"
    assert "--without config-recorder" in problem["message"]

    left = ("--without", "config-recorder", "--without", "budget")
    made = project.json(*words, "--faults", str(plan), *left)
    assert made["moved"]
    assert made["variables"] == {}
    again = project.run(*words, "--faults", str(plan))
    assert "nothing to change" in again.stdout
    assert "left out: config-recorder, budget" in again.stdout
    back = project.json(*words, "--without", "none")
    assert {each["name"] for each in back["changes"] if each["op"] == "create"} == {
        "budget", "config", "tags",
    }  # fmt: skip


def test_outages_are_for_simulated_clouds(tmp_path: Path) -> None:
    plan = tmp_path / "faults.json"
    plan.write_text("[]", encoding="utf-8")
    with pytest.raises(UsageError) as raised:
        Landing(order("aws"), tmp_path, faults=plan)
    assert raised.value.problems[0].code == "faults-without-rehearsal"


def test_from_the_command_line(tmp_path: Path) -> None:
    project = Project(tmp_path)
    words = ("bootstrap", "aws", "--account", "222222222222", "--rehearse", "--yes")
    trust = ("--ci", "github", "--repository", "example/churn", "--environment", "prod")
    made = project.json(*words, *trust)
    assert made["moved"]
    assert made["summary"]["create"] > 50
    assert made["outputs"]["deploy_identity"].endswith(":role/plinth-deploy")
    codes = {problem["code"] for problem in made["quotas"]}
    assert codes == {"quota-too-small"}  # a new account may have next to nothing
    assert any("need up to" in problem["message"] for problem in made["quotas"])

    shown = project.run(*words)
    assert "nothing to change" in shown.stdout
    assert "the limit is 5" in shown.stdout
    assert "no CI is trusted" not in shown.stdout

    stopped = project.json("bootstrap", "aws", code=2)
    assert stopped["problems"][0]["code"] == "which-account"
    nobody = project.json("bootstrap", "aws", "--account", "222222222222", code=2)
    assert nobody["problems"][0]["code"] == "confirmation-needed"
    wrong = project.json("bootstrap", "awss", code=2)
    assert wrong["problems"][0]["nearest"] == "aws"


@LATER
def test_a_quota_that_was_raised_is_large_enough(tmp_path: Path) -> None:
    from dataclasses import replace

    from example import SPEC
    from plinth.bootstrap.order import order_of
    from plinth.rehearsal import launch
    from plinth.rehearsal.cloud import Cloud, Record

    found = order_of("aws", SPEC, account=PLACES["aws"][0])
    landing = Landing(replace(found, trust=order("aws").trust), tmp_path, rehearse=True)
    landing.preview()
    short = {each.need.quota.code: each for each in landing.shortages}
    assert short["L-1216C47A"].limit == 5
    directory = cloud_of(landing)
    with Cloud(launch.database(directory)) as cloud:
        cloud.add(
            Record(
                scope="aws:111111111111",
                type="aws:servicequotas/serviceQuota:ServiceQuota",
                id="ec2/L-1216C47A",
                urn=None,
                region="eu-west-1",
                inputs={},
                outputs={"quotaCode": "L-1216C47A", "value": 500},
            )
        )
    landing.preview()
    assert "L-1216C47A" not in {each.need.quota.code for each in landing.shortages}
