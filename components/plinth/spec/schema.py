"""The JSON Schema of a spec, assembled from the spec's models and the registry's tools.

Editors complete and check specs with it (``# yaml-language-server: $schema=…``).  It cannot say
all that :mod:`plinth.blueprint` refuses; whatever it refuses, Plinth refuses too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from pydantic import BaseModel

from plinth import registry
from plinth.spec.models import CAPABILITIES, Settings, Spec
from plinth.spec.overlay import ENVIRONMENTS

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

_REF: Final = "#/$defs/"
_OVERLAY: Final = "overlay."
#: Keywords that hold schemas: one, a list of them, or a mapping to them.
_ONE: Final = frozenset({"additionalProperties", "propertyNames", "not", "if", "then", "else"})
_LIST: Final = frozenset({"anyOf", "oneOf", "allOf"})
_MAPPING: Final = frozenset({"properties", "patternProperties"})

JsonSchema = dict[str, Any]


def json_schema() -> JsonSchema:
    """The schema of a whole spec document (draft 2020-12)."""
    definitions: dict[str, JsonSchema] = {}
    root = _model(Spec, definitions)
    root["properties"]["cloud"]["enum"] = list(registry.cloud_names())
    for capability in CAPABILITIES:
        description = Settings.model_fields[capability].description
        definitions[capability] = {**_capability(capability, definitions)}
        root["properties"][capability] = {
            "description": description,
            "anyOf": [{"$ref": _REF + capability}, {"type": "null"}],
        }
    overlays = {_OVERLAY + name: _relax(schema) for name, schema in definitions.items()}
    environments = root["properties"].pop(ENVIRONMENTS)
    for capability in CAPABILITIES:
        _open_tool(overlays[_OVERLAY + capability], capability)
    overlays["overlay"] = {**_relax(root), "description": "What differs in one environment."}
    for names in environments["patternProperties"].values():
        names.clear()
        names["anyOf"] = [{"$ref": f"{_REF}overlay"}, {"type": "null"}]
    root["properties"][ENVIRONMENTS] = environments
    root["allOf"] = [_somewhere(path) for path in _required(root, definitions)]
    return {
        "$schema": DIALECT,
        **root,
        "title": "Plinth spec",
        "$defs": dict(sorted({**definitions, **overlays}.items())),
    }


def _model(model: type[BaseModel], definitions: dict[str, JsonSchema]) -> JsonSchema:
    """A model's schema without titles; the models inside it join ``definitions``."""
    schema = _tidy(model.model_json_schema())
    for name, inner in schema.pop("$defs", {}).items():
        if definitions.setdefault(name, inner) != inner:
            raise ValueError(f"two different models in the spec are both called {name}")
    return schema


def _capability(capability: str, definitions: dict[str, JsonSchema]) -> JsonSchema:
    """A capability's block: the tool decides which options there are."""
    tools = registry.tool_names(capability)
    usual = sorted({registry.default_tool(capability, cloud) for cloud in registry.cloud_names()})
    for name in tools:
        tool = registry.tool(capability, name)
        schema = _model(tool.options, definitions)
        chosen = {"const": name, "description": f"{tool.title}: {tool.summary}"}
        schema["properties"] = {"tool": chosen, **schema.get("properties", {})}
        definitions[f"{capability}.{name}"] = schema
    named = [
        {
            "if": {"properties": {"tool": {"const": name}}, "required": ["tool"]},
            "then": {"$ref": f"{_REF}{capability}.{name}"},
        }
        for name in tools
    ]
    unnamed = {
        "if": {"not": {"required": ["tool"]}},
        "then": {"anyOf": [{"$ref": f"{_REF}{capability}.{name}"} for name in usual]},
    }
    described = f"What provides it. Default: {' or '.join(usual)}, by cloud."
    if len(usual) == 1:
        described = f"What provides it. Default: {usual[0]}."
    return {
        "type": "object",
        "properties": {"tool": {"enum": list(tools), "description": described}},
        "allOf": [*named, unnamed],
    }


