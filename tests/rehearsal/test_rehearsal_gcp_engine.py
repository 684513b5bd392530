"""Google Cloud's rehearsal behind the real Pulumi engine."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pulumi_gcp as gcp
import pytest
from pulumi import automation
from pulumi.automation.errors import CommandError

from plinth.engine import install
from plinth.engine.command import Command
from plinth.engine.locate import Engine, locate
from plinth.errors import EngineError
from plinth.rehearsal.cloud import Cloud
from plinth.rehearsal.launch import attached, database

pytestmark = pytest.mark.engine

PROJECT, REGION = "shop-dev-1234", "europe-west4"
PLUGINS = ["gcp"]


@pytest.fixture(scope="module")
def engine() -> Engine:
    try:
        return locate()
    except EngineError:
        return install.install(lambda _text, _share: None)


def stack(
    folder: Path, engine: Engine, program: Callable[[], None], environment: dict[str, str]
) -> automation.Stack:
    (folder / "state").mkdir(exist_ok=True)
    variables = {
        "PULUMI_BACKEND_URL": (folder / "state").as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": "rehearsal",
        "PULUMI_HOME": str(folder / "home"),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        **environment,
    }
    options = automation.LocalWorkspaceOptions(
        env_vars=variables, pulumi_command=Command(engine, os.environ)
    )
    return automation.create_or_select_stack("dev", "shop", program=program, opts=options)


def platform(wishes: dict[str, Any]) -> None:
    """A little of everything: a network, keys, a cluster, a database, a cache, secrets."""
    provider = gcp.Provider(
        "gcp", project=PROJECT, region=REGION, default_labels={"team": wishes["team"]}
    )
    options = pulumi.ResourceOptions(provider=provider)
    asking = pulumi.InvokeOptions(provider=provider)
    apis = {
        name: gcp.projects.Service(name, service=f"{name}.googleapis.com", opts=options)
        for name in ("cloudkms", "compute", "container", "redis", "secretmanager", "sqladmin")
    }
    on = pulumi.ResourceOptions(provider=provider, depends_on=list(apis.values()))
    network = gcp.compute.Network("net", auto_create_subnetworks=False, opts=on)
    subnetwork = gcp.compute.Subnetwork(
        "nodes", network=network.id, ip_cidr_range=wishes["nodes"], opts=options
    )
    ring = gcp.kms.KeyRing("keys", location=REGION, opts=on)
    key = gcp.kms.CryptoKey("data", key_ring=ring.id, opts=options)
    account = gcp.storage.get_project_service_account_output(opts=asking)
    grant = gcp.kms.CryptoKeyIAMMember(
        "storage",
        crypto_key_id=key.id,
        role="roles/cloudkms.cryptoKeyEncrypterDecrypter",
        member=account.member,
        opts=options,
    )
    gcp.storage.Bucket(
        "data",
        location="EU",
        labels={"tier": "base"},
        encryption={"default_kms_key_name": key.id},
        opts=pulumi.ResourceOptions(provider=provider, depends_on=[grant]),
    )
    cluster = gcp.container.Cluster(
        "ml",
        location=REGION,
        network=network.id,
        subnetwork=subnetwork.id,
        enable_autopilot=True,
        deletion_protection=False,
        opts=options,
    )
    runner = gcp.serviceaccount.Account("runner", account_id="runner", opts=options)
    pool = cluster.workload_identity_config.workload_pool
    gcp.serviceaccount.IAMMember(
        "runner",
        service_account_id=runner.name,
        role="roles/iam.workloadIdentityUser",
        member=pulumi.Output.concat("serviceAccount:", pool, "[ml/runner]"),
        opts=options,
    )
    orders = gcp.sql.DatabaseInstance(
        "orders",
        database_version="POSTGRES_17",
        settings={"tier": "db-custom-2-7680"},
        deletion_protection=False,
        opts=on,
    )
    gcp.sql.User(
        "app",
        name="app",
        instance=orders.name,
        password="s3cret",
        deletion_policy="ABANDON",
        opts=options,
    )
    cache = gcp.redis.Instance(
        "cache", memory_size_gb=1, auth_enabled=True, authorized_network=network.id, opts=on
    )
    secret = gcp.secretmanager.Secret("cache", replication={"auto": {}}, opts=on)
    gcp.secretmanager.SecretVersion(
        "cache", secret=secret.id, secret_data=cache.auth_string, opts=options
    )
    project = gcp.organizations.get_project_output(opts=asking)
    pulumi.export("number", project.number)
    pulumi.export("password", cache.auth_string)
    pulumi.export("connection", orders.connection_name)
    pulumi.export("authority", cluster.master_auth.cluster_ca_certificate)


COUNT = 22  # the stack and the provider included


def test_a_platform_lives_changes_drifts_and_goes(tmp_path: Path, engine: Engine) -> None:
    wishes: dict[str, Any] = {"nodes": "10.0.0.0/20", "team": "ml"}
    with (
        attached(tmp_path, PLUGINS) as environment,
        Cloud(database(tmp_path)) as cloud,
    ):
        dev = stack(tmp_path, engine, lambda: platform(wishes), environment)
        up = dev.up()
        assert up.summary.resource_changes == {"create": COUNT}
        assert up.outputs["password"].secret
        assert len(up.outputs["password"].value) == 36
        assert up.outputs["connection"].value.startswith(f"{PROJECT}:{REGION}:orders-")
        assert up.outputs["authority"].value
        stored = [file.read_text() for file in (tmp_path / "state").rglob("dev*.json")]
        assert stored
        assert not any(json.dumps(up.outputs["password"].value) in text for text in stored)
        dev.preview(expect_no_changes=True)  # labels of the provider are no difference

        (bucket,) = cloud.resources(type="gcp:storage/bucket:Bucket")
        (secret,) = cloud.resources(type="gcp:secretmanager/secretVersion:*")
        cloud.patch(bucket, "labels.owner", "somebody")
        cloud.delete(secret)
        found = dev.refresh().summary.resource_changes
        assert found == {"update": 1, "delete": 1, "same": COUNT - 2}
        assert dev.up().summary.resource_changes == {"create": 1, "update": 1, "same": COUNT - 2}

        wishes |= {"team": "data", "nodes": "10.8.0.0/20"}
        changes = {"update": 7, "same": COUNT - 7}  # the provider, what it labels, the subnetwork
        assert dev.up().summary.resource_changes == changes

        dev.destroy()
        kept = {record.type for record in cloud.resources()}
        assert kept == {"gcp:kms/keyRing:KeyRing", "gcp:kms/cryptoKey:CryptoKey"}


def test_protection_is_taken_away_before_a_cluster_goes(tmp_path: Path, engine: Engine) -> None:
    settings = {"location": REGION, "enableAutopilot": True}

    def program() -> None:
        provider = pulumi.ProviderResource("gcp", "gcp", {"project": PROJECT, "region": REGION})
        options = pulumi.ResourceOptions(provider=provider)
        pulumi.CustomResource("gcp:container/cluster:Cluster", "ml", settings, options)

    with attached(tmp_path, PLUGINS) as environment:
        dev = stack(tmp_path, engine, program, environment)
        dev.up()
        with pytest.raises(CommandError, match="deletionProtection is on"):
            dev.destroy()
        settings["deletionProtection"] = False
        assert dev.up().summary.resource_changes == {"update": 1, "same": 2}
        dev.destroy()


def test_mistakes_are_refused_in_the_preview(tmp_path: Path, engine: Engine) -> None:
    wrong = {"location": "EU", "labels": {"team": "ML"}, "forcedestroy": True}

    def program() -> None:
        provider = pulumi.ProviderResource("gcp", "gcp", {"project": PROJECT, "region": REGION})
        options = pulumi.ResourceOptions(provider=provider)
        pulumi.CustomResource("gcp:storage/bucket:Bucket", "data", wrong, options)

    with (
        attached(tmp_path, PLUGINS) as environment,
        pytest.raises(CommandError) as caught,
    ):
        stack(tmp_path, engine, program, environment).preview()
    assert "labels.team is 'ML', but must be" in str(caught.value)
    assert "did you mean forceDestroy?" in str(caught.value)
