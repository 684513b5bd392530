"""What AWS refuses to name, to make and to delete, per type.

A comment says what each table was compared with: validation and deletion code of the types in
hashicorp/terraform-provider-aws, ``internal/service``, which also tells what the provider clears
away by itself, or a page of a service's documentation. Rows called believed were compared with
nothing; they state what is generally known of the service.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_PATH: Final = r"[a-z0-9]+([._-][a-z0-9]+)*"

#: Glob on the type -> (property, allowed form, the rule in words). Read: buckets (rules for general
#: purpose buckets, S3 user guide), roles' length, node groups, security groups, database instances
#: and parameter groups, topics (schemas), secrets (the SDK), repositories (ECR API reference; of
#: the length, only that of public ones). The rest is believed.
NAME_RULES: Final[Mapping[str, tuple[str, str, str]]] = {
    "aws:s3/bucket:Bucket": (
        "bucket",
        r"(?!xn--|sthree-|amzn-s3-demo-)(?!.*\.\.)(?!\d+(\.\d+){3}$)"
        r"(?!.*(-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)$)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
        "3 to 63 lowercase letters, digits, dots and hyphens, not ending in a hyphen or dot, "
        "without the beginnings and endings that S3 keeps for itself",
    ),
    "aws:iam/role:Role": (
        "name", r"[A-Za-z0-9_+=,.@-]{1,64}", "at most 64 letters, digits and +=,.@-_",
    ),
    "aws:iam/policy:Policy": (
        "name", r"[A-Za-z0-9_+=,.@-]{1,128}", "at most 128 letters, digits and +=,.@-_",
    ),
    "aws:cloudwatch/logGroup:LogGroup": (
        "name", r"[A-Za-z0-9_./#-]{1,512}", "at most 512 letters, digits and _-/.#",
    ),
    "aws:ec2/securityGroup:SecurityGroup": (
        "name", r"(?!sg-).{0,255}", "at most 255 characters, not beginning with sg-",
    ),
    "aws:eks/cluster:Cluster": (
        "name", r"[0-9A-Za-z][A-Za-z0-9_-]{0,99}", "at most 100 letters, digits, - and _",
    ),
    "aws:eks/nodeGroup:NodeGroup": ("nodeGroupName", r".{0,63}", "at most 63 characters"),
    "aws:rds/instance:Instance": (
        "identifier",
        r"(?!.*--)[a-z]([a-z0-9-]{0,61}[a-z0-9])?",
        "a lowercase letter, then at most 62 lowercase letters, digits and single hyphens",
    ),
    "aws:rds/parameterGroup:ParameterGroup": (
        "name",
        r"(?!.*--)[a-z]([a-z0-9.-]{0,253}[a-z0-9.])?",
        "a lowercase letter, then at most 254 lowercase letters, digits, dots and single hyphens",
    ),
    "aws:elasticache/replicationGroup:ReplicationGroup": (
        "replicationGroupId",
        r"(?!.*--)[a-z]([a-z0-9-]{0,38}[a-z0-9])?",
        "a lowercase letter, then at most 39 lowercase letters, digits and single hyphens",
    ),
    "aws:kms/alias:Alias": ("name", r"alias/(?!aws/)[A-Za-z0-9_/-]{1,250}", "alias/ and a name"),
    "aws:ecr/repository:Repository": (
        "name",
        rf"(?=.{{2,256}}$){_PATH}(/{_PATH})*",
        "2 to 256 characters, of lowercase path segments",
    ),
    "aws:secretsmanager/secret:Secret": (
        "name", r"[A-Za-z0-9/_+=.@-]{1,512}", "at most 512 letters, digits and /_+=.@-",
    ),
    "aws:*lb/loadBalancer:LoadBalancer": (
        "name", r"(?!-|internal-)[A-Za-z0-9-]{1,32}(?<!-)", "at most 32 letters, digits and -",
    ),
    "aws:lb/targetGroup:TargetGroup": (
        "name", r"(?!-)[A-Za-z0-9-]{1,32}(?<!-)", "at most 32 letters, digits and hyphens",
    ),
    "aws:sqs/queue:Queue": (
        "name",
        r"[A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo",
        "at most 80 letters, digits, - and _",
    ),
    "aws:sns/topic:Topic": (
        "name",
        r"[A-Za-z0-9_-]{1,256}|[A-Za-z0-9_-]{1,251}\.fifo",
        "at most 256 letters, digits, - and _",
    ),
}  # fmt: skip

#: Type -> properties that no two of them may share in a region, beyond the identifier. Believed.
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

#: Type -> the switch that keeps it from being deleted, where it is on or off. Database instances,
#: EKS clusters and log groups as the SDK documents them; the rest is believed.
DELETION_PROTECTION: Final[Mapping[str, str]] = {
    "aws:rds/instance:Instance": "deletionProtection",
    "aws:rds/cluster:Cluster": "deletionProtection",
    "aws:eks/cluster:Cluster": "deletionProtection",
    "aws:dynamodb/table:Table": "deletionProtectionEnabled",
    "aws:lb/loadBalancer:LoadBalancer": "enableDeletionProtection",
    "aws:cloudwatch/logGroup:LogGroup": "deletionProtectionEnabled",
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
    "aws:ec2/instance:*", "aws:ec2/natGateway:*", "aws:ec2/vpcEndpoint:*", "aws:eks/cluster:*",
    "aws:ec2/launchTemplate:*", "aws:eks/nodeGroup:*", "aws:rds/*", "aws:elasticache/*", "aws:lb/*",
    "aws:efs/mountTarget:*", "aws:mwaa/*", "aws:lambda/function:*", "aws:sagemaker/*",
)  # fmt: skip

#: Type -> what it cannot be deleted before. Read in the provider's deletion code: security groups,
#: roles, both parameter groups, and that a route table takes its associations along (it has no
#: row). Subnets and security groups are held by network interfaces in truth; a thing that names
#: them stands for its interfaces here, so that a subnet group holds them without any database in it
#: as well, and a group's own rules hold it. The rest, and the error codes of it, is believed.
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
    "aws:ec2/eip:Eip": Hold("InvalidIPAddress.InUse", ("aws:ec2/natGateway:*",)),
    "aws:s3/bucket:Bucket": Hold(
        "BucketNotEmpty", ("aws:s3/bucketObject*",), unless="forceDestroy"
    ),
    "aws:iam/policy:Policy": Hold("DeleteConflict", ("aws:iam/*Attachment:*",)),
    "aws:iam/role:Role": Hold(
        # the provider takes it out of instance profiles first, whatever the switch
        "DeleteConflict", ("aws:iam/rolePolicy*",), unless="forceDetachPolicies",
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
    "aws:elasticache/parameterGroup:ParameterGroup": Hold(
        "InvalidCacheParameterGroupState", ("aws:elasticache/replicationGroup:*",), by="name"
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
