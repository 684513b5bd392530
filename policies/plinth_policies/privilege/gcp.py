"""Who may do what on Google Cloud, and what still takes keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from plinth.graph import UNKNOWN, Resource
from plinth_policies.controls import CREDENTIALS, PRIVILEGE
from plinth_policies.encryption.gcp_stores import CLUSTER, NODE_POOL
from plinth_policies.model import REGISTRY, Scope
from plinth_policies.privilege.documents import document
from plinth_policies.settings import Setting, register
from plinth_policies.values import blocks, get, is_on, known

_PLACES: Final = ("projects", "folder", "organizations")
#: Types that give roles on a whole project or more.
GRANTS: Final = {
    f"gcp:{place}/iAM{kind}:IAM{kind}": reads
    for kind, reads in (
        ("Member", ("role", "member")),
        ("Binding", ("role", "members")),
        ("Policy", ("policyData",)),
    )
    for place in _PLACES
}
_BASIC: Final = tuple(
    f"roles/{name}" for name in ("owner", "editor", "viewer", "admin", "writer", "reader")
)
#: With any of these on a project, one is every service account in it.
_IMPERSONATION: Final = (
    "roles/iam.serviceAccountUser",
    "roles/iam.serviceAccountTokenCreator",
    "roles/iam.serviceAccountOpenIdTokenCreator",
    "roles/iam.serviceAccountKeyAdmin",
    "roles/iam.workloadIdentityUser",
)
_WORKLOADS: Final = "/workloadIdentityPools/"
_DEFAULT_ACCOUNTS: Final = (
    "-compute@developer.gserviceaccount.com",
    "@appspot.gserviceaccount.com",
)

#: Type -> where it names the service account that it runs as.
RUNS_AS: Final = {
    CLUSTER: "nodeConfig.serviceAccount",
    NODE_POOL: "nodeConfig.serviceAccount",
    "gcp:compute/instance:Instance": "serviceAccount.email",
    "gcp:compute/instanceTemplate:InstanceTemplate": "serviceAccount.email",
    "gcp:compute/regionInstanceTemplate:RegionInstanceTemplate": "serviceAccount.email",
    "gcp:cloudrunv2/service:Service": "template.serviceAccount",
    "gcp:cloudrunv2/job:Job": "template.template.serviceAccount",
    "gcp:cloudfunctionsv2/function:Function": "serviceConfig.serviceAccountEmail",
    "gcp:dataproc/cluster:Cluster": "clusterConfig.gceClusterConfig.serviceAccount",
    "gcp:composer/environment:Environment": "config.nodeConfig.serviceAccount",
    "gcp:dataflow/job:Job": "serviceAccountEmail",
}
_METADATA: Final = "nodeConfig.workloadMetadataConfig.mode"
#: Where a cluster in Autopilot names it.
AUTOPILOT: Final = "clusterAutoscaling.autoProvisioningDefaults.serviceAccount"


def _grants(resource: Resource) -> Iterator[tuple[str, list[Any]]]:
    """Roles and those who get them."""
    inputs = resource.inputs
    if "role" in inputs:
        members = inputs.get("member") or inputs.get("members")
        yield known(inputs["role"], "role"), members if isinstance(members, list) else [members]
    policy = document(inputs.get("policyData"), "policyData")
    for binding in blocks(policy.get("bindings"), "bindings"):
        yield known(get(binding, "role"), "role"), blocks(get(binding, "members"), "members")


@REGISTRY.rule(
    "privilege-gcp-basic-role",
    title="Nobody has a basic role on a project, folder or organisation",
    why="Owner, Editor and Viewer, and Admin, Writer and Reader after them, reach every service, "
    "those that come next year included.",
    fix="give predefined roles of the job, on the resource that the job is about",
    judges=GRANTS,
    controls=(*PRIVILEGE, "cis-gcp/1.5"),
    good={"role": "roles/logging.viewer", "member": "group:ml@example.com"},
    bad={"role": "roles/editor", "member": "group:ml@example.com"},
)
def _basic_role(resource: Resource, _scope: Scope) -> Iterator[str]:
    for role, _ in _grants(resource):
        if role in _BASIC:
            yield f"the role {role} is given"


@REGISTRY.rule(
    "privilege-gcp-impersonation",
    title="Nobody may act as every service account of a project",
    why="Who may act as all service accounts has the rights of all of them together.",
    fix="give the role on the one service account",
    judges=GRANTS,
    controls=(*PRIVILEGE, "cis-gcp/1.6"),
    good={"role": "roles/logging.viewer", "member": "group:ml@example.com"},
    bad={"role": "roles/iam.serviceAccountTokenCreator", "member": "group:ml@example.com"},
)
def _impersonation(resource: Resource, _scope: Scope) -> Iterator[str]:
    for role, _ in _grants(resource):
        if role in _IMPERSONATION:
            yield f"the role {role} is given on more than one service account"


@REGISTRY.rule(
    "privilege-gcp-service-account-admin",
    title="Service accounts administer no project",
    why="Service accounts work without anybody looking, and pods can be made to use theirs.",
    fix="give the account a role without administration, on the resource that it is about",
    judges=GRANTS,
    controls=(*PRIVILEGE, "cis-gcp/1.5"),
    good={"role": "roles/storage.admin", "member": "group:ml@example.com"},
    bad={
        "role": "roles/storage.admin",
        "member": "serviceAccount:mlflow@churn.iam.gserviceaccount.com",
    },
)
def _service_account_admin(resource: Resource, _scope: Scope) -> Iterator[str]:
    for role, members in _grants(resource):
        if role.lower().endswith("admin"):
            for member in members:
                # One that is unknown is made here, as only service accounts are. Pools of workload
                # identities, unlike those of workforce, have no people in them.
                text = str(known(member, "member")) if member != UNKNOWN else ""
                if not text or text.startswith("serviceAccount:") or _WORKLOADS in text:
                    yield f"a service account has the role {role}"


@REGISTRY.rule(
    "privilege-gcp-static-keys",
    title="Service accounts have no keys that are kept somewhere",
    why="A key that never expires is copied, committed and forgotten, and works from anywhere.",
    fix="remove it, and use Workload Identity or Workload Identity Federation",
    judges={
        "gcp:serviceaccount/key:Key": (),
        "gcp:storage/hmacKey:HmacKey": ("state",),
    },
    controls=(*CREDENTIALS, "cis-gcp/1.4"),
    good=(("gcp:storage/hmacKey:HmacKey", {"state": "INACTIVE"}),),
    bad=(("gcp:serviceaccount/key:Key", {"serviceAccountId": "mlflow"}),),
)
def _static_keys(resource: Resource, _scope: Scope) -> Iterator[str]:
    if resource.type.endswith(":Key") or known(resource.inputs.get("state"), "state") != "INACTIVE":
        yield "a service account has a static key"


@REGISTRY.rule(
    "privilege-gcp-default-account",
    title="What runs on Google Cloud has a service account of its own",
    why="The default accounts are shared by all machines of a project, and often are its editors.",
    fix="make a service account with the rights of this one job, and name it",
    judges={CLUSTER: (RUNS_AS[CLUSTER], "enableAutopilot", AUTOPILOT)}
    | {token: (path,) for token, path in RUNS_AS.items() if token != CLUSTER},
    controls=(*PRIVILEGE, "cis-gcp/4.1", "cis-gcp/4.2", "cis-gke/5.2.1"),
    good={"nodeConfig": {"serviceAccount": "nodes@churn.iam.gserviceaccount.com"}},
    bad={"nodeConfig": {"serviceAccount": "1-compute@developer.gserviceaccount.com"}},
)
def _default_account(resource: Resource, _scope: Scope) -> Iterator[str]:
    path = RUNS_AS[resource.type]
    if resource.type == CLUSTER:
        autopilot = known(resource.inputs.get("enableAutopilot"), "enableAutopilot")
        path = AUTOPILOT if is_on(autopilot) else path
    account = get(resource.inputs, path)
    if not account:
        yield f"{path} is not set, which means the default account"
    elif str(account).endswith(_DEFAULT_ACCOUNTS):
        yield f"{path} is a default account"


register(
    "privilege-gke-metadata",
    {
        # Autopilot sees to it by itself.
        CLUSTER: (Setting(_METADATA, ("GKE_METADATA",), moot="enableAutopilot"),),
        NODE_POOL: (Setting(_METADATA, ("GKE_METADATA",)),),
    },
    title="Pods on GKE get tokens of their own identities alone",
    why="Otherwise every pod gets the tokens of its node by asking for them.",
    fix="set workloadMetadataConfig.mode to GKE_METADATA",
    controls=(*PRIVILEGE, "cis-gke/5.4.1"),
)


@REGISTRY.rule(
    "privilege-gcp-federation",
    title="Pools of outside identities on Google Cloud let in named ones",
    why="Without a condition, whoever has an account with the provider gets tokens of the pool, "
    "such as every repository on GitHub.",
    fix="set attributeCondition to the organisation, repository or the like that may come in",
    judges={
        "gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider": ("attributeCondition",)
    },
    controls=PRIVILEGE,
    good={"attributeCondition": "assertion.repository_owner == 'example'"},
    bad={},
)
def _federation(resource: Resource, _scope: Scope) -> Iterator[str]:
    condition = known(resource.inputs.get("attributeCondition"), "attributeCondition")
    if not condition or str(condition).strip().lower() == "true":
        yield "attributeCondition lets everybody in"
