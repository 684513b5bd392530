"""The JSON Schema says what Plinth says, as far as a schema can."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from plinth import blueprint, registry
from plinth.errors import SpecError
from plinth.spec.document import Document, load, parse
from plinth.spec.models import CAPABILITIES, Settings, Spec
from plinth.spec.schema import DIALECT, json_schema
from plinth.spec.shape import inline

ROOT = Path(__file__).parents[2]
SPECS = [ROOT / "stacks/platform.yaml", *sorted((ROOT / "examples").rglob("platform*.yaml"))]

SCHEMA = json_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def complaints(data: Any) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(data)]


def base() -> dict[str, Any]:
    return {
        "apiVersion": "plinth/v1",
        "name": "churn",
        "owner": "ml@example.com",
        "cost": {"center": "1", "monthly_budget": 10},
        "cloud": "aws",
        "region": "eu-west-1",
        "artifacts": {},
    }


def test_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == DIALECT


def test_every_reference_leads_somewhere() -> None:
    for reference in references(SCHEMA):
        assert reference.removeprefix("#/$defs/") in SCHEMA["$defs"]


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        here = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return here.union(*map(references, value.values()))
    return set().union(*map(references, value)) if isinstance(value, list) else set()


@pytest.mark.parametrize("path", SPECS, ids=lambda path: str(path.relative_to(ROOT)))
def test_shipped_specs_are_accepted(path: Path) -> None:
    assert complaints(load(path).data) == []


def test_every_top_level_key_is_described() -> None:
    assert SCHEMA["properties"].keys() == Spec.model_fields.keys()
    for entry in SCHEMA["properties"].values():  # pydantic leaves out what the model says anyway
        target = SCHEMA["$defs"].get(entry.get("$ref", "").removeprefix("#/$defs/"), {})
        assert entry.get("description") or target["description"]
    assert SCHEMA["additionalProperties"] is False


@pytest.mark.parametrize(("capability", "tool"), registry.all_tools())
def test_every_tool_of_the_registry_has_its_options(capability: str, tool: str) -> None:
    schema = SCHEMA["$defs"][f"{capability}.{tool}"]
    options = registry.tool(capability, tool).options.model_fields
    assert schema["properties"].keys() == {"tool", *options}
    assert schema["additionalProperties"] is False
    assert tool in SCHEMA["$defs"][capability]["properties"]["tool"]["enum"]
    overlay = SCHEMA["$defs"][f"overlay.{capability}.{tool}"]
    assert overlay["properties"].keys() == schema["properties"].keys()
    assert "required" not in overlay


GOOD: dict[str, dict[str, Any]] = {
    "smallest": {},
    "capabilities without tool": {name: {} for name in CAPABILITIES},
    "capability off": {"environments": {"dev": {"tracking": None}}},
    "empty overlay": {"environments": {"dev": None, "prod": {}}},
    "overlay removes": {"domain": {"name": "a.com"}, "environments": {"dev": {"domain": None}}},
    "overlay removes inside": {
        "serving": {"models": {"mm": {"uri": "s3://b/m", "framework": "onnx"}}},
        "environments": {"dev": {"serving": {"models": {"mm": None}}}},
    },
    "overlay changes one value": {
        "serving": {"models": {"mm": {"uri": "s3://b/m", "framework": "onnx"}}},
        "environments": {"dev": {"serving": {"models": {"mm": {"gpu": 0}}}}},
    },
    "overlay adds": {"environments": {"dev": {"tags": {"team": "ml"}, "tracking": {}}}},
    "key in every environment": {
        "cloud": None,
        "environments": {"dev": {"cloud": "aws"}, "prod": {"cloud": "aws"}},
    },
    "budget in every environment": {
        "cost": {"center": "1"},
        "environments": {"dev": {"cost": {"monthly_budget": 5}}},
    },
}

BAD: dict[str, dict[str, Any]] = {
    "unknown key": {"nope": 1},
    "unknown key inside": {"network": {"nope": 1}},
    "unknown cloud": {"cloud": "mars"},
    "unknown tool": {"tracking": {"tool": "nope"}},
    "unknown option": {"tracking": {"tool": "mlflow", "nope": 1}},
    "unknown option without tool": {"tracking": {"nope": 1}},
    "unknown option in an overlay": {"environments": {"dev": {"tracking": {"no": 1}}}},
    "unknown key in an overlay": {"environments": {"dev": {"nope": 1}}},
    "nested environments": {"environments": {"dev": {"environments": {}}}},
    "no environments": {"environments": {}},
    "bad environment name": {"environments": {"Dev": {}}},
    "long environment name": {"environments": {"x" * 21: {}}},
    "bad name": {"name": "Big"},
    "bad pool name": {"cluster": {"node_pools": {"Big": {"min": 1}}}},
    "number for text": {"account": 111},
    "out of range": {"network": {"zones": 9}},
    "missing inside": {"domain": {}},
    "missing at the top": {"owner": None},
    "missing in one environment": {
        "cloud": None,
        "environments": {"dev": {"cloud": "aws"}, "prod": {}},
    },
}  # fmt: skip


def assemble(change: dict[str, Any]) -> dict[str, Any]:
    """A small spec with ``change``; required keys set to None are left out."""
    data = {**base(), **copy.deepcopy(change)}
    return {key: value for key, value in data.items() if value is not None or key in CAPABILITIES}


def read(data: dict[str, Any]) -> Document:
    document, problems = parse(inline(data).encode(), "spec.yaml")
    assert not problems
    assert document is not None
    return document


@pytest.mark.parametrize("name", GOOD)
def test_accepted_by_both(name: str) -> None:
    data = assemble(GOOD[name])
    assert complaints(data) == []
    blueprint.resolve_all(read(data))


@pytest.mark.parametrize("name", BAD)
def test_refused_by_both(name: str) -> None:
    data = assemble(BAD[name])
    assert complaints(data)
    with pytest.raises(SpecError):
        blueprint.resolve_all(read(data))


def test_default_and_examples_fit_their_own_schema() -> None:
    for name, field in Settings.model_fields.items():
        for sample in field.examples or []:
            assert complaints({**base(), name: sample}) == []
