"""The ``kubernetes`` package: an API server that accepts, keeps and echoes objects."""

from __future__ import annotations

import base64
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar, Final

import yaml

from plinth.graph import UNKNOWN
from plinth.rehearsal.check import Failure
from plinth.rehearsal.cloud import Cloud, Record
from plinth.rehearsal.packages.base import (
    Birth,
    Lookup,
    Made,
    Maker,
    Package,
    Question,
    Settings,
    digest,
)
from plinth.rehearsal.sdk import ANY, Field, Kind, Type

RELEASE: Final = "kubernetes:helm.sh/v3:Release"
_NAMESPACE: Final = "kubernetes:core/v1:Namespace"

#: Kinds without a namespace, beyond ``Cluster...``. Read in pulumi-kubernetes, Kind.Namespaced of
#: provider/pkg/kinds/kinds.go, for the kinds that it lists; the newer ones and those of custom
#: resources are believed.
_CLUSTER_WIDE: Final = frozenset(
    {
        "APIService", "CSIDriver", "CSINode", "CertificateSigningRequest",
        "CustomResourceDefinition", "DeviceClass", "FlowSchema", "IPAddress", "IngressClass",
        "GatewayClass", "MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding",
        "MutatingWebhookConfiguration", "Namespace", "Node", "PersistentVolume", "PriorityClass",
        "PriorityLevelConfiguration", "ResourceSlice", "RuntimeClass", "ServiceCIDR",
        "StorageClass", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration", "VolumeAttachment", "VolumeAttributesClass",
        "EC2NodeClass", "NodeClaim", "NodeClass", "NodePool",
    }
)  # fmt: skip
_SYSTEM_NAMESPACES: Final = frozenset({"default", "kube-system", "kube-public", "kube-node-lease"})
_SELECTOR: Final = ("spec.selector",)
#: Fields whose change makes a new object, as read in pulumi-kubernetes (July 2026, after v4.32.0),
#: provider/pkg/provider/diff.go. Of a pod, it lists fields one by one: all of the specification but
#: tolerations, deadlines and the names of containers. API versions that servers dropped are left
#: out. A secret is replaced for its data, and so is a configuration map, unless the provider is
#: set to change them in place, which is off by default.
_FORCE_NEW: Final[Mapping[str, tuple[str, ...]]] = {
    "*": ("metadata.name", "metadata.namespace"),
    "kubernetes:apps/v1:Deployment": _SELECTOR,
    "kubernetes:apps/v1:DaemonSet": _SELECTOR,
    "kubernetes:apps/v1:StatefulSet": (
        *_SELECTOR, "spec.podManagementPolicy", "spec.revisionHistoryLimit", "spec.serviceName",
        "spec.volumeClaimTemplates",
    ),
    "kubernetes:batch/v1:Job": (
        *_SELECTOR, "spec.completions", "spec.parallelism", "spec.template",
    ),
    "kubernetes:core/v1:PersistentVolume": (
        "spec.awsElasticBlockStore", "spec.csi", "spec.fc", "spec.hostPath", "spec.iscsi",
        "spec.local", "spec.nfs",
    ),
    "kubernetes:core/v1:PersistentVolumeClaim": (
        *_SELECTOR, "spec.accessModes", "spec.storageClassName", "spec.volumeName",
    ),
    "kubernetes:core/v1:ResourceQuota": ("spec.scopes",),
    "kubernetes:core/v1:Secret": ("type", "data", "stringData"),
    "kubernetes:core/v1:ConfigMap": ("data", "binaryData"),
    "kubernetes:core/v1:Service": ("spec.clusterIP",),
    "kubernetes:core/v1:Pod": ("spec",),
    "kubernetes:rbac.authorization.k8s.io/v1:*Binding": ("roleRef",),
    "kubernetes:storage.k8s.io/v1:StorageClass": ("parameters", "provisioner"),
    # helm_release.go in the same place
    RELEASE: ("name", "namespace"),
}  # fmt: skip
_MUTABLE: Final = {
    "kubernetes:core/v1:ConfigMap": "enableConfigMapMutable",
    "kubernetes:core/v1:Secret": "enableSecretMutable",
}
_CONTENT: Final = frozenset({"data", "stringData", "binaryData"})
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_LABEL: Final = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_LABEL_KEY: Final = re.compile(
    r"([a-z0-9.-]{1,253}/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
)


