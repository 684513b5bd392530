"""One contract for every pair of cloud and tool: typed results, explicit ports, light imports."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from example import CLUSTERS, EXAMPLES, ROOT, SPEC, Example
from plinth import ports, registry, results
from plinth.graph import Resource, capability_of
from plinth.planning import Plan
from plinth.ports import Port
from plinth.spec.models import CAPABILITIES
from plinth.spec.options import CapabilityOptions

Plans = Callable[[Example], Plan]

CLOUDS = registry.cloud_names()
#: The example's dev environment, there and elsewhere. The cloud that it names itself goes unsaid.
DEV = {cloud: Example(SPEC, "dev", None if cloud == "aws" else cloud) for cloud in CLOUDS}

PAIRS = [
    pytest.param(cloud, capability, tool, id=f"{cloud}-{capability}-{tool}")
    for cloud in CLOUDS
    for capability, tool in registry.all_tools()
]
CELLS = [(cloud, capability) for cloud in CLOUDS for capability in CAPABILITIES]


# --- what each cloud and each tool declare -------------------------------------------------------


@pytest.mark.parametrize(("cloud", "capability", "tool"), PAIRS)
def test_tool_runs_on_cloud_or_says_where_it_does(cloud: str, capability: str, tool: str) -> None:
    info, made = registry.cloud(cloud), registry.tool(capability, tool)
    assert (made.capability, made.name) == (capability, tool)
    assert issubclass(made.options, CapabilityOptions)
    if made.clouds is None:
        assert made.way_on(info).needs <= info.ports


@pytest.mark.parametrize("cloud", CLOUDS)
def test_adapter_implements_exactly_the_ports_it_lists(cloud: str) -> None:
    info = registry.cloud(cloud)
    adapter = info.load_adapter()
    assert isinstance(adapter, type)
    found = {
        port
        for port, protocol in ports.PROTOCOLS.items()
        if all(callable(getattr(adapter, name, None)) for name in ports.methods(protocol))
    }
    assert found == info.ports & ports.PROTOCOLS.keys()
    # Ports without methods are the foundation's own: a cloud has it as a whole, or none of it.
    assert info.ports - ports.PROTOCOLS.keys() in (set(), {Port.NETWORK, Port.KEYS, Port.NODES})


@pytest.mark.parametrize("capability", [field.name for field in fields(results.Results)])
def test_outputs_come_from_the_capability_s_record(capability: str, plan: Plans) -> None:
    record = getattr(results, capability.capitalize())
    assert is_dataclass(record)
    known = tuple(f"{capability}_{field.name}" for field in fields(record))
    outputs = [n for n in plan(DEV["aws"]).graph.outputs if n.startswith(f"{capability}_")]
    assert outputs
    assert [name for name in outputs if not name.startswith(known)] == []


# --- one spec, every cloud -----------------------------------------------------------------------

#: Outputs whose value is the cloud's own: where its buckets are, what it calls a topic.
_OWN_VALUES = re.compile(r"artifacts_\w+|features_offline_store|monitoring_topic")
#: Outputs of capabilities that come with a port: names in a cluster, and what clients on the
#: machine itself have to be told.
_ONLY_WITH = {
    Port.CLUSTER: re.compile(r"[a-z]+_namespace"),
    Port.PROCESSES: re.compile(r"[a-z]+_client_[A-Z_]+"),
}
#: Outputs of the foundation that come with a port, or with a cloud that has such places.
_WITH_PORT = {
    "cluster": Port.CLUSTER,
    "cluster_connect": Port.CLUSTER,
    "folder": Port.PROCESSES,
    "network": Port.NETWORK,
    "registry": Port.REGISTRY,
}
_WITH_REGIONS = ("account", "region")


@pytest.mark.parametrize(("cloud", "capability"), CELLS)
def test_capability_gives_the_same_outputs_everywhere(
    cloud: str, capability: str, plan: Plans
) -> None:
    here, home = (
        {k: v for k, v in plan(DEV[name]).graph.outputs.items() if k.startswith(f"{capability}_")}
        for name in (cloud, "aws")
    )
    assert here
    assert _types(here) == _types(home)
    for port, known in _ONLY_WITH.items():
        assert port in registry.cloud(cloud).ports or not list(filter(known.fullmatch, here))
    if cloud in CLUSTERS:  # elsewhere addresses are those of processes
        plain = [key for key in home if not _OWN_VALUES.fullmatch(key)]
        assert {key: here[key] for key in plain} == {key: home[key] for key in plain}


def _types(outputs: Mapping[str, Any]) -> dict[str, type]:
    """Of what every cloud has."""
    return {
        key: type(value)
        for key, value in outputs.items()
        if not any(known.fullmatch(key) for known in _ONLY_WITH.values())
    }


@pytest.mark.parametrize("port", _ONLY_WITH)
def test_every_output_of_few_clouds_is_there(port: Port, plan: Plans) -> None:
    for cloud in CLOUDS:
        if port in registry.cloud(cloud).ports:
            assert list(filter(_ONLY_WITH[port].fullmatch, plan(DEV[cloud]).graph.outputs))


@pytest.mark.parametrize("cloud", CLOUDS)
def test_foundation_gives_the_same_outputs_where_it_has_the_thing(cloud: str, plan: Plans) -> None:
    info = registry.cloud(cloud)
    outputs = plan(DEV[cloud]).graph.outputs
    found = {key for key in outputs if not key.startswith(tuple(f"{c}_" for c in CAPABILITIES))}
    wanted = {"platform", "environment", "cloud"}
    wanted |= {key for key, port in _WITH_PORT.items() if port in info.ports}
    assert found == wanted | {key for key in _WITH_REGIONS if info.regions}
    assert all(isinstance(outputs[key], str) and outputs[key] for key in found)


class Object(NamedTuple):
    """A Kubernetes object: what it is, where, how it is called and what it runs."""

    kind: str
    namespace: str
    name: str
    runs: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


class Difference(NamedTuple):
    """Objects that not every cloud has, as ``kind namespace/name``, and why."""

    where: str
    clouds: tuple[str, ...]
    objects: tuple[str, ...]
    why: str


_RELAY = ("ConfigMap", "Deployment", "HorizontalPodAutoscaler", "PodDisruptionBudget", "Service")
DIFFERENCES = (
    Difference(
        "*",
        ("kubernetes",),
        ("Secret secrets/plinth-*", "ExternalSecret */*-store", "Job secrets/*"),
        "secrets are objects here, and what a cloud does by an API is done by Jobs with keys",
    ),
    Difference(
        "features",
        ("gcp", "kubernetes"),
        ("ExternalSecret features/feast-trust",),
        "the cache's certificate comes from an authority of its own",
    ),
    Difference(
        "monitoring",
        ("azure", "gcp"),
        (*(f"{kind} monitoring/alert-relay" for kind in _RELAY), "ServiceAccount */alert-relay"),
        "Alertmanager cannot call the cloud's notifications itself",
    ),
    Difference(
        "services",
        ("aws",),
        (
            "Release kube-system/aws-load-balancer-controller",
            "Release kube-system/cluster-autoscaler",
            "StorageClass /gp3",
        ),
        "other clouds' clusters bring these, and a storage class is named after its disks",
    ),
    Difference("services", ("azure", "gcp"), ("StorageClass /encrypted",), "disks with our key"),
    Difference(
        "services",
        ("aws", "kubernetes"),
        ("Release services/metrics-server",),
        "managed clusters of the others bring it",
    ),
    Difference(
        "services",
        ("aws", "azure"),
        ("Release kube-system/nvidia-device-plugin",),
        "GKE brings it, and nodes that are there have theirs",
    ),
    Difference(
        "services",
        ("azure",),
        ("ServiceAccount external-secrets/secret-store",),
        "the vault is opened in the name of an account of its own",
    ),
    Difference(
        "services",
        ("kubernetes",),
        ("*Role* secrets/secret-reader", "ServiceAccount secrets/secret-reader"),
        "the store is a namespace, read in the name of an account of its own",
    ),
)


def _objects(plan: Plan, part: str) -> set[Object]:
    return {
        _object(resource)
        for resource in plan.graph
        if resource.package == "kubernetes"
        and not resource.is_provider
        and capability_of(resource.urn) == part
    }


def _object(resource: Resource) -> Object:
    inputs = resource.inputs
    metadata = inputs.get("metadata") or inputs
    runs = [str(inputs[key]) for key in ("chart", "version") if key in inputs]
    return Object(
        resource.type.rsplit(":", 1)[1],
        str(metadata.get("namespace") or ""),
        str(metadata["name"]),
        (*runs, *sorted(set(_images(dict(inputs.get("spec") or {}))))),
    )


def _images(value: object) -> Iterator[str]:
    """Images of every container in a specification."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key in ("containers", "initContainers"):
                yield from (container["image"] for container in item)
            else:
                yield from _images(item)
    elif isinstance(value, list):
        for item in value:
            yield from _images(item)


