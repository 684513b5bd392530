"""The Kubernetes cluster: EKS with managed node groups and add-ons.

Who may do what on it is exactly what the spec says: with ``cluster.admins``, those identities, one
of which has to be the one that runs Plinth; without, whoever made the cluster.  Both at once would
clash over one entry (pulumi/pulumi-eks#2373).  EKS gives the maker's right with the cluster or
never, so a later change of the list leaves it alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pulumi
import pulumi_aws as aws
from pulumi import Output, ProviderResource, Resource, ResourceOptions
from pulumi_kubernetes.provider import Provider

from plinth import naming
from plinth.clouds.aws.identity import ClusterRef, PodIdentity
from plinth.clouds.aws.keys import Concern, Keys
from plinth.clouds.aws.network import Network
from plinth.clouds.aws.nodes import Nodes
from plinth.clouds.aws.site import Component, Site, allow, assume
from plinth.ports import ClusterHandle

_POLICY: Final = "arn:aws:iam::aws:policy"
_ACCESS: Final = "arn:aws:eks::aws:cluster-access-policy"
_LOGS: Final = ("api", "audit", "authenticator", "controllerManager", "scheduler")


class Cluster(Component):
    """An EKS cluster with its nodes (``plinth:index:Cluster``).

    Attributes:
        ref: Name and ARN, for identities.
        handle: The port's handle.
        security_group_id: The group that nodes and pods are in.
    """

    ref: ClusterRef
    handle: ClusterHandle
    security_group_id: Output[str]

    def __init__(self, *, site: Site, keys: Keys, network: Network, parent: Resource) -> None:
        super().__init__("Cluster", "cluster", site, parent)
        self._keys = keys
        cluster = self._control_plane(network)
        self._cluster = cluster
        self.ref = ClusterRef(cluster.name, cluster.arn)
        self.security_group_id = cluster.vpc_config.cluster_security_group_id
        access = self._access()
        first = self._first_addons()
        nodes = Nodes(
            cluster=cluster,
            keys=keys,
            network=network,
            site=site,
            parent=self,
            depends_on=[*network.ready, *first],
        )
        later = self._later_addons(nodes.ready)
        self.handle = ClusterHandle(
            name=cluster.name,
            endpoint=cluster.endpoint,
            connect=Output.concat(
                "aws eks update-kubeconfig --name ", cluster.name, f" --region {site.region}"
            ),
            provider=self._kubernetes(),
            ready=(*network.ready, *access, *first, *nodes.ready, *later),
        )
        self.register_outputs({"name": cluster.name, "endpoint": cluster.endpoint})

    # --- control plane ---------------------------------------------------------------------------

    def _control_plane(self, network: Network) -> Any:
        settings = self.site.blueprint.settings
        role = aws.iam.Role(
            "cluster",
            assume_role_policy=assume("eks.amazonaws.com"),
            tags=self.tags(),
            opts=self.child(),
        )
        rights = aws.iam.RolePolicyAttachment(
            "cluster",
            role=role.name,
            policy_arn=f"{_POLICY}/AmazonEKSClusterPolicy",
            opts=self.child(),
        )
        logs = self.log_group(
            "cluster",
            f"/aws/eks/{self.site.prefix}/cluster",
            self._keys.arn(Concern.LOGS),
            settings.log_retention_days,
        )
        public = list(settings.cluster.public_access)
        return aws.eks.Cluster(
            "cluster",
            name=self.site.prefix,
            role_arn=role.arn,
            version=self.site.blueprint.pins.kubernetes,
            vpc_config={
                "subnet_ids": network.private,
                "endpoint_private_access": True,
                "endpoint_public_access": bool(public),
                "public_access_cidrs": public or None,
            },
            access_config={
                "authentication_mode": "API",
                "bootstrap_cluster_creator_admin_permissions": not settings.cluster.admins,
            },
            encryption_config={
                "provider": {"key_arn": self._keys.arn(Concern.CLUSTER)},
                "resources": ["secrets"],
            },
            enabled_cluster_log_types=list(_LOGS),
            # Networking and DNS come as managed add-ons below.
            bootstrap_self_managed_addons=False,
            deletion_protection=self.site.durable,
            tags=self.tags(),
            opts=self.child(
                stateful=True,
                depends_on=[rights, logs],
                # A change would replace the cluster (hashicorp/terraform-provider-aws#38950).
                ignore_changes=["accessConfig.bootstrapClusterCreatorAdminPermissions"],
            ),
        )

    def _access(self) -> list[Resource]:
        people = self.site.blueprint.settings.cluster
        roles = {
            "AmazonEKSClusterAdminPolicy": ("admin", people.admins),
            "AmazonEKSViewPolicy": ("viewer", people.viewers),
        }
        return [
            self._entry(kind, principal, policy)
            for policy, (kind, principals) in roles.items()
            for principal in principals
        ]

    def _entry(self, kind: str, principal: str, policy: str) -> Resource:
        name = naming.physical(kind, principal.rsplit("/", maxsplit=1)[-1], unique=principal)
        entry = aws.eks.AccessEntry(
            name,
            cluster_name=self._cluster.name,
            principal_arn=principal,
            tags=self.tags(),
            opts=self.child(),
        )
        right: Resource = aws.eks.AccessPolicyAssociation(
            name,
            cluster_name=self._cluster.name,
            principal_arn=entry.principal_arn,
            policy_arn=f"{_ACCESS}/{policy}",
            access_scope={"type": "cluster"},
            opts=self.child(),
        )
        return right

    # --- add-ons ---------------------------------------------------------------------------------

    def _first_addons(self) -> list[Resource]:
        """What nodes need to become ready: these run on every node and need none to be there."""
        network = PodIdentity(
            "vpc-cni",
            site=self.site,
            parent=self,
            cluster=self.ref,
            namespace="kube-system",
            service_account="aws-node",
            managed={"vpc-cni": f"{_POLICY}/AmazonEKS_CNI_Policy"},
        )
        return [
            self._addon("eks-pod-identity-agent"),
            self._addon("kube-proxy"),
            self._addon("vpc-cni", network.ready, {"enableNetworkPolicy": "true"}),
        ]

    def _later_addons(self, nodes: Sequence[Resource]) -> list[Resource]:
        """What EKS calls failed until it runs on a node."""
        disks = PodIdentity(
            "ebs-csi",
            site=self.site,
            parent=self,
            cluster=self.ref,
            namespace="kube-system",
            service_account="ebs-csi-controller-sa",
            managed={"ebs-csi": f"{_POLICY}/service-role/AmazonEBSCSIDriverPolicy"},
            statements=self._disk_encryption(),
        )
        return [
            self._addon("coredns", nodes),
            self._addon("aws-ebs-csi-driver", [*nodes, *disks.ready]),
        ]

    def _disk_encryption(self) -> list[dict[str, Any]]:
        """Amazon EKS User Guide, "Store Kubernetes volumes with Amazon EBS", encryption."""
        key = self._keys.arn(Concern.CLUSTER)
        via = {"kms:ViaService": f"ec2.{self.site.region}.amazonaws.com"}
        use = [
            "Decrypt",
            "DescribeKey",
            "GenerateDataKeyWithoutPlaintext",
            "ReEncryptFrom",
            "ReEncryptTo",
        ]
        return [
            allow([f"kms:{action}" for action in use], key, {"StringEquals": via}),
            allow(["kms:CreateGrant"], key, {"Bool": {"kms:GrantIsForAWSResource": "true"}}),
        ]

    def _addon(
        self,
        name: str,
        depends_on: Sequence[Resource] = (),
        values: Mapping[str, Any] | None = None,
    ) -> Resource:
        """An add-on at the version that EKS prefers for the cluster's Kubernetes.

        Left out, the version would stay what it was at first: EKS updates no add-on by itself, not
        even with its cluster (Amazon EKS User Guide, "Update an Amazon EKS add-on").
        """
        preferred = aws.eks.get_addon_version_output(
            addon_name=name,
            kubernetes_version=self.site.blueprint.pins.kubernetes,
            opts=pulumi.InvokeOutputOptions(parent=self),
        )
        addon: Resource = aws.eks.Addon(
            name,
            addon_name=name,
            addon_version=preferred.version,
            cluster_name=self._cluster.name,
            configuration_values=json.dumps(values) if values else None,
            resolve_conflicts_on_create="OVERWRITE",
            resolve_conflicts_on_update="OVERWRITE",
            tags=self.tags(),
            opts=self.child(depends_on=depends_on),
        )
        return addon

    # --- access for the program ------------------------------------------------------------------

    def _kubernetes(self) -> ProviderResource:
        """Asks for a token at each call; nothing that expires is kept.

        ``cluster_identifier`` keeps a changed kubeconfig from replacing everything on the cluster
        (pulumi/pulumi-kubernetes#1148); a new cluster has a new endpoint.
        """
        provider: ProviderResource = Provider(
            "kubernetes",
            kubeconfig=Output.all(
                self._cluster.name,
                self._cluster.endpoint,
                self._cluster.certificate_authority.data,
            ).apply(lambda known: kubeconfig(*known, region=self.site.region)),
            cluster_identifier=self._cluster.endpoint,
            # By default changed ones are deleted and made anew; a pod starting then fails, and
            # Alertmanager tells nobody.
            enable_config_map_mutable=True,
            enable_secret_mutable=True,
            opts=ResourceOptions(parent=self),
        )
        return provider


def kubeconfig(name: str, endpoint: str, authority: str, *, region: str) -> str:
    """A kubeconfig without any credential: the AWS command line makes a token when asked."""
    arguments = ["eks", "get-token", "--cluster-name", name, "--region", region]
    access = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": "aws",
        "args": arguments,
        "interactiveMode": "Never",
    }
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": name,
            "clusters": [
                {
                    "name": name,
                    "cluster": {"server": endpoint, "certificate-authority-data": authority},
                }
            ],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "users": [{"name": name, "user": {"exec": access}}],
        }
    )
