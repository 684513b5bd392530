"""Tests against a Kubernetes API give the cluster back as it was, and change nothing of its own.

Needs a cluster: see ``conftest.py`` here. What each test makes bears a label of its own, so that
tests that run meanwhile keep theirs, and the next run finds what a killed one has left.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kube_api import Api, Kind, RefusedError, prefix

pytestmark = pytest.mark.kube

_NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {}}

Connect = Callable[..., Api]


@pytest.fixture
def connected(connect: Connect, tmp_path: Path) -> Connect:
    """Connects under a name, with a definition at these versions, by default of the same name."""

    def connected(name: str, *versions: str, of: str | None = None) -> Api:
        lock = tmp_path / name
        lock.touch()
        definitions = [definition(of or name, version) for version in versions]
        return connect(definitions, label=f"plinth-test-{name}", lock=lock)

    return connected


def definition(name: str, version: str) -> dict[str, Any]:
    group = f"{name}.plinth-test.example"
    schema = {"openAPIV3Schema": {"type": "object"}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"things.{group}"},
        "spec": {
            "group": group,
            "names": {"kind": "Thing", "plural": "things"},
            "scope": "Cluster",
            "versions": [{"name": version, "served": True, "storage": True, "schema": schema}],
        },
    }


def thing(name: str, version: str = "v1") -> dict[str, Any]:
    return {
        "apiVersion": f"{name}.plinth-test.example/{version}",
        "kind": "Thing",
        "metadata": {"name": "plinth-test"},
    }


def config(namespace: str) -> dict[str, Any]:
    metadata = {"name": "plinth-test", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


def test_all_that_was_made_goes_even_if_nobody_waits(
    connected: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C, and once more while what was made is being deleted."""
    namespace = f"{prefix()}interrupted"
    ours = connected("interrupted", "v1")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    def use() -> None:
        with ours:
            assert not ours.learn([thing("interrupted")])
            ours.namespaces({namespace: _NAMESPACE})
            ours.apply(thing("interrupted"), really=False)
            ours.apply(config(namespace), really=False)
            monkeypatch.setattr(ours, "_until", interrupt)
            interrupt()

    with pytest.raises(KeyboardInterrupt):
        use()
    with connected("looking") as looking:
        kind = (thing("interrupted")["apiVersion"], "Thing")
        looking._gone(f"/api/v1/namespaces/{namespace}")
        looking._until(lambda: not looking._remembers({kind}), "deletion of the definition")


def test_what_a_killed_run_left_is_deleted(connected: Connect) -> None:
    namespace = f"{prefix()}killed"
    killed = connected("killed", "v1").__enter__()
    assert not killed.learn([thing("killed")])
    killed.namespaces({namespace: _NAMESPACE})
    killed.apply(config(namespace), really=False)
    killed._lock.close()  # As the operating system does.
    with connected("killed", "v1") as later:
        with pytest.raises(RefusedError, match="not found"):
            later.apply(config(namespace), really=False)
        with pytest.raises(RefusedError, match="does not know"):
            later.apply(thing("killed"), really=False)


def test_nothing_ends_while_the_server_still_tells_of_what_was_deleted(
    connected: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Discovery lags behind: the next one to start would take the kind for there."""
    told = iter([True, True, False])
    ours = connected("late", "v1")
    discover = ours._discover
    version = thing("late")["apiVersion"]

    def late() -> None:
        discover()
        if next(told, False):
            ours._kinds[version, "Thing"] = Kind(f"/apis/{version}", "things", False)

    with ours:
        assert not ours.learn([thing("late")])
        monkeypatch.setattr(ours, "_discover", late)
    assert not list(told)


def test_a_definition_of_the_clusters_own_is_left_as_it_is(connected: Connect) -> None:
    with connected("host", "v1") as host:
        assert not host.learn([thing("host")])
        with connected("guest", "v2", of="host") as guest:
            assert guest.learn([thing("host", "v2")]) == {"host.plinth-test.example/v2 Thing"}
        host.apply(thing("host"), really=False)
