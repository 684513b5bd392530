"""Facts about AWS types that the SDK's documentation does not state.

Sources: the schemas in terraform-provider-aws ``internal/service/<service>``, which the provider is
built from (``ForceNew`` and ``RequiresReplace``), and the AWS API references for what a service
refuses to name or to delete.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

#: The property with the physical name, where it is not ``name``.
NAMES: Final[Mapping[str, str]] = {
    "aws:s3/bucket:Bucket": "bucket",
    "aws:rds/instance:Instance": "identifier",
    "aws:rds/cluster:Cluster": "clusterIdentifier",
    "aws:rds/clusterInstance:ClusterInstance": "identifier",
    "aws:elasticache/replicationGroup:ReplicationGroup": "replicationGroupId",
    "aws:elasticache/cluster:Cluster": "clusterId",
    "aws:eks/nodeGroup:NodeGroup": "nodeGroupName",
    "aws:lambda/function:Function": "name",
}

#: Types whose made-up names are lowercase (pulumi-aws provider/resources.go, AutoNameTransform).
LOWERCASE_NAMES: Final = frozenset(
    {*NAMES, "aws:ecr/repository:Repository", "aws:elasticache/user:User"}
) - {"aws:eks/nodeGroup:NodeGroup", "aws:lambda/function:Function"}

#: Types whose identifiers are taken for every account.
GLOBAL: Final = frozenset({"aws:s3/bucket:Bucket"})

#: Type -> properties that change in place after all, whatever the documentation or the table says.
IN_PLACE: Final[Mapping[str, tuple[str, ...]]] = {
    "aws:iam/user:User": ("name",),
    "aws:iam/group:Group": ("name",),
    "aws:backup/plan:Plan": ("name",),
    "aws:apigateway/restApi:RestApi": ("name",),
    "aws:apigatewayv2/api:Api": ("name",),
    # replaced before engine version 7.0.5 only
    "aws:elasticache/replicationGroup:ReplicationGroup": ("transitEncryptionEnabled",),
}

_EVERYTHING: Final = ("*",)

#: Glob on the type -> properties whose change makes a new resource.
REPLACES: Final[Mapping[str, tuple[str, ...]]] = {
    "*": ("name", "namePrefix", "region"),
    "aws:acm/certificate:Certificate": (
        "domainName", "subjectAlternativeNames", "validationMethod", "keyAlgorithm",
    ),
    "aws:acm/certificateValidation:*": ("certificateArn", "validationRecordFqdns"),
    "aws:backup/selection:Selection": _EVERYTHING,
    "aws:backup/vault:Vault": ("kmsKeyArn",),
    "aws:dynamodb/table:Table": ("hashKey", "rangeKey"),
    "aws:ec2/defaultSecurityGroup:*": ("vpcId",),
    "aws:ec2/eip:Eip": ("domain", "address", "publicIpv4Pool", "networkBorderGroup"),
    "aws:ec2/flowLog:FlowLog": _EVERYTHING,
    "aws:ec2/natGateway:NatGateway": ("allocationId", "subnetId", "connectivityType", "privateIp"),
    "aws:ec2/route:Route": (
        "routeTableId", "destinationCidrBlock", "destinationIpv6CidrBlock",
        "destinationPrefixListId",
    ),
    "aws:ec2/routeTable:RouteTable": ("vpcId",),
    "aws:ec2/routeTableAssociation:*": ("subnetId", "gatewayId"),
    "aws:ec2/securityGroup:SecurityGroup": ("description", "vpcId"),
    "aws:ec2/securityGroupRule:SecurityGroupRule": (
        "securityGroupId", "type", "protocol", "fromPort", "toPort", "cidrBlocks",
        "ipv6CidrBlocks", "prefixListIds", "self", "sourceSecurityGroupId",
    ),
    "aws:ec2/subnet:Subnet": (
        "vpcId", "cidrBlock", "availabilityZone", "availabilityZoneId", "ipv6Native", "outpostArn",
    ),
    "aws:ec2/vpc:Vpc": ("cidrBlock", "ipv4IpamPoolId", "ipv4NetmaskLength"),
    "aws:ec2/vpcEndpoint:VpcEndpoint": ("vpcId", "serviceName", "vpcEndpointType"),
    "aws:ecr/repository:Repository": ("encryptionConfigurations",),
    "aws:ecr/*Policy:*": ("repository",),
    "aws:efs/fileSystem:FileSystem": (
        "availabilityZoneName", "creationToken", "encrypted", "kmsKeyId", "performanceMode",
    ),
    "aws:efs/mountTarget:MountTarget": ("fileSystemId", "subnetId", "ipAddress"),
    "aws:eks/accessEntry:AccessEntry": ("clusterName", "principalArn", "type"),
    "aws:eks/accessPolicyAssociation:*": _EVERYTHING,
    "aws:eks/addon:Addon": ("addonName", "clusterName"),
    "aws:eks/cluster:Cluster": (
        "roleArn", "bootstrapSelfManagedAddons", "outpostConfig", "remoteNetworkConfig",
        "accessConfig.bootstrapClusterCreatorAdminPermissions",
        "kubernetesNetworkConfig.ipFamily", "kubernetesNetworkConfig.serviceIpv4Cidr",
    ),
    "aws:eks/nodeGroup:NodeGroup": (
        "clusterName", "nodeGroupName", "nodeGroupNamePrefix", "nodeRoleArn", "subnetIds",
        "amiType", "capacityType", "diskSize", "instanceTypes", "remoteAccess",
        "launchTemplate.id", "launchTemplate.name",
    ),
    "aws:eks/podIdentityAssociation:*": ("clusterName", "namespace", "serviceAccount"),
    "aws:elasticache/cluster:Cluster": ("clusterId", "engine", "port", "subnetGroupName"),
    "aws:elasticache/parameterGroup:ParameterGroup": ("family", "description"),
    "aws:elasticache/replicationGroup:ReplicationGroup": (
        "replicationGroupId", "atRestEncryptionEnabled", "kmsKeyId", "subnetGroupName", "port",
        "dataTieringEnabled", "globalReplicationGroupId", "networkType", "securityGroupNames",
        "snapshotArns", "snapshotName",
    ),
    "aws:elasticache/serverlessCache:ServerlessCache": ("kmsKeyId", "subnetIds"),
    "aws:elasticache/user:User": ("userId", "userName"),
    "aws:elasticache/userGroup:UserGroup": ("userGroupId",),
    "aws:iam/instanceProfile:InstanceProfile": ("path",),
    "aws:iam/openIdConnectProvider:*": ("url",),
    "aws:iam/policy:Policy": ("path", "description"),
    "aws:iam/role:Role": ("path",),
    "aws:iam/rolePolicy:RolePolicy": ("role",),
    "aws:iam/rolePolicyAttachment:*": ("role", "policyArn"),
    "aws:iam/serviceLinkedRole:*": ("awsServiceName", "customSuffix"),
    "aws:kms/key:Key": ("multiRegion", "keyUsage", "customerMasterKeySpec", "customKeyStoreId"),
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
    "aws:rds/instance:Instance": (
        "availabilityZone", "backupTarget", "characterSetName", "dbName", "engine", "kmsKeyId",
        "ncharCharacterSetName", "snapshotIdentifier", "storageEncrypted", "timezone", "username",
    ),
    "aws:rds/*arameterGroup:*": ("family", "description"),
    "aws:route53/record:Record": ("zoneId",),
    "aws:route53/zone:Zone": ("delegationSetId",),
    "aws:s3/bucket*": ("bucket", "bucketPrefix", "expectedBucketOwner", "objectLockEnabled"),
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
    "aws:secretsmanager/secretVersion:*": (
        "secretId", "secretString", "secretBinary", "secretStringWoVersion",
    ),
    "aws:sns/topic:Topic": ("fifoTopic",),
    "aws:sns/topicPolicy:TopicPolicy": ("arn",),
    "aws:sns/topicSubscription:*": ("topic", "protocol", "endpoint"),
    "aws:sqs/queue:Queue": ("fifoQueue",),
    "aws:sqs/queuePolicy:QueuePolicy": ("queueUrl",),
    "aws:vpc/securityGroup*Rule:*": ("securityGroupId",),
}  # fmt: skip
