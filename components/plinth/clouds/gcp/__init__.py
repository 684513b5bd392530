"""Google Cloud: what is known of it without Pulumi and without its SDK."""

from __future__ import annotations

from plinth.clouds import STATEFUL_ANYWHERE, CloudInfo, Terms
from plinth.clouds.gcp.checks import check
from plinth.clouds.gcp.facts import COSTLY, REGIONS, STATEFUL
from plinth.clouds.gcp.options import GcpOptions
from plinth.ports import Port

CLOUD = CloudInfo(
    name="gcp",
    title="Google Cloud",
    adapter="plinth.clouds.gcp.adapter:Gcp",
    products={
        Port.OBJECT_STORE: "Cloud Storage",
        Port.SQL: "Cloud SQL for PostgreSQL",
        Port.KEY_VALUE: "Memorystore for Redis",
        Port.CLUSTER: "GKE",
        Port.NODES: "GKE node pools",
        Port.IDENTITY: "Workload Identity Federation for GKE",
        Port.SECRETS: "Secret Manager",
        Port.KEYS: "Cloud KMS",
        Port.REGISTRY: "Artifact Registry",
        Port.NETWORK: "VPC",
        Port.DNS: "Cloud DNS",
        Port.NOTIFICATIONS: "Cloud Monitoring, by a relay on the cluster",
        Port.BUDGET: "Cloud Billing budgets",
    },
    sdk="pulumi_gcp",
    extra="gcp",
    packages=("gcp", "kubernetes", "random"),
    costly=COSTLY,
    stateful=(STATEFUL | STATEFUL_ANYWHERE).__contains__,
    commands=("gke-gcloud-auth-plugin",),
    check=check,
    regions=REGIONS,
    options=GcpOptions,
    any_account="any-project",
    terms=Terms(
        place="Google Cloud project",
        example="churn-dev",
        region="europe-west4",
        admin="group:platform-admins@example.com",
        zone="ml-example-com",
    ),
)
