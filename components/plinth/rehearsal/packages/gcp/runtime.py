"""Where things run, as whom, and what is watched: clusters, identities, logs, alerts, budgets."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Final

from plinth.rehearsal.packages.base import Birth, Made, Maker
from plinth.rehearsal.packages.gcp.shapes import (
    CERTIFICATE_BASE64,
    address,
    agent,
    digits,
    item,
    last,
    location,
    member,
    named,
    on,
    project,
    project_number,
)

#: Newest patch of a Kubernetes minor version; only its form matters.
VERSION: Final = "1.33.5-gke.1080000"
_GKE: Final = "https://container.googleapis.com/v1/"

#: Service -> the service agent's domain, where it is not ``gcp-sa-<service>`` (IAM documentation,
#: "Service agents").
_AGENTS: Final = {
    "artifactregistry": "gcp-sa-artifactregistry",
    "container": "container-engine-robot",
    "redis": "cloud-redis",
    "servicenetworking": "service-networking",
    "sqladmin": "gcp-sa-cloud-sql",
    "storage": "gs-project-accounts",
    "compute": "compute-system",
}


def agent_of(service: str, project_id: str) -> str:
    """Email of the agent that acts for a service, such as ``redis.googleapis.com``."""
    short = service.partition(".")[0]
    return agent(_AGENTS.get(short, f"gcp-sa-{short}"), project_id)


def log_agent(project_id: str) -> str:
    """Email of the account that Cloud Logging encrypts log buckets as."""
    return f"cmek-p{project_number(project_id)}@gcp-sa-logging.iam.gserviceaccount.com"


def _cluster(birth: Birth) -> Made:
    owner = project(birth)
    id_ = f"projects/{owner}/locations/{location(birth)}/clusters/{birth.name}"
    public, private = address(birth, "34"), address(birth, "10", "master")
    config = item(birth.inputs.get("privateClusterConfig"))
    hidden = str(config.get("enablePrivateEndpoint", "")).lower() == "true"
    version = birth.text("minMasterVersion", VERSION)
    version = version if "-gke." in version else f"{version}.5-gke.1080000"
    return id_, {
        "endpoint": private if hidden else public,
        "masterVersion": version,
        "nodeVersion": birth.text("nodeVersion", version),
        "selfLink": _GKE + id_,
        "location": location(birth),
        "servicesIpv4Cidr": "34.118.224.0/20",
        "clusterIpv4Cidr": birth.text("clusterIpv4Cidr", "10.112.0.0/14"),
        "tpuIpv4CidrBlock": "",
        "operation": "",
        "labelFingerprint": birth.hex(8, str(birth.revision)),
        "masterAuth": {
            "clusterCaCertificate": CERTIFICATE_BASE64,
            "clientCertificate": "",
            "clientKey": "",
        },
        "privateClusterConfig": {"privateEndpoint": private, "publicEndpoint": public},
        "workloadIdentityConfig": _pool(birth),
        "networkingMode": birth.text("networkingMode", "VPC_NATIVE"),
    }


def _pool(birth: Birth) -> dict[str, str]:
    """Autopilot clusters have a workload pool whether it was asked for or not."""
    if birth.text("enableAutopilot").lower() != "true":
        return {}
    return {"workloadPool": f"{project(birth)}.svc.id.goog"}


def _node_pool(birth: Birth) -> Made:
    cluster, place = last(birth.text("cluster")), location(birth)
    root = f"projects/{project(birth)}"
    zone = place if place.count("-") > 1 else f"{place}-a"
    group = f"gke-{cluster}-{birth.name}-{birth.hex(8)}-grp"
    base = f"https://www.googleapis.com/compute/v1/{root}/zones/{zone}"
    return f"{root}/locations/{place}/clusters/{cluster}/nodePools/{birth.name}", {
        "instanceGroupUrls": [f"{base}/instanceGroupManagers/{group}"],
        "managedInstanceGroupUrls": [f"{base}/instanceGroups/{group}"],
        "operation": "",
        "location": place,
        "version": birth.text("version", VERSION),
    }


def _service_account(birth: Birth) -> Made:
    email = f"{birth.name}@{project(birth)}.iam.gserviceaccount.com"
    id_ = f"projects/{project(birth)}/serviceAccounts/{email}"
    known = {"email": email, "member": f"serviceAccount:{email}", "name": id_}
    return id_, known | {"uniqueId": digits(birth, 21)}


def _service_identity(birth: Birth) -> Made:
    email = agent_of(birth.text("service"), project(birth))
    id_ = f"projects/{project(birth)}/services/{birth.text('service')}"
    return id_, {"email": email, "member": f"serviceAccount:{email}"}


def _numbered(kind: str) -> Maker:
    """Monitoring's things, whose names Google makes up."""

    def make(birth: Birth) -> Made:
        id_ = f"projects/{project(birth)}/{kind}/{digits(birth, 19)}"
        return id_, {"name": id_}

    return make


