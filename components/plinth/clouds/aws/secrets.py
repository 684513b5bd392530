"""Secrets Manager, and the way from it into a namespace through External Secrets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import pulumi_aws as aws
import pulumi_random as random
from pulumi import Input, Output, Resource
from pydantic import BaseModel

from plinth.blueprint import Blueprint
from plinth.clouds.aws.identity import decrypt_secrets
from plinth.clouds.aws.keys import Concern, Keys
from plinth.clouds.aws.site import Component, Site, allow
from plinth.kube import Kube
from plinth.ports import Generated, Secret
from plinth.spec.types import SecretRef

#: Name of the ClusterSecretStore that every ExternalSecret refers to.
STORE: Final = "plinth"
#: Where the operator runs, and its service account.
NAMESPACE: Final = "external-secrets"
SERVICE_ACCOUNT: Final = "external-secrets"

_API: Final = "external-secrets.io/v1"
#: The provider goes on only when the operator has done its work (pulumi-kubernetes 4.18,
#: pulumi/pulumi-kubernetes#3134), so that pods find their secrets.
_AWAIT: Final = {"pulumi.com/waitFor": "condition=Ready"}
_REFERENCE: Final = re.compile(r"\$\{([\w-]+)\.([\w.-]+)\}")
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
        content = {key: self._value(f"{name}-{key}", value) for key, value in values.items()}
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

    def _value(self, name: str, value: Generated | Input[str]) -> Input[str]:
        if not isinstance(value, Generated):
            return value
        options = self.child(stateful=True)
        if value.kind == "bytes":
            made: Output[str] = random.RandomBytes(name, length=value.length, opts=options).base64
            return made
        # Letters and digits only: safe in URLs, shells and every database's grammar.
        word = random.RandomPassword(name, length=value.length, special=False, opts=options)
        password: Output[str] = word.result
        return password


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
        named = [self._arn(name) for name in sorted(set(references(self._site.blueprint)))]
        return self.reading([own, *named])

    def reading(self, arns: Sequence[Input[str]]) -> list[dict[str, Any]]:
        """The right to read secrets."""
        actions = ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"]
        return [allow(actions, list(arns)), decrypt_secrets(arns, self._site)]

    def store(self, kube: Kube, parent: Resource, depends_on: Sequence[Resource]) -> Resource:
        """The ClusterSecretStore; the operator's pods bring the rights."""
        manifest = {
            "apiVersion": _API,
            "kind": "ClusterSecretStore",
            "metadata": {"name": STORE, "annotations": _AWAIT},
            "spec": {
                "provider": {"aws": {"service": "SecretsManager", "region": self._site.region}},
                # The operator may read every secret, the databases' administrator included: whoever
                # may make an ExternalSecret in a namespace of their own may not.
                "conditions": [{"namespaceSelector": {"matchLabels": {"managed-by": "plinth"}}}],
            },
        }
        return kube.apply("secret-store", manifest, parent=parent, depends_on=depends_on)


def references(value: Any) -> Iterator[str]:
    """Names of all secrets that a blueprint refers to."""
    if isinstance(value, SecretRef):
        yield value.secret
    elif isinstance(value, Blueprint):
        yield from references(value.settings)
        yield from references(value.choices)
    elif isinstance(value, BaseModel):
        for field in type(value).model_fields:
            yield from references(getattr(value, field))
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from references(item)


def external_secret(
    name: str,
    *,
    namespace: str,
    data: Mapping[str, Input[str]],
    sources: Mapping[str, Secret],
) -> dict[str, Any]:
    """The ExternalSecret that keeps the Kubernetes Secret ``name`` in step.

    Which keys are fetched depends on ``sources`` alone, so that texts may be outputs.
    """
    known = {(source, key) for source, secret in sources.items() for key in secret.keys}
    return {
        "apiVersion": _API,
        "kind": "ExternalSecret",
        "metadata": {"name": name, "namespace": namespace, "annotations": _AWAIT},
        "spec": {
            "refreshInterval": "1h",
            "secretStoreRef": {"kind": "ClusterSecretStore", "name": STORE},
            "target": {
                "name": name,
                "creationPolicy": "Owner",
                # What runs keeps its secret even if the source is deleted by mistake.
                "deletionPolicy": "Retain",
                "template": {
                    "engineVersion": "v2",
                    "data": {key: _template(text, known) for key, text in data.items()},
                },
            },
            "data": [
                {
                    "secretKey": _variable(source, key),
                    "remoteRef": {"key": sources[source].name, "property": key},
                }
                for source, key in sorted(known)
            ],
        },
    }


def _template(text: Input[str], known: set[tuple[str, str]]) -> Input[str]:
    if isinstance(text, str):
        return go_template(text, known)
    return Output.format("{0}", text).apply(lambda value: go_template(value, known))


def go_template(text: str, known: set[tuple[str, str]]) -> str:
    """``text`` as a Go template, with ``${source.key}`` as ``{{ .source_key }}``.

    Raises:
        ValueError: When the text refers to a source or key that is not given.
    """
    parts: list[str] = []
    end = 0
    for found in _REFERENCE.finditer(text):
        source, key = found.groups()
        if (source, key) not in known:
            raise ValueError(f"{found[0]} is not among the sources")
        parts += [_literal(text[end : found.start()]), f"{{{{ .{_variable(source, key)} }}}}"]
        end = found.end()
    return "".join([*parts, _literal(text[end:])])


def _literal(text: str) -> str:
    return text.replace("{{", '{{ "{{" }}')


def _variable(source: str, key: str) -> str:
    return re.sub(r"\W", "_", f"{source}_{key}")
