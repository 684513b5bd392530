"""Every Kubernetes object that Plinth makes is taken by a real API server, and workloads run.

Needs a cluster: see ``conftest.py`` here. With kwok for kubelets, pods are ready without images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from kube_api import Api, RefusedError, context_of, moved, prefix

from example import EXAMPLES, Example
from plinth.planning import Plan

pytestmark = pytest.mark.kube

_WORKLOADS = ("Deployment", "StatefulSet", "Job")
#: What the API server's admission asks for before pods: accounts.
_FIRST = ("ServiceAccount", "ConfigMap", "Secret")


def objects(plan: Plan) -> list[dict[str, Any]]:
    """All objects that Plinth makes directly."""
    return [
        dict(resource.inputs)
        for resource in plan.graph
        if resource.package == "kubernetes"
        and not resource.is_provider
        and resource.type != "kubernetes:helm.sh/v3:Release"
    ]


@contextmanager
def namespaces_of(api: Api, made: list[dict[str, Any]]) -> Iterator[tuple[str, frozenset[str]]]:
    """The objects' namespaces, under names of the test's own."""
    own = {o["metadata"]["name"]: o for o in made if o["kind"] == "Namespace"}
    named = {o["metadata"]["namespace"] for o in made if "namespace" in o["metadata"]}
    start = prefix()
    bare = {"apiVersion": "v1", "kind": "Namespace", "metadata": {}}
    wanted = {f"{start}{name}": own.get(name, bare) for name in sorted(named | own.keys())}
    there: list[str] = []
    try:
        there.extend(api.namespaces(wanted))
        yield start, frozenset(named | own.keys())
    finally:
        api.remove(there)


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_a_real_api_server_takes_every_object(
    example: Example, plan: Callable[[Example], Plan], api: Api
) -> None:
    made = objects(plan(example))
    assert len(made) > 50
    refused: list[str] = []
    unknown: set[str] = set()
    workloads = []
    with namespaces_of(api, made) as (start, names):
        made.sort(key=lambda o: o["kind"] not in _FIRST)
        for manifest in made:
            if manifest["kind"] == "Namespace":
                continue
            if api.kind(manifest) is None:
                unknown.add(f"{manifest['apiVersion']} {manifest['kind']}")
                continue
            placed = moved(manifest, names, start)
            custom = "." in manifest["apiVersion"].partition("/")[0].removesuffix(".k8s.io")
            really = "namespace" in manifest["metadata"] and not custom
            try:
                api.apply(placed, really=really)
            except RefusedError as error:
                refused.append(str(error))
            else:
                if manifest["kind"] in _WORKLOADS:
                    workloads.append(placed)
        assert not refused, "\n".join(refused)
        for manifest in workloads:
            api.wait(manifest)
    if unknown:
        pytest.skip(f"taken, but for kinds that the cluster does not know: {sorted(unknown)}")
    assert workloads


def test_what_is_wrong_is_refused(api: Api) -> None:
    """The checks above can fail: unknown fields and wrong types are not let through."""
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "plinth-test"}}
    config["metadata"]["namespace"] = "default"  # type: ignore[index]
    api.apply(config, really=False)
    with pytest.raises(RefusedError, match="dta"):
        api.apply({**config, "dta": {}}, really=False)
    with pytest.raises(RefusedError, match="string"):
        api.apply({**config, "data": {"a": 1}}, really=False)


@pytest.mark.parametrize(
    ("contexts", "wanted", "chosen"),
    [(["one"], None, "one"), (["one", "two"], "two", "two"), (["one", "two"], None, None)],
)
def test_only_the_context_that_was_named_is_used(
    tmp_path: Path, contexts: list[str], wanted: str | None, chosen: str | None
) -> None:
    file = tmp_path / "config"
    entries = [{"name": name, "context": {}} for name in contexts]
    file.write_text(yaml.safe_dump({"contexts": entries}), encoding="utf-8")
    if chosen:
        assert context_of(file, wanted) == chosen
    else:
        with pytest.raises(ValueError, match="PLINTH_TEST_KUBE_CONTEXT"):
            context_of(file, wanted)
    with pytest.raises(ValueError, match="PLINTH_TEST_KUBE_CONTEXT"):
        context_of(file, "another")
