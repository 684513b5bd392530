"""The Kubernetes cluster: AKS, reached and run by Entra identities alone.

Who may do what on it is exactly what the spec says: with ``cluster.admins``, those groups, one of
which has to have the one that runs Plinth; without, whoever made the cluster.  Rights are given on
the resource group and before the cluster is made, as it takes minutes until one holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import pulumi
from pulumi import Input, Output, ProviderResource, Resource, ResourceOptions
from pulumi_azure_native import compute, containerservice
from pulumi_kubernetes.provider import Provider

from plinth import naming
from plinth.clouds.azure import logs, nodes
from plinth.clouds.azure.keys import Concern, EtcdKey, Keys
from plinth.clouds.azure.kubeconfig import kubeconfig
from plinth.clouds.azure.network import Network
from plinth.clouds.azure.options import options
from plinth.clouds.azure.site import Component, Site
from plinth.ports import ClusterHandle, Installed

#: Pods and services have addresses of the range for carriers, which no spec's network is in.
_PODS: Final = "100.64.0.0/12"
_SERVICES: Final = "100.112.0.0/16"
_DNS: Final = "100.112.0.10"
#: Name of the class of disks under the customer-managed key.
STORAGE_CLASS: Final = "encrypted"


class Cluster(Component):
    """An AKS cluster with its nodes (``plinth:index:Cluster``).

    Attributes:
        handle: The port's handle.
        issuer: URL of the cluster's token issuer.
        disks: Resource ID of the set that encrypts disks.
    """

    handle: ClusterHandle
    issuer: Output[str]
    disks: Output[str]

    def __init__(self, *, site: Site, keys: Keys, network: Network, parent: Resource) -> None:
        super().__init__("Cluster", "cluster", site, parent)
        self._keys = keys
        self._network = network
        self._control = self.identity("control-plane")
        self._kubelet = self.identity("kubelet")
        encryption = self._disk_encryption(keys)
        self.disks = encryption.id
        access = list(self._access())
        rights = [*access, *self._rights(encryption.id), *network.ready]
        workspace = logs.workspace(self)
        cluster = self._control_plane(rights, logs.addon(self, workspace.id))
        self.issuer = cluster.oidc_issuer_profile.issuer_url
        logs.collect(self, cluster.id, workspace.id)
        windows = [self._window(kind, cluster.name) for kind in ("AutoUpgrade", "NodeOSUpgrade")]
        pools = nodes.Nodes(
            cluster=cluster.name,
            subnets=network.nodes,
            site=site,
            parent=self,
            depends_on=[*network.ready, cluster],
        )
        self.handle = ClusterHandle(
            name=cluster.name,
            endpoint=Output.concat("https://", self._host(cluster)),
            connect=Output.concat(
                "az aks get-credentials --resource-group ",
                site.group,
                " --name ",
                cluster.name,
                " --public-fqdn" if self._private and self._central else "",
                " && kubelogin convert-kubeconfig --login azurecli",
            ),
            provider=self._kubernetes(cluster),
            ready=(*network.ready, *access, *windows, *pools.ready),
            installed=Installed(
                services=frozenset({"metrics-server"}), storage_class=STORAGE_CLASS
            ),
            spot=(nodes.SPOT_TOLERATION,),
        )
        self.register_outputs({"name": cluster.name})

    # --- rights ----------------------------------------------------------------------------------

    def _access(self) -> Iterator[Resource]:
        """Rights of people: to be told where the cluster is, and on what is in it."""
        people = self.site.blueprint.settings.cluster
        if not people.admins:
            yield self._person("maker", "Cluster Admin", self.site.caller, ["principalId"])
        for kind, role, principals in (
            ("admin", "Cluster Admin", people.admins),
            ("viewer", "Reader", people.viewers),
        ):
            for principal in principals:
                name = naming.physical(kind, principal[:8], unique=principal)
                yield self._person(name, role, principal)
                yield self.assign(
                    f"{name}-connect",
                    "Azure Kubernetes Service Cluster User Role",
                    scope=self.site.group_id,
                    principal=principal,
                    kind=None,
                )

    def _person(
        self, name: str, role: str, principal: Input[str], ignored: Sequence[str] = ()
    ) -> Resource:
        return self.assign(
            name,
            f"Azure Kubernetes Service RBAC {role}",
            scope=self.site.group_id,
            principal=principal,
            kind=None,
            ignore_changes=ignored,
        )

    def _rights(self, disk_encryption: Input[str]) -> Iterator[Resource]:
        """What the cluster itself may do: join its subnets, be its nodes, encrypt its disks."""
        principal = self._control.principal_id
        for name, scope in self._joined():
            yield self.assign(name, "Network Contributor", scope=scope, principal=principal)
        yield self.assign(
            "kubelet", "Managed Identity Operator", scope=self._kubelet.id, principal=principal
        )
        yield self.assign(
            "disks",
            "Disk Encryption Set Operator for Managed Disks",
            scope=disk_encryption,
            principal=principal,
        )

    def _joined(self) -> Iterator[tuple[str, Input[str]]]:
        """What of the network the cluster is in.

        Where it has a private DNS zone of its own, it links that to the whole network (Azure
        Kubernetes Service documentation, "Create a private cluster", hub and spoke).
        """
        if self._private and not self._central:
            yield "network", self._network.vnet_id
            return
        for subnet in self._network.nodes:
            yield subnet.name, subnet.id
        if self._network.control_plane is not None:
            yield "control-plane", self._network.control_plane

    def allow_pull(self, name: str, registry_id: Input[str]) -> Resource:
        """Lets the nodes pull images from a registry."""
        return self.assign(
            f"{name}-pull", "AcrPull", scope=registry_id, principal=self._kubelet.principal_id
        )

    # --- encryption ------------------------------------------------------------------------------

    def _disk_encryption(self, keys: Keys) -> Any:
        """The set that encrypts disks of nodes and of volumes."""
        encryption = keys.encryption(Concern.CLUSTER)
        return compute.DiskEncryptionSet(
            "disks",
            disk_encryption_set_name=f"{self.site.prefix}-disks",
            resource_group_name=self.site.group,
            encryption_type="EncryptionAtRestWithCustomerKey",
            active_key={"key_url": encryption.version_uri},
            rotation_to_latest_key_version_enabled=True,
            identity=encryption.identities,
            opts=self.child(
                stateful=True,
                depends_on=[encryption.ready, *self._network.ready],
                # Azure moves it to each new version.
                ignore_changes=["activeKey"],
            ),
        )

    # --- control plane ---------------------------------------------------------------------------

    def _control_plane(self, rights: list[Resource], addons: dict[str, Any]) -> Any:
        site = self.site
        etcd = self._etcd()
        return containerservice.ManagedCluster(
            "cluster",
            resource_name_=site.prefix,
            resource_group_name=site.group,
            node_resource_group=f"{site.prefix}-nodes",
            dns_prefix=site.prefix,
            kubernetes_version=site.blueprint.pins.kubernetes,
            sku={"name": "Base", "tier": "Standard" if site.durable else "Free"},
            identity={
                "type": "UserAssigned",
                "user_assigned_identities": [self._control.id],
            },
            identity_profile={
                "kubeletidentity": {
                    "resource_id": self._kubelet.id,
                    "client_id": self._kubelet.client_id,
                    "object_id": self._kubelet.principal_id,
                }
            },
            enable_rbac=True,
            disable_local_accounts=True,
            aad_profile={"managed": True, "enable_azure_rbac": True, "tenant_id": site.tenant},
            oidc_issuer_profile={"enabled": True},
            security_profile={
                "workload_identity": {"enabled": True},
                "image_cleaner": {"enabled": True, "interval_hours": 168},
                **({"azure_key_vault_kms": _kms(etcd)} if etcd else {}),
            },
            api_server_access_profile=self._api_server(),
            network_profile=self._networking(),
            disk_encryption_set_id=self.disks,
            agent_pool_profiles=[nodes.system(site, self._network.nodes)],
            addon_profiles={"azurepolicy": {"enabled": True}, **addons},
            auto_scaler_profile={
                "balance_similar_node_groups": "true",
                "expander": "least-waste",
                "skip_nodes_with_local_storage": "false",
                "skip_nodes_with_system_pods": "false",
            },
            auto_upgrade_profile={
                "upgrade_channel": "patch",
                "node_os_upgrade_channel": "NodeImage",
            },
            opts=self.child(
                stateful=True,
                depends_on=[*rights, *(etcd.ready if etcd else ())],
                # The cluster autoscaler owns the size of the pool.
                ignore_changes=["agentPoolProfiles[0].count"],
            ),
        )

    def _etcd(self) -> EtcdKey | None:
        """The key of what the API server stores; it reaches the vault by its own subnet only."""
        if self._network.control_plane is None:
            return None
        return EtcdKey(
            principal=self._control.principal_id,
            logs=self._keys.logs,
            site=self.site,
            parent=self,
        )

    def _api_server(self) -> dict[str, Any]:
        """In the network and nowhere else, unless the spec lists who may come from outside."""
        public = list(self.site.blueprint.settings.cluster.public_access)
        profile: dict[str, Any] = {"disable_run_command": True}
        if self._network.control_plane is not None:
            profile |= {"enable_vnet_integration": True, "subnet_id": self._network.control_plane}
        if public:
            return {**profile, "enable_private_cluster": False, "authorized_ip_ranges": public}
        return {
            **profile,
            "enable_private_cluster": True,
            # Without a zone, the public name resolves to the private address.
            "enable_private_cluster_public_fqdn": self._central,
            "private_dns_zone": "none" if self._central else "system",
        }

    @property
    def _private(self) -> bool:
        return not self.site.blueprint.settings.cluster.public_access

    @property
    def _central(self) -> bool:
        return options(self.site.blueprint).private_dns == "central"

    def _networking(self) -> dict[str, Any]:
        network = self.site.blueprint.settings.network
        firewall = network.adopt and options(self.site.blueprint).egress == "firewall"
        return {
            "network_plugin": "azure",
            "network_plugin_mode": "overlay",
            "network_dataplane": "cilium",
            "network_policy": "cilium",
            "pod_cidr": _PODS,
            "service_cidr": _SERVICES,
            "dns_service_ip": _DNS,
            "load_balancer_sku": "standard",
            "outbound_type": "userDefinedRouting" if firewall else "userAssignedNATGateway",
        }

    # --- upgrades --------------------------------------------------------------------------------

    def _window(self, kind: str, cluster: Input[str]) -> Resource:
        """When Azure may upgrade by itself: early on Sundays, UTC."""
        window: Resource = containerservice.MaintenanceConfiguration(
            kind,
            config_name=f"aksManaged{kind}Schedule",
            resource_group_name=self.site.group,
            resource_name_=cluster,
            maintenance_window={
                "schedule": {"weekly": {"day_of_week": "Sunday", "interval_weeks": 1}},
                "start_time": "02:00",
                "duration_hours": 6,
                "utc_offset": "+00:00",
            },
            opts=self.child(),
        )
        return window

    # --- access for the program ------------------------------------------------------------------

    def _host(self, cluster: Any) -> Output[str]:
        own = self._private and not self._central
        host: Output[str] = cluster.private_fqdn if own else cluster.fqdn
        return host

    def _kubernetes(self, cluster: Any) -> ProviderResource:
        """Asks for a token at each call; nothing that expires is kept.

        ``cluster_identifier`` keeps a changed kubeconfig from replacing everything on the cluster
        (pulumi/pulumi-kubernetes#1148); a new cluster has a new address.
        """
        found = containerservice.list_managed_cluster_user_credentials_output(
            resource_group_name=self.site.group,
            resource_name=cluster.name,
            format="exec",
            opts=pulumi.InvokeOutputOptions(parent=self, depends_on=[cluster]),
        )
        config = Output.all(
            cluster.name,
            self._host(cluster),
            found.kubeconfigs.apply(lambda given: given[0].value),
            self.site.tenant,
        )
        provider: ProviderResource = Provider(
            "kubernetes",
            kubeconfig=config.apply(lambda known: kubeconfig(*known)),
            cluster_identifier=self._host(cluster),
            # By default changed ones are deleted and made anew; a pod starting then fails, and
            # Alertmanager tells nobody.
            enable_config_map_mutable=True,
            enable_secret_mutable=True,
            opts=ResourceOptions(parent=self),
        )
        return provider


def _kms(etcd: EtcdKey) -> dict[str, Any]:
    return {
        "enabled": True,
        "key_id": etcd.version_uri,
        "key_vault_network_access": "Private",
        "key_vault_resource_id": etcd.vault_id,
    }
