"""Good and bad cases of the rules on encryption at rest on AWS."""

from __future__ import annotations

from policy_support import KEY, Inputs, Table, key_table, mode_table, resource

from plinth.graph import UNKNOWN, Resource
from plinth_policies.encryption.aws import BUCKET, BUCKET_ENCRYPTION, BUCKET_LOGGING

KMS = {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": UNKNOWN}
AES = {"sseAlgorithm": "AES256"}
RDS = "aws:rds/instance:Instance"
SSM = "aws:ssm/parameter:Parameter"


def _bucket(default: object, *, inline: Inputs | None = None) -> list[Resource]:
    bucket = resource(BUCKET, inline or {})
    companion = resource(
        BUCKET_ENCRYPTION,
        {"bucket": UNKNOWN, "rules": [{"applyServerSideEncryptionByDefault": default}]},
        property_dependencies={"bucket": (bucket.urn,)},
    )
    return [bucket, companion]


def _inline(default: object) -> dict[str, object]:
    rule = {"applyServerSideEncryptionByDefault": default}
    return {"serverSideEncryptionConfiguration": {"rule": rule}}


def _volume(**ebs: object) -> dict[str, object]:
    return {"blockDeviceMappings": [{"ebs": ebs}]}


TABLES = {
    "encryption-ebs-volume-kms": key_table("aws:ebs/volume:Volume", "kmsKeyId", "encrypted"),
    "encryption-rds-cluster-kms": key_table(
        "aws:rds/cluster:Cluster", "kmsKeyId", "storageEncrypted"
    ),
    "encryption-elasticache-group-kms": key_table(
        "aws:elasticache/replicationGroup:ReplicationGroup", "kmsKeyId", "atRestEncryptionEnabled"
    ),
    "encryption-elasticache-serverless-kms": key_table(
        "aws:elasticache/serverlessCache:ServerlessCache", "kmsKeyId"
    ),
    "encryption-efs-kms": key_table("aws:efs/fileSystem:FileSystem", "kmsKeyId", "encrypted"),
    "encryption-dynamodb-table-kms": key_table(
        "aws:dynamodb/table:Table", "serverSideEncryption.kmsKeyArn", "serverSideEncryption.enabled"
    ),
    "encryption-log-group-kms": key_table("aws:cloudwatch/logGroup:LogGroup", "kmsKeyId"),
    "encryption-secret-kms": key_table("aws:secretsmanager/secret:Secret", "kmsKeyId"),
    "encryption-sns-topic-kms": key_table("aws:sns/topic:Topic", "kmsMasterKeyId"),
    "encryption-sqs-queue-kms": key_table("aws:sqs/queue:Queue", "kmsMasterKeyId"),
    "encryption-backup-vault-kms": key_table("aws:backup/vault:Vault", "kmsKeyArn"),
    "encryption-mwaa-kms": key_table("aws:mwaa/environment:Environment", "kmsKey"),
    "encryption-sagemaker-domain-kms": key_table("aws:sagemaker/domain:Domain", "kmsKeyId"),
    "encryption-rds-instance-kms": Table(
        RDS,
        good=[{"storageEncrypted": True, "kmsKeyId": UNKNOWN}, {"replicateSourceDb": UNKNOWN}],
        bad=[
            ({}, "storageEncrypted is not set"),
            ({"storageEncrypted": True}, "kmsKeyId is not set"),
        ],
    ),
    "encryption-s3-bucket-kms": Table(
        BUCKET,
        good=[
            _bucket(KMS),
            _bucket({**KMS, "sseAlgorithm": "aws:kms:dsse"}),
            _inline({"sseAlgorithm": "aws:kms", "kmsMasterKeyId": KEY}),
            [
                resource(BUCKET, {"bucket": "named"}),
                resource(
                    BUCKET_ENCRYPTION,
                    {"bucket": "named", "rules": [{"applyServerSideEncryptionByDefault": KMS}]},
                ),
            ],
            [
                resource(BUCKET, {"bucket": "logs"}),
                resource(
                    BUCKET_ENCRYPTION,
                    {"bucket": "logs", "rules": [{"applyServerSideEncryptionByDefault": AES}]},
                ),
                resource(BUCKET_LOGGING, {"bucket": "named", "targetBucket": "logs"}),
            ],
        ],
        bad=[
            ({}, "nothing sets the encryption"),
            (_inline(AES), "sseAlgorithm is AES256"),
            ({"serverSideEncryptionConfiguration": UNKNOWN}, "nothing sets the encryption"),
            (_bucket(AES), "sseAlgorithm is AES256"),
            (_bucket({"sseAlgorithm": "aws:kms"}), "kmsMasterKeyId is not set"),
            (_bucket({**KMS, "sseAlgorithm": UNKNOWN}), "sseAlgorithm is not known"),
            (_bucket(AES, inline=_inline(KMS)), "sseAlgorithm is AES256"),
            (
                [
                    resource(BUCKET, {"bucket": "named"}),
                    resource(
                        BUCKET_ENCRYPTION,
                        {"bucket": "other", "rules": [{"applyServerSideEncryptionByDefault": KMS}]},
                    ),
                ],
                "nothing sets the encryption",
            ),
        ],
    ),
    "encryption-launch-template-kms": Table(
        "aws:ec2/launchTemplate:LaunchTemplate",
        good=[_volume(encrypted="true", kmsKeyId=UNKNOWN)],
        bad=[
            ({}, "no block device is mapped"),
            ({"blockDeviceMappings": [{"noDevice": "true"}]}, "no block device is mapped"),
            ({"blockDeviceMappings": UNKNOWN}, "blockDeviceMappings is not known"),
            (_volume(kmsKeyId=KEY), "encrypted is not set"),
            (_volume(encrypted="false", kmsKeyId=KEY), "encrypted is off"),
            (_volume(encrypted="true"), "kmsKeyId is not set"),
        ],
    ),
    "encryption-eks-nodes-kms": Table(
        "aws:eks/nodeGroup:NodeGroup",
        good=[{"launchTemplate": {"id": UNKNOWN}}],
        bad=[({"diskSize": 100}, "launchTemplate is not set")],
    ),
    "encryption-ecr-repository-kms": Table(
        "aws:ecr/repository:Repository",
        good=[{"encryptionConfigurations": [{"encryptionType": "KMS", "kmsKey": UNKNOWN}]}],
        bad=[
            ({}, "encryptionConfigurations is not set"),
            ({"encryptionConfigurations": [{"encryptionType": "AES256"}]}, "is AES256"),
            ({"encryptionConfigurations": [{"encryptionType": "KMS"}]}, "kmsKey is not set"),
            ({"encryptionConfigurations": UNKNOWN}, "encryptionConfigurations is not known"),
        ],
    ),
    "encryption-eks-secrets-kms": Table(
        "aws:eks/cluster:Cluster",
        good=[{"encryptionConfig": {"provider": {"keyArn": UNKNOWN}, "resources": ["secrets"]}}],
        bad=[
            ({}, "does not cover secrets"),
            (
                {"encryptionConfig": {"provider": {}, "resources": ["secrets"]}},
                "keyArn is not set",
            ),
        ],
    ),
    "encryption-rds-master-secret-kms": Table(
        RDS,
        good=[{}, {"manageMasterUserPassword": True, "masterUserSecretKmsKeyId": UNKNOWN}],
        bad=[
            ({"manageMasterUserPassword": True}, "masterUserSecretKmsKeyId is not set"),
            ({"manageMasterUserPassword": UNKNOWN}, "masterUserSecretKmsKeyId is not set"),
            (
                [resource("aws:rds/cluster:Cluster", {"manageMasterUserPassword": True})],
                "masterUserSecretKmsKeyId is not set",
            ),
        ],
    ),
    "encryption-ssm-parameter-kms": Table(
        SSM,
        good=[{"type": "String"}, {"type": "SecureString", "keyId": UNKNOWN}],
        bad=[
            ({"type": "SecureString"}, "keyId is not set"),
            ({"type": UNKNOWN, "keyId": KEY}, "type is not known"),
        ],
    ),
    "encryption-kms-key-rotation": Table(
        "aws:kms/key:Key",
        good=[{"enableKeyRotation": True}, {"customerMasterKeySpec": "RSA_4096"}],
        bad=[
            ({}, "enableKeyRotation is not set"),
            ({"enableKeyRotation": False}, "enableKeyRotation is off"),
            ({"enableKeyRotation": UNKNOWN}, "enableKeyRotation is not known"),
        ],
    ),
    "encryption-ebs-snapshot-kms": key_table(
        "aws:ebs/snapshotCopy:SnapshotCopy", "kmsKeyId", "encrypted"
    ),
    "encryption-docdb-kms": key_table("aws:docdb/cluster:Cluster", "kmsKeyId", "storageEncrypted"),
    "encryption-neptune-kms": key_table(
        "aws:neptune/cluster:Cluster", "kmsKeyArn", "storageEncrypted"
    ),
    "encryption-redshift-kms": key_table("aws:redshift/cluster:Cluster", "kmsKeyId", "encrypted"),
    "encryption-redshift-serverless-kms": key_table(
        "aws:redshiftserverless/namespace:Namespace", "kmsKeyId"
    ),
    "encryption-opensearch-kms": key_table(
        "aws:opensearch/domain:Domain", "encryptAtRest.kmsKeyId", "encryptAtRest.enabled"
    ),
    "encryption-memorydb-kms": key_table("aws:memorydb/cluster:Cluster", "kmsKeyArn"),
    "encryption-keyspaces-kms": mode_table(
        "aws:keyspaces/table:Table",
        "encryptionSpecification.kmsKeyIdentifier",
        "encryptionSpecification.type",
        "CUSTOMER_MANAGED_KMS_KEY",
        "AWS_OWNED_KMS_KEY",
    ),
    "encryption-kinesis-stream-kms": mode_table(
        "aws:kinesis/stream:Stream", "kmsKeyId", "encryptionType", "KMS", "NONE"
    ),
    "encryption-msk-kms": key_table(
        "aws:msk/cluster:Cluster", "encryptionInfo.encryptionAtRestKmsKeyArn"
    ),
    "encryption-mq-broker-kms": key_table("aws:mq/broker:Broker", "encryptionOptions.kmsKeyId"),
    "encryption-fsx-lustre-kms": key_table("aws:fsx/lustreFileSystem:LustreFileSystem", "kmsKeyId"),
    "encryption-athena-results-kms": mode_table(
        "aws:athena/workgroup:Workgroup",
        "configuration.resultConfiguration.encryptionConfiguration.kmsKeyArn",
        "configuration.resultConfiguration.encryptionConfiguration.encryptionOption",
        "SSE_KMS",
        "SSE_S3",
    ),
    "encryption-cloudtrail-kms": key_table("aws:cloudtrail/trail:Trail", "kmsKeyId"),
    "encryption-cloudtrail-lake-kms": key_table(
        "aws:cloudtrail/eventDataStore:EventDataStore", "kmsKeyId"
    ),
    "encryption-sagemaker-notebook-kms": key_table(
        "aws:sagemaker/notebookInstance:NotebookInstance", "kmsKeyId"
    ),
    "encryption-sagemaker-endpoint-kms": key_table(
        "aws:sagemaker/endpointConfiguration:EndpointConfiguration", "kmsKeyArn"
    ),
    "encryption-sagemaker-features-kms": Table(
        "aws:sagemaker/featureGroup:FeatureGroup",
        good=[
            {"onlineStoreConfig": {"securityConfig": {"kmsKeyId": UNKNOWN}}},
            {"offlineStoreConfig": {"s3StorageConfig": {"s3Uri": "s3://f", "kmsKeyId": KEY}}},
        ],
        bad=[
            ({"onlineStoreConfig": {"enableOnlineStore": True}}, "securityConfig.kmsKeyId is not"),
            ({"onlineStoreConfig": UNKNOWN}, "onlineStoreConfig is not known"),
            ({"offlineStoreConfig": {"s3StorageConfig": {}}}, "s3StorageConfig.kmsKeyId is not"),
        ],
    ),
    "encryption-ec2-instance-kms": Table(
        "aws:ec2/instance:Instance",
        good=[{"rootBlockDevice": {"encrypted": True, "kmsKeyId": UNKNOWN}}],
        bad=[
            ({}, "so the image decides"),
            ({"rootBlockDevice": {"kmsKeyId": KEY}}, "encrypted is not set"),
            ({"rootBlockDevice": {"encrypted": UNKNOWN, "kmsKeyId": KEY}}, "is not known"),
            (
                {
                    "rootBlockDevice": {"encrypted": True, "kmsKeyId": KEY},
                    "ebsBlockDevices": [{"encrypted": True}],
                },
                "kmsKeyId is not set",
            ),
        ],
    ),
}
