"""A cluster's API, as far as these tests need it, and as carefully.

Objects that live in namespaces go into namespaces made for the test; all others, and custom
resources, are only asked for (``dryRun``), so that nothing of the cluster's own is ever touched.
What the tests make bears a label. Test runs on one machine share a lock on the kubeconfig; the last
one to end takes the definitions away, and the next one to start alone what a killed one has left.
"""

from __future__ import annotations

import fcntl
import json
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, NamedTuple

import kubernetes
import yaml
from kubernetes.client import ApiException
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import ConflictError, NotFoundError

Manifest = Mapping[str, Any]

_LABEL = "plinth-test"
_DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_SPACES = "/api/v1/namespaces"
_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
#: Seconds that anything may take. A namespace that had pods is looked at again after 16 s only.
_PATIENCE = 120.0


class RefusedError(Exception):
    """The API server would not take an object."""


class Kind(NamedTuple):
    """Where objects of a kind are."""

    path: str
    plural: str
    namespaced: bool

    def url(self, manifest: Manifest) -> str:
        """The object's own path.

        Raises:
            RefusedError: It does not say its namespace, or says one where there is none.
        """
        namespace = manifest["metadata"].get("namespace")
        if self.namespaced is not bool(namespace):
            must = "must name" if self.namespaced else "has no"
            raise RefusedError(f"{title(manifest)} {must} namespace")
        space = f"/namespaces/{namespace}" if namespace else ""
        return f"{self.path}{space}/{self.plural}/{manifest['metadata']['name']}"


def context_of(kubeconfig: Path, wanted: str | None) -> str:
    """The context to use: the one that is named, or the only one there is."""
    names = [entry["name"] for entry in yaml.safe_load(kubeconfig.read_text())["contexts"]]
    if wanted is None and len(names) == 1:
        return str(names[0])
    if wanted is None or wanted not in names:
        raise ValueError(
            f"set PLINTH_TEST_KUBE_CONTEXT to the context that tests may use, one of {names}"
        )
    return wanted


