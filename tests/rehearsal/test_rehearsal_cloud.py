from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from plinth.errors import EngineError
from plinth.rehearsal.cloud import Cloud, Record, merged


def record(id_: str = "web", **more: Any) -> Record:
    known = {"scope": "aws:1", "type": "aws:sqs/queue:Queue", "urn": f"urn::{id_}", **more}
    return Record(id=id_, **known)


def test_what_is_added_is_found_again_by_another_process(tmp_path: Path) -> None:
    with Cloud(tmp_path / "db") as first:
        first.add(record(inputs={"name": "web"}, outputs={"url": "https://web"}))
    with Cloud(tmp_path / "db") as second:
        (found,) = second.resources()
        assert found.state == {"name": "web", "url": "https://web"}
        assert second.find("urn::web") == "web"
        assert second.find("urn::other") is None


def test_identifiers_are_unique_per_type_and_scope(cloud: Cloud) -> None:
    cloud.add(record())
    cloud.add(record(scope="aws:2"))
    cloud.add(record(type="aws:sns/topic:Topic"))
    with pytest.raises(EngineError, match="already exists"):
        cloud.add(record())
    with pytest.raises(EngineError, match="already exists"):
        cloud.add(record(region="eu-central-1"))


def test_some_identifiers_are_taken_in_one_region_only(cloud: Cloud) -> None:
    first, second = (cloud.add(record(region=name), regional=True) for name in ("a", "b"))
    with pytest.raises(EngineError, match="already exists"):
        cloud.add(second, regional=True)
    cloud.delete(first)
    assert cloud.get(second.type, second.id, second.scope, "a") is None
    assert cloud.get(second.type, second.id, second.scope) == second


def test_selecting(cloud: Cloud) -> None:
    for id_ in ("a", "b"):
        cloud.add(record(id_))
    cloud.add(record("c", type="aws:sns/topic:Topic", scope="aws:2"))
    assert [r.id for r in cloud.resources(type="aws:sqs/*")] == ["a", "b"]
    assert [r.id for r in cloud.resources(scope="aws:2")] == ["c"]
    assert [r.id for r in cloud.resources(urn="*::b")] == ["b"]


def test_a_patch_reaches_into_inputs_and_outputs(cloud: Cloud) -> None:
    made = cloud.add(
        record(inputs={"tags": {"a": "1"}, "rules": [{"p": 1}]}, outputs={"state": "ok"})
    )
    cloud.patch(made, "tags.b", "2")
    cloud.patch(made, "rules[0].p", 5)
    cloud.patch(made, "state", "broken")
    now = cloud.patch(made, "tags.a", None)
    assert now.inputs == {"tags": {"b": "2"}, "rules": [{"p": 5}]}
    assert now.outputs == {"state": "broken"}
    assert now.revision == 5


def test_patching_what_is_gone(cloud: Cloud) -> None:
    made = cloud.add(record())
    cloud.delete(made)
    cloud.delete(made)
    with pytest.raises(EngineError, match="does not exist"):
        cloud.patch(made, "name", "x")


def test_the_newest_of_two_with_one_urn_is_found(cloud: Cloud) -> None:
    cloud.add(record("old", urn="urn::x"))
    cloud.add(record("new", urn="urn::x"))
    assert cloud.find("urn::x") == "new"


def test_mentions_are_whole_texts(cloud: Cloud) -> None:
    cloud.add(record("a", inputs={"vpcId": "vpc-1"}))
    cloud.add(record("b", inputs={"vpcId": "vpc-12"}))
    cloud.add(record("c", inputs={"nested": [{"ids": ["vpc-1"]}]}))
    cloud.add(record("d", inputs={"vpcId": "vpc_1"}))
    assert [r.id for r in cloud.mentioning("vpc-1", "aws:1")] == ["a", "c"]
    assert [r.id for r in cloud.mentioning("vpc_1", "aws:1")] == ["d"]


def test_a_failed_transaction_leaves_nothing(cloud: Cloud) -> None:
    def fail() -> None:
        with cloud.transaction():
            cloud.add(record())
            cloud.add(record())

    with pytest.raises(EngineError):
        fail()
    assert cloud.resources() == []


def test_threads_share_one_cloud(cloud: Cloud) -> None:
    def add(number: int) -> None:
        with cloud.transaction():
            cloud.add(record(f"r{number}"))
            counted.append(cloud.count("added"))

    counted: list[int] = []
    threads = [threading.Thread(target=add, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(cloud.resources()) == 20
    assert sorted(counted) == list(range(1, 21))


def test_merging_goes_into_objects_only() -> None:
    assert merged({"a": {"b": 1}, "l": [1]}, {"a": {"c": 2}, "l": [2]}) == {
        "a": {"b": 1, "c": 2},
        "l": [2],
    }
