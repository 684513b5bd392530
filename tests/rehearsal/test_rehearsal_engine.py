"""The rehearsal behind the real Pulumi engine."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s
import pulumi_random
import pytest
from pulumi import automation
from pulumi.automation.errors import CommandError

from plinth.engine import install
from plinth.engine.command import Command
from plinth.engine.locate import Engine, locate
from plinth.errors import EngineError
from plinth.rehearsal.cloud import Cloud
from plinth.rehearsal.launch import attached, database, find, write_plugins

pytestmark = pytest.mark.engine


@pytest.fixture(scope="session")
def engine() -> Engine:
    """The real CLI: found, or installed for these tests. Missing is a failure, never a skip."""
    try:
        return locate()
    except EngineError:
        return install.install(lambda _text, _share: None)


class Bench:
    """A stack of an inline program, with its own state and cloud."""

    def __init__(self, folder: Path, engine: Engine, program: Callable[[], None]) -> None:
        self.folder, self.engine, self.program = folder, engine, program
        (folder / "state").mkdir(exist_ok=True)

    def stack(self, **environment: str) -> automation.Stack:
        variables = {
            "PULUMI_BACKEND_URL": (self.folder / "state").as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "rehearsal",
            "PULUMI_HOME": str(self.folder / "home"),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            **environment,
        }
        options = automation.LocalWorkspaceOptions(
            env_vars=variables, pulumi_command=Command(self.engine, os.environ)
        )
        return automation.create_or_select_stack("dev", "shop", program=self.program, opts=options)


@pytest.fixture
def wishes() -> dict[str, Any]:
    return {"network": "10.0.0.0/16", "replicas": 1}


@pytest.fixture
def bench(tmp_path: Path, engine: Engine, wishes: dict[str, Any]) -> Bench:
    return Bench(tmp_path, engine, lambda: platform(wishes))


def platform(wishes: dict[str, Any]) -> None:
    """A little of everything: networks, a cluster, a database, objects, secrets."""
    provider = aws.Provider("aws", region="eu-west-1", default_tags={"tags": {"team": "ml"}})
    options = pulumi.ResourceOptions(provider=provider)
    asking = pulumi.InvokeOptions(provider=provider)
    network = wishes["network"]
    vpc = aws.ec2.Vpc("net", cidr_block=network, tags={"tier": "base"}, opts=options)
    subnets = [
        aws.ec2.Subnet(
            zone,
            vpc_id=vpc.id,
            cidr_block=f"{network.rsplit('.', 2)[0]}.{index}.0/24",
            availability_zone=f"eu-west-1{zone}",
            opts=options,
        )
        for index, zone in enumerate("ab")
    ]
    bucket = aws.s3.Bucket("data", opts=options)
    aws.s3.BucketVersioning(
        "data", bucket=bucket.id, versioning_configuration={"status": "Enabled"}, opts=options
    )
    trust = aws.iam.get_policy_document_output(
        statements=[
            {
                "actions": ["sts:AssumeRole"],
                "principals": [{"type": "Service", "identifiers": ["eks.amazonaws.com"]}],
            }
        ],
        opts=asking,
    )
    role = aws.iam.Role("cluster", assume_role_policy=trust.json, opts=options)
    cluster = aws.eks.Cluster(
        "cluster",
        role_arn=role.arn,
        vpc_config={"subnet_ids": [subnet.id for subnet in subnets]},
        opts=options,
    )
    password = pulumi_random.RandomPassword("password", length=24, special=False)
    group = cluster.vpc_config.cluster_security_group_id
    orders = aws.rds.Instance(
        "orders",
        engine="postgres",
        instance_class="db.t4g.micro",
        allocated_storage=20,
        username="orders",
        password=password.result,
        vpc_security_group_ids=[group.apply(str)],
        skip_final_snapshot=True,
        opts=options,
    )
    kubeconfig = cluster.endpoint.apply(
        lambda server: json.dumps({"clusters": [{"name": "c", "cluster": {"server": server}}]})
    )
    inside = pulumi.ResourceOptions(
        provider=k8s.Provider("k8s", kubeconfig=kubeconfig, cluster_identifier=cluster.arn)
    )
    namespace = k8s.core.v1.Namespace("ml", metadata={"name": "ml"}, opts=inside)
    labels = {"app": "web"}
    k8s.apps.v1.Deployment(
        "web",
        metadata={"namespace": namespace.metadata["name"]},
        spec={
            "replicas": wishes["replicas"],
            "selector": {"match_labels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "web", "image": "web:1"}]},
            },
        },
        opts=inside,
    )
    k8s.helm.v3.Release(
        "mlflow",
        chart="mlflow",
        namespace=namespace.metadata["name"],
        values={"database": orders.address},
        opts=inside,
    )
    pulumi.export("password", password.result)
    pulumi.export("endpoint", orders.endpoint)
    pulumi.export("tags", vpc.tags_all)


COUNT = 15  # the stack and two providers included


def test_a_platform_lives_changes_drifts_and_goes(bench: Bench, wishes: dict[str, Any]) -> None:
    with attached(bench.folder) as environment, Cloud(database(bench.folder)) as cloud:
        stack = bench.stack(**environment)
        up = stack.up()
        assert up.summary.resource_changes == {"create": COUNT}
        assert up.outputs["password"].secret
        assert up.outputs["endpoint"].value.endswith(".eu-west-1.rds.amazonaws.com:5432")
        assert up.outputs["tags"].value == {"team": "ml", "tier": "base"}
        stored = [file.read_text() for file in (bench.folder / "state").rglob("dev*.json")]
        assert stored
        assert not any(json.dumps(up.outputs["password"].value) in text for text in stored)
        stack.preview(expect_no_changes=True)

        (bucket,) = cloud.resources(type="aws:s3/bucket:Bucket")
        (web,) = cloud.resources(type="kubernetes:apps/v1:Deployment")
        cloud.patch(bucket, "tags.owner", "somebody")
        cloud.patch(web, "spec.replicas", 5)
        (release,) = cloud.resources(type="kubernetes:helm.sh/v3:Release")
        cloud.delete(release)
        found = stack.refresh().summary.resource_changes
        assert found == {"update": 2, "delete": 1, "same": COUNT - 3}
        wishes["replicas"] = 2
        assert stack.up().summary.resource_changes == {"create": 1, "update": 2, "same": COUNT - 3}
        assert cloud.resources(type="kubernetes:apps/v1:*")[0].inputs["spec"]["replicas"] == 2

        wishes["network"] = "10.1.0.0/16"
        changes = stack.preview().change_summary
        assert changes["replace"] == 3  # the network and its subnets
        assert changes["update"] == 1  # the cluster moves to the new ones
        assert stack.up().summary.resource_changes["replace"] == 3
        stack.preview(expect_no_changes=True)

        stack.destroy()
        assert cloud.resources() == []


@pytest.mark.parametrize(
    ("token", "inputs", "reason"),
    [
        ("aws:kms/key:Key", {"keyUse": "x"}, "keyUse is not a known property"),
        ("aws:ec2/subnet:Subnet", {"cidrBlock": "10.0.0.0/24"}, "vpcId is required and missing"),
        ("aws:kms/key:Key", {"multiRegion": ["yes"]}, "multiRegion is a list, but must be boolean"),
        ("aws:kms/key:Key", {"keyUsage": "ENCRYPT"}, "not one of ENCRYPT_DECRYPT, SIGN_VERIFY"),
        (
            "kubernetes:core/v1:Pod",
            {"spec": {"containers": [{"name": "a", "imagePullPolicy": "Often"}]}},
            "spec.containers[0].imagePullPolicy is 'Often', which is not one of Always",
        ),
    ],
)
def test_mistakes_are_refused_in_the_preview(
    tmp_path: Path, engine: Engine, token: str, inputs: dict[str, Any], reason: str
) -> None:
    def program() -> None:
        package = token.split(":", 1)[0]
        settings = {"region": "eu-west-1"} if package == "aws" else {}
        provider = pulumi.ProviderResource(package, "provider", settings)
        options = pulumi.ResourceOptions(provider=provider)
        pulumi.CustomResource(token, "wrong", inputs, options)

    with (
        attached(tmp_path) as environment,
        pytest.raises(CommandError) as caught,
    ):
        Bench(tmp_path, engine, program).stack(**environment).preview()
    assert reason in str(caught.value)
    assert f"{token} resource 'wrong'" in str(caught.value)


def queue(name: str) -> Callable[[], None]:
    def program() -> None:
        provider = pulumi.ProviderResource("aws", "aws", {"region": "eu-west-1"})
        options = pulumi.ResourceOptions(provider=provider)
        pulumi.CustomResource("aws:sqs/queue:Queue", name, {"name": name}, options)

    return program


@pytest.fixture
def outage(tmp_path: Path) -> Path:
    file = tmp_path / "faults.json"
    file.write_text(json.dumps([{"operation": "create", "action": "throttle"}]), encoding="utf-8")
    return file


def test_an_outage_passes(tmp_path: Path, engine: Engine, outage: Path) -> None:
    bench = Bench(tmp_path, engine, queue("orders"))
    with attached(tmp_path, ["aws"], faults=outage) as environment:
        stack = bench.stack(**environment)
        with pytest.raises(CommandError, match="Rate exceeded"):
            stack.up()
        assert stack.up().summary.resource_changes["create"] == 1
    urn = "urn:pulumi:dev::shop::aws:sqs/queue:Queue::orders"
    assert find(tmp_path, urn) == "https://sqs.eu-west-1.amazonaws.com/123456789012/orders"


def test_a_plain_engine_takes_the_plugins_from_its_path(tmp_path: Path, engine: Engine) -> None:
    write_plugins(tmp_path / "bin", tmp_path, ["aws"])
    path = os.pathsep.join([str(tmp_path / "bin"), os.environ["PATH"]])
    stack = Bench(tmp_path, engine, queue("orders")).stack(PATH=path)
    assert stack.up().summary.resource_changes == {"create": 3}
    stack.preview(expect_no_changes=True)
    assert stack.destroy().summary.resource_changes == {"delete": 3}
