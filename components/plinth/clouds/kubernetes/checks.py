"""What only this adapter can refuse, given a resolved blueprint. Pure functions, no SDK.

Settings of things that a cluster has already (network, node pools, keys, admins) are passed over:
the same spec is used on clouds that make them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel

from plinth.clouds.kubernetes.facts import OWN, theirs
from plinth.clouds.kubernetes.options import KubernetesOptions
from plinth.errors import Problem
from plinth.ports import Port
from plinth.spec.options import MonitoringOptions, ServingOptions
from plinth.spec.types import SecretRef

if TYPE_CHECKING:
    from plinth.blueprint import Blueprint

#: Kubernetes documentation, "Object Names and IDs": DNS subdomain names.
_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_BLOCK: Final = "clouds.kubernetes"


def options_of(blueprint: Blueprint) -> KubernetesOptions:
    """The block ``clouds.kubernetes``."""
    options = blueprint.cloud_options
    return options if isinstance(options, KubernetesOptions) else KubernetesOptions()


def check(blueprint: Blueprint) -> Sequence[Problem]:
    """Every reason why the cluster cannot run this platform as described."""
    return [
        *_place(blueprint),
        *_services(blueprint),
        *_names(blueprint),
        *_alerts(blueprint),
        *_models(blueprint),
        *_sign_in(blueprint),
    ]


def _place(blueprint: Blueprint) -> Iterator[Problem]:
    options = options_of(blueprint)
    if options.account is not None:
        yield Problem(
            code="account-without-meaning",
            message="a cluster that is there is found by its context, not by an account",
            path=f"{_BLOCK}.account",
            fix="Write `context`, as `kubectl config get-contexts` shows it.",
        )
    if blueprint.settings.durable and options.context is None:
        yield Problem(
            code="context-missing",
            message="a durable environment must name its cluster: the current context may be "
            "another one tomorrow",
            path=f"{_BLOCK}.context",
            fix="Write `context`, as `kubectl config get-contexts` shows it.",
        )


def _services(blueprint: Blueprint) -> Iterator[Problem]:
    if Port.CLUSTER not in blueprint.needs:
        yield Problem(
            code="nothing-on-the-cluster",
            message="buckets are made and keys delivered by services on the cluster, and no "
            "capability of this platform runs there",
            path="cloud",
            fix="Add a capability that does, such as `monitoring: {}`.",
        )


def _names(blueprint: Blueprint) -> Iterator[Problem]:
    """Secrets are Kubernetes Secrets here, and those have names of their own grammar."""
    for path, name in _references(blueprint):
        if not _NAME.fullmatch(theirs(name)):
            yield Problem(
                code="secret-name",
                message=f"'{name}' cannot be made the name of a Kubernetes Secret",
                path=f"{path}.secret",
                fix="Use letters, digits and dashes, such as oidc-client.",
            )
        elif theirs(name).startswith(OWN):
            yield Problem(
                code="secret-name",
                message=f"names that start with {OWN} are those of Plinth's own secrets",
                path=f"{path}.secret",
                fix="Choose another name.",
            )


def _references(blueprint: Blueprint) -> Iterator[tuple[str, str]]:
    yield from _within("", blueprint.settings)
    yield from _within(_BLOCK, blueprint.cloud_options)
    for capability, choice in blueprint.choices.items():
        yield from _within(capability, choice.options)


def _within(path: str, value: Any) -> Iterator[tuple[str, str]]:
    """Paths and names of the secrets that a value refers to."""
    if isinstance(value, SecretRef):
        yield path, value.secret
        return
    items: Mapping[str, Any] = {}
    if isinstance(value, BaseModel):
        items = {name: getattr(value, name) for name in type(value).model_fields}
    elif isinstance(value, Mapping):
        items = value
    for key, item in items.items():
        if isinstance(item, BaseModel | Mapping):
            yield from _within(f"{path}.{key}".lstrip("."), item)


def _alerts(blueprint: Blueprint) -> Iterator[Problem]:
    monitoring = blueprint.choices.get("monitoring")
    if monitoring is None or not isinstance(monitoring.options, MonitoringOptions):
        return
    told = options_of(blueprint).mail or monitoring.options.alerts.slack
    if blueprint.settings.durable and not told:
        yield Problem(
            code="nobody-told",
            message="a durable environment is monitored, but alerts would reach nobody",
            path=f"{_BLOCK}.mail",
            fix="Add `mail: {host: …, sender: …}`, or set `monitoring.alerts.slack`.",
        )


def _models(blueprint: Blueprint) -> Iterator[Problem]:
    """Models in the store itself, when it has a certificate authority of its own.

    KServe's storage initializer would have to be given that authority as a ConfigMap.
    """
    serving = blueprint.choices.get("serving")
    store = options_of(blueprint).object_store
    if serving is None or not isinstance(serving.options, ServingOptions):
        return
    if store.endpoint and not store.ca:
        return
    for name, model in serving.options.models.items():
        if model.uri.startswith("s3://"):
            yield Problem(
                code="model-behind-own-authority",
                message=f"model {name} would be read from a store whose certificate model servers "
                "do not trust",
                path=f"serving.models.{name}.uri",
                fix="Register the model and write models:/<name>@<alias>, or use a store with a "
                "publicly trusted certificate.",
            )


def _sign_in(blueprint: Blueprint) -> Iterator[Problem]:
    """Sign-in is a policy of Envoy Gateway's, which another controller would pass over."""
    installed = options_of(blueprint).installed
    foreign = "gateway" in installed.services and not installed.gateway.envoy
    if blueprint.settings.identity and foreign:
        yield Problem(
            code="sign-in-not-by-this-gateway",
            message="pages ask for sign-in by Envoy Gateway, and the cluster's gateway is not said "
            "to be one: they would be open",
            path="identity",
            fix=f"Set `{_BLOCK}.installed.gateway.envoy: true` if it is, or take gateway off "
            "`installed.services`, so that Plinth runs its own.",
        )
