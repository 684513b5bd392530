"""What Plinth knows of AWS without asking it. Pure data.

Only the commercial partition (``arn:aws:``) is served; China and GovCloud have partitions of their
own.  Zones are named by their identifiers, which mean the same place in every account, whereas
letters such as ``eu-west-1a`` do not.  Left out are zones in which EKS takes no control plane
(``use1-az3``, ``usw1-az2``, ``cac1-az3``) and ``apne1-az3``, which new accounts do not see.

Sources: AWS documentation, "AZ IDs for AWS Regions"; Amazon EKS User Guide, "VPC and subnet
requirements".
"""

from __future__ import annotations

from typing import Final

_PREFIXES: Final = {
    "af-south-1": "afs1",
    "ap-east-1": "ape1",
    "ap-northeast-1": "apne1",
    "ap-northeast-2": "apne2",
    "ap-northeast-3": "apne3",
    "ap-south-1": "aps1",
    "ap-south-2": "aps2",
    "ap-southeast-1": "apse1",
    "ap-southeast-2": "apse2",
    "ap-southeast-3": "apse3",
    "ap-southeast-4": "apse4",
    "ap-southeast-5": "apse5",
    "ap-southeast-7": "apse7",
    "ca-central-1": "cac1",
    "ca-west-1": "caw1",
    "eu-central-1": "euc1",
    "eu-central-2": "euc2",
    "eu-north-1": "eun1",
    "eu-south-1": "eus1",
    "eu-south-2": "eus2",
    "eu-west-1": "euw1",
    "eu-west-2": "euw2",
    "eu-west-3": "euw3",
    "il-central-1": "ilc1",
    "me-central-1": "mec1",
    "me-south-1": "mes1",
    "mx-central-1": "mxc1",
    "sa-east-1": "sae1",
    "us-east-1": "use1",
    "us-east-2": "use2",
    "us-west-1": "usw1",
    "us-west-2": "usw2",
}
_NUMBERS: Final = {
    "ap-northeast-1": (1, 2, 4),
    "ca-central-1": (1, 2, 4),
    "us-east-1": (1, 2, 4),
    "us-west-1": (1, 3),
}

#: Up to three zone identifiers by region.
ZONES: Final[dict[str, tuple[str, ...]]] = {
    region: tuple(f"{prefix}-az{number}" for number in _NUMBERS.get(region, (1, 2, 3)))
    for region, prefix in _PREFIXES.items()
}

#: Where each region is.
REGIONS: Final = {
    "af-south-1": "africa/za",
    "ap-east-1": "asia/hk",
    "ap-northeast-1": "asia/jp",
    "ap-northeast-2": "asia/kr",
    "ap-northeast-3": "asia/jp",
    "ap-south-1": "asia/in",
    "ap-south-2": "asia/in",
    "ap-southeast-1": "asia/sg",
    "ap-southeast-2": "oceania/au",
    "ap-southeast-3": "asia/id",
    "ap-southeast-4": "oceania/au",
    "ap-southeast-5": "asia/my",
    "ap-southeast-7": "asia/th",
    "ca-central-1": "north-america/ca",
    "ca-west-1": "north-america/ca",
    "eu-central-1": "europe/de",
    "eu-central-2": "europe/ch",
    "eu-north-1": "europe/se",
    "eu-south-1": "europe/it",
    "eu-south-2": "europe/es",
    "eu-west-1": "europe/ie",
    "eu-west-2": "europe/gb",
    "eu-west-3": "europe/fr",
    "il-central-1": "middle-east/il",
    "me-central-1": "middle-east/ae",
    "me-south-1": "middle-east/bh",
    "mx-central-1": "north-america/mx",
    "sa-east-1": "south-america/br",
    "us-east-1": "north-america/us/east",
    "us-east-2": "north-america/us/east",
    "us-west-1": "north-america/us/west",
    "us-west-2": "north-america/us/west",
}

#: Role of the bucket that takes the access logs of all others.
ACCESS_LOGS: Final = "access-logs"

#: Pulumi types whose loss loses data, or locks others out of theirs.
STATEFUL: Final = frozenset(
    {
        "aws:cloudwatch/logGroup:LogGroup",
        "aws:ecr/repository:Repository",
        "aws:efs/fileSystem:FileSystem",
        "aws:eks/cluster:Cluster",
        "aws:elasticache/replicationGroup:ReplicationGroup",
        "aws:kms/key:Key",
        "aws:rds/cluster:Cluster",
        "aws:rds/instance:Instance",
        "aws:s3/bucket:Bucket",
        "aws:secretsmanager/secret:Secret",
    }
)

#: Pulumi types that are most of a bill -> the properties that it goes by.
COSTLY: Final = {
    "aws:ec2/launchTemplate:LaunchTemplate": ("blockDeviceMappings",),
    "aws:ec2/natGateway:NatGateway": (),
    "aws:ec2/vpcEndpoint:VpcEndpoint": ("subnetIds",),
    "aws:eks/cluster:Cluster": ("upgradePolicy",),
    "aws:eks/nodeGroup:NodeGroup": ("capacityType", "instanceTypes", "scalingConfig"),
    "aws:elasticache/replicationGroup:ReplicationGroup": (
        "nodeType",
        "numCacheClusters",
        "numNodeGroups",
        "replicasPerNodeGroup",
    ),
    "aws:rds/instance:Instance": (
        "allocatedStorage",
        "instanceClass",
        "iops",
        "multiAz",
        "storageThroughput",
        "storageType",
    ),
}
