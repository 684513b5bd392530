"""Secrets Manager, and the way from it into a namespace through External Secrets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pulumi_aws as aws
from pulumi import Input, Output, Resource

from plinth.clouds import external_secrets
from plinth.clouds.aws.identity import decrypt_secrets
from plinth.clouds.aws.keys import Concern, Keys
from plinth.clouds.aws.site import Component, Site, allow
from plinth.kube import Kube
from plinth.ports import Generated, Secret

_KEEP_DELETED_DAYS: Final = 30


class GeneratedSecret(Component):
    """A secret whose values are made once (``plinth:index:Secret``)."""

    name: Output[str]
    arn: Output[str]

    def __init__(
        self,
        name: str,
        values: Mapping[str, Generated | Input[str]],
        *,
        site: Site,
        keys: Keys,
        parent: Resource,
    ) -> None:
        super().__init__("Secret", name, site, parent)
        secret = aws.secretsmanager.Secret(
            name,
            name=f"{site.prefix}/{name}",
            kms_key_id=keys.arn(Concern.SECRETS),
            # A name stays taken for as long as the deleted secret can be restored
            # (hashicorp/terraform-provider-aws#4467): what may be lost goes at once.
            recovery_window_in_days=_KEEP_DELETED_DAYS if site.durable else 0,
            tags=self.tags(),
            opts=self.child(stateful=True),
        )
        content = {key: self.value(f"{name}-{key}", value) for key, value in values.items()}
        version = aws.secretsmanager.SecretVersion(
            name,
            secret_id=secret.id,
            secret_string=_sealed(content),
            opts=self.child(),
        )
        # Whoever is told the name or the ARN may count on the values being there.
        self.name = _once(secret.name, version)
        self.arn = _once(secret.arn, version)
        self.register_outputs({"arn": self.arn})


def _once(value: Output[str], made: Any) -> Output[str]:
    return Output.all(value, made.id).apply(lambda known: str(known[0]))


def _sealed(content: Mapping[str, Input[str]]) -> Output[str]:
    text: Output[str] = Output.json_dumps(content, sort_keys=True)
    sealed: Output[str] = Output.secret(text)
    return sealed


class Secrets:
    """The platform's secrets in Secrets Manager."""

    def __init__(self, site: Site, keys: Keys) -> None:
        self._site = site
        self._keys = keys
        self._taken: set[str] = set()

    def generate(
        self, name: str, values: Mapping[str, Generated | Input[str]], parent: Resource
    ) -> Secret:
        """A secret ``<platform>-<environment>/<name>``."""
        if name in self._taken:
            raise ValueError(f"two secrets are called {name}")
        self._taken.add(name)
        made = GeneratedSecret(name, values, site=self._site, keys=self._keys, parent=parent)
        return Secret(name=made.name, keys=tuple(values), ref=made.arn)

    def existing(self, name: str, keys: Sequence[str]) -> Secret:
        """A secret that is there already, by name or ARN."""
        return Secret(name=name, keys=tuple(keys), ref=self._arn(name))

    def _arn(self, name: str) -> Input[str]:
        """The ARN; a name's has six characters at its end that only Secrets Manager knows."""
        if name.startswith("arn:"):
            return name
        return self._site.arn("secretsmanager", f"secret:{name}-??????")

    def operator_statements(self) -> list[dict[str, Any]]:
        """What the operator may read: this platform's secrets and those the spec refers to."""
        own = self._site.arn("secretsmanager", f"secret:{self._site.prefix}/*")
        named = sorted(set(external_secrets.references(self._site.blueprint)))
        return self.reading([own, *(self._arn(name) for name in named)])

    def reading(self, arns: Sequence[Input[str]]) -> list[dict[str, Any]]:
        """The right to read secrets."""
        actions = ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"]
        return [allow(actions, list(arns)), decrypt_secrets(arns, self._site)]

    def store(self, kube: Kube, parent: Resource, depends_on: Sequence[Resource]) -> Resource:
        """The ClusterSecretStore; the operator's pods bring the rights."""
        provider = {"aws": {"service": "SecretsManager", "region": self._site.region}}
        return external_secrets.store(kube, provider, parent=parent, depends_on=depends_on)
