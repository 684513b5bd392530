from __future__ import annotations

import grpc
import pytest
from rehearsal_client import Client, Made, urn

from plinth.errors import EngineError
from plinth.rehearsal import unmanaged
from plinth.rehearsal.cloud import Cloud

ACCOUNT = {"region": "eu-west-1", "allowedAccountIds": ["111111111111"]}
VPC, BUCKET = "aws:ec2/vpc:Vpc", "aws:s3/bucket:Bucket"


def test_is_found_by_lookups_and_imports(aws: Client, cloud: Cloud) -> None:
    vpc = unmanaged.create(cloud, VPC, "legacy", {"cidrBlock": "10.9.0.0/16"}, **ACCOUNT)
    assert vpc.urn is None
    assert aws.invoke("aws:ec2/getVpc:getVpc", id=vpc.id)["cidrBlock"] == "10.9.0.0/16"
    imported = aws.read(Made(urn(VPC, "net"), VPC, vpc.id, {}, {}))
    assert imported is not None
    assert not aws.diff(imported, {"cidrBlock": "10.9.0.0/16"}).changed


def test_takes_names(aws: Client, cloud: Cloud) -> None:
    unmanaged.create(cloud, BUCKET, "data", {"bucket": "data"}, region="us-east-1")
    with pytest.raises(grpc.RpcError, match="AlreadyExists"):
        aws.make(BUCKET, {"bucket": "data"})
    with pytest.raises(EngineError, match="AlreadyExists"):
        unmanaged.create(cloud, BUCKET, "data", {"bucket": "data"}, **ACCOUNT)


def test_objects_land_in_a_cluster(kubernetes: Client, cloud: Cloud) -> None:
    token = "kubernetes:core/v1:ConfigMap"
    made = unmanaged.create(
        cloud, token, "c", {"metadata": {"name": "settings"}}, clusterIdentifier="one"
    )
    assert made.id == "default/settings"
    assert kubernetes.read(Made(urn(token, "c"), token, made.id, {}, {})) is not None


def test_unknown_types(cloud: Cloud) -> None:
    with pytest.raises(EngineError, match="aws has no type aws:s3/bucket:Pail"):
        unmanaged.create(cloud, "aws:s3/bucket:Pail", "x", {})
