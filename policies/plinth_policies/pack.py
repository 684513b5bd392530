"""The same rules inside the engine, as a CrossGuard policy pack.

The pack answers the engine's Analyzer service itself.  The policy SDK would read all properties
anew for each rule and resource, which nearly doubles the time of a preview (docs/benchmarks.md);
here each resource is read once and shown to the rules that judge its type.  The other rules are
answered to be not applicable: the engine counts every rule that is neither named so nor violated
as passed, and reports those of each resource by name, twice.

A rule that needs no companions is a resource policy, which the engine asks about the inputs of
each resource before it is touched; one that does is a stack policy, which it asks about all
resources at the end, in previews and again after the update.

The engine hands secrets over in plain text, so no rule may repeat a value that could be one.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent import futures
from dataclasses import dataclass, field, replace
from datetime import date
from fnmatch import fnmatchcase
from typing import Any, Final

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.json_format import MessageToDict

from plinth.engine.protocol import analyzer_pb2 as proto
from plinth.engine.protocol import analyzer_pb2_grpc, plugin_pb2
from plinth.errors import PlinthError
from plinth.graph import UNKNOWN, Graph, Resource
from plinth.plugin.wire import decode
from plinth_policies.check import judge, mend
from plinth_policies.enforcement import Enforcement
from plinth_policies.model import REGISTRY, Action, Rule, Scope, Waiver
from plinth_policies.packs import VERSION, Pack
from plinth_policies.parameters import Parameters
from plinth_policies.wire import mended

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
_LEVELS: Final[dict[Action, Any]] = {
    "disabled": proto.DISABLED,
    "advisory": proto.ADVISORY,
    "mandatory": proto.MANDATORY,
    "remediate": proto.REMEDIATE,
}
_PROVIDERS: Final = "pulumi:providers:"
#: The engine's own limit for one message, 400 MB (rpcutil/serve.go).
_OPTIONS: Final = [
    ("grpc.max_receive_message_length", 400 * 1024 * 1024),
    ("grpc.max_send_message_length", 400 * 1024 * 1024),
]


def start(pack: Pack) -> None:
    """Serves a pack to the engine, which reads the port from standard output; does not return."""
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4), options=_OPTIONS)
    analyzer_pb2_grpc.add_AnalyzerServicer_to_server(Analyzer(pack), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    server.wait_for_termination()


def config(enforcement: Enforcement, rules: Iterable[Rule] | None = None) -> dict[str, Any]:
    """The content of the file for ``--policy-pack-config``, as plain JSON data.

    The key ``all`` covers rules that a newer pack has and this configuration does not know.
    """
    record: dict[str, Any] = {"all": {"enforcementLevel": enforcement.level}}
    for rule in REGISTRY.rules if rules is None else rules:
        record[rule.id] = {
            "enforcementLevel": enforcement.action(rule),
            **enforcement.parameters.to_json(rule.parameters),
            "waivers": [w.to_json() for w in enforcement.waivers if fnmatchcase(rule.id, w.rule)],
        }
    return record


def schema(rule: Rule) -> dict[str, dict[str, Any]]:
    """JSON Schemas of what a rule can be told, by name."""
    return {**Parameters.schema(rule.parameters), "waivers": _WAIVERS_SCHEMA}


@dataclass(frozen=True)
class _Regime:
    """How far one rule goes, what it compares with, and what is excused."""

    action: Action
    parameters: Parameters = field(default_factory=Parameters)
    waivers: tuple[Waiver, ...] = ()


class Analyzer(analyzer_pb2_grpc.AnalyzerServicer):
    """Answers the engine for one pack."""

    def __init__(self, pack: Pack) -> None:
        self._pack = pack
        self._regimes = {rule.id: _Regime(pack.action(rule)) for rule in pack.rules}
        self._alone = tuple(rule for rule in pack.rules if not rule.needs_graph)
        self._together = tuple(rule for rule in pack.rules if rule.needs_graph)
        self._seen: dict[str, Mapping[str, Any]] = {}
        self._by_kind: dict[str, tuple[Rule, ...]] = {}
        self._looked_at: dict[str, bool] = {}
        self._answers: dict[frozenset[str], list[Any]] = {}

    def Handshake(  # noqa: N802 - the service's own spelling, here and below
        self, _request: Any, _context: grpc.ServicerContext
    ) -> proto.AnalyzerHandshakeResponse:
        """Says that it is there."""
        return proto.AnalyzerHandshakeResponse()

    def GetPluginInfo(  # noqa: N802
        self, _request: Any, _context: grpc.ServicerContext
    ) -> plugin_pb2.PluginInfo:
        """Says which version it is."""
        return plugin_pb2.PluginInfo(version=VERSION)

    def GetAnalyzerInfo(  # noqa: N802
        self, _request: Any, _context: grpc.ServicerContext
    ) -> proto.AnalyzerInfo:
        """Lists the rules, and what each can be told."""
        policies = [self._info(rule) for rule in self._pack.rules]
        return proto.AnalyzerInfo(
            name=self._pack.name,
            displayName=self._pack.name,
            description=self._pack.description,
            version=VERSION,
            supportsConfig=True,
            policies=policies,
        )

    def ConfigureStack(  # noqa: N802
        self, _request: Any, _context: grpc.ServicerContext
    ) -> proto.AnalyzerStackConfigureResponse:
        """Takes note of the stack, which rules know by their parameters."""
        return proto.AnalyzerStackConfigureResponse()

    def Configure(self, request: Any, context: grpc.ServicerContext) -> Empty:  # noqa: N802
        """Takes how far each rule goes and what it compares with; refuses what it cannot read."""
        actions = {number: action for action, number in _LEVELS.items()}
        self._by_kind.clear()
        try:
            for name, said in request.policyConfig.items():
                if name in self._regimes:
                    settings = MessageToDict(said.properties)
                    self._regimes[name] = _regime(actions[said.enforcementLevel], settings)
        except PlinthError as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"{name}: {error}")
        return Empty()

    def Analyze(self, request: Any, _context: grpc.ServicerContext) -> proto.AnalyzeResponse:  # noqa: N802
        """Judges one resource by the rules that need no companions."""
        rules = self._rules(request.type)
        response = proto.AnalyzeResponse(not_applicable=self._others(rules))
        if rules or self._is_looked_at(request.type):
            resource = _resource(request)
            self._seen[resource.urn] = resource.inputs
            graph = _graph([resource, *_provider(request)])
            for rule in rules:
                self._judge(rule, graph, response)
        return response

    def AnalyzeStack(  # noqa: N802
        self, request: Any, _context: grpc.ServicerContext
    ) -> proto.AnalyzeResponse:
        """Judges all resources by the rules that need companions."""
        rules = [rule for rule in self._together if self._is_on(rule)]
        response = proto.AnalyzeResponse()
        resources = [
            _stack_resource(entry, self._seen.get(entry.urn))
            for entry in request.resources
            if entry.type.startswith(_PROVIDERS) or self._is_looked_at(entry.type)
        ]
        # The engine hands resources over in no order.
        graph = _graph(sorted(resources, key=lambda resource: resource.urn))
        for rule in rules:
            self._judge(rule, graph, response)
        idle = [r for r in self._together if not any(map(r.applies_to, resources))]
        response.not_applicable.extend(_not_applicable(rule) for rule in idle)
        return response

    def Remediate(self, request: Any, _context: grpc.ServicerContext) -> proto.RemediateResponse:  # noqa: N802
        """Mends one resource by the rules that may; each sees what the one before has made."""
        rules = tuple(
            rule
            for rule in self._rules(request.type)
            if rule.mend and self._regimes[rule.id].action == "remediate"
        )
        response = proto.RemediateResponse(not_applicable=self._others(rules))
        if not rules:
            return response
        resource, provider = _resource(request), _provider(request)
        properties = request.properties
        for rule in rules:
            regime = self._regimes[rule.id]
            scope = Scope(_graph([resource, *provider]), regime.parameters)
            after = None if _excused(regime, rule, resource) else mend(rule, resource, scope)
            if after is None:
                continue
            properties = mended(properties, resource.inputs, after.inputs)
            resource = after
            response.remediations.append(
                proto.Remediation(
                    policyName=rule.id,
                    policyPackName=self._pack.name,
                    policyPackVersion=VERSION,
                    description=rule.title,
                    properties=properties,
                )
            )
        return response

    def _is_on(self, rule: Rule) -> bool:
        return self._regimes[rule.id].action != "disabled"

    def _rules(self, kind: str) -> tuple[Rule, ...]:
        """The rules that judge a type alone and are on."""
        if kind not in self._by_kind:
            rules = (r for r in self._alone if r.judges_kind(kind) and self._is_on(r))
            self._by_kind[kind] = tuple(rules)
        return self._by_kind[kind]

    def _others(self, rules: tuple[Rule, ...]) -> list[Any]:
        """Says of all other rules for single resources that they do not apply."""
        asked = frozenset(rule.id for rule in rules)
        if asked not in self._answers:
            others = [rule for rule in self._alone if rule.id not in asked]
            self._answers[asked] = [_not_applicable(rule) for rule in others]
        return self._answers[asked]

    def _is_looked_at(self, kind: str) -> bool:
        if kind not in self._looked_at:
            self._looked_at[kind] = any(rule.looks_at(kind) for rule in self._together)
        return self._looked_at[kind]

    def _judge(self, rule: Rule, graph: Graph, response: proto.AnalyzeResponse) -> None:
        regime = self._regimes[rule.id]
        scope = Scope(graph, regime.parameters)
        # What could not be mended stops the operation.
        level: Action = "advisory" if regime.action == "advisory" else "mandatory"
        for resource in graph:
            if not rule.applies_to(resource) or _excused(regime, rule, resource):
                continue
            for message in judge(rule, resource, scope):
                response.diagnostics.append(
                    proto.AnalyzeDiagnostic(
                        policyName=rule.id,
                        policyPackName=self._pack.name,
                        policyPackVersion=VERSION,
                        description=rule.title,
                        message=f"{rule.title}\n{message}",
                        enforcementLevel=_LEVELS[level],
                        urn=resource.urn,
                    )
                )

    def _info(self, rule: Rule) -> proto.PolicyInfo:
        info = proto.PolicyInfo(
            name=rule.id,
            displayName=rule.title,
            description=rule.title,
            enforcementLevel=_LEVELS[self._pack.action(rule)],
            policy_type=(
                proto.POLICY_TYPE_STACK if rule.needs_graph else proto.POLICY_TYPE_RESOURCE
            ),
            tags=[rule.domain, *rule.clouds],
            remediation_steps=f"{rule.fix[0].upper()}{rule.fix[1:]}. {rule.why}",
        )
        info.configSchema.properties.update(schema(rule))
        return info


def _not_applicable(rule: Rule) -> proto.PolicyNotApplicable:
    return proto.PolicyNotApplicable(policy_name=rule.id, reason="It judges other types.")


def _regime(action: Action, settings: Mapping[str, Any]) -> _Regime:
    values = {name: value for name, value in settings.items() if name != "waivers"}
    waivers = tuple(Waiver.from_json(entry) for entry in settings.get("waivers") or ())
    return _Regime(action, Parameters.from_json(values), waivers)


def _excused(regime: _Regime, rule: Rule, resource: Resource) -> bool:
    return any(waiver.covers(rule, resource, date.today()) for waiver in regime.waivers)


def _graph(resources: Sequence[Resource]) -> Graph:
    return Graph(environment="", cloud="", resources=tuple(resources))


def _resource(message: Any) -> Resource:
    return Resource(
        urn=message.urn,
        type=message.type,
        name=message.name,
        inputs=decode(message.properties, secrets=False),
        parent=message.options.parent or None,
        provider=f"{message.provider.urn}::{UNKNOWN}" if message.HasField("provider") else None,
        protect=message.options.protect,
    )


def _provider(message: Any) -> list[Resource]:
    if not message.HasField("provider"):
        return []
    sent = message.provider
    return [
        Resource(
            urn=sent.urn,
            type=sent.type,
            name=sent.name,
            inputs=decode(sent.properties, secrets=False),
        )
    ]


def _stack_resource(message: Any, inputs: Mapping[str, Any] | None) -> Resource:
    """A resource among all: with the inputs it was shown with, as rules read those.

    The engine sends outputs here, of which there are none yet where even the provider is to come:
    on a cluster that a first preview plans.
    """
    resource = _resource(message)
    return replace(
        resource,
        inputs=resource.inputs if inputs is None else inputs,
        outputs=resource.inputs,
        parent=message.parent or None,
        dependencies=tuple(message.dependencies),
        property_dependencies={
            name: tuple(sources.urns) for name, sources in message.propertyDependencies.items()
        },
    )
