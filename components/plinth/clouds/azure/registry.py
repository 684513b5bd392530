"""Container images: Azure Container Registry, premium, because only that has private endpoints."""

from __future__ import annotations

from typing import Final

from pulumi import Output, Resource
from pulumi_azure_native import containerregistry

from plinth import ports
from plinth.clouds.azure.keys import Concern, Keys
from plinth.clouds.azure.network import Network
from plinth.clouds.azure.site import Component, Site
from plinth.clouds.azure.waiting import once

_UNTAGGED_DAYS: Final = 14


class Registry(Component):
    """A registry that is entered by Entra identities only (``plinth:index:Registry``).

    Azure spreads it over the region's zones by itself.  Tags can be locked one by one and not all
    at once, so that they stay is up to those who may push.

    Attributes:
        handle: The port's handle.
        id: Resource ID, for rights to pull.
    """

    handle: ports.Repository
    id: Output[str]

    def __init__(
        self, name: str, *, site: Site, keys: Keys, network: Network, parent: Resource
    ) -> None:
        super().__init__("Registry", name, site, parent)
        encryption = keys.encryption(Concern.STORAGE)
        registry = containerregistry.Registry(
            name,
            registry_name=site.unique(name, limit=50, separator=""),
            resource_group_name=site.group,
            sku={"name": "Premium"},
            zone_redundancy="Enabled",
            admin_user_enabled=False,
            anonymous_pull_enabled=False,
            # Layers come from the registry's own address instead of any storage account's.
            data_endpoint_enabled=True,
            public_network_access="Disabled",
            network_rule_bypass_options="None",
            identity={
                "type": "UserAssigned",
                "user_assigned_identities": encryption.identity_id.apply(lambda one: {one: {}}),
            },
            encryption={
                "status": "enabled",
                "key_vault_properties": {
                    "identity": encryption.client_id,
                    "key_identifier": encryption.key_uri,
                },
            },
            policies={
                # Images leave by being pulled, not by being copied to registries elsewhere.
                "export_policy": {"status": "disabled"},
                "retention_policy": {"days": _UNTAGGED_DAYS, "status": "enabled"},
            },
            opts=self.child(stateful=True, depends_on=[encryption.ready, *network.ready]),
        )
        endpoint = network.endpoint(
            name,
            registry.id,
            group_id="registry",
            zone="privatelink.azurecr.io",
            parent=self,
        )
        self.id = registry.id
        url = Output.concat(once(registry.login_server, endpoint), f"/{name}")
        self.handle = ports.Repository(url=url)
        self.register_outputs({"url": url})
