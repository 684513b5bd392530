"""Plain buckets: one for each role, and rights on them for workloads of one's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from plinth.errors import Problem, unknown
from plinth.ports import Grant, Port
from plinth.results import Artifacts
from plinth.spec.options import ArtifactsOptions, BucketAccess
from plinth.tools import Tool, Way

if TYPE_CHECKING:
    from pulumi import Output

    from plinth.blueprint import Blueprint
    from plinth.context import Context
    from plinth.ports import Bucket


#: How DVC and MLflow spell addresses of blob storage, which they reach without its `dfs` endpoint
#: (DVC documentation, "Azure Blob Storage"; MLflow documentation, "Artifact Stores").
_DVC = {"azure": "azure://{0}"}
_MLFLOW = {"azure": "wasbs://{0}@{1}.blob.core.windows.net"}


class Options(ArtifactsOptions):
    """Options of plain buckets."""


def _grants(access: BucketAccess, buckets: Mapping[str, Bucket]) -> list[Grant]:
    """Rights of one workload; to write a bucket includes to read it."""
    read = [role for role in access.read if role not in access.write]
    return [
        *(Grant(to=buckets[role], access="read") for role in read),
        *(Grant(to=buckets[role], access="write") for role in access.write),
    ]


def _build(options: Options, context: Context) -> Artifacts:
    buckets = {
        role: context.cloud.bucket(role, bucket, parent=context.parent)
        for role, bucket in options.buckets.items()
    }
    for name, access in options.access.items():
        context.cloud.workload_identity(
            f"{context.capability}-{name}",
            namespace=access.namespace,
            service_account=access.service_account,
            grants=_grants(access, buckets),
            parent=context.parent,
        )
    made = Artifacts(
        buckets=buckets,
        dvc_remote=_address(context, _DVC, buckets["datasets"], "dvc"),
        mlflow_root=_address(context, _MLFLOW, buckets["models"], "mlflow"),
    )
    here = all(bucket.protocol == "file" for bucket in buckets.values())
    return replace(made, client=made.variables) if here else made


def _address(
    context: Context, spellings: Mapping[str, str], bucket: Bucket, folder: str
) -> Output[str]:
    """A folder's address in a client's own spelling, where that differs from the usual one."""
    spelling = spellings.get(bucket.protocol)
    if spelling is None:
        return context.format("{}/{}", bucket.uri, folder)
    return context.format(f"{spelling}/{{2}}", bucket.name, bucket.account or "", folder)


def _check(blueprint: Blueprint, options: Options) -> list[Problem]:
    found = [
        problem
        for name, access in options.access.items()
        for problem in _check_access(f"access.{name}", access, tuple(options.buckets))
    ]
    if options.access and Port.CLUSTER not in blueprint.needs:
        found.append(
            Problem(
                code="access-without-cluster",
                message="rights on buckets are given to service accounts, and this environment "
                "has no cluster",
                path="access",
                fix="Turn on a capability that runs on the cluster, or remove access.",
            )
        )
    return [*found, *_check_unique(options.access)]


def _check_access(path: str, access: BucketAccess, roles: tuple[str, ...]) -> Iterator[Problem]:
    if not access.read and not access.write:
        yield Problem(
            code="access-to-nothing",
            message=f"{access.namespace}/{access.service_account} is given no bucket",
            path=path,
            fix="List buckets in read or write, or remove the entry.",
        )
    for kind, asked in (("read", access.read), ("write", access.write)):
        for role in asked:
            if role not in roles:
                fix = f"Add `{role}: {{}}` to buckets, or name another one."
                yield replace(unknown("bucket", role, roles, path=f"{path}.{kind}"), fix=fix)


def _check_unique(access: Mapping[str, BucketAccess]) -> Iterator[Problem]:
    """A service account carries one identity, so all its rights belong in one entry."""
    first: dict[tuple[str, str], str] = {}
    for name, entry in access.items():
        account = (entry.namespace, entry.service_account)
        other = first.setdefault(account, name)
        if other != name:
            yield Problem(
                code="access-twice",
                message=f"{entry.namespace}/{entry.service_account} is listed twice, in {other} "
                f"and {name}",
                path=f"access.{name}",
                fix=f"Move its buckets to {other}.",
            )


TOOL = Tool(
    capability="artifacts",
    name="buckets",
    title="Buckets",
    summary="Encrypted, versioned, private buckets for models, datasets and logs.",
    options=Options,
    ways=(Way(needs=frozenset({Port.OBJECT_STORE}), build=_build),),
    check=_check,
)
