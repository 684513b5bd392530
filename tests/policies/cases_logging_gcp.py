"""Good and bad cases of the rules on logs on Google Cloud."""

from __future__ import annotations

from typing import Any

from policy_support import Table, resource, settings_table

from plinth.graph import UNKNOWN, Resource

SUBNET = "gcp:compute/subnetwork:Subnetwork"
CLUSTER = "gcp:container/cluster:Cluster"
BUCKET = "gcp:storage/bucket:Bucket"
DATABASE = "gcp:sql/databaseInstance:DatabaseInstance"
FIREWALL = "gcp:compute/firewall:Firewall"
POLICY_RULES = [
    f"gcp:compute/{kind[0].lower()}{kind[1:]}:{kind}"
    for kind in ("NetworkFirewallPolicyRule", "RegionNetworkFirewallPolicyRule")
]
FLAGS = {"log_connections": "on", "log_disconnections": "on", "log_statement": "ddl"}


def _components(*names: str) -> dict[str, Any]:
    return {"loggingConfig": {"enableComponents": list(names)}}


def _logging(name: Any, target: Any, refers: str = "") -> list[Resource]:
    other = resource(
        BUCKET,
        {"name": "models", "logging": {"logBucket": target}},
        "other",
        property_dependencies={"logging": (refers,)},
    )
    return [resource(BUCKET, {"name": name}), other]


def _exempted(token: str, members: Any) -> list[Resource]:
    config = {"logType": "DATA_READ", "exemptedMembers": members}
    return [resource(token, {"auditLogConfigs": [config]})]


def _database(version: Any = "POSTGRES_17", **flags: Any) -> dict[str, Any]:
    given = [{"name": name, "value": value} for name, value in {**FLAGS, **flags}.items()]
    return {"databaseVersion": version, "settings": {"databaseFlags": given}}


def _open(*ranges: Any, **more: Any) -> dict[str, Any]:
    return {"sourceRanges": list(ranges), **more}


def _rule(token: str, **more: Any) -> list[Resource]:
    return [resource(token, {"match": {"srcIpRanges": ["0.0.0.0/0"]}, **more})]


TABLES = {
    "logging-gcp-flow-logs": Table(
        SUBNET,
        good=[{"logConfig": {"flowSampling": 0.5}}, {"purpose": "REGIONAL_MANAGED_PROXY"}],
        bad=[
            ({}, "logConfig is not set"),
            ({"purpose": "PRIVATE"}, "logConfig is not set"),
            ({"purpose": UNKNOWN}, "purpose is not known"),
            ({"logConfig": UNKNOWN}, "logConfig is not known"),
        ],
    ),
    "logging-gke-components": Table(
        CLUSTER,
        good=[{}, _components("SYSTEM_COMPONENTS", "WORKLOADS", "APISERVER")],
        bad=[
            (_components(), "has no SYSTEM_COMPONENTS, WORKLOADS"),
            (_components("SYSTEM_COMPONENTS"), "has no WORKLOADS"),
            ({"loggingService": "none"}, "loggingService is none"),
            ({"loggingConfig": UNKNOWN}, "enableComponents is not known"),
        ],
    ),
    "logging-gcs-access": Table(
        BUCKET,
        good=[
            [resource(BUCKET, {"logging": {"logBucket": UNKNOWN}})],
            _logging("access", "access"),
            _logging(UNKNOWN, UNKNOWN, refers=resource(BUCKET, {}).urn),
        ],
        bad=[
            ({}, "logging.logBucket is not set"),
            (_logging("access", "elsewhere"), "logging.logBucket is not set"),
            (_logging(UNKNOWN, UNKNOWN), "logging.logBucket is not set"),
        ],
    ),
    "logging-cloud-sql": Table(
        DATABASE,
        good=[_database(), _database(log_statement="mod"), {"databaseVersion": "MYSQL_8_4"}],
        bad=[
            ({"databaseVersion": "POSTGRES_17"}, "log_connections is none of on"),
            (_database(log_connections="off"), "log_connections is none of on"),
            (_database(log_disconnections=None), "log_disconnections is none of on"),
            (_database(log_statement="none"), "log_statement is none of ddl, mod, all"),
            (_database(log_statement=UNKNOWN), "log_statement is not known"),
            ({"databaseVersion": UNKNOWN}, "databaseVersion is not known"),
        ],
    ),
    "logging-gcp-firewall": Table(
        FIREWALL,
        good=[
            {},
            _open("10.0.0.0/8"),
            _open("0.0.0.0/0", direction="EGRESS"),
            _open("0.0.0.0/0", disabled=True),
            _open("0.0.0.0/0", logConfig={"metadata": "EXCLUDE_ALL_METADATA"}),
            *(_rule(token, enableLogging=True) for token in POLICY_RULES),
        ],
        bad=[
            (_open("0.0.0.0/0"), "logConfig is not set"),
            (_open("203.0.113.0/24"), "logConfig is not set"),
            (_open("0.0.0.0/0", logConfig=UNKNOWN), "logConfig is not known"),
            (_open(UNKNOWN), "sourceRanges is not known"),
            *((_rule(token), "enableLogging is not set") for token in POLICY_RULES),
        ],
    ),
    "logging-gcp-switches": settings_table(
        ("gcp:compute/backendService:BackendService", "logConfig.enable", True, None),
        ("gcp:compute/regionBackendService:RegionBackendService", "logConfig.enable", True, False),
        ("gcp:compute/routerNat:RouterNat", "logConfig.enable", True, None),
        ("gcp:dns/policy:Policy", "enableLogging", True, None),
    ),
    "logging-gcp-audit": Table(
        "gcp:projects/iAMAuditConfig:IAMAuditConfig",
        good=[{}, _exempted("gcp:projects/iAMAuditConfig:IAMAuditConfig", [])],
        bad=[
            (_exempted(f"gcp:{kind}", ["user:ada@example.com"]), "exempts members")
            for kind in (
                "projects/iAMAuditConfig:IAMAuditConfig",
                "folder/iamAuditConfig:IamAuditConfig",
                "organizations/iamAuditConfig:IamAuditConfig",
            )
        ]
        + [({"auditLogConfigs": UNKNOWN}, "auditLogConfigs is not known")],
    ),
}