def _open_tool(overlay: JsonSchema, capability: str) -> None:
    """Lets an overlay without ``tool`` have any tool's options: the shared part may name it."""
    *_, unnamed = overlay["allOf"]
    references = [f"{_REF}{_OVERLAY}{capability}.{n}" for n in registry.tool_names(capability)]
    unnamed["then"] = {"anyOf": [{"$ref": reference} for reference in references]}


def _required(root: JsonSchema, definitions: Mapping[str, JsonSchema]) -> list[tuple[str, ...]]:
    """Takes the required keys off the root and its required mappings, and lists them."""
    paths: list[tuple[str, ...]] = []
    for key in root.pop("required"):
        reference = root["properties"][key].get("$ref", "").removeprefix(_REF)
        inner = definitions.get(reference, {}).get("required", ())
        paths += [(key, name) for name in inner] or [(key,)]
        if reference:
            root["properties"][key]["$ref"] = f"{_REF}{_OVERLAY}{reference}"
    return paths


def _somewhere(path: tuple[str, ...]) -> JsonSchema:
    """Requires a path in the shared part or else in every environment."""
    everywhere = {"type": "object", "additionalProperties": _having(path)}
    return {
        "anyOf": [
            _having(path),
            {"required": [ENVIRONMENTS], "properties": {ENVIRONMENTS: everywhere}},
        ]
    }


def _having(path: tuple[str, ...]) -> JsonSchema:
    key, *rest = path
    inner = {"properties": {key: _having(tuple(rest))}} if rest else {}
    return {"type": "object", "required": [key], **inner}


def _tidy(schema: JsonSchema) -> JsonSchema:
    """Drops the titles that pydantic makes from names, and closes mappings with named keys."""
    tidied = _each(schema, _tidy)
    tidied.pop("title", None)
    if "$defs" in tidied:
        tidied["$defs"] = {name: _tidy(inner) for name, inner in tidied["$defs"].items()}
    if "items" in tidied:
        tidied["items"] = _tidy(tidied["items"])
    if "patternProperties" in tidied:
        tidied.setdefault("additionalProperties", False)
    return tidied


def _relax(schema: JsonSchema) -> JsonSchema:
    """The schema of an overlay: nothing is required, and null removes.

    Lists are left as they are: an overlay replaces a list as a whole.
    """
    relaxed = _each(schema, _relax)
    if schema.get("type") == "object":
        for keyword in ("required", "minProperties", "default"):
            relaxed.pop(keyword, None)
    reference = relaxed.get("$ref")
    if reference:
        relaxed["$ref"] = _REF + _OVERLAY + reference.removeprefix(_REF)
    for keyword in _MAPPING & relaxed.keys():
        relaxed[keyword] = {key: _or_null(inner) for key, inner in relaxed[keyword].items()}
    if isinstance(relaxed.get("additionalProperties"), Mapping):
        relaxed["additionalProperties"] = _or_null(relaxed["additionalProperties"])
    if "if" in schema:  # a condition asks what is there, so it stays as it is
        relaxed["if"] = schema["if"]
    return relaxed


def _or_null(schema: JsonSchema) -> JsonSchema:
    nullable = schema.get("type") == "null" or any(
        option.get("type") == "null" for option in schema.get("anyOf", ())
    )
    if nullable:
        return schema
    described = {"description": schema["description"]} if "description" in schema else {}
    return {**described, "anyOf": [schema, {"type": "null"}]}


def _each(schema: JsonSchema, change: Callable[[JsonSchema], JsonSchema]) -> JsonSchema:
    """A copy with ``change`` made to the schemas directly inside, list items left alone."""
    result = dict(schema)
    for keyword, inner in schema.items():
        if keyword in _ONE and isinstance(inner, dict):
            result[keyword] = change(inner)
        elif keyword in _LIST:
            result[keyword] = [change(option) for option in inner]
        elif keyword in _MAPPING:
            result[keyword] = {key: change(option) for key, option in inner.items()}
    return result
