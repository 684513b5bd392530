"""A tool from outside: one module, one registry entry. It makes a bucket that breaks the rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plinth.ports import Port
from plinth.results import Artifacts
from plinth.spec.options import ArtifactsOptions
from plinth.tools import Tool, Way

if TYPE_CHECKING:
    from plinth.context import Context


def _build(options: ArtifactsOptions, context: Context) -> Artifacts:
    import pulumi
    import pulumi_aws as aws

    buckets = {
        role: context.cloud.bucket(role, kept, parent=context.parent)
        for role, kept in options.buckets.items()
    }
    provider = aws.Provider(
        "careless", region="eu-west-1", opts=pulumi.ResourceOptions(parent=context.parent)
    )
    aws.s3.Bucket("careless", opts=pulumi.ResourceOptions(parent=context.parent, provider=provider))
    root = buckets["models"].uri
    return Artifacts(buckets=buckets, dvc_remote=root, mlflow_root=root)


TOOL = Tool(
    capability="artifacts",
    name="careless",
    title="Careless buckets",
    summary="Buckets, one of which nobody protects.",
    options=ArtifactsOptions,
    ways=(Way(needs=frozenset({Port.OBJECT_STORE}), build=_build),),
)
