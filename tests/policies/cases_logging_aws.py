"""Good and bad cases of the rules on logs on AWS, and on how long logs are kept anywhere."""

from __future__ import annotations

from typing import Any

from policy_support import Table, nested, resource, settings_table

from plinth.graph import UNKNOWN, Resource
from plinth_policies.audit.aws import EXPORTS
from plinth_policies.encryption.aws import BUCKET, BUCKET_LOGGING

CLUSTER = "aws:eks/cluster:Cluster"
VPC = "aws:ec2/vpc:Vpc"
FLOW_LOG = "aws:ec2/flowLog:FlowLog"
DATABASE = "aws:rds/instance:Instance"
TRAIL = "aws:cloudtrail/trail:Trail"
AIRFLOW = "aws:mwaa/environment:Environment"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
AZURE_FLOW_LOG = "azure-native:network:FlowLog"
WORKSPACE = "azure-native:operationalinsights:Workspace"

KINDS = ["api", "audit", "authenticator", "controllerManager", "scheduler"]


def _network(*kinds: Any) -> list[Resource]:
    logs = [
        resource(FLOW_LOG, {"vpcId": "vpc-1", "trafficType": kind}, f"log-{index}")
        for index, kind in enumerate(kinds)
    ]
    return [resource(VPC, {}, id="vpc-1"), *logs]


def _bucket(through: str, **inputs: Any) -> list[Resource]:
    logging = resource(BUCKET_LOGGING, {through: "models"}, "logging")
    return [resource(BUCKET, {"bucket": "models", **inputs}), *([logging] if through else [])]


def _kept(token: str, path: str, days: Any, **more: Any) -> list[Resource]:
    return [resource(token, nested({path: days, **more}))]


def _flows(days: Any, enabled: Any = True) -> list[Resource]:
    more = {"retentionPolicy.enabled": enabled}
    return _kept(AZURE_FLOW_LOG, "retentionPolicy.days", days, **more)


_OWNERS = ("project", "folder", "organization", "billingAccount")
_BUCKETS = [f"gcp:logging/{o}BucketConfig:{o[0].upper()}{o[1:]}BucketConfig" for o in _OWNERS]
_BALANCERS = ("lb", "alb", "elb")

TABLES = {
    "logging-eks-control-plane": Table(
        CLUSTER,
        good=[{"enabledClusterLogTypes": KINDS}],
        bad=[
            ({}, "has no api, audit"),
            ({"enabledClusterLogTypes": KINDS[:-1]}, "has no scheduler"),
            ({"enabledClusterLogTypes": UNKNOWN}, "enabledClusterLogTypes is not known"),
        ],
    ),
    "logging-vpc-flow-logs": Table(
        VPC,
        good=[_network("ALL"), _network("ACCEPT", "REJECT")],
        bad=[
            (_network(), "the network has no flow log"),
            (_network("ACCEPT"), "no flow log has what is refused"),
            (_network(UNKNOWN), "trafficType is not known"),
        ],
    ),
    "logging-s3-access": Table(
        BUCKET,
        good=[
            _bucket("bucket"),
            _bucket("targetBucket"),
            _bucket("", logging={"targetBucket": UNKNOWN}),
        ],
        bad=[(_bucket(""), "no access logs"), (_bucket("", logging=UNKNOWN), "no access logs")],
    ),
    "logging-aws-exports": Table(
        DATABASE,
        good=[
            *([resource(token, nested({path: ["error"]}))] for token, path in EXPORTS.items()),
            _kept("aws:apigateway/stage:Stage", EXPORTS["aws:apigateway/stage:Stage"], UNKNOWN),
        ],
        bad=[
            *(
                ([resource(token, nested({path: value}))], f"{path} is not set")
                for token, path in EXPORTS.items()
                for value in (None, [])
            ),
            ({"enabledCloudwatchLogsExports": UNKNOWN}, "Exports is not known"),
        ],
    ),
    "logging-aws-switches": settings_table(
        *(
            (f"aws:{kind}/loadBalancer:LoadBalancer", "accessLogs.enabled", True, value)
            for kind, value in zip(_BALANCERS, (None, False, None), strict=True)
        ),
        (
            "aws:msk/cluster:Cluster",
            "loggingInfo.brokerLogs.cloudwatchLogs.enabled",
            True,
            False,
        ),
        *(
            (AIRFLOW, f"loggingConfiguration.{part}Logs.enabled", True, None)
            for part in ("dagProcessing", "scheduler", "task", "webserver", "worker")
        ),
        ("aws:sfn/stateMachine:StateMachine", "loggingConfiguration.level", "ERROR", "OFF"),
    ),
    "logging-cloudtrail": settings_table(
        (TRAIL, "isMultiRegionTrail", True, None),
        (TRAIL, "enableLogFileValidation", True, False),
        (TRAIL, "enableLogging", None, False),
        (TRAIL, "includeGlobalServiceEvents", True, False),
    ),
    "logging-retention": Table(
        LOG_GROUP,
        good=[
            {"retentionInDays": 90},
            {"retentionInDays": 400.0},
            _kept(WORKSPACE, "retentionInDays", 90),
            _flows(90),
            *(_kept(token, "retentionDays", 90) for token in _BUCKETS),
        ],
        bad=[
            ({}, "retentionInDays is not set"),
            ({"retentionInDays": 0}, "retentionInDays is not set"),
            ({"retentionInDays": 30.0}, "retentionInDays is 30, and must be 90 at least"),
            ({"retentionInDays": UNKNOWN}, "retentionInDays is not known"),
            (_kept(WORKSPACE, "retentionInDays", 7), "must be 90 at least"),
            (
                _kept("azure-native:applicationinsights:Component", "retentionInDays", None),
                "retentionInDays is not set",
            ),
            (_flows(30), "retentionPolicy.days is 30"),
            (_flows(90, enabled=False), "retentionPolicy.days is not set"),
            (_flows(90, enabled=UNKNOWN), "retentionPolicy.enabled is not known"),
            *((_kept(token, "retentionDays", 30), "retentionDays is 30") for token in _BUCKETS),
        ],
    ),
}
