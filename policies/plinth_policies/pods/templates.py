"""Where Kubernetes' own kinds keep their pods, and how these are read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from plinth.graph import Resource
from plinth_policies.model import Check, Scope, UnjudgeableError
from plinth_policies.values import blocks, get, hidden, known

#: Type token -> path of the pod's specification.
PODS: Final[Mapping[str, str]] = {
    "kubernetes:apps/v1:Deployment": "spec.template.spec",
    "kubernetes:apps/v1:StatefulSet": "spec.template.spec",
    "kubernetes:apps/v1:DaemonSet": "spec.template.spec",
    "kubernetes:apps/v1:ReplicaSet": "spec.template.spec",
    "kubernetes:core/v1:ReplicationController": "spec.template.spec",
    "kubernetes:batch/v1:Job": "spec.template.spec",
    "kubernetes:batch/v1:CronJob": "spec.jobTemplate.spec.template.spec",
    "kubernetes:core/v1:Pod": "spec",
}
#: KServe's models: a pod whose first container is filled up from a serving runtime, which says what
#: of it is confined.
PREDICTOR: Final = "kubernetes:serving.kserve.io/v1beta1:InferenceService"
_PATHS: Final[Mapping[str, str]] = {**PODS, PREDICTOR: "spec.predictor"}
_OWN: Final = "model"

#: Kinds whose containers say everything themselves, and all kinds.
COMPLETE: Final = tuple(PODS)
ALL: Final = tuple(_PATHS)
#: Those that serve for as long as they are there.
SERVERS: Final = (
    *(f"kubernetes:apps/v1:{kind}" for kind in ("Deployment", "StatefulSet", "DaemonSet")),
    PREDICTOR,
)

#: All containers of a pod, and those that run for as long as it does.
CONTAINERS: Final = ("containers", "initContainers", _OWN)
MAIN: Final = ("containers", _OWN)

#: What a container takes from its pod when it says nothing itself.
_INHERITED: Final = ("runAsNonRoot", "runAsUser", "seccompProfile")


def reads(tokens: Sequence[str], *paths: str) -> dict[str, tuple[str, ...]]:
    """What a rule on pods judges; paths start at the pod's specification."""
    return {token: tuple(f"{_PATHS[token]}.{path}" for path in paths) for token in tokens}


def container_reads(
    tokens: Sequence[str], *paths: str, lists: Sequence[str] = CONTAINERS, inherited: bool = False
) -> dict[str, tuple[str, ...]]:
    """What a rule on containers judges; paths start at the container.

    Args:
        tokens: The kinds.
        paths: What it reads.
        lists: Which containers.
        inherited: Whether a container takes it from its pod.
    """
    return {
        token: tuple(
            f"{_PATHS[token]}.{holder}{path}"
            for holder in (*([""] if inherited else []), *(f"{name}." for name in lists))
            for path in paths
            if token == PREDICTOR or holder != f"{_OWN}."
        )
        for token in tokens
    }


def pod_of(resource: Resource) -> Mapping[str, Any]:
    """The pod's specification.

    Raises:
        UnjudgeableError: It is unknown, secret or missing.
    """
    path = _PATHS[resource.type]
    pod: Mapping[str, Any] | None = known(get(resource.inputs, path), path)
    if not pod:
        raise UnjudgeableError(f"{path} is not set")
    return pod


def containers_of(
    resource: Resource, lists: Sequence[str] = CONTAINERS
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each container, under the name by which messages call it, with what its pod gives it.

    Raises:
        UnjudgeableError: There is none, or one is unknown or secret.
    """
    pod = pod_of(resource)
    if not any(pod.get(name) for name in MAIN):
        raise UnjudgeableError("the pod has no containers")
    shared = known(pod.get("securityContext"), "securityContext") or {}
    inherited = {name: shared[name] for name in _INHERITED if name in shared}
    for name in lists:
        for index, container in enumerate(blocks(pod.get(name), name)):
            own = known(container.get("securityContext"), "securityContext") or {}
            called = container.get("name")
            label = index if called is None or hidden(called) else called
            yield f"{name}[{label}]", {**container, "securityContext": {**inherited, **own}}


def each_container(
    problems: Callable[[Mapping[str, Any]], Iterator[str]], lists: Sequence[str] = CONTAINERS
) -> Check:
    """A rule's check, from what is wrong with one container."""

    def check(resource: Resource, _scope: Scope) -> Iterator[str]:
        for where, container in containers_of(resource, lists):
            for problem in problems(container):
                yield f"{where}: {problem}"

    return check


def pod_with(container: Mapping[str, Any] | None = None, **pod: Any) -> dict[str, Any]:
    """Inputs of a Deployment whose pod and only container have these settings, as an example."""
    containers = [{"name": "server", **(container or {})}]
    return {"spec": {"template": {"spec": {"containers": containers, **pod}}}}
