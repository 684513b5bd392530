"""The graph of an AWS platform: structure, encryption, guards, rights."""

from __future__ import annotations

from typing import Any

import pytest
from aws_support import (
    ACCOUNT,
    ADOPTED,
    PROD,
    blueprint,
    everything,
    graph,
    of_type,
    one,
    policies,
    recorded,
)
from pulumi import Resource

from plinth.clouds.aws import CLOUD
from plinth.clouds.aws.adapter import Aws
from plinth.clouds.aws.cluster import kubeconfig
from plinth.graph import Graph
from plinth.kube import Kube
from plinth.ports import PROTOCOLS, Port
from plinth.spec.options import BucketOptions

NAMES = ["dev", "prod", "adopted"]


def names(found: Graph, suffix: str) -> list[str]:
    return sorted(resource.name for resource in of_type(found, suffix))


def test_adapter_implements_every_port_it_lists() -> None:
    made = object.__new__(Aws)
    assert all(isinstance(made, PROTOCOLS[port]) for port in CLOUD.ports if port in PROTOCOLS)


@pytest.mark.parametrize("name", NAMES)
def test_everything_has_an_explicit_provider_and_a_cost_tag(name: str) -> None:
    found = graph(name)
    assert names(found, "providers:aws") == ["aws"]
    for resource in found:
        if resource.custom and not resource.is_provider:
            assert found.provider_of(resource), resource.urn
        if "tags" in resource.inputs:
            assert resource.inputs["tags"]["capability"] in {"foundation", "tracking"}
    provider = one(found, "providers:aws")
    assert "4711" in provider.inputs["defaultTags"]
    assert ACCOUNT in provider.inputs["allowedAccountIds"]


# --- network -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("network", "gateways", "routes"),
    [
        ({"nat": "single"}, ["nat-a"], {"nat-a"}),
        ({"nat": "per-zone"}, ["nat-a", "nat-b", "nat-c"], {"nat-a", "nat-b", "nat-c"}),
        ({"nat": "none"}, [], set()),
        ({"nat": "per-zone", "zones": 2}, ["nat-a", "nat-b"], {"nat-a", "nat-b"}),
    ],
)
def test_ways_out(network: dict[str, Any], gateways: list[str], routes: set[str]) -> None:
    def program(adapter: Aws, _parent: Any) -> None:
        adapter.sql_server()

    ports = frozenset({Port.SQL})
    found = recorded(blueprint(network=network, ports=ports), program)
    assert names(found, ":NatGateway") == gateways
    zones = network.get("zones", 3)
    assert len(names(found, ":Subnet")) == zones * (2 if gateways else 1)
    ids = {gateway.id: gateway.name for gateway in of_type(found, ":NatGateway")}
    used = {
        ids[route.inputs["natGatewayId"]]
        for route in of_type(found, ":Route")
        if "natGatewayId" in route.inputs
    }
    assert used == routes
    assert bool(names(found, ":InternetGateway")) is bool(gateways)


def test_subnets_are_spread_over_zones_that_mean_the_same_everywhere() -> None:
    subnets = {subnet.name: subnet.inputs for subnet in of_type(graph("dev"), ":Subnet")}
    assert {name: inputs["availabilityZoneId"] for name, inputs in subnets.items()} == {
        f"{kind}-{letter}": f"euw1-az{number}"
        for kind in ("private", "public")
        for number, letter in enumerate("abc", 1)
    }
    assert not any(inputs["mapPublicIpOnLaunch"] for inputs in subnets.values())
    assert "kubernetes.io/role/internal-elb" in subnets["private-a"]["tags"]
    assert "kubernetes.io/role/elb" in subnets["public-a"]["tags"]


def test_adopted_network_is_used_and_never_touched() -> None:
    found = graph("adopted")
    assert not [
        resource.urn
        for resource in found
        if resource.type.startswith("aws:ec2/")
        and not resource.type.endswith((":SecurityGroup", ":LaunchTemplate"))
    ]
    subnets = ADOPTED["network"]["adopt"]["private_subnets"]
    assert one(found, "eks/cluster:Cluster").inputs["vpcConfig"]["subnetIds"] == subnets
    assert found.outputs["network"] == ADOPTED["network"]["adopt"]["network"]


