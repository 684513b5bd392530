"""How the example platform is broken so that each rule on encryption at rest must say so."""

from __future__ import annotations

from mutation import Break

_AKS = "azure-native:containerservice:ManagedCluster"
_GKE = "gcp:container/cluster:Cluster"
_STORAGE_CLASS = "kubernetes:storage.k8s.io/v1:StorageClass"


def _without(cloud: str, token: str, path: str, name: str = "*") -> Break:
    return Break(cloud=cloud, token=token, name=name, change={path: None})


_AWS = {
    "encryption-ebs-storage-class-kms": _without("aws", _STORAGE_CLASS, "parameters.kmsKeyId"),
    "encryption-ecr-repository-kms": Break(
        cloud="aws",
        token="aws:ecr/repository:Repository",
        change={"encryptionConfigurations.0.encryptionType": "AES256"},
    ),
    "encryption-eks-nodes-kms": _without("aws", "aws:eks/nodeGroup:NodeGroup", "launchTemplate"),
    "encryption-eks-secrets-kms": _without("aws", "aws:eks/cluster:Cluster", "encryptionConfig"),
    "encryption-elasticache-group-kms": _without(
        "aws", "aws:elasticache/replicationGroup:ReplicationGroup", "atRestEncryptionEnabled"
    ),
    "encryption-kms-key-rotation": Break(
        cloud="aws", token="aws:kms/key:Key", change={"enableKeyRotation": False}
    ),
    "encryption-launch-template-kms": Break(
        cloud="aws",
        token="aws:ec2/launchTemplate:LaunchTemplate",
        change={"blockDeviceMappings.0.ebs.encrypted": "false"},
    ),
    "encryption-log-group-kms": _without("aws", "aws:cloudwatch/logGroup:LogGroup", "kmsKeyId"),
    "encryption-rds-instance-kms": _without("aws", "aws:rds/instance:Instance", "kmsKeyId"),
    "encryption-rds-master-secret-kms": _without(
        "aws", "aws:rds/instance:Instance", "masterUserSecretKmsKeyId"
    ),
    "encryption-s3-bucket-kms": Break(
        cloud="aws",
        token="aws:s3/bucketServerSideEncryptionConfiguration:*",
        name="models*",
        change={"rules.0.applyServerSideEncryptionByDefault.sseAlgorithm": "AES256"},
    ),
    "encryption-secret-kms": _without("aws", "aws:secretsmanager/secret:Secret", "kmsKeyId"),
    "encryption-sns-topic-kms": Break(
        cloud="aws", token="aws:sns/topic:Topic", change={"kmsMasterKeyId": "alias/aws/sns"}
    ),
}

_AZURE = {
    "encryption-aks-disks-kms": _without("azure", _AKS, "diskEncryptionSetID"),
    "encryption-aks-host": Break(
        cloud="azure", token=_AKS, change={"agentPoolProfiles.0.enableEncryptionAtHost": False}
    ),
    "encryption-aks-secrets-kms": Break(
        cloud="azure", token=_AKS, change={"securityProfile.azureKeyVaultKms.enabled": False}
    ),
    "encryption-azure-postgresql-kms": Break(
        cloud="azure",
        token="azure-native:dbforpostgresql:Server",
        change={"dataEncryption.type": "SystemManaged"},
    ),
    "encryption-azure-redis-kms": _without(
        "azure", "azure-native:redisenterprise:RedisEnterprise", "encryption"
    ),
    "encryption-container-registry-kms": Break(
        cloud="azure",
        token="azure-native:containerregistry:Registry",
        change={"encryption.status": "disabled"},
    ),
    "encryption-disk-encryption-set-kms": Break(
        cloud="azure",
        token="azure-native:compute:DiskEncryptionSet",
        change={"rotationToLatestKeyVersionEnabled": False},
    ),
    "encryption-keyvault-key-rotation": _without(
        "azure", "azure-native:keyvault:Key", "properties.rotationPolicy"
    ),
    "encryption-keyvault-purge-protection": _without(
        "azure", "azure-native:keyvault:Vault", "properties.enablePurgeProtection"
    ),
    "encryption-storage-account-kms": Break(
        cloud="azure",
        token="azure-native:storage:StorageAccount",
        change={"encryption.keySource": "Microsoft.Storage"},
    ),
}

_GCP = {
    "encryption-artifact-registry-kms": _without(
        "gcp", "gcp:artifactregistry/repository:Repository", "kmsKeyName"
    ),
    "encryption-cloud-sql-kms": _without(
        "gcp", "gcp:sql/databaseInstance:DatabaseInstance", "encryptionKeyName"
    ),
    "encryption-gcp-key-rotation": Break(
        cloud="gcp", token="gcp:kms/cryptoKey:CryptoKey", change={"rotationPeriod": "63072000s"}
    ),
    "encryption-gcs-bucket-kms": _without("gcp", "gcp:storage/bucket:Bucket", "encryption"),
    "encryption-gke-cluster-nodes-kms": Break(
        cloud="gcp",
        token=_GKE,
        change={"removeDefaultNodePool": False, "nodeConfig.bootDiskKmsKey": None},
    ),
    "encryption-gke-nodes-kms": _without(
        "gcp", "gcp:container/nodePool:NodePool", "nodeConfig.bootDiskKmsKey"
    ),
    "encryption-gke-secrets-kms": Break(
        cloud="gcp", token=_GKE, change={"databaseEncryption.state": "DECRYPTED"}
    ),
    "encryption-log-bucket-kms": _without(
        "gcp", "gcp:logging/projectBucketConfig:ProjectBucketConfig", "cmekSettings"
    ),
    "encryption-memorystore-instance-kms": _without(
        "gcp", "gcp:redis/instance:Instance", "customerManagedKey"
    ),
    "encryption-pd-storage-class-kms": _without(
        "gcp", _STORAGE_CLASS, "parameters.disk-encryption-kms-key"
    ),
    "encryption-secret-manager-kms": _without(
        "gcp",
        "gcp:secretmanager/secret:Secret",
        "replication.userManaged.replicas.0.customerManagedEncryption",
    ),
}

MUTATIONS: dict[str, Break] = {**_AWS, **_AZURE, **_GCP}
