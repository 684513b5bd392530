"""Good and bad cases of the rules on tags and labels."""

from __future__ import annotations

import json
from typing import Any

from policy_support import Inputs, Table, resource

from plinth.graph import UNKNOWN, Resource
from plinth_policies.values import nested

BUCKET = "aws:s3/bucket:Bucket"
SCALING_GROUP = "aws:autoscaling/group:Group"
ACCOUNT = "azure-native:storage:StorageAccount"
GCS = "gcp:storage/bucket:Bucket"
GKE = "gcp:container/cluster:Cluster"
SQL = "gcp:sql/databaseInstance:DatabaseInstance"
ALERT = "gcp:monitoring/alertPolicy:AlertPolicy"
NAMESPACE = "kubernetes:core/v1:Namespace"
WORKLOADS = (
    NAMESPACE,
    "kubernetes:apps/v1:Deployment",
    "kubernetes:apps/v1:StatefulSet",
    "kubernetes:apps/v1:DaemonSet",
    "kubernetes:batch/v1:Job",
    "kubernetes:batch/v1:CronJob",
)
ALL = {
    "platform": "churn",
    "environment": "dev",
    "owner": "ml@example.com",
    "cost-center": "4711",
    "capability": "artifacts",
    "managed-by": "plinth",
}
SHARED = {key: value for key, value in ALL.items() if key != "capability"}

#: The same on Google Cloud, where values are lower-case letters, digits, dashes and underscores.
SPELT = {**ALL, "owner": "ml_example_com"}
SPELT_SHARED = {**SHARED, "owner": "ml_example_com"}

Bad = list[tuple[Inputs | list[Resource], str]]


def _with(**changes: Any) -> dict[str, Any]:
    return {"tags": {**ALL, **{key.replace("_", "-"): value for key, value in changes.items()}}}


def _provided(default_tags: Any, tags: Any, token: str = BUCKET) -> list[Resource]:
    provider = resource("pulumi:providers:aws", {"defaultTags": default_tags}, name="aws")
    return [resource(token, {"tags": tags}, provider=f"{provider.urn}::id"), provider]


def _gcp(
    labels: Any, default_labels: Any = None, token: str = GCS, place: str = "labels"
) -> list[Resource]:
    provider = resource("pulumi:providers:gcp", {"defaultLabels": default_labels}, name="gcp")
    inputs = nested({place: labels})
    return [resource(token, inputs, provider=f"{provider.urn}::id"), provider]


def _azure(tags: Any, token: str = ACCOUNT) -> list[Resource]:
    return [resource(token, {"tags": tags})]


def _labelled(labels: Any, token: str = NAMESPACE) -> list[Resource]:
    return [resource(token, {"metadata": {"labels": labels}})]


def _entries(tags: dict[str, str]) -> list[dict[str, object]]:
    return [{"key": k, "value": v, "propagateAtLaunch": True} for k, v in tags.items()]


def _value_table(key: str, wrong: str, *, labels: bool = False) -> Table:
    name = key.replace("-", "_")
    text = f"{key} is {wrong!r}"
    bad: Bad = [
        (_with(**{name: wrong}), text),
        (_with(**{name: UNKNOWN}), f"{key} is not known"),
        ({"tags": UNKNOWN}, "tags is not known"),
        (_provided({"tags": {key: wrong}}, None), text),
        (_azure({key: wrong}), text),
        (_gcp({key: wrong}), text),
        (_gcp(None, {key: wrong}), text),
        (_gcp({key: UNKNOWN}), f"{key} is not known"),
    ]
    if labels:
        bad += [(_labelled({key: wrong}, token), text) for token in WORKLOADS]
    return Table(
        BUCKET,
        good=[
            _with(),
            {},
            [resource("aws:s3/bucketPolicy:BucketPolicy", {})],
            _azure(ALL),
            _gcp(SPELT),
            _gcp({}, SPELT),
        ],
        bad=bad,
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
            _azure(ALL),
            _azure(None, "azure-native:storage:BlobContainer"),
            _gcp(SPELT),
            _gcp({"capability": "artifacts"}, SPELT_SHARED),
            _gcp({"capability": "artifacts"}, json.dumps(SPELT_SHARED)),
            _gcp({"capability": "cluster"}, SPELT_SHARED, GKE, "resourceLabels"),
            _gcp(SPELT, None, SQL, "settings.userLabels"),
            _gcp(SPELT, None, ALERT, "userLabels"),
            _gcp(None, None, "gcp:storage/bucketIAMMember:BucketIAMMember"),
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
            (_azure(SHARED), "tags missing: capability;"),
            (_azure(UNKNOWN), "tags is not known"),
            (_azure(None, "azure-native:newservice:Thing"), "tags missing"),
            (_gcp(None, SPELT_SHARED), "labels missing: capability;"),
            (_gcp(SPELT, UNKNOWN), "defaultLabels is not known"),
            (_gcp(SPELT, None, GKE), "labels missing: platform"),
            (_gcp(None, SPELT, SQL), "labels missing: platform"),
            (_gcp(None, SPELT, ALERT), "labels missing: platform"),
            (_gcp(None, None, "gcp:newservice/thing:Thing"), "labels missing"),
        ],
    ),
    "tags-kubernetes-labels": Table(
        NAMESPACE,
        good=[_labelled(ALL), _labelled(ALL, "kubernetes:apps/v1:Deployment")],
        bad=[
            ({}, "labels missing: platform"),
            (_labelled(UNKNOWN), "metadata.labels is not known"),
            *((_labelled(SHARED, token), "labels missing: capability;") for token in WORKLOADS),
        ],
    ),
    "tags-owner": _value_table("owner", "somebody"),
    "tags-cost-center": _value_table("cost-center", "4712", labels=True),
    "tags-environment": _value_table("environment", "prod", labels=True),
    "tags-platform": _value_table("platform", "fraud"),
}
