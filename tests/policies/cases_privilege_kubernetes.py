"""Good and bad cases of the rules on privilege in clusters."""

from __future__ import annotations

from typing import Any

from policy_support import Table, resource

from plinth.graph import UNKNOWN, Resource

GROUP = "kubernetes:rbac.authorization.k8s.io/v1"
ROLE = f"{GROUP}:Role"
CLUSTER_ROLE = f"{GROUP}:ClusterRole"
BINDING = f"{GROUP}:RoleBinding"
CLUSTER_BINDING = f"{GROUP}:ClusterRoleBinding"
RBAC = "rbac.authorization.k8s.io"


def _role(
    resources: Any, verbs: Any, group: Any = "", token: str = ROLE, **more: Any
) -> list[Resource]:
    rule = {"apiGroups": [group], "resources": resources, "verbs": verbs, **more}
    return [resource(token, {"rules": [rule]})]


def _bound(name: Any, kind: str = "ClusterRole", token: str = CLUSTER_BINDING) -> list[Resource]:
    return [resource(token, {"roleRef": {"kind": kind, "name": name}})]


def _subject(kind: Any, name: Any, token: str = BINDING) -> list[Resource]:
    return [resource(token, {"subjects": [{"kind": kind, "name": name}]})]


TABLES = {
    "privilege-rbac-wildcard": Table(
        ROLE,
        good=[
            {},
            _role(["*"], ["get"]),
            _role(["pods"], ["*"]),
        ],
        bad=[
            (_role(["*"], ["*"]), "every verb on all resources"),
            (_role(["*"], ["*"], token=CLUSTER_ROLE), "every verb on all resources"),
            (
                [resource(CLUSTER_ROLE, {"rules": [{"nonResourceURLs": ["*"], "verbs": ["*"]}]})],
                "every verb on all nonResourceURLs",
            ),
            ({"rules": UNKNOWN}, "rules is not known"),
            (_role(["*"], UNKNOWN), "verbs is not known"),
        ],
    ),
    "privilege-rbac-escalation": Table(
        ROLE,
        good=[
            _role(["roles"], ["get", "create"], RBAC),
            _role(["clusterroles"], ["bind"], RBAC, resourceNames=["view"]),
            _role(["groups"], ["*"], "grafana.example.com"),
            _role(["nodes"], ["get"]),
        ],
        bad=[
            (_role(["clusterroles"], ["bind"], RBAC), "escalate or bind on clusterroles"),
            (_role(["roles"], ["*"], RBAC), "escalate or bind on roles"),
            (_role(["users"], ["impersonate"], token=CLUSTER_ROLE), "impersonate on users"),
            (_role(["serviceaccounts/token"], ["create"]), "create on serviceaccounts/token"),
            (_role(["*/proxy"], ["get"]), "nodes/proxy"),
            (_role(["mutatingwebhookconfigurations"], ["patch"], "*"), "webhookconfigurations"),
            (_role(["users"], UNKNOWN), "verbs is not known"),
        ],
    ),
    "privilege-rbac-secrets": Table(
        CLUSTER_ROLE,
        good=[
            _role(["secrets"], ["create"], token=CLUSTER_ROLE),
            _role(["secrets"], ["get"], token=CLUSTER_ROLE, resourceNames=["ca"]),
            _role(["*"], ["get"], "apps", token=CLUSTER_ROLE),
        ],
        bad=[
            (_role(["secrets"], ["list"], token=CLUSTER_ROLE), "secrets of all namespaces"),
            (_role(["*"], ["get"], "*", token=CLUSTER_ROLE), "secrets of all namespaces"),
            (_role(["secrets"], ["*"], token=CLUSTER_ROLE), "secrets of all namespaces"),
            (_role(UNKNOWN, ["get"], token=CLUSTER_ROLE), "resources is not known"),
        ],
    ),
    "privilege-rbac-cluster-admin": Table(
        CLUSTER_BINDING,
        good=[
            _bound("view"),
            _bound("edit", token=BINDING),
            _bound("cluster-admin", "Role", BINDING),
        ],
        bad=[
            (_bound("cluster-admin"), "roleRef is cluster-admin"),
            (_bound("edit"), "roleRef is edit"),
            (_bound("cluster-admin", token=BINDING), "roleRef is cluster-admin"),
            (_bound(UNKNOWN), "roleRef.name is not known"),
        ],
    ),
    "privilege-rbac-subjects": Table(
        BINDING,
        good=[
            {},
            _subject("ServiceAccount", "mlflow"),
            _subject("Group", "ml-platform"),
            _subject("User", "system:serviceaccount:ml:mlflow"),
        ],
        bad=[
            (_subject("Group", "system:masters"), "system:masters gets the role"),
            (_subject("Group", "system:authenticated", CLUSTER_BINDING), "gets the role"),
            (_subject("User", "system:anonymous"), "system:anonymous gets the role"),
            (_subject("Group", "system:serviceaccounts:ml"), "gets the role"),
            (_subject("ServiceAccount", "default"), "default gets the role"),
            (_subject("Group", UNKNOWN), "subjects.name is not known"),
            ({"subjects": UNKNOWN}, "subjects is not known"),
        ],
    ),
    "privilege-service-account-token": Table(
        "kubernetes:core/v1:Secret",
        good=[{}, {"type": "Opaque"}],
        bad=[
            ({"type": "kubernetes.io/service-account-token"}, "a token of a service account"),
            ({"type": UNKNOWN}, "type is not known"),
        ],
    ),
}
