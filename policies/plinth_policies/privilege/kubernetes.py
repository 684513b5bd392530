"""Who may do what in clusters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from plinth.graph import Resource
from plinth_policies.controls import CREDENTIALS, PRIVILEGE
from plinth_policies.model import REGISTRY, Scope
from plinth_policies.values import blocks, get, known

_GROUP: Final = "kubernetes:rbac.authorization.k8s.io/v1"
_ROLE: Final = f"{_GROUP}:Role"
_CLUSTER_ROLE: Final = f"{_GROUP}:ClusterRole"
_BINDING: Final = f"{_GROUP}:RoleBinding"
_CLUSTER_BINDING: Final = f"{_GROUP}:ClusterRoleBinding"

_RULE_READS: Final = tuple(
    f"rules.{name}" for name in ("apiGroups", "resources", "verbs", "resourceNames")
)
_ROLES: Final = dict.fromkeys((_ROLE, _CLUSTER_ROLE), _RULE_READS)

_RBAC: Final = "rbac.authorization.k8s.io"
_ADMISSION: Final = "admissionregistration.k8s.io"
#: API group and resource -> verbs with which one gets more rights than the role says ("Role Based
#: Access Control Good Practices", privilege escalation risks).
_ESCALATING: Final = {
    (_RBAC, "roles"): ("escalate", "bind"),
    (_RBAC, "clusterroles"): ("escalate", "bind"),
    ("", "users"): ("impersonate",),
    ("", "groups"): ("impersonate",),
    ("", "serviceaccounts"): ("impersonate",),
    ("", "serviceaccounts/token"): ("create",),
    ("", "nodes/proxy"): ("get", "create"),
    ("certificates.k8s.io", "certificatesigningrequests/approval"): ("update", "patch"),
    (_ADMISSION, "validatingwebhookconfigurations"): ("create", "update", "patch"),
    (_ADMISSION, "mutatingwebhookconfigurations"): ("create", "update", "patch"),
}
_READING: Final = ("get", "list", "watch")

#: Built-in roles that reach, bound to the whole cluster, every namespace's secrets.
_POWERFUL: Final = ("cluster-admin", "admin", "edit")
#: Groups that everybody is in, or that no rule holds for.
_GROUPS: Final = (
    "system:masters",
    "system:anonymous",
    "system:unauthenticated",
    "system:authenticated",
    "system:serviceaccounts",
)


def _rules(resource: Resource) -> Iterator[Mapping[str, Any]]:
    yield from blocks(resource.inputs.get("rules"), "rules")


def _named(rule: Mapping[str, Any], name: str) -> list[str]:
    return [str(item) for item in blocks(get(rule, name), name)]


def _may(rule: Mapping[str, Any], group: str, resource: str, verbs: tuple[str, ...]) -> bool:
    """Whether a rule allows one of the verbs on every resource of a kind."""
    part = resource.partition("/")[2]
    asked = {resource, "*", f"*/{part}" if part else "*"}
    return bool(
        {group, "*"}.intersection(_named(rule, "apiGroups"))
        and asked.intersection(_named(rule, "resources"))
        and {*verbs, "*"}.intersection(_named(rule, "verbs"))
        and not _named(rule, "resourceNames")
    )


@REGISTRY.rule(
    "privilege-rbac-wildcard",
    title="Roles in clusters name what they allow",
    why="A role with every verb on every resource is cluster-admin by another name.",
    fix="name the resources and the verbs",
    judges={
        token: (*reads, "rules.nonResourceURLs") if token == _CLUSTER_ROLE else reads
        for token, reads in _ROLES.items()
    },
    controls=(*PRIVILEGE, "cis-kubernetes/5.1.3"),
    good={"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}]},
    bad={"rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]},
)
def _wildcard(resource: Resource, _scope: Scope) -> Iterator[str]:
    for rule in _rules(resource):
        if "*" in _named(rule, "verbs"):
            for name in ("resources", "nonResourceURLs"):
                if "*" in _named(rule, name):
                    yield f"a rule allows every verb on all {name}"


@REGISTRY.rule(
    "privilege-rbac-escalation",
    title="Roles in clusters lead to no other roles",
    why="Who may bind roles, act as others, make tokens or approve certificates gives themselves "
    "every right.",
    fix="leave out the verb, or name the one object in resourceNames",
    judges=_ROLES,
    controls=(
        *PRIVILEGE,
        *(f"cis-kubernetes/5.1.{number}" for number in (8, 10, 11, 12, 13)),
    ),
    good={"rules": [{"apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["get"]}]},
    bad={"rules": [{"apiGroups": [""], "resources": ["users"], "verbs": ["impersonate"]}]},
)
def _escalation(resource: Resource, _scope: Scope) -> Iterator[str]:
    for rule in _rules(resource):
        for (group, kind), verbs in _ESCALATING.items():
            if _may(rule, group, kind, verbs):
                yield f"a rule allows {' or '.join(verbs)} on {kind}"


@REGISTRY.rule(
    "privilege-rbac-secrets",
    title="Nobody reads the secrets of a whole cluster",
    why="The secrets of all namespaces are the passwords of all databases and users.",
    fix="use a Role in the namespace, or name the secrets in resourceNames",
    judges={_CLUSTER_ROLE: _RULE_READS},
    controls=(*PRIVILEGE, "cis-kubernetes/5.1.2"),
    good={"rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}]},
    bad={"rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]},
)
def _secrets(resource: Resource, _scope: Scope) -> Iterator[str]:
    if any(_may(rule, "", "secrets", _READING) for rule in _rules(resource)):
        yield "a rule reads the secrets of all namespaces"


@REGISTRY.rule(
    "privilege-rbac-cluster-admin",
    title="Nobody is bound to cluster-admin, nor to a broad role in all namespaces",
    why="Who has cluster-admin has every secret, node and workload.",
    fix="bind a role that names what the subject does, in the namespace where it does it",
    judges=dict.fromkeys((_CLUSTER_BINDING, _BINDING), ("roleRef.kind", "roleRef.name")),
    controls=(*PRIVILEGE, "cis-kubernetes/5.1.1"),
    good={"roleRef": {"kind": "ClusterRole", "name": "view"}},
    bad={"roleRef": {"kind": "ClusterRole", "name": "cluster-admin"}},
)
def _cluster_admin(resource: Resource, _scope: Scope) -> Iterator[str]:
    name = known(get(resource.inputs, "roleRef.name"), "roleRef.name")
    refused = _POWERFUL if resource.type == _CLUSTER_BINDING else _POWERFUL[:1]
    if name in refused and get(resource.inputs, "roleRef.kind") != "Role":
        yield f"roleRef is {name}"


@REGISTRY.rule(
    "privilege-rbac-subjects",
    title="Roles in clusters are bound to named subjects",
    why="A right of such a group, or of a namespace's default account, is a right of every pod or "
    "of whoever reaches the API, and what system:masters may do cannot be taken back.",
    fix="bind the role to a service account of the workload, or to a group of people",
    judges=dict.fromkeys((_CLUSTER_BINDING, _BINDING), ("subjects.kind", "subjects.name")),
    controls=(*PRIVILEGE, "cis-kubernetes/5.1.5", "cis-kubernetes/5.1.7"),
    good={"subjects": [{"kind": "ServiceAccount", "name": "mlflow"}]},
    bad={"subjects": [{"kind": "Group", "name": "system:masters"}]},
)
def _subjects(resource: Resource, _scope: Scope) -> Iterator[str]:
    for subject in blocks(resource.inputs.get("subjects"), "subjects"):
        kind = known(get(subject, "kind"), "subjects.kind")
        name = str(known(get(subject, "name"), "subjects.name"))
        if name.startswith(_GROUPS) or (kind, name) == ("ServiceAccount", "default"):
            yield f"{name} gets the role"


@REGISTRY.rule(
    "privilege-service-account-token",
    title="No token of a service account is kept in a secret",
    why="Such a token never expires, and works from anywhere that reaches the API.",
    fix="remove it: pods are given tokens that expire, and others ask the API for one",
    judges={"kubernetes:core/v1:Secret": ("type",)},
    controls=(*CREDENTIALS, "cis-kubernetes/3.1.2"),
    good={"type": "Opaque"},
    bad={"type": "kubernetes.io/service-account-token"},
)
def _token(resource: Resource, _scope: Scope) -> Iterator[str]:
    if known(resource.inputs.get("type"), "type") == "kubernetes.io/service-account-token":
        yield "the secret is a token of a service account"
