"""Every Kubernetes object that Plinth makes is taken by a real API server, and workloads run.

Needs a cluster: see ``conftest.py`` here. With kwok for kubelets, pods are ready without images.
"""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from kube_api import Api, RefusedError, context_of, moved, prefix
from kube_objects import CASES, is_custom, objects

from example import Example
from plinth.planning import Plan

pytestmark = pytest.mark.kube

_LOG = logging.getLogger(__name__)
_WORKLOADS = ("Deployment", "StatefulSet", "Job")
#: What the API server's admission asks for before pods: accounts.
_FIRST = ("ServiceAccount", "ConfigMap", "Secret")
#: A label that the API server warns of.
_OLD = "beta.kubernetes.io/os"


@contextmanager
def namespaces_of(api: Api, made: list[dict[str, Any]]) -> Iterator[tuple[str, frozenset[str]]]:
    """The objects' namespaces, under names of the test's own."""
    own = {o["metadata"]["name"]: o for o in made if o["kind"] == "Namespace"}
    named = {o["metadata"]["namespace"] for o in made if "namespace" in o["metadata"]}
    start = prefix()
    bare = {"apiVersion": "v1", "kind": "Namespace", "metadata": {}}
    wanted = {f"{start}{name}": own.get(name, bare) for name in sorted(named | own.keys())}
    try:
        api.namespaces(wanted)
        yield start, frozenset(named | own.keys())
    finally:
        api.drop(wanted)


@pytest.mark.parametrize("example", CASES, ids=str)
def test_a_real_api_server_takes_every_object(
    example: Example, plan: Callable[[Example], Plan], api: Api
) -> None:
    made = objects(plan(example))
    assert len(made) > 50
    unknown = api.learn(made)
    if os.environ.get("PLINTH_TEST_KUBE_CRDS"):
        assert not unknown, "crds.py has no source of these, or the cluster has other versions"
    known = [o for o in made if f"{o['apiVersion']} {o['kind']}" not in unknown]
    known.sort(key=lambda o: o["kind"] not in _FIRST)
    refused: list[str] = []
    with namespaces_of(api, known) as (start, names):
        placed = [moved(o, names, start) for o in known if o["kind"] != "Namespace"]
        for manifest in placed:
            really = api.pretends and "namespace" in manifest["metadata"]
            try:
                api.apply(manifest, really=really and not is_custom(manifest))
            except RefusedError as error:
                refused.append(str(error))
        assert not refused, "\n".join(refused)
        workloads = [o for o in placed if o["kind"] in _WORKLOADS]
        assert workloads
        if api.pretends:
            for manifest in workloads:
                api.wait(manifest)
    kinds = sorted(Counter(o["kind"] for o in known).items())
    _LOG.info("%s: %d taken: %s", example, len(known), ", ".join(f"{n} {k}" for k, n in kinds))
    if unknown:
        pytest.skip(f"taken, but for kinds that the cluster does not know: {sorted(unknown)}")


def test_what_is_wrong_is_refused(api: Api) -> None:
    """The checks above can fail: what is unknown, wrong or warned of is not let through."""
    place = {"name": "plinth-test", "namespace": "default"}
    config: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": place}
    api.apply(config, really=False)
    with pytest.raises(RefusedError, match="dta"):
        api.apply({**config, "dta": {}}, really=False)
    with pytest.raises(RefusedError, match="string"):
        api.apply({**config, "data": {"a": 1}}, really=False)
    with pytest.raises(RefusedError, match="must name namespace"):
        api.apply({**config, "metadata": {"name": "plinth-test"}}, really=False)
    pod = {"containers": [{"name": "a", "image": "a"}], "nodeSelector": {_OLD: "linux"}}
    with pytest.raises(RefusedError, match="deprecated"):
        api.apply({**config, "kind": "Pod", "spec": pod}, really=False)
    with pytest.raises(RefusedError, match="does not know"):
        api.apply({**config, "kind": "Config"}, really=False)


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
