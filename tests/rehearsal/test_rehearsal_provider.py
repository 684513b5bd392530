from __future__ import annotations

import json
from typing import Any

import grpc
import pytest
from pulumi.runtime.proto import provider_pb2 as pb
from rehearsal_client import Client, Made, serving, urn

from plinth.graph import UNKNOWN
from plinth.rehearsal.cloud import Cloud

BUCKET = "aws:s3/bucket:Bucket"
VPC, SUBNET, GROUP = (
    "aws:ec2/vpc:Vpc",
    "aws:ec2/subnet:Subnet",
    "aws:ec2/securityGroup:SecurityGroup",
)
DATABASE = "aws:rds/instance:Instance"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
NAMESPACE = "kubernetes:core/v1:Namespace"
CONFIG = "kubernetes:core/v1:ConfigMap"
NETWORK = {"cidrBlock": "10.0.0.0/16"}


def deployment(namespace: str = "default", **spec: Any) -> dict[str, Any]:
    labels = {"app": "web"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "a", "image": "b"}]}}
    known = {"selector": {"matchLabels": labels}, "template": pod, **spec}
    return {"metadata": {"namespace": namespace}, "spec": known}


class TestCheck:
    def test_refuses_with_path_and_reason(self, aws: Client) -> None:
        _, failures = aws.check(BUCKET, {"forcedestroy": True, "tags": ["a"]})
        assert set(failures) == {"forcedestroy", "tags"}
        assert "did you mean forceDestroy?" in failures["forcedestroy"]

    def test_a_name_is_made_up_from_the_seed_and_kept(self, aws: Client) -> None:
        inputs, _ = aws.check(BUCKET, {}, name="Data")
        assert inputs == {"bucket": "data-0123456", "__defaults": ["bucket"]}
        later, _ = aws.check(BUCKET, {"forceDestroy": True}, name="other", olds=inputs)
        assert later["bucket"] == "data-0123456"

    def test_a_given_name_or_prefix_is_left_alone(self, aws: Client) -> None:
        assert aws.check(BUCKET, {"bucket": "data"})[0] == {"bucket": "data"}
        assert aws.check(BUCKET, {"bucketPrefix": "data-"})[0] == {"bucketPrefix": "data-"}
        assert aws.check(BUCKET, {"bucket": UNKNOWN})[0] == {"bucket": UNKNOWN}

    def test_the_engines_naming_rules_are_followed(self, aws: Client) -> None:
        options = pb.CheckRequest.AutonamingOptions
        proposed = options(proposed_name="Team-Data", mode=options.PROPOSE)
        assert aws.check(BUCKET, {}, autonaming=proposed)[0]["bucket"] == "team-data"
        enforced = options(proposed_name="Team-Data", mode=options.ENFORCE)
        assert list(aws.check(BUCKET, {}, autonaming=enforced)[1]) == ["bucket"]
        _, failures = aws.check(BUCKET, {}, autonaming=options(mode=options.DISABLE))
        assert list(failures) == ["bucket"]

    @pytest.mark.parametrize(
        ("token", "inputs", "path"),
        [
            (BUCKET, {"bucket": "My_Data"}, "bucket"),
            ("aws:iam/role:Role", {"name": "r" * 65, "assumeRolePolicy": "{}"}, "name"),
            ("aws:kms/alias:Alias", {"name": "key", "targetKeyId": "k"}, "name"),
            (DATABASE, {"identifier": "9lives", "instanceClass": "db.t3.micro"}, "identifier"),
        ],
    )
    def test_names_that_the_service_refuses(
        self, aws: Client, token: str, inputs: dict[str, Any], path: str
    ) -> None:
        assert list(aws.check(token, inputs)[1]) == [path]

    def test_made_up_names_take_the_form_of_the_service(self, aws: Client) -> None:
        assert aws.check("aws:kms/alias:Alias", {"targetKeyId": "k"})[0]["name"] == (
            "alias/thing-0123456"
        )

    def test_policy_objects_become_text(self, aws: Client) -> None:
        document = {"Version": "2012-10-17", "Statement": []}
        inputs, failures = aws.check("aws:iam/role:Role", {"assumeRolePolicy": document})
        assert not failures
        assert json.loads(inputs["assumeRolePolicy"]) == document

    def test_secrets_and_outputs_are_opened(self, aws: Client) -> None:
        signature = "4dabf18193072939515e22adb298388d"
        secret = {signature: "1b47061264138c4ac30d75fd1eb44270", "value": "data"}
        output = {signature: "d0e6a833031e9bbcd3f4e8bde6ca49a4", "dependencies": []}
        inputs, failures = aws.check(BUCKET, {"bucket": secret, "forceDestroy": output})
        assert not failures
        assert inputs == {"bucket": "data", "forceDestroy": UNKNOWN}

    def test_unknown_types_are_an_error(self, aws: Client) -> None:
        with pytest.raises(grpc.RpcError, match="aws has no type aws:s3/bucket:Pail"):
            aws.check("aws:s3/bucket:Pail", {})

    def test_objects_get_a_namespace_and_a_name(self, kubernetes: Client) -> None:
        inputs, failures = kubernetes.check(CONFIG, {"metadata": {}})
        assert not failures
        assert inputs["metadata"] == {
            "name": "thing-01234567",
            "namespace": "default",
            "annotations": {"pulumi.com/autonamed": "true"},
        }

    @pytest.mark.parametrize(
        ("metadata", "path"),
        [
            ({"name": "Web"}, "metadata.name"),
            ({"labels": {"app": "a b"}}, 'metadata.labels["app"]'),
            ({"annotations": {"a b": "c"}}, 'metadata.annotations["a b"]'),
        ],
    )
    def test_metadata_that_an_api_server_refuses(
        self, kubernetes: Client, metadata: dict[str, Any], path: str
    ) -> None:
        assert list(kubernetes.check(CONFIG, {"metadata": metadata})[1]) == [path]

    def test_custom_resources_need_only_be_well_formed(self, kubernetes: Client) -> None:
        token = "kubernetes:serving.kserve.io/v1beta1:InferenceService"
        known = {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService"}
        spec = {"predictor": {"model": {"anything": [1, "two"]}}}
        assert not kubernetes.check(token, {**known, "metadata": {"name": "x"}, "spec": spec})[1]
        wrong = {**known, "kind": "InferenceGraph", "metadata": {"nome": "x"}}
        assert set(kubernetes.check(token, wrong)[1]) == {"kind", "metadata.nome"}
        assert set(kubernetes.check(token, {"spec": {}})[1]) == {"apiVersion", "kind"}


class TestConfiguration:
    def test_what_is_refused(self, aws: Client) -> None:
        assert aws.check_config("aws", region="eu-west-1", version="7.0.0") == {}
        assert list(aws.check_config("aws", region="mars")) == ["region"]
        assert list(aws.check_config("aws")) == ["region"]
        tags = '{"tag": {"team": "ml"}}'
        failures = aws.check_config("aws", region="eu-west-1", defaultTags=tags)
        assert list(failures) == ["defaultTags.tag"]

    def test_pointing_at_another_cluster_replaces_everything(self, kubernetes: Client) -> None:
        def config(server: str, **more: str) -> dict[str, str]:
            clusters = [{"name": "a", "cluster": {"server": server}}]
            return {"kubeconfig": json.dumps({"clusters": clusters}), **more}

        def replaced(old: dict[str, str], new: dict[str, str]) -> list[str]:
            return kubernetes.diff_config("kubernetes", old, new)

        same = {"clusterIdentifier": "one"}
        assert replaced(config("https://a"), config("https://b")) == ["kubeconfig"]
        assert replaced(config("https://a"), config("https://a", namespace="x")) == []
        assert replaced(config("https://a", **same), config("https://b", **same)) == []
        assert replaced(same, {"clusterIdentifier": "two"}) == ["clusterIdentifier"]

    def test_each_connection_keeps_its_own_settings(self, cloud: Cloud) -> None:
        with serving("aws", cloud) as address:
            tags = json.dumps({"tags": {"team": "ml", "env": "dev"}})
            ireland = Client(address, region="eu-west-1", defaultTags=tags)
            role = json.dumps([{"roleArn": "arn:aws:iam::222222222222:role/deploy"}])
            ohio = Client(address, region="us-east-2", assumeRoles=role)
            queue = "aws:sqs/queue:Queue"
            here = ireland.make(queue, {"name": "q", "tags": {"env": "prod"}}).outputs
            there = ohio.make(queue, {"name": "q"}).outputs
        assert here["arn"] == "arn:aws:sqs:eu-west-1:123456789012:q"
        assert here["tagsAll"] == {"team": "ml", "env": "prod"}
        assert there["arn"] == "arn:aws:sqs:us-east-2:222222222222:q"
        assert there["tagsAll"] == {}
        assert {r.scope for r in cloud.resources()} == {"aws:123456789012", "aws:222222222222"}


class TestDiff:
    @pytest.mark.parametrize(
        ("token", "old", "new", "forced"),
        [
            (VPC, NETWORK, {**NETWORK, "enableDnsHostnames": True}, []),
            (VPC, NETWORK, {"cidrBlock": "10.1.0.0/16"}, ["cidrBlock"]),
            (BUCKET, {"bucket": "aaa"}, {"bucket": "bbb"}, ["bucket"]),
            (BUCKET, {"tags": {"name": "a"}}, {"tags": {"name": "b"}}, []),
            ("aws:iam/user:User", {"name": "a"}, {"name": "b"}, []),
            ("aws:iam/role:Role", {"name": "a", "assumeRolePolicy": "{}"},
             {"name": "b", "assumeRolePolicy": "{}"}, ["name"]),
            ("aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
             {"clusterName": "c", "principalArn": "p", "policyArn": "a",
              "accessScope": {"type": "cluster"}},
             {"clusterName": "c", "principalArn": "p", "policyArn": "a",
              "accessScope": {"type": "namespace"}}, ["accessScope.type"]),
        ],
    )  # fmt: skip
    def test_what_needs_a_new_resource(
        self, aws: Client, token: str, old: dict[str, Any], new: dict[str, Any], forced: list[str]
    ) -> None:
        found = aws.diff(aws.make(token, old), new)
        assert found.changed
        assert found.replaces == forced

    def test_an_unknown_value_counts_as_another(self, aws: Client) -> None:
        assert aws.diff(aws.make(VPC, NETWORK), {"cidrBlock": UNKNOWN}).replaces == ["cidrBlock"]

    def test_a_chosen_name_makes_the_old_one_go_first(self, aws: Client) -> None:
        locked = {"objectLockEnabled": True}
        chosen = aws.make(BUCKET, {"bucket": "data"}, name="chosen")
        assert aws.diff(chosen, {"bucket": "data", **locked}).delete_first
        assert not aws.diff(chosen, {"bucket": "more"}).delete_first
        made_up = aws.make(BUCKET, {}, name="made-up")
        assert aws.diff(made_up, locked).replaces == ["objectLockEnabled"]
        assert not aws.diff(made_up, locked).delete_first

    def test_default_tags_and_region_of_the_provider_count(self, cloud: Cloud) -> None:
        with serving("aws", cloud) as address:
            old = Client(address, region="eu-west-1").make(BUCKET, {})
            tags = json.dumps({"tags": {"team": "ml"}})
            tagged = Client(address, region="eu-west-1", defaultTags=tags).diff(old, {})
            moved = Client(address, region="eu-central-1").diff(old, {})
        assert (list(tagged.changed), tagged.replaces) == (["tagsAll.team"], [])
        assert (list(moved.changed), moved.replaces) == (["region"], ["region"])

    def test_objects(self, kubernetes: Client) -> None:
        made = kubernetes.make(DEPLOYMENT, deployment())
        assert not kubernetes.diff(made, deployment()).changed
        scaled = kubernetes.diff(made, deployment(replicas=3))
        assert (list(scaled.changed), scaled.replaces) == (["spec.replicas"], [])
        labels = {"matchLabels": {"app": "other"}}
        assert kubernetes.diff(made, deployment(selector=labels)).replaces == [
            "spec.selector.matchLabels.app"
        ]

    def test_data_is_replaced(self, kubernetes: Client) -> None:
        def config(text: str) -> dict[str, Any]:
            return {"metadata": {"name": "c"}, "data": {"a": text}}

        made = kubernetes.make(CONFIG, config("1"))
        assert kubernetes.diff(made, config("2")).replaces == ["data.a"]
        secret = kubernetes.make("kubernetes:core/v1:Secret", config("MQ=="))
        assert kubernetes.diff(secret, config("Mg==")).replaces == ["data.a"]
        assert kubernetes.diff(secret, config("Mg==")).delete_first

    def test_configuration_changes_in_place_where_the_provider_is_set_to(
        self, kubernetes: Client
    ) -> None:
        mutable = kubernetes.configured(clusterIdentifier="one", enableConfigMapMutable=True)
        made = mutable.make(CONFIG, {"metadata": {"name": "c"}, "data": {"a": "1"}})
        found = mutable.diff(made, {"metadata": {"name": "c"}, "data": {"a": "2"}})
        assert (list(found.changed), found.replaces) == (["data.a"], [])

    def test_secrets_change_in_place_where_the_provider_is_set_to_but_for_their_type(
        self, kubernetes: Client
    ) -> None:
        mutable = kubernetes.configured(clusterIdentifier="one", enableSecretMutable=True)
        secret = {"metadata": {"name": "s"}, "type": "Opaque", "stringData": {"a": "1"}}
        made = mutable.make("kubernetes:core/v1:Secret", secret)
        assert mutable.diff(made, {**secret, "stringData": {"a": "2"}}).replaces == []
        assert mutable.diff(made, {**secret, "type": "kubernetes.io/tls"}).replaces == ["type"]

    def test_every_change_makes_a_new_random_value(self, random: Client) -> None:
        made = random.make("random:index/randomString:RandomString", {"length": 8})
        assert random.diff(made, {"length": 9}).replaces == ["length"]


class TestLifecycle:
    def test_a_preview_knows_what_is_certain_and_makes_nothing(
        self, aws: Client, cloud: Cloud
    ) -> None:
        inputs = {"roleArn": "arn:aws:iam::1:role/r", "vpcConfig": {"subnetIds": ["s"]}}
        state = aws.preview("aws:eks/cluster:Cluster", inputs)
        assert state["endpoint"] == UNKNOWN
        assert state["vpcConfig"] == {
            "subnetIds": ["s"],
            "clusterSecurityGroupId": UNKNOWN,
            "vpcId": UNKNOWN,
        }
        assert state["name"] == "thing-0123456"
        assert cloud.resources() == []

    def test_a_preview_of_a_change_keeps_what_stays(self, aws: Client, cloud: Cloud) -> None:
        template = aws.make("aws:ec2/launchTemplate:LaunchTemplate", {})
        state = aws.update(template, {"description": "new"}, preview=True)
        assert state["latestVersion"] == UNKNOWN
        assert state["arn"] == template.outputs["arn"]
        assert cloud.resources()[0].revision == 1
        assert aws.update(template, {"description": "new"})["latestVersion"] == 2

    def test_create_read_update_delete(self, aws: Client, cloud: Cloud) -> None:
        made = aws.make(VPC, NETWORK)
        assert cloud.find(made.urn) == made.id
        assert made.outputs["cidrBlock"] == "10.0.0.0/16"
        changed = aws.update(made, {**NETWORK, "enableDnsHostnames": True})
        assert changed["arn"] == made.outputs["arn"]
        assert changed["enableDnsHostnames"] is True
        aws.delete(made)
        aws.delete(made)
        assert aws.read(made) is None
        assert cloud.find(made.urn) is None

    def test_changes_behind_the_engines_back_are_seen(self, aws: Client, cloud: Cloud) -> None:
        made = aws.make(BUCKET, {"tags": {"a": "1"}})
        (record,) = cloud.resources()
        cloud.patch(record, "tags.b", "2")
        cloud.patch(record, "forceDestroy", True)
        now = aws.read(made)
        assert now is not None
        assert now.outputs["tagsAll"] == {"a": "1", "b": "2"}
        assert now.inputs["__defaults"] == ["bucket"]
        drift = aws.diff(now, {"tags": {"a": "1"}})
        assert set(drift.changed) == {"tags.b", "tagsAll.b", "forceDestroy"}

    def test_what_people_made_can_be_imported(self, aws: Client, cloud: Cloud) -> None:
        made = aws.make(BUCKET, {"bucket": "data"})
        found = aws.read(Made(urn(BUCKET, "mine"), BUCKET, "data", {}, {}))
        assert found is not None
        assert found.inputs["bucket"] == "data"
        assert found.outputs["arn"] == made.outputs["arn"]

    def test_changing_what_is_gone(self, aws: Client, cloud: Cloud) -> None:
        made = aws.make(BUCKET, {})
        cloud.delete(cloud.resources()[0])
        with pytest.raises(grpc.RpcError, match="does not exist"):
            aws.update(made, {"forceDestroy": True})

    def test_the_same_program_gives_the_same_cloud(self, tmp_path: Any) -> None:
        def identifiers(file: str) -> list[str]:
            with Cloud(tmp_path / file) as cloud, serving("aws", cloud) as address:
                client = Client(address, region="eu-west-1")
                first = client.make(VPC, NETWORK)
                client.delete(first)
                return [first.id, client.make(VPC, NETWORK).id]

        first, second = identifiers("one")
        assert [first, second] == identifiers("two")
        assert first != second


class TestConstraints:
    def test_taken_names(self, aws: Client, cloud: Cloud) -> None:
        aws.make(BUCKET, {"bucket": "data"})
        with pytest.raises(grpc.RpcError, match="AlreadyExists"):
            aws.make(BUCKET, {"bucket": "data"}, name="other")
        aws.make(DATABASE, {"identifier": "orders", "instanceClass": "db.t3.micro"})
        with pytest.raises(grpc.RpcError, match="orders is taken"):
            aws.make(DATABASE, {"identifier": "orders", "instanceClass": "db.t3.micro"}, name="b")
        with serving("aws", cloud) as address, pytest.raises(grpc.RpcError, match="another"):
            Client(address, region="eu-west-1").make(BUCKET, {"bucket": "data"})

    def test_what_it_refers_to_has_to_exist(self, aws: Client) -> None:
        vpc = aws.make(VPC, NETWORK)
        adopted = vpc.outputs["defaultSecurityGroupId"]
        rule = {"securityGroupId": adopted, "ipProtocol": "-1", "cidrIpv4": "10.0.0.0/8"}
        aws.make("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", rule)
        nowhere = {"vpcId": "vpc-00000000000000000", "cidrBlock": "10.0.0.0/24"}
        with pytest.raises(grpc.RpcError, match="vpc-00000000000000000 does not exist"):
            aws.make(SUBNET, nowhere)

    def test_dependents_go_first(self, aws: Client) -> None:
        vpc = aws.make(VPC, NETWORK)
        subnet = aws.make(SUBNET, {"vpcId": vpc.id, "cidrBlock": "10.0.0.0/24"})
        with pytest.raises(grpc.RpcError, match=f"DependencyViolation: {vpc.id} is in use"):
            aws.delete(vpc)
        aws.delete(subnet)
        aws.delete(vpc)

    def test_full_buckets(self, aws: Client) -> None:
        bucket = aws.make(BUCKET, {"bucket": "data"})
        aws.make("aws:s3/bucketObjectv2:BucketObjectv2", {"bucket": "data", "key": "a"})
        with pytest.raises(grpc.RpcError, match="BucketNotEmpty"):
            aws.delete(bucket)
        aws.update(bucket, {"bucket": "data", "forceDestroy": True})
        aws.delete(bucket)

    def test_roles_that_are_still_attached(self, aws: Client) -> None:
        role = aws.make("aws:iam/role:Role", {"name": "deploy", "assumeRolePolicy": "{}"})
        attachment = aws.make(
            "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
            {"role": "deploy", "policyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"},
        )
        with pytest.raises(grpc.RpcError, match="DeleteConflict"):
            aws.delete(role)
        aws.delete(attachment)
        aws.delete(role)

    def test_protected_databases_and_final_snapshots(self, aws: Client) -> None:
        known = {"instanceClass": "db.t3.micro", "identifier": "orders"}
        database = aws.make(DATABASE, {**known, "deletionProtection": True})
        with pytest.raises(grpc.RpcError, match="deletionProtection is on"):
            aws.delete(database)
        aws.update(database, known)
        with pytest.raises(grpc.RpcError, match="finalSnapshotIdentifier is required"):
            aws.delete(database)
        aws.update(database, {**known, "skipFinalSnapshot": True})
        aws.delete(database)

    def test_namespaces_come_first_and_take_everything_along(
        self, kubernetes: Client, cloud: Cloud
    ) -> None:
        with pytest.raises(grpc.RpcError, match='namespaces "ml" not found'):
            kubernetes.make(DEPLOYMENT, deployment("ml"))
        namespace = kubernetes.make(NAMESPACE, {"metadata": {"name": "ml"}}, name="ns")
        inside = kubernetes.make(DEPLOYMENT, deployment("ml"))
        kubernetes.make(DEPLOYMENT, deployment(), name="outside")
        kubernetes.delete(namespace)
        assert kubernetes.read(inside) is None
        assert [r.id.partition("/")[0] for r in cloud.resources()] == ["default"]

    def test_clusters_are_apart(self, cloud: Cloud) -> None:
        with serving("kubernetes", cloud) as address:
            for identifier in ("one", "two"):
                client = Client(address, clusterIdentifier=identifier)
                client.make(NAMESPACE, {"metadata": {"name": "ml"}})
        assert [r.id for r in cloud.resources()] == ["ml", "ml"]


def test_a_name_is_taken_in_one_region_of_aws_only(aws: Client, cloud: Cloud) -> None:
    recorder = {"name": "plinth", "roleArn": "arn:aws:iam::123456789012:role/config"}
    token = "aws:cfg/recorder:Recorder"
    aws.make(token, recorder, name="here")
    away = aws.make(token, {**recorder, "region": "eu-central-1"}, name="away")
    with pytest.raises(grpc.RpcError, match="already exists"):
        aws.make(token, {**recorder, "region": "eu-central-1"}, name="again")
    read = aws.read(away)
    assert read
    assert read.outputs["region"] == "eu-central-1"
    aws.delete(away)
    (left,) = cloud.resources(type=token)
    assert left.urn
    assert left.urn.endswith("::here")
