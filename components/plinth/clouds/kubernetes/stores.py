"""What all stores on the cluster share: their namespace, and the authority of their TLS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pulumi import Resource

from plinth.clouds import external_secrets
from plinth.clouds.kubernetes.facts import SECRETS, STORES
from plinth.clouds.kubernetes.site import Component, Site
from plinth.kube import Kube
from plinth.ports import Secret

#: Where the operator of PostgreSQL runs, which looks after its instances over the network.
OPERATORS: Final = "database-operator"
#: Secret of the authority's certificate, key ``ca.crt``.
AUTHORITY: Final = "stores-ca"
_API: Final = "cert-manager.io/v1"
#: Ten years: Valkey reads its certificate when it starts, and at no other time.
_DURATION: Final = "87600h"
_AWAIT: Final = {"pulumi.com/waitFor": "condition=Ready"}


class Stores(Component):
    """The namespace of the stores and their own certificate authority (``plinth:index:Stores``).

    The authority is not the platform's issuer: ACME signs no names inside a cluster.  It lives in
    the secrets' namespace, so that certificates go the way of all secrets.

    Attributes:
        ready: What a store must wait for.
    """

    ready: tuple[Resource, ...]

    def __init__(self, *, site: Site, parent: Resource, depends_on: Sequence[Resource]) -> None:
        """Makes them, once cert-manager and External Secrets (``depends_on``) run."""
        super().__init__("Stores", STORES, site, parent)
        operators = site.options.installed.cloudnative_pg or OPERATORS
        space = self.guarded.namespace(
            STORES, parent=self, depends_on=depends_on, callers=[operators]
        )
        self.ready = (*space, self._authority(depends_on))
        self.register_outputs({})

    def _authority(self, depends_on: Sequence[Resource]) -> Resource:
        root = self._issuer("stores-root", {"selfSigned": {}}, depends_on)
        certificate = self.kube.apply(
            AUTHORITY,
            _certificate(
                AUTHORITY,
                {
                    "isCA": True,
                    "commonName": f"{self.site.prefix} stores CA",
                    "issuerRef": {"name": "stores-root", "kind": "Issuer"},
                },
            ),
            parent=self,
            depends_on=[root],
        )
        return self._issuer("stores", {"ca": {"secretName": AUTHORITY}}, [certificate])

    def _issuer(
        self, name: str, spec: Mapping[str, Any], depends_on: Sequence[Resource]
    ) -> Resource:
        return self.kube.apply(
            f"{name}-issuer",
            {
                "apiVersion": _API,
                "kind": "Issuer",
                "metadata": {"name": name, "namespace": SECRETS},
                "spec": dict(spec),
            },
            parent=self,
            depends_on=depends_on,
        )

    def certificate(self, name: str, hosts: Sequence[str], *, parent: Resource) -> Resource:
        """A server certificate, as the TLS Secret ``name`` in the stores' namespace."""
        kube = self.kube
        made = kube.apply(
            f"{name}-certificate",
            _certificate(
                name,
                {
                    "dnsNames": list(hosts),
                    "usages": ["server auth", "client auth"],
                    "issuerRef": {"name": "stores", "kind": "Issuer"},
                },
            ),
            parent=parent,
            depends_on=self.ready,
        )
        keys = ("tls.crt", "tls.key", "ca.crt")
        return external_secrets.deliver(
            kube,
            name,
            namespace=STORES,
            data={key: f"${{tls.{key}}}" for key in keys},
            sources={"tls": Secret(name=name, keys=keys)},
            parent=parent,
            depends_on=[made],
        )

    def admit(self, kube: Kube, name: str, port: int, *, parent: Resource, all_: bool) -> Resource:
        """Lets pods connect to ``port`` of a store: those of the platform, or ``all_``.

        Who may is for the store to say; this keeps out whoever has no business there.
        """
        who: dict[str, Any] = {} if all_ else {"matchLabels": {"managed-by": "plinth"}}
        return kube.apply(
            f"{name}-access",
            {
                "apiVersion": "networking.k8s.io/v1",
                "kind": "NetworkPolicy",
                "metadata": {"name": name, "namespace": STORES},
                "spec": {
                    "podSelector": {},
                    "policyTypes": ["Ingress"],
                    "ingress": [{"from": [{"namespaceSelector": who}], "ports": [{"port": port}]}],
                },
            },
            parent=parent,
            depends_on=self.ready,
        )


def host(service: str) -> str:
    """Full name of a store's Service."""
    return f"{service}.{STORES}.svc.cluster.local"


def _certificate(name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": _API,
        "kind": "Certificate",
        "metadata": {"name": name, "namespace": SECRETS, "annotations": _AWAIT},
        "spec": {
            "secretName": name,
            "duration": _DURATION,
            "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Never"},
            **spec,
        },
    }