def _explained(cloud: str, part: str, found: Object) -> bool:
    return any(
        cloud in known.clouds
        and fnmatchcase(part, known.where)
        and any(fnmatchcase(str(found), pattern) for pattern in known.objects)
        for known in DIFFERENCES
    )


@pytest.mark.parametrize("part", ["services", *CAPABILITIES])
@pytest.mark.parametrize("cloud", CLUSTERS)
def test_capability_is_made_of_the_same_objects_on_every_cluster(
    cloud: str, part: str, plan: Plans
) -> None:
    everywhere = set.intersection(*(_objects(plan(DEV[name]), part) for name in CLUSTERS))
    assert everywhere or part == "artifacts"  # buckets alone need no cluster
    here = _objects(plan(DEV[cloud]), part)
    assert [str(found) for found in here - everywhere if not _explained(cloud, part, found)] == []


@pytest.mark.parametrize("cloud", CLUSTERS)
def test_what_pods_read_is_changed_in_place(cloud: str, plan: Plans) -> None:
    """Deleted and made anew, Alertmanager's routes would be none for a while."""
    made = plan(DEV[cloud]).graph
    (provider,) = (r for r in made if r.type == "pulumi:providers:kubernetes")
    assert provider.inputs["enableConfigMapMutable"] == "true"
    assert provider.inputs["enableSecretMutable"] == "true"


