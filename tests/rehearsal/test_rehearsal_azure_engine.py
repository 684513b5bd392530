"""Azure's rehearsal behind the real Pulumi engine."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pulumi_azure_native as azure
import pytest
from pulumi import automation
from pulumi.automation.errors import CommandError

from plinth.engine import install
from plinth.engine.command import Command
from plinth.engine.locate import locate
from plinth.errors import EngineError
from plinth.rehearsal.cloud import Cloud
from plinth.rehearsal.launch import attached, database, write_plugins

pytestmark = pytest.mark.engine

SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
COUNT = 12  # the stack and the provider included


def stack_of(folder: Path, program: Callable[[], None], **environment: str) -> automation.Stack:
    try:
        engine = locate()
    except EngineError:
        engine = install.install(lambda _text, _share: None)
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
    """A little of everything: a network, a vault with a key, a cluster that trusts a pod, data."""
    provider = azure.Provider("azure", subscription_id=SUBSCRIPTION, location="westeurope")
    options = pulumi.ResourceOptions(provider=provider)
    caller = azure.authorization.get_client_config(pulumi.InvokeOptions(provider=provider))
    group = azure.resources.ResourceGroup("ml", opts=options)
    inside = {"resource_group_name": group.name, "opts": options}
    net = azure.network.VirtualNetwork(
        "net", address_space={"address_prefixes": ["10.0.0.0/16"]}, **inside
    )
    subnet = azure.network.Subnet(
        "nodes", virtual_network_name=net.name, address_prefix="10.0.0.0/20", **inside
    )
    vault = azure.keyvault.Vault(
        "vault",
        vault_name="shop-dev",
        properties={
            "sku": {"family": "A", "name": "standard"},
            "tenant_id": caller.tenant_id,
            "enable_rbac_authorization": True,
        },
        **inside,
    )
    azure.keyvault.Key("data", vault_name=vault.name, properties={"kty": "RSA"}, **inside)
    cluster = azure.containerservice.ManagedCluster(
        "cluster",
        dns_prefix="shop",
        identity={"type": azure.containerservice.ResourceIdentityType.SYSTEM_ASSIGNED},
        oidc_issuer_profile={"enabled": True},
        agent_pool_profiles=[
            {"name": "system", "mode": "System", "count": 1, "vnet_subnet_id": subnet.id}
        ],
        **inside,
    )
    app = azure.managedidentity.UserAssignedIdentity("app", **inside)
    azure.managedidentity.FederatedIdentityCredential(
        "app",
        issuer=cluster.oidc_issuer_profile.issuer_url,
        subject="system:serviceaccount:ml:app",
        audiences=["api://AzureADTokenExchange"],
        **{**inside, "resource_name_": app.name},
    )
    account = azure.storage.StorageAccount(
        "data",
        kind="StorageV2",
        sku={"name": wishes["sku"]},
        is_hns_enabled=wishes["hierarchical"],
        **inside,
    )
    azure.authorization.RoleAssignment(
        "app",
        scope=account.id,
        principal_id=app.principal_id,
        principal_type="ServicePrincipal",
        role_definition_id=f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization"
        "/roleDefinitions/ba92f5b4-2d11-453d-a403-e96b0029c9fe",
        opts=options,
    )
    pulumi.export("issuer", cluster.oidc_issuer_profile.issuer_url)
    pulumi.export("blobs", account.primary_endpoints.blob)
    pulumi.export("vault", vault.properties.vault_uri)


def test_a_platform_lives_changes_drifts_and_goes(tmp_path: Path) -> None:
    wishes: dict[str, Any] = {"sku": "Standard_ZRS", "hierarchical": True}
    with (
        attached(tmp_path, ["azure-native"]) as environment,
        Cloud(database(tmp_path)) as cloud,
    ):
        stack = stack_of(tmp_path, lambda: platform(wishes), **environment)
        up = stack.up()
        assert up.summary.resource_changes == {"create": COUNT}
        assert up.outputs["issuer"].value.startswith("https://westeurope.oic.prod-aks.azure.com/")
        assert up.outputs["vault"].value == "https://shop-dev.vault.azure.net/"
        stack.preview(expect_no_changes=True)

        (account,) = cloud.resources(type="azure-native:storage:StorageAccount")
        assert (
            up.outputs["blobs"].value == f"https://{account.state['name']}.blob.core.windows.net/"
        )
        (credential,) = cloud.resources(type="*:FederatedIdentityCredential")
        cloud.patch(account, "minimumTlsVersion", "TLS1_0")
        cloud.delete(credential)
        found = stack.refresh().summary.resource_changes
        assert found == {"update": 1, "delete": 1, "same": COUNT - 2}
        wishes["sku"] = "Standard_GZRS"
        again = stack.up().summary.resource_changes
        assert again == {"create": 1, "update": 1, "same": COUNT - 2}

        wishes["hierarchical"] = False
        # the account, and the role on it
        replaced = {"replace": 2, "same": COUNT - 2}
        assert stack.preview().change_summary == replaced
        assert stack.up().summary.resource_changes == replaced
        stack.preview(expect_no_changes=True)

        stack.destroy()
        assert cloud.resources() == []
        with pytest.raises(CommandError, match="exists in deleted state"):
            stack.up()


def test_mistakes_are_refused_in_the_preview(tmp_path: Path) -> None:
    token = "azure-native:storage:StorageAccount"

    def program() -> None:
        inputs = {"resourceGroupName": "rg", "kind": "StorageV3", "sku": {"nome": "x"}}
        pulumi.CustomResource(token, "my-data", inputs)

    with (
        attached(tmp_path, ["azure-native"]) as environment,
        pytest.raises(CommandError) as caught,
    ):
        stack_of(tmp_path, program, **environment).preview()
    said = str(caught.value)
    assert "kind is 'StorageV3', which is not one of Storage, StorageV2" in said
    assert "sku.nome is not a known property; did you mean name?" in said
    assert "must be 3 to 24 lowercase letters and digits" in said


def test_a_plain_engine_takes_the_plugin_from_its_path(tmp_path: Path) -> None:
    def program() -> None:
        pulumi.CustomResource("azure-native:resources:ResourceGroup", "ml", {})

    (plugin,) = write_plugins(tmp_path / "bin", tmp_path, ["azure-native"])
    assert plugin.name == "pulumi-resource-azure-native"
    path = os.pathsep.join([str(plugin.parent), os.environ["PATH"]])
    stack = stack_of(tmp_path, program, PATH=path)
    assert stack.up().summary.resource_changes == {"create": 2}
    stack.preview(expect_no_changes=True)
