"""What keeps namespaces, and what is in them, apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from plinth.graph import Resource
from plinth_policies.controls import EXPOSURE, WORKLOADS
from plinth_policies.model import REGISTRY, Scope
from plinth_policies.values import blocks, get, hidden, known

_NAMESPACE: Final = "kubernetes:core/v1:Namespace"
_POLICY: Final = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
_PROFILE: Final = "pod-security.kubernetes.io/"


def _namespace(enforce: str) -> dict[str, Any]:
    return {"metadata": {"name": "tracking", "labels": {f"{_PROFILE}enforce": enforce}}}


@REGISTRY.rule(
    "pods-namespace-profile",
    title="Namespaces enforce a Pod Security Standard",
    why="A namespace without one takes pods that own their machine.",
    fix=f"set the label {_PROFILE}enforce to restricted or baseline, or name the namespace in "
    "privileged_namespaces if its pods watch over machines",
    judges={_NAMESPACE: ("metadata.labels", "metadata.name")},
    parameters=("privileged_namespaces",),
    controls=(*WORKLOADS, "cis-kubernetes/5.2.1", "cis-kubernetes/5.2.2"),
    good=_namespace("restricted"),
    bad=_namespace("privileged"),
)
def _profile(resource: Resource, scope: Scope) -> Iterator[str]:
    labels = known(get(resource.inputs, "metadata.labels"), "metadata.labels") or {}
    enforced = known(labels.get(f"{_PROFILE}enforce"), f"{_PROFILE}enforce")
    name = get(resource.inputs, "metadata.name")
    allowed = scope.parameters.privileged_namespaces
    if enforced not in ("restricted", "baseline") and not (enforced and name in allowed):
        yield f"the label {_PROFILE}enforce is {enforced or 'not set'}"


@REGISTRY.rule(
    "pods-namespace-isolation",
    title="Namespaces take no connections but those that a network policy lets in",
    why="Otherwise whoever gets into one pod can connect to all others of the cluster.",
    fix="make a NetworkPolicy there for all pods (podSelector {}) and Ingress, whose rules say who "
    "may connect",
    judges={_NAMESPACE: ("metadata.name",)},
    consults={
        _POLICY: (
            "metadata.namespace",
            "spec.podSelector.matchLabels",
            "spec.podSelector.matchExpressions",
            "spec.policyTypes",
            "spec.ingress",
        )
    },
    controls=(*EXPOSURE, "cis-kubernetes/5.3.2"),
    good=(
        (_NAMESPACE, {"metadata": {"name": "tracking"}}),
        (_POLICY, {"metadata": {"namespace": "tracking"}, "spec": {"podSelector": {}}}),
    ),
    bad={"metadata": {"name": "tracking"}},
)
def _isolation(resource: Resource, scope: Scope) -> Iterator[str]:
    name = known(get(resource.inputs, "metadata.name"), "metadata.name")
    policies = [policy for policy in scope.all_of(_POLICY) if _is_in(policy, resource, name)]
    if not any(_isolates(policy) for policy in policies):
        yield "no network policy isolates all of its pods"
    for policy in policies:
        if _lets_all_in(policy):
            yield f"the network policy {policy.name} lets everyone connect to every port"


def _is_in(policy: Resource, namespace: Resource, name: str | None) -> bool:
    """Whether a policy is in a namespace; before that is made, its name is known by reference."""
    said = get(policy.inputs, "metadata.namespace")
    if hidden(said):
        return namespace.urn in policy.property_dependencies.get("metadata", ())
    return bool(name) and said == name


def _isolates(policy: Resource) -> bool:
    spec = known(policy.inputs.get("spec"), "a network policy's spec") or {}
    selector = known(spec.get("podSelector"), "podSelector") or {}
    kinds = known(spec.get("policyTypes"), "policyTypes") or ["Ingress"]
    return "Ingress" in kinds and not any(selector.values())


def _lets_all_in(policy: Resource) -> bool:
    rules = blocks(get(policy.inputs, "spec.ingress"), "spec.ingress")
    return any(not rule.get("from") and not rule.get("ports") for rule in rules)
