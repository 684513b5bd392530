"""Azure: what is known of it without Pulumi and without its SDK."""

from __future__ import annotations

from plinth.clouds import STATEFUL_ANYWHERE, CloudInfo, Terms
from plinth.clouds.azure.checks import check
from plinth.clouds.azure.facts import COSTLY, REGIONS, STATEFUL
from plinth.clouds.azure.options import AzureOptions
from plinth.ports import Port

CLOUD = CloudInfo(
    name="azure",
    title="Azure",
    adapter="plinth.clouds.azure.adapter:Azure",
    transformation="plinth.clouds.azure.site:tagging",
    products={
        Port.OBJECT_STORE: "Blob Storage",
        Port.SQL: "Database for PostgreSQL flexible server",
        Port.KEY_VALUE: "Managed Redis",
        Port.CLUSTER: "AKS",
        Port.NODES: "AKS node pools",
        Port.IDENTITY: "Entra Workload ID",
        Port.SECRETS: "Key Vault",
        Port.KEYS: "Key Vault",
        Port.REGISTRY: "Container Registry",
        Port.NETWORK: "Virtual Network",
        Port.DNS: "Azure DNS",
        Port.NOTIFICATIONS: "Azure Monitor, by a relay on the cluster",
        Port.BUDGET: "Cost Management",
    },
    sdk="pulumi_azure_native",
    extra="azure",
    packages=("azure-native", "kubernetes", "random"),
    costly=COSTLY,
    stateful=(STATEFUL | STATEFUL_ANYWHERE).__contains__,
    commands=("az", "kubelogin"),
    check=check,
    regions=REGIONS,
    options=AzureOptions,
    any_account="00000000-0000-0000-0000-000000000000",
    terms=Terms(
        place="Azure subscription",
        example="00000000-0000-0000-0000-000000000001",
        region="westeurope",
        admin="00000000-0000-0000-0000-0000000000c1",
        zone="/subscriptions/<id>/resourceGroups/<group>/providers/Microsoft.Network/dnsZones/<name>",
    ),
)
