"""Pods that Helm releases and custom resources describe in part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from plinth.graph import Resource
from plinth_policies.controls import PRIVILEGE, WORKLOADS
from plinth_policies.model import REGISTRY, Scope
from plinth_policies.values import get, known

RELEASE: Final = "kubernetes:helm.sh/v3:Release"
#: Every kind of an API group with a dot in its name: Helm's releases and all custom resources.
CUSTOM: Final = "kubernetes:*.*/*:*"

_CIS: Final = "cis-kubernetes/"
_CONTROLS: Final = (*WORKLOADS, *PRIVILEGE, f"{_CIS}5.2.2", f"{_CIS}5.2.6", f"{_CIS}5.7.3")

#: Key -> the value that takes a protection away.
_LOOSE: Final[Mapping[str, object]] = {
    "privileged": True,
    "allowPrivilegeEscalation": True,
    "runAsNonRoot": False,
    "runAsUser": 0,
    "readOnlyRootFilesystem": False,
    "hostNetwork": True,
    "hostPID": True,
    "hostIPC": True,
}
#: What charts put before such a key, as in ``enableHostNetwork``.
_VERBS: Final = ("enable", "use")
_KEYS: Final = {key.casefold(): key for key in _LOOSE}


@REGISTRY.rule(
    "pods-loosened",
    title="Helm values and custom resources take no protection away from their pods",
    why="What a chart or an operator makes of them is not in the plan, and would run unconfined.",
    fix="remove it, or give the pods what they need in a narrower way",
    judges={CUSTOM: ("values", "valueYamlFiles", "spec")},
    controls=(*_CONTROLS, f"{_CIS}5.2.5", f"{_CIS}5.2.7", f"{_CIS}5.2.9", f"{_CIS}5.2.12"),
    good=((RELEASE, {"values": {"server": {"securityContext": {"runAsNonRoot": True}}}}),),
    bad=((RELEASE, {"values": {"server": {"securityContext": {"privileged": True}}}}),),
)
def _loosened(resource: Resource, _scope: Scope) -> Iterator[str]:
    if resource.inputs.get("valueYamlFiles"):
        yield "valueYamlFiles has values that no rule reads"
    for name in ("values", "spec"):
        yield from _loose(known(resource.inputs.get(name), name), name)


def _loose(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _loose(item, f"{path}.{index}")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _loose_at(str(key), item, f"{path}.{key}")


def _loose_at(key: str, value: Any, path: str) -> Iterator[str]:
    bare = key.casefold()
    for verb in _VERBS:
        bare = bare.removeprefix(verb)
    if bare in _KEYS:
        switch = value.get("enabled") if isinstance(value, Mapping) else value
        if _same(known(switch, path), _LOOSE[_KEYS[bare]]):
            yield f"{path} is {_word(switch)}"
    elif bare.endswith(("securitycontext", "securitycontexts")):
        yield from _context(known(value, path) or {}, path)
    elif key == "hostPath" and isinstance(value, Mapping) and value.get("path"):
        yield f"{path} is a folder of the machine"
    elif key == "hostPort" and known(value, path):
        yield f"{path} is a port of the machine"
    else:
        yield from _loose(value, path)


def _context(context: Mapping[str, Any], path: str) -> Iterator[str]:
    """What a security context loosens, which has more ways than a switch."""
    yield from _loose(context, path)
    for name in known(get(context, "capabilities.add"), f"{path}.capabilities.add") or ():
        if known(name, f"{path}.capabilities.add") != "NET_BIND_SERVICE":
            yield f"{path}.capabilities.add has {name}"
    if known(get(context, "seccompProfile.type"), f"{path}.seccompProfile.type") == "Unconfined":
        yield f"{path}.seccompProfile.type is Unconfined"


def _same(value: object, loose: object) -> bool:
    """Whether a value is the loose one, also as text; a number is no switch."""
    if isinstance(loose, bool):
        return str(value).casefold() == str(loose).casefold()
    return not isinstance(value, bool) and str(value) in (f"{loose}", f"{loose}.0")


def _word(value: object) -> str:
    return {"true": "on", "false": "off"}.get(str(value).casefold(), str(value))


#: What the security context of a container and of a pod must say; a list must hold the value.
_CONTAINER: Final = {"allowPrivilegeEscalation": False, "capabilities.drop": "ALL"}
_POD: Final = {"runAsNonRoot": True, "seccompProfile.type": "RuntimeDefault"}
_SECCOMP: Final = {"seccompProfile.type": "RuntimeDefault"}

#: Charts whose own defaults stay behind the restricted standard, and which Plinth puts where it is
#: not enforced -> where in their values it is to be set (each chart's ``values.yaml``).
_OPEN: Final[Mapping[str, Mapping[str, Mapping[str, object]]]] = {
    "airflow": {"securityContexts.pod": _POD, "securityContexts.containers": _CONTAINER},
    "aws-load-balancer-controller": {
        "podSecurityContext": _SECCOMP,
        "securityContext": {"capabilities.drop": "ALL"},
    },
    "cluster-autoscaler": {
        "securityContext": _POD,
        "containerSecurityContext": {**_CONTAINER, "readOnlyRootFilesystem": True},
    },
    "prometheus-pushgateway": {"containerSecurityContext": {**_CONTAINER, **_SECCOMP}},
}


@REGISTRY.rule(
    "pods-chart-settings",
    title="Charts that leave their pods open are told to confine them",
    why="Their pods would run as the image's user with the capabilities and system calls that a "
    "container has by default.",
    fix="set it in the release's values",
    judges={RELEASE: ("chart", "values")},
    controls=(*_CONTROLS, f"{_CIS}5.2.7", f"{_CIS}5.2.10", f"{_CIS}5.7.2"),
    good={
        "chart": "airflow",
        "values": {
            "securityContexts": {
                "pod": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
                "containers": {
                    "allowPrivilegeEscalation": False,
                    "capabilities": {"drop": ["ALL"]},
                },
            }
        },
    },
    bad={"chart": "airflow", "values": {}},
)
def _settings(resource: Resource, _scope: Scope) -> Iterator[str]:
    chart = known(resource.inputs.get("chart"), "chart") or ""
    values = known(resource.inputs.get("values"), "values") or {}
    for context, settings in _OPEN.get(chart.rsplit("/", 1)[-1], {}).items():
        for name, wanted in settings.items():
            path = f"{context}.{name}"
            found = known(get(values, path), path)
            if found != wanted and not (isinstance(found, list | tuple) and wanted in found):
                yield f"values.{path} is not {_word(wanted)}"
