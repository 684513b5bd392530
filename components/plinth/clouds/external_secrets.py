"""The way from a secret store into a namespace, by the External Secrets operator.

The same on every cloud; only the provider's block of the ClusterSecretStore differs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from pulumi import Input, Output, Resource
from pydantic import BaseModel

from plinth.blueprint import Blueprint
from plinth.kube import Kube, Manifest
from plinth.ports import Secret
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


def store(
    kube: Kube, provider: Mapping[str, Any], *, parent: Resource, depends_on: Sequence[Resource]
) -> Manifest:
    """The ClusterSecretStore.

    Args:
        kube: The cluster.
        provider: The store's `spec.provider`.
        parent: Parent component.
        depends_on: The operator, and its rights.
    """
    manifest = {
        "apiVersion": _API,
        "kind": "ClusterSecretStore",
        "metadata": {"name": STORE, "annotations": _AWAIT},
        "spec": {
            "provider": dict(provider),
            # The operator may read every secret, the databases' administrator included: whoever
            # may make an ExternalSecret in a namespace of their own may not.
            "conditions": [{"namespaceSelector": {"matchLabels": {"managed-by": "plinth"}}}],
        },
    }
    return kube.apply("secret-store", manifest, parent=parent, depends_on=depends_on)


def deliver(
    kube: Kube,
    name: str,
    *,
    namespace: str,
    data: Mapping[str, Input[str]],
    sources: Mapping[str, Secret],
    parent: Resource,
    depends_on: Sequence[Resource] = (),
) -> Manifest:
    """The ExternalSecret of :meth:`plinth.ports.SecretsPort.deliver`."""
    manifest = external_secret(name, namespace=namespace, data=data, sources=sources)
    return kube.apply(f"{name}-secret", manifest, parent=parent, depends_on=depends_on)


def references(value: Any) -> Iterator[str]:
    """Names of all secrets that a blueprint refers to."""
    if isinstance(value, SecretRef):
        yield value.secret
    elif isinstance(value, Blueprint):
        yield from references(value.settings)
        yield from references(value.choices)
        yield from references(value.cloud_options)
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
