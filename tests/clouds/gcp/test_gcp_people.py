"""Who is told of alerts and of spending, and who may change records."""

from __future__ import annotations

from typing import Any

import pulumi
import pytest
from gcp_parts import PROJECT, Parts, blueprint, names, one, recorded

from plinth.clouds import relay
from plinth.clouds.gcp import dns
from plinth.clouds.gcp.budget import Budget
from plinth.clouds.gcp.notifications import Notifications
from plinth.clouds.gcp.site import Component
from plinth.graph import Graph
from plinth.kube import Kube
from plinth.ports import Topic
from plinth.rehearsal.packages.gcp.shapes import project_number


def notified() -> tuple[Graph, Topic]:
    made: list[Topic] = []

    def program(parts: Parts) -> None:
        cluster = pulumi.ProviderResource("kubernetes", "cluster", {})
        made.append(
            Notifications(
                "alerts",
                ["oncall@example.com", "ml@example.com"],
                site=parts.site,
                kube=Kube(cluster, {"platform": "churn", "environment": "dev"}),
                namespace="monitoring",
                parent=parts.parent,
            ).handle
        )

    return recorded(blueprint(), program), made[0]


def test_alerts_that_fire_in_this_environment_reach_every_address() -> None:
    found, topic = notified()
    policy = one(found, ":AlertPolicy").inputs
    channels = [r for r in found if r.type.endswith(":NotificationChannel")]
    assert {channel.inputs["labels"]["email_address"] for channel in channels} == {
        "oncall@example.com",
        "ml@example.com",
    }
    assert {channel.inputs["type"] for channel in channels} == {"email"}
    assert set(policy["notificationChannels"]) == {channel.id for channel in channels}
    (condition,) = policy["conditions"]
    matched = condition["conditionMatchedLog"]
    assert set(matched["filter"].splitlines()) == {
        'resource.type="k8s_container"',
        'resource.labels.namespace_name="monitoring"',
        f'resource.labels.container_name="{relay.NAME}"',
        'labels."k8s-pod/platform"="churn"',
        'labels."k8s-pod/environment"="dev"',
        'jsonPayload.alert.status="firing"',
        "severity>=WARNING",
    }
    for label in ("alertname", "summary"):
        assert label in matched["labelExtractors"]
        assert f"log.extracted_label.{label}" in policy["documentation"]["content"]
    assert policy["alertStrategy"]["notificationRateLimit"] == {"period": "300s"}
    assert set(topic.receivers) == {"webhook_configs"}


def test_the_filter_finds_what_the_relay_runs_as() -> None:
    found, topic = notified()
    deployment = one(found, ":Deployment").inputs
    pod = deployment["spec"]["template"]
    assert pod["metadata"]["labels"].items() >= {"platform": "churn", "environment": "dev"}.items()
    assert [container["name"] for container in pod["spec"]["containers"]] == [relay.NAME]
    assert deployment["metadata"]["namespace"] == "monitoring"
    (entry,) = topic.receivers["webhook_configs"]
    assert entry["send_resolved"] is True
    assert str(entry["url"]).startswith(f"http://{relay.NAME}.monitoring.svc.")


def spending(**changes: Any) -> Graph:
    options = changes.pop("options", None)
    return recorded(
        blueprint(options=options, **changes), lambda p: Budget(site=p.site, parent=p.parent)
    )


def test_the_budget_is_the_project_s_in_its_own_currency() -> None:
    cost = {
        "center": "1",
        "monthly_budget": 1234.5,
        "currency": "EUR",
        "thresholds": [100, 50],
        "notify": ["cfo@example.com", "ml@example.com"],
    }
    found = spending(cost=cost)
    budget = one(found, "billing/budget:Budget").inputs
    assert budget["amount"]["specifiedAmount"] == {
        "currencyCode": "EUR",
        "units": "1234",
        "nanos": 500_000_000,
    }
    assert budget["budgetFilter"] == {
        "projects": [f"projects/{project_number(PROJECT)}"],
        "labels": {"platform": "churn"},
        "calendarPeriod": "MONTH",
    }
    assert [(r["spendBasis"], r["thresholdPercent"]) for r in budget["thresholdRules"]] == [
        ("CURRENT_SPEND", 0.5),
        ("CURRENT_SPEND", 1),
        ("FORECASTED_SPEND", 1),
    ]
    channels = [r for r in found if r.type.endswith(":NotificationChannel")]
    assert len(channels) == 2
    told = budget["allUpdatesRule"]["monitoringNotificationChannels"]
    assert set(told) == {channel.id for channel in channels}
    assert {"billingbudgets", "monitoring"} <= set(names(found, "projects/service:Service"))


@pytest.mark.parametrize(
    ("options", "account"),
    [({"billing_account": "01AB23-45CD67-89EF01"}, "01AB23-45CD67-89EF01"), ({}, None)],
)
def test_the_billing_account_is_the_spec_s_or_the_project_s(
    options: dict[str, Any], account: str | None
) -> None:
    found = spending(options=options)
    budget = one(found, "billing/budget:Budget").inputs
    assert budget["billingAccount"]
    assert account is None or budget["billingAccount"] == account
    # A project's lookup knows who pays only while this API is on.
    assert ("cloudbilling" in names(found, "projects/service:Service")) is (account is None)


def test_records_may_be_changed_in_one_zone_only() -> None:
    def program(parts: Parts) -> None:
        holder = Component("Identity", "external-dns", parts.site, parts.parent)
        dns.rights(holder, "external-dns", zone="ml", member="group:dns@example.com")

    found = recorded(blueprint(), program)
    change = one(found, ":DnsManagedZoneIamMember").inputs
    assert (change["managedZone"], change["role"]) == ("ml", "roles/dns.admin")
    assert one(found, ":IAMMember").inputs["role"] == "roles/dns.reader"
    assert dns.solver(PROJECT, "ml") == {"cloudDNS": {"project": PROJECT, "hostedZoneName": "ml"}}
