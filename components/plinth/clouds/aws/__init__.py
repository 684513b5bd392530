"""AWS: what is known of it without Pulumi and without its SDK."""

from __future__ import annotations

from plinth.clouds import STATEFUL_ANYWHERE, CloudInfo, Terms
from plinth.clouds.aws.checks import check
from plinth.clouds.aws.facts import COSTLY, REGIONS, STATEFUL
from plinth.clouds.aws.options import AwsOptions
from plinth.ports import Port

CLOUD = CloudInfo(
    name="aws",
    title="AWS",
    adapter="plinth.clouds.aws.adapter:Aws",
    transformation="plinth.clouds.aws.boundary:bounding",
    products={
        Port.OBJECT_STORE: "S3",
        Port.SQL: "RDS for PostgreSQL",
        Port.KEY_VALUE: "ElastiCache for Valkey",
        Port.CLUSTER: "EKS",
        Port.NODES: "managed node groups",
        Port.IDENTITY: "EKS Pod Identity",
        Port.SECRETS: "Secrets Manager",
        Port.KEYS: "KMS",
        Port.REGISTRY: "ECR",
        Port.NETWORK: "VPC",
        Port.DNS: "Route 53",
        Port.NOTIFICATIONS: "SNS",
        Port.BUDGET: "AWS Budgets",
    },
    sdk="pulumi_aws",
    extra="aws",
    packages=("aws", "kubernetes", "random"),
    costly=COSTLY,
    stateful=(STATEFUL | STATEFUL_ANYWHERE).__contains__,
    commands=("aws",),
    check=check,
    regions=REGIONS,
    options=AwsOptions,
    any_account="000000000000",
    terms=Terms(
        place="AWS account",
        example="111111111111",
        region="eu-west-1",
        admin="arn:aws:iam::111111111111:role/platform-admin",
        zone="Z0123456789ABCDEFGHIJ",
    ),
)
