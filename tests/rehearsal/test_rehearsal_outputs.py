from __future__ import annotations

import base64
import re
import subprocess
import sys
from typing import Any

import pytest

from plinth.graph import UNKNOWN
from plinth.rehearsal import packages
from plinth.rehearsal.outputs import computed
from plinth.rehearsal.packages.aws.outputs import MAKERS

REGION, ACCOUNT = "eu-west-1", "111111111111"


def made(token: str, name: str = "web", **inputs: Any) -> tuple[str, dict[str, Any]]:
    return computed(token, name, inputs, region=REGION, account=ACCOUNT)


def test_needs_neither_grpc_nor_pulumi() -> None:
    code = (
        "import sys, plinth.rehearsal.outputs, plinth.rehearsal.lookups\n"
        "from plinth.rehearsal.packages import NAMES, find\n"
        "[find(n) for n in NAMES]\n"
        "print([m for m in ('grpc', 'pulumi', 'google', 'pulumi_aws') if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize("token", sorted(MAKERS))
def test_every_output_is_one_that_the_type_has(token: str) -> None:
    kind = packages.find("aws").kind(token)
    assert kind is not None, f"{token} is not a type"
    identifier, outputs = made(token)
    assert identifier
    assert set(outputs) <= set(kind.outputs)
    assert outputs == made(token)[1]


@pytest.mark.parametrize("token", sorted(MAKERS))
def test_everything_that_is_never_null_has_a_value(token: str) -> None:
    kind = packages.find("aws").kind(token)
    assert kind is not None
    given = {name for name, known in kind.inputs.items() if known.required}
    promised = {name for name, known in kind.outputs.items() if not known.type.optional}
    assert promised - given <= set(made(token)[1])


def test_a_cluster_has_an_issuer_and_keeps_its_settings() -> None:
    identifier, outputs = made("aws:eks/cluster:Cluster", vpcConfig={"subnetIds": ["subnet-1"]})
    issuer = outputs["identities"][0]["oidcs"][0]["issuer"]
    assert identifier == "web"
    assert re.fullmatch(rf"https://oidc\.eks\.{REGION}\.amazonaws\.com/id/[0-9A-F]{{32}}", issuer)
    assert outputs["vpcConfig"]["subnetIds"] == ["subnet-1"]
    assert outputs["vpcConfig"]["clusterSecurityGroupId"].startswith("sg-")
    assert b"BEGIN CERTIFICATE" in base64.b64decode(outputs["certificateAuthority"]["data"])


def test_a_database_has_an_address_a_port_and_a_managed_secret() -> None:
    _, outputs = made(
        "aws:rds/instance:Instance",
        identifier="orders",
        engine="mysql",
        manageMasterUserPassword=True,
    )
    assert outputs["endpoint"] == f"{outputs['address']}:3306"
    assert outputs["address"].startswith("orders.")
    (secret,) = outputs["masterUserSecrets"]
    assert secret["secretArn"].startswith(
        f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:rds!db-"
    )
    assert made("aws:rds/instance:Instance")[1]["masterUserSecrets"] == []


@pytest.mark.parametrize(
    ("inputs", "given", "missing"),
    [
        ({}, "primaryEndpointAddress", "configurationEndpointAddress"),
        ({"numNodeGroups": 3}, "configurationEndpointAddress", "primaryEndpointAddress"),
    ],
)
def test_a_cache_has_the_endpoint_of_its_mode(
    inputs: dict[str, Any], given: str, missing: str
) -> None:
    _, outputs = made("aws:elasticache/replicationGroup:ReplicationGroup", **inputs)
    assert outputs[given].endswith(".euw1.cache.amazonaws.com")
    assert not outputs[missing].endswith("amazonaws.com")


def test_names_come_from_inputs_prefixes_and_then_the_resource() -> None:
    token = "aws:s3/bucket:Bucket"
    assert made(token, bucket="data")[0] == "data"
    assert made(token, bucketPrefix="data-")[0].startswith("data-")
    assert made(token, bucket=UNKNOWN)[0] == "web"


def test_seeds_and_revisions() -> None:
    token = "aws:ec2/launchTemplate:LaunchTemplate"
    place = {"region": REGION, "account": ACCOUNT}
    one, other = (computed(token, "web", {}, seed=seed, **place)[0] for seed in "ab")
    again, outputs = computed(token, "web", {}, seed="a", revision=3, **place)
    assert one != other
    assert again == one
    assert outputs["latestVersion"] == 3


def test_the_default_group_of_a_network_is_the_one_the_network_reports() -> None:
    vpc, network = made("aws:ec2/vpc:Vpc")
    group, _ = made("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", vpcId=vpc)
    assert group == network["defaultSecurityGroupId"]


def test_any_other_type_gets_something_sensible() -> None:
    identifier, outputs = computed(
        "aws:codebuild/project:Project", "web", {"name": "build"}, region=REGION, account=ACCOUNT
    )
    assert identifier == "build"
    assert outputs["arn"] == f"arn:aws:codebuild:{REGION}:{ACCOUNT}:project/build"
    assert outputs["badgeUrl"]


def test_types_of_other_packages_and_providers_get_an_identifier_only() -> None:
    assert made("tls:index/privateKey:PrivateKey")[1] == {}
    assert made("pulumi:providers:aws")[0]


def test_passwords_obey_their_rules() -> None:
    token = "random:index/randomPassword:RandomPassword"
    _, outputs = made(token, length=30, minNumeric=5, special=False)
    assert re.fullmatch(r"[A-Za-z0-9]{30}", outputs["result"])
    assert len(re.findall(r"\d", outputs["result"])) >= 5
    assert set(made(token, length=40, upper=False, lower=False, special=False)[1]["result"]) <= set(
        "0123456789"
    )


def test_random_values() -> None:
    data = made("random:index/randomBytes:RandomBytes", length=32)[1]
    assert base64.b64decode(data["base64"]).hex() == data["hex"]
    assert len(data["hex"]) == 64
    identifier, outputs = made("random:index/randomId:RandomId", byteLength=4, prefix="p-")
    assert outputs["hex"].startswith("p-")
    assert outputs["b64Url"] == f"p-{identifier}"
    number = int(made("random:index/randomInteger:RandomInteger", min=5, max=9)[0])
    assert 5 <= number <= 9
    shuffled = made("random:index/randomShuffle:RandomShuffle", inputs=["a", "b", "c"])[1]
    assert sorted(shuffled["results"]) == ["a", "b", "c"]


def test_objects_are_echoed_with_what_the_server_adds() -> None:
    identifier, outputs = made(
        "kubernetes:core/v1:Service",
        metadata={"name": "web", "namespace": "ml", "labels": {"a": "b"}},
        spec={"type": "LoadBalancer", "ports": [{"port": 80}]},
    )
    assert identifier == "ml/web"
    assert outputs["metadata"]["labels"] == {"a": "b"}
    assert outputs["metadata"]["uid"]
    assert outputs["spec"]["ports"] == [{"port": 80}]
    assert outputs["status"]["loadBalancer"]["ingress"][0]["hostname"]


def test_cluster_wide_objects_and_releases() -> None:
    assert made("kubernetes:core/v1:Namespace", metadata={"name": "ml"})[0] == "ml"
    issuer = "kubernetes:cert-manager.io/v1:ClusterIssuer"
    assert made(issuer, metadata={"name": "acme"})[0] == "acme"
    identifier, outputs = made("kubernetes:helm.sh/v3:Release", chart="mlflow", namespace="ml")
    assert identifier == "ml/web"
    assert outputs["status"]["status"] == "deployed"
