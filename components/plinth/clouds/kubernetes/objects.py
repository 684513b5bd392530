"""The object store: one that is there, or SeaweedFS on the cluster; buckets and keys on it.

SeaweedFS, as its chart is the project's own and maintained, its S3 gateway serves TLS and versions,
and its IAM API makes keys that reach single buckets.  (MinIO's open-source edition is no longer
maintained, Garage keeps no versions and serves no TLS.)  It runs as one pod with one disk: what is
lost with the disk is lost, so production names a store of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pulumi import Input, Output, Resource

from plinth import naming, ports, render
from plinth.clouds import external_secrets
from plinth.clouds.kubernetes.facts import SECRETS, STORES
from plinth.clouds.kubernetes.secrets import name_of
from plinth.clouds.kubernetes.site import Component, Site, once
from plinth.clouds.kubernetes.stores import AUTHORITY, Stores, host
from plinth.kube import Kube
from plinth.ports import Secret
from plinth.spec.options import BucketOptions
from plinth.workloads import Container

NAME: Final = "object-store"
#: Port of S3 over TLS; without TLS nothing is offered to other pods.
PORT: Final = 8334
HOST: Final = host(f"{NAME}-all-in-one")
#: Where the store's authority is mounted, and beside the administrator's Jobs its secret.
TRUST: Final = "object-store-trust"
TRUST_FOLDER: Final = "/etc/plinth/object-store"
ROOT: Final = "object-store"
_CONFIG: Final = "object-store-config"
_TLS: Final = "object-store-tls"
_SCRIPT: Final = "s3-client"
_FOLDER: Final = "/etc/s3"
#: Where the Jobs find the administrator's key, and the one that they bring to the store.
_ROOT_FOLDER: Final = "/etc/s3-root"
_KEY_FOLDER: Final = "/etc/s3-key"
#: What interrupted uploads and overwritten objects may cost, in days.
_ABORT_DAYS: Final = 7
_OLD_VERSION_DAYS: Final = 90


@dataclass(frozen=True, kw_only=True)
class Store:
    """How the store is reached.

    Attributes:
        endpoint: Its address.
        region: Region that requests are signed for.
        root: Secret of the administrator's key, keys ``access_key`` and ``secret_key``; ``name``:
            the same, for pods of the secrets' namespace.
        authority: Secret and key of the certificate authority; ``None`` for the public ones.
        own: Whether Plinth runs it, and so may make identities on it.
        ready: What a client must wait for.
    """

    endpoint: str
    region: str
    root: Secret
    name: str
    authority: tuple[Secret, str] | None
    own: bool
    ready: tuple[Resource, ...]

    @property
    def env(self) -> dict[str, str]:
        """Where the store is, as clients of S3 look for it."""
        found = {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            # Newer clients add checksums that stores other than S3 may not know.
            "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
            "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
        }
        if self.authority:
            found["AWS_CA_BUNDLE"] = f"{TRUST_FOLDER}/ca.crt"
        return found


class SeaweedFs(Component):
    """SeaweedFS as one pod (``plinth:index:ObjectStore``): encrypted volumes, TLS, keys.

    Attributes:
        store: How it is reached.
    """

    store: Store

    def __init__(self, *, site: Site, stores: Stores, root: Secret, parent: Resource) -> None:
        super().__init__("ObjectStore", NAME, site, parent)
        tls = stores.certificate(_TLS, [HOST], parent=self)
        config = external_secrets.deliver(
            self.kube,
            _CONFIG,
            namespace=STORES,
            data={
                "seaweedfs_s3_config": _identities(),
                "user": "${root.access_key}",
                "password": "${root.secret_key}",
            },
            sources={"root": root},
            parent=self,
            depends_on=stores.ready,
        )
        access = stores.admit(self.kube, NAME, PORT, parent=self, all_=True)
        release = self.guarded.release(
            NAME,
            site.blueprint.pins.charts["seaweedfs"],
            namespace=STORES,
            values=values(site, self.kube),
            parent=self,
            depends_on=[*stores.ready, tls, config, access],
        )
        self.store = Store(
            endpoint=f"https://{HOST}:{PORT}",
            region=site.options.object_store.region,
            root=root,
            name=name_of(ROOT),
            authority=(Secret(name=AUTHORITY, keys=("ca.crt",)), "ca.crt"),
            own=True,
            ready=(release,),
        )
        self.register_outputs({"endpoint": self.store.endpoint})


def there(site: Site, ready: Sequence[Resource]) -> Store:
    """The store that the spec names."""
    options = site.options.object_store
    if options.endpoint is None or options.credentials is None:
        raise RuntimeError("the spec names no object store")
    authority = options.ca
    return Store(
        endpoint=options.endpoint,
        region=options.region,
        root=Secret(name=options.credentials.secret, keys=("access_key", "secret_key")),
        name=options.credentials.secret,
        authority=(Secret(name=authority.secret, keys=(authority.key,)), authority.key)
        if authority
        else None,
        own=False,
        ready=tuple(ready),
    )


def _identities() -> str:
    """SeaweedFS' own configuration: one administrator; all others are made by the IAM API."""
    return (
        '{"identities": [{"name": "root", "actions": ["Admin", "Read", "Write", "List", '
        '"Tagging"], "credentials": [{"accessKey": "${root.access_key}", '
        '"secretKey": "${root.secret_key}"} ] } ]}'
    )


