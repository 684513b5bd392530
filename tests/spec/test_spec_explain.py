"""Where each value of a resolved environment comes from."""

from __future__ import annotations

import pytest

from plinth import blueprint, registry, versions
from plinth.errors import UsageError
from plinth.spec.document import Document, parse
from plinth.spec.explain import Explanation, explain
from plinth.spec.models import Settings

SPEC = """\
apiVersion: plinth/v1
name: churn
owner: ml@example.com
cost: {center: "1", monthly_budget: 10}
cloud: aws
region: eu-west-1
tracking: {}
serving: {tool: kserve, models: {mm: {uri: "s3://b/m", framework: onnx}}}
versions: {kubernetes: "1.34", images: {mlflow: "example.com/mlflow:1"}}
environments:
  dev: {}
  prod:
    durable: true
    cost: {monthly_budget: 20}
    serving: {models: {mm: {replicas: {min: 4, max: 9}}}}
artifacts: {}
"""


def document() -> Document:
    read, problems = parse(SPEC.encode(), "spec.yaml")
    assert not problems
    assert read is not None
    return read


def one(path: str, environment: str = "prod") -> Explanation:
    (found,) = explain(document(), environment, path)
    return found


@pytest.mark.parametrize(
    ("path", "value", "source", "place", "default"),
    [
        ("name", "churn", "spec", "2:7", None),
        ("cost.center", "1", "spec", "4:16", None),
        ("cost.monthly_budget", 20, "overlay", "14:28", None),
        ("cost.currency", "USD", "default", None, "USD"),
        ("durable", True, "overlay", "13:14", False),
        ("network.zones", 3, "default", None, 3),
        ("network.nat", "per-zone", "derived", None, "per-zone"),
        ("backups.enabled", True, "derived", None, True),
        ("tracking.tool", "mlflow", "derived", None, "mlflow"),
        ("tracking.replicas.max", 6, "derived", None, 6),
        ("serving.tool", "kserve", "spec", "8:17", "kserve"),
        ("serving.models.mm.framework", "onnx", "spec", "8:67", None),
        ("serving.models.mm.replicas.min", 4, "overlay", "15:45", 2),
        ("versions.kubernetes", "1.34", "spec", "9:24", versions.defaults().kubernetes),
        ("versions.postgres", versions.defaults().postgres, "pin", None,
         versions.defaults().postgres),
        ("versions.images.mlflow", "example.com/mlflow:1", "spec", "9:49",
         versions.defaults().images["mlflow"]),
        ("features", None, "default", None, None),
    ],
)  # fmt: skip
def test_sources(path: str, value: object, source: str, place: str | None, default: object) -> None:
    found = one(path)
    assert found.value == value
    assert found.source == source
    assert found.location is None if place is None else str(found.location) == f"spec.yaml:{place}"
    assert found.default == default
    assert found.description


def test_derived_values_say_from_what() -> None:
    assert one("network.nat").reason == "durable is true"
    assert one("network.nat", "dev").reason == "durable is false"
    assert one("network.nat", "dev").value == "single"
    assert one("tracking.tool").reason == "the usual tool on AWS"


def test_allowed_values() -> None:
    assert one("network.nat").allowed == ("single", "per-zone", "none")
    assert one("durable").allowed == ("true", "false")
    assert one("cloud").allowed == registry.cloud_names()
    assert one("tracking.tool").allowed == registry.tool_names("tracking")


def test_everything_agrees_with_the_blueprint() -> None:
    resolved = blueprint.resolve(document(), "prod")
    for found in explain(document(), "prod"):
        first, *rest = found.path.split(".")
        if first == "versions":
            continue
        value: object = resolved.settings
        if first in resolved.choices:
            choice = resolved.choices[first]
            value = choice if rest == ["tool"] else choice.options
        elif first == "clouds":
            cloud, *rest = rest
            assert cloud == resolved.settings.cloud
            value = resolved.cloud_options
        else:
            rest = [first, *rest]
        for part in rest:
            value = value[part] if isinstance(value, dict) else getattr(value, part)
        assert found.value == (list(value) if isinstance(value, tuple) else value), found.path


def test_everything_is_there_once() -> None:
    everything = explain(document(), "prod")
    paths = [found.path for found in everything]
    assert len(paths) == len(set(paths))
    assert {path.partition(".")[0] for path in paths} == set(Settings.model_fields)


def test_a_mapping_is_explained_value_by_value() -> None:
    found = explain(document(), "prod", "cost")
    assert [item.path for item in found][:2] == ["cost.center", "cost.monthly_budget"]
    assert all(item.path.startswith("cost.") for item in found)


def test_unknown_path() -> None:
    with pytest.raises(UsageError) as caught:
        explain(document(), "prod", "network.znoes")
    (problem,) = caught.value.problems
    assert problem.nearest == "network.zones"
    assert "network.nat" in problem.allowed
    assert "cost.center" not in problem.allowed


def test_other_cloud_is_marked() -> None:
    found = next(i for i in explain(document(), "dev", cloud="aws") if i.path == "cloud")
    assert (found.source, found.location) == ("option", None)


def test_recorded_pins_are_the_default() -> None:
    (found,) = explain(document(), "dev", "versions.postgres", recorded={"postgres": "15"})
    assert (found.value, found.source, found.default) == ("15", "pin", "15")