class Api:
    """One context of a kubeconfig, and what the tests have made there."""

    def __init__(
        self,
        kubeconfig: Path,
        context: str | None,
        definitions: Iterable[Manifest] = (),
        *,
        label: str = _LABEL,
        lock: Path | None = None,
    ) -> None:
        """Connects.

        Args:
            kubeconfig: Where the cluster is.
            context: As :func:`context_of`.
            definitions: CRDs to have for as long as it lasts, each once its kind is needed.
            label: What is borne by all that is made, and by nothing else.
            lock: A file that all who use the label share; the kubeconfig unless given.
        """
        config = kubernetes.config.new_client_from_config(
            str(kubeconfig), context=context_of(kubeconfig, context)
        )
        # The client's own discovery asks each group, and everything anew for a kind it misses.
        self._client = DynamicClient(config, discoverer=lambda _client, _cache: None)
        self._label = label
        self._lock = (lock or kubeconfig).open("rb")
        self._definitions = {kind: item for item in definitions for kind in _kinds_of(item)}
        self._kinds: dict[tuple[str, str], Kind] = {}
        self._spaces: list[str] = []
        #: Whether pods only seem to run (kwok), so that workloads may be started.
        self.pretends = False

    def __enter__(self) -> Api:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._sweep()
        except BlockingIOError:
            pass  # Another test is at it, and has swept.
        fcntl.flock(self._lock, fcntl.LOCK_SH)
        nodes = self._call("get", "/api/v1/nodes")["items"]
        notes = [node["metadata"].get("annotations") or {} for node in nodes]
        self.pretends = bool(notes) and all("kwok.x-k8s.io/node" in note for note in notes)
        self._discover()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _value: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        # All is asked for before anything is waited for: pytest-xdist kills workers that take long.
        with self._lock:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self.drop(self._spaces)  # The definitions are in use.
            else:
                self._sweep()
        for name in self._spaces:
            self._gone(f"{_SPACES}/{name}")

    def learn(self, manifests: Iterable[Manifest]) -> set[str]:
        """Sees to it that the cluster knows these objects' kinds; returns those it does not."""
        unknown = {_kind_of(item) for item in manifests} - self._kinds.keys()
        if unknown & self._definitions.keys():
            self._discover()  # Another test may have made them.
        missing = sorted(unknown & self._definitions.keys() - self._kinds.keys())
        made = {kind for kind in missing if self._define(self._definitions[kind])}
        self._until(lambda: self._knows(made), "discovery")
        return {" ".join(kind) for kind in unknown - self._kinds.keys()}

    def apply(self, manifest: Manifest, *, really: bool) -> None:
        """Server-side apply with strict field validation, for real or only asked for.

        Raises:
            RefusedError: With the server's reason; a warning is one, too.
        """
        kind = self._kinds.get(_kind_of(manifest))
        if kind is None:
            raise RefusedError(f"{title(manifest)}: the cluster does not know the kind")
        try:
            self._patch(kind.url(manifest), manifest, really=really)
        except ApiException as error:
            raise RefusedError(f"{title(manifest)}: {_reason(error)}") from error

    def namespaces(self, names: Mapping[str, Manifest]) -> None:
        """Makes namespaces as the manifests say, under other names."""
        for name, manifest in names.items():
            metadata = {**manifest["metadata"], "name": name}
            metadata["labels"] = {**metadata.get("labels", {}), self._label: "namespace"}
            self._spaces.append(name)
            self.apply({**manifest, "metadata": metadata}, really=True)

    def wait(self, manifest: Manifest) -> None:
        """Until a workload is ready."""
        url = self._kinds[_kind_of(manifest)].url(manifest)
        self._until(lambda: _ready(self._call("get", url)), title(manifest))

    def found(self, manifest: Manifest) -> dict[str, Any]:
        """An object as it is now."""
        found: dict[str, Any] = self._call("get", self._kinds[_kind_of(manifest)].url(manifest))
        return found

    def token(self, account: Manifest) -> str:
        """A token of a service account."""
        url = f"{self._kinds[_kind_of(account)].url(account)}/token"
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        return str(self._call("post", url, body=request)["status"]["token"])

    @property
    def server(self) -> tuple[str, str]:
        """The API server's address, and the file of its authority."""
        configuration = self._client.configuration
        return str(configuration.host), str(configuration.ssl_ca_cert)

    def drop(self, namespaces: Iterable[str]) -> None:
        """Begins to delete namespaces of the test: they are waited for together, at the end."""
        for name in namespaces:
            self._delete(f"{_SPACES}/{name}")

    def _define(self, definition: Manifest) -> bool:
        """Makes a definition unless there is one; returns whether it is the tests' own."""
        metadata = {**definition["metadata"]}
        metadata["labels"] = {**metadata.get("labels", {}), self._label: "crd"}
        try:
            self._write("post", _DEFINITIONS, {**definition, "metadata": metadata})
        except ConflictError:
            found = self._call("get", f"{_DEFINITIONS}/{metadata['name']}")
            return self._label in found["metadata"].get("labels", {})
        return True

    def _discover(self) -> None:
        self._kinds = {}
        for root in ("/api", "/apis"):
            found = self._call("get", root, header_params={"Accept": _DISCOVERY})
            assert found["kind"] == "APIGroupDiscoveryList", "Kubernetes 1.30 or newer is needed"
            for group in found["items"]:
                name = group["metadata"].get("name")
                for version in group["versions"]:
                    self._note("/".join(filter(None, [name, version["version"]])), root, version)

    def _note(self, api_version: str, root: str, version: Mapping[str, Any]) -> None:
        for entry in version.get("resources", ()):
            self._kinds[api_version, entry["responseKind"]["kind"]] = Kind(
                f"{root}/{api_version}", entry["resource"], entry["scope"] == "Namespaced"
            )

    def _remembers(self, kinds: set[tuple[str, str]]) -> bool:
        if kinds:
            self._discover()
        return bool(kinds & self._kinds.keys())

    def _knows(self, kinds: Iterable[tuple[str, str]]) -> bool:
        missing = kinds - self._kinds.keys()
        if missing:
            self._discover()
        return not kinds - self._kinds.keys()

    def _patch(self, url: str, manifest: Manifest, *, really: bool) -> None:
        query = {"force": "true"} if really else {"force": "true", "dryRun": "All"}
        self._write("patch", url, manifest, query, content_type="application/apply-patch+yaml")

    def _write(
        self,
        method: str,
        url: str,
        manifest: Manifest,
        query: Mapping[str, str] = MappingProxyType({}),
        *,
        content_type: str = "application/yaml",
    ) -> None:
        query = {"fieldManager": _LABEL, "fieldValidation": "Strict", **query}
        answer = self._client.request(
            method,
            url,
            body=json.dumps(manifest),
            query_params=list(query.items()),
            content_type=content_type,
            serialize=False,
        )
        if answer.headers.get("Warning"):
            raise RefusedError(f"{title(manifest)}: {answer.headers['Warning']}")

    def _call(self, method: str, url: str, **options: Any) -> Any:
        return self._client.request(
            method, url, serializer=lambda _client, found: found, query_params=[], **options
        )

    def _delete(self, url: str) -> None:
        # A conflict says that it is being deleted already.
        with suppress(NotFoundError, ConflictError):
            self._call("delete", url)

    def _sweep(self) -> None:
        """Deletes all that bears the tests' label."""
        spaces = self._call("get", f"{_SPACES}?labelSelector={self._label}")["items"]
        definitions = self._call("get", f"{_DEFINITIONS}?labelSelector={self._label}")["items"]
        urls = [
            *(f"{_SPACES}/{item['metadata']['name']}" for item in spaces),
            *(f"{_DEFINITIONS}/{item['metadata']['name']}" for item in definitions),
        ]
        for url in urls:
            self._delete(url)
        for url in urls:
            self._gone(url)
        # The API server still tells of a kind for a moment: nobody shall take it for there.
        kinds = {kind for item in definitions for kind in _kinds_of(item)}
        self._until(lambda: not self._remembers(kinds), "discovery")

    def _gone(self, url: str) -> None:
        def gone() -> bool:
            try:
                self._call("get", url)
            except NotFoundError:
                return True
            return False

        self._until(gone, f"deletion of {url}")

    @staticmethod
    def _until(done: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not done():
            assert time.monotonic() < deadline, f"{what} is not done after {_PATIENCE:.0f} s"
            time.sleep(0.2)


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


def title(manifest: Manifest) -> str:
    """Kind and name."""
    return f"{manifest['kind']} {manifest['metadata']['name']}"


def _kind_of(manifest: Manifest) -> tuple[str, str]:
    return manifest["apiVersion"], manifest["kind"]


def _kinds_of(definition: Manifest) -> Iterator[tuple[str, str]]:
    spec = definition["spec"]
    for version in spec["versions"]:
        yield f"{spec['group']}/{version['name']}", spec["names"]["kind"]


def _reason(error: ApiException) -> str:
    try:
        return str(json.loads(error.body)["message"])
    except (TypeError, ValueError):
        return str(error.body or error.reason)  # Of a path that it does not serve: plain text.


def _ready(found: Manifest) -> bool:
    status = found.get("status") or {}
    if found["kind"] == "Job":
        conditions = status.get("conditions") or []
        return any(c["type"] == "Complete" and c["status"] == "True" for c in conditions)
    return bool(status.get("readyReplicas", 0) >= found["spec"].get("replicas", 1))
