"""Platforms on a cluster that is there: blueprints and recorded graphs of small specs."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from plinth import planning, program
from plinth.blueprint import Blueprint
from plinth.errors import Problem, SpecError
from plinth.graph import Graph, Resource

BASE: dict[str, Any] = {
    "apiVersion": "plinth/v1",
    "name": "churn",
    "owner": "ml@example.com",
    "cost": {"center": "4711", "monthly_budget": 3000},
    "cloud": "kubernetes",
    "environments": {"dev": None},
    "artifacts": {},
    "tracking": {},
    "features": {},
}
MAIL: dict[str, Any] = {
    "host": "smtp.example.com",
    "sender": "plinth@example.com",
    "username": "plinth",
    "password": {"secret": "mail-server", "key": "password"},
}
DURABLE: dict[str, Any] = {
    "durable": True,
    "clouds": {"kubernetes": {"context": "ml-production", "storage_class": "fast", "mail": MAIL}},
    "monitoring": {},
}
#: Every store is there already.
THERE: dict[str, Any] = {
    "clouds": {
        "kubernetes": {
            "object_store": {
                "endpoint": "https://s3.example.com",
                "region": "eu-1",
                "credentials": {"secret": "object-store-key"},
                "ca": {"secret": "company-ca", "key": "root.pem"},
            },
            "database": {"host": "pg.example.com", "admin": {"secret": "pg-admin"}},
            "cache": {"host": "valkey.example.com", "auth": {"secret": "valkey-auth"}},
        }
    },
}


def blueprint(**changes: Any) -> Blueprint:
    """The base spec with ``changes``, resolved; ``...`` leaves a block out."""
    spec = {key: value for key, value in {**BASE, **changes}.items() if value is not ...}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "platform.yaml"
        path.write_text(yaml.safe_dump(spec), encoding="utf-8")
        return program.blueprint_of(path, "dev")


def problems(**changes: Any) -> tuple[Problem, ...]:
    """Why the base spec with ``changes`` is refused; nothing when it is not."""
    try:
        blueprint(**changes)
    except SpecError as error:
        return error.problems
    return ()


@cache
def graph(name: str) -> Graph:
    """The graphs that most tests look at, each made once."""
    changes = {"dev": {}, "durable": DURABLE, "there": THERE}[name]
    return planning.graph_of(blueprint(**changes))


def of_kind(found: Graph, kind: str) -> list[Resource]:
    """Objects of one kind."""
    return [resource for resource in found if resource.type.endswith(f":{kind}")]


def one(found: Graph, kind: str, name: str) -> Resource:
    """The one object of a kind with this name in its metadata."""
    (resource,) = [
        resource
        for resource in of_kind(found, kind)
        if resource.inputs.get("metadata", {}).get("name", resource.inputs.get("name")) == name
    ]
    return resource


def variables(container: dict[str, Any]) -> dict[str, Any]:
    """A container's variables: values, or (secret, key)."""
    result: dict[str, Any] = {}
    for item in container["env"]:
        reference = item.get("valueFrom", {}).get("secretKeyRef")
        result[item["name"]] = (
            (reference["name"], reference["key"]) if reference else item.get("value")
        )
    return result