def test_interface_endpoints_follow_the_ports_in_use_and_the_durability() -> None:
    def spread(name: str) -> set[int]:
        return {
            len(endpoint.inputs["subnetIds"])
            for endpoint in of_type(graph(name), ":VpcEndpoint")
            if endpoint.inputs["vpcEndpointType"] == "Interface"
        }

    assert (spread("dev"), spread("prod")) == ({1}, {3})
    assert "ecr.dkr" in names(graph("dev"), ":VpcEndpoint")
    ports = frozenset({Port.SQL})
    small = recorded(blueprint(ports=ports), lambda adapter, _: adapter.sql_server())
    assert names(small, ":VpcEndpoint") == ["dynamodb", "s3"]


# --- encryption ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_everything_that_holds_data_is_under_its_concern_s_key(name: str) -> None:
    found = graph(name)
    keys = {key.name: key.outputs["arn"] for key in of_type(found, "kms/key:Key")}
    database, cache = one(found, ":Instance").inputs, one(found, ":ReplicationGroup").inputs
    assert database["storageEncrypted"]
    assert database["kmsKeyId"] == database["performanceInsightsKmsKeyId"] == keys["database"]
    assert database["masterUserSecretKmsKeyId"] == keys["secrets"]
    assert cache["atRestEncryptionEnabled"]
    assert cache["kmsKeyId"] == keys["database"]
    assert {secret.inputs["kmsKeyId"] for secret in of_type(found, "secret:Secret")} == {
        keys["secrets"]
    }
    assert {group.inputs["kmsKeyId"] for group in of_type(found, ":LogGroup")} == {keys["logs"]}
    assert one(found, "sns/topic:Topic").inputs["kmsMasterKeyId"] == keys["notifications"]
    for template in of_type(found, ":LaunchTemplate"):
        disk = template.inputs["blockDeviceMappings"][0]["ebs"]
        assert (disk["encrypted"], disk["kmsKeyId"]) == ("true", keys["cluster"])
    assert one(found, ":StorageClass").inputs["parameters"]["kmsKeyId"] == keys["cluster"]
    rules = {
        config.name: config.inputs["rules"][0]["applyServerSideEncryptionByDefault"]
        for config in of_type(found, ":BucketServerSideEncryptionConfiguration")
    }
    assert rules["models"] == {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": keys["storage"]}


def test_keys_are_made_for_the_concerns_in_use_only() -> None:
    found = recorded(
        blueprint(ports=frozenset({Port.OBJECT_STORE})),
        lambda adapter, parent: adapter.bucket("models", BucketOptions(), parent=parent),
    )
    assert names(found, "kms/key:Key") == ["storage"]
    assert not of_type(found, ":Vpc")


def test_an_adopted_key_takes_the_place_of_all() -> None:
    key = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/01234567-89ab-cdef-0123-456789abcdef"
    found = everything(blueprint(encryption={"key": key}))
    assert not of_type(found, "kms/key:Key")
    assert one(found, ":Instance").inputs["kmsKeyId"] == key


def test_keys_are_renewed_and_can_be_brought_back() -> None:
    for key in of_type(graph("prod"), "kms/key:Key"):
        assert key.inputs["enableKeyRotation"]
        assert (key.inputs["rotationPeriodInDays"], key.inputs["deletionWindowInDays"]) == (90, 30)


# --- guards --------------------------------------------------------------------------------------


def test_durable_turns_on_every_guard() -> None:
    found = graph("prod")
    database = one(found, ":Instance").inputs
    assert database["deletionProtection"]
    assert database["multiAz"]
    assert not database["skipFinalSnapshot"]
    assert database["finalSnapshotIdentifier"].startswith("churn-dev-sql-final-")
    assert database["backupRetentionPeriod"] == 14
    cache = one(found, ":ReplicationGroup").inputs
    assert cache["automaticFailoverEnabled"]
    assert cache["multiAzEnabled"]
    assert (cache["numCacheClusters"], cache["snapshotRetentionLimit"]) == (2, 14)
    assert one(found, "eks/cluster:Cluster").inputs["deletionProtection"]
    assert not any(b.inputs["forceDestroy"] for b in of_type(found, "s3/bucket:Bucket"))
    assert not one(found, "ecr/repository:Repository").inputs["forceDelete"]


def test_what_is_not_durable_can_be_taken_down() -> None:
    found = graph("dev")
    database = one(found, ":Instance").inputs
    assert not database["deletionProtection"]
    assert database["skipFinalSnapshot"]
    assert "finalSnapshotIdentifier" not in database
    assert database["backupRetentionPeriod"] == 1
    assert one(found, ":ReplicationGroup").inputs["snapshotRetentionLimit"] == 0
    assert not one(found, "eks/cluster:Cluster").inputs["deletionProtection"]
    assert all(b.inputs["forceDestroy"] for b in of_type(found, "s3/bucket:Bucket"))


def test_backups_are_a_switch_of_their_own() -> None:
    found = everything(blueprint(backups={"enabled": True, "retention_days": 7}))
    assert one(found, ":Instance").inputs["backupRetentionPeriod"] == 7
    assert not one(found, ":Instance").inputs["deletionProtection"]


@pytest.mark.parametrize("name", NAMES)
def test_buckets_are_private_versioned_and_logged(name: str) -> None:
    found = graph(name)
    buckets = {
        bucket.name: bucket.inputs["bucket"] for bucket in of_type(found, "s3/bucket:Bucket")
    }
    assert buckets.keys() == {"access-logs", "models"}
    for kind in (
        ":BucketPublicAccessBlock",
        ":BucketVersioning",
        ":BucketPolicy",
        ":BucketOwnershipControls",
        ":BucketLifecycleConfiguration",
    ):
        assert names(found, kind) == sorted(buckets)
    assert one(found, ":BucketLogging").inputs["targetBucket"] == buckets["access-logs"]
    denied = {
        (resource.name, statement["Sid"])
        for resource, statement in policies(found)
        if statement["Effect"] == "Deny"
    }
    assert {(bucket, "DenyPlaintext") for bucket in buckets} <= denied
    assert {(bucket, "DenyOldTls") for bucket in buckets} <= denied


def test_bucket_names_do_not_depend_on_whether_the_spec_names_the_account() -> None:
    without = everything(blueprint(account=...))
    assert (
        one(without, "s3/bucket:Bucket", "models").inputs["bucket"]
        == one(graph("dev"), "s3/bucket:Bucket", "models").inputs["bucket"]
    )
    assert "allowedAccountIds" not in one(without, "providers:aws").inputs


def test_databases_take_tls_from_the_cluster_only() -> None:
    found = graph("prod")
    group = one(found, "eks/cluster:Cluster").outputs["vpcConfig"]["clusterSecurityGroupId"]
    rules = {rule.name: rule.inputs for rule in of_type(found, ":SecurityGroupIngressRule")}
    for name, port in (("sql", 5432), ("key-value", 6379)):
        assert rules[name]["referencedSecurityGroupId"] == group
        assert (rules[name]["fromPort"], rules[name]["toPort"]) == (port, port)
        assert "cidrIpv4" not in rules[name]
    parameters = one(found, "rds/parameterGroup:ParameterGroup").inputs["parameters"]
    assert {"name": "rds.force_ssl", "value": "1"} in parameters
    cache = one(found, ":ReplicationGroup").inputs
    assert cache["transitEncryptionEnabled"]
    assert cache["transitEncryptionMode"] == "required"


def test_only_the_cluster_s_key_may_be_handed_on_without_saying_for_whom() -> None:
    """CreateCluster does not say so; all other services do."""
    free = {
        resource.name
        for resource, statement in policies(graph("prod"))
        if "kms:CreateGrant" in statement["Action"]
        and resource.type.endswith("kms/key:Key")
        and "Condition" not in statement
    }
    assert free == {"cluster"}


# --- cluster -------------------------------------------------------------------------------------


def test_api_server_is_private_unless_networks_are_listed() -> None:
    private = one(graph("prod"), "eks/cluster:Cluster").inputs["vpcConfig"]
    assert private["endpointPrivateAccess"]
    assert not private["endpointPublicAccess"]
    found = everything(blueprint(cluster={"public_access": ["192.0.2.0/24"]}))
    public = one(found, "eks/cluster:Cluster").inputs["vpcConfig"]
    assert public["endpointPublicAccess"]
    assert public["publicAccessCidrs"] == ["192.0.2.0/24"]


def test_access_is_what_the_spec_says() -> None:
    bootstrap = {
        name: one(graph(name), "eks/cluster:Cluster").inputs["accessConfig"]
        for name in ("dev", "prod")
    }
    assert {c["authenticationMode"] for c in bootstrap.values()} == {"API"}
    assert bootstrap["dev"]["bootstrapClusterCreatorAdminPermissions"]
    assert not bootstrap["prod"]["bootstrapClusterCreatorAdminPermissions"]
    assert {
        right.inputs["principalArn"].rsplit("/", 1)[1]: right.inputs["policyArn"].rsplit("/", 1)[1]
        for right in of_type(graph("prod"), ":AccessPolicyAssociation")
    } == {"ml-admin": "AmazonEKSClusterAdminPolicy", "ml-viewer": "AmazonEKSViewPolicy"}


def test_node_groups_follow_the_pools() -> None:
    groups = {group.name: group.inputs for group in of_type(graph("prod"), ":NodeGroup")}
    general, gpu = groups["general"], groups["gpu"]
    assert general["scalingConfig"] == {"minSize": 2, "desiredSize": 2, "maxSize": 6}
    assert (general["amiType"], general["capacityType"]) == ("AL2023_x86_64_STANDARD", "ON_DEMAND")
    assert (gpu["amiType"], gpu["capacityType"]) == ("AL2023_x86_64_NVIDIA", "SPOT")
    assert gpu["taints"] == [{"key": "nvidia.com/gpu", "value": "true", "effect": "NO_SCHEDULE"}]
    assert gpu["labels"]["nvidia.com/gpu.present"] == "true"
    template = one(graph("prod"), ":LaunchTemplate", "gpu").inputs
    assert template["metadataOptions"]["httpTokens"] == "required"
    assert template["metadataOptions"]["httpPutResponseHopLimit"] == 1
    tags = {tag["resourceType"]: tag["tags"] for tag in template["tagSpecifications"]}
    assert tags["volume"]["cost-center"] == "4711"


def test_device_plugin_comes_with_accelerators_only() -> None:
    assert "nvidia-device-plugin" in names(graph("prod"), ":Release")
    assert "nvidia-device-plugin" not in names(graph("dev"), ":Release")
    plugin = one(graph("prod"), ":Release", "nvidia-device-plugin").inputs
    assert plugin["values"]["tolerations"] == [{"operator": "Exists"}], "on pools with any taint"


def test_add_ons_follow_the_cluster() -> None:
    """EKS updates none by itself: without a version each would stay what it was at first."""
    addons = of_type(graph("prod"), "eks/addon:Addon")
    assert [addon.name for addon in addons if not addon.inputs.get("addonVersion")] == []
    assert len(addons) == 5


def test_nothing_waits_for_what_waits_for_it() -> None:
    """Nodes after what they need to become ready, and what runs on nodes after the nodes."""
    found = graph("prod")

    def waits(resource_urn: str) -> set[str]:
        seen: set[str] = set()
        rest = [resource_urn]
        while rest:
            for urn in found.by_urn[rest.pop()].dependencies:
                if urn not in seen:
                    seen.add(urn)
                    rest.append(urn)
        return seen

    addons = {addon.name: addon.urn for addon in of_type(found, "eks/addon:Addon")}
    group = one(found, ":NodeGroup", "general")
    before = {addons[name] for name in ("vpc-cni", "kube-proxy", "eks-pod-identity-agent")}
    after = {addons[name] for name in ("coredns", "aws-ebs-csi-driver")}
    assert addons.keys() == {found.by_urn[urn].name for urn in before | after}
    assert before <= waits(group.urn)
    assert not after & waits(group.urn)
    for urn in after:
        assert group.urn in waits(urn)
    # `destroy` goes the other way round: whoever deletes load balancers must still reach AWS.
    nat = {
        way.urn
        for kind in ("route:Route", ":RouteTableAssociation")
        for way in of_type(found, kind)
    }
    balancer = one(found, ":Release", "aws-load-balancer-controller")
    identity = one(found, ":PodIdentityAssociation", "aws-load-balancer-controller")
    assert {group.urn, identity.urn, *nat} <= waits(balancer.urn)


def test_kubeconfig_holds_no_credential() -> None:
    text = kubeconfig("churn-dev", "https://api", "Y2E=", region="eu-west-1")
    assert '"get-token"' in text
    assert 'token":' not in text.replace('"get-token"', "")
    assert "kubeconfig" not in graph("prod").outputs


@pytest.mark.parametrize(
    ("changes", "scheme", "subnets", "ranges"),
    [
        ({}, "internal", None, ()),
        ({"domain": {"name": "ml.example.com"}}, "internal", None, ()),
        (ADOPTED, "internal", "subnet-0123456789abcdef0,subnet-0123456789abcdef1", ()),
        (
            {
                "domain": {
                    "name": "ml.example.com",
                    "exposure": "public",
                    "allow": ["192.0.2.0/24"],
                }
            },
            "internet-facing",
            None,
            ("192.0.2.0/24",),
        ),
    ],
)
def test_load_balancer_follows_the_exposure(
    changes: dict[str, Any], scheme: str, subnets: str | None, ranges: tuple[str, ...]
) -> None:
    seen: list[Any] = []
    recorded(
        blueprint(ports=frozenset(), **changes),
        lambda adapter, _: seen.append(adapter.load_balancer()),
    )
    (service,) = seen
    prefix = "service.beta.kubernetes.io/aws-load-balancer"
    assert service.annotations[f"{prefix}-scheme"] == scheme
    assert service.annotations.get(f"{prefix}-subnets") == subnets
    assert service.source_ranges == ranges


# --- rights --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_no_right_to_everything(name: str) -> None:
    for resource, statement in policies(graph(name)):
        if statement["Effect"] != "Allow":
            continue
        actions = statement["Action"]
        for action in [actions] if isinstance(actions, str) else actions:
            assert "*" not in action, f"{resource.urn}: {action}"
        if statement.get("Resource") == "*" and resource.type.endswith(":RolePolicy"):
            kinds = {action.split(":")[1] for action in actions}
            assert all(kind.startswith(("Describe", "List", "Get")) for kind in kinds), kinds


def test_a_workload_gets_its_grants_and_nothing_more() -> None:
    found = graph("prod")
    policy = one(found, ":RolePolicy", "tracking-server")
    statements = [s for r, s in policies(found) if r is policy]
    bucket = one(found, "s3/bucket:Bucket", "models").outputs["arn"]
    topic = one(found, "sns/topic:Topic").outputs["arn"]
    secret = one(found, "secret:Secret", "web").outputs["arn"]
    existing = f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:team/token-??????"
    resources = {s["Resource"] for s in statements if not s["Action"][0].startswith("kms:")}
    assert resources == {bucket, f"{bucket}/*", topic, secret, existing}
    assert all("Condition" in s for s in statements if s["Action"][0].startswith("kms:"))
    role = one(found, "iam/role:Role", "tracking-server")
    (trust,) = [s for r, s in policies(found) if r is role]
    assert trust["Principal"] == {"Service": "pods.eks.amazonaws.com"}
    assert trust["Condition"]["StringEquals"]["aws:RequestTag/kubernetes-namespace"] == "tracking"


def test_the_secrets_operator_reads_this_platform_s_secrets_and_the_database_s() -> None:
    found = graph("prod")
    readable = {
        arn
        for resource, statement in policies(found)
        if resource.name.startswith("external-secrets")
        and "secretsmanager:GetSecretValue" in statement["Action"]
        for arn in statement["Resource"]
    }
    master = one(found, ":Instance").outputs["masterUserSecrets"][0]["secretArn"]
    own = f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:churn-dev/*"
    assert readable == {own, master}


def test_budget_counts_this_environment_only_and_tells_the_owner() -> None:
    plain = blueprint(
        cost={
            "center": "1",
            "monthly_budget": 99.5,
            "thresholds": [80, 50],
            "notify": ["cfo@example.com"],
        }
    )
    found = recorded(plain, lambda adapter, parent: adapter.budget(parent=parent))
    budget = one(found, "budgets/budget:Budget").inputs
    assert budget["limitAmount"] == "99.50"
    tags = {
        term["tags"]["key"]: term["tags"]["values"] for term in budget["filterExpression"]["ands"]
    }
    assert tags == {"platform": ["churn"], "environment": ["dev"]}
    assert [(n["notificationType"], n["threshold"]) for n in budget["notifications"]] == [
        ("ACTUAL", 50),
        ("ACTUAL", 80),
        ("FORECASTED", 100),
    ]
    assert budget["notifications"][0]["subscriberEmailAddresses"] == [
        "ml@example.com",
        "cfo@example.com",
    ]


def test_dns_rights_end_at_the_zone() -> None:
    def program(adapter: Aws, parent: Any) -> None:
        adapter.dns_identity(
            "dns", namespace="cert-manager", service_account="cert-manager", parent=parent
        )
        assert adapter.dns_solver() == {
            "route53": {"region": "eu-west-1", "hostedZoneID": "Z0123456789ABC"}
        }
        assert adapter.dns_provider() == "aws"

    found = recorded(blueprint(**PROD), program)
    changing = [
        statement["Resource"]
        for resource, statement in policies(found)
        if "route53:ChangeResourceRecordSets" in statement["Action"]
    ]
    assert changing == ["arn:aws:route53:::hostedzone/Z0123456789ABC"]


def test_alerts_are_sent_by_signed_requests() -> None:
    seen: list[Any] = []

    def program(adapter: Aws, parent: Resource) -> None:
        kube = Kube(adapter.cluster().provider, {})
        topic = adapter.topic("alerts", [], kube=kube, namespace="monitoring", parent=parent)
        seen.append(topic.receivers)

    recorded(blueprint(), program)
    ((settings,),) = [receivers["sns_configs"] for receivers in seen]
    assert settings["sigv4"] == {"region": "eu-west-1"}
