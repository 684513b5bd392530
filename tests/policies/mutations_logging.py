"""How the example platform is broken so that each rule on logs must say so."""

from __future__ import annotations

from mutation import Break

MUTATIONS: dict[str, Break] = {
    "logging-eks-control-plane": Break(
        cloud="aws",
        token="aws:eks/cluster:Cluster",
        change={"enabledClusterLogTypes": ["api"]},
    ),
    "logging-vpc-flow-logs": Break(cloud="aws", token="aws:ec2/flowLog:FlowLog", drop=True),
    "logging-s3-access": Break(
        cloud="aws", token="aws:s3/bucketLogging:BucketLogging", name="models", drop=True
    ),
    "logging-aws-exports": Break(
        cloud="aws",
        token="aws:rds/instance:Instance",
        change={"enabledCloudwatchLogsExports": None},
    ),
    "logging-retention": Break(
        cloud="aws", token="aws:cloudwatch/logGroup:LogGroup", change={"retentionInDays": None}
    ),
    "logging-azure-diagnostics": Break(
        cloud="azure",
        token="azure-native:monitor:DiagnosticSetting",
        name="vault",
        change={"logs.0.enabled": False},
    ),
    "logging-azure-flow-logs": Break(
        cloud="azure", token="azure-native:network:FlowLog", change={"enabled": False}
    ),
    "logging-azure-database": Break(
        cloud="azure",
        token="azure-native:dbforpostgresql:Configuration",
        name="sql-log_statement",
        change={"value": "none"},
    ),
    "logging-gcp-flow-logs": Break(
        cloud="gcp", token="gcp:compute/subnetwork:Subnetwork", change={"logConfig": None}
    ),
    "logging-gke-components": Break(
        cloud="gcp",
        token="gcp:container/cluster:Cluster",
        change={"loggingConfig.enableComponents": ["SYSTEM_COMPONENTS"]},
    ),
    "logging-gcs-access": Break(
        cloud="gcp", token="gcp:storage/bucket:Bucket", name="models", change={"logging": None}
    ),
    "logging-cloud-sql": Break(
        cloud="gcp",
        token="gcp:sql/databaseInstance:DatabaseInstance",
        change={"settings.databaseFlags": []},
    ),
    "logging-gcp-firewall": Break(
        cloud="gcp",
        token="gcp:compute/firewall:Firewall",
        name="deny",
        change={"logConfig": None},
    ),
    "logging-gcp-switches": Break(
        cloud="gcp",
        token="gcp:compute/routerNat:RouterNat",
        change={"logConfig.enable": False},
    ),
}
