"""What every self-hosted tool needs on the cluster, in an order that cannot deadlock.

Custom resource definitions that several charts need come first, as a release of their own that is
kept on destroy; then the operators that serve them; then the objects they act on.  Each step waits
for the one before by ``depends_on``, and the network outlives whatever makes a load balancer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi import Resource, ResourceOptions

from plinth.blueprint import Blueprint
from plinth.capabilities import gateway as gateways
from plinth.capabilities.gateway import Gateway
from plinth.kube import Kube, Manifest
from plinth.naming import label_value
from plinth.ports import Adapter, WorkloadIdentity

#: Namespace of jobs and charts that belong to no capability.
NAMESPACE = "services"
#: cert-manager's issuer for everything on the platform.
ISSUER = "platform"

#: Where the metrics server answers the API server. Cut off, it would leave autoscalers blind, and
#: namespaces that are deleted would stay for ever, as the list of their objects is incomplete.
_METRICS_API = 10250
_OIDC = "oidc-client"


class ClusterServices(pulumi.ComponentResource):
    """The cluster's common services (``plinth:index:Services``).

    Makes the CRDs of Prometheus, cert-manager with an issuer, External Secrets
    with the cloud's store, the metrics server, the cloud's own add-ons, and with a domain the
    shared gateway with TLS and DNS records; all but what the cluster has already.

    Attributes:
        kube: Makes objects on the cluster.
        ready: What a workload must wait for.
        gateway: The gateway that pages are reached through.
    """

    kube: Kube
    ready: tuple[Resource, ...]
    gateway: Gateway

    def __init__(
        self, name: str, blueprint: Blueprint, cloud: Adapter, opts: ResourceOptions | None = None
    ) -> None:
        super().__init__("plinth:index:Services", name, None, opts)
        self._blueprint = blueprint
        self._cloud = cloud
        cluster = cloud.cluster()
        labels = {key: label_value(value) for key, value in blueprint.tags.items()}
        self.kube = Kube(cluster.provider, {**labels, "capability": "services"}, cluster.spot)
        self._charts = blueprint.pins.charts
        self._installed = cluster.installed
        self.gateway = Gateway.of(cluster.installed)
        space = self.kube.namespace(
            NAMESPACE, parent=self, depends_on=cluster.ready, open_ports=[_METRICS_API]
        )
        definitions = self._definitions(space)
        addons = cloud.cluster_addons(self.kube, parent=self)
        base = (*definitions, *addons)
        metrics = self._service("metrics-server", NAMESPACE, {"replicas": self._copies}, base)
        issuer = self._certificates(base)
        store = self._external_secrets(base, issuer)
        self.ready = (*base, *metrics, *issuer, *store)
        if blueprint.settings.domain:
            self.ready = (*self.ready, *self._pages(issuer, base))
        self.register_outputs({})

    @property
    def _copies(self) -> int:
        return 2 if self._blueprint.settings.durable else 1

    def _release(
        self,
        name: str,
        namespace: str,
        values: Mapping[str, Any],
        depends_on: Sequence[Resource],
        *,
        ports: Sequence[int] = (),
    ) -> Resource:
        """A chart in a namespace of its own, whose webhook ``ports`` the API server may call."""
        after = list(depends_on)
        if namespace != NAMESPACE:
            after += self.kube.namespace(
                namespace, parent=self, depends_on=depends_on, open_ports=ports
            )
        return self.kube.release(
            name,
            self._charts[name],
            namespace=namespace,
            values=values,
            parent=self,
            depends_on=after,
        )

    def _service(
        self,
        name: str,
        namespace: str,
        values: Mapping[str, Any],
        depends_on: Sequence[Resource],
        *,
        ports: Sequence[int] = (),
    ) -> tuple[Resource, ...]:
        """A common service's chart, unless the cluster has it: then there is nothing to make."""
        if name in self._installed.services:
            return ()
        return (self._release(name, namespace, values, depends_on, ports=ports),)

    def _definitions(self, space: Sequence[Resource]) -> tuple[Resource, ...]:
        """CRDs that other charts check for, as a release that upgrades reach and destroy keeps."""
        name = "prometheus-operator-crds"
        if name in self._installed.services:
            return tuple(space)
        return (
            self.kube.release(
                name,
                self._charts[name],
                namespace=NAMESPACE,
                values={},
                parent=self,
                depends_on=space,
                keep=True,
            ),
        )

    # --- certificates ----------------------------------------------------------------------------

    def _certificates(self, base: Sequence[Resource]) -> tuple[Resource, ...]:
        """cert-manager and the issuer; what a certificate must wait for."""
        values: dict[str, Any] = {
            "replicaCount": self._copies,
            "webhook": {"replicaCount": self._copies},
            "cainjector": {"replicaCount": self._copies},
            # Kept on delete: removing the CRDs would remove every certificate with them.
            "crds": {"enabled": True, "keep": True},
            # The chart's startup check stays on: a webhook that is ready is trusted by the API
            # server only when the injector has given it the certificate, moments later.
            "global": {"leaderElection": {"namespace": "cert-manager"}},
        }
        domain = self._blueprint.settings.domain
        acme = domain is not None and domain.tls.issuer == "acme"
        # Rights on the zone come first: a pod gets the credentials that exist when it starts.
        rights: Sequence[Resource] = ()
        if acme:
            identity = self._dns_rights("cert-manager-dns", "cert-manager")
            rights = identity.ready
            values |= _identity_values(identity)
        manager = self._service(
            "cert-manager", "cert-manager", values, [*base, *rights], ports=[10250]
        )
        if self._installed.issuer:
            return manager
        after = manager or base
        return (self._acme_issuer(after) if acme else self._private_issuer(after),)

    @property
    def _issuer(self) -> str:
        return self._installed.issuer or ISSUER

    def _dns_rights(self, name: str, namespace: str) -> WorkloadIdentity:
        return self._cloud.dns_identity(
            name, namespace=namespace, service_account=namespace, parent=self
        )

    def _private_issuer(self, after: Sequence[Resource]) -> Resource:
        root = self.kube.apply(
            "root-issuer", _issuer("root", {"selfSigned": {}}), parent=self, depends_on=after
        )
        authority = self.kube.apply(
            "certificate-authority",
            {
                "apiVersion": "cert-manager.io/v1",
                "kind": "Certificate",
                "metadata": {"name": "platform-ca", "namespace": "cert-manager"},
                "spec": {
                    "isCA": True,
                    "commonName": f"{self._blueprint.prefix} platform CA",
                    "secretName": "platform-ca",
                    "duration": "87600h",
                    "privateKey": {"algorithm": "ECDSA", "size": 256},
                    "issuerRef": {"name": "root", "kind": "ClusterIssuer"},
                },
            },
            parent=self,
            depends_on=[root],
        )
        return self.kube.apply(
            "issuer",
            _issuer(ISSUER, {"ca": {"secretName": "platform-ca"}}),
            parent=self,
            depends_on=[authority],
        )

    def _acme_issuer(self, after: Sequence[Resource]) -> Resource:
        settings = self._blueprint.settings
        tls = settings.domain.tls if settings.domain else None
        if tls is None:
            raise RuntimeError("ACME without a domain is refused by the blueprint")
        acme = {
            "server": tls.server,
            "email": tls.email or settings.owner,
            "privateKeySecretRef": {"name": "acme-account"},
            "solvers": [{"dns01": dict(self._cloud.dns_solver())}],
        }
        return self.kube.apply(
            "issuer",
            _issuer(ISSUER, {"acme": acme}),
            parent=self,
            depends_on=after,
        )

    # --- secrets ---------------------------------------------------------------------------------

    def _external_secrets(
        self, base: Sequence[Resource], issuer: Sequence[Resource]
    ) -> tuple[Resource, ...]:
        """The operator and the cloud's store, which may be behind a certificate of ours."""
        values = {
            "installCRDs": True,
            # Kept on delete: a cluster's other teams may have secrets of these kinds by now. They
            # would go with the CRDs, or never: each has a finalizer that the operator takes off.
            "crds": {"annotations": {"helm.sh/resource-policy": "keep"}},
            "replicaCount": self._copies,
            "leaderElect": True,
            "webhook": {"replicaCount": self._copies},
            "serviceAccount": {"name": "external-secrets"},
            "commonLabels": self.kube.labels,
        }
        operator = self._service(
            "external-secrets", "external-secrets", values, base, ports=[10250]
        )
        after = [*(operator or base), *issuer]
        return self._cloud.secret_store(self.kube, parent=self, depends_on=after)

    # --- gateway ---------------------------------------------------------------------------------

    def _pages(self, issuer: Sequence[Resource], base: Sequence[Resource]) -> tuple[Resource, ...]:
        """The gateway with its certificate, and its DNS records."""
        if self._installed.gateway:
            return self._records(base)
        made = self._listen([*issuer, *base], *self._controller(base))
        return (*made, *self._records(made))

    def _controller(self, base: Sequence[Resource]) -> tuple[Resource, ...]:
        """Envoy Gateway, its class and how its load balancer is asked for."""
        if "gateway" in self._installed.services:
            return ()
        values = {
            "deployment": {"replicas": self._copies},
            "podDisruptionBudget": {"minAvailable": 1} if self._copies > 1 else {},
        }
        # 10080 and 10443: where Envoy listens for the Gateway's ports 80 and 443. 9443: the webhook
        # that tells Envoy its zone, without which each of its pods would wait for a timeout.
        # The CRDs come from the chart's `crds/` folder, which Helm never deletes: the chart that
        # has them alone does not fit into a release, whose record may have 1 MiB.
        controller = self._release(
            "gateway-helm", gateways.NAMESPACE, values, base, ports=[10080, 10443, 9443]
        )
        proxy = self._in_gateway(
            "EnvoyProxy",
            "gateway.envoyproxy.io/v1alpha1",
            {
                "provider": {
                    "type": "Kubernetes",
                    "kubernetes": {
                        "envoyService": gateways.envoy_service(self._cloud.load_balancer()),
                        "envoyDeployment": {"replicas": self._copies},
                        **({"envoyPDB": {"minAvailable": 1}} if self._copies > 1 else {}),
                    },
                }
            },
            [controller],
        )
        gateway_class = self.kube.apply(
            "gateway-class",
            {
                "apiVersion": "gateway.networking.k8s.io/v1",
                "kind": "GatewayClass",
                "metadata": {"name": gateways.CLASS},
                "spec": {"controllerName": "gateway.envoyproxy.io/gatewayclass-controller"},
            },
            parent=self,
            depends_on=[controller],
        )
        return controller, proxy, gateway_class

    def _listen(
        self, depends_on: Sequence[Resource], *controller: Resource
    ) -> tuple[Resource, ...]:
        """The Gateway, its certificate, and the way from http to https."""
        if not controller:  # its namespace would have come with it
            depends_on = self.kube.namespace(
                gateways.NAMESPACE, parent=self, depends_on=depends_on, open_ports=[80, 443]
            )
        domain = self._domain
        certificate = self._in_gateway(
            "Certificate",
            "cert-manager.io/v1",
            {
                "secretName": "platform-tls",
                "dnsNames": [f"*.{domain}", f"*.models.{domain}"],
                "issuerRef": {"name": self._issuer, "kind": "ClusterIssuer"},
            },
            [*depends_on, *controller],
        )
        spec = gateways.listeners(self.gateway.class_name, own_proxy=bool(controller))
        gateway = self._in_gateway(
            "Gateway", "gateway.networking.k8s.io/v1", spec, [*depends_on, *controller]
        )
        redirect = self._in_gateway(
            "HTTPRoute", "gateway.networking.k8s.io/v1", gateways.redirect(), [gateway]
        )
        return certificate, gateway, redirect

    @property
    def _domain(self) -> str:
        domain = self._blueprint.settings.domain
        if domain is None:
            raise RuntimeError("the gateway exists only with a domain")
        return domain.name

    def _in_gateway(
        self, kind: str, api: str, spec: Mapping[str, Any], depends_on: Sequence[Resource]
    ) -> Manifest:
        return self.kube.apply(
            f"gateway-{kind.lower()}",
            {
                "apiVersion": api,
                "kind": kind,
                "metadata": {"name": gateways.NAME, "namespace": gateways.NAMESPACE},
                "spec": dict(spec),
            },
            parent=self,
            depends_on=depends_on,
        )

    def _records(self, gateway: Sequence[Resource]) -> tuple[Resource, ...]:
        domain = self._blueprint.settings.domain
        if domain is None or domain.zone is None:
            return ()
        identity = self._dns_rights("external-dns", "external-dns")
        settings = dict(self._cloud.dns_values())
        arguments = [f"--regex-domain-filter={names_in(domain.name)}"]
        values = {
            "provider": {"name": self._cloud.dns_provider()},
            "sources": ["gateway-httproute"],
            "policy": "sync",
            # At once, and not a minute later: by then `destroy` would have taken it away, and the
            # records would stay.
            "triggerLoopOnEvent": True,
            "txtOwnerId": self._blueprint.prefix,
            "extraArgs": [*arguments, *settings.pop("extraArgs", ())],
            **_identity_values(identity, name="external-dns"),
            **settings,
        }
        after = [*gateway, *identity.ready]
        return self._service("external-dns", "external-dns", values, after)

    # --- pages -----------------------------------------------------------------------------------

    def page(
        self,
        name: str,
        *,
        namespace: str,
        service: str,
        port: int,
        parent: Resource,
        depends_on: Sequence[Resource] = (),
        sign_in: bool = True,
    ) -> str | None:
        """Routes ``https://<name>.<domain>`` to a service, behind sign-in where the spec has one.

        Returns the URL, or ``None`` without a domain.
        """
        settings = self._blueprint.settings
        if settings.domain is None:
            return None
        host = f"{name}.{settings.domain.name}"
        route = self.kube.apply(
            f"{name}-route",
            {
                "apiVersion": "gateway.networking.k8s.io/v1",
                "kind": "HTTPRoute",
                "metadata": {"name": name, "namespace": namespace},
                "spec": {
                    "parentRefs": [self.gateway.reference],
                    "hostnames": [host],
                    "rules": [{"backendRefs": [{"name": service, "port": port}]}],
                },
            },
            parent=parent,
            depends_on=[*self.ready, *depends_on],
        )
        if settings.identity and sign_in:
            self._sign_in(name, host, namespace, parent, [route, *depends_on])
        return f"https://{host}"

    def _sign_in(
        self,
        name: str,
        host: str,
        namespace: str,
        parent: Resource,
        depends_on: Sequence[Resource],
    ) -> None:
        """Envoy Gateway asks for an OIDC session before anything reaches the route."""
        provider = self._blueprint.settings.identity
        if provider is None:
            return
        reference = provider.client_secret
        secret_name = f"{name}-{_OIDC}"
        secret = self._cloud.deliver(
            self.kube,
            secret_name,
            namespace=namespace,
            data={"client-secret": f"${{client.{reference.key}}}"},
            sources={"client": self._cloud.existing(reference.secret, [reference.key])},
            parent=parent,
            depends_on=[*self.ready, *depends_on],
        )
        self.kube.apply(
            f"{name}-sign-in",
            {
                "apiVersion": "gateway.envoyproxy.io/v1alpha1",
                "kind": "SecurityPolicy",
                "metadata": {"name": name, "namespace": namespace},
                "spec": {
                    "targetRefs": [
                        {
                            "group": "gateway.networking.k8s.io",
                            "kind": "HTTPRoute",
                            "name": name,
                        }
                    ],
                    "oidc": {
                        "provider": {"issuer": provider.issuer},
                        "clientID": provider.client_id,
                        "clientSecret": {"name": secret_name},
                        "redirectURL": f"https://{host}/oauth2/callback",
                        "logoutPath": "/oauth2/logout",
                        "scopes": list(provider.scopes),
                    },
                },
            },
            parent=parent,
            depends_on=[secret, *depends_on],
        )


def names_in(domain: str) -> str:
    """A pattern of all names in a domain, and of the zones that these may be kept in.

    A plain filter would let no zone of a parent be seen: external-dns compares filters with the
    names of zones too (v0.21, ``provider/aws``, ``provider/azure`` and ``provider/google``).
    """
    labels = domain.split(".")
    parents = [".".join(labels[number:]) for number in range(1, len(labels) - 1)]
    patterns = [rf"(.+\.)?{re.escape(domain)}", *map(re.escape, parents)]
    return "|".join(f"^{pattern}$" for pattern in patterns)


def _identity_values(identity: WorkloadIdentity, **account: str) -> dict[str, Any]:
    """What a chart's service account and pods carry for the sake of an identity, if anything."""
    annotations = {"annotations": dict(identity.annotations)} if identity.annotations else {}
    found: dict[str, Any] = {
        "serviceAccount": {**account, **annotations},
        "podLabels": dict(identity.pod_labels),
    }
    return {key: value for key, value in found.items() if value}


def _issuer(name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "cert-manager.io/v1",
        "kind": "ClusterIssuer",
        "metadata": {"name": name},
        "spec": dict(spec),
    }
