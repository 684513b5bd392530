"""What an AKS cluster needs in it beyond the common services."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pulumi import Resource

from plinth.clouds.azure import machines
from plinth.clouds.azure.cluster import STORAGE_CLASS, Cluster
from plinth.clouds.azure.site import Component, Site
from plinth.kube import Kube

_SPACE: Final = "kube-system"
_DEVICES: Final = "nvidia-device-plugin"


class Addons(Component):
    """Storage class and accelerators (``plinth:index:Addons``).

    Attributes:
        ready: What workloads must wait for.
    """

    ready: tuple[Resource, ...]

    def __init__(self, *, site: Site, parent: Resource, kube: Kube, cluster: Cluster) -> None:
        super().__init__("Addons", "addons", site, parent, capability="foundation")
        self._kube = kube
        self._cluster = cluster
        self.ready = (self._storage_class(), *self._devices())
        self.register_outputs({})

    def _storage_class(self) -> Resource:
        """The default class: disks under the customer-managed key.

        AKS brings a default too; of two, Kubernetes takes the one that was made last. It is named
        all the same wherever a disk is asked for.
        """
        tags = sorted(self.all_tags.items())
        manifest = {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {
                "name": STORAGE_CLASS,
                "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
            },
            "provisioner": "disk.csi.azure.com",
            "parameters": {
                "skuName": "Premium_LRS" if self.site.durable else "StandardSSD_LRS",
                "diskEncryptionSetID": self._cluster.disks,
                "networkAccessPolicy": "DenyAll",
                "publicNetworkAccess": "Disabled",
                "tags": ",".join(f"{name}={value}" for name, value in tags),
            },
            "reclaimPolicy": "Retain" if self.site.durable else "Delete",
            # A disk lives in one zone: it is made where its pod is put.
            "volumeBindingMode": "WaitForFirstConsumer",
            "allowVolumeExpansion": True,
        }
        return self._kube.apply(
            "storage-class", manifest, parent=self, depends_on=self._cluster.handle.ready
        )

    def _devices(self) -> Iterator[Resource]:
        """The NVIDIA device plugin, where a pool has accelerators.

        AKS installs the drivers, and nothing that offers the devices to pods.
        """
        pools = self.site.blueprint.settings.cluster.node_pools.values()
        if any(machines.has_gpu(machines.node(pool)) for pool in pools):
            yield self._kube.release(
                _DEVICES,
                self.site.blueprint.pins.charts[_DEVICES],
                namespace=_SPACE,
                values={
                    # By itself it tolerates neither the taint of spot machines nor any that a spec
                    # adds: such a pool would offer no device.
                    "tolerations": [{"operator": "Exists"}],
                    "resources": {
                        "requests": {"cpu": "50m", "memory": "128Mi"},
                        "limits": {"memory": "128Mi"},
                    },
                },
                parent=self,
                depends_on=self._cluster.handle.ready,
            )
