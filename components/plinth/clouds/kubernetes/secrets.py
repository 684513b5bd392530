"""The secret store: a namespace of Kubernetes Secrets that External Secrets alone may read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pulumi import Input, Output, Resource

from plinth.clouds import external_secrets
from plinth.clouds.kubernetes.facts import OWN, SECRETS, theirs
from plinth.clouds.kubernetes.site import Component, Pending, Site
from plinth.kube import Kube
from plinth.ports import Generated, Secret

#: Service account in whose name the operator reads.
READER: Final = "secret-reader"
_RBAC: Final = "rbac.authorization.k8s.io"


class GeneratedSecret(Component):
    """A Kubernetes Secret whose values are made once (``plinth:index:Secret``)."""

    manifest: Resource

    def __init__(
        self,
        name: str,
        values: Mapping[str, Generated | Input[str]],
        *,
        site: Site,
        parent: Resource,
        depends_on: Sequence[Resource],
    ) -> None:
        super().__init__("Secret", name, site, parent)
        content = {
            key: Output.secret(self.value(f"{name}-{key}", value)) for key, value in values.items()
        }
        self.manifest = self.guarded.apply(
            name,
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": name_of(name), "namespace": SECRETS},
                "type": "Opaque",
                "stringData": content,
            },
            parent=self,
            depends_on=depends_on,
        )
        self.register_outputs({})


class Secrets:
    """The platform's secrets in the namespace :data:`~plinth.clouds.kubernetes.facts.SECRETS`."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._taken: set[str] = set()

    def generate(
        self,
        name: str,
        values: Mapping[str, Generated | Input[str]],
        *,
        parent: Resource,
        depends_on: Sequence[Resource],
        pending: Pending | None = None,
    ) -> Secret:
        """A Secret ``plinth-<name>``.

        Args:
            name: Unique on the platform.
            values: Given, or how to make them.
            parent: Parent component.
            depends_on: What makes the namespace.
            pending: What whoever is brought the secret waits for, beside the secret.
        """
        if name in self._taken:
            raise ValueError(f"two secrets are called {name}")
        self._taken.add(name)
        made = GeneratedSecret(name, values, site=self._site, parent=parent, depends_on=depends_on)
        wait = pending or Pending()
        wait.ready.append(made.manifest)
        return Secret(name=name_of(name), keys=tuple(values), ref=wait)

    @staticmethod
    def existing(name: str, keys: Sequence[str]) -> Secret:
        """A Secret that the team keeps in the namespace."""
        return Secret(name=theirs(name), keys=tuple(keys))

    def store(self, kube: Kube, parent: Resource, depends_on: Sequence[Resource]) -> Resource:
        """The ClusterSecretStore, and the right to read that one namespace.

        The operator asks for a token of the reader's each time (External Secrets documentation,
        "Kubernetes", authentication by service account), so it needs no right of its own here.
        """
        account = kube.service_account(
            READER, namespace=SECRETS, annotations={}, parent=parent, depends_on=depends_on
        )
        rights = _role(
            kube, READER, ["get", "list", "watch"], (SECRETS, READER), parent, depends_on=[account]
        )
        provider = {
            "kubernetes": {
                "remoteNamespace": SECRETS,
                "server": {
                    "url": "https://kubernetes.default.svc",
                    "caProvider": {
                        "type": "ConfigMap",
                        "name": "kube-root-ca.crt",
                        "namespace": SECRETS,
                        "key": "ca.crt",
                    },
                },
                "auth": {"serviceAccount": {"name": READER, "namespace": SECRETS}},
            }
        }
        return external_secrets.store(kube, provider, parent=parent, depends_on=[*rights])

    def allow(
        self,
        kube: Kube,
        name: str,
        secrets: Sequence[Secret],
        subject: tuple[str, str],
        *,
        parent: Resource,
    ) -> tuple[Resource, ...]:
        """The right of a service account (namespace, name) to read these Secrets by name."""
        names = [secret.name for secret in secrets]
        return _role(kube, name, ["get"], subject, parent, names=names)


def waits_for(secret: Secret) -> tuple[Resource, ...]:
    """What must be there before a secret is of use."""
    return tuple(secret.ref.ready) if isinstance(secret.ref, Pending) else ()


def name_of(name: str) -> str:
    """Name of the Kubernetes Secret behind a secret that Plinth makes."""
    return f"{OWN}{name}"


def _role(
    kube: Kube,
    name: str,
    verbs: Sequence[str],
    subject: tuple[str, str],
    parent: Resource,
    *,
    names: Sequence[Input[str]] = (),
    depends_on: Sequence[Resource] = (),
) -> tuple[Resource, ...]:
    """A role on secrets, all or the named ones, bound to one service account."""
    metadata = {"name": name, "namespace": SECRETS}
    rule: dict[str, Any] = {"apiGroups": [""], "resources": ["secrets"], "verbs": list(verbs)}
    if names:
        rule["resourceNames"] = list(names)
    role = kube.apply(
        f"{name}-role",
        {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "Role",
            "metadata": metadata,
            "rules": [rule],
        },
        parent=parent,
        depends_on=depends_on,
    )
    namespace, account = subject
    binding = kube.apply(
        f"{name}-binding",
        {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": _RBAC, "kind": "Role", "name": name},
            "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": namespace}],
        },
        parent=parent,
        depends_on=[role],
    )
    return role, binding
