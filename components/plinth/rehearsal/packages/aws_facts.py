"""Facts about AWS types that the SDK's documentation does not state.

Sources: the schemas in terraform-provider-aws ``internal/service/<service>``, which the provider is
built from (``ForceNew`` and ``RequiresReplace``), and the AWS API references for what a service
refuses to name or to delete.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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

#: Types that can be renamed in place.
IN_PLACE_NAMES: Final = frozenset(
    {
        "aws:iam/user:User",
        "aws:iam/group:Group",
        "aws:backup/plan:Plan",
        "aws:apigateway/restApi:RestApi",
        "aws:apigatewayv2/api:Api",
    }
)

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
        "roleArn", "bootstrapSelfManagedAddons", "outpostConfig",
        "accessConfig.bootstrapClusterCreatorAdminPermissions",
        "encryptionConfig.provider.keyArn",
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
        "dataTieringEnabled", "globalReplicationGroupId", "networkType", "snapshotArns",
        "snapshotName",
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
    "aws:secretsmanager/secretVersion:*": ("secretId", "secretString", "secretBinary"),
    "aws:sns/topic:Topic": ("fifoTopic",),
    "aws:sns/topicPolicy:TopicPolicy": ("arn",),
    "aws:sns/topicSubscription:*": ("topic", "protocol", "endpoint"),
    "aws:sqs/queue:Queue": ("fifoQueue",),
    "aws:sqs/queuePolicy:QueuePolicy": ("queueUrl",),
    "aws:vpc/securityGroup*Rule:*": ("securityGroupId",),
}  # fmt: skip

#: Glob on the type -> (property, allowed form, the rule in words).
NAME_RULES: Final[Mapping[str, tuple[str, str, str]]] = {
    "aws:s3/bucket:Bucket": (
        "bucket",
        r"(?!xn--)(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
        "3 to 63 lowercase letters, digits, dots and hyphens, not ending in a hyphen or dot",
    ),
    "aws:iam/role:Role": ("name", r"[\w+=,.@-]{1,64}", "at most 64 letters, digits and +=,.@-_"),
    "aws:iam/policy:Policy": ("name", r"[\w+=,.@-]{1,128}", "at most 128 letters, digits and +=,.@-_"),
    "aws:eks/cluster:Cluster": (
        "name", r"[0-9A-Za-z][A-Za-z0-9_-]{0,99}", "at most 100 letters, digits, hyphens and underscores",
    ),
    "aws:rds/instance:Instance": (
        "identifier",
        r"(?!.*--)[a-z][a-z0-9-]{0,61}[a-z0-9]",
        "a lowercase letter, then at most 62 lowercase letters, digits and single hyphens",
    ),
    "aws:elasticache/replicationGroup:ReplicationGroup": (
        "replicationGroupId",
        r"(?!.*--)[a-z][a-z0-9-]{0,38}[a-z0-9]",
        "a lowercase letter, then at most 39 lowercase letters, digits and single hyphens",
    ),
    "aws:kms/alias:Alias": ("name", r"alias/(?!aws/)[\w/-]{1,250}", "alias/ and a name"),
    "aws:ecr/repository:Repository": (
        "name",
        r"[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*",
        "lowercase path segments",
    ),
    "aws:*lb/loadBalancer:LoadBalancer": (
        "name", r"(?!-|internal-)[A-Za-z0-9-]{1,32}(?<!-)", "at most 32 letters, digits and hyphens",
    ),
    "aws:lb/targetGroup:TargetGroup": (
        "name", r"(?!-)[A-Za-z0-9-]{1,32}(?<!-)", "at most 32 letters, digits and hyphens",
    ),
    "aws:sqs/queue:Queue": ("name", r"[\w-]{1,80}|[\w-]{1,75}\.fifo", "at most 80 letters, digits, - and _"),
    "aws:sns/topic:Topic": ("name", r"[\w-]{1,256}(\.fifo)?", "at most 256 letters, digits, - and _"),
}  # fmt: skip

#: Type -> properties that no two of them may share in a region, beyond the identifier.
UNIQUE: Final[Mapping[str, tuple[str, ...]]] = {
    "aws:ec2/securityGroup:SecurityGroup": ("vpcId", "name"),
    "aws:ec2/launchTemplate:LaunchTemplate": ("name",),
    "aws:rds/instance:Instance": ("identifier",),
    "aws:secretsmanager/secret:Secret": ("name",),
    "aws:lb/loadBalancer:LoadBalancer": ("name",),
    "aws:lb/targetGroup:TargetGroup": ("name",),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": (
        "clusterName",
        "namespace",
        "serviceAccount",
    ),
    "aws:ec2/subnet:Subnet": ("vpcId", "cidrBlock"),
}

#: Type -> the switch that keeps it from being deleted.
DELETION_PROTECTION: Final[Mapping[str, str]] = {
    "aws:rds/instance:Instance": "deletionProtection",
    "aws:rds/cluster:Cluster": "deletionProtection",
    "aws:eks/cluster:Cluster": "deletionProtection",
    "aws:dynamodb/table:Table": "deletionProtectionEnabled",
    "aws:lb/loadBalancer:LoadBalancer": "enableDeletionProtection",
    "aws:cognito/userPool:UserPool": "deletionProtection",
}


@dataclass(frozen=True, slots=True)
class Hold:
    """What keeps a resource from being deleted.

    Attributes:
        error: The service's error code.
        types: Globs on the types that hold it while they name it in their inputs.
        by: Property they may name it by, besides its identifier.
        unless: Switch that lets it be deleted nevertheless.
    """

    error: str
    types: tuple[str, ...]
    by: str = "id"
    unless: str = ""


_NETWORKED: Final = (
    "aws:ec2/instance:*", "aws:ec2/natGateway:*", "aws:ec2/vpcEndpoint:*", "aws:ec2/launchTemplate:*",
    "aws:eks/cluster:*", "aws:eks/nodeGroup:*", "aws:rds/*", "aws:elasticache/*", "aws:lb/*",
    "aws:efs/mountTarget:*", "aws:mwaa/*", "aws:lambda/function:*", "aws:sagemaker/*",
)  # fmt: skip

#: Type -> what it cannot be deleted before.
HOLDS: Final[Mapping[str, Hold]] = {
    "aws:ec2/vpc:Vpc": Hold(
        "DependencyViolation",
        ("aws:ec2/subnet:*", "aws:ec2/securityGroup:*", "aws:ec2/internetGateway:*",
         "aws:ec2/routeTable:*", "aws:ec2/vpcEndpoint:*"),
    ),
    "aws:ec2/subnet:Subnet": Hold("DependencyViolation", _NETWORKED),
    "aws:ec2/securityGroup:SecurityGroup": Hold(
        "DependencyViolation", (*_NETWORKED, "aws:vpc/securityGroup*Rule:*"),
    ),
    "aws:ec2/routeTable:RouteTable": Hold(
        "DependencyViolation", ("aws:ec2/routeTableAssociation:*",)
    ),
    "aws:ec2/eip:Eip": Hold("InvalidIPAddress.InUse", ("aws:ec2/natGateway:*",)),
    "aws:s3/bucket:Bucket": Hold("BucketNotEmpty", ("aws:s3/bucketObject*",), unless="forceDestroy"),
    "aws:iam/policy:Policy": Hold("DeleteConflict", ("aws:iam/*Attachment:*",)),
    "aws:iam/role:Role": Hold(
        "DeleteConflict",
        ("aws:iam/rolePolicy*", "aws:iam/instanceProfile:*"),
        unless="forceDetachPolicies",
    ),
    "aws:eks/cluster:Cluster": Hold(
        "ResourceInUseException", ("aws:eks/nodeGroup:*", "aws:eks/fargateProfile:*"), by="name"
    ),
    "aws:rds/subnetGroup:SubnetGroup": Hold(
        "InvalidDBSubnetGroupStateFault", ("aws:rds/instance:*", "aws:rds/cluster:*"), by="name"
    ),
    "aws:rds/parameterGroup:ParameterGroup": Hold(
        "InvalidDBParameterGroupState", ("aws:rds/instance:*",), by="name"
    ),
    "aws:elasticache/subnetGroup:SubnetGroup": Hold(
        "CacheSubnetGroupInUse", ("aws:elasticache/replicationGroup:*",), by="name"
    ),
    "aws:elasticache/userGroup:UserGroup": Hold(
        "InvalidUserGroupState", ("aws:elasticache/replicationGroup:*",), by="userGroupId"
    ),
    "aws:route53/zone:Zone": Hold(
        "HostedZoneNotEmpty", ("aws:route53/record:*",), unless="forceDestroy"
    ),
}  # fmt: skip
