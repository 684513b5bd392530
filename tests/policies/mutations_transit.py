"""How the example platform is broken so that each rule on encryption in transit must say so."""

from __future__ import annotations

from mutation import Break

MUTATIONS: dict[str, Break] = {
    "transit-azure-database-tls": Break(
        cloud="azure",
        token="azure-native:dbforpostgresql:Configuration",
        name="*require_secure_transport",
        change={"value": "off"},
    ),
    "transit-azure-plain": Break(
        cloud="azure",
        token="azure-native:redisenterprise:Database",
        change={"clientProtocol": "Plaintext"},
    ),
    "transit-azure-tls-version": Break(
        cloud="azure",
        token="azure-native:storage:StorageAccount",
        change={"minimumTlsVersion": "TLS1_0"},
    ),
    "transit-cnpg-backups-tls": Break(
        cloud="kubernetes",
        token="kubernetes:barmancloud.cnpg.io/v1:ObjectStore",
        change={"spec.configuration.endpointURL": "http://object-store.example.com"},
    ),
    "transit-cnpg-tls": Break(
        cloud="kubernetes",
        token="kubernetes:postgresql.cnpg.io/v1:Cluster",
        change={"spec.postgresql.pg_hba": None},
    ),
    "transit-eks-private-endpoint": Break(
        cloud="aws",
        token="aws:eks/cluster:Cluster",
        change={"vpcConfig.endpointPrivateAccess": False},
    ),
    "transit-elasticache-tls": Break(
        cloud="aws",
        token="aws:elasticache/replicationGroup:ReplicationGroup",
        change={"transitEncryptionMode": "preferred"},
    ),
    "transit-gateway-tls": Break(
        cloud="kubernetes",
        token="kubernetes:gateway.networking.k8s.io/v1:HTTPRoute",
        name="gateway-httproute",
        drop=True,
    ),
    "transit-gcp-database-tls": Break(
        cloud="gcp",
        token="gcp:sql/databaseInstance:DatabaseInstance",
        change={"settings.ipConfiguration.sslMode": "ALLOW_UNENCRYPTED_AND_ENCRYPTED"},
    ),
    "transit-memorystore-tls": Break(
        cloud="gcp",
        token="gcp:redis/instance:Instance",
        change={"transitEncryptionMode": "DISABLED"},
    ),
    "transit-rds-force-tls": Break(
        cloud="aws",
        token="aws:rds/parameterGroup:ParameterGroup",
        change={"parameters.0.value": "0"},
    ),
    "transit-s3-bucket-tls": Break(
        cloud="aws",
        token="aws:s3/bucketPolicy:BucketPolicy",
        name="models*",
        change={"policy.@json.Statement.0.Condition.Bool.aws:SecureTransport": "true"},
    ),
    "transit-sns-subscription": Break(
        cloud="aws",
        token="aws:sns/topicSubscription:TopicSubscription",
        change={"protocol": "http"},
    ),
}
