"""The Redis-protocol server: Valkey by its own project's chart, authenticated and TLS only."""

from __future__ import annotations

import math
from typing import Any, Final

from pulumi import Output, Resource

from plinth.clouds import external_secrets
from plinth.clouds.kubernetes.facts import STORES
from plinth.clouds.kubernetes.site import Component, Site
from plinth.clouds.kubernetes.stores import Stores, host
from plinth.kube import Kube
from plinth.ports import Secret

NAME: Final = "key-value"
PORT: Final = 6379
HOST: Final = host(NAME)
_AUTH: Final = "key-value-auth"
#: Disk sizes in GiB: in steps, as the disks of a StatefulSet cannot be resized through its chart.
_DISKS: Final = (16, 64, 256, 1024)


class KeyValue(Component):
    """Valkey as one primary with the spec's replicas (``plinth:index:KeyValue``).

    The first pod is the primary for good: when its node is lost, it comes back on another one with
    its disk, and until then there are only reads.

    Attributes:
        ready: What a client must wait for.
    """

    ready: Resource

    def __init__(self, *, site: Site, stores: Stores, auth: Secret, parent: Resource) -> None:
        super().__init__("KeyValue", NAME, site, parent)
        hosts = [HOST, f"*.{host(f'{NAME}-headless')}", f"{NAME}.{STORES}.svc"]
        tls = stores.certificate(f"{NAME}-tls", hosts, parent=self)
        password = external_secrets.deliver(
            self.kube,
            _AUTH,
            namespace=STORES,
            data={"password": "${auth.password}"},
            sources={"auth": auth},
            parent=self,
            depends_on=stores.ready,
        )
        access = stores.admit(self.kube, NAME, PORT, parent=self, all_=False)
        self.ready = self.guarded.release(
            NAME,
            site.blueprint.pins.charts["valkey"],
            namespace=STORES,
            values=values(site, self.kube),
            parent=self,
            depends_on=[*stores.ready, tls, password, access],
        )
        self.register_outputs({"host": Output.from_input(HOST)})


def values(site: Site, kube: Kube) -> dict[str, Any]:
    """Values of the chart ``valkey``."""
    spec = site.blueprint.settings.cache
    mebibytes = math.ceil(spec.memory * 1024)
    disk = next((size for size in _DISKS if size >= 2 * spec.memory), _DISKS[-1])
    return {
        "fullnameOverride": NAME,
        "image": {"tag": site.blueprint.pins.valkey},
        "commonLabels": kube.labels,
        "auth": {
            "enabled": True,
            "usersExistingSecret": _AUTH,
            "aclUsers": {"default": {"permissions": "~* &* +@all", "passwordKey": "password"}},
        },
        "tls": {
            "enabled": True,
            "existingSecret": f"{NAME}-tls",
            "serverPublicKey": "tls.crt",
            "serverKey": "tls.key",
            "caPublicKey": "ca.crt",
        },
        # Also with no replica: the other mode keeps its data on another disk.
        "replica": {
            "enabled": True,
            "replicas": spec.replicas or 0,
            "replicationUser": "default",
            "service": {"enabled": False},
            "persistence": {
                "size": f"{disk}Gi",
                "storageClass": site.options.storage_class or "",
            },
        },
        # Only keys that carry an expiry may be dropped when memory runs out: features do not.
        "valkeyConfig": f"maxmemory {mebibytes}mb\nmaxmemory-policy volatile-lru\nappendonly yes\n",
        "resources": {
            "requests": {"cpu": "250m", "memory": f"{mebibytes}Mi"},
            # Copies of pages while the disk is written, and buffers of connections.
            "limits": {"memory": f"{math.ceil(mebibytes * 1.5) + 128}Mi"},
        },
        "initResources": {
            "requests": {"cpu": "50m", "memory": "32Mi"},
            "limits": {"memory": "64Mi"},
        },
        # Reading back what was written may take minutes; until then nobody is sent there.
        "startupProbe": {"failureThreshold": 60},
        "readinessProbe": {"enabled": True},
        "podDisruptionBudget": {"enabled": bool(spec.replicas), "maxUnavailable": 1},
    }
