"""Messages to people: Azure Monitor.

Alertmanager speaks to nothing on Azure.  So a relay in its namespace writes alerts to a table of a
Log Analytics workspace, whose alert rule asks for those that are not over, and tells an action
group of each; that one sends the mails.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from pulumi import Output, Resource
from pulumi_azure_native import monitor, operationalinsights

from plinth import ports
from plinth.clouds import relay
from plinth.clouds.azure.facts import LOG_DAYS
from plinth.clouds.azure.identity import Right
from plinth.clouds.azure.site import Component, Site
from plinth.kube import Kube

#: Gives a service account rights: logical name, namespace, service account, rights, parent.
Identity = Callable[[str, str, str, Sequence[Right], Resource], ports.WorkloadIdentity]

TABLE: Final = "PlinthAlerts_CL"
_STREAM: Final = f"Custom-{TABLE}"
_API: Final = "2023-01-01"
#: Alerts whose last word of the day is that they fire. Alertmanager repeats them at least twice.
_FIRING: Final = f"""{TABLE}
| extend Fingerprint = tostring(alert.fingerprint), Status = tostring(alert.status)
| summarize arg_max(TimeGenerated, Status, Alert = tostring(alert.labels.alertname),
    Severity = severity, Summary = message) by Fingerprint
| where Status == "firing"
"""
_SHOWN: Final = ("Alert", "Severity", "Summary", "Fingerprint")
#: How long a name an action group may show in text messages.
_SHORT_NAME: Final = 12


class Notifications(Component):
    """An action group with e-mail receivers, and the way to it (``plinth:index:Topic``)."""

    handle: ports.Topic

    def __init__(
        self,
        name: str,
        emails: Sequence[str],
        *,
        site: Site,
        identity: Identity,
        kube: Kube,
        namespace: str,
        parent: Resource,
        depends_on: Sequence[Resource] = (),
    ) -> None:
        """Makes it.

        Args:
            name: Logical name.
            emails: Who is told. Azure tells each of them that they are.
            site: Where.
            identity: Gives the relay its right.
            kube: The cluster.
            namespace: Alertmanager's own.
            parent: Parent component.
            depends_on: What makes the namespace.
        """
        super().__init__("Topic", name, site, parent)
        group = self._group(name, emails)
        workspace = self._workspace(name)
        table = self._table(name, workspace)
        self._rule(name, workspace, table, group)
        endpoint = monitor.DataCollectionEndpoint(
            name,
            data_collection_endpoint_name=f"{site.prefix}-{name}",
            resource_group_name=site.group,
            # Entered by identity alone (Azure Monitor documentation, "Logs Ingestion API").
            # Private links to Azure Monitor would be the whole network's.
            network_acls={"public_network_access": "Enabled"},
            opts=self.child(),
        )
        collection = self._collection(name, workspace, table, endpoint)
        right = Right("publish", "Monitoring Metrics Publisher", collection.id)
        url, _ = relay.deploy(
            kube,
            image=site.blueprint.pins.images[relay.IMAGE],
            namespace=namespace,
            parent=self,
            depends_on=depends_on,
            identity=identity(f"{name}-relay", namespace, relay.NAME, [right], self),
            env={relay.INGESTION_URL: _ingestion(endpoint, collection)},
        )
        self.handle = ports.Topic(
            id=group.id,
            receivers={"webhook_configs": [{"url": url, "send_resolved": True}]},
        )
        self.register_outputs({"id": group.id})

    def _group(self, name: str, emails: Sequence[str]) -> Any:
        return monitor.ActionGroup(
            name,
            action_group_name=f"{self.site.prefix}-{name}",
            resource_group_name=self.site.group,
            location="Global",
            enabled=True,
            group_short_name=self.site.prefix[:_SHORT_NAME],
            email_receivers=[
                {"name": email, "email_address": email, "use_common_alert_schema": True}
                for email in dict.fromkeys(emails)
            ],
            opts=self.child(),
        )

    def _workspace(self, name: str) -> Any:
        days = self.site.blueprint.settings.log_retention_days
        return operationalinsights.Workspace(
            # The engine names it: a deleted workspace stays for two weeks, with its name.
            name,
            resource_group_name=self.site.group,
            sku={"name": "PerGB2018"},
            retention_in_days=max(days, LOG_DAYS[0]),
            # Without keys: records and questions come with identities of the directory.
            features={"disable_local_auth": True},
            opts=self.child(stateful=True),
        )

    def _table(self, name: str, workspace: Any) -> Any:
        spelled = {"datetime": "dateTime"}
        return operationalinsights.Table(
            name,
            table_name=TABLE,
            workspace_name=workspace.name,
            resource_group_name=self.site.group,
            plan="Analytics",
            schema={
                "name": TABLE,
                "columns": [
                    {"name": column, "type": spelled.get(kind, kind)}
                    for column, kind in relay.COLUMNS.items()
                ],
            },
            opts=self.child(),
        )

    def _collection(self, name: str, workspace: Any, table: Any, endpoint: Any) -> Any:
        """The rule by which records of the relay's stream become rows of the table."""
        columns = [{"name": column, "type": kind} for column, kind in relay.COLUMNS.items()]
        return monitor.DataCollectionRule(
            name,
            data_collection_rule_name=f"{self.site.prefix}-{name}",
            resource_group_name=self.site.group,
            data_collection_endpoint_id=endpoint.id,
            stream_declarations={_STREAM: {"columns": columns}},
            destinations={
                "log_analytics": [{"name": "workspace", "workspace_resource_id": workspace.id}]
            },
            data_flows=[
                {
                    "streams": [_STREAM],
                    "destinations": ["workspace"],
                    "transform_kql": "source",
                    "output_stream": _STREAM,
                }
            ],
            opts=self.child(depends_on=[table]),
        )

    def _rule(self, name: str, workspace: Any, table: Any, group: Any) -> None:
        """Looks every five minutes; says when an alert begins, and when it is over."""
        monitor.ScheduledQueryRule(
            name,
            rule_name=f"{self.site.prefix}-{name}",
            resource_group_name=self.site.group,
            kind="LogAlert",
            display_name=f"{self.site.prefix}: {name}",
            description="Alerts of the platform's Prometheus.",
            enabled=True,
            severity=1,
            scopes=[workspace.id],
            evaluation_frequency="PT5M",
            window_size="P1D",
            auto_mitigate=True,
            # Rows take minutes to be seen in a table that has just been made.
            skip_query_validation=True,
            criteria={
                "all_of": [
                    {
                        "query": _FIRING,
                        "time_aggregation": "Count",
                        "operator": "GreaterThan",
                        "threshold": 0,
                        "dimensions": [
                            {"name": column, "operator": "Include", "values": ["*"]}
                            for column in _SHOWN
                        ],
                        "failing_periods": {
                            "min_failing_periods_to_alert": 1,
                            "number_of_evaluation_periods": 1,
                        },
                    }
                ]
            },
            actions={"action_groups": [group.id]},
            opts=self.child(depends_on=[table]),
        )


def _ingestion(endpoint: Any, collection: Any) -> Output[str]:
    """Where the Logs Ingestion API takes the stream's records."""
    return Output.concat(
        endpoint.logs_ingestion.endpoint,
        "/dataCollectionRules/",
        collection.immutable_id,
        f"/streams/{_STREAM}?api-version={_API}",
    )
