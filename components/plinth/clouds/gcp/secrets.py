"""Secret Manager, and the way from it into a namespace through External Secrets."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import pulumi_gcp as gcp
from pulumi import Input, Output, Resource

from plinth.clouds import external_secrets
from plinth.clouds.gcp.identity import Kept
from plinth.clouds.gcp.keys import Concern, Keys
from plinth.clouds.gcp.site import Component, Site, after
from plinth.kube import Kube
from plinth.ports import Generated, Secret

_READ: Final = "roles/secretmanager.secretAccessor"
_DAY: Final = 24 * 60 * 60
#: How long a replaced version can be brought back.
_KEEP_REPLACED_DAYS: Final = 7


class GeneratedSecret(Component):
    """A secret whose values are made once (``plinth:index:Secret``).

    Attributes:
        name: What the store calls it, known once the values are in it and the operator, if any, may
            read them.
        id: Its full name, likewise.
    """

    services = ("secretmanager",)
    name: Output[str]
    id: Output[str]

    def __init__(
        self,
        name: str,
        values: Mapping[str, Generated | Input[str]],
        *,
        site: Site,
        keys: Keys,
        reader: Input[str] | None,
        parent: Resource,
    ) -> None:
        super().__init__("Secret", name, site, parent)
        sealing = {"kms_key_name": keys.key(Concern.SECRETS)}
        replica = {"location": site.region, "customer_managed_encryption": sealing}
        secret = gcp.secretmanager.Secret(
            name,
            secret_id=site.named(name, limit=255),
            replication={"user_managed": {"replicas": [replica]}},
            version_destroy_ttl=f"{_KEEP_REPLACED_DAYS * _DAY}s",
            deletion_protection=site.durable,
            labels=self.labels(),
            opts=self.child(stateful=True),
        )
        content = {key: self.value(f"{name}-{key}", value) for key, value in values.items()}
        version = gcp.secretmanager.SecretVersion(
            name, secret=secret.id, secret_data=_sealed(content), opts=self.child()
        )
        made = [version]
        if reader is not None:
            made.append(
                gcp.secretmanager.SecretIamMember(
                    name, secret_id=secret.id, role=_READ, member=reader, opts=self.child()
                )
            )
        self.name = after(secret.secret_id, *made)
        self.id = after(secret.id, *made)
        self.register_outputs({"id": self.id})


def _sealed(content: Mapping[str, Input[str]]) -> Output[str]:
    text: Output[str] = Output.json_dumps(content, sort_keys=True)
    sealed: Output[str] = Output.secret(text)
    return sealed


class Secrets:
    """The platform's secrets in Secret Manager.

    Args:
        site: Where.
        keys: The platform's keys.
        reader: Who reads them for the cluster: the External Secrets operator as an IAM member.
            ``None`` without a cluster. Asked when the first secret is made.
    """

    def __init__(self, site: Site, keys: Keys, reader: Callable[[], Input[str]] | None) -> None:
        self._site = site
        self._keys = keys
        self._reader = reader
        self._taken: set[str] = set()

    def generate(
        self, name: str, values: Mapping[str, Generated | Input[str]], parent: Resource
    ) -> Secret:
        """A secret ``<platform>-<environment>-<name>``."""
        if name in self._taken:
            raise ValueError(f"two secrets are called {name}")
        self._taken.add(name)
        made = GeneratedSecret(
            name,
            values,
            site=self._site,
            keys=self._keys,
            reader=self._reader() if self._reader else None,
            parent=parent,
        )
        return Secret(name=made.name, keys=tuple(values), ref=made.id)

    def existing(self, name: str, keys: Sequence[str]) -> Secret:
        """A secret that is there already; a path's slashes are dashes here."""
        known = secret_id(name)
        return Secret(name=known, keys=tuple(keys), ref=Kept(known))

    def referenced(self) -> dict[str, Secret]:
        """The secrets that the spec refers to, by their names here."""
        names = set(external_secrets.references(self._site.blueprint))
        return {secret_id(name): self.existing(name, ()) for name in sorted(names)}

    def store(self, kube: Kube, parent: Resource, depends_on: Sequence[Resource]) -> Resource:
        """The ClusterSecretStore; the operator's pods bring the rights."""
        provider = {"gcpsm": {"projectID": self._site.project}}
        return external_secrets.store(kube, provider, parent=parent, depends_on=depends_on)


def secret_id(name: str) -> str:
    """A secret's name as Secret Manager allows it: letters, digits, dashes and underscores."""
    return re.sub(r"[^A-Za-z0-9_-]", "-", name)
