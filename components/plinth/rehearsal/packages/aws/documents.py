"""IAM policy documents, rendered as the real lookup renders them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from plinth.rehearsal.packages.base import Question, digest


def _listed(value: Any) -> Any:
    """One entry as itself, several as a sorted list: how the real lookup writes them."""
    entries = sorted(map(str, value))
    return entries[0] if len(entries) == 1 else entries


def _principals(entries: Any) -> Any:
    found: dict[str, Any] = {}
    for entry in entries:
        if entry["type"] == "*" and entry["identifiers"] == ["*"]:
            return "*"
        found[entry["type"]] = _listed(entry["identifiers"])
    return found


def _conditions(entries: Any) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for entry in entries:
        found.setdefault(entry["test"], {})[entry["variable"]] = _listed(entry["values"])
    return found


def _statement(entry: Mapping[str, Any]) -> dict[str, Any]:
    forms: tuple[tuple[str, str, Any], ...] = (
        ("Action", "actions", _listed),
        ("NotAction", "notActions", _listed),
        ("Resource", "resources", _listed),
        ("NotResource", "notResources", _listed),
        ("Principal", "principals", _principals),
        ("NotPrincipal", "notPrincipals", _principals),
        ("Condition", "conditions", _conditions),
    )
    statement = {"Sid": entry["sid"]} if entry.get("sid") else {}
    statement["Effect"] = entry.get("effect") or "Allow"
    return statement | {name: form(entry[key]) for name, key, form in forms if entry.get(key)}


def policy_document(question: Question) -> Mapping[str, Any]:
    """Renders the document; statements with the same ``sid`` override earlier ones."""
    statements: list[dict[str, Any]] = []
    sources = question.args.get("sourcePolicyDocuments") or []
    overrides = question.args.get("overridePolicyDocuments") or []
    for text in sources:
        statements += json.loads(text).get("Statement", [])
    statements += [_statement(entry) for entry in question.args.get("statements") or []]
    for text in overrides:
        for statement in json.loads(text).get("Statement", []):
            sid = statement.get("Sid")
            statements = [old for old in statements if not sid or old.get("Sid") != sid]
            statements.append(statement)
    document: dict[str, Any] = {"Version": question.text("version", "2012-10-17")}
    if question.text("policyId"):
        document["Id"] = question.text("policyId")
    document["Statement"] = statements
    written = json.dumps(document, indent=2)
    return {
        "id": digest(written, 10),
        "json": written,
        "minifiedJson": json.dumps(document, separators=(",", ":")),
        **question.args,
    }
