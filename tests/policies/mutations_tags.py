"""How the example platform is broken so that each rule on tags and labels must say so."""

from __future__ import annotations

from mutation import Break

_BUCKET = "aws:s3/bucket:Bucket"

MUTATIONS: dict[str, Break] = {
    "tags-cost-center": Break(cloud="aws", token=_BUCKET, change={"tags.cost-center": "4712"}),
    "tags-environment": Break(
        cloud="gcp", token="gcp:storage/bucket:Bucket", change={"labels.environment": "prod"}
    ),
    "tags-kubernetes-labels": Break(
        cloud="kubernetes",
        token="kubernetes:core/v1:Namespace",
        change={"metadata.labels.owner": None},
    ),
    "tags-owner": Break(cloud="aws", token=_BUCKET, change={"tags.owner": "somebody"}),
    "tags-platform": Break(
        cloud="azure",
        token="azure-native:storage:StorageAccount",
        change={"tags.platform": "fraud"},
    ),
    "tags-required": Break(cloud="aws", token=_BUCKET, change={"tags.capability": None}),
}
