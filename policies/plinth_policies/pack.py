"""The same rules as a CrossGuard policy pack.

A rule that needs no companions becomes a resource policy, which the engine asks about the inputs
of each resource before it is touched; one that does becomes a stack policy, which it asks about
the outputs of all resources, in previews and again after the update.

The engine hands secrets over in plain text, so no rule may repeat a value that could be one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from fnmatch import fnmatchcase
from typing import Any, Final

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyConfigSchema,
    PolicyPack,
    PolicyProviderResource,
    PolicyResource,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UnknownValueError

from plinth.graph import UNKNOWN, Graph, Resource
from plinth_policies.check import judge
from plinth_policies.enforcement import Enforcement
from plinth_policies.model import REGISTRY, Rule, Scope, Waiver
from plinth_policies.parameters import Parameters

PACK_NAME: Final = "plinth-baseline"

_WAIVERS_SCHEMA: Final[dict[str, Any]] = {
    "type": "array",
    "default": [],
    "items": {
        "type": "object",
        "required": ["rule", "resource", "reason", "owner", "expires"],
        "additionalProperties": False,
        "properties": {
            **{key: {"type": "string"} for key in ("rule", "resource", "reason", "owner")},
            "expires": {"type": "string", "format": "date"},
        },
    },
}


def start(name: str = PACK_NAME) -> None:
    """Serves the pack to the engine; does not return."""
    PolicyPack(name, policies(), enforcement_level=EnforcementLevel.ADVISORY)


def policies(rules: Iterable[Rule] | None = None) -> list[Policy]:
    """The rules (all by default) as policies of the engine."""
    chosen = REGISTRY.rules if rules is None else rules
    return [_stack_policy(rule) if rule.needs_graph else _resource_policy(rule) for rule in chosen]


def config(enforcement: Enforcement) -> dict[str, Any]:
    """The content of the file for ``--policy-pack-config``, as plain JSON data.

    The key ``all`` covers rules that a newer pack has and this configuration does not know.
    """
    record: dict[str, Any] = {"all": {"enforcementLevel": enforcement.level}}
    for rule in REGISTRY.rules:
        record[rule.id] = {
            "enforcementLevel": enforcement.action(rule),
            **enforcement.parameters.to_json(rule.parameters),
            "waivers": [w.to_json() for w in enforcement.waivers if fnmatchcase(rule.id, w.rule)],
        }
    return record


def _schema(rule: Rule) -> PolicyConfigSchema:
    return PolicyConfigSchema(
        properties={**Parameters.schema(rule.parameters), "waivers": _WAIVERS_SCHEMA}
    )


def _facts(rule: Rule) -> dict[str, Any]:
    return {
        "name": rule.id,
        "description": rule.title,
        "display_name": rule.title,
        "config_schema": _schema(rule),
        "tags": [rule.domain, *rule.clouds],
        "remediation_steps": f"{rule.fix[0].upper()}{rule.fix[1:]}. {rule.why}",
    }


def _resource_policy(rule: Rule) -> Policy:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        if not rule.looks_at(args.resource_type):
            return
        resources = [_resource(args)]
        if args.provider:
            resources.append(_provider(args.provider))
        _report(rule, _graph(resources), args.get_config(), lambda text, _urn: report(text, None))

    return ResourceValidationPolicy(validate=validate, **_facts(rule))


def _stack_policy(rule: Rule) -> Policy:
    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        # Each rule is handed all resources anew; reading those it knows saves most of the work.
        resources = [
            _stack_resource(resource)
            for resource in args.resources
            if rule.looks_at(resource.resource_type)
            or resource.resource_type.startswith("pulumi:providers:")
        ]
        # The engine hands resources over in no order.
        graph = _graph(sorted(resources, key=lambda r: r.urn))
        _report(rule, graph, args.get_config(), report)

    return StackValidationPolicy(validate=validate, **_facts(rule))


def _report(
    rule: Rule, graph: Graph, settings: Mapping[str, Any], report: Callable[[str, str], None]
) -> None:
    values = {name: value for name, value in settings.items() if name != "waivers"}
    scope = Scope(graph, Parameters.from_json(values))
    waivers = [Waiver.from_json(entry) for entry in settings.get("waivers") or ()]
    excused = Enforcement(level="advisory", waivers=waivers)
    for resource in graph:
        if rule.applies_to(resource) and not excused.waiver(rule, resource, date.today()):
            for message in judge(rule, resource, scope):
                report(message, resource.urn)


def _graph(resources: Sequence[Resource]) -> Graph:
    return Graph(environment="", cloud="", resources=tuple(resources))


def _resource(args: ResourceValidationArgs | PolicyResource) -> Resource:
    return Resource(
        urn=args.urn,
        type=args.resource_type,
        name=args.name,
        inputs=plain(args.props),
        parent=args.opts.parent if args.opts else None,
        provider=f"{args.provider.urn}::{UNKNOWN}" if args.provider else None,
        protect=bool(args.opts and args.opts.protect),
    )


def _provider(provider: PolicyProviderResource) -> Resource:
    return Resource(
        urn=provider.urn,
        type=provider.resource_type,
        name=provider.name,
        inputs=plain(provider.props),
    )


def _stack_resource(resource: PolicyResource) -> Resource:
    base = _resource(resource)
    return Resource(
        **{name: getattr(base, name) for name in ("urn", "type", "name", "inputs", "provider")},
        parent=resource.parent.urn if resource.parent else None,
        protect=base.protect,
        dependencies=tuple(d.urn for d in resource.dependencies),
        property_dependencies={
            name: tuple(d.urn for d in sources)
            for name, sources in resource.property_dependencies.items()
        },
    )


def plain(value: Any) -> Any:
    """The engine's read-only view of properties as plain data, with markers where it is unknown."""
    if isinstance(value, Mapping):
        return {key: _item(value, key) for key in value if not key.startswith("__")}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_item(value, index) for index in range(len(value))]
    return value


def _item(container: Any, key: Any) -> Any:
    try:
        return plain(container[key])
    except UnknownValueError:
        return UNKNOWN
