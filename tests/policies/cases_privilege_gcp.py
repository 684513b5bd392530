"""Good and bad cases of the rules on privilege on Google Cloud."""

from __future__ import annotations

import json
from typing import Any

from policy_support import Table, nested, resource, settings_table

from plinth.graph import SECRET, UNKNOWN, Resource
from plinth_policies.privilege import gcp

MEMBER = "gcp:projects/iAMMember:IAMMember"
BINDING = "gcp:projects/iAMBinding:IAMBinding"
POLICY = "gcp:projects/iAMPolicy:IAMPolicy"
KEY = "gcp:serviceaccount/key:Key"
HMAC = "gcp:storage/hmacKey:HmacKey"
CLUSTER = "gcp:container/cluster:Cluster"
POOL = "gcp:container/nodePool:NodePool"
PROVIDER = "gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider"

GROUP = "group:ml@example.com"
ROBOT = "serviceAccount:mlflow@churn.iam.gserviceaccount.com"
POOLS = "principalSet://iam.googleapis.com/locations/global/"
POD = (
    "principal://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/"
    "churn.svc.id.goog/subject/ns/tracking/sa/mlflow"
)
MODE = "nodeConfig.workloadMetadataConfig.mode"


def _grant(role: Any, *members: Any, token: str = MEMBER) -> list[Resource]:
    if token.endswith("Policy"):
        document = {"bindings": [{"role": role, "members": list(members)}]}
        return [resource(token, {"policyData": json.dumps(document)})]
    given = {"members": list(members)} if token.endswith("Binding") else {"member": members[0]}
    return [resource(token, {"role": role, **given})]


def _everywhere(role: str, member: str, text: str) -> list[tuple[list[Resource], str]]:
    return [(_grant(role, member, token=token), text) for token in gcp.GRANTS]


def _account(value: Any, token: str) -> list[Resource]:
    return [resource(token, nested({gcp.RUNS_AS[token]: value}))]


def _grants(good: list[list[Resource]], bad: list[tuple[list[Resource], str]]) -> Table:
    return Table(
        MEMBER,
        good=[
            *good,
            _grant("roles/logging.viewer", GROUP),
            _grant("roles/logging.viewer", UNKNOWN),
            [resource(POLICY, {"policyData": UNKNOWN})],
        ],
        bad=[
            *bad,
            (_grant(UNKNOWN, GROUP), "role is not known"),
            ([resource(POLICY, {"policyData": SECRET})], "policyData is not known"),
        ],
    )


TABLES = {
    "privilege-gcp-basic-role": _grants(
        good=[_grant("roles/storage.admin", GROUP)],
        bad=[
            *_everywhere("roles/owner", GROUP, "the role roles/owner is given"),
            (_grant("roles/viewer", UNKNOWN), "the role roles/viewer is given"),
            (_grant("roles/writer", GROUP), "the role roles/writer is given"),
        ],
    ),
    "privilege-gcp-impersonation": _grants(
        good=[_grant("roles/iam.serviceAccountViewer", GROUP)],
        bad=[
            *_everywhere("roles/iam.serviceAccountUser", GROUP, "iam.serviceAccountUser is given"),
            (_grant("roles/iam.serviceAccountTokenCreator", ROBOT), "TokenCreator is given"),
        ],
    ),
    "privilege-gcp-service-account-admin": _grants(
        good=[
            _grant("roles/storage.admin", GROUP),
            _grant("roles/storage.admin", f"{POOLS}workforcePools/people/group/ml"),
            _grant("roles/storage.objectUser", ROBOT),
        ],
        bad=[
            *_everywhere("roles/storage.admin", ROBOT, "has the role roles/storage.admin"),
            (_grant("roles/storage.objectAdmin", UNKNOWN), "a service account has the role"),
            (_grant("roles/storage.admin", POD), "a service account has the role"),
            (_grant("roles/storage.admin", GROUP, ROBOT, token=BINDING), "a service account has"),
            (_grant("roles/storage.admin", SECRET), "member is not known"),
        ],
    ),
    "privilege-gcp-static-keys": Table(
        KEY,
        good=[[resource(HMAC, {"state": "INACTIVE"})]],
        bad=[
            ({}, "a service account has a static key"),
            ([resource(HMAC, {})], "a service account has a static key"),
            ([resource(HMAC, {"state": UNKNOWN})], "state is not known"),
        ],
    ),
    "privilege-gcp-default-account": Table(
        POOL,
        good=[
            *(_account("nodes@churn.iam.gserviceaccount.com", token) for token in gcp.RUNS_AS),
            _account(UNKNOWN, POOL),
            [resource(CLUSTER, nested({"enableAutopilot": True, gcp.AUTOPILOT: UNKNOWN}))],
        ],
        bad=[
            *(([resource(token, {})], "which means the default account") for token in gcp.RUNS_AS),
            (_account("1-compute@developer.gserviceaccount.com", POOL), "is a default account"),
            (_account("churn@appspot.gserviceaccount.com", POOL), "is a default account"),
            ([resource(CLUSTER, {"enableAutopilot": True})], "autoProvisioningDefaults"),
            ([resource(CLUSTER, {"enableAutopilot": UNKNOWN})], "enableAutopilot is not known"),
        ],
    ),
    "privilege-gke-metadata": settings_table(
        (CLUSTER, MODE, "GKE_METADATA", "GCE_METADATA"),
        (POOL, MODE, "GKE_METADATA", None),
    ),
    "privilege-gcp-federation": Table(
        PROVIDER,
        good=[{"attributeCondition": "assertion.repository_owner == 'example'"}],
        bad=[
            ({}, "lets everybody in"),
            ({"attributeCondition": "true"}, "lets everybody in"),
            ({"attributeCondition": UNKNOWN}, "attributeCondition is not known"),
        ],
    ),
}
