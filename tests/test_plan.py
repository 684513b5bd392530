"""The plan of the example platform: shape of the graph, policies, secrets, documents."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from example import SPEC, Example
from plinth.graph import UNKNOWN, Resource, capability_of
from plinth.planning import Plan
from plinth.rehearsal.outputs import computed

Plans = Callable[[str | Example], Plan]
ENVIRONMENTS = ["dev", "staging", "prod"]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_reference_leads_somewhere(environment: str, plan: Plans) -> None:
    graph = plan(environment).graph
    for resource in graph:
        urns = {
            *resource.dependencies,
            *(u for us in resource.property_dependencies.values() for u in us),
        }
        if resource.parent:
            urns.add(resource.parent)
        assert urns <= graph.by_urn.keys(), resource.urn


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_resource_has_an_explicit_provider_and_a_capability(
    environment: str, plan: Plans
) -> None:
    graph = plan(environment).graph
    for resource in graph:
        if not resource.custom:
            assert resource.type.startswith("plinth:index:")
            continue
        assert capability_of(resource.urn), resource.urn
        if not resource.is_provider and resource.package != "random":
            assert graph.provider_of(resource), f"{resource.urn} uses a default provider"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_no_policy_is_violated(environment: str, plan: Plans) -> None:
    assert [str(v) for v in plan(environment).violations] == []


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_nothing_is_unknown_or_a_broken_rendering(environment: str, plan: Plans) -> None:
    for resource in plan(environment).graph:
        text = json.dumps(resource.to_json())
        assert UNKNOWN not in text, resource.urn
        assert "Calling __str__ on an Output" not in text, resource.urn
        assert "<pulumi.output.Output" not in text, resource.urn


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_generated_secrets_are_nowhere_in_plain_text(environment: str, plan: Plans) -> None:
    graph = plan(environment).graph
    made = {
        str(value)
        for resource in graph
        if resource.type.endswith((":RandomPassword", ":RandomBytes"))
        for key, value in _computed(resource).items()
        if key in ("result", "base64", "hex")
    }
    assert made
    for resource in graph:
        text = json.dumps(resource.to_json())
        assert not [secret for secret in made if secret in text], resource.urn
    outputs = json.dumps(dict(graph.outputs))
    assert not [secret for secret in made if secret in outputs]


def _computed(resource: Resource) -> dict[str, Any]:
    """What the plan was answered, and does not show."""
    _, outputs = computed(
        resource.type, resource.name, resource.inputs, region="eu-west-1", account=""
    )
    return outputs


def test_durable_environments_protect_what_keeps_data(plan: Plans) -> None:
    made = plan("prod")
    stateful = [r for r in made.graph if r.custom and made.blueprint.cloud.stateful(r.type)]
    assert {r.type for r in stateful} > {"aws:s3/bucket:Bucket", "aws:rds/instance:Instance"}
    kept = [r for r in stateful if r.package == "aws"]
    assert [r.urn for r in kept if not r.protect] == []
    assert not any(r.protect for r in plan("dev").graph)


def test_the_six_capabilities_are_there(plan: Plans) -> None:
    assert {"artifacts", "tracking", "orchestration", "features", "serving", "monitoring"} < set(
        plan("dev").counts
    )


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_whoever_cleans_up_goes_last(environment: str, plan: Plans) -> None:
    """What controllers must finish for is destroyed before them, and they before the network."""
    graph = plan(environment).graph
    by_name = {(r.type.rsplit(":", 1)[1], r.name): r.urn for r in graph}

    def waits(kind: str, name: str) -> set[str]:
        seen: set[str] = set()
        rest = [by_name[kind, name]]
        while rest:
            rest += (new := set(graph.by_urn[rest.pop()].dependencies) - seen)
            seen |= new
        return seen

    balancer = by_name["Release", "aws-load-balancer-controller"]
    assert balancer in waits("Namespace", "gateway-namespace")
    assert by_name["Release", "kserve-resources"] in waits("Namespace", "serving-namespace")
    for space in ("tracking", "orchestration", "features", "monitoring"):
        assert by_name["Release", "external-secrets"] in waits("Namespace", f"{space}-namespace")
    ways = {urn for (kind, _), urn in by_name.items() if kind in ("Route", "RouteTableAssociation")}
    assert ways <= waits("Release", "aws-load-balancer-controller")


@pytest.mark.parametrize("cloud", ["aws", "azure", "gcp"])
def test_records_are_kept_in_zones_of_parents_too(cloud: str, plan: Plans) -> None:
    """external-dns compares its filter with the names of zones as well as with those of records."""
    made = plan(Example(SPEC, "prod", cloud)).graph
    (release,) = (r for r in made if r.name == "external-dns" and r.type.endswith(":Release"))
    first, *others = release.inputs["values"]["extraArgs"]
    option, _, pattern = first.partition("=")
    assert option == "--regex-domain-filter"
    assert "domainFilters" not in release.inputs["values"]
    for name in ("mlflow.ml.example.com", "ml.example.com", "example.com"):
        assert re.search(pattern, name), name
    for name in ("com", "shop.example.com", "html.example.com", "mlxexample.com"):
        assert not re.search(pattern, name), name
    assert cloud == "azure" or any(other.startswith("--zone-id-filter=") for other in others)


def test_kinds_that_other_teams_may_use_outlive_the_platform(plan: Plans) -> None:
    """Deleting a CRD deletes every object of its kind, or hangs on the finalizers of those."""
    made = {r.name: r for r in plan("dev").graph if r.type.endswith(":Release")}
    values = made["external-secrets"].inputs["values"]
    assert values["crds"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert made["cert-manager"].inputs["values"]["crds"]["keep"]


def test_the_secret_store_serves_the_platform_s_own_namespaces(plan: Plans) -> None:
    graph = plan("dev").graph
    store = next(r for r in graph if r.name == "secret-store")
    (condition,) = store.inputs["spec"]["conditions"]
    wanted = condition["namespaceSelector"]["matchLabels"].items()
    labels = {
        r.inputs["metadata"]["name"]: r.inputs["metadata"]["labels"]
        for r in graph
        if r.type.endswith(":Namespace")
    }
    users = {r.inputs["metadata"]["namespace"] for r in graph if r.type.endswith(":ExternalSecret")}
    assert users
    assert [name for name in users if not wanted <= labels[name].items()] == []


def test_the_api_server_reaches_the_metrics_server(plan: Plans) -> None:
    isolation = next(r for r in plan("dev").graph if r.name == "services-isolation")
    assert {"ports": [{"port": 10250}]} in isolation.inputs["spec"]["ingress"]


def test_outputs_name_what_people_and_clients_need(plan: Plans) -> None:
    outputs = plan("dev").graph.outputs
    assert outputs["tracking_uri"].startswith("http")
    assert outputs["tracking_url"] == "https://mlflow.ml.example.com"
    assert outputs["artifacts_mlflow_root"].startswith("s3://")
    assert "churn" in outputs["serving_endpoints_churn"]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_plan_json_is_what_checkers_read(environment: str, plan: Plans) -> None:
    document = json.loads(json.dumps(plan(environment).to_json()))
    assert document.keys() == {
        "environment",
        "cloud",
        "resources",
        "policy",
        "waivers",
        "outputs",
    }
    for resource in document["resources"]:
        assert {
            "urn",
            "type",
            "name",
            "parent",
            "provider",
            "inputs",
            "dependencies",
            "protect",
        } <= (resource.keys())


def test_two_plans_are_equal(plan: Plans, spec: Any) -> None:
    from plinth.planning import plan as make_plan

    first, second = plan("dev").to_json(), make_plan(spec, "dev").to_json()
    assert first["resources"] == second["resources"]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_what_is_needed_comes_first(environment: str, plan: Plans) -> None:
    graph = plan(environment).graph
    before: set[str] = set()
    for resource in graph:
        assert before.issuperset(resource.dependencies), resource.urn
        assert resource.parent is None or resource.parent in before, resource.urn
        assert resource.provider is None or graph.provider_of(resource).urn in before
        before.add(resource.urn)
