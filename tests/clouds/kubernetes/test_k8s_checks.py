"""What a cluster that is there cannot run, and where the problem points."""

from __future__ import annotations

from typing import Any

import pytest
from k8s_support import DURABLE, MAIL, THERE, problems

from plinth.clouds.kubernetes.facts import theirs

GATEWAY = {"services": ["gateway"], "gateway": {"class_name": "cilium"}}
STORE = {"endpoint": "https://s3.example.com", "credentials": {"secret": "s3"}}
SERVED = {"serving": {"models": {"churn": {"uri": "s3://b/churn", "framework": "sklearn"}}}}
IDENTITY = {"issuer": "https://id.example.com", "client_id": "churn"}


def options(**changes: Any) -> dict[str, Any]:
    return {"clouds": {"kubernetes": changes}}


def signed_in(secret: str) -> dict[str, Any]:
    return {
        "domain": {"name": "ml.example.com"},
        "identity": {**IDENTITY, "client_secret": {"secret": secret}},
    }


@pytest.mark.parametrize(
    "changes",
    [
        {},
        DURABLE,
        THERE,
        signed_in("oidc-client"),
        signed_in("ml.oidc-client"),
        signed_in("oidc-client")
        | options(installed={**GATEWAY, "gateway": {"class_name": "eg", "envoy": True}}),
        SERVED | options(object_store=STORE),
        # What other clouds understand is passed over.
        {
            "account": "111111111111",
            "region": "eu-west-1",
            "network": {"cidr": "10.1.0.0/16"},
            "encryption": {"rotation_days": 180},
            "cluster": {"node_pools": {"general": {"min": 1}, "gpu": {"gpu": {"type": "l4"}}}},
        },
        {
            "durable": True,
            "monitoring": {"alerts": {"slack": {"secret": "slack"}}},
            **options(context="prod"),
        },
        options(installed={"services": ["gateway"], "gateway": {"class_name": "istio"}}),
        options(installed={"services": ["prometheus-operator"], "cloudnative_pg": "cnpg-system"}),
    ],
)
def test_accepts(changes: dict[str, Any]) -> None:
    assert problems(**changes) == ()


@pytest.mark.parametrize(
    ("changes", "code", "path"),
    [
        (options(account="111111111111"), "account-without-meaning", "clouds.kubernetes.account"),
        ({"durable": True}, "context-missing", "clouds.kubernetes.context"),
        (
            {"durable": True, "monitoring": {}, **options(context="prod")},
            "nobody-told",
            "clouds.kubernetes.mail",
        ),
        (signed_in("//"), "secret-name", "identity.client_secret.secret"),
        (signed_in("Plinth/database"), "secret-name", "identity.client_secret.secret"),
        (signed_in("plinth-database"), "secret-name", "identity.client_secret.secret"),
        (
            options(database={"host": "pg", "admin": {"secret": "a..b"}}),
            "secret-name",
            "clouds.kubernetes.database.admin.secret",
        ),
        (
            {"monitoring": {"alerts": {"slack": {"secret": "plinth-slack"}}}},
            "secret-name",
            "monitoring.alerts.slack.secret",
        ),
        (options(object_store={"endpoint": "https://s3.example.com"}), "credentials-missing", None),
        (options(object_store={"credentials": {"secret": "s3"}}), "endpoint-missing", None),
        (options(mail={**MAIL, "password": None}), "half-a-sign-in", None),
        (options(installed={"services": ["gateway"]}), "gateway-unknown", None),
        (
            options(installed={"gateway": {"name": "shared", "namespace": "infra"}}),
            "gateway-not-installed",
            None,
        ),
        (
            options(installed={"services": ["gateway"], "gateway": {"name": "shared"}}),
            "half-a-gateway",
            None,
        ),
        (options(installed={"issuer": "corporate"}), "issuer-not-installed", None),
        (
            signed_in("oidc-client") | options(installed=GATEWAY),
            "sign-in-not-by-this-gateway",
            "identity",
        ),
        (SERVED, "model-behind-own-authority", "serving.models.churn.uri"),
        (
            SERVED | options(object_store={**STORE, "ca": {"secret": "company-ca"}}),
            "model-behind-own-authority",
            "serving.models.churn.uri",
        ),
    ],
)
def test_refuses_and_points_at_it(changes: dict[str, Any], code: str, path: str | None) -> None:
    (found,) = [problem for problem in problems(**changes) if problem.code == code]
    assert found.fix
    if path is not None:
        assert found.path == path


def test_a_secret_s_name_is_spelt_as_the_cluster_can() -> None:
    assert not problems(**signed_in("ML/OIDC_Client"))
    assert theirs("ML/OIDC_Client") == "ml-oidc-client"
    assert theirs("ml.oidc-client") == "ml.oidc-client"


def test_buckets_alone_have_nothing_to_make_them() -> None:
    (found,) = problems(tracking=..., features=...)
    assert (found.code, found.path) == ("nothing-on-the-cluster", "cloud")
