"""Looking rules up, and all there is to say of one as data."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from plinth import errors
from plinth.errors import Problem, UsageError
from plinth_policies.catalogue import example_yaml
from plinth_policies.controls import Control, catalogue
from plinth_policies.model import REGISTRY, Rule

if TYPE_CHECKING:
    from plinth_policies.enforcement import Enforcement


def find(rule_id: str) -> Rule:
    """The rule of that id.

    Raises:
        UsageError: There is none; names the nearest.
    """
    rules = {rule.id: rule for rule in REGISTRY.rules}
    if rule_id not in rules:
        raise UsageError(unknown("rule", rule_id, rules))
    return rules[rule_id]


def select(patterns: Iterable[str]) -> tuple[Rule, ...]:
    """The rules whose ids match one of the globs.

    Raises:
        UsageError: A glob matches none.
    """
    ids = [rule.id for rule in REGISTRY.rules]
    wanted = tuple(patterns)
    missed = [glob for glob in wanted if not any(fnmatchcase(rule_id, glob) for rule_id in ids)]
    if missed:
        raise UsageError(*(unknown("rule", glob, ids) for glob in missed))
    return tuple(
        rule for rule in REGISTRY.rules if any(fnmatchcase(rule.id, glob) for glob in wanted)
    )


def matching(
    *, domain: str | None = None, packages: Collection[str] = (), framework: str | None = None
) -> tuple[Rule, ...]:
    """The rules of a domain, on any of some provider packages, that serve a framework.

    Raises:
        UsageError: No rule is of that domain, or there is no such framework.
    """
    domains = sorted({rule.domain for rule in REGISTRY.rules})
    frameworks = list(dict.fromkeys(name.split("/", 1)[0] for name in catalogue()))
    for kind, word, known in (("domain", domain, domains), ("framework", framework, frameworks)):
        if word is not None and word not in known:
            raise UsageError(unknown(kind, word, known))
    return tuple(
        rule
        for rule in REGISTRY.rules
        if domain in (None, rule.domain)
        and (not packages or set(packages).intersection(rule.clouds))
        and (framework is None or any(c.startswith(f"{framework}/") for c in rule.controls))
    )


def unknown(kind: str, word: str, known: Collection[str]) -> Problem:
    """The problem of a rule, domain or framework that is not there."""
    message = f"there is no policy {kind} '{word}'"
    otherwise = "See `plinth policy list`."
    found = errors.unknown(kind, word, known, message=message, otherwise=otherwise)
    return replace(found, allowed=()) if kind == "rule" else found


def controls_of(rule: Rule) -> Iterator[tuple[str, Control]]:
    """The controls that a rule serves, by id, in the order of the catalogue."""
    return ((name, control) for name, control in catalogue().items() if name in rule.controls)


def describe(rule: Rule, enforcement: Enforcement | None = None) -> dict[str, Any]:
    """All there is to say of a rule, as plain JSON data; with how far it goes in an environment."""
    record: dict[str, Any] = {
        "id": rule.id,
        "domain": rule.domain,
        "title": rule.title,
        "why": rule.why,
        "fix": rule.fix,
        "severity": rule.severity,
        "mends": rule.mend is not None,
        "types": list(rule.types),
        "consults": list(rule.consults),
        "parameters": list(rule.parameters),
        "controls": [
            {"id": name, "framework": control.framework, "title": control.title}
            for name, control in controls_of(rule)
        ],
        "examples": {
            "good": example_yaml(rule, kept=True),
            "bad": example_yaml(rule, kept=False),
        },
    }
    if enforcement is not None:
        record["action"] = enforcement.action(rule)
        record["parameters"] = enforcement.parameters.to_json(rule.parameters)
    return record
