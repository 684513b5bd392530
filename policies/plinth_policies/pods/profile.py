"""The restricted Pod Security Standard, one rule for each of its controls.

Kubernetes documentation, "Pod Security Standards"; Windows' own settings but for host processes,
and those that only nodes prepared for them know (SELinux, AppArmor), are not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from plinth.graph import Resource
from plinth_policies.controls import PRIVILEGE, WORKLOADS
from plinth_policies.model import REGISTRY, Scope
from plinth_policies.pods.templates import (
    ALL,
    COMPLETE,
    container_reads,
    each_container,
    pod_of,
    pod_with,
    reads,
)
from plinth_policies.values import blocks, get, known, value_refused

_OFF: Final = ("false",)
_CONTEXT: Final = "securityContext"
_CIS: Final = "cis-kubernetes/"
_HARDENED: Final = (*WORKLOADS, f"{_CIS}5.7.3")


@REGISTRY.rule(
    "pods-privileged",
    title="No container is privileged",
    why="A privileged container has every right that the machine's administrator has.",
    fix="leave securityContext.privileged and windowsOptions.hostProcess off and procMount at its "
    "default",
    judges=container_reads(
        ALL,
        f"{_CONTEXT}.privileged",
        f"{_CONTEXT}.windowsOptions.hostProcess",
        f"{_CONTEXT}.procMount",
    ),
    controls=(*_HARDENED, *PRIVILEGE, f"{_CIS}5.2.2", f"{_CIS}5.2.11"),
    good=pod_with({_CONTEXT: {"privileged": False}}),
    bad=pod_with({_CONTEXT: {"privileged": True}}),
)
@each_container
def _privileged(container: Mapping[str, Any]) -> Iterator[str]:
    yield from value_refused(container, f"{_CONTEXT}.privileged", _OFF, default="false")
    yield from value_refused(
        container, f"{_CONTEXT}.windowsOptions.hostProcess", _OFF, default="false"
    )
    yield from value_refused(container, f"{_CONTEXT}.procMount", ("Default",), default="Default")


@REGISTRY.rule(
    "pods-privilege-escalation",
    title="No process gets more rights than the one that started it",
    why="By default a program in the image with its setuid bit set makes its caller root.",
    fix="set securityContext.allowPrivilegeEscalation to false",
    judges=container_reads(COMPLETE, f"{_CONTEXT}.allowPrivilegeEscalation"),
    controls=(*_HARDENED, *PRIVILEGE, f"{_CIS}5.2.6"),
    good=pod_with({_CONTEXT: {"allowPrivilegeEscalation": False}}),
    bad=pod_with({_CONTEXT: {"allowPrivilegeEscalation": True}}),
)
@each_container
def _escalation(container: Mapping[str, Any]) -> Iterator[str]:
    yield from value_refused(container, f"{_CONTEXT}.allowPrivilegeEscalation", _OFF)


@REGISTRY.rule(
    "pods-run-as-non-root",
    title="No container runs as root",
    why="Whoever breaks out of a container that runs as root is root on the machine.",
    fix="set securityContext.runAsNonRoot to true, on the pod or the container, and no user 0",
    judges=container_reads(
        ALL, f"{_CONTEXT}.runAsNonRoot", f"{_CONTEXT}.runAsUser", inherited=True
    ),
    controls=(*_HARDENED, *PRIVILEGE, f"{_CIS}5.2.7"),
    good=pod_with(securityContext={"runAsNonRoot": True, "runAsUser": 10001}),
    bad=pod_with(securityContext={"runAsNonRoot": True, "runAsUser": 0}),
)
@each_container
def _non_root(container: Mapping[str, Any]) -> Iterator[str]:
    yield from value_refused(container, f"{_CONTEXT}.runAsNonRoot", ("true",))
    user = known(get(container, f"{_CONTEXT}.runAsUser"), f"{_CONTEXT}.runAsUser")
    if user is not None and int(user) == 0:
        yield f"{_CONTEXT}.runAsUser is 0"


@REGISTRY.rule(
    "pods-capabilities",
    title="Containers drop all of root's capabilities",
    why="Those that a container has by default let it forge packets and own any file, for one.",
    fix="set securityContext.capabilities to drop ALL, and add none but NET_BIND_SERVICE",
    judges=container_reads(
        COMPLETE, f"{_CONTEXT}.capabilities.drop", f"{_CONTEXT}.capabilities.add"
    ),
    controls=(*_HARDENED, *PRIVILEGE, f"{_CIS}5.2.8", f"{_CIS}5.2.9", f"{_CIS}5.2.10"),
    good=pod_with({_CONTEXT: {"capabilities": {"drop": ["ALL"]}}}),
    bad=pod_with({_CONTEXT: {"capabilities": {"drop": ["NET_RAW"]}}}),
)
@each_container
def _capabilities(container: Mapping[str, Any]) -> Iterator[str]:
    path = f"{_CONTEXT}.capabilities"
    dropped, added = (
        blocks(get(container, f"{path}.{name}"), f"{path}.{name}") for name in ("drop", "add")
    )
    if "ALL" not in dropped:
        yield f"{path}.drop has no ALL"
    for name in added:
        if name != "NET_BIND_SERVICE":
            yield f"{path}.add has {name}"


@REGISTRY.rule(
    "pods-seccomp",
    title="Containers run under a seccomp profile",
    why="Without one a container may make system calls that nothing needs but attacks.",
    fix="set securityContext.seccompProfile.type to RuntimeDefault, on the pod or the container",
    judges=container_reads(ALL, f"{_CONTEXT}.seccompProfile.type", inherited=True),
    controls=(*_HARDENED, f"{_CIS}5.7.2"),
    good=pod_with(securityContext={"seccompProfile": {"type": "RuntimeDefault"}}),
    bad=pod_with(securityContext={"seccompProfile": {"type": "Unconfined"}}),
)
@each_container
def _seccomp(container: Mapping[str, Any]) -> Iterator[str]:
    profiles = ("RuntimeDefault", "Localhost")
    yield from value_refused(container, f"{_CONTEXT}.seccompProfile.type", profiles)


_HOST: Final = ("hostNetwork", "hostPID", "hostIPC")


@REGISTRY.rule(
    "pods-host-namespaces",
    title="Pods share no namespace with their machine",
    why="A pod in the machine's namespaces sees its traffic and its processes, and passes by "
    "network policies.",
    fix=f"leave {', '.join(_HOST)} off",
    judges=reads(ALL, *_HOST),
    controls=(*_HARDENED, f"{_CIS}5.2.3", f"{_CIS}5.2.4", f"{_CIS}5.2.5"),
    good=pod_with(hostNetwork=False),
    bad=pod_with(hostNetwork=True),
)
def _host_namespaces(resource: Resource, _scope: Scope) -> Iterator[str]:
    pod = pod_of(resource)
    for name in _HOST:
        yield from value_refused(pod, name, _OFF, default="false")


@REGISTRY.rule(
    "pods-host-ports",
    title="Containers listen on no port of their machine",
    why="Such a port answers on the machine's own address, which network policies do not guard.",
    fix="leave hostPort out of the container's ports, and use a Service",
    judges=container_reads(ALL, "ports.hostPort"),
    controls=(*_HARDENED, f"{_CIS}5.2.13"),
    good=pod_with({"ports": [{"containerPort": 8080}]}),
    bad=pod_with({"ports": [{"containerPort": 8080, "hostPort": 8080}]}),
)
@each_container
def _host_ports(container: Mapping[str, Any]) -> Iterator[str]:
    for port in blocks(container.get("ports"), "ports"):
        number = known(port.get("hostPort"), "ports.hostPort")
        if number:
            yield f"ports.hostPort is {number:g}"


_VOLUMES: Final = frozenset(
    {
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "persistentVolumeClaim",
        "projected",
        "secret",
    }
)


@REGISTRY.rule(
    "pods-volumes",
    title="Pods mount nothing of their machine, and no disk behind the cluster's back",
    why="A folder of the machine holds the keys of its kubelet and of every other pod on it.",
    fix=f"use one of {', '.join(sorted(_VOLUMES))}",
    judges=reads(ALL, "volumes"),
    controls=(*_HARDENED, f"{_CIS}5.2.12"),
    good=pod_with(volumes=[{"name": "scratch", "emptyDir": {}}]),
    bad=pod_with(volumes=[{"name": "root", "hostPath": {"path": "/"}}]),
)
def _volumes(resource: Resource, _scope: Scope) -> Iterator[str]:
    for volume in blocks(pod_of(resource).get("volumes"), "volumes"):
        for kind in sorted(volume.keys() - _VOLUMES - {"name"}):
            if volume[kind] is not None:
                yield f"volumes has a {kind}"