@pytest.mark.parametrize("cloud", CLOUDS)
def test_a_platform_is_made_of_what_its_cloud_says(cloud: str, plan: Plans) -> None:
    """No cluster's objects where there is none, and nobody else's resources."""
    made = plan(DEV[cloud]).graph
    packages = {each.package for each in made if each.custom}
    assert packages == {*registry.cloud(cloud).packages}


@pytest.mark.parametrize(
    "difference", DIFFERENCES, ids=lambda known: "-".join(known[:1] + known[1])
)
def test_every_difference_is_there(difference: Difference, plan: Plans) -> None:
    for cloud in difference.clouds:
        found = {
            str(made)
            for part in ("services", *CAPABILITIES)
            if fnmatchcase(part, difference.where)
            for made in _objects(plan(DEV[cloud]), part)
        }
        for pattern in difference.objects:
            assert any(fnmatchcase(name, pattern) for name in found), (cloud, pattern)


@pytest.mark.parametrize(
    "example", [*EXAMPLES, *(DEV[name] for name in CLOUDS if DEV[name].cloud)], ids=str
)
def test_no_policy_is_violated_anywhere(example: Example, plan: Plans) -> None:
    assert [str(violation) for violation in plan(example).violations] == []


#: Secrets that hold nothing but what the spec says.
_WRITTEN_ANEW = {"alertmanager-routes"}


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_what_holds_data_is_protected_when_durable(example: Example, plan: Plans) -> None:
    made = plan(example)
    durable = made.blueprint.settings.durable
    stateful = [
        resource
        for resource in made.graph
        if resource.custom
        and made.blueprint.cloud.stateful(resource.type)
        and resource.name not in _WRITTEN_ANEW
    ]
    assert {r.package for r in stateful} - {"random"}
    assert [r.urn for r in stateful if r.protect is not durable] == []


# --- who may know of a cloud ---------------------------------------------------------------------


def _shared_code() -> Iterator[Path]:
    """All of Plinth but adapters, simulated clouds and policies by cloud."""
    for root in ("components/plinth", "policies/plinth_policies"):
        for file in sorted((ROOT / root).rglob("*.py")):
            own = {"clouds", "packages"} & {*file.relative_to(ROOT / root).parts}
            if not own and file.stem not in CLOUDS:
                yield file


def _judgements(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Comparisons with the name of a cloud, and cases of one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            operands = [node.left, *node.comparators]
            # Whose API a bucket speaks is a fact of its handle, and `azure` is one of them.
            if not any(isinstance(o, ast.Attribute) and o.attr == "protocol" for o in operands):
                yield from ((node.lineno, name) for o in operands for name in _named(o))
        elif isinstance(node, ast.match_case):
            values = [n.value for n in ast.walk(node.pattern) if isinstance(n, ast.MatchValue)]
            yield from ((value.lineno, name) for value in values for name in _named(value))


def _named(operand: ast.expr) -> Iterator[str]:
    literals = (ast.Tuple, ast.List, ast.Set)
    for item in operand.elts if isinstance(operand, literals) else [operand]:
        if isinstance(item, ast.Constant) and item.value in CLOUDS:
            yield item.value


def test_no_shared_code_asks_which_cloud_it_is_on() -> None:
    files = list(_shared_code())
    assert {"blueprint.py", "kserve.py", "check.py", "provider.py"} <= {f.name for f in files}
    found = [
        f"{file.relative_to(ROOT)}:{line}: {name}"
        for file in files
        for line, name in _judgements(ast.parse(file.read_text(encoding="utf-8")))
    ]
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "if cloud == 'gcp': pass",
        "x = 'aws' != info.name",
        "y = cloud in ('azure', 'gcp')",
        "match cloud:\n  case 'a' | 'kubernetes': pass",
    ],
)
def test_the_search_finds_such_questions(text: str) -> None:
    assert list(_judgements(ast.parse(text)))


def test_validation_and_help_never_import_pulumi() -> None:
    script = (
        "import sys\n"
        "from plinth.cli import app\n"
        "app(['--help'], standalone_mode=False)\n"
        "app(['validate'], standalone_mode=False)\n"
        "loaded = [m for m in sys.modules if m.split('.')[0].startswith('pulumi')]\n"
        "assert not loaded, loaded\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_cloud_s_sdk_is_loaded_for_that_cloud_only() -> None:
    script = (
        "import sys\n"
        "import plinth.capabilities.platform, plinth.recorder, plinth_policies.check\n"
        "loaded = {m.split('.')[0] for m in sys.modules if m.startswith('pulumi_')}\n"
        "assert not loaded, loaded\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