#: What the `restricted` profile asks of pods and containers, as the chart wants to be told.
_POD: Final = {
    "enabled": True,
    "runAsNonRoot": True,
    "runAsUser": 1000,
    "runAsGroup": 1000,
    "fsGroup": 1000,
    "seccompProfile": {"type": "RuntimeDefault"},
}
_CONTAINER: Final = {
    "enabled": True,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
}


def values(site: Site, kube: Kube) -> dict[str, Any]:
    """Values of the chart ``seaweedfs``: all servers in one pod, of which S3 alone is offered.

    What is too old is deleted by a worker, which takes its orders from the admin server.
    """
    common = {
        "enabled": True,
        "podLabels": kube.labels,
        "podSecurityContext": _POD,
        "containerSecurityContext": _CONTAINER,
    }
    return {
        "fullnameOverride": NAME,
        "global": {
            "seaweedfs": {
                # Mutual TLS between the parts; certificates come from cert-manager.
                "enableSecurity": True,
                "createClusterRole": False,
                "automountServiceAccountToken": False,
            }
        },
        **{part: {"enabled": False} for part in ("master", "volume")},
        "filer": {"enabled": False, "encryptVolumeData": True},
        "s3": {"enabled": False, "tlsSecret": _TLS},
        "allInOne": {
            **common,
            "s3": {
                "enabled": True,
                "httpsPort": PORT,
                "enableAuth": True,
                "existingConfigSecret": _CONFIG,
            },
            "data": {
                "type": "persistentVolumeClaim",
                "size": f"{site.options.object_store.storage}Gi",
                "storageClass": site.options.storage_class,
            },
            # Off by default: keys are made by its IAM API, which the administrator alone may call.
            "extraArgs": ["-s3.iam.readOnly=false"],
            "resources": _resources("500m", "1Gi", "4Gi"),
        },
        "admin": {
            **common,
            "masters": f"{NAME}-all-in-one.{STORES}:9333",
            "secret": {"existingSecret": _CONFIG, "userKey": "user", "pwKey": "password"},
            "resources": _resources("50m", "128Mi", "512Mi"),
        },
        "worker": {
            **common,
            "jobType": "s3_lifecycle,vacuum",
            "resources": _resources("50m", "128Mi", "1Gi"),
        },
    }


