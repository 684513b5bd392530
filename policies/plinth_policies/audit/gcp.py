"""What is recorded on Google Cloud."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from plinth.graph import Resource
from plinth_policies.controls import LOGGING
from plinth_policies.encryption.gcp_stores import CLUSTER
from plinth_policies.exposure.ranges import only_private
from plinth_policies.model import REGISTRY, Scope
from plinth_policies.settings import Setting, register
from plinth_policies.values import blocks, get, hidden, is_on, known

_BUCKET: Final = "gcp:storage/bucket:Bucket"
_SUBNET: Final = "gcp:compute/subnetwork:Subnetwork"
_FIREWALL: Final = "gcp:compute/firewall:Firewall"
_POLICY_RULES: Final = (
    "gcp:compute/networkFirewallPolicyRule:NetworkFirewallPolicyRule",
    "gcp:compute/regionNetworkFirewallPolicyRule:RegionNetworkFirewallPolicyRule",
)
#: Purposes of subnets in which Google logs no flows ("VPC Flow Logs", restrictions).
_WITHOUT_FLOWS: Final = (
    "REGIONAL_MANAGED_PROXY",
    "GLOBAL_MANAGED_PROXY",
    "INTERNAL_HTTPS_LOAD_BALANCER",
    "PRIVATE_SERVICE_CONNECT",
)
_COMPONENTS: Final = ("SYSTEM_COMPONENTS", "WORKLOADS")

#: Flag of PostgreSQL -> values that keep its log.
_FLAGS: Final = {
    "log_connections": ("on",),
    "log_disconnections": ("on",),
    "log_statement": ("ddl", "mod", "all"),
}
_LOG: Final = (Setting("logConfig.enable", ("true",), default="false"),)


@REGISTRY.rule(
    "logging-gcp-flow-logs",
    title="Subnets on Google Cloud have flow logs",
    why="Without them nobody can say what talked to whom.",
    fix="set logConfig",
    judges={_SUBNET: ("logConfig", "purpose")},
    controls=(*LOGGING, "cis-gcp/3.8", "cis-gke/5.6.1"),
    good={"logConfig": {"flowSampling": 0.5}},
    bad={},
)
def _flow_logs(resource: Resource, _scope: Scope) -> Iterator[str]:
    purpose = known(resource.inputs.get("purpose"), "purpose")
    config = known(resource.inputs.get("logConfig"), "logConfig")
    if purpose not in _WITHOUT_FLOWS and not config:
        yield "logConfig is not set"


@REGISTRY.rule(
    "logging-gke-components",
    title="GKE sends the logs of its nodes and workloads out",
    why="What a pod wrote before it crashed is gone with the pod.",
    fix="list SYSTEM_COMPONENTS and WORKLOADS in loggingConfig.enableComponents",
    judges={CLUSTER: ("loggingConfig.enableComponents", "loggingService")},
    controls=(*LOGGING, "cis-gke/5.7.1"),
    good={"loggingConfig": {"enableComponents": list(_COMPONENTS)}},
    bad={"loggingConfig": {"enableComponents": []}},
)
def _gke(resource: Resource, _scope: Scope) -> Iterator[str]:
    if known(resource.inputs.get("loggingService"), "loggingService") == "none":
        yield "loggingService is none"
    name = "loggingConfig.enableComponents"
    given = known(get(resource.inputs, name), name)
    # With nothing said, GKE logs both.
    missing = [] if given is None else [one for one in _COMPONENTS if one not in given]
    if missing:
        yield f"{name} has no {', '.join(missing)}"


@REGISTRY.rule(
    "logging-gcs-access",
    title="Requests to GCS buckets are recorded",
    why="Without access logs nobody can say who read which data.",
    fix="set logging.logBucket to a bucket for access logs",
    judges={_BUCKET: ("logging.logBucket",)},
    consults={_BUCKET: ("logging.logBucket",)},
    controls=LOGGING,
    good={"logging": {"logBucket": "access-logs"}},
    bad={},
)
def _bucket(resource: Resource, scope: Scope) -> Iterator[str]:
    # A bucket that logged into itself would log its own logs for ever.
    if not (
        get(resource.inputs, "logging.logBucket")
        or scope.companions(resource, _BUCKET, "logging")
        or _is_log_bucket(resource, scope)
    ):
        yield "logging.logBucket is not set"


def _is_log_bucket(resource: Resource, scope: Scope) -> bool:
    name = resource.inputs.get("name")
    buckets = scope.all_of(_BUCKET)
    targets = [get(bucket.inputs, "logging.logBucket") for bucket in buckets]
    return name is not None and not hidden(name) and name in targets


@REGISTRY.rule(
    "logging-cloud-sql",
    title="PostgreSQL on Cloud SQL records sign-ins and changes of tables",
    why="Without them nobody can say who signed in, or who changed the tables.",
    fix="set the database flag",
    judges={
        "gcp:sql/databaseInstance:DatabaseInstance": (
            "databaseVersion",
            "settings.databaseFlags.name",
            "settings.databaseFlags.value",
        )
    },
    controls=(*LOGGING, "cis-gcp/6.2.2", "cis-gcp/6.2.3", "cis-gcp/6.2.4"),
    good={
        "databaseVersion": "POSTGRES_17",
        "settings": {
            "databaseFlags": [
                {"name": name, "value": accepted[0]} for name, accepted in _FLAGS.items()
            ]
        },
    },
    bad={"databaseVersion": "POSTGRES_17", "settings": {"databaseFlags": []}},
)
def _cloud_sql(resource: Resource, _scope: Scope) -> Iterator[str]:
    version = known(resource.inputs.get("databaseVersion"), "databaseVersion")
    if not str(version).startswith("POSTGRES"):
        return
    given = blocks(get(resource.inputs, "settings.databaseFlags"), "settings.databaseFlags")
    flags = {get(flag, "name"): get(flag, "value") for flag in given}
    for name, accepted in _FLAGS.items():
        if known(flags.get(name), name) not in accepted:
            yield f"the flag {name} is none of {', '.join(accepted)}"


@REGISTRY.rule(
    "logging-gcp-firewall",
    title="What the internet tries at firewalls on Google Cloud is recorded",
    why="Whoever tries every port of the network is noticed by what was refused, or let in.",
    fix="set logConfig, or turn enableLogging on",
    judges={
        _FIREWALL: ("direction", "disabled", "sourceRanges", "logConfig"),
        **dict.fromkeys(
            _POLICY_RULES, ("direction", "disabled", "match.srcIpRanges", "enableLogging")
        ),
    },
    controls=LOGGING,
    good={"sourceRanges": ["0.0.0.0/0"], "logConfig": {"metadata": "EXCLUDE_ALL_METADATA"}},
    bad={"sourceRanges": ["0.0.0.0/0"]},
)
def _firewall(resource: Resource, _scope: Scope) -> Iterator[str]:
    inputs = resource.inputs
    if inputs.get("direction") == "EGRESS" or is_on(inputs.get("disabled")):
        return
    name = "sourceRanges" if resource.type == _FIREWALL else "match.srcIpRanges"
    switch = "logConfig" if resource.type == _FIREWALL else "enableLogging"
    ranges = get(inputs, name)
    if ranges and not only_private(ranges, name) and not known(inputs.get(switch), switch):
        yield f"{switch} is not set"


register(
    "logging-gcp-switches",
    {
        "gcp:compute/backendService:BackendService": _LOG,
        "gcp:compute/regionBackendService:RegionBackendService": _LOG,
        "gcp:compute/routerNat:RouterNat": _LOG,
        "gcp:dns/policy:Policy": (Setting("enableLogging", ("true",), default="false"),),
    },
    title="Load balancers, NAT gateways and DNS on Google Cloud write their logs",
    why="They write none unless they are told to.",
    fix="turn the log on",
    controls=(*LOGGING, "cis-gcp/2.12", "cis-gcp/2.16"),
    mends=True,
)


@REGISTRY.rule(
    "logging-gcp-audit",
    title="Nobody is exempted from audit logs on Google Cloud",
    why="What an exempted identity does leaves no trace, and neither does whoever steals it.",
    fix="remove exemptedMembers",
    judges={
        "gcp:projects/iAMAuditConfig:IAMAuditConfig": ("auditLogConfigs.exemptedMembers",),
        "gcp:folder/iamAuditConfig:IamAuditConfig": ("auditLogConfigs.exemptedMembers",),
        "gcp:organizations/iamAuditConfig:IamAuditConfig": ("auditLogConfigs.exemptedMembers",),
    },
    controls=(*LOGGING, "cis-gcp/2.1"),
    good={"auditLogConfigs": [{"logType": "DATA_READ"}]},
    bad={"auditLogConfigs": [{"logType": "DATA_READ", "exemptedMembers": ["user:a@example.com"]}]},
)
def _audit(resource: Resource, _scope: Scope) -> Iterator[str]:
    for config in blocks(resource.inputs.get("auditLogConfigs"), "auditLogConfigs"):
        if blocks(get(config, "exemptedMembers"), "exemptedMembers"):
            yield "auditLogConfigs exempts members"
