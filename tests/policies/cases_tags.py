"""Good and bad cases of the rules on tags and labels."""

from __future__ import annotations

import json
from typing import Any

from policy_support import Table, resource

from plinth.graph import UNKNOWN, Resource

BUCKET = "aws:s3/bucket:Bucket"
SCALING_GROUP = "aws:autoscaling/group:Group"
NAMESPACE = "kubernetes:core/v1:Namespace"
ALL = {
    "platform": "churn",
    "environment": "dev",
    "owner": "ml@example.com",
    "cost-center": "4711",
    "capability": "artifacts",
    "managed-by": "plinth",
}
SHARED = {key: value for key, value in ALL.items() if key != "capability"}


def _with(**changes: Any) -> dict[str, Any]:
    return {"tags": {**ALL, **{key.replace("_", "-"): value for key, value in changes.items()}}}


def _provided(default_tags: Any, tags: Any, token: str = BUCKET) -> list[Resource]:
    provider = resource("pulumi:providers:aws", {"defaultTags": default_tags}, name="aws")
    return [resource(token, {"tags": tags}, provider=f"{provider.urn}::id"), provider]


def _labels(labels: Any) -> dict[str, Any]:
    return {"metadata": {"labels": labels}}


def _entries(tags: dict[str, str]) -> list[dict[str, object]]:
    return [{"key": k, "value": v, "propagateAtLaunch": True} for k, v in tags.items()]


def _value_table(key: str, wrong: str, text: str) -> Table:
    name = key.replace("-", "_")
    return Table(
        BUCKET,
        good=[_with(), {}, [resource("aws:s3/bucketPolicy:BucketPolicy", {})]],
        bad=[
            (_with(**{name: wrong}), text),
            (_with(**{name: UNKNOWN}), f"{key} is not known"),
            ({"tags": UNKNOWN}, "tags is not known"),
            (_provided({"tags": {key: wrong}}, None), text),
        ],
    )


TABLES = {
    "tags-required": Table(
        BUCKET,
        good=[
            {"tags": ALL},
            _with(capability=UNKNOWN),
            _provided({"tags": SHARED}, {"capability": "artifacts"}),
            _provided(json.dumps({"tags": SHARED}), {"capability": "artifacts"}),
            [resource("aws:s3/bucketPolicy:BucketPolicy", {})],
            [resource(SCALING_GROUP, {"tags": _entries(ALL)})],
            [resource(BUCKET, {}, custom=False)],
        ],
        bad=[
            ({}, "missing: platform, environment, owner, cost-center, capability, managed-by"),
            (_with(owner=""), "tags missing: owner;"),
            ({"tags": UNKNOWN}, "tags is not known"),
            (_provided({"tags": SHARED}, None), "tags missing: capability;"),
            (_provided(UNKNOWN, ALL), "defaultTags is not known"),
            (_provided("{", ALL), "could not judge"),
            ([resource("aws:newservice/thing:Thing", {})], "tags missing"),
            ([resource(SCALING_GROUP, {"tags": _entries(SHARED)})], "tags missing: capability;"),
            (_provided({"tags": ALL}, _entries(SHARED), SCALING_GROUP), "missing: capability;"),
        ],
    ),
    "tags-kubernetes-labels": Table(
        NAMESPACE,
        good=[_labels(ALL), [resource("kubernetes:apps/v1:Deployment", _labels(ALL))]],
        bad=[
            ({}, "labels missing: platform"),
            (_labels(SHARED), "labels missing: capability;"),
            (_labels(UNKNOWN), "metadata.labels is not known"),
            ([resource("kubernetes:batch/v1:CronJob", {})], "labels missing"),
        ],
    ),
    "tags-owner": _value_table("owner", "somebody", "owner is 'somebody'"),
    "tags-cost-center": _value_table("cost-center", "4712", "cost-center is '4712'"),
    "tags-environment": _value_table("environment", "prod", "environment is 'prod'"),
    "tags-platform": _value_table("platform", "fraud", "platform is 'fraud'"),
}
