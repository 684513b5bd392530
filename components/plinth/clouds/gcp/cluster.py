"""The Kubernetes cluster: GKE in one region, with private nodes.

Who may do what on it is decided by IAM, with conditions that name this cluster: the spec's admins
and viewers, and whoever has such a role on the whole project, the one that runs Plinth included.
"""

from __future__ import annotations

import json
from typing import Any, Final

import pulumi_gcp as gcp
from pulumi import Output, ProviderResource, Resource, ResourceOptions
from pulumi_kubernetes.provider import Provider

from plinth import naming
from plinth.clouds.gcp.facts import PODS_PER_NODE, ZONES
from plinth.clouds.gcp.identity import Pool
from plinth.clouds.gcp.keys import Concern, Keys
from plinth.clouds.gcp.logs import Logs
from plinth.clouds.gcp.network import Network
from plinth.clouds.gcp.nodes import NodeAccount, Nodes, hardened
from plinth.clouds.gcp.site import Component, Site, only
from plinth.ports import ClusterHandle, Installed

#: Who may call an API server without a public address: whoever is routed to it at all. Left out,
#: only the nodes' own subnet could, and nobody outside of it could ever run `up`.
_PRIVATE: Final = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")


class Cluster(Component):
    """A GKE cluster with its nodes (``plinth:index:Cluster``).

    Attributes:
        pool: The pool that pods' identities are in.
        handle: The port's handle.
        nodes: The account that nodes act as, for rights to pull images.
    """

    services = ("compute", "container")
    pool: Pool
    handle: ClusterHandle
    nodes: NodeAccount

    def __init__(self, *, site: Site, keys: Keys, network: Network, parent: Resource) -> None:
        super().__init__("Cluster", "cluster", site, parent)
        self._keys = keys
        self._network = network
        self.nodes = NodeAccount(site=site, parent=self)
        self._logs()
        cluster = self._control_plane()
        self._cluster = cluster
        self.pool = Pool(site.project_number, cluster.workload_identity_config.workload_pool)
        access = self._access()
        nodes = Nodes(
            cluster=cluster, account=self.nodes, keys=keys, network=network, site=site, parent=self
        )
        self.handle = ClusterHandle(
            name=cluster.name,
            endpoint=Output.concat("https://", cluster.endpoint),
            connect=self._connect(),
            provider=self._kubernetes(),
            ready=(*network.ready, *access, *nodes.ready),
            installed=Installed(services=frozenset({"metrics-server"})),
        )
        self.register_outputs({"name": cluster.name, "endpoint": self.handle.endpoint})

    # --- control plane ---------------------------------------------------------------------------

    def _control_plane(self) -> Any:
        settings = self.site.blueprint.settings
        return gcp.container.Cluster(
            "cluster",
            name=self._short_name,
            description=f"{self.site.prefix}: platform",
            location=self.site.region,
            node_locations=list(ZONES[self.site.region][: settings.network.zones]),
            # GKE upgrades it from here on, and nodes after it.
            min_master_version=self.site.blueprint.pins.kubernetes,
            release_channel={"channel": "REGULAR"},
            maintenance_policy={"daily_maintenance_window": {"start_time": "03:00"}},
            # Pools are resources of their own; the cluster cannot be made without one that goes.
            remove_default_node_pool=True,
            initial_node_count=1,
            node_config=self._first_node(),
            deletion_protection=self.site.durable,
            resource_labels=self.labels(),
            **self._networking(),
            **self._security(),
            **self._observability(),
            opts=self.child(
                stateful=True,
                depends_on=[*self._network.ready, *self.nodes.ready],
                # What is read back is the first pool's, which a change would replace.
                ignore_changes=["nodeConfig", "initialNodeCount"],
            ),
        )

    def _first_node(self) -> dict[str, Any]:
        return {
            **hardened(self.nodes, self._keys.key(Concern.CLUSTER)),
            "machine_type": "e2-medium",
            "disk_size_gb": 30,
        }

    def _networking(self) -> dict[str, Any]:
        """Private nodes behind Dataplane V2, which enforces network policies.

        Webhooks are called through the nodes' subnet, where the control plane has its address.
        """
        public = list(self.site.blueprint.settings.cluster.public_access)
        secondary = {
            "cluster_secondary_range_name": self._network.secondary.pods,
            "services_secondary_range_name": self._network.secondary.services,
        }
        blocks = [{"cidr_block": block, "display_name": block} for block in public or _PRIVATE]
        return {
            "network": self._network.network_id,
            "subnetwork": self._network.subnet_id,
            "networking_mode": "VPC_NATIVE",
            # Without names, GKE adds ranges to the subnet.
            "ip_allocation_policy": {key: name for key, name in secondary.items() if name},
            "default_max_pods_per_node": PODS_PER_NODE,
            "datapath_provider": "ADVANCED_DATAPATH",
            # That of before, which excludes Dataplane V2.
            "network_policy": {"enabled": False},
            # What pods of one node say to each other is in flow logs, and under the firewall, too.
            "enable_intranode_visibility": True,
            "private_cluster_config": {
                "enable_private_nodes": True,
                "enable_private_endpoint": not public,
            },
            "master_authorized_networks_config": {
                "cidr_blocks": blocks,
                "gcp_public_cidrs_access_enabled": False,
            },
            "enable_l4_ilb_subsetting": True,
            # The gateway is Envoy's, and brings its own definitions.
            "gateway_api_config": {"channel": "CHANNEL_DISABLED"},
        }

    def _security(self) -> dict[str, Any]:
        pool = Output.concat(self.site.project, ".svc.id.goog")
        return {
            "workload_identity_config": {"workload_pool": pool},
            "database_encryption": {
                "state": "ENCRYPTED",
                "key_name": self._keys.key(Concern.CLUSTER),
            },
            "enable_shielded_nodes": True,
            "enable_legacy_abac": False,
            "master_auth": {"client_certificate_config": {"issue_client_certificate": False}},
            "anonymous_authentication_config": {"mode": "LIMITED"},
            # Nobody grants rights to whoever happens to be anonymous, or to anybody signed in.
            "rbac_binding_config": {
                "enable_insecure_binding_system_unauthenticated": False,
                "enable_insecure_binding_system_authenticated": False,
            },
            "security_posture_config": {
                "mode": "BASIC",
                "vulnerability_mode": "VULNERABILITY_DISABLED",
            },
            "binary_authorization": {"evaluation_mode": "DISABLED"},
        }

    def _observability(self) -> dict[str, Any]:
        """Metrics of pods are Prometheus' own business; Google's copy would cost extra."""
        return {
            "logging_config": {"enable_components": ["SYSTEM_COMPONENTS", "WORKLOADS"]},
            "monitoring_config": {
                "enable_components": ["SYSTEM_COMPONENTS"],
                "managed_prometheus": {"enabled": False},
            },
            "cost_management_config": {"enabled": True},
        }

    def _logs(self) -> None:
        """The logs of nodes, pods and the control plane, in a bucket of ours."""
        Logs(
            "cluster-logs",
            matching=f'resource.labels.cluster_name="{self._short_name}" AND '
            f'resource.labels.location="{self.site.region}" AND '
            'NOT log_id("cloudaudit.googleapis.com/activity")',
            days=self.site.blueprint.settings.log_retention_days,
            site=self.site,
            keys=self._keys,
            parent=self,
        )

    # --- people ----------------------------------------------------------------------------------

    def _access(self) -> list[Resource]:
        people = self.site.blueprint.settings.cluster
        roles = {
            "admin": ("roles/container.admin", people.admins),
            "viewer": ("roles/container.viewer", people.viewers),
        }
        return [
            self._entry(kind, role, member)
            for kind, (role, members) in roles.items()
            for member in members
        ]

    def _entry(self, kind: str, role: str, member: str) -> Resource:
        cluster = Output.concat(
            "projects/",
            self.site.project,
            f"/locations/{self.site.region}/clusters/",
            self._cluster_name,
        )
        entry: Resource = gcp.projects.IAMMember(
            naming.physical(kind, member.partition(":")[2].partition("@")[0], unique=member),
            project=self.site.project,
            role=role,
            member=member,
            condition=only(f"{self.site.prefix}-{kind}", cluster),
            opts=self.child(),
        )
        return entry

    @property
    def _short_name(self) -> str:
        """GKE API reference, "Cluster": 40 characters."""
        return self.site.named(limit=40)

    @property
    def _cluster_name(self) -> Output[str]:
        name: Output[str] = self._cluster.name
        return name

    def _connect(self) -> Output[str]:
        inside = "" if self.site.blueprint.settings.cluster.public_access else " --internal-ip"
        return Output.concat(
            "gcloud container clusters get-credentials ",
            self._cluster_name,
            f" --region {self.site.region} --project ",
            self.site.project,
            inside,
        )

    # --- access for the program ------------------------------------------------------------------

    def _kubernetes(self) -> ProviderResource:
        """Asks for a token at each call; nothing that expires is kept.

        ``cluster_identifier`` keeps a changed kubeconfig from replacing everything on the cluster
        (pulumi/pulumi-kubernetes#1148); a new cluster has a new endpoint.
        """
        provider: ProviderResource = Provider(
            "kubernetes",
            kubeconfig=Output.all(
                self._cluster_name,
                self._cluster.endpoint,
                self._cluster.master_auth.cluster_ca_certificate,
            ).apply(lambda known: kubeconfig(*known)),
            cluster_identifier=self._cluster.endpoint,
            # By default changed ones are deleted and made anew; a pod starting then fails, and
            # Alertmanager tells nobody.
            enable_config_map_mutable=True,
            enable_secret_mutable=True,
            opts=ResourceOptions(parent=self),
        )
        return provider


#: The program that makes tokens; a component of the Google Cloud CLI.
PLUGIN: Final = "gke-gcloud-auth-plugin"


def kubeconfig(name: str, endpoint: str, authority: str) -> str:
    """A kubeconfig without any credential: Google's plugin makes a token when asked."""
    access = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": PLUGIN,
        "installHint": f"Run: gcloud components install {PLUGIN}",
        "provideClusterInfo": True,
        "interactiveMode": "Never",
    }
    cluster = {"server": f"https://{endpoint}", "certificate-authority-data": authority}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": name,
            "clusters": [{"name": name, "cluster": cluster}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "users": [{"name": name, "user": {"exec": access}}],
        }
    )