def _resources(cpu: str, memory: str, limit: str) -> dict[str, Any]:
    return {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": limit}}


class Client(Component):
    """Makes buckets and keys by Jobs beside the administrator's key (``plinth:index:Objects``)."""

    def __init__(self, *, site: Site, store: Store, parent: Resource) -> None:
        super().__init__("Objects", "objects", site, parent)
        self.store = store
        script = self.kube.config_map(
            _SCRIPT,
            {"s3.py": render.text("s3/s3.py")},
            namespace=SECRETS,
            parent=self,
            depends_on=store.ready,
        )
        self._ready = (*store.ready, script, *self._trust())
        self.register_outputs({})

    def _trust(self) -> tuple[Resource, ...]:
        """The store's authority beside the Jobs, unless it is publicly trusted."""
        if self.store.authority is None:
            return ()
        secret, key = self.store.authority
        return (
            external_secrets.deliver(
                self.kube,
                TRUST,
                namespace=SECRETS,
                data={"ca.crt": f"${{ca.{key}}}"},
                sources={"ca": secret},
                parent=self,
                depends_on=self.store.ready,
            ),
        )

    def run(
        self,
        name: str,
        kind: str,
        wanted: Mapping[str, Any],
        *,
        parent: Component,
        key: str | None = None,
        depends_on: Sequence[Resource] = (),
    ) -> Resource:
        """A Job that makes a bucket or an identity; it runs again when what is wanted changes."""
        trusted = self.store.authority is not None
        container = Container(
            image=self.site.blueprint.pins.images["python"],
            command=("python", "-I", f"{_FOLDER}/s3.py"),
            args=[kind, Output.json_dumps(wanted, sort_keys=True)],
            env={
                "S3_ENDPOINT": self.store.endpoint,
                "S3_REGION": self.store.region,
                "S3_KEY": _ROOT_FOLDER,
                **({"KEY": _KEY_FOLDER} if key else {}),
                **({"S3_CA": f"{TRUST_FOLDER}/ca.crt"} if trusted else {}),
            },
            files={_FOLDER: _SCRIPT},
            secret_files={
                _ROOT_FOLDER: self.store.name,
                **({_KEY_FOLDER: key} if key else {}),
                **({TRUST_FOLDER: TRUST} if trusted else {}),
            },
            cpu="50m",
            memory="96Mi",
        )
        return parent.kube.job(
            name,
            container,
            namespace=SECRETS,
            service_account="default",
            parent=parent,
            depends_on=[*self._ready, *depends_on],
        )

    def bucket(self, role: str, options: BucketOptions, parent: Resource) -> ports.Bucket:
        """A bucket of a role. Objects stay in one class: such stores have no archive."""
        return MadeBucket(role, options, client=self, parent=parent).handle


class MadeBucket(Component):
    """A bucket on the store (``plinth:index:Bucket``).

    On a store of the team's own it is left there when the platform goes.
    """

    handle: ports.Bucket

    def __init__(
        self, role: str, options: BucketOptions, *, client: Client, parent: Resource
    ) -> None:
        super().__init__("Bucket", role, client.site, parent)
        name = naming.physical(client.site.prefix, role)
        wanted = {
            "name": name,
            # Plinth's own store encrypts all that it writes.
            "encrypt": not client.store.own,
            "expire": options.expire_after_days,
            "old": _OLD_VERSION_DAYS,
            "abort": _ABORT_DAYS,
        }
        made = client.run(f"bucket-{role}", "bucket", wanted, parent=self)
        known = once(name, made)
        self.handle = ports.Bucket(
            role=role,
            name=known,
            uri=Output.concat("s3://", known),
            protocol="s3",
            ref=made,
        )
        self.register_outputs({"name": known})


def granted(grants: Sequence[ports.Grant]) -> dict[str, list[Input[str]]]:
    """Names of the buckets that may be read, and of those that may be written too."""
    found: dict[str, list[Input[str]]] = {"read": [], "write": []}
    for grant in grants:
        if isinstance(grant.to, ports.Bucket):
            found[grant.access].append(grant.to.name)
    return found
