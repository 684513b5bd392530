"""A new cloud is one class and one registration: here, a toy that has nothing but buckets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pulumi
import pulumi_random as random
import pytest

from plinth import planning, registry, support
from plinth.blueprint import Blueprint
from plinth.clouds import STATEFUL_ANYWHERE, CloudInfo, base
from plinth.errors import SpecError
from plinth.ports import PROTOCOLS, Bucket, Port, methods
from plinth.spec.models import CAPABILITIES
from plinth.spec.options import BucketOptions
from plinth.spec.schema import json_schema

SPEC = """\
apiVersion: plinth/v1
name: churn
owner: ml@example.com
cost: {center: "4711", monthly_budget: 3000}
cloud: toy
artifacts: {buckets: {features: {}}}
"""


class Toy:
    """The adapter: an object store whose buckets are made-up words."""

    def __init__(self, blueprint: Blueprint, *, parent: pulumi.Resource) -> None:
        providers = (base.random_provider(parent),)
        self._site = base.Site(blueprint=blueprint, account="sandbox", providers=providers)

    def bucket(self, role: str, options: BucketOptions, *, parent: pulumi.Resource) -> Bucket:
        return ToyBucket("Bucket", role, self._site, parent).handle

    def outputs(self) -> Mapping[str, Any]:
        return {"account": self._site.account}


class ToyBucket(base.Component):
    @property
    def handle(self) -> Bucket:
        role = self.pulumi_resource_name
        word = random.RandomPet(role, length=2, opts=self.child(stateful=True))
        uri = pulumi.Output.concat("s3://", word.id)
        return Bucket(role=role, name=word.id, uri=uri, protocol="s3", ref=word)


def _nothing(_blueprint: Blueprint) -> Sequence[Any]:
    return ()


CLOUD = CloudInfo(
    name="toy",
    title="Toy Cloud",
    adapter=f"{__name__}:Toy",
    products={Port.OBJECT_STORE: "Made-up words"},
    sdk="pulumi_random",
    extra="kubernetes",
    packages=("random",),
    stateful=STATEFUL_ANYWHERE.__contains__,
    check=_nothing,
)


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The one registration, as a line of the table or an entry point would be."""
    monkeypatch.setitem(registry._CLOUDS, "toy", f"{__name__}:CLOUD")
    _forget()
    yield
    monkeypatch.undo()
    _forget()


def _forget() -> None:
    registry._clouds.cache_clear()
    registry.cloud.cache_clear()


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    file = tmp_path / "platform.yaml"
    file.write_text(SPEC, encoding="utf-8")
    return file


def test_a_platform_is_planned_on_it(spec: Path) -> None:
    made = planning.plan(spec, "dev")
    assert made.graph.cloud == "toy"
    assert made.counts == {"foundation": 1, "artifacts": 4}  # the provider, and a word a bucket
    assert made.violations == ()
    outputs = made.graph.outputs
    assert outputs["account"] == "sandbox"
    assert {role for role in outputs if role.startswith("artifacts_buckets_")} == {
        f"artifacts_buckets_{role}" for role in ("models", "datasets", "logs", "features")
    }
    assert outputs["artifacts_dvc_remote"] == f"{outputs['artifacts_buckets_datasets']}/dvc"


def test_what_holds_data_is_guarded_without_a_line_for_it(spec: Path) -> None:
    spec.write_text(f"{SPEC}durable: true\n", encoding="utf-8")
    pets = [r for r in planning.plan(spec, "dev").graph if r.type.endswith(":RandomPet")]
    assert [pet.protect for pet in pets] == [True] * 4


def test_another_cloud_s_spec_can_be_asked_what_it_would_be_there(spec: Path) -> None:
    text = SPEC.replace("cloud: toy", "cloud: aws\nregion: eu-west-1")
    spec.write_text(text, encoding="utf-8")
    there = planning.plan(spec, "dev", cloud="toy")
    assert there.graph.cloud == "toy"
    assert there.blueprint.settings.region is None


def test_a_tool_that_needs_more_is_refused_with_the_clouds_that_have_it(spec: Path) -> None:
    spec.write_text(f"{SPEC}tracking: {{}}\n", encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        planning.plan(spec, "dev")
    (problem,) = caught.value.problems
    assert problem.code == "port-missing"
    assert problem.path == "tracking.tool"
    assert problem.location is not None
    assert "sql-database" in problem.message
    assert problem.message.endswith("which Toy Cloud does not offer here")
    assert problem.allowed == ("aws", "azure", "gcp", "kubernetes", "local")


def test_support_matrix_lists_it() -> None:
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in support.markdown().splitlines()
        if line.startswith("|")
    ]
    column = rows[0].index("Toy Cloud")
    answers = {row[1]: row[column] for row in rows if row[0] in ("artifacts", "tracking")}
    assert answers == {"Buckets": "default", "MLflow": "-"}
    assert {row[0]: row[-1] for row in rows}["object-store"] == "Made-up words"


def test_schema_lists_it() -> None:
    whole = json_schema()["properties"]
    assert whole["cloud"]["enum"] == list(registry.cloud_names())
    assert "toy" in whole["clouds"]["properties"]
    narrow = json_schema("toy")
    assert narrow["properties"]["cloud"]["enum"] == ["toy"]
    blocks = {name: narrow["$defs"][name] for name in CAPABILITIES}
    assert blocks.pop("artifacts")["properties"]["tool"]["enum"] == ["buckets"]
    assert all(block == {"not": {}} for block in blocks.values())  # nothing may be written there


def test_the_adapter_is_one_class_that_has_what_it_lists() -> None:
    adapter: object = registry.cloud("toy").load_adapter()
    assert adapter is Toy
    assert Toy.__bases__ == (object,)  # ports are shapes: there is nothing to derive from
    have = {
        port
        for port, protocol in PROTOCOLS.items()
        if all(hasattr(Toy, name) for name in methods(protocol))
    }
    assert have == registry.cloud("toy").ports == {Port.OBJECT_STORE}
