"""The private network: made here, or adopted and left untouched.

Subnets on Azure span all zones of a region, but a NAT gateway stands in one.  So with one gateway a
zone there is one subnet of nodes a zone too, and node pools are split alike; else there is one.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from pulumi import Input, Output, Resource
from pulumi_azure_native import network as net
from pulumi_azure_native import privatedns, storage

from plinth.clouds.azure.facts import ZONES
from plinth.clouds.azure.keys import Concern, Keys
from plinth.clouds.azure.options import options
from plinth.clouds.azure.site import Component, Site

#: Ports on which the endpoints answer: HTTPS, PostgreSQL (and its pooler), Redis.
_ENDPOINT_PORTS: Final = ("443", "5432", "6379-6380", "6432", "8500-8520", "10000")
#: Azure makes a watcher with the first network of a region (Azure Network Watcher documentation).
_WATCHERS: Final = "NetworkWatcherRG"
#: Private DNS zone of Key Vault (Azure documentation, "Private endpoint DNS zone values").
VAULT_ZONE: Final = "privatelink.vaultcore.azure.net"


class Layout(NamedTuple):
    """How a range is cut: three for nodes, one for private endpoints, one for the API server."""

    nodes: tuple[str, ...]
    endpoints: str
    control_plane: str


def layout(cidr: str) -> Layout:
    """Cuts a range: a quarter for the nodes of each zone, and of the last one small ones.

    Pods have addresses of their own and take none of these.
    """
    quarters = list(ipaddress.IPv4Network(cidr).subnets(prefixlen_diff=2))
    small = list(quarters[3].subnets(prefixlen_diff=2))
    control_plane = next(small[1].subnets(new_prefix=26))
    return Layout(tuple(str(part) for part in quarters[:3]), str(small[0]), str(control_plane))


class NodeSubnet(NamedTuple):
    """Where nodes go: a subnet, and the zones of the pools in it."""

    name: str
    id: Input[str]
    zones: tuple[str, ...]


class Network(Component):
    """VNet, subnets, ways out and private endpoints (``plinth:index:Network``).

    Attributes:
        vnet_id: Resource ID of the VNet.
        nodes: Subnets of nodes and internal load balancers.
        endpoints: Subnet of private endpoints.
        control_plane: Subnet of the cluster's API server; an adopted network may have none.
        ready: What must exist before a machine can reach what it needs.
    """

    vnet_id: Input[str]
    nodes: tuple[NodeSubnet, ...]
    endpoints: Input[str]
    control_plane: Input[str] | None
    ready: tuple[Resource, ...]

    def __init__(self, *, site: Site, keys: Keys, parent: Resource) -> None:
        super().__init__("Network", "network", site, parent)
        self._spec = site.blueprint.settings.network
        self._keys = keys
        self._zones: dict[str, Output[str]] = {}
        zones = ZONES[: self._spec.zones]
        adopted = self._spec.adopt
        if adopted is not None:
            first, *others = adopted.private_subnets
            self.vnet_id = adopted.network
            self.nodes = (NodeSubnet("nodes-1", first, zones),)
            self.endpoints = others[0] if others else first
            self.control_plane = options(site.blueprint).control_plane_subnet
            self.ready = ()
        else:
            self._create(zones)
        vault = self.endpoint(
            "vault", keys.vault.id, group_id="vault", zone=VAULT_ZONE, parent=keys.vault
        )
        self.ready = (*self.ready, vault)
        self.register_outputs({"vnetId": self.vnet_id})

    # --- private endpoints -----------------------------------------------------------------------

    def endpoint(
        self,
        name: str,
        target_id: Input[str],
        *,
        group_id: str,
        zone: str,
        parent: Component,
        depends_on: Sequence[Resource] = (),
    ) -> Resource:
        """A private endpoint with its DNS record.

        Args:
            name: Logical name.
            target_id: Resource ID of the service behind it.
            group_id: Part of that service, such as ``blob``.
            zone: Private DNS zone of the part, such as ``privatelink.blob.core.windows.net``.
            parent: Component that the endpoint belongs to.
            depends_on: What must be there besides the network.

        Returns:
            What to wait for before the service is called by its name.
        """
        endpoint = net.PrivateEndpoint(
            name,
            resource_group_name=self.site.group,
            location=self.site.region,
            subnet={"id": self.endpoints},
            private_link_service_connections=[
                {
                    "name": group_id,
                    "group_ids": [group_id],
                    "private_link_service_id": target_id,
                }
            ],
            opts=parent.child(depends_on=[*self.ready, *depends_on]),
        )
        if options(self.site.blueprint).private_dns == "central":
            found: Resource = endpoint
            return found
        group: Resource = net.PrivateDnsZoneGroup(
            name,
            resource_group_name=self.site.group,
            private_endpoint_name=endpoint.name,
            private_dns_zone_group_name="default",
            private_dns_zone_configs=[
                {"name": group_id, "private_dns_zone_id": self._private_zone(zone)}
            ],
            opts=parent.child(),
        )
        return group

    def _private_zone(self, zone: str) -> Output[str]:
        """The ID of a private DNS zone that the VNet looks in; made once."""
        if zone not in self._zones:
            made = privatedns.PrivateZone(
                zone,
                private_zone_name=zone,
                resource_group_name=self.site.group,
                location="global",
                opts=self.child(),
            )
            link = privatedns.VirtualNetworkLink(
                zone,
                virtual_network_link_name=self.site.prefix,
                private_zone_name=made.name,
                resource_group_name=self.site.group,
                location="global",
                registration_enabled=False,
                virtual_network={"id": self.vnet_id},
                opts=self.child(),
            )
            # Whoever is given the zone may count on the network looking in it.
            both = Output.all(made.id, link.id)
            self._zones[zone] = both.apply(lambda known: str(known[0]))
        return self._zones[zone]

    # --- subnets and ways out --------------------------------------------------------------------

    def _create(self, zones: Sequence[str]) -> None:
        ranges = layout(self._spec.cidr)
        vnet = net.VirtualNetwork(
            "vnet",
            resource_group_name=self.site.group,
            virtual_network_name=self.site.prefix,
            address_space={"address_prefixes": [self._spec.cidr]},
            # Subnets are resources of their own below.
            opts=self.child(ignore_changes=["subnets"]),
        )
        self.vnet_id, self._vnet = vnet.id, vnet.name
        self._last: list[Resource] = []
        nodes = self._group("nodes", self._public_rules())
        self.nodes = tuple(self._node_subnets(ranges.nodes, zones, nodes))
        self.endpoints = self._subnet(
            "endpoints",
            ranges.endpoints,
            network_security_group={"id": self._group("endpoints", _ENDPOINT_RULES).id},
            # Without this, rules of the group do not hold for private endpoints.
            private_endpoint_network_policies="Enabled",
        )
        self.control_plane = self._subnet(
            "control-plane",
            ranges.control_plane,
            network_security_group={"id": self._group("control-plane", ()).id},
            delegations=[
                {"name": "aks", "service_name": "Microsoft.ContainerService/managedClusters"}
            ],
        )
        self.ready = tuple(self._last)
        if self._spec.flow_logs.enabled:
            FlowLogs(vnet_id=vnet.id, keys=self._keys, site=self.site, parent=self)

    def _node_subnets(
        self, ranges: Sequence[str], zones: Sequence[str], group: Any
    ) -> Iterator[NodeSubnet]:
        """One subnet for all zones, or one a zone with a gateway of its own."""
        split = self._spec.nat == "per-zone"
        # The cluster's own pool never leaves the first one, whichever it is.
        parts = [(zone,) for zone in zones] if split else [tuple(zones)]
        for there, cidr in zip(parts, ranges, strict=False):
            name = f"nodes-{there[0]}"
            props: dict[str, Any] = {}
            if self._spec.nat != "none":
                props["nat_gateway"] = {"id": self._gateway(there[0])}
            subnet = self._subnet(name, cidr, network_security_group={"id": group.id}, **props)
            yield NodeSubnet(name, subnet, there)

    def _subnet(self, name: str, cidr: str, **props: Any) -> Output[str]:
        """A subnet. Azure changes one at a time in a network, so each waits for the one before."""
        subnet = net.Subnet(
            name,
            resource_group_name=self.site.group,
            virtual_network_name=self._vnet,
            subnet_name=name,
            address_prefix=cidr,
            # Nothing leaves but through a gateway.
            default_outbound_access=False,
            opts=self.child(depends_on=self._last[-1:]),
            **props,
        )
        self._last.append(subnet)
        subnet_id: Output[str] = subnet.id
        return subnet_id

    def _gateway(self, zone: str) -> Output[str]:
        """A NAT gateway and its address, both in one zone."""
        name = f"nat-{zone}"
        address = net.PublicIPAddress(
            name,
            resource_group_name=self.site.group,
            location=self.site.region,
            sku={"name": "Standard"},
            public_ip_allocation_method="Static",
            zones=[zone],
            opts=self.child(),
        )
        gateway = net.NatGateway(
            name,
            resource_group_name=self.site.group,
            location=self.site.region,
            sku={"name": "Standard"},
            public_ip_addresses=[{"id": address.id}],
            zones=[zone],
            opts=self.child(),
        )
        gateway_id: Output[str] = gateway.id
        return gateway_id

    def _group(self, name: str, rules: Sequence[dict[str, Any]]) -> Any:
        """A security group. Azure's own rules behind ours let the network in, and nobody else."""
        return net.NetworkSecurityGroup(
            name,
            resource_group_name=self.site.group,
            location=self.site.region,
            security_rules=list(rules),
            opts=self.child(),
        )

    def _public_rules(self) -> list[dict[str, Any]]:
        """Lets those in who may reach a public load balancer, which hands on what it is sent."""
        domain = self.site.blueprint.settings.domain
        if domain is None or domain.exposure != "public":
            return []
        rule = _rule("public-pages", 100, "Allow", ("80", "443"), "Those whom the spec allows")
        return [{**rule, "source_address_prefixes": list(domain.allow)}]


