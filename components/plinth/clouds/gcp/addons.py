"""What a GKE cluster needs in it beyond the common services.

GKE brings the autoscaler, the metrics server, the disks' driver, load balancers and the device
plugin of accelerators.
"""

from __future__ import annotations

from pulumi import Input, Resource

from plinth.clouds.gcp.cluster import Cluster
from plinth.clouds.gcp.identity import Rights
from plinth.clouds.gcp.secrets import Secrets
from plinth.clouds.gcp.site import Component, Site
from plinth.kube import Kube
from plinth.naming import gcp_label
from plinth.ports import Grant


class Addons(Component):
    """Storage class, and the rights of the secrets' operator (``plinth:index:Addons``).

    Attributes:
        ready: What workloads must wait for.
    """

    ready: tuple[Resource, ...]

    def __init__(
        self,
        *,
        site: Site,
        parent: Resource,
        kube: Kube,
        cluster: Cluster,
        disk_key: Input[str],
        secrets: Secrets,
        operator: Input[str],
    ) -> None:
        super().__init__("Addons", "addons", site, parent, capability="foundation")
        self._kube = kube
        self._cluster = cluster
        rights = [
            Rights(
                f"external-secrets-{name}",
                site=site,
                parent=self,
                member=operator,
                grants=[Grant(to=secret)],
            )
            for name, secret in secrets.referenced().items()
        ]
        self.ready = (
            self._storage_class(disk_key),
            *(right for one in rights for right in one.ready),
        )
        self.register_outputs({})

    def _storage_class(self, key: Input[str]) -> Resource:
        """The default class: balanced disks under the customer-managed key.

        GKE's own class `standard-rwo` says that it is the default too. Kubernetes takes the newer
        (Kubernetes documentation, "Storage Classes", default StorageClass).
        """
        labels = {
            **{gcp_label(name): gcp_label(tag) for name, tag in self.site.blueprint.tags.items()},
            "capability": self.capability,
        }
        manifest = {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {
                "name": "encrypted",
                "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
            },
            "provisioner": "pd.csi.storage.gke.io",
            "parameters": {
                "type": "pd-balanced",
                "disk-encryption-kms-key": key,
                "labels": ",".join(f"{name}={tag}" for name, tag in sorted(labels.items())),
            },
            "reclaimPolicy": "Retain" if self.site.durable else "Delete",
            # A disk lives in one zone: it is made where its pod is put.
            "volumeBindingMode": "WaitForFirstConsumer",
            "allowVolumeExpansion": True,
        }
        return self._kube.apply(
            "storage-class", manifest, parent=self, depends_on=self._cluster.handle.ready
        )
