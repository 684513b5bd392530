"""Follows paths through the annotations of pydantic models.

Errors, schema and explanations all need to know which sub-model, field or union member a path
leads to; this is the one place that knows how pydantic writes its locations.
"""

from __future__ import annotations

import json
import re
import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, Literal, TypeGuard, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from plinth.spec.nodes import plain

_SAFE = re.compile(r"[A-Za-z0-9_./@+-][A-Za-z0-9_./@+:-]*(?<!:)")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a location of pydantic's leads.

    Attributes:
        path: Keys and list positions, without pydantic's marks for unions and keys.
        annotation: The type expected there; None when it is not known.
        field: The model field that ``path`` ends in or passed last.
        holder: The model that the last part of ``path`` is a key of, if it is one.
        unions: For every union on the way: the path to it, and the member that was tried.
        of_key: Whether a mapping's key is meant and not its value.
    """

    path: tuple[str | int, ...]
    annotation: Any
    field: FieldInfo | None
    holder: type[BaseModel] | None
    unions: tuple[tuple[tuple[str | int, ...], str], ...] = ()
    of_key: bool = False


def members(annotation: Any) -> list[Any]:
    """What an annotation may be: unions taken apart, ``Annotated`` and ``None`` taken off."""
    annotation = getattr(annotation, "__value__", annotation)
    origin = get_origin(annotation)
    if origin is Annotated:
        return members(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return [found for part in get_args(annotation) for found in members(part)]
    return [] if annotation in (None, type(None)) else [annotation]


def walk(model: type[BaseModel], location: Iterable[str | int]) -> Place:
    """Follows one of pydantic's error locations from ``model``."""
    at = Place((), model, None, None)
    for item in location:
        options = members(at.annotation)
        if item == "[key]":
            at = _replace(at, annotation=str, of_key=True)
        elif len(options) > 1:
            chosen = next((option for option in options if _labelled(option, item)), None)
            unions = (*at.unions, (at.path, str(item)))
            at = Place(at.path, chosen, at.field, at.holder, unions)
        else:
            at = _enter(at, options[0] if options else None, item)
    return at


def _replace(at: Place, *, annotation: Any, of_key: bool) -> Place:
    return Place(at.path, annotation, at.field, at.holder, at.unions, of_key)


def _enter(at: Place, inside: Any, item: str | int) -> Place:
    path = (*at.path, item)
    if is_model(inside):
        field = fields(inside).get(str(item))
        return Place(path, field and field.annotation, field, inside, at.unions)
    arguments = get_args(inside)
    origin = get_origin(inside)
    expected: Any = None
    if isinstance(origin, type) and issubclass(origin, Mapping) and len(arguments) > 1:
        expected = arguments[1]
    elif arguments and isinstance(item, int):
        fixed = origin is tuple and Ellipsis not in arguments
        expected = arguments[item] if fixed and item < len(arguments) else arguments[0]
    return Place(path, expected, at.field, None, at.unions)


def _labelled(option: Any, item: str | int) -> bool:
    """Whether pydantic calls a union's member ``option`` by the name ``item``."""
    origin = get_origin(option) or option
    name = getattr(origin, "__name__", str(origin))
    label = str(item)
    if label == name or label.startswith((f"{name}[", f"{name.lower()}[")):
        return True
    if label.startswith("constrained-") and label.removeprefix("constrained-") == name:
        return True
    return is_model(option) and any(label in values(f.annotation) for f in fields(option).values())


def is_model(annotation: Any) -> TypeGuard[type[BaseModel]]:
    """Whether an annotation is a model class."""
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """A model's fields by the name they have in a spec."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def values(annotation: Any) -> tuple[Any, ...]:
    """The values that an annotation lists (``Literal``, enums, switches); empty when open."""
    found: list[Any] = []
    for option in members(annotation):
        if get_origin(option) is Literal:
            found.extend(get_args(option))
        elif isinstance(option, type) and issubclass(option, Enum):
            found.extend(member.value for member in option)
        elif option is bool:
            found.extend((True, False))
        else:
            return ()
    return tuple(found)


def example(field: FieldInfo) -> Any:
    """A value that shows what a field looks like: its own example, or one put together."""
    if field.examples:
        return field.examples[0]
    if not field.is_required() and (default := field.get_default(call_default_factory=False)):
        return default
    return _sample(field.annotation)


def _sample(annotation: Any) -> Any:
    if get_origin(annotation) is Annotated:
        for mark in get_args(annotation)[1:]:
            if isinstance(mark, FieldInfo) and mark.examples:
                return mark.examples[0]
    if listed := values(annotation):
        return listed[0]
    option = next(iter(members(annotation)), str)
    if is_model(option):
        return {key: example(f) for key, f in fields(option).items() if f.is_required()}
    origin = get_origin(option) or option
    if origin in (list, tuple, set, frozenset):
        return [_sample(next(iter(get_args(option)), str))]
    samples: dict[Any, Any] = {int: 1, float: 1, dict: {}}
    return samples.get(origin, "…")


def inline(value: Any) -> str:
    """Plain data as YAML on one line, quoted where YAML would misread it."""
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json", exclude_none=True)
    if isinstance(value, Mapping):
        return (
            "{" + ", ".join(f"{inline(key)}: {inline(item)}" for key, item in value.items()) + "}"
        )
    if isinstance(value, list | tuple | set | frozenset):
        return "[" + ", ".join(inline(item) for item in value) + "]"
    if isinstance(value, str):
        safe = value == "…" or (_SAFE.fullmatch(value) and plain(value) == value)
        return value if safe else json.dumps(value, ensure_ascii=False)
    return json.dumps(value, default=str)
