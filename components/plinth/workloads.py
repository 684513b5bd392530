"""What a hardened workload is asked to be; :class:`plinth.kube.Kube` makes the objects.

Plain records without Pulumi, so that tools can be read without loading it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pulumi import Input


@dataclass(frozen=True, kw_only=True)
class Container:
    """One container of a hardened workload.

    Attributes:
        env: Plain variables.
        env_secrets: Variables from Kubernetes secrets: name -> (secret, key).
        files: Mounted read-only: mount path -> ConfigMap name.
        secret_files: Mounted read-only: mount path -> Secret name.
        scratch: Writable empty folders; the root file system is read-only.
        uid: User the process runs as. From 10000 up it is nobody on the machine, and no image
            here needs its own: what may be written is in ``scratch``.
    """

    image: str
    args: Sequence[Input[str]] = ()
    command: Sequence[str] = ()
    env: Mapping[str, Input[str]] = field(default_factory=dict)
    env_secrets: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    cpu: str = "250m"
    memory: str = "512Mi"
    files: Mapping[str, str] = field(default_factory=dict)
    secret_files: Mapping[str, str] = field(default_factory=dict)
    scratch: Sequence[str] = ("/tmp",)  # noqa: S108 - a mount path inside the pod
    uid: int = 10001


@dataclass(frozen=True, kw_only=True)
class WebApp:
    """A server of equal copies behind one Service, with everything production asks for.

    It runs under the service account of its name; whoever asks for it makes that.

    Attributes:
        migrate: Containers that must succeed before a copy starts.
        health: Path that answers 200 when a copy can serve.
        metrics: Path that Prometheus scrapes, if any, and ``metrics_auth``: the secret with keys
            ``username`` and ``password`` it needs.
        metrics_port: Where metrics are answered, when not on ``port``.
        callers: Namespaces that may connect, besides its own.
        annotations: Pod annotations; a changed value rolls the copies.
    """

    namespace: str
    container: Container
    port: int
    health: str = "/healthz"
    min: int = 1
    max: int = 1
    migrate: Sequence[Container] = ()
    metrics: str | None = None
    metrics_auth: str | None = None
    metrics_port: int | None = None
    callers: Sequence[str] = ()
    pod_labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, Input[str]] = field(default_factory=dict)
