"""Feast: features defined in git, kept in the datasets bucket, served from the key-value store.

The registry is in PostgreSQL, so that every copy of the server and every job sees one set of
definitions. A CronJob follows the repository: it clones, applies the definitions and moves new
values to the online store, one run at a time, so the registry has a single writer.

The published charts do not fit: the server's has neither autoscaling nor a place for secrets, and
the operator cannot annotate service accounts, which workload identity needs on some clouds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydantic import Field

from plinth import render
from plinth.ports import Grant, Port
from plinth.results import Features
from plinth.spec.options import FeaturesOptions
from plinth.spec.types import Cpu, Label, Memory, Replicas
from plinth.tools import Tool, Way, repositories
from plinth.tools.features import feast_processes
from plinth.workloads import Container, WebApp

if TYPE_CHECKING:
    from pulumi import Output, Resource

    from plinth.blueprint import Blueprint
    from plinth.context import Context
    from plinth.errors import Problem
    from plinth.ports import Bucket, KeyValueServer, WorkloadIdentity
    from plinth.spec.options import Repository

NAME = "feast"
PORT = 6566
#: Feast's own choice; it cannot be changed.
METRICS_PORT = 8000
#: The feature server inside the cluster.
URI = f"http://{NAME}.features.svc.cluster.local:{PORT}"

_CONFIG = "/etc/feast"
#: How old the registry that a server answers from may be.
_REGISTRY_SECONDS = 60
_CLONE = "/repository"
#: Writable folders of the job's containers, which hand the clone on.
_FOLDERS = ("/tmp", _CLONE)  # noqa: S108 - mount paths inside the pod
_GIT = "feast-git"
#: Where the key-value store's certificate authority is mounted, in which file, from which secret.
_TRUST = "/etc/feast-trust"
_AUTHORITY = "ca.crt"
_TRUSTED = "feast-trust"
#: Capabilities whose workloads ask for features.
_CLIENTS = ("orchestration", "serving")


class Options(FeaturesOptions):
    """Options of Feast."""

    project: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_]*$",
        description="Feast project. Default: the platform's name.",
    )
    workers: int = Field(default=2, ge=1, le=16, description="Server processes a copy.")
    cpu: Cpu = Field(default="500m", description="CPU a copy.")
    memory: Memory = Field(default="1Gi", description="Memory a copy.")
    job_memory: Memory = Field(
        default="4Gi",
        description="Memory of the job that moves features to the online store; it holds the "
        "largest feature view's new rows.",
    )
    allow_from: tuple[Label, ...] = Field(
        default=(), description="Namespaces of your own whose workloads may connect."
    )

    def project_of(self, platform: str) -> str:
        """Name of the Feast project: letters, digits and underscores."""
        return self.project or platform.replace("-", "_")


def config(options: Options, platform: str) -> dict[str, str]:
    """Files of the server's and the jobs' configuration folder; they hold no secret."""
    return {
        "feature_store.yaml": render.text(
            "feast/feature_store.yaml.j2",
            project=options.project_of(platform),
            registry_seconds=_REGISTRY_SECONDS,
        ),
        "sitecustomize.py": render.text("feast/sitecustomize.py.j2"),
    }


def clone_args(repository: Repository) -> list[str]:
    """Arguments of git-sync 4 for one clone of the branch's tip."""
    return [
        f"--repo={repository.repository}",
        f"--ref={repository.branch}",
        f"--root={_CLONE}/git",
        f"--link={_CLONE}/current",
        "--depth=1",
        "--one-time",
    ]


def _datasets(context: Context) -> Bucket:
    artifacts = context.peers.artifacts
    if artifacts is None:
        raise RuntimeError("Feast without artifacts is refused by the blueprint")
    return artifacts.buckets["datasets"]


def _offline_store(context: Context) -> Output[str]:
    """Where offline features are."""
    return context.format("{}/features", _datasets(context).uri)


def _secrets(
    context: Context, cache: KeyValueServer, depends_on: Sequence[Resource]
) -> tuple[Resource, ...]:
    """Addresses of the stores, and the authority to trust where the public ones do not do."""
    database = context.database(NAME)
    trust = f",ssl_ca_certs={_TRUST}/{_AUTHORITY}" if cache.authority else ""
    trust += "" if cache.named else ",ssl_check_hostname=false"
    # Generated passwords are letters and digits, so nothing in the addresses needs encoding.
    secret = context.secret(
        NAME,
        {
            # No secret, but beside the other addresses: pods are then the same wherever it is.
            "offline-store": _offline_store(context),
            "registry": context.format(
                "postgresql+psycopg://${{db.username}}:${{db.password}}@{}:{}/{}?sslmode=require",
                database.host,
                str(database.port),
                database.name,
            ),
            "online-store": context.format(
                f"{{}}:{{}},ssl=true,password=${{{{cache.password}}}}{trust}",
                cache.host,
                str(cache.port),
            ),
        },
        {"db": database.credentials, "cache": cache.auth},
        depends_on=depends_on,
    )
    if cache.authority is None:
        return (secret, *database.ready)
    authority = context.secret(
        _TRUSTED,
        {_AUTHORITY: f"${{cache.{_AUTHORITY}}}"},
        {"cache": cache.authority},
        depends_on=depends_on,
    )
    return (secret, authority, *database.ready)


