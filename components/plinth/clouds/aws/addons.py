"""What an EKS cluster needs in it beyond the common services, and the rights for each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pulumi import Input, Output, Resource

from plinth.clouds import external_secrets
from plinth.clouds.aws import machines
from plinth.clouds.aws.cluster import Cluster
from plinth.clouds.aws.identity import PodIdentity
from plinth.clouds.aws.network import Network
from plinth.clouds.aws.site import Component, Site, allow
from plinth.kube import Kube

_SPACE: Final = "kube-system"
_BALANCER: Final = "aws-load-balancer-controller"
_AUTOSCALER: Final = "cluster-autoscaler"
_DEVICES: Final = "nvidia-device-plugin"
#: Tag that the load balancer controller puts on whatever it makes.
_OWNER: Final = "elbv2.k8s.aws/cluster"
_SECCOMP: Final = {"type": "RuntimeDefault"}
_CAPABILITIES: Final = {"drop": ["ALL"]}


class Addons(Component):
    """Storage class, load balancers, autoscaling, accelerators (``plinth:index:Addons``).

    Attributes:
        operator: Identity of the External Secrets operator, made before its pods start.
        ready: What workloads must wait for.
    """

    operator: PodIdentity
    ready: tuple[Resource, ...]

    def __init__(
        self,
        *,
        site: Site,
        parent: Resource,
        kube: Kube,
        cluster: Cluster,
        network: Network,
        disk_key: Input[str],
        secret_statements: list[dict[str, Any]],
    ) -> None:
        super().__init__("Addons", "addons", site, parent, capability="foundation")
        self._kube = kube
        self._cluster = cluster
        self.operator = self._identity(
            "external-secrets",
            secret_statements,
            external_secrets.NAMESPACE,
            external_secrets.SERVICE_ACCOUNT,
        )
        self.ready = (
            *self.operator.ready,
            self._storage_class(disk_key),
            self._load_balancers(network),
            self._autoscaler(),
            *self._devices(),
        )
        self.register_outputs({})

    def _identity(
        self, name: str, statements: list[dict[str, Any]], namespace: str, account: str
    ) -> PodIdentity:
        return PodIdentity(
            name,
            site=self.site,
            parent=self,
            cluster=self._cluster.ref,
            namespace=namespace,
            service_account=account,
            statements=statements,
        )

    def _release(
        self, name: str, values: Mapping[str, Any], identity: PodIdentity | None = None
    ) -> Resource:
        after = [*self._cluster.handle.ready, *(identity.ready if identity else ())]
        return self._kube.release(
            name,
            self.site.blueprint.pins.charts[name],
            namespace=_SPACE,
            values=values,
            parent=self,
            depends_on=after,
        )

    @property
    def _copies(self) -> int:
        return 2 if self.site.durable else 1

    def _storage_class(self, key: Input[str]) -> Resource:
        """The default class: gp3 disks under the customer-managed key.

        EKS brings a class ``gp2`` too, which is no default since Kubernetes 1.30.
        """
        tags = {
            f"tagSpecification_{number}": f"{name}={value}"
            for number, (name, value) in enumerate(sorted(self.site.blueprint.tags.items()), 1)
        }
        manifest = {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {
                "name": "gp3",
                "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
            },
            "provisioner": "ebs.csi.aws.com",
            "parameters": {"type": "gp3", "encrypted": "true", "kmsKeyId": key, **tags},
            "reclaimPolicy": "Retain" if self.site.durable else "Delete",
            # A disk lives in one zone: it is made where its pod is put.
            "volumeBindingMode": "WaitForFirstConsumer",
            "allowVolumeExpansion": True,
        }
        return self._kube.apply(
            "storage-class", manifest, parent=self, depends_on=self._cluster.handle.ready
        )

    def _load_balancers(self, network: Network) -> Resource:
        site = self.site
        values = {
            "clusterName": self._cluster.ref.name,
            # Both would be asked of the metadata service, which pods cannot reach.
            "region": site.region,
            "vpcId": network.vpc_id,
            "replicaCount": self._copies,
            "serviceAccount": {"name": _BALANCER},
            "defaultTags": {**site.blueprint.tags, "capability": self.capability},
            # Services name their class, so none is turned over behind its back, and none waits
            # for this webhook.
            "enableServiceMutatorWebhook": False,
            "enableShield": False,
            "enableWaf": False,
            "enableWafv2": False,
            # The gateway is Envoy's. By default this depends on which CRDs are there at each start.
            "controllerConfig": {
                "featureGates": {
                    "ALBGatewayAPI": False,
                    "NLBGatewayAPI": False,
                    "GatewayListenerSet": False,
                }
            },
            "podDisruptionBudget": {"maxUnavailable": 1},
            # What the chart's own contexts leave open, to which these are added.
            "podSecurityContext": {"seccompProfile": _SECCOMP},
            "securityContext": {"capabilities": _CAPABILITIES},
            "resources": _resources("100m", "256Mi"),
        }
        rights = _balancer_statements(site, self._cluster.ref.name, network.vpc_id)
        return self._release(
            _BALANCER, values, self._identity(_BALANCER, rights, _SPACE, _BALANCER)
        )

    def _autoscaler(self) -> Resource:
        site = self.site
        values = {
            "autoDiscovery": {"clusterName": self._cluster.ref.name},
            "awsRegion": site.region,
            "fullnameOverride": _AUTOSCALER,
            # It simulates the scheduler, so its minor version is the cluster's.
            "image": {"tag": f"v{site.blueprint.pins.kubernetes}.0"},
            "rbac": {"serviceAccount": {"name": _AUTOSCALER}},
            "replicaCount": self._copies,
            "extraArgs": {
                "balance-similar-node-groups": True,
                "expander": "least-waste",
                "skip-nodes-with-local-storage": False,
                "skip-nodes-with-system-pods": False,
            },
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 65534,
                "seccompProfile": _SECCOMP,
            },
            "containerSecurityContext": {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": _CAPABILITIES,
            },
            "resources": _resources("100m", "512Mi"),
        }
        rights = _autoscaler_statements(site)
        return self._release(
            _AUTOSCALER, values, self._identity(_AUTOSCALER, rights, _SPACE, _AUTOSCALER)
        )

    def _devices(self) -> Iterator[Resource]:
        """The NVIDIA device plugin, where a pool has accelerators.

        EKS's images bring the drivers, and nothing that offers the devices to pods.
        """
        pools = self.site.blueprint.settings.cluster.node_pools.values()
        if any(machines.has_gpu(machines.node(pool)) for pool in pools):
            # By itself it tolerates no taint that a spec adds: such a pool would offer no device.
            everywhere = [{"operator": "Exists"}]
            values = {"tolerations": everywhere, "resources": _resources("50m", "128Mi")}
            yield self._release(_DEVICES, values)


def _resources(cpu: str, memory: str) -> dict[str, Any]:
    return {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": memory}}


def _autoscaler_statements(site: Site) -> list[dict[str, Any]]:
    """The autoscaler's documented actions, on this cluster's groups.

    Describing knows no resource but for node groups (Service Authorization Reference, "Amazon EC2
    Auto Scaling").
    """
    describe = (
        "autoscaling:DescribeAutoScalingGroups",
        "autoscaling:DescribeAutoScalingInstances",
        "autoscaling:DescribeLaunchConfigurations",
        "autoscaling:DescribeScalingActivities",
        "ec2:DescribeImages",
        "ec2:DescribeInstanceTypes",
        "ec2:DescribeLaunchTemplateVersions",
        "ec2:GetInstanceTypesFromInstanceRequirements",
    )
    owned = {f"aws:ResourceTag/k8s.io/cluster-autoscaler/{site.prefix}": "owned"}
    return [
        allow(describe, "*"),
        allow(["eks:DescribeNodegroup"], site.arn("eks", f"nodegroup/{site.prefix}/*/*")),
        allow(
            ["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"],
            site.arn("autoscaling", "autoScalingGroup:*:autoScalingGroupName/*"),
            {"StringEquals": owned},
        ),
    ]


def _balancer_statements(
    site: Site, cluster: Input[str], vpc_id: Input[str]
) -> list[dict[str, Any]]:
    """What the controller needs for network load balancers of this cluster, and no other.

    Narrowed from the controller's own policy (docs/install/iam_policy.json at v3.5.0): without
    WAF, Shield and Cognito, which are off, and bound to the tag of this cluster.  Describing knows
    no resource (Service Authorization Reference, "Elastic Load Balancing V2").
    """
    asked = {"StringEquals": {f"aws:RequestTag/{_OWNER}": cluster}}
    owned = {"StringEquals": {f"aws:ResourceTag/{_OWNER}": cluster}}
    nodes = {"StringEquals": {f"aws:ResourceTag/kubernetes.io/cluster/{site.prefix}": "owned"}}
    groups = site.arn("ec2", "security-group/*")
    vpc = Output.concat(site.arn("ec2", "vpc/"), vpc_id)
    balancers, targets, listeners = (
        site.arn("elasticloadbalancing", path)
        for path in ("loadbalancer/net/*", "targetgroup/*", "listener/net/*")
    )
    elb = "elasticloadbalancing:"
    return [
        allow(
            ["iam:CreateServiceLinkedRole"],
            Output.concat(
                "arn:aws:iam::",
                site.account,
                ":role/aws-service-role/elasticloadbalancing.amazonaws.com/*",
            ),
            {"StringEquals": {"iam:AWSServiceName": "elasticloadbalancing.amazonaws.com"}},
        ),
        allow([*_DESCRIBE_NETWORK, *_DESCRIBE_BALANCERS], "*"),
        allow(["ec2:CreateSecurityGroup"], groups, asked),
        # Making a group in a network is a right on the network as well.
        allow(["ec2:CreateSecurityGroup", "ec2:GetSecurityGroupsForVpc"], vpc),
        allow(
            ["ec2:CreateTags"],
            groups,
            {"StringEquals": {**asked["StringEquals"], "ec2:CreateAction": "CreateSecurityGroup"}},
        ),
        allow(["ec2:CreateTags", "ec2:DeleteTags", *_CHANGE_GROUP], groups, owned),
        # The nodes' own group is EKS's; the controller lets its load balancers in.
        allow(_CHANGE_GROUP[:2], groups, nodes),
        allow(
            [f"{elb}CreateLoadBalancer", f"{elb}CreateTargetGroup", f"{elb}AddTags"],
            [balancers, targets],
            asked,
        ),
        allow([f"{elb}CreateListener", f"{elb}AddTags"], [balancers, listeners], asked),
        allow(
            [f"{elb}{action}" for action in _CHANGE_BALANCER],
            [balancers, targets, listeners],
            owned,
        ),
    ]


_DESCRIBE_NETWORK: Final = (
    "ec2:DescribeAccountAttributes",
    "ec2:DescribeAddresses",
    "ec2:DescribeAvailabilityZones",
    "ec2:DescribeInstances",
    "ec2:DescribeInternetGateways",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeRouteTables",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeTags",
    "ec2:DescribeVpcPeeringConnections",
    "ec2:DescribeVpcs",
)
_DESCRIBE_BALANCERS: Final = tuple(
    f"elasticloadbalancing:Describe{what}"
    for what in (
        "CapacityReservation",
        "ListenerAttributes",
        "ListenerCertificates",
        "Listeners",
        "LoadBalancerAttributes",
        "LoadBalancers",
        "Rules",
        "SSLPolicies",
        "Tags",
        "TargetGroupAttributes",
        "TargetGroups",
        "TargetHealth",
        "TrustStores",
    )
)
_CHANGE_GROUP: Final = (
    "ec2:AuthorizeSecurityGroupIngress",
    "ec2:RevokeSecurityGroupIngress",
    "ec2:DeleteSecurityGroup",
)
_CHANGE_BALANCER: Final = (
    "AddTags",
    "DeleteListener",
    "DeleteLoadBalancer",
    "DeleteTargetGroup",
    "DeregisterTargets",
    "ModifyListener",
    "ModifyListenerAttributes",
    "ModifyLoadBalancerAttributes",
    "ModifyTargetGroup",
    "ModifyTargetGroupAttributes",
    "RegisterTargets",
    "RemoveTags",
    "SetIpAddressType",
    "SetSecurityGroups",
    "SetSubnets",
)
