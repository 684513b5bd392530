"""What is recorded on AWS."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from plinth.graph import Resource
from plinth_policies.controls import LOGGING
from plinth_policies.encryption.aws import BUCKET, BUCKET_LOGGING
from plinth_policies.model import REGISTRY, Scope
from plinth_policies.settings import Setting, register
from plinth_policies.values import blocks, get, hidden, known

_FLOW_LOG: Final = "aws:ec2/flowLog:FlowLog"
_CONTROL_PLANE: Final = ("api", "audit", "authenticator", "controllerManager", "scheduler")

_ACCESS: Final = (Setting("accessLogs.enabled", ("true",), default="false"),)
_STAGE: Final = "accessLogSettings.destinationArn"

#: Type -> the property that says which logs go out, or where to.
EXPORTS: Final = {
    "aws:rds/instance:Instance": "enabledCloudwatchLogsExports",
    "aws:rds/cluster:Cluster": "enabledCloudwatchLogsExports",
    "aws:docdb/cluster:Cluster": "enabledCloudwatchLogsExports",
    "aws:neptune/cluster:Cluster": "enableCloudwatchLogsExports",
    "aws:elasticache/replicationGroup:ReplicationGroup": "logDeliveryConfigurations",
    "aws:elasticache/cluster:Cluster": "logDeliveryConfigurations",
    "aws:opensearch/domain:Domain": "logPublishingOptions",
    "aws:cloudfront/distribution:Distribution": "loggingConfig.bucket",
    "aws:apigateway/stage:Stage": _STAGE,
    "aws:apigatewayv2/stage:Stage": _STAGE,
}


def _all_logs(resource: Resource, _scope: Scope) -> Mapping[str, Any]:
    return {**resource.inputs, "enabledClusterLogTypes": list(_CONTROL_PLANE)}


@REGISTRY.rule(
    "logging-eks-control-plane",
    title="EKS keeps all logs of its control plane",
    why="Without them nobody can say who did what to the cluster, or why the API refused.",
    fix=f"set enabledClusterLogTypes to {', '.join(_CONTROL_PLANE)}",
    judges={"aws:eks/cluster:Cluster": ("enabledClusterLogTypes",)},
    controls=(*LOGGING, "cis-eks/2.1.1"),
    good={"enabledClusterLogTypes": list(_CONTROL_PLANE)},
    bad={"enabledClusterLogTypes": ["api"]},
    mend=_all_logs,
)
def _eks(resource: Resource, _scope: Scope) -> Iterator[str]:
    name = "enabledClusterLogTypes"
    kept = blocks(resource.inputs.get(name), name)
    if missing := [kind for kind in _CONTROL_PLANE if kind not in kept]:
        yield f"{name} has no {', '.join(missing)}"


@REGISTRY.rule(
    "logging-vpc-flow-logs",
    title="Networks on AWS have flow logs",
    why="Without them nobody can say what talked to whom, or what was kept from it.",
    fix="attach a flow log with trafficType ALL",
    judges={"aws:ec2/vpc:Vpc": ()},
    consults={_FLOW_LOG: ("vpcId", "trafficType")},
    controls=(*LOGGING, "cis-aws/3.7"),
    good=(
        ("aws:ec2/vpc:Vpc", {"cidrBlock": "10.0.0.0/16"}),
        (_FLOW_LOG, {"vpcId": "subject", "trafficType": "ALL"}),
    ),
    bad=(("aws:ec2/vpc:Vpc", {"cidrBlock": "10.0.0.0/16"}),),
)
def _flow_logs(resource: Resource, scope: Scope) -> Iterator[str]:
    kinds = [
        known(log.inputs.get("trafficType"), "trafficType")
        for log in scope.companions(resource, _FLOW_LOG, "vpcId")
    ]
    if not {"ALL", "REJECT"}.intersection(kinds):
        yield "the network has no flow log" if not kinds else "no flow log has what is refused"


@REGISTRY.rule(
    "logging-s3-access",
    title="Requests to S3 buckets are recorded",
    why="Without access logs nobody can say who read which data.",
    fix="attach a bucket logging to a bucket for access logs",
    judges={BUCKET: ("logging.targetBucket",)},
    consults={BUCKET_LOGGING: ("bucket", "targetBucket")},
    controls=(*LOGGING, "cis-aws/3.4"),
    good=((BUCKET, {"bucket": "models"}), (BUCKET_LOGGING, {"bucket": "models"})),
    bad=((BUCKET, {"bucket": "models"}),),
)
def _bucket(resource: Resource, scope: Scope) -> Iterator[str]:
    # A bucket that logged into itself would log its own logs for ever.
    # As an output the inline block is there for every bucket and unknown in a preview.
    inline = resource.inputs.get("logging")
    if not (
        (inline and not hidden(inline))
        or scope.companions(resource, BUCKET_LOGGING, "bucket")
        or scope.companions(resource, BUCKET_LOGGING, "targetBucket")
    ):
        yield "the bucket has no access logs"


@REGISTRY.rule(
    "logging-aws-exports",
    title="Databases, caches and front doors on AWS send their logs out",
    why="Logs that stay inside the service are gone after days, or are not written at all.",
    fix="list the logs to send, or where they go",
    judges={token: (path,) for token, path in EXPORTS.items()},
    controls=LOGGING,
    good={"enabledCloudwatchLogsExports": ["postgresql", "upgrade"]},
    bad={},
)
def _exports(resource: Resource, _scope: Scope) -> Iterator[str]:
    path = EXPORTS[resource.type]
    value = get(resource.inputs, path)
    if not value:
        yield f"{path} is not set"
    elif not path.endswith(("bucket", "destinationArn")):  # which may be made here
        known(value, path)


register(
    "logging-aws-switches",
    {
        **dict.fromkeys(
            (
                "aws:lb/loadBalancer:LoadBalancer",
                "aws:alb/loadBalancer:LoadBalancer",
                "aws:elb/loadBalancer:LoadBalancer",
            ),
            _ACCESS,
        ),
        "aws:msk/cluster:Cluster": (
            Setting("loggingInfo.brokerLogs.cloudwatchLogs.enabled", ("true",)),
        ),
        "aws:mwaa/environment:Environment": tuple(
            Setting(f"loggingConfiguration.{part}Logs.enabled", ("true",))
            for part in ("dagProcessing", "scheduler", "task", "webserver", "worker")
        ),
        "aws:sfn/stateMachine:StateMachine": (
            Setting("loggingConfiguration.level", ("ALL", "ERROR", "FATAL"), default="OFF"),
        ),
    },
    title="Load balancers, brokers and workflows on AWS write their logs",
    why="They write none unless they are told to.",
    fix="turn the log on",
    controls=LOGGING,
)


register(
    "logging-cloudtrail",
    {
        "aws:cloudtrail/trail:Trail": (
            Setting("isMultiRegionTrail", ("true",), default="false"),
            Setting("enableLogFileValidation", ("true",), default="false"),
            Setting("enableLogging", ("true",), default="true"),
            Setting("includeGlobalServiceEvents", ("true",), default="true"),
        )
    },
    title="Trails record every region, in files that cannot be forged",
    why="An attacker works in the region that nobody records, and edits the file that tells.",
    fix="turn it on",
    controls=(*LOGGING, "cis-aws/3.1", "cis-aws/3.2"),
    mends=True,
)
