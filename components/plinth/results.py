"""What each capability gives to the others and to the stack's outputs.

Addresses inside a cluster are plain text: Kubernetes names are chosen, not computed.  ``url`` is
where people reach a page, ``None`` without a domain.  ``namespace`` is ``None`` without a cluster.
``client`` are the variables by which clients on this machine reach the service; empty elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from pulumi import Input, Output

    from plinth.ports import Bucket, Secret, Topic

#: Fields that are pages for people, where people reach them.
_PAGES: Final = ("url", "grafana", "prometheus", "pushgateway")
_CLIENT: Final = "client_"
#: End of host names that only a cluster understands.
_INSIDE: Final = (".svc", ".svc.cluster.local")


@dataclass(frozen=True, kw_only=True)
class Artifacts:
    """Buckets by role, and where the usual tools find their root in them."""

    buckets: Mapping[str, Bucket]
    dvc_remote: Output[str]  #: URL for `dvc remote add`
    mlflow_root: Output[str]  #: MLflow's artifact destination
    client: Mapping[str, Input[str]] = field(default_factory=dict)

    @property
    def variables(self) -> dict[str, Output[str]]:
        """Every bucket's URI as the variable ``BUCKET_<ROLE>``, for those who work with them."""
        return {
            f"BUCKET_{role.upper().replace('-', '_')}": bucket.uri
            for role, bucket in self.buckets.items()
        }


@dataclass(frozen=True, kw_only=True)
class Monitoring:
    """Where metrics are, and whom alerts reach."""

    namespace: str | None
    prometheus: Input[str]  #: URL inside the cluster
    pushgateway: Input[str]  #: URL inside the cluster, where batch jobs leave their metrics
    grafana: Input[str] | None  #: URL for people
    topic: Topic
    #: What Alertmanager proves itself with to whom it tells of models, key `token`; ``None`` when
    #: nobody is to be told.
    webhook: Secret | None = None
    client: Mapping[str, Input[str]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Tracking:
    """The tracking server and model registry."""

    uri: Input[str]  #: `MLFLOW_TRACKING_URI` inside the cluster
    url: Input[str] | None
    namespace: str | None
    credentials: Secret  #: keys `username` and `password` of the administrator
    client: Mapping[str, Input[str]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Orchestration:
    """The pipeline orchestrator."""

    uri: Input[str]  #: API inside the cluster
    url: Input[str] | None
    namespace: str | None
    client: Mapping[str, Input[str]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Features:
    """The feature store."""

    uri: Input[str]  #: feature server inside the cluster
    namespace: str | None
    offline_store: Output[str]  #: URI of the offline store's root
    client: Mapping[str, Input[str]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Serving:
    """Model endpoints, speaking the Open Inference Protocol (V2)."""

    namespace: str | None
    endpoints: Mapping[str, Input[str]]  #: URL by model name
    client: Mapping[str, Input[str]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Results:
    """The results of the capabilities built so far; ``None`` where a capability is off."""

    artifacts: Artifacts | None = None
    monitoring: Monitoring | None = None
    tracking: Tracking | None = None
    orchestration: Orchestration | None = None
    features: Features | None = None
    serving: Serving | None = None


def pages(outputs: Mapping[str, Any]) -> dict[str, str]:
    """The addresses among a stack's outputs that a browser on this machine may open, by name.

    A capability's own page has its name, others have theirs, such as ``grafana``.
    """
    return {
        capability if name == "url" else name: value
        for capability, name, value in _of_capabilities(outputs)
        if name in _PAGES and _reachable(value)
    }


def client_variables(outputs: Mapping[str, Any]) -> dict[str, str]:
    """The variables among a stack's outputs by which clients on this machine reach services."""
    return {
        name.removeprefix(_CLIENT): str(value)
        for _, name, value in _of_capabilities(outputs)
        if name.startswith(_CLIENT)
    }


def _of_capabilities(outputs: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Capability, field and value of the outputs that are of a capability."""
    known = {each.name for each in fields(Results)}
    for key, value in outputs.items():
        capability, _, name = key.partition("_")
        if capability in known:
            yield capability, name, value


def _reachable(value: Any) -> bool:
    address = urlsplit(value) if isinstance(value, str) else urlsplit("")
    host = address.hostname or ""
    return address.scheme in ("http", "https") and bool(host) and not host.endswith(_INSIDE)
