"""Tables of good and bad resources, and how they are judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any

from plinth.graph import SECRET, UNKNOWN, Graph, Resource
from plinth_policies import REGISTRY, Enforcement, Parameters, Rule, evaluate
from plinth_policies.values import nested

KEY = "arn:aws:kms:eu-west-1:111111111111:key/1"
PARAMETERS = Parameters(
    platform="churn",
    environment="dev",
    owner="ml@example.com",
    cost_center="4711",
    allowed_public_cidrs=("203.0.113.0/24", "0.0.0.0/0"),
    public_services=("public-*",),
    allowed_registries=("registry.example.com/ml", "quay.io"),
    privileged_namespaces=("machines",),
    log_retention_days=90,
)

#: With every comparison switched on, and everything asked for.
STRICT = replace(
    PARAMETERS,
    allowed_regions=("eu-west-1", "westeurope", "europe-west4"),
    machine_families=("m7i.*", "g6.*", "Standard_D4s*", "Standard_NC*", "n2-*", "g2-*"),
    max_nodes=9,
    monthly_budget=3000.0,
    backup_retention_days=14,
    durable=True,
    backups=True,
)

Inputs = Mapping[str, Any]

#: How messages call a value, by its text in Python.
_WORDS = {"None": "not set", "True": "on", "False": "off"}


def resource(token: str, inputs: Inputs, name: str = "subject", **more: Any) -> Resource:
    """A resource of any type; ``more`` are further fields of the record."""
    urn = f"urn:pulumi:dev::churn::{token}::{name}"
    return Resource(urn=urn, type=token, name=name, inputs=inputs, **more)


@dataclass(frozen=True)
class Table:
    """What one rule must accept and refuse.

    Attributes:
        token: Type of the subject.
        good: Inputs, or whole resource lists that start with the subject.
        bad: The same, each with a part of the message that must come.
    """

    token: str
    good: Sequence[Inputs | list[Resource]]
    bad: Sequence[tuple[Inputs | list[Resource], str]] = field(default_factory=tuple)

    def graph(self, case: Inputs | list[Resource]) -> Graph:
        """The resources of a case as a graph."""
        resources = case if isinstance(case, list) else [resource(self.token, case)]
        return Graph(environment="dev", cloud="aws", resources=tuple(resources))


Tables = Mapping[str, Table]


def rule_of(rule_id: str) -> Rule:
    """The registered rule of that id."""
    return next(rule for rule in REGISTRY.rules if rule.id == rule_id)


def messages(rule_id: str, graph: Graph, parameters: Parameters = STRICT) -> list[str]:
    """What one rule says about a graph."""
    enforcement = Enforcement(level="mandatory", parameters=parameters)
    found = evaluate(graph, enforcement, rules=[rule_of(rule_id)])
    return [violation.message for violation in found.violations]


def good_cases(tables: Tables) -> list[tuple[str, Graph]]:
    """(rule id, graph) of every case that must pass."""
    return [(rule_id, t.graph(case)) for rule_id, t in tables.items() for case in t.good]


def bad_cases(tables: Tables) -> list[tuple[str, Graph, str]]:
    """(rule id, graph, part of the message) of every case that must not pass."""
    return [(rule_id, t.graph(case), text) for rule_id, t in tables.items() for case, text in t.bad]


def gaps(tables: Tables) -> list[str]:
    """Rules that no table covers, or not with good, bad and unknown values of all their types."""
    found = sorted({rule.id for rule in REGISTRY.rules}.symmetric_difference(tables))
    for rule_id, table in tables.items():
        if not table.good or not table.bad:
            found.append(f"{rule_id}: needs good and bad cases")
        if UNKNOWN not in repr((table.good, table.bad)):
            found.append(f"{rule_id}: no case with an unknown value")
        refused = {table.graph(case).resources[0].type for case, _ in table.bad}
        found += [
            f"{rule_id}: no bad case of {token}"
            for token in rule_of(rule_id).types
            if not any(fnmatchcase(kind, token) for kind in refused)
        ]
    return found


def settings_table(*settings: tuple[str, str, Any, Any]) -> Table:
    """The cases of a rule on single properties: (token, path, a good value, a bad one) of each.

    Where a type has several, the others are at their good values.
    """
    good: dict[str, dict[str, Any]] = {}
    for token, path, value, _ in settings:
        good.setdefault(token, {})[path] = value
    bad: list[tuple[Inputs | list[Resource], str]] = []
    for token, path, _, value in settings:
        what = f"{path} is {_WORDS.get(repr(value), value)}"
        for broken, text in ((value, what), (UNKNOWN, f"{path} is not known")):
            inputs = nested({**good[token], path: broken})
            bad.append(([resource(token, inputs)], text))
    return Table(
        settings[0][0],
        good=[[resource(token, nested(values))] for token, values in good.items()],
        bad=bad,
    )


def key_table(token: str, key: str, switch: str | None = None) -> Table:
    """The cases of a rule that asks for a customer-managed key and perhaps a switch."""

    def inputs(key_value: Any = None, switch_value: Any = True) -> dict[str, Any]:
        return nested({key: key_value, **({switch: switch_value} if switch else {})})

    bad: list[tuple[Inputs | list[Resource], str]] = [
        ({}, f"{key} is not set"),
        (inputs("alias/aws/s3"), f"{key} is a key that the cloud manages"),
    ]
    if switch:
        bad += [
            ({}, f"{switch} is not set"),
            (inputs(KEY, switch_value=False), f"{switch} is off"),
            (inputs(KEY, switch_value=UNKNOWN), f"{switch} is not known"),
        ]
    return Table(token, good=[inputs(KEY), inputs(UNKNOWN), inputs(SECRET)], bad=bad)


def mode_table(token: str, key: str, mode: str, good: str, bad: str) -> Table:
    """The cases of a rule that asks for a customer-managed key and a mode that uses it."""
    return Table(
        token,
        good=[nested({key: value, mode: good}) for value in (KEY, UNKNOWN, SECRET)],
        bad=[
            ({}, f"{key} is not set"),
            ({}, f"{mode} is not set"),
            (nested({mode: good}), f"{key} is not set"),
            (nested({key: KEY, mode: bad}), f"{mode} is {bad}"),
            (nested({key: KEY, mode: UNKNOWN}), f"{mode} is not known"),
        ],
    )
