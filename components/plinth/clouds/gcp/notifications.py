"""Messages to people: Cloud Monitoring.

Alertmanager cannot speak to it, so the relay writes every alert to its log, and an alerting policy
that reads the log tells people (Cloud Logging documentation, "Configure log-based alerting
policies").
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pulumi_gcp as gcp
from pulumi import Output, Resource

from plinth import naming, ports
from plinth.clouds import relay
from plinth.clouds.gcp.labels import all_labels
from plinth.clouds.gcp.site import Component, Site
from plinth.kube import Kube

#: Seconds between two messages about the same thing, and until an alert that is not repeated is
#: taken for over: no less than half an hour, which Cloud Monitoring asks for.
_BETWEEN: Final = "300s"
_OVER: Final = "3600s"

#: What tells two alerts apart, and what the message shows of them.
_LABELS: Final = {
    "alertname": "EXTRACT(jsonPayload.alert.labels.alertname)",
    "namespace": "EXTRACT(jsonPayload.alert.labels.namespace)",
    "severity": "EXTRACT(jsonPayload.alert.labels.severity)",
    "summary": "EXTRACT(jsonPayload.message)",
}
_MESSAGE: Final = """\
**${log.extracted_label.summary}**

Alert ${log.extracted_label.alertname} (${log.extracted_label.severity}) in the namespace \
${log.extracted_label.namespace}. The log entry below has its labels and annotations.
"""


class Notifications(Component):
    """E-mail about alerts (``plinth:index:Topic``)."""

    services = ("monitoring", "logging")
    handle: ports.Topic

    def __init__(
        self,
        name: str,
        emails: Sequence[str],
        *,
        site: Site,
        kube: Kube,
        namespace: str,
        parent: Resource,
        depends_on: Sequence[Resource] = (),
    ) -> None:
        """Makes it.

        Args:
            name: Logical name.
            emails: Who is told.
            site: Where.
            kube: The cluster.
            namespace: Alertmanager's own.
            parent: Parent component.
            depends_on: What makes the namespace.
        """
        super().__init__("Topic", name, site, parent)
        policy = gcp.monitoring.AlertPolicy(
            name,
            project=site.project,
            display_name=site.named(name),
            combiner="OR",
            conditions=[
                {
                    "display_name": "An alert of the platform",
                    "condition_matched_log": {
                        "filter": _filter(kube, namespace),
                        "label_extractors": _LABELS,
                    },
                }
            ],
            notification_channels=channels(self, name, emails),
            alert_strategy={
                "notification_rate_limit": {"period": _BETWEEN},
                "auto_close": _OVER,
            },
            documentation={
                "subject": f"{site.prefix}: ${{log.extracted_label.summary}}",
                "content": _MESSAGE,
                "mime_type": "text/markdown",
            },
            user_labels=all_labels(self),
            opts=self.child(),
        )
        url, _ = relay.deploy(
            kube,
            image=site.blueprint.pins.images[relay.IMAGE],
            namespace=namespace,
            parent=self,
            depends_on=depends_on,
        )
        self.handle = ports.Topic(
            id=policy.name,
            receivers={"webhook_configs": [{"url": url, "send_resolved": True}]},
        )
        self.register_outputs({"id": policy.name})


def channels(component: Component, name: str, emails: Sequence[str]) -> list[Output[str]]:
    """Ways to people, one an address, as children of a component; their full names."""
    return [
        gcp.monitoring.NotificationChannel(
            naming.physical(name, email, unique=email),
            project=component.site.project,
            type="email",
            display_name=f"{component.site.named(name)}: {email}",
            labels={"email_address": email},
            user_labels=all_labels(component),
            opts=component.child(),
        ).name
        for email in emails
    ]


def _filter(kube: Kube, namespace: str) -> str:
    """The relay's entries about alerts that fire, of this environment alone.

    Clusters of other environments may log to the same project; the pods' cost labels, which GKE's
    logging agent adds to every entry, tell them apart.
    """
    wanted: dict[str, Any] = {
        "resource.type": "k8s_container",
        "resource.labels.namespace_name": namespace,
        "resource.labels.container_name": relay.NAME,
        'labels."k8s-pod/platform"': kube.labels["platform"],
        'labels."k8s-pod/environment"': kube.labels["environment"],
        "jsonPayload.alert.status": "firing",
    }
    equal = [f'{field}="{value}"' for field, value in wanted.items()]
    return "\n".join([*equal, "severity>=WARNING"])
