"""Secrets: what the operator is told, and that no value is."""

from __future__ import annotations

import pytest
from aws_support import blueprint, graph, of_type, one, recorded
from pulumi import Resource

from plinth.clouds.aws.adapter import Aws
from plinth.clouds.external_secrets import external_secret, go_template, references
from plinth.graph import SECRET
from plinth.ports import Secret

KNOWN = {("db", "password"), ("web-app", "fernet-key")}


@pytest.mark.parametrize(
    ("text", "template"),
    [
        ("plain", "plain"),
        ("${db.password}", "{{ .db_password }}"),
        (
            "u:${db.password}@h/${web-app.fernet-key}",
            "u:{{ .db_password }}@h/{{ .web_app_fernet_key }}",
        ),
        ("$5 {x} ${HOME}", "$5 {x} ${HOME}"),
        ("a {{ b }}", 'a {{ "{{" }} b }}'),
    ],
)
def test_text_becomes_a_go_template(text: str, template: str) -> None:
    assert go_template(text, KNOWN) == template


def test_a_reference_to_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match=r"db\.user"):
        go_template("${db.user}", KNOWN)


def test_fetched_keys_are_those_of_the_sources() -> None:
    made = external_secret(
        "app",
        namespace="tracking",
        data={"url": "x"},
        sources={"db": Secret(name="churn-dev/db", keys=("username", "password"))},
    )
    assert [item["remoteRef"] for item in made["spec"]["data"]] == [
        {"key": "churn-dev/db", "property": "password"},
        {"key": "churn-dev/db", "property": "username"},
    ]


def test_delivered_text_may_hold_outputs() -> None:
    made = one(graph("dev"), ":ExternalSecret")
    data = made.inputs["spec"]["target"]["template"]["data"]
    server = one(graph("dev"), "rds/instance:Instance")
    assert data["uri"] == (
        f"{{{{ .db_username }}}}@{server.outputs['address']}?{{{{ .web_password }}}}"
    )


def test_references_are_found_wherever_the_spec_has_them() -> None:
    plain = blueprint(
        domain={"name": "ml.example.com"},
        identity={
            "issuer": "https://id.example.com",
            "client_id": "x",
            "client_secret": {"secret": "ml/oidc"},
        },
    )
    assert list(references(plain)) == ["ml/oidc"]


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_generated_values_are_in_the_graph_as_secrets_only(name: str) -> None:
    found = graph(name)
    made = [
        value
        for resource in found
        if resource.package == "random" and not resource.is_provider
        for key, value in resource.outputs.items()
        if key in {"result", "base64"}
    ]
    assert made == [SECRET] * 3
    for version in of_type(found, ":SecretVersion"):
        assert version.inputs["secretString"] == SECRET
    assert one(found, ":ReplicationGroup").inputs["authToken"] == SECRET


def test_a_secret_that_may_be_lost_frees_its_name_at_once() -> None:
    windows = {
        name: one(graph(name), "secret:Secret", "web").inputs["recoveryWindowInDays"]
        for name in ("dev", "prod")
    }
    assert windows == {"dev": 0, "prod": 30}


def test_two_secrets_of_one_name_are_refused() -> None:
    def program(adapter: Aws, parent: Resource) -> None:
        for _ in range(2):
            adapter.generate("web", {"a": "b"}, parent=parent)

    with pytest.raises(ValueError, match="two secrets are called web"):
        recorded(blueprint(), program)
