"""Plans of small specs, and what any manifest of ours must satisfy."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml

from plinth import planning, program
from plinth.errors import Problem, SpecError
from plinth.graph import Graph, Resource, capability_of

#: What any spec needs before its capabilities.
BASE = """
apiVersion: plinth/v1
name: ml-churn
owner: ml-platform@example.com
cost: {center: "4711", monthly_budget: 3000}
cloud: aws
region: eu-west-1
account: "111111111111"
environments: {dev: null}
"""

#: Capabilities at their defaults, with neither monitoring nor a domain.
PLAIN = """
artifacts:
  buckets: {labels: {expire_after_days: 30}}
  access:
    notebooks: {namespace: notebooks, service_account: jupyter, read: [labels], write: [datasets]}
tracking: {}
features: {}
"""

#: Capabilities with everything that a spec can add to them.
FULL = """
durable: true
domain: {name: ml.example.com}
artifacts: {}
monitoring: {}
tracking: {replicas: {min: 3, max: 9}, workers: 4, keep_deleted_days: 7, allow_from: [notebooks]}
orchestration:
  dags: {repository: "https://example.com/ml/dags.git", credentials: {secret: git-token}}
  environment: {TEAM: churn}
features:
  project: churn
  materialize: "15 * * * *"
  repository:
    repository: https://example.com/ml/features.git
    branch: live
    path: repo
    credentials: {secret: git-token}
"""

#: Kubernetes release whose schemas manifests are checked against.
_SCHEMAS = "1.35"
_GROUPS = ("v1", "apps", "batch", "autoscaling", "policy", "networking.k8s.io")


@cache
def graph(capabilities: str) -> Graph:
    """The graph of a spec with these blocks, as YAML text."""
    with tempfile.TemporaryDirectory() as folder:
        return planning.graph_of(program.blueprint_of(_write(folder, capabilities), "dev"))


def problems(capabilities: str) -> tuple[Problem, ...]:
    """Why a spec with these blocks is refused; nothing when it is not."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            program.blueprint_of(_write(folder, capabilities), "dev")
        except SpecError as error:
            return error.problems
    return ()


def _write(folder: str, capabilities: str) -> Path:
    file = Path(folder) / "platform.yaml"
    text = {**yaml.safe_load(BASE), **yaml.safe_load(capabilities)}
    file.write_text(yaml.safe_dump(text), encoding="utf-8")
    return file


def find(made: Graph, type_: str, name: str) -> Resource:
    """The one resource whose type ends like this and whose logical name is this."""
    (found,) = [r for r in made if r.type.endswith(type_) and r.name == name]
    return found


def manifests(made: Graph, capability: str) -> Iterator[dict[str, Any]]:
    """Objects of Kubernetes' own kinds that a capability makes."""
    for resource in made:
        if resource.package == "kubernetes" and capability_of(resource.urn) == capability:
            group = str(resource.inputs.get("apiVersion", "")).partition("/")[0]
            if group in _GROUPS:
                yield dict(resource.inputs)


def assert_valid(manifest: dict[str, Any]) -> None:
    """Kubernetes knows every field of the object."""
    kubernetes_validate.validate(manifest, _SCHEMAS, strict=True)


def pod_spec(manifest: dict[str, Any]) -> dict[str, Any] | None:
    """The pod specification inside of a workload."""
    spec = manifest.get("spec", {})
    spec = spec.get("jobTemplate", {}).get("spec", spec)
    found: dict[str, Any] | None = spec.get("template", {}).get("spec")
    return found


def assert_hardened(pod: dict[str, Any], *, controls: bool = False) -> None:
    """The pod meets the restricted profile, is bounded, and gives away no secret.

    Only one that ``controls`` something has a token of the API server's.
    """
    security = pod["securityContext"]
    assert security["runAsNonRoot"] is True
    assert security["runAsUser"] >= 10000  # nobody on the machine
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is controls
    volumes = {volume["name"] for volume in pod.get("volumes", [])}
    for container in [*pod.get("initContainers", []), *pod["containers"]]:
        own = container["securityContext"]
        assert own["allowPrivilegeEscalation"] is False
        assert own["capabilities"] == {"drop": ["ALL"]}
        assert own["readOnlyRootFilesystem"] is True
        assert container["imagePullPolicy"] == "Always"
        assert container["resources"]["limits"]["memory"]
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}
        assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
        names = [variable["name"] for variable in container["env"]]
        assert len(names) == len(set(names))
        for variable in container["env"]:
            if any(word in variable["name"] for word in ("PASSWORD", "SECRET", "PASSPHRASE")):
                assert "valueFrom" in variable, variable["name"]


def environment(container: dict[str, Any]) -> dict[str, Any]:
    """A container's variables: text, or (secret, key)."""
    found: dict[str, Any] = {}
    for variable in container["env"]:
        source = variable.get("valueFrom", {}).get("secretKeyRef")
        found[variable["name"]] = (
            (source["name"], source["key"]) if source else variable.get("value")
        )
    return found


def assert_objects(
    spec: str, capability: str, kinds: set[str], *, controller: str | None = None
) -> None:
    """A capability makes these kinds at least; all it makes is valid, and its pods hardened."""
    made = list(manifests(graph(spec), capability))
    assert kinds <= {manifest["kind"] for manifest in made}
    for manifest in made:
        assert_valid(manifest)
        pod = pod_spec(manifest)
        if pod:
            assert_hardened(pod, controls=manifest["metadata"]["name"] == controller)
