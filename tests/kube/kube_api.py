"""A cluster's API, as far as these tests need it, and as carefully.

Objects that live in namespaces go into namespaces made for the test; all others are only asked for
(``dryRun``), so that nothing of the cluster's own is ever touched.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import kubernetes
import yaml
from kubernetes.dynamic import DynamicClient, Resource
from kubernetes.dynamic.exceptions import ApiException, NotFoundError, ResourceNotFoundError

_MANAGER = "plinth-test"
_CRD = ("apiextensions.k8s.io/v1", "CustomResourceDefinition")

Manifest = Mapping[str, Any]


class RefusedError(Exception):
    """The API server would not take an object."""


def context_of(kubeconfig: Path, wanted: str | None) -> str:
    """The context to use: the one that is named, or the only one there is."""
    names = [entry["name"] for entry in yaml.safe_load(kubeconfig.read_text())["contexts"]]
    if wanted is None and len(names) == 1:
        return str(names[0])
    if wanted not in names:
        raise ValueError(
            f"set PLINTH_TEST_KUBE_CONTEXT to the context that tests may use, one of {names}"
        )
    return wanted


class Api:
    """One context of a kubeconfig, and what the tests have made there."""

    def __init__(self, kubeconfig: Path, context: str | None) -> None:
        config = kubernetes.config.new_client_from_config(
            str(kubeconfig), context=context_of(kubeconfig, context)
        )
        self._client = DynamicClient(config)
        self._defined: list[str] = []

    def __enter__(self) -> Api:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _value: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        crds = self._client.resources.get(api_version=_CRD[0], kind=_CRD[1])
        for name in self._defined:
            crds.delete(name=name)

    def define(self, definitions: Iterable[Manifest]) -> None:
        """Makes definitions that the cluster has not, until the end."""
        crds = self._client.resources.get(api_version=_CRD[0], kind=_CRD[1])
        there = {item.metadata.name for item in crds.get().items}
        for definition in definitions:
            name = definition["metadata"]["name"]
            if name not in there:
                self._apply(crds, definition)
                self._defined.append(name)
        for name in self._defined:
            self._until(lambda name=name: _condition(crds.get(name=name), "Established"), name)
        self._client.resources.invalidate_cache()

    def kind(self, manifest: Manifest) -> Resource | None:
        """The kind of an object, if the cluster knows it."""
        try:
            return self._client.resources.get(
                api_version=manifest["apiVersion"], kind=manifest["kind"]
            )
        except ResourceNotFoundError:
            return None

    def apply(self, manifest: Manifest, *, really: bool) -> None:
        """Server-side apply with strict field validation, for real or only asked for.

        Raises:
            RefusedError: With the server's reason.
        """
        kind = self.kind(manifest)
        if kind is None:
            raise RefusedError(f"{_title(manifest)}: the cluster does not know the kind")
        self._apply(kind, manifest, dry_run=None if really else "All")

    def _apply(self, kind: Resource, manifest: Manifest, dry_run: str | None = None) -> None:
        metadata = manifest["metadata"]
        query: list[tuple[str, str]] = [
            ("fieldManager", _MANAGER),
            ("fieldValidation", "Strict"),
            ("force", "true"),
        ]
        if dry_run:
            query.append(("dryRun", dry_run))
        path = kind.path(name=metadata["name"], namespace=metadata.get("namespace"))
        try:
            self._client.request(
                "patch",
                path,
                body=json.dumps(manifest),
                query_params=query,
                content_type="application/apply-patch+yaml",
            )
        except ApiException as error:
            reason = json.loads(error.body)["message"] if error.body else error.reason
            raise RefusedError(f"{_title(manifest)}: {reason}") from error

    def namespaces(self, names: Mapping[str, Manifest]) -> Iterator[str]:
        """Makes namespaces as the manifests say, under other names; yields those."""
        kind = self._client.resources.get(api_version="v1", kind="Namespace")
        for name, manifest in names.items():
            made = {**manifest, "metadata": {**manifest["metadata"], "name": name}}
            self._apply(kind, made)
            yield name

    def wait(self, manifest: Manifest) -> None:
        """Until a workload is ready."""
        kind = self.kind(manifest)
        assert kind is not None
        name, namespace = manifest["metadata"]["name"], manifest["metadata"]["namespace"]
        self._until(lambda: _ready(kind.get(name=name, namespace=namespace)), _title(manifest))

    def remove(self, namespaces: Iterable[str]) -> None:
        """Deletes namespaces of the test, and waits until they are gone."""
        kind = self._client.resources.get(api_version="v1", kind="Namespace")
        names = list(namespaces)
        for name in names:
            kind.delete(name=name)
        for name in names:
            self._until(lambda name=name: self._gone(kind, name), f"namespace {name}")

    @staticmethod
    def _gone(kind: Resource, name: str) -> bool:
        try:
            kind.get(name=name)
        except NotFoundError:
            return True
        return False

    @staticmethod
    def _until(done: Any, what: str, seconds: float = 120) -> None:
        deadline = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < deadline, f"{what} is not done after {seconds} s"
            time.sleep(0.3)


def prefix() -> str:
    """Start of the names of one test's namespaces."""
    return f"plinth-test-{secrets.token_hex(3)}-"


def moved(value: Any, namespaces: frozenset[str], prefix: str) -> Any:
    """A manifest in namespaces of the test: every reference to one of ours is renamed."""
    if isinstance(value, Mapping):
        return {
            key: f"{prefix}{item}"
            if key == "namespace" and item in namespaces
            else moved(item, namespaces, prefix)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [moved(item, namespaces, prefix) for item in value]
    return value


def _condition(item: Any, kind: str) -> bool:
    conditions = (item.to_dict().get("status") or {}).get("conditions") or []
    return any(c["type"] == kind and c["status"] == "True" for c in conditions)


def _ready(item: Any) -> bool:
    found = item.to_dict()
    if found["kind"] == "Job":
        return _condition(item, "Complete")
    wanted = found["spec"].get("replicas", 1)
    return bool((found.get("status") or {}).get("readyReplicas", 0) >= wanted)


def _title(manifest: Manifest) -> str:
    return f"{manifest['kind']} {manifest['metadata']['name']}"
