"""The JSON Schema of a spec, assembled from the spec's models and the registry's tools.

Editors complete and check specs with it (``# yaml-language-server: $schema=…``).  It cannot say
all that :mod:`plinth.blueprint` refuses; whatever it refuses, Plinth refuses too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel

from plinth import registry
from plinth.clouds import CloudInfo
from plinth.spec.models import CAPABILITIES, Settings, Spec
from plinth.spec.order import AFTER, DESCRIPTION
from plinth.spec.overlay import ENVIRONMENTS

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

#: The block of settings that hold on one cloud only.
CLOUDS: Final = "clouds"
_REF: Final = "#/$defs/"
_OVERLAY: Final = "overlay."
#: Keywords that hold schemas: one, a list of them, or a mapping to them.
_ONE: Final = frozenset({"additionalProperties", "propertyNames", "not", "if", "then", "else"})
_LIST: Final = frozenset({"anyOf", "oneOf", "allOf"})
_MAPPING: Final = frozenset({"properties", "patternProperties"})

JsonSchema = dict[str, Any]

#: What nothing meets: the block of a capability that a cloud has no tool for.
_NEVER: Final[JsonSchema] = {"not": {}}


def json_schema(cloud: str | None = None) -> JsonSchema:
    """The schema of a whole spec document (draft 2020-12).

    Args:
        cloud: Narrows it to what one cloud has: its regions, its settings, the tools it can run.

    Raises:
        UsageError: There is no such cloud.
    """
    clouds = registry.cloud_names()
    if cloud is not None:
        clouds = (registry.known_cloud(cloud).name,)
    definitions: dict[str, JsonSchema] = {}
    root = _model(Spec, definitions)
    root["properties"]["cloud"]["enum"] = list(clouds)
    root["properties"][CLOUDS] |= _clouds(registry.cloud_names(), definitions)
    if cloud is not None:
        _narrow(root, registry.cloud(cloud))
    for capability in CAPABILITIES:
        description = Settings.model_fields[capability].description
        definitions[capability] = _capability(capability, clouds, definitions)
        root["properties"][capability] = {
            "description": description,
            "anyOf": [{"$ref": _REF + capability}, {"type": "null"}],
        }
    overlays = {_OVERLAY + name: _relax(schema) for name, schema in definitions.items()}
    environments = root["properties"].pop(ENVIRONMENTS)
    for capability in CAPABILITIES:
        _open_tool(overlays[_OVERLAY + capability], _tools(capability, clouds), capability)
    overlays["overlay"] = {**_relax(root), "description": "What differs in one environment."}
    overlays["overlay"]["properties"][AFTER] = _or_null(_after(environments))
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


def _after(environments: JsonSchema) -> JsonSchema:
    """What only an overlay has: names of other environments."""
    (pattern,) = environments["patternProperties"]
    name = {"type": "string", "pattern": pattern}
    return {"description": DESCRIPTION, "type": "array", "items": name, "examples": [["dev"]]}


def _model(model: type[BaseModel], definitions: dict[str, JsonSchema]) -> JsonSchema:
    """A model's schema without titles; the models inside it join ``definitions``."""
    schema = _tidy(model.model_json_schema())
    for name, inner in schema.pop("$defs", {}).items():
        if definitions.setdefault(name, inner) != inner:
            raise ValueError(f"two different models in the spec are both called {name}")
    return schema


def _clouds(names: Sequence[str], definitions: dict[str, JsonSchema]) -> JsonSchema:
    """The block of settings by cloud: each cloud's own model."""
    for name in names:
        definitions[f"cloud.{name}"] = _model(registry.cloud(name).options, definitions)
    return {
        "properties": {name: {"$ref": f"{_REF}cloud.{name}"} for name in names},
        "additionalProperties": False,
    }


def _narrow(root: JsonSchema, info: CloudInfo) -> None:
    """Lists the cloud's regions, where it has such a list."""
    if info.regions:
        named = {"enum": sorted(info.regions)}
        described = {key: root["properties"]["region"][key] for key in ("description", "examples")}
        root["properties"]["region"] = {**described, "anyOf": [named, {"type": "null"}]}
        root["properties"]["region"]["examples"] = [next(iter(info.regions))]


def _tools(capability: str, clouds: Sequence[str]) -> tuple[str, ...]:
    """The tools of a capability that one of the clouds can run."""
    return tuple(
        name
        for name in registry.tool_names(capability)
        if any(registry.tool(capability, name).runs_on(registry.cloud(cloud)) for cloud in clouds)
    )


def _capability(
    capability: str, clouds: Sequence[str], definitions: dict[str, JsonSchema]
) -> JsonSchema:
    """A capability's block: the tool decides which options there are."""
    tools = _tools(capability, clouds)
    if not tools:
        return {**_NEVER}
    usual = sorted({registry.default_tool(capability, cloud) for cloud in clouds} & {*tools})
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
        "then": {"anyOf": [{"$ref": f"{_REF}{capability}.{name}"} for name in usual] or [_NEVER]},
    }
    described = f"What provides it. Default: {' or '.join(usual)}, by cloud."
    if len(usual) == 1:
        described = f"What provides it. Default: {usual[0]}."
    return {
        "type": "object",
        "properties": {"tool": {"enum": list(tools), "description": described}},
        "allOf": [*named, unnamed],
    }


def _open_tool(overlay: JsonSchema, tools: Sequence[str], capability: str) -> None:
    """Lets an overlay without ``tool`` have any tool's options: the shared part may name it."""
    if not tools:
        return
    *_, unnamed = overlay["allOf"]
    references = [f"{_REF}{_OVERLAY}{capability}.{name}" for name in tools]
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
