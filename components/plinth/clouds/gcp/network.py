"""The private network: made here, or adopted and left untouched.

Managed services are reached by endpoints of Private Service Connect, which are ours and go with the
platform. A private services access connection would not: Google holds it for days after the last
Cloud SQL instance is gone, and the network cannot be deleted until then
(hashicorp/terraform-provider-google#16275).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import pulumi_gcp as gcp
from pulumi import Input, Output, Resource

from plinth.clouds.gcp.facts import ranges
from plinth.clouds.gcp.keys import Keys
from plinth.clouds.gcp.logs import Logs
from plinth.clouds.gcp.options import options
from plinth.clouds.gcp.site import Component, Site, after

_PODS: Final = "pods"
_SERVICES: Final = "services"


class Secondary(NamedTuple):
    """Names of the subnet's ranges for pods and services; ``None``: the cluster makes them."""

    pods: str | None
    services: str | None


class Network(Component):
    """Network, subnet, ways out and firewall (``plinth:index:Network``); none when adopted.

    A subnet spans the region's zones, so there is one.

    Attributes:
        network_id: The network.
        subnet_id: The subnet of nodes, internal load balancers and endpoints.
        secondary: Names of the ranges for pods and services.
        peered: A range that nothing else uses, for services that are reached through a peering;
            ``None`` in an adopted network: the service picks one.
        ready: What must exist before a machine can reach what it needs.
    """

    services = ("compute",)
    network_id: Input[str]
    subnet_id: Input[str]
    secondary: Secondary
    peered: str | None
    ready: tuple[Resource, ...]

    def __init__(self, *, site: Site, keys: Keys, parent: Resource) -> None:
        super().__init__("Network", "network", site, parent)
        self._spec = site.blueprint.settings.network
        self._keys = keys
        adopted = self._spec.adopt
        if adopted is not None:
            given = options(site.blueprint)
            self.network_id = adopted.network
            self.subnet_id = adopted.private_subnets[0]
            self.secondary = Secondary(given.pods_range, given.services_range)
            self.peered = None
            self.ready = ()
        else:
            self._create()
        self.register_outputs({"networkId": self.network_id})

    def _create(self) -> None:
        network = gcp.compute.Network(
            "network",
            name=self.site.prefix,
            description=f"{self.site.prefix}: platform",
            auto_create_subnetworks=False,
            routing_mode="REGIONAL",
            opts=self.child(),
        )
        cut = ranges(self._spec.cidr)
        self.network_id = network.id
        self.secondary = Secondary(_PODS, _SERVICES)
        self.peered = cut.peered
        subnet = gcp.compute.Subnetwork(
            "nodes",
            name=self.site.named("nodes"),
            network=network.id,
            region=self.site.region,
            ip_cidr_range=cut.nodes,
            secondary_ip_ranges=[
                {"range_name": _PODS, "ip_cidr_range": cut.pods},
                {"range_name": _SERVICES, "ip_cidr_range": cut.services},
            ],
            # Google's own services without the internet. It costs nothing and GKE turns it on, so
            # `network.endpoints` has nothing to turn off.
            private_ip_google_access=True,
            log_config=self._flow_logs(),
            opts=self.child(),
        )
        self.subnet_id = subnet.id
        self.ready = (subnet, *self._firewall(cut.nodes), *self._nat())

    def _flow_logs(self) -> dict[str, Any] | None:
        """How traffic is recorded, and where records go."""
        if not self._spec.flow_logs.enabled:
            return None
        Logs(
            "flow-logs",
            matching='log_id("compute.googleapis.com/vpc_flows") AND '
            f'resource.labels.subnetwork_name="{self.site.named("nodes")}"',
            days=self._spec.flow_logs.retention_days,
            site=self.site,
            keys=self._keys,
            parent=self,
        )
        return {
            "aggregation_interval": "INTERVAL_1_MIN",
            "flow_sampling": 0.5,
            "metadata": "INCLUDE_ALL_METADATA",
        }

    def _firewall(self, nodes: str) -> Iterator[Resource]:
        """Nothing comes in but what a rule of a higher priority lets in; what tries is recorded.

        GKE writes rules for its nodes, the control plane's calls and load balancers itself, at
        priority 1000 (GKE documentation, "Automatically created firewall rules").
        """
        yield gcp.compute.Firewall(
            "deny",
            name=self.site.named("deny"),
            description="Whatever no other rule lets in",
            network=self.network_id,
            direction="INGRESS",
            priority=65534,
            source_ranges=["0.0.0.0/0"],
            denies=[{"protocol": "all"}],
            log_config={"metadata": "EXCLUDE_ALL_METADATA"},
            opts=self.child(delete_before_replace=True),
        )
        # The control plane has its address in the nodes' subnet.
        yield gcp.compute.Firewall(
            "webhooks",
            name=self.site.named("webhooks"),
            description="The control plane's calls to webhooks and metrics",
            network=self.network_id,
            direction="INGRESS",
            priority=1000,
            source_ranges=[nodes],
            allows=[{"protocol": "tcp", "ports": ["443", "8443", "9443", "10250"]}],
            opts=self.child(delete_before_replace=True),
        )

    def _nat(self) -> Iterator[Resource]:
        """The way out. Cloud NAT is no machine and spans the zones, so one is as good as three."""
        if self._spec.nat == "none":
            return
        router = gcp.compute.Router(
            "nat",
            name=self.site.named("nat"),
            network=self.network_id,
            region=self.site.region,
            opts=self.child(),
        )
        yield gcp.compute.RouterNat(
            "nat",
            name=self.site.named("nat"),
            router=router.name,
            region=self.site.region,
            nat_ip_allocate_option="AUTO_ONLY",
            source_subnetwork_ip_ranges_to_nat="LIST_OF_SUBNETWORKS",
            subnetworks=[{"name": self.subnet_id, "source_ip_ranges_to_nats": ["ALL_IP_RANGES"]}],
            # All pods of a node share its ports. More are lent where needed, which rules out
            # endpoint-independent mapping (Cloud NAT documentation, "IP addresses and ports").
            enable_dynamic_port_allocation=True,
            enable_endpoint_independent_mapping=False,
            min_ports_per_vm=256,
            max_ports_per_vm=8192,
            log_config={"enable": True, "filter": "ERRORS_ONLY"},
            opts=self.child(delete_before_replace=True),
        )


def endpoint(
    component: Component, name: str, *, network: Network, target: Input[str]
) -> Output[str]:
    """The address in our subnet of a service that is published by Private Service Connect.

    Args:
        component: Whose children the address and the rule are.
        name: Their logical name.
        network: Where.
        target: The service attachment.
    """
    address = gcp.compute.Address(
        name,
        address_type="INTERNAL",
        subnetwork=network.subnet_id,
        region=component.site.region,
        labels=component.labels(),
        opts=component.child(depends_on=network.ready),
    )
    rule = gcp.compute.ForwardingRule(
        name,
        region=component.site.region,
        network=network.network_id,
        ip_address=address.id,
        target=target,
        # The default, EXTERNAL, is wrong for service attachments.
        load_balancing_scheme="",
        labels=component.labels(),
        opts=component.child(delete_before_replace=True),
    )
    return after(address.address, rule)
