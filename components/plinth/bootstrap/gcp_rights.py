"""What CI may do in a project on Google Cloud, permission by permission. Pure data.

Roles for administrators would also let a deployment give itself any other right of the project; a
role of our own names what the GCP adapter makes, and no service account gets a right on projects,
keys of service accounts, or the organisation's policies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

_CRUD: Final = ("create", "delete", "get", "list", "update")
_OBJECTS: Final = (
    "clusterRoleBindings", "clusterRoles", "configMaps", "cronJobs", "customResourceDefinitions",
    "daemonSets", "deployments", "horizontalPodAutoscalers", "ingresses", "jobs", "leases",
    "limitRanges", "mutatingWebhookConfigurations", "namespaces", "networkPolicies",
    "persistentVolumeClaims", "podDisruptionBudgets", "pods", "priorityClasses", "replicaSets",
    "resourceQuotas", "roleBindings", "roles", "secrets", "serviceAccounts", "services",
    "statefulSets", "storageClasses", "thirdPartyObjects", "validatingWebhookConfigurations",
)  # fmt: skip

#: Service -> resource -> verbs of what a platform is made of.
_MADE: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "artifactregistry": {
        "repositories": (*_CRUD, "getIamPolicy", "setIamPolicy"),
    },
    "cloudkms": {
        "cryptoKeys": ("create", "get", "getIamPolicy", "list", "setIamPolicy", "update"),
        "cryptoKeyVersions": ("create", "destroy", "get", "list"),
        "keyRings": ("create", "get", "list"),
    },
    "cloudsql": {
        "databases": _CRUD,
        "instances": (*_CRUD, "get", "restart"),
        "users": _CRUD,
    },
    "compute": {
        "addresses": (
            "create", "createInternal", "delete", "deleteInternal", "get", "list", "setLabels",
            "use", "useInternal",
        ),
        "firewalls": _CRUD,
        "forwardingRules": (*_CRUD, "pscCreate", "pscDelete", "setLabels", "use"),
        "globalAddresses": (
            "create", "createInternal", "delete", "deleteInternal", "get", "list", "setLabels",
            "use",
        ),
        "globalOperations": ("get",),
        "networks": (*_CRUD, "updatePolicy", "use"),
        "regionOperations": ("get",),
        "regions": ("get", "list"),
        "routers": (*_CRUD, "use"),
        "subnetworks": (*_CRUD, "setPrivateIpGoogleAccess", "use"),
        "zoneOperations": ("get",),
        "zones": ("get", "list"),
    },
    "container": {
        "clusters": (*_CRUD, "connect", "getCredentials"),
        "operations": ("get", "list"),
        **dict.fromkeys(_OBJECTS, _CRUD),
    },
    "dns": {
        "changes": ("create", "get", "list"),
        "managedZones": ("get", "list"),
        "resourceRecordSets": _CRUD,
    },
    "iam": {
        "serviceAccounts": (*_CRUD, "actAs", "getIamPolicy", "setIamPolicy"),
    },
    "logging": {
        "buckets": ("create", "delete", "get", "list", "update"),
        "exclusions": _CRUD,
        "settings": ("get",),
        "sinks": _CRUD,
    },
    "monitoring": {
        "alertPolicies": _CRUD,
        "notificationChannels": _CRUD,
    },
    "redis": {
        "instances": (*_CRUD, "getAuthString"),
        "operations": ("get", "list"),
    },
    "resourcemanager": {"projects": ("get", "getIamPolicy")},
    "secretmanager": {
        "secrets": (*_CRUD, "getIamPolicy", "setIamPolicy"),
        "versions": ("access", "add", "destroy", "get", "list"),
    },
    "servicenetworking": {"services": ("addPeering", "get")},
    "serviceusage": {"services": ("enable", "get", "list", "use")},
    "storage": {"buckets": (*_CRUD, "getIamPolicy", "setIamPolicy")},
}  # fmt: skip

#: What whoever makes roles inside a cluster needs besides.
_ESCALATING: Final = (
    "container.clusterRoles.bind",
    "container.clusterRoles.escalate",
    "container.roles.bind",
    "container.roles.escalate",
)

#: What reading needs beyond getting and listing: nothing that opens data.
_NOT_READ: Final = frozenset({"container.secrets.get", "container.secrets.list"})

#: Roles that a deployment may give on the project, and no other: those that the adapter gives.
GRANTABLE: Final = (
    "roles/container.admin",
    "roles/container.defaultNodeServiceAccount",
    "roles/container.viewer",
    "roles/dns.reader",
    "roles/secretmanager.secretAccessor",
)


def deploy() -> list[str]:
    """The permissions of a deployment, sorted."""
    return sorted({*_named(lambda _verb: True), *_ESCALATING})


def preview() -> list[str]:
    """The permissions of a preview, sorted: to look at what is made, not at what it holds."""
    found = _named(lambda verb: verb in ("get", "getIamPolicy", "list"))
    return sorted({*found, "cloudkms.keyRings.get", "serviceusage.services.use"} - _NOT_READ)


def _named(wanted: Callable[[str], bool]) -> Iterator[str]:
    for service, resources in _MADE.items():
        for resource, verbs in resources.items():
            yield from (f"{service}.{resource}.{verb}" for verb in verbs if wanted(verb))
