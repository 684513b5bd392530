"""What is recorded on Azure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from plinth.graph import Resource
from plinth_policies.controls import LOGGING
from plinth_policies.encryption.azure import CLUSTER, VAULT
from plinth_policies.model import REGISTRY, Scope, kind_of
from plinth_policies.values import blocks, get, is_on, known

_SETTING: Final = "azure-native:monitor:DiagnosticSetting"
_NETWORK: Final = "azure-native:network:VirtualNetwork"
_FLOW_LOG: Final = "azure-native:network:FlowLog"

#: Type -> categories, one of which must be on, that say who did what ("Supported resource logs").
_AUDITS: Final = {
    VAULT: ("AuditEvent",),
    CLUSTER: ("kube-audit", "kube-audit-admin"),
}
_GROUPS: Final = ("audit", "allLogs")

#: Server parameter -> values that keep its log, for PostgreSQL and MySQL.
_PARAMETERS: Final = {
    "log_checkpoints": ("on",),
    "log_connections": ("on",),
    "log_disconnections": ("on",),
    "connection_throttle.enable": ("on",),
    "log_statement": ("ddl", "mod", "all"),
    "audit_log_enabled": ("on",),
}


@REGISTRY.rule(
    "logging-azure-diagnostics",
    title="Uses of keys and secrets, and calls of clusters' APIs, are recorded on Azure",
    why="Azure drops these logs unless a diagnostic setting says where they go.",
    fix="attach a diagnostic setting with the audit logs on",
    judges=dict.fromkeys(_AUDITS, ()),
    consults={
        _SETTING: ("resourceUri", "logs.enabled", "logs.category", "logs.categoryGroup"),
    },
    controls=(*LOGGING, "cis-azure/6.1.4", "cis-azure/6.4", "cis-aks/2.1.1"),
    good=(
        (VAULT, {"vaultName": "keys"}),
        (
            _SETTING,
            {"resourceUri": "subject", "logs": [{"category": "AuditEvent", "enabled": True}]},
        ),
    ),
    bad=((VAULT, {"vaultName": "keys"}),),
)
def _diagnostics(resource: Resource, scope: Scope) -> Iterator[str]:
    settings = scope.companions(resource, _SETTING, "resourceUri")
    logs = [log for one in settings for log in blocks(one.inputs.get("logs"), "logs")]
    if not any(_audits(log, _AUDITS[kind_of(resource.type)]) for log in logs):
        yield "no diagnostic setting has its audit logs" if settings else "no log of it goes out"


def _audits(log: dict[str, Any], categories: tuple[str, ...]) -> bool:
    named = log.get("category") in categories or log.get("categoryGroup") in _GROUPS
    return named and is_on(known(log.get("enabled"), "logs.enabled"))


@REGISTRY.rule(
    "logging-azure-flow-logs",
    title="Networks on Azure have flow logs",
    why="Without them nobody can say what talked to whom, or what was kept from it.",
    fix="attach a flow log to the network, and turn it on",
    judges={_NETWORK: ()},
    consults={_FLOW_LOG: ("targetResourceId", "enabled")},
    controls=(*LOGGING, "cis-azure/6.1.5"),
    good=(
        (_NETWORK, {"virtualNetworkName": "churn"}),
        (_FLOW_LOG, {"targetResourceId": "subject", "enabled": True}),
    ),
    bad=((_NETWORK, {"virtualNetworkName": "churn"}),),
)
def _flow_logs(resource: Resource, scope: Scope) -> Iterator[str]:
    logs = scope.companions(resource, _FLOW_LOG, "targetResourceId")
    if not any(is_on(known(get(log.inputs, "enabled"), "enabled")) for log in logs):
        yield "the flow log is off" if logs else "the network has no flow log"


@REGISTRY.rule(
    "logging-azure-database",
    title="Databases on Azure keep the logs that they keep by themselves",
    why="Without them nobody can say who signed in, or who changed the tables.",
    fix="set the parameter to a value that keeps the log, or leave it out",
    judges=dict.fromkeys(
        (
            "azure-native:dbforpostgresql:Configuration",
            "azure-native:dbformysql:Configuration",
        ),
        ("configurationName", "value"),
    ),
    controls=(*LOGGING, "cis-azure/5.2.2", "cis-azure/5.2.3", "cis-azure/5.3.3"),
    good={"configurationName": "log_checkpoints", "value": "on"},
    bad={"configurationName": "log_checkpoints", "value": "off"},
)
def _database(resource: Resource, _scope: Scope) -> Iterator[str]:
    name = known(resource.inputs.get("configurationName"), "configurationName")
    accepted = _PARAMETERS.get(name)
    if accepted and str(known(resource.inputs.get("value"), "value")).lower() not in accepted:
        yield f"{name} is none of {', '.join(accepted)}"
