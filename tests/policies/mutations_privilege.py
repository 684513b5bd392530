"""How the example platform is broken so that each rule on privilege must say so."""

from __future__ import annotations

from typing import Any

from mutation import Break

_BROAD = "arn:aws:iam::aws:policy/AdministratorAccess"
_OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
_SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000000"
_STATEMENT = "@json.Statement.0"
_MODE = "nodeConfig.workloadMetadataConfig.mode"


def _project(**change: Any) -> Break:
    return Break(cloud="gcp", token="gcp:projects/iAMMember:IAMMember", change=change)


def _role(**change: Any) -> Break:
    rules = {f"rules.0.{name}": value for name, value in change.items()}
    return Break(
        cloud="kubernetes", token="kubernetes:rbac.authorization.k8s.io/v1:Role", change=rules
    )


def _binding(change: dict[str, Any]) -> Break:
    token = "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding"
    return Break(cloud="kubernetes", token=token, change=change)


MUTATIONS: dict[str, Break] = {
    "privilege-aws-wildcard": Break(
        cloud="aws",
        token="aws:iam/rolePolicy:RolePolicy",
        change={
            f"policy.{_STATEMENT}.Action": "s3:*",
            f"policy.{_STATEMENT}.Resource": "*",
        },
    ),
    "privilege-aws-managed-policy": Break(
        cloud="aws",
        token="aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        change={"policyArn": _BROAD},
    ),
    "privilege-aws-trust": Break(
        cloud="aws",
        token="aws:iam/role:Role",
        change={f"assumeRolePolicy.{_STATEMENT}.Principal": {"AWS": "*"}},
    ),
    "privilege-machine-metadata": Break(
        cloud="aws",
        token="aws:ec2/launchTemplate:LaunchTemplate",
        change={"metadataOptions.httpTokens": "optional"},
    ),
    "privilege-eks-access": Break(
        cloud="aws",
        token="aws:eks/cluster:Cluster",
        change={"accessConfig.authenticationMode": "API_AND_CONFIG_MAP"},
    ),
    "privilege-eks-node-role": Break(
        cloud="aws",
        token="aws:iam/role:Role",
        name="node",
        change={"managedPolicyArns": ["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"]},
    ),
    "privilege-azure-broad-role": Break(
        cloud="azure",
        token="azure-native:authorization:RoleAssignment",
        change={"roleDefinitionId": _OWNER, "scope": _SUBSCRIPTION},
    ),
    "privilege-azure-static-keys": Break(
        cloud="azure",
        token="azure-native:storage:StorageAccount",
        change={"isLocalUserEnabled": True},
    ),
    "privilege-azure-federation": Break(
        cloud="azure",
        token="azure-native:managedidentity:FederatedIdentityCredential",
        change={"subject": "system:serviceaccount:*"},
    ),
    "privilege-gcp-basic-role": _project(role="roles/editor"),
    "privilege-gcp-impersonation": _project(role="roles/iam.serviceAccountTokenCreator"),
    "privilege-gcp-service-account-admin": _project(role="roles/storage.admin"),
    "privilege-gcp-default-account": Break(
        cloud="gcp",
        token="gcp:container/nodePool:NodePool",
        change={"nodeConfig.serviceAccount": None},
    ),
    "privilege-gke-metadata": Break(
        cloud="gcp", token="gcp:container/nodePool:NodePool", change={_MODE: "GCE_METADATA"}
    ),
    "privilege-rbac-wildcard": _role(resources=["*"], verbs=["*"]),
    "privilege-rbac-escalation": _role(resources=["serviceaccounts"], verbs=["impersonate"]),
    "privilege-rbac-cluster-admin": _binding(
        {"roleRef.kind": "ClusterRole", "roleRef.name": "cluster-admin"}
    ),
    "privilege-rbac-subjects": _binding(
        {"subjects.0.kind": "Group", "subjects.0.name": "system:authenticated"}
    ),
    "privilege-service-account-token": Break(
        cloud="kubernetes",
        token="kubernetes:core/v1:Secret",
        change={"type": "kubernetes.io/service-account-token"},
    ),
}