def _kind(token: str) -> str:
    return token.rsplit(":", 1)[1].removesuffix("Patch")


def _cluster_wide(kind: str) -> bool:
    return kind in _CLUSTER_WIDE or (kind.startswith("Cluster") and kind != "Cluster")


def _object(birth: Birth) -> Made:
    """An object as the API server stores it: the manifest, plus what the server adds."""
    metadata = birth.inputs.get("metadata") or {}
    name = _text(metadata.get("name")) or birth.name
    kind = _kind(birth.type)
    namespace = "" if _cluster_wide(kind) else _text(metadata.get("namespace")) or "default"
    added = {
        "name": name,
        "uid": str(uuid.UUID(birth.hex(32, "uid"), version=4)),
        "resourceVersion": str(int(birth.hex(5), 16) + birth.revision),
        "generation": birth.revision,
        "creationTimestamp": "2025-01-01T00:00:00Z",
    }
    outputs: dict[str, Any] = {
        "metadata": {**added, **({"namespace": namespace} if namespace else {})}
    }
    if kind in _FIXED_STATUS:
        outputs["status"] = dict(_FIXED_STATUS[kind])
    if kind in _STATUS:
        outputs |= _STATUS[kind](birth)
    return (f"{namespace}/{name}" if namespace else name), outputs


def _text(value: Any) -> str:
    return value if isinstance(value, str) and value != UNKNOWN else ""


def _spec(birth: Birth) -> Mapping[str, Any]:
    spec = birth.inputs.get("spec")
    return spec if isinstance(spec, Mapping) else {}


def _service(birth: Birth) -> dict[str, Any]:
    digits = birth.hex(8, "ip")
    address = f"10.100.{int(digits[:2], 16)}.{int(digits[2:4], 16)}"
    spec = _spec(birth)
    outputs: dict[str, Any] = {"status": {"loadBalancer": {}}}
    if not spec.get("clusterIP") and spec.get("type") != "ExternalName":
        outputs["spec"] = {"clusterIP": address, "clusterIPs": [address]}
    if spec.get("type") == "LoadBalancer":
        outputs["status"] = {"loadBalancer": {"ingress": [{"hostname": f"{digits}.elb.example"}]}}
    return outputs


def _workload(birth: Birth) -> dict[str, Any]:
    wanted = _spec(birth).get("replicas", 1)
    counts = ("replicas", "readyReplicas", "availableReplicas", "updatedReplicas")
    return {"status": {"observedGeneration": birth.revision, **dict.fromkeys(counts, wanted)}}


def _ingress(birth: Birth) -> dict[str, Any]:
    return {"status": {"loadBalancer": {"ingress": [{"hostname": f"{birth.hex(8)}.elb.example"}]}}}


def _secret(birth: Birth) -> dict[str, Any]:
    plain = birth.inputs.get("stringData") or {}
    data = {
        key: base64.b64encode(str(value).encode()).decode()
        for key, value in plain.items()
        if value != UNKNOWN
    }
    return {"type": birth.text("type", "Opaque"), **({"data": data} if data else {})}


_STATUS: Final[Mapping[str, Callable[[Birth], dict[str, Any]]]] = {
    "Service": _service,
    "Deployment": _workload,
    "StatefulSet": _workload,
    "Ingress": _ingress,
    "Secret": _secret,
}
_FIXED_STATUS: Final[Mapping[str, Mapping[str, Any]]] = {
    "Namespace": {"phase": "Active"},
    "PersistentVolumeClaim": {"phase": "Bound"},
    "Job": {"succeeded": 1},
}


