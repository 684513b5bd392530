"""The catalogue of rules as text, made from what they say of themselves.

Markdown for ``docs/policy-rules.md``; the parts serve whoever shows a rule elsewhere.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any, Final

import yaml

from plinth.graph import Resource
from plinth_policies import controls
from plinth_policies.model import REGISTRY, Rule

#: Domain -> its package, where that would have the name of a standard module.
_PACKAGES: Final = {"logging": "audit"}

_HEAD = """\
# Policy rules

Made from the rules' own records by `make docs`. `plinth policy explain RULE` shows one of them.

An environment that says `policies: mandatory` is stopped by what is mandatory here; elsewhere all
rules advise. `compliance.rules` tunes single ones, and what can be mended is mended where it says
`remediate` of a rule.
"""


def markdown() -> str:
    """The whole catalogue."""
    rules = sorted(REGISTRY.rules, key=lambda rule: (rule.domain, rule.id))
    domains = [(domain, list(own)) for domain, own in groupby(rules, lambda rule: rule.domain)]
    index = [
        f"- [{domain}](#{domain}): {_about(domain)} ({len(own)} rules)" for domain, own in domains
    ]
    parts = [_HEAD, "\n".join(index) + "\n"]
    for domain, own in domains:
        parts += [f"## {domain}\n", *map(rule_markdown, own)]
    return "\n".join(parts)


def rule_markdown(rule: Rule) -> str:
    """One rule as a section of the catalogue."""
    facts = [
        f"{rule.severity} on {', '.join(rule.clouds)}" + (", can mend" if rule.mend else ""),
        f"judges {_code(rule.types)}",
    ]
    if rule.consults:
        facts.append(f"looks at {_code(rule.consults)}")
    if rule.parameters:
        facts.append(f"compares with {_code(rule.parameters)}")
    facts.append(f"serves {controls_text(rule)}")
    return "\n".join(
        [
            f"### {rule.id}\n",
            f"{rule.title}. {rule.why} To keep it, {rule.fix}.\n",
            *(f"- {fact}" for fact in facts),
            f"\nGood:\n\n```yaml\n{example_yaml(rule, kept=True)}```",
            f"\nBad:\n\n```yaml\n{example_yaml(rule, kept=False)}```\n",
        ]
    )


def controls_by_framework(rule: Rule) -> dict[str, list[str]]:
    """Titles of frameworks -> numbers of their controls that a rule serves."""
    served: dict[str, list[str]] = {}
    for control in map(controls.catalogue().__getitem__, rule.controls):
        served.setdefault(control.framework, []).append(control.number)
    return served


def controls_text(rule: Rule) -> str:
    """The same as one line of text."""
    served = controls_by_framework(rule).items()
    return "; ".join(f"{framework}: {', '.join(numbers)}" for framework, numbers in served)


def example_yaml(rule: Rule, *, kept: bool) -> str:
    """The resources that keep or break a rule, by name, as Pulumi's own YAML has them."""
    shown = {resource.name: _resource(resource) for resource in rule.example(kept=kept)}
    return yaml.safe_dump(shown, sort_keys=False, allow_unicode=True, width=100)


def _resource(resource: Resource) -> Mapping[str, Any]:
    return {"type": resource.type, "properties": _plain(resource.inputs)}


def _plain(value: Any) -> Any:
    """A value in what YAML has words for."""
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else value


def _about(domain: str) -> str:
    """The first sentence of a domain's package, as part of a longer one."""
    module = sys.modules.get(f"{__package__}.{_PACKAGES.get(domain, domain)}")
    first = ((module.__doc__ if module else None) or domain).split("\n\n", 1)[0]
    text = " ".join(first.split()).split(". ", 1)[0].rstrip(".")
    return text[0].lower() + text[1:]


def _code(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