class FlowLogs(Component):
    """Records of the network's traffic in a storage account (``plinth:index:FlowLogs``)."""

    def __init__(self, *, vnet_id: Input[str], keys: Keys, site: Site, parent: Resource) -> None:
        super().__init__("FlowLogs", "flow-logs", site, parent)
        encryption = keys.encryption(Concern.LOGS)
        account = storage.StorageAccount(
            "flow-logs",
            account_name=site.unique("flow-logs", limit=24, separator=""),
            resource_group_name=site.group,
            kind="StorageV2",
            sku={"name": "Standard_ZRS"},
            identity=encryption.identities,
            encryption={
                "key_source": "Microsoft.Keyvault",
                "require_infrastructure_encryption": True,
                "encryption_identity": {
                    "encryption_user_assigned_identity": encryption.identity_id
                },
                "key_vault_properties": {
                    "key_name": encryption.key_name,
                    "key_vault_uri": encryption.vault_uri,
                },
                "services": {"blob": {"enabled": True}},
            },
            allow_blob_public_access=False,
            allow_shared_key_access=False,
            is_local_user_enabled=False,
            default_to_o_auth_authentication=True,
            enable_https_traffic_only=True,
            minimum_tls_version="TLS1_2",
            public_network_access="Disabled",
            # Network Watcher is on Azure's list of trusted services, for which this holds still.
            network_rule_set={"bypass": "AzureServices", "default_action": "Deny"},
            opts=self.child(stateful=True, depends_on=[encryption.ready]),
        )
        writer = self.identity("flow-logs")
        right = self.assign(
            "flow-logs",
            "Storage Blob Data Contributor",
            scope=account.id,
            principal=writer.principal_id,
        )
        net.FlowLog(
            "flow-logs",
            # One watcher a region and subscription, which Azure makes with the first network.
            network_watcher_name=f"NetworkWatcher_{site.region}",
            resource_group_name=_WATCHERS,
            flow_log_name=site.prefix,
            location=site.region,
            target_resource_id=vnet_id,
            storage_id=account.id,
            enabled=True,
            format={"type": "JSON", "version": 2},
            identity={"type": "UserAssigned", "user_assigned_identities": [writer.id]},
            retention_policy={
                "enabled": True,
                "days": site.blueprint.settings.network.flow_logs.retention_days,
            },
            opts=self.child(depends_on=[right]),
        )
        self.register_outputs({})


def _rule(
    name: str, priority: int, access: str, ports: Sequence[str], description: str
) -> dict[str, Any]:
    return {
        "name": name,
        "description": description,
        "priority": priority,
        "access": access,
        "direction": "Inbound",
        "protocol": "Tcp" if access == "Allow" else "*",
        "source_port_range": "*",
        "destination_address_prefix": "*",
        "destination_port_ranges": list(ports),
    }


_ENDPOINT_RULES: Final = (
    {
        **_rule("services", 100, "Allow", _ENDPOINT_PORTS, "Services that the platform calls"),
        "source_address_prefix": "VirtualNetwork",
    },
    {**_rule("nothing-else", 4096, "Deny", ("*",), "Nothing else"), "source_address_prefix": "*"},
)
