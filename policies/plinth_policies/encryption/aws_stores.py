"""What holds data on AWS and is encrypted with one key."""

from __future__ import annotations

from typing import Final

from plinth_policies.encryption.stores import Store, register

_RESULTS: Final = "configuration.resultConfiguration.encryptionConfiguration"

register(
    Store(
        "ebs-volume",
        "EBS volumes",
        "aws:ebs/volume:Volume",
        "kmsKeyId",
        "encrypted",
        controls=("cis-aws/2.2.1",),
    ),
    Store(
        "rds-instance",
        "RDS instances",
        "aws:rds/instance:Instance",
        "kmsKeyId",
        "storageEncrypted",
        "replicateSourceDb",
        controls=("cis-aws/2.3.1",),
    ),
    Store(
        "rds-cluster",
        "RDS clusters",
        "aws:rds/cluster:Cluster",
        "kmsKeyId",
        "storageEncrypted",
        controls=("cis-aws/2.3.1",),
    ),
    Store(
        "elasticache-group",
        "ElastiCache replication groups",
        "aws:elasticache/replicationGroup:ReplicationGroup",
        "kmsKeyId",
        "atRestEncryptionEnabled",
    ),
    Store(
        "elasticache-serverless",
        "ElastiCache serverless caches",
        "aws:elasticache/serverlessCache:ServerlessCache",
        "kmsKeyId",
    ),
    Store(
        "efs",
        "EFS file systems",
        "aws:efs/fileSystem:FileSystem",
        "kmsKeyId",
        "encrypted",
        controls=("cis-aws/2.4.1",),
    ),
    Store(
        "dynamodb-table",
        "DynamoDB tables",
        "aws:dynamodb/table:Table",
        "serverSideEncryption.kmsKeyArn",
        "serverSideEncryption.enabled",
    ),
    Store("log-group", "CloudWatch log groups", "aws:cloudwatch/logGroup:LogGroup", "kmsKeyId"),
    Store("secret", "secrets", "aws:secretsmanager/secret:Secret", "kmsKeyId"),
    Store("sns-topic", "SNS topics", "aws:sns/topic:Topic", "kmsMasterKeyId"),
    Store("sqs-queue", "SQS queues", "aws:sqs/queue:Queue", "kmsMasterKeyId"),
    Store("backup-vault", "backup vaults", "aws:backup/vault:Vault", "kmsKeyArn"),
    Store("mwaa", "managed Airflow environments", "aws:mwaa/environment:Environment", "kmsKey"),
    Store("sagemaker-domain", "SageMaker domains", "aws:sagemaker/domain:Domain", "kmsKeyId"),
    Store(
        "ebs-snapshot",
        "EBS snapshots",
        "aws:ebs/snapshotCopy:SnapshotCopy",
        "kmsKeyId",
        "encrypted",
        controls=("cis-aws/2.2.1",),
    ),
    Store(
        "docdb", "DocumentDB clusters", "aws:docdb/cluster:Cluster", "kmsKeyId", "storageEncrypted"
    ),
    Store(
        "neptune",
        "Neptune clusters",
        "aws:neptune/cluster:Cluster",
        "kmsKeyArn",
        "storageEncrypted",
    ),
    Store("redshift", "Redshift clusters", "aws:redshift/cluster:Cluster", "kmsKeyId", "encrypted"),
    Store(
        "redshift-serverless",
        "Redshift namespaces",
        "aws:redshiftserverless/namespace:Namespace",
        "kmsKeyId",
    ),
    Store(
        "opensearch",
        "OpenSearch domains",
        "aws:opensearch/domain:Domain",
        "encryptAtRest.kmsKeyId",
        "encryptAtRest.enabled",
    ),
    Store("memorydb", "MemoryDB clusters", "aws:memorydb/cluster:Cluster", "kmsKeyArn"),
    Store(
        "keyspaces",
        "Keyspaces tables",
        "aws:keyspaces/table:Table",
        "encryptionSpecification.kmsKeyIdentifier",
        mode="encryptionSpecification.type",
        modes=("CUSTOMER_MANAGED_KMS_KEY",),
    ),
    Store(
        "kinesis-stream",
        "Kinesis streams",
        "aws:kinesis/stream:Stream",
        "kmsKeyId",
        mode="encryptionType",
        modes=("KMS",),
    ),
    Store(
        "msk",
        "Kafka clusters",
        "aws:msk/cluster:Cluster",
        "encryptionInfo.encryptionAtRestKmsKeyArn",
    ),
    Store("mq-broker", "message brokers", "aws:mq/broker:Broker", "encryptionOptions.kmsKeyId"),
    Store(
        "fsx-lustre",
        "FSx for Lustre file systems",
        "aws:fsx/lustreFileSystem:LustreFileSystem",
        "kmsKeyId",
    ),
    Store(
        "athena-results",
        "Athena workgroups",
        "aws:athena/workgroup:Workgroup",
        f"{_RESULTS}.kmsKeyArn",
        mode=f"{_RESULTS}.encryptionOption",
        modes=("SSE_KMS", "CSE_KMS"),
    ),
    Store(
        "cloudtrail",
        "trails",
        "aws:cloudtrail/trail:Trail",
        "kmsKeyId",
        controls=("cis-aws/3.5",),
    ),
    Store(
        "cloudtrail-lake",
        "event data stores",
        "aws:cloudtrail/eventDataStore:EventDataStore",
        "kmsKeyId",
        controls=("cis-aws/3.5",),
    ),
    Store(
        "sagemaker-notebook",
        "SageMaker notebook instances",
        "aws:sagemaker/notebookInstance:NotebookInstance",
        "kmsKeyId",
    ),
    Store(
        "sagemaker-endpoint",
        "machines behind SageMaker endpoints",
        "aws:sagemaker/endpointConfiguration:EndpointConfiguration",
        "kmsKeyArn",
    ),
)
