"""How people and machines are known on AWS, and what nodes may do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from plinth.graph import UNKNOWN, Resource
from plinth_policies.controls import CREDENTIALS, PRIVILEGE
from plinth_policies.model import REGISTRY, Scope
from plinth_policies.privilege.aws import (
    ATTACHMENT,
    ROLE,
    ROLE_ATTACHMENT,
    ROLE_POLICY,
    USER_ATTACHMENT,
    USER_POLICY,
)
from plinth_policies.settings import Setting, register
from plinth_policies.values import blocks, known, value_refused

_CLUSTER: Final = "aws:eks/cluster:Cluster"
_LOGIN: Final = "aws:iam/userLoginProfile:UserLoginProfile"

#: What every node needs to join a cluster, pull images and take a session of Systems Manager
#: (Amazon EKS user guide, "Amazon EKS node IAM role").
_NODE_POLICIES: Final = (
    "AmazonEKSWorkerNodePolicy",
    "AmazonEKSWorkerNodeMinimalPolicy",
    "AmazonEC2ContainerRegistryPullOnly",
    "AmazonEC2ContainerRegistryReadOnly",
    "AmazonSSMManagedInstanceCore",
)

_METADATA: Final = ("httpTokens", "httpPutResponseHopLimit", "httpEndpoint")


@REGISTRY.rule(
    "privilege-aws-static-keys",
    title="Nobody on AWS has static keys or a password",
    why="A key that never expires is copied, committed and forgotten, and works from anywhere.",
    fix="remove it: give workloads a role, and people IAM Identity Center",
    judges={
        "aws:iam/accessKey:AccessKey": ("status",),
        "aws:iam/serviceSpecificCredential:ServiceSpecificCredential": ("status",),
        "aws:iam/sshKey:SshKey": ("status",),
        "aws:iam/signingCertificate:SigningCertificate": ("status",),
        _LOGIN: (),
    },
    controls=(*CREDENTIALS, "cis-aws/1.11", "cis-aws/1.18", "cis-aws/1.21"),
    good={"user": "ci", "status": "Inactive"},
    bad={"user": "ci"},
)
def _static_keys(resource: Resource, _scope: Scope) -> Iterator[str]:
    if resource.type == _LOGIN:
        yield "a user has a password"
    elif known(resource.inputs.get("status"), "status") != "Inactive":
        yield "a user has a static key"


@REGISTRY.rule(
    "privilege-aws-user-policy",
    title="Users on AWS get rights from groups and roles alone",
    why="Rights of single users are found by nobody when people change teams.",
    fix="attach the policy to a role or a group",
    judges={
        ATTACHMENT: ("users",),
        USER_ATTACHMENT: ("user",),
        USER_POLICY: ("user",),
    },
    controls=(*PRIVILEGE, "cis-aws/1.15"),
    good={"roles": ["reader"]},
    bad={"users": ["ada"]},
)
def _user_policy(resource: Resource, _scope: Scope) -> Iterator[str]:
    if resource.type != ATTACHMENT or blocks(resource.inputs.get("users"), "users"):
        yield "a user has rights of its own"


@REGISTRY.rule(
    "privilege-machine-metadata",
    title="Machines on AWS hand out their role's keys to sessions on the machine itself",
    why="Version 1 of the metadata service gives the role's keys to whoever makes a process on the "
    "machine fetch a URL, and a hop limit above 1 gives them to every container.",
    fix="set metadataOptions.httpTokens to required and httpPutResponseHopLimit to 1",
    judges=dict.fromkeys(
        (
            "aws:ec2/launchTemplate:LaunchTemplate",
            "aws:ec2/launchConfiguration:LaunchConfiguration",
            "aws:ec2/instance:Instance",
        ),
        tuple(f"metadataOptions.{name}" for name in _METADATA),
    ),
    controls=(*PRIVILEGE, "cis-aws/5.6"),
    good={"metadataOptions": {"httpTokens": "required", "httpPutResponseHopLimit": 1}},
    bad={"metadataOptions": {"httpTokens": "optional", "httpPutResponseHopLimit": 1}},
)
def _metadata(resource: Resource, _scope: Scope) -> Iterator[str]:
    options: Any = known(resource.inputs.get("metadataOptions"), "metadataOptions") or {}
    if known(options.get("httpEndpoint"), "httpEndpoint") == "disabled":
        return
    yield from value_refused(options, "httpTokens", ("required",))
    hops = known(options.get("httpPutResponseHopLimit"), "httpPutResponseHopLimit")
    if hops != 1:
        yield f"httpPutResponseHopLimit is {'not set' if hops is None else hops}"


register(
    "privilege-eks-access",
    {_CLUSTER: (Setting("accessConfig.authenticationMode", ("API",), default="CONFIG_MAP"),)},
    title="Access to EKS is what its access entries say",
    why="Whoever may edit the aws-auth ConfigMap makes themselves the cluster's administrator, and "
    "no log of AWS has it.",
    fix="set accessConfig.authenticationMode to API, and make access entries",
    controls=PRIVILEGE,
)


@REGISTRY.rule(
    "privilege-eks-node-role",
    title="Nodes of EKS may do what nodes need, and pods have roles of their own",
    why="Every pod on a node can have the node's rights.",
    fix="give the right to a role of the workload, through Pod Identity",
    judges={"aws:eks/nodeGroup:NodeGroup": ("nodeRoleArn",)},
    consults={
        ROLE: ("managedPolicyArns", "inlinePolicies"),
        ROLE_POLICY: ("role",),
        ROLE_ATTACHMENT: ("role", "policyArn"),
    },
    controls=PRIVILEGE,
    good=(
        ("aws:eks/nodeGroup:NodeGroup", {"nodeRoleArn": "node"}),
        (ROLE, {"name": "node"}),
        (
            ROLE_ATTACHMENT,
            {"role": "node", "policyArn": "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"},
        ),
    ),
    bad=(
        ("aws:eks/nodeGroup:NodeGroup", {"nodeRoleArn": "node"}),
        (ROLE, {"name": "node"}),
        (ROLE_POLICY, {"role": "node"}),
    ),
)
def _node_role(resource: Resource, scope: Scope) -> Iterator[str]:
    role = scope.target(resource, "nodeRoleArn", ROLE)
    if role is None:  # made elsewhere
        return
    # As outputs both lists are there for every role, and unknown in a preview.
    inline, arns = (
        [] if role.inputs.get(name) == UNKNOWN else blocks(role.inputs.get(name), name)
        for name in ("inlinePolicies", "managedPolicyArns")
    )
    if inline or scope.companions(role, ROLE_POLICY, "role"):
        yield "the nodes' role has a policy of its own"
    arns += [a.inputs.get("policyArn") for a in scope.companions(role, ROLE_ATTACHMENT, "role")]
    for arn in arns:
        policy = "made here" if arn == UNKNOWN else str(known(arn, "policyArn")).rsplit("/", 1)[-1]
        if policy not in _NODE_POLICIES:
            yield f"the nodes' role has the policy {policy}"
