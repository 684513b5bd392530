from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import grpc
import pytest
from rehearsal_client import Client, serving

from plinth.errors import UsageError
from plinth.rehearsal.cloud import Cloud
from plinth.rehearsal.faults import Call, Fault, Faults, Planned, load

QUEUE = "aws:sqs/queue:Queue"


def faults(cloud: Cloud, *plan: Planned) -> Faults:
    return Faults(plan, cloud, lambda _: None)


def struck(work: Faults, call: Call) -> list[str]:
    return [fault.action for fault in work.due(call)]


def test_a_fault_strikes_at_its_call_and_for_as_long_as_planned(cloud: Cloud) -> None:
    work = faults(cloud, Planned(action="fail", operation="create", nth=2, times=2))
    create = Call("create", QUEUE, "urn::a")
    assert [struck(work, create) for _ in range(4)] == [[], ["fail"], ["fail"], []]


def test_only_matching_calls_count(cloud: Cloud) -> None:
    work = faults(cloud, Planned(action="throttle", operation="*", type="aws:sqs/*", urn="*::b"))
    assert struck(work, Call("create", QUEUE, "urn::a")) == []
    assert struck(work, Call("create", "aws:sns/topic:Topic", "urn::b")) == []
    assert struck(work, Call("update", QUEUE, "urn::b")) == ["throttle"]


def test_a_fault_does_not_strike_again_after_a_restart(cloud: Cloud) -> None:
    plan = Planned(action="fail", operation="create")
    assert struck(faults(cloud, plan), Call("create", QUEUE)) == ["fail"]
    assert struck(faults(cloud, plan), Call("create", QUEUE)) == []


def test_two_equal_faults_are_two(cloud: Cloud) -> None:
    plan = Planned(action="fail", operation="create", nth=2)
    work = faults(cloud, plan, plan)
    assert struck(work, Call("create", QUEUE)) == []
    assert struck(work, Call("create", QUEUE)) == ["fail", "fail"]


def test_each_moment_has_its_own_faults(cloud: Cloud) -> None:
    waited: list[float] = []
    work = Faults((), cloud, waited.append)
    plan = [Planned(action="hang", seconds=7), Planned(action="fail", when="after", message="no")]
    work.strike(plan, "before")
    assert waited == [7]
    with pytest.raises(Fault, match="no"):
        work.strike(plan, "after")


@pytest.mark.parametrize(
    "text",
    ["{", "{}", '[{"action": "explode"}]', '[{"action": "fail", "operaton": "create"}]'],
)
def test_bad_plans_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "faults.json").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"faults\.json is not a plan"):
        load(tmp_path / "faults.json")


def test_a_plan_is_read(tmp_path: Path) -> None:
    plan: list[dict[str, Any]] = [{"action": "hang", "seconds": 2, "urn": "*::orders"}]
    (tmp_path / "faults.json").write_text(json.dumps(plan), encoding="utf-8")
    (fault,) = load(tmp_path / "faults.json")
    assert (fault.action, fault.seconds, fault.nth) == ("hang", 2, 1)


def test_failing_before_makes_nothing_and_failing_after_leaves_an_orphan(cloud: Cloud) -> None:
    plan = [
        Planned(action="fail", operation="create", urn="*::first", message="no capacity"),
        Planned(action="throttle", operation="create", urn="*::second", when="after"),
    ]
    with serving("aws", cloud, plan) as address:
        client = Client(address, region="eu-west-1")
        with pytest.raises(grpc.RpcError, match="no capacity"):
            client.make(QUEUE, {"name": "one"}, name="first")
        assert cloud.resources() == []
        with pytest.raises(grpc.RpcError, match="Rate exceeded"):
            client.make(QUEUE, {"name": "two"}, name="second")
    (orphan,) = cloud.resources()
    assert orphan.urn is not None
    assert cloud.find(orphan.urn) == orphan.id


def test_a_hanging_call_ends_when_the_engine_cancels(cloud: Cloud) -> None:
    plan = [Planned(action="hang", operation="create", seconds=600)]
    with serving("aws", cloud, plan) as address:
        client = Client(address, region="eu-west-1")
        making = threading.Thread(target=client.make, args=(QUEUE, {"name": "one"}))
        making.start()
        while cloud.count("waiting") < 3:
            time.sleep(0.05)
        assert making.is_alive()
        client.cancel()
        making.join(30)
        assert not making.is_alive()
