from __future__ import annotations

import json
import re
from typing import Any

import grpc
import pytest
from rehearsal_client import Client

from plinth.errors import UsageError
from plinth.rehearsal.lookups import answer
from plinth.rehearsal.packages.aws.lookups import LOOKUPS
from plinth.rehearsal.sdk import Sdk

DOCUMENT = "aws:iam/getPolicyDocument:getPolicyDocument"


def offline(token: str, **args: Any) -> dict[str, Any]:
    return answer(token, args, region="eu-west-1", account="111111111111")


def document(**args: Any) -> Any:
    return json.loads(offline(DOCUMENT, **args)["json"])


def test_every_lookup_is_one_of_the_sdk() -> None:
    root = Sdk("pulumi_aws").root
    for token in LOOKUPS:
        module, name = token.split(":")[1:]
        folder = root / module.partition("/")[0] if "index" not in module else root
        stem = re.sub(r"(?=[A-Z])", "_", name).lower()
        source = (folder / f"{stem}.py").read_text(encoding="utf-8")
        assert f"'{token}'" in source, token


#: Those that answer nothing at all to a question without words.
WORDS = {"aws:servicequotas/getServiceQuota:getServiceQuota": {"quotaCode": "L-1216C47A"}}


@pytest.mark.parametrize("token", sorted(LOOKUPS))
def test_every_lookup_answers_offline(token: str) -> None:
    assert offline(token, **WORDS.get(token, {}))


def test_where_and_who() -> None:
    assert offline("aws:index/getCallerIdentity:getCallerIdentity")["accountId"] == "111111111111"
    assert offline("aws:index/getRegion:getRegion")["region"] == "eu-west-1"
    zones = offline("aws:index/getAvailabilityZones:getAvailabilityZones")
    assert zones["names"] == ["eu-west-1a", "eu-west-1b", "eu-west-1c"]


def test_policy_documents_are_written_like_the_real_ones() -> None:
    statement = {
        "sid": "Read",
        "actions": ["s3:List*", "s3:Get*"],
        "resources": ["*"],
        "principals": [{"type": "AWS", "identifiers": ["arn:aws:iam::1:root"]}],
        "conditions": [{"test": "Bool", "variable": "aws:SecureTransport", "values": ["true"]}],
    }
    assert document(statements=[statement]) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Read",
                "Effect": "Allow",
                "Action": ["s3:Get*", "s3:List*"],
                "Resource": "*",
                "Principal": {"AWS": "arn:aws:iam::1:root"},
                "Condition": {"Bool": {"aws:SecureTransport": "true"}},
            }
        ],
    }


def test_everybody_is_a_star() -> None:
    everyone = [{"type": "*", "identifiers": ["*"]}]
    (statement,) = document(statements=[{"effect": "Deny", "principals": everyone}])["Statement"]
    assert statement == {"Effect": "Deny", "Principal": "*"}


def test_later_documents_override_statements_of_the_same_name() -> None:
    def text(action: str, sid: str) -> str:
        return json.dumps({"Statement": [{"Sid": sid, "Action": action}]})

    merged = document(
        sourcePolicyDocuments=[text("a:Old", "One"), text("a:Kept", "Two")],
        overridePolicyDocuments=[text("a:New", "One")],
    )
    assert {s["Sid"]: s["Action"] for s in merged["Statement"]} == {"Two": "a:Kept", "One": "a:New"}


def test_the_cloud_is_looked_into(aws: Client) -> None:
    vpc = aws.make("aws:ec2/vpc:Vpc", {"cidrBlock": "10.0.0.0/16"})
    subnet = aws.make("aws:ec2/subnet:Subnet", {"vpcId": vpc.id, "cidrBlock": "10.0.0.0/24"})
    assert aws.invoke("aws:ec2/getVpc:getVpc", id=vpc.id)["cidrBlock"] == "10.0.0.0/16"
    filters = [{"name": "vpc-id", "values": [vpc.id]}]
    assert aws.invoke("aws:ec2/getSubnets:getSubnets", filters=filters)["ids"] == [subnet.id]
    with pytest.raises(grpc.RpcError, match=r"no aws:ec2/vpc:Vpc with id=vpc-1 exists"):
        aws.invoke("aws:ec2/getVpc:getVpc", id="vpc-1")


def test_secrets_keys_and_parameters(aws: Client) -> None:
    secret = aws.make("aws:secretsmanager/secret:Secret", {"name": "db"})
    version = {"secretId": secret.id, "secretString": "s3cret"}
    aws.make("aws:secretsmanager/secretVersion:SecretVersion", version)
    found = aws.invoke("aws:secretsmanager/getSecretVersion:getSecretVersion", secretId=secret.id)
    assert found["secretString"] == "s3cret"
    key = aws.make("aws:kms/key:Key", {})
    aws.make("aws:kms/alias:Alias", {"name": "alias/data", "targetKeyId": key.id})
    assert aws.invoke("aws:kms/getKey:getKey", keyId="alias/data")["arn"] == key.outputs["arn"]
    image = "/aws/service/eks/optimized-ami/1.33/amazon-linux-2023/x86_64/standard/recommended"
    found = aws.invoke("aws:ssm/getParameter:getParameter", name=f"{image}/image_id")
    assert found["value"].startswith("ami-")
    with pytest.raises(grpc.RpcError, match="ParameterNotFound"):
        aws.invoke("aws:ssm/getParameter:getParameter", name="/shop/password")


def test_yaml_is_decoded(kubernetes: Client) -> None:
    found = kubernetes.invoke("kubernetes:yaml:decode", text="a: 1\n---\nb: [2]\n---\n")
    assert found == {"result": [{"a": 1}, {"b": [2]}]}


def test_unknown_lookups_are_named() -> None:
    with pytest.raises(UsageError, match="aws:s3/getPail:getPail"):
        offline("aws:s3/getPail:getPail")
