"""Logs of the cluster in Log Analytics: the control plane's, and on request those of containers.

Azure encrypts workspaces under its own key.
"""

from __future__ import annotations

from typing import Any, Final

from pulumi import Input
from pulumi_azure_native import monitor, operationalinsights

from plinth.clouds.azure.facts import LOG_DAYS
from plinth.clouds.azure.options import options
from plinth.clouds.azure.site import Component

_CONTROL_PLANE: Final = (
    "cloud-controller-manager",
    "cluster-autoscaler",
    "guard",
    "kube-apiserver",
    "kube-audit-admin",
    "kube-controller-manager",
    "kube-scheduler",
)
#: Container Insights: its tables, and the name by which the agent finds its rule (templates in
#: microsoft/Docker-Provider, `scripts/onboarding/aks/onboarding-msi-bicep`).
_TABLES: Final = "Microsoft-ContainerInsights-Group-Default"
_EXTENSION: Final = "ContainerInsightsExtension"


def wanted(component: Component) -> bool:
    """Whether containers' logs and inventory are sent too."""
    return options(component.site.blueprint).container_insights


def workspace(component: Component) -> Any:
    """The workspace, which takes nothing but what Azure itself or an identity sends."""
    site = component.site
    return operationalinsights.Workspace(
        # The engine names it: a deleted workspace stays for two weeks, with its name.
        "cluster",
        resource_group_name=site.group,
        sku={"name": "PerGB2018"},
        retention_in_days=max(site.blueprint.settings.log_retention_days, LOG_DAYS[0]),
        features={
            "disable_local_auth": True,
            "enable_log_access_using_only_resource_permissions": True,
        },
        # What Azure itself sends comes another way; the agent on the nodes has no other one.
        # People query it with their identities.
        public_network_access_for_ingestion="Enabled" if wanted(component) else "Disabled",
        opts=component.child(stateful=True),
    )


def addon(component: Component, workspace_id: Input[str]) -> dict[str, Any]:
    """The cluster's add-on that sends them, by an identity of its own."""
    if not wanted(component):
        return {}
    config = {"logAnalyticsWorkspaceResourceID": workspace_id, "useAADAuth": "true"}
    return {"omsagent": {"enabled": True, "config": config}}


def collect(component: Component, cluster_id: Input[str], workspace_id: Input[str]) -> None:
    """Sends the control plane's logs, and says what the add-on collects."""
    monitor.DiagnosticSetting(
        "cluster",
        name="plinth",
        resource_uri=cluster_id,
        workspace_id=workspace_id,
        log_analytics_destination_type="Dedicated",
        logs=[{"category": category, "enabled": True} for category in _CONTROL_PLANE],
        opts=component.child(),
    )
    if not wanted(component):
        return
    rule = monitor.DataCollectionRule(
        "containers",
        data_collection_rule_name=f"{component.site.prefix}-containers",
        resource_group_name=component.site.group,
        kind="Linux",
        data_sources={
            "extensions": [
                {
                    "name": _EXTENSION,
                    "extension_name": "ContainerInsights",
                    "streams": [_TABLES],
                    "extension_settings": {
                        "dataCollectionSettings": {
                            "interval": "1m",
                            "namespaceFilteringMode": "Off",
                            "enableContainerLogV2": True,
                        }
                    },
                }
            ]
        },
        destinations={
            "log_analytics": [{"name": "workspace", "workspace_resource_id": workspace_id}]
        },
        data_flows=[{"streams": [_TABLES], "destinations": ["workspace"]}],
        opts=component.child(),
    )
    monitor.DataCollectionRuleAssociation(
        "containers",
        association_name=_EXTENSION,
        resource_uri=cluster_id,
        data_collection_rule_id=rule.id,
        opts=component.child(),
    )