def _container(context: Context, identity: WorkloadIdentity, **fields: Any) -> Container:
    """A container of Feast's image that sees the feature store's configuration."""
    trusted = context.cloud.key_value_server().authority is not None
    return Container(
        image=context.blueprint.pins.images[NAME],
        env={
            "HOME": "/tmp",  # noqa: S108 - a path inside the pod
            "FEAST_FS_YAML_FILE_PATH": f"{_CONFIG}/feature_store.yaml",
            "PYTHONPATH": _CONFIG,
            **identity.env,
        },
        env_secrets={
            **identity.env_secrets,
            "FEAST_REGISTRY": (NAME, "registry"),
            "FEAST_ONLINE_STORE": (NAME, "online-store"),
            feast_processes.OFFLINE_STORE: (NAME, "offline-store"),
        },
        files={_CONFIG: NAME},
        secret_files={**identity.secret_files, **({_TRUST: _TRUSTED} if trusted else {})},
        **fields,
    )


def _build(options: Options, context: Context) -> Features:
    datasets = _datasets(context)
    space = context.open_namespace(callers=options.allow_from)
    identity = context.identity(NAME, [Grant(to=datasets, access="write")], depends_on=space)
    files = context.kube.config_map(
        NAME,
        config(options, context.blueprint.settings.name),
        namespace=context.namespace,
        parent=context.parent,
        depends_on=space,
    )
    cache = context.cloud.key_value_server()
    ready = (*space, files, *_secrets(context, cache, space), *identity.ready)
    server = _serve(options, context, identity, ready)
    _follow(options, context, identity, [*ready, server])
    return Features(
        uri=URI,
        namespace=context.namespace,
        offline_store=_offline_store(context),
    )


def _serve(
    options: Options, context: Context, identity: WorkloadIdentity, ready: Sequence[Resource]
) -> Resource:
    scraped = "monitoring" in context.blueprint.choices
    replicas = options.replicas or Replicas()
    return context.kube.web_app(
        NAME,
        WebApp(
            namespace=context.namespace,
            container=_container(
                context,
                identity,
                command=["feast"],
                args=[
                    *("serve", "--host", "0.0.0.0", "--port", str(PORT)),  # noqa: S104 - in the pod
                    *("--workers", str(options.workers)),
                    *("--registry_ttl_sec", str(_REGISTRY_SECONDS)),
                    *(("--metrics",) if scraped else ()),
                ],
                cpu=options.cpu,
                memory=options.memory,
            ),
            port=PORT,
            health="/health",
            min=replicas.min,
            max=replicas.max,
            metrics="/metrics" if scraped else None,
            metrics_port=METRICS_PORT if scraped else None,
            callers=[*_CLIENTS, context.gateway.pods, *options.allow_from],
            pod_labels=identity.pod_labels,
        ),
        parent=context.parent,
        depends_on=ready,
    )


def _follow(
    options: Options, context: Context, identity: WorkloadIdentity, ready: Sequence[Resource]
) -> None:
    """Keeps the registry and the online store in step with the repository and the bucket."""
    before: list[Container] = []
    after = list(ready)
    if options.repository:
        secret = repositories.credentials(context, _GIT, options.repository, depends_on=ready)
        after += [secret] if secret else []
        before = _definitions(context, identity, options.repository)
    context.kube.job(
        "feast-materialize",
        _container(
            context,
            identity,
            command=["/bin/sh", "-c"],
            args=['exec feast materialize-incremental "$(date -u +%Y-%m-%dT%H:%M:%S)"'],
            memory=options.job_memory,
            scratch=_FOLDERS,
        ),
        namespace=context.namespace,
        service_account=NAME,
        parent=context.parent,
        depends_on=after,
        schedule=options.materialize,
        pod_labels=identity.pod_labels,
        before=before,
    )


def _definitions(
    context: Context, identity: WorkloadIdentity, repository: Repository
) -> list[Container]:
    """Clones the repository, then applies its definitions."""
    keys = ("GITSYNC_USERNAME", "GITSYNC_PASSWORD") if repository.credentials else ()
    clone = Container(
        image=context.blueprint.pins.images["git-sync"],
        args=clone_args(repository),
        env={"HOME": "/tmp"},  # noqa: S108 - a path inside the pod
        env_secrets={key: (_GIT, key) for key in keys},
        cpu="50m",
        memory="256Mi",
        files={_CONFIG: NAME},
        scratch=_FOLDERS,
    )
    apply = _container(
        context,
        identity,
        command=["feast"],
        args=[
            "--chdir",
            "/".join(part for part in (_CLONE, "current", repository.path) if part),
            "apply",
            "--no-progress",
        ],
        memory="1Gi",
        scratch=_FOLDERS,
    )
    return [clone, apply]


def _check(_blueprint: Blueprint, options: Options) -> list[Problem]:
    return [*repositories.problems(options.repository, "repository")]


TOOL = Tool(
    capability="features",
    name=NAME,
    title="Feast",
    summary="Feature store: definitions from git, registry in PostgreSQL, offline features as "
    "Parquet in the datasets bucket, online features from the key-value store.",
    options=Options,
    ways=(
        Way(
            needs=frozenset(
                {
                    Port.CLUSTER,
                    Port.IDENTITY,
                    Port.SECRETS,
                    Port.SQL,
                    Port.KEY_VALUE,
                    Port.OBJECT_STORE,
                }
            ),
            build=_build,
        ),
        Way(needs=frozenset({Port.OBJECT_STORE, Port.PROCESSES}), build=feast_processes.build),
    ),
    requires=frozenset({"artifacts"}),
    check=_check,
)
