"""What the Pod Security Standards leave out: files, limits, probes and tokens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final

from plinth.graph import Resource
from plinth_policies.controls import CAPACITY, CREDENTIALS, PRIVILEGE, WORKLOADS
from plinth_policies.model import REGISTRY, Scope
from plinth_policies.pods.templates import (
    ALL,
    COMPLETE,
    MAIN,
    SERVERS,
    container_reads,
    each_container,
    pod_of,
    pod_with,
    reads,
)
from plinth_policies.values import get, is_on, known, value_refused

_READ_ONLY: Final = "securityContext.readOnlyRootFilesystem"
_TOKEN: Final = "automountServiceAccountToken"  # noqa: S105 - a property's name
_ACCOUNT: Final = "kubernetes:core/v1:ServiceAccount"


@REGISTRY.rule(
    "pods-read-only-root",
    title="Containers cannot write to their image's files",
    why="Whoever gets in could put a program of their own in the place of one that will be run.",
    fix=f"set {_READ_ONLY} to true, and mount an emptyDir where the program has to write",
    judges=container_reads(COMPLETE, _READ_ONLY),
    controls=(*WORKLOADS, "cis-kubernetes/5.7.3"),
    good=pod_with({"securityContext": {"readOnlyRootFilesystem": True}}),
    bad=pod_with({"securityContext": {"readOnlyRootFilesystem": False}}),
)
@each_container
def _read_only(container: Mapping[str, Any]) -> Iterator[str]:
    yield from value_refused(container, _READ_ONLY, ("true",))


_BOUNDS: Final = {"requests.cpu": "limits.cpu", "requests.memory": "limits.memory"}


@REGISTRY.rule(
    "pods-resources",
    title="Containers say what CPU and memory they need, and how much memory they may take",
    why="One that takes all of a machine's memory brings down what runs beside it.",
    fix="set resources.requests.cpu, resources.requests.memory and resources.limits.memory",
    judges=container_reads(ALL, "resources.requests", "resources.limits"),
    controls=(*WORKLOADS, *CAPACITY),
    good=pod_with(
        {"resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "1Gi"}}}
    ),
    bad=pod_with({"resources": {"requests": {"cpu": "1", "memory": "1Gi"}}}),
)
@each_container
def _resources(container: Mapping[str, Any]) -> Iterator[str]:
    resources = known(container.get("resources"), "resources") or {}
    for request, limit in _BOUNDS.items():  # a limit is the request where that is not set
        if not get(resources, request) and not get(resources, limit):
            yield f"resources.{request} is not set"
    if not get(resources, "limits.memory"):
        yield "resources.limits.memory is not set"


_PROBES: Final = ("livenessProbe", "readinessProbe")


@REGISTRY.rule(
    "pods-probes",
    title="Servers are asked whether they live and whether they are ready",
    why="Without probes a server that hangs is never restarted, and is sent requests all the same.",
    fix=f"set {' and '.join(_PROBES)}",
    judges=container_reads(SERVERS, *_PROBES, lists=MAIN),
    controls=(*WORKLOADS, *CAPACITY),
    good=pod_with({name: {"httpGet": {"path": "/health", "port": 8080}} for name in _PROBES}),
    bad=pod_with({"livenessProbe": {"httpGet": {"path": "/health", "port": 8080}}}),
)
@partial(each_container, lists=MAIN)
def _probes(container: Mapping[str, Any]) -> Iterator[str]:
    for name in _PROBES:
        if not container.get(name):
            yield f"{name} is not set"


@REGISTRY.rule(
    "pods-service-account-token",
    title="Pods get a token of the API server only where they ask for it, under their own name",
    why="A token that nobody uses is one that can be stolen, and the default account's is shared "
    "by all pods of a namespace.",
    fix=f"set {_TOKEN} to false, or to true on a pod that has a serviceAccountName of its own",
    judges={**reads(COMPLETE, _TOKEN, "serviceAccountName"), _ACCOUNT: (_TOKEN,)},
    controls=(*CREDENTIALS, *PRIVILEGE, "cis-kubernetes/5.1.5", "cis-kubernetes/5.1.6"),
    good=pod_with(automountServiceAccountToken=False),
    bad=pod_with(automountServiceAccountToken=True, serviceAccountName="default"),
)
def _token(resource: Resource, _scope: Scope) -> Iterator[str]:
    if resource.type == _ACCOUNT:  # a pod's own word goes before its account's
        yield from value_refused(resource.inputs, _TOKEN, ("false",))
        return
    pod = pod_of(resource)
    if is_on(pod.get(_TOKEN)):
        account = known(pod.get("serviceAccountName"), "serviceAccountName")
        if account not in (None, "", "default"):
            return
    yield from value_refused(pod, _TOKEN, ("false",))
