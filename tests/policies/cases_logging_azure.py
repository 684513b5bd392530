"""Good and bad cases of the rules on logs on Azure."""

from __future__ import annotations

from typing import Any

from policy_support import Table, resource

from plinth.graph import UNKNOWN, Resource

VAULT = "azure-native:keyvault:Vault"
CLUSTER = "azure-native:containerservice:ManagedCluster"
SETTING = "azure-native:monitor:DiagnosticSetting"
NETWORK = "azure-native:network:VirtualNetwork"
FLOW_LOG = "azure-native:network:FlowLog"
POSTGRES = "azure-native:dbforpostgresql:Configuration"
MYSQL = "azure-native:dbformysql:Configuration"


def _sent(token: str, *logs: Any) -> list[Resource]:
    setting = {"resourceUri": "id-1", "logs": list(logs)}
    return [resource(token, {}, id="id-1"), resource(SETTING, setting, "setting")]


def _log(category: str, enabled: Any = True, key: str = "category") -> dict[str, Any]:
    return {key: category, "enabled": enabled}


def _network(enabled: Any) -> list[Resource]:
    log = {"targetResourceId": "id-1", "enabled": enabled}
    return [resource(NETWORK, {}, id="id-1"), resource(FLOW_LOG, log, "log")]


def _parameter(name: Any, value: Any, token: str = POSTGRES) -> list[Resource]:
    return [resource(token, {"configurationName": name, "value": value})]


TABLES = {
    "logging-azure-diagnostics": Table(
        VAULT,
        good=[
            _sent(VAULT, _log("AuditEvent")),
            _sent(VAULT, _log("allLogs", key="categoryGroup")),
            _sent(CLUSTER, _log("guard"), _log("kube-audit-admin")),
        ],
        bad=[
            ({}, "no log of it goes out"),
            (_sent(VAULT), "no diagnostic setting has its audit logs"),
            (_sent(VAULT, _log("AuditEvent", enabled=False)), "has its audit logs"),
            (_sent(VAULT, _log("AuditEvent", enabled=UNKNOWN)), "logs.enabled is not known"),
            (_sent(VAULT, UNKNOWN), "logs is not known"),
            ([resource(CLUSTER, {})], "no log of it goes out"),
            (_sent(CLUSTER, _log("kube-apiserver")), "has its audit logs"),
        ],
    ),
    "logging-azure-flow-logs": Table(
        NETWORK,
        good=[_network(enabled=True)],
        bad=[
            ({}, "the network has no flow log"),
            (_network(enabled=False), "the flow log is off"),
            (_network(enabled=None), "the flow log is off"),
            (_network(enabled=UNKNOWN), "enabled is not known"),
        ],
    ),
    "logging-azure-database": Table(
        POSTGRES,
        good=[
            _parameter("log_checkpoints", "ON"),
            _parameter("log_statement", "ddl"),
            _parameter("work_mem", "off"),
            _parameter("audit_log_enabled", "on", MYSQL),
        ],
        bad=[
            (_parameter("log_checkpoints", "off"), "log_checkpoints is none of on"),
            (_parameter("log_statement", "none"), "log_statement is none of ddl, mod, all"),
            (_parameter("log_connections", None), "log_connections is none of on"),
            (_parameter("log_connections", UNKNOWN), "value is not known"),
            (_parameter(UNKNOWN, "off"), "configurationName is not known"),
            (_parameter("audit_log_enabled", "OFF", MYSQL), "audit_log_enabled is none of on"),
        ],
    ),
}