def _release(birth: Birth) -> Made:
    name = birth.name
    namespace = birth.text("namespace", "default")
    chart = birth.text("chart").rsplit("/", 1)[-1]
    status = {
        "name": name,
        "namespace": namespace,
        "revision": birth.revision,
        "status": "deployed",
        "chart": chart,
        "version": birth.text("version"),
        "appVersion": birth.text("version"),
    }
    outputs = {
        "name": name,
        "namespace": namespace,
        "status": status,
        "resourceNames": {},
        "version": birth.text("version") or None,
    }
    return f"{namespace}/{name}", outputs


def _decode(question: Question) -> Mapping[str, Any]:
    documents = yaml.safe_load_all(question.text("text"))
    return {"result": [document for document in documents if document]}


class Kubernetes(Package):
    """One cluster per provider, told apart by identifier or by the server's address."""

    name = "kubernetes"
    module = "pulumi_kubernetes"
    lenient = False
    documents_replacements = False  # such changes are refused by the API server instead
    tail = 8
    replaces: ClassVar[Mapping[str, tuple[str, ...]]] = _FORCE_NEW
    makers: ClassVar[Mapping[str, Maker]] = {RELEASE: _release}
    lookups: ClassVar[Mapping[str, Lookup]] = {"kubernetes:yaml:decode": _decode}

    def settings(self, config: Mapping[str, Any]) -> Settings:
        """The cluster is named by ``clusterIdentifier``, else by what the kubeconfig points to."""
        cluster = config.get("clusterIdentifier") or _server(config) or "default"
        namespace = config.get("namespace") or "default"
        mutable = frozenset(
            token
            for token, setting in _MUTABLE.items()
            if str(config.get(setting)).lower() == "true"
        )
        scope = f"kubernetes:{digest(str(cluster), 12)}"
        return Settings(scope=scope, namespace=str(namespace), mutable=mutable)

    def force_new(self, token: str, inputs: Mapping[str, Any], settings: Settings) -> list[str]:
        """As documented, but for the types that the provider is set to change in place."""
        found = super().force_new(token, inputs, settings)
        if token in settings.mutable:
            return [pattern for pattern in found if pattern not in _CONTENT]
        return found

    def config_replaces(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
        """Pointing a provider at another cluster replaces everything on it.

        With a ``clusterIdentifier`` that stays, nothing is replaced (DiffConfig of the provider).
        """
        before, after = old.get("clusterIdentifier"), new.get("clusterIdentifier")
        if before != after:
            return ["clusterIdentifier"]
        if after:
            return []
        if UNKNOWN in (new.get("kubeconfig"), new.get("context"), new.get("cluster")):
            return ["kubeconfig"]
        return ["kubeconfig"] if _server(old) != _server(new) else []

    def kind(self, token: str) -> Kind | None:
        """Types of the SDK; any other group is a custom resource with a free-form body."""
        known = self.sdk.kind(token)
        if known is not None or token.startswith("pulumi:"):
            return known
        metadata = Type(objects=("meta/v1/_inputs.py:ObjectMetaArgs",))
        text = Type(scalars=frozenset({"string"}))
        fields = {
            "apiVersion": Field(text, required=True),
            "kind": Field(text, required=True),
            "metadata": Field(metadata),
        }
        return Kind(token, _Open(fields), fields)

    def name_path(self, kind: Kind) -> tuple[str, ...] | None:
        """Objects are named in their metadata, releases by a property."""
        if kind.token == RELEASE:
            return ("name",)
        return ("metadata", "name") if "metadata" in kind.inputs else None

    def make(self, birth: Birth) -> Made:
        """Releases have a form of their own; everything else is an object."""
        return _release(birth) if birth.type == RELEASE else _object(birth)

    def check(self, token: str, inputs: Mapping[str, Any]) -> Iterator[Failure]:
        """The names and labels that an API server would refuse."""
        if token == RELEASE:
            return
        group, kind = token.split(":", 1)[1].rsplit(":", 1)
        version = _text(inputs.get("apiVersion"))
        if version and version not in (group, group.removeprefix("core/")):
            yield Failure("apiVersion", f"apiVersion is {version!r}, but the type is {token}")
        if _text(inputs.get("kind")) and inputs["kind"] != kind.removesuffix("Patch"):
            yield Failure("kind", f"kind is {inputs['kind']!r}, but the type is {token}")
        metadata = inputs.get("metadata")
        if isinstance(metadata, Mapping):
            yield from _check_metadata(metadata, loose="rbac.authorization" in token)

    def complete(
        self, kind: Kind, inputs: Mapping[str, Any], settings: Settings
    ) -> Mapping[str, Any]:
        """Objects land in the provider's namespace when they do not name one."""
        if kind.token == RELEASE:
            return {"namespace": settings.namespace, **inputs}
        metadata = inputs.get("metadata")
        if _cluster_wide(_kind(kind.token)) or not isinstance(metadata, Mapping):
            return inputs
        return {**inputs, "metadata": {"namespace": settings.namespace, **metadata}}

    def refuse_create(self, record: Record, cloud: Cloud) -> str | None:
        """An object needs its namespace."""
        namespace = record.id.partition("/")[0] if "/" in record.id else "default"
        if namespace in _SYSTEM_NAMESPACES or record.inputs.get("createNamespace"):
            return None
        if cloud.get(_NAMESPACE, namespace, record.scope):
            return None
        made = cloud.resources(type=RELEASE, scope=record.scope)
        if any(r.inputs.get("createNamespace") and r.id.startswith(f"{namespace}/") for r in made):
            return None
        return f'namespaces "{namespace}" not found'

    def goes_with(self, record: Record, cloud: Cloud) -> Iterable[Record]:
        """Deleting a namespace deletes what is in it."""
        if record.type != _NAMESPACE:
            return ()
        everything = cloud.resources(scope=record.scope)
        return [other for other in everything if other.id.startswith(f"{record.id}/")]


class _Open(dict[str, Field]):
    """Fields of a custom resource: any further property is welcome."""

    def __contains__(self, key: object) -> bool:
        return True

    def __missing__(self, key: str) -> Field:
        return Field(ANY)


def _server(config: Mapping[str, Any]) -> str:
    """The address of the API server that a provider configuration points to."""
    kubeconfig = config.get("kubeconfig")
    if isinstance(kubeconfig, str) and kubeconfig not in ("", UNKNOWN):
        kubeconfig = yaml.safe_load(kubeconfig)
    if not isinstance(kubeconfig, Mapping):
        return f"{config.get('context') or ''}{config.get('cluster') or ''}"
    clusters = kubeconfig.get("clusters") or [{}]
    return str((clusters[0].get("cluster") or {}).get("server", ""))


def _check_metadata(metadata: Mapping[str, Any], *, loose: bool) -> Iterator[Failure]:
    """Names of RBAC objects are path segments; all others are DNS names."""
    for key in ("name", "namespace"):
        name = _text(metadata.get(key))
        if name and not loose and not _NAME.fullmatch(name):
            yield Failure(
                f"metadata.{key}",
                f"metadata.{key} is {name!r}, which is not a lowercase RFC 1123 subdomain",
            )
    for key in ("labels", "annotations"):
        entries = metadata.get(key)
        for label, value in (entries if isinstance(entries, Mapping) else {}).items():
            here = f'metadata.{key}["{label}"]'
            if not _LABEL_KEY.fullmatch(label):
                yield Failure(here, f"{here} is not a valid key")
            if key == "labels" and not _LABEL.fullmatch(_text(value)):
                yield Failure(here, f"{here} is {value!r}, which is not a valid label value")
