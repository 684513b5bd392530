"""Facts about AWS types that the SDK's documentation does not state.

Two kinds of rows, kept apart. Those in ``_READ`` were compared with the schema of the type in
hashicorp/terraform-provider-aws, ``internal/service/<service>/<type>.go`` (``ForceNew``,
``RequiresReplace`` and ``CustomizeDiff``), which the provider is built from; they cover every type
that the example platform plans. The copies read were of several releases: where one was older than
the SDK, its properties were compared with the SDK's, and what only the SDK has is in ``_BELIEVED``,
like all rows that were not compared with anything: they state what is generally known of the type.

Replacements that depend on the old value are beyond the tables: a source of another kind in a
security group rule, an older engine or an engine that is Redis again in a replication group, and
encryption taken away from a cluster do replace, but are treated as changes in place here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

#: The property with the physical name, where it is not ``name``. The rows for a bucket, a database
#: instance, the two caches and a node group were read in pulumi-aws provider/resource_overrides.go;
#: clusters of databases are not named there: the provider makes up ``tf-...`` for them, the
#: rehearsal a name like all others.
NAMES: Final[Mapping[str, str]] = {
    "aws:s3/bucket:Bucket": "bucket",
    "aws:rds/instance:Instance": "identifier",
    "aws:rds/cluster:Cluster": "clusterIdentifier",
    "aws:rds/clusterInstance:ClusterInstance": "identifier",
    "aws:elasticache/replicationGroup:ReplicationGroup": "replicationGroupId",
    "aws:elasticache/cluster:Cluster": "clusterId",
    "aws:eks/nodeGroup:NodeGroup": "nodeGroupName",
}

#: Types whose made-up names are lowercase: AutoNameTransform in the same file. A database instance
#: and a repository are not among them: there, a logical name in capitals is refused.
LOWERCASE_NAMES: Final = frozenset(
    {
        "aws:s3/bucket:Bucket",
        "aws:elasticache/cluster:Cluster",
        "aws:elasticache/replicationGroup:ReplicationGroup",
    }
)

#: Types whose identifiers are taken for every account.
GLOBAL: Final = frozenset({"aws:s3/bucket:Bucket"})

#: Type -> properties that change in place after all, whatever the documentation or the table says.
IN_PLACE: Final[Mapping[str, tuple[str, ...]]] = {
    # read: replaced before engine version 7.0.5 only
    "aws:elasticache/replicationGroup:ReplicationGroup": ("transitEncryptionEnabled",),
    # read: replaced for other than interface endpoints, which do not have it
    "aws:ec2/vpcEndpoint:VpcEndpoint": ("privateDnsEnabled",),
    # believed
    "aws:iam/user:User": ("name",),
    "aws:iam/group:Group": ("name",),
    "aws:backup/plan:Plan": ("name",),
    "aws:apigateway/restApi:RestApi": ("name",),
    "aws:apigatewayv2/api:Api": ("name",),
}

_EVERYTHING: Final = ("*",)

#: Glob on the type -> properties whose change makes a new resource, as read in the schemas. Of the
#: types that the example plans, launch templates, secrets, log groups and the like have rows only
#: for more than their name, and an internet gateway has none: it changes in place.
_READ: Final[Mapping[str, tuple[str, ...]]] = {
    "aws:budgets/budget:Budget": ("accountId",),
    "aws:cloudwatch/logGroup:LogGroup": ("logGroupClass",),
    "aws:ec2/defaultSecurityGroup:*": ("vpcId",),
    "aws:ec2/eip:Eip": (
        "domain", "address", "publicIpv4Pool", "networkBorderGroup", "ipamPoolId",
    ),
    "aws:ec2/flowLog:FlowLog": _EVERYTHING,
    "aws:ec2/natGateway:NatGateway": (
        "allocationId", "availabilityMode", "connectivityType", "privateIp", "subnetId", "vpcId",
    ),
    "aws:ec2/route:Route": (
        "routeTableId", "destinationCidrBlock", "destinationIpv6CidrBlock",
        "destinationPrefixListId",
    ),
    "aws:ec2/routeTable:RouteTable": ("vpcId",),
    "aws:ec2/routeTableAssociation:*": ("subnetId", "gatewayId"),
    "aws:ec2/securityGroup:SecurityGroup": ("description", "vpcId"),
    "aws:ec2/subnet:Subnet": (
        "vpcId", "cidrBlock", "availabilityZone", "availabilityZoneId", "ipv4IpamPoolId",
        "ipv4NetmaskLength", "ipv6IpamPoolId", "ipv6Native", "ipv6NetmaskLength", "outpostArn",
    ),
    "aws:ec2/vpc:Vpc": ("cidrBlock", "ipv4IpamPoolId", "ipv4NetmaskLength"),
    "aws:ec2/vpcEndpoint:VpcEndpoint": (
        "vpcId", "serviceName", "serviceNetworkArn", "serviceRegion", "resourceConfigurationArn",
        "vpcEndpointType", "dnsOptions.privateDnsPreference",
        "dnsOptions.privateDnsSpecifiedDomains",
    ),
    "aws:eks/accessEntry:AccessEntry": ("clusterName", "principalArn", "type"),
    "aws:eks/accessPolicyAssociation:*": _EVERYTHING,
    "aws:eks/addon:Addon": ("addonName", "clusterName"),
    "aws:eks/cluster:Cluster": (
        # of the Outpost, everything but its ARNs; networks of hybrid nodes change in place
        "roleArn", "bootstrapSelfManagedAddons", "outpostConfig",
        "accessConfig.bootstrapClusterCreatorAdminPermissions",
        "kubernetesNetworkConfig.ipFamily", "kubernetesNetworkConfig.serviceIpv4Cidr",
    ),
    "aws:eks/nodeGroup:NodeGroup": (
        "clusterName", "nodeGroupName", "nodeGroupNamePrefix", "nodeRoleArn", "subnetIds",
        "amiType", "capacityType", "diskSize", "instanceTypes", "remoteAccess",
        "launchTemplate.id", "launchTemplate.name",
    ),
    "aws:eks/podIdentityAssociation:*": ("clusterName", "namespace", "serviceAccount"),
    "aws:elasticache/parameterGroup:ParameterGroup": ("family", "description"),
    "aws:elasticache/replicationGroup:ReplicationGroup": (
        "replicationGroupId", "atRestEncryptionEnabled", "kmsKeyId", "subnetGroupName", "port",
        "dataTieringEnabled", "globalReplicationGroupId", "networkType", "securityGroupNames",
        "snapshotArns", "snapshotName",
        "nodeGroupConfigurations",  # unless the provider finds the change insignificant
    ),
    "aws:iam/role:Role": ("path",),
    "aws:iam/rolePolicy:RolePolicy": ("role",),
    "aws:iam/rolePolicyAttachment:*": ("role", "policyArn"),
    "aws:kms/key:Key": (
        "multiRegion", "keyUsage", "customerMasterKeySpec", "customKeyStoreId", "xksKeyId",
    ),
    "aws:rds/instance:Instance": (
        "availabilityZone", "backupTarget", "characterSetName", "customIamInstanceProfile",
        "dbName", "engine", "kmsKeyId", "ncharCharacterSetName", "restoreToPointInTime",
        "s3Import", "snapshotIdentifier", "storageEncrypted", "timezone", "username",
    ),
    "aws:rds/parameterGroup:ParameterGroup": ("family", "description"),
    "aws:s3/bucket*": ("bucket", "bucketPrefix", "expectedBucketOwner", "objectLockEnabled"),
    "aws:secretsmanager/secretVersion:*": (
        "secretId", "secretString", "secretBinary", "secretStringWoVersion",
    ),
    "aws:sns/topic:Topic": ("fifoTopic",),
    "aws:sns/topicPolicy:TopicPolicy": ("arn",),
    "aws:sns/topicSubscription:*": ("topic", "protocol", "endpoint"),
    "aws:vpc/securityGroupIngressRule:*": ("securityGroupId",),
}  # fmt: skip

#: ... and as believed. The first row holds for all types that were read: each of their names
#: replaces; that the region does was not looked up.
_BELIEVED: Final[Mapping[str, tuple[str, ...]]] = {
    "*": ("name", "namePrefix", "region"),
    "aws:acm/certificate:Certificate": (
        "domainName", "subjectAlternativeNames", "validationMethod", "keyAlgorithm",
    ),
    "aws:acm/certificateValidation:*": ("certificateArn", "validationRecordFqdns"),
    "aws:backup/selection:Selection": _EVERYTHING,
    "aws:backup/vault:Vault": ("kmsKeyArn",),
    "aws:dynamodb/table:Table": ("hashKey", "rangeKey"),
    "aws:ec2/securityGroupRule:SecurityGroupRule": (
        "securityGroupId", "type", "protocol", "fromPort", "toPort", "cidrBlocks",
        "ipv6CidrBlocks", "prefixListIds", "self", "sourceSecurityGroupId",
    ),
    "aws:ecr/repository:Repository": ("encryptionConfigurations",),
    "aws:ecr/*Policy:*": ("repository",),
    "aws:efs/fileSystem:FileSystem": (
        "availabilityZoneName", "creationToken", "encrypted", "kmsKeyId", "performanceMode",
    ),
    "aws:efs/mountTarget:MountTarget": ("fileSystemId", "subnetId", "ipAddress"),
    "aws:elasticache/cluster:Cluster": ("clusterId", "engine", "port", "subnetGroupName"),
    "aws:elasticache/serverlessCache:ServerlessCache": ("kmsKeyId", "subnetIds"),
    "aws:elasticache/user:User": ("userId", "userName"),
    "aws:elasticache/userGroup:UserGroup": ("userGroupId",),
    "aws:iam/instanceProfile:InstanceProfile": ("path",),
    "aws:iam/openIdConnectProvider:*": ("url",),
    "aws:iam/policy:Policy": ("path", "description"),
    "aws:iam/serviceLinkedRole:*": ("awsServiceName", "customSuffix"),
    "aws:lambda/function:Function": ("packageType",),
    "aws:lb/loadBalancer:LoadBalancer": ("internal", "loadBalancerType"),
    "aws:lb/listener:Listener": ("loadBalancerArn",),
    "aws:lb/targetGroup:TargetGroup": (
        "port", "protocol", "protocolVersion", "targetType", "vpcId",
    ),
    "aws:mwaa/environment:Environment": (
        "kmsKey", "endpointManagement", "networkConfiguration.subnetIds",
    ),
    "aws:rds/cluster:Cluster": (
        "clusterIdentifier", "clusterIdentifierPrefix", "availabilityZones", "databaseName",
        "dbSubnetGroupName", "engine", "engineMode", "kmsKeyId", "masterUsername",
        "snapshotIdentifier", "storageEncrypted",
    ),
    "aws:rds/clusterInstance:ClusterInstance": (
        "clusterIdentifier", "identifier", "engine", "availabilityZone", "dbSubnetGroupName",
    ),
    "aws:rds/clusterParameterGroup:*": ("family", "description"),
    "aws:route53/record:Record": ("zoneId",),
    "aws:route53/zone:Zone": ("delegationSetId",),
    "aws:s3/bucket:Bucket": ("bucketNamespace",),
    "aws:s3/bucketObject*": ("key",),
    "aws:sagemaker/domain:Domain": ("authMode", "domainName", "kmsKeyId", "vpcId"),
    "aws:sagemaker/endpointConfiguration:*": _EVERYTHING,
    "aws:sagemaker/featureGroup:FeatureGroup": (
        "featureGroupName", "recordIdentifierFeatureName", "eventTimeFeatureName", "roleArn",
        "offlineStoreConfig", "description",
    ),
    "aws:sagemaker/mlflowTrackingServer:*": ("trackingServerName",),
    "aws:sagemaker/model:Model": _EVERYTHING,
    "aws:secretsmanager/secretPolicy:*": ("secretArn",),
    "aws:secretsmanager/secretRotation:*": ("secretId",),
    "aws:sqs/queue:Queue": ("fifoQueue",),
    "aws:sqs/queuePolicy:QueuePolicy": ("queueUrl",),
    "aws:vpc/securityGroupEgressRule:*": ("securityGroupId",),
}  # fmt: skip

#: Glob on the type -> properties whose change makes a new resource. No glob is in both tables.
REPLACES: Final[Mapping[str, tuple[str, ...]]] = {**_READ, **_BELIEVED}