def _budget(birth: Birth) -> Made:
    name = str(uuid.UUID(birth.hex(32)))
    return f"billingAccounts/{birth.text('billingAccount')}/budgets/{name}", {"name": name}


def _sink(birth: Birth) -> Made:
    own = birth.text("uniqueWriterIdentity", "true").lower() != "false"
    writer = (
        agent("gcp-sa-logging", project(birth)) if own else "cloud-logs@system.gserviceaccount.com"
    )
    id_ = f"projects/{project(birth)}/sinks/{birth.name}"
    return id_, {"writerIdentity": birth.text("customWriterIdentity", f"serviceAccount:{writer}")}


def _log_bucket(birth: Birth) -> Made:
    id_ = f"projects/{project(birth)}/locations/{location(birth)}/buckets/{birth.text('bucketId')}"
    return id_, {"name": id_, "lifecycleState": "ACTIVE"}


def _custom_role(birth: Birth) -> Made:
    id_ = f"projects/{project(birth)}/roles/{birth.name}"
    return id_, {"name": id_, "deleted": False}


def _federation(pattern: str) -> Maker:
    """Workload identity pools: the identifier has the project's name, the name its number."""
    path = f"locations/global/workloadIdentityPools/{pattern}"
    number = on(f"projects/{{number}}/{path}")
    return named(f"projects/{{project}}/{path}", name=number, state=lambda _birth: "ACTIVE")


MAKERS: Final[Mapping[str, Maker]] = {
    "gcp:billing/budget:Budget": _budget,
    "gcp:container/cluster:Cluster": _cluster,
    "gcp:container/nodePool:NodePool": _node_pool,
    "gcp:iam/workloadIdentityPool:WorkloadIdentityPool": _federation("{workloadIdentityPoolId}"),
    "gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider": _federation(
        "{workloadIdentityPoolId}/providers/{workloadIdentityPoolProviderId}"
    ),
    "gcp:logging/metric:Metric": named("{name}"),
    "gcp:logging/projectBucketConfig:ProjectBucketConfig": _log_bucket,
    "gcp:logging/projectExclusion:ProjectExclusion": named("projects/{project}/exclusions/{name}"),
    "gcp:logging/projectSink:ProjectSink": _sink,
    "gcp:monitoring/alertPolicy:AlertPolicy": _numbered("alertPolicies"),
    "gcp:monitoring/notificationChannel:NotificationChannel": _numbered("notificationChannels"),
    "gcp:projects/iAMCustomRole:IAMCustomRole": _custom_role,
    "gcp:projects/iAMMember:IAMMember": member(on("{project}")),
    "gcp:projects/service:Service": named("{project}/{service}"),
    "gcp:projects/serviceIdentity:ServiceIdentity": _service_identity,
    "gcp:serviceaccount/account:Account": _service_account,
    "gcp:serviceaccount/iAMMember:IAMMember": member(lambda b: b.text("serviceAccountId")),
}
