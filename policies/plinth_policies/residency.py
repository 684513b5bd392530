"""Data, and copies of it, in the regions that the environment names and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Final

from plinth.graph import Resource
from plinth_policies.backup.azure import ACCOUNT, MYSQL, POSTGRES
from plinth_policies.backup.gcp import SQL
from plinth_policies.controls import RESIDENCY
from plinth_policies.encryption.aws import BUCKET
from plinth_policies.model import REGISTRY, Scope, kind_of
from plinth_policies.values import blocks, every, get, hidden, is_on, known

#: What a cloud's resources, and its providers, call the place they are in.
_PLACES: Final = {
    "aws": ("region",),
    "azure-native": ("location",),
    "gcp": ("location", "region", "zone"),
}

#: Types that are in no region, whatever their provider's is.
GLOBAL: Final = (
    "aws:account/*",
    "aws:budgets/*",
    "aws:cloudfront/*",
    "aws:costexplorer/*",
    "aws:cur/*",
    "aws:globalaccelerator/*",
    "aws:iam/*",
    "aws:networkmanager/*",
    "aws:organizations/*",
    "aws:route53/healthCheck:*",
    "aws:route53/record:*",
    "aws:route53/zone*",
    "aws:savingsplans/*",
    "aws:shield/*",
    "aws:waf/*",
)

#: Types for which "global" says no less than they can: Azure takes it from services that are in all
#: regions alone, Google Cloud also from some that keep data wherever Google likes.
_NO_CHOICE: Final = (
    "azure-native:*",
    "gcp:certificatemanager/*",
    "gcp:gkehub/*",
    "gcp:iam/*",
    "gcp:networkconnectivity/*",
    "gcp:networksecurity/*",
    "gcp:networkservices/*",
)

_ZONE: Final = re.compile(r"([a-z]+-[a-z]+\d+)-[a-z]")

_REPLICATION: Final = "aws:s3/bucketReplicationConfig:BucketReplicationConfig"
_DESTINATION: Final = "rules.destination.bucket"
_SEALED: Final = "gcp:secretmanager/secret:Secret"
_SQL_BACKUP: Final = "settings.backupConfiguration"

#: Where a type names the regions of its copies.
_COPIES: Final = {
    "aws:dynamodb/table:Table": "replicas.regionName",
    "aws:secretsmanager/secret:Secret": "replicas.region",
    "aws:ecr/replicationConfiguration:ReplicationConfiguration": (
        "replicationConfiguration.rules.destinations.region"
    ),
    "azure-native:cosmosdb:DatabaseAccount": "locations.locationName",
    "gcp:alloydb/cluster:Cluster": "automatedBackupPolicy.location",
    "gcp:storage/bucket:Bucket": "customPlacementConfig.dataLocations",
    _SEALED: "replication.userManaged.replicas.location",
    SQL: f"{_SQL_BACKUP}.location",
}


def _refused(place: object, scope: Scope) -> bool:
    return _plain(place) not in [_plain(region) for region in scope.parameters.allowed_regions]


def _plain(place: object) -> str:
    """A region without case and spaces (``West Europe``), and for a zone, its region."""
    text = str(place).replace(" ", "").lower()
    zone = _ZONE.fullmatch(text)
    return zone[1] if zone else text


@REGISTRY.rule(
    "residency-region",
    title="Everything is in a region that is allowed",
    why="Data in another region is under another law, and moving it back is a project.",
    fix="put it, or its provider, in an allowed region",
    judges={f"{package}:*": names for package, names in _PLACES.items()},
    parameters=("allowed_regions",),
    controls=RESIDENCY,
    good=(("gcp:storage/bucket:Bucket", {"name": "models", "location": "europe-west4"}),),
    bad=(("gcp:storage/bucket:Bucket", {"name": "models", "location": "US"}),),
)
def _region(resource: Resource, scope: Scope) -> Iterator[str]:
    kind = kind_of(resource.type)
    if not scope.parameters.allowed_regions or _matches(kind, GLOBAL):
        return
    names = _PLACES[kind.split(":", 1)[0]]
    provider = scope.provider_of(resource)
    found = _place(resource, names)
    if found is None and provider is not None:
        found = _place(provider, names, "the provider's ")
    if found is None:
        yield f"neither the resource nor its provider has a {names[0]}"
        return
    name, place = found
    stays = _plain(place) == "global" and _matches(kind, _NO_CHOICE)
    if not stays and _refused(place, scope):
        yield f"{name} is {place}, which is not allowed"


def _place(holder: Resource, names: tuple[str, ...], whose: str = "") -> tuple[str, object] | None:
    """The first property that says where something is, as messages call it, and what it says."""
    for name in names:
        place = known(holder.inputs.get(name), name)
        if place:
            return f"{whose}{name}", place
    return None


def _matches(kind: str, globs: tuple[str, ...]) -> bool:
    return any(fnmatchcase(kind, glob) for glob in globs)


@REGISTRY.rule(
    "residency-copies",
    title="Copies are in regions that are allowed",
    why="A copy in another region is under another law, as the original would be.",
    fix="name an allowed region for each copy",
    judges={
        **{token: (path,) for token, path in _COPIES.items()},
        _SEALED: (_COPIES[_SEALED], "replication.auto"),
        SQL: (_COPIES[SQL], f"{_SQL_BACKUP}.enabled"),
    },
    parameters=("allowed_regions",),
    controls=RESIDENCY,
    good=(("aws:secretsmanager/secret:Secret", {"replicas": [{"region": "eu-west-1"}]}),),
    bad=(("aws:secretsmanager/secret:Secret", {"replicas": [{"region": "us-east-1"}]}),),
)
def _copies(resource: Resource, scope: Scope) -> Iterator[str]:
    if not scope.parameters.allowed_regions:
        return
    kind = kind_of(resource.type)
    places = every(resource.inputs, _COPIES[kind])
    for place in places:
        if _refused(place, scope):
            yield f"{_COPIES[kind]} is {place}, which is not allowed"
    if kind == _SEALED and get(resource.inputs, "replication.auto") is not None:
        yield "replication.auto is set, so Google chooses where"
    enabled = f"{_SQL_BACKUP}.enabled"
    if kind == SQL and not places and is_on(known(get(resource.inputs, enabled), enabled)):
        yield f"{_COPIES[kind]} is not set, so backups are spread over a continent"


@REGISTRY.rule(
    "residency-azure-paired-region",
    title="Azure copies nothing to the paired region",
    why="Azure chooses the pair, and for some regions it is in another country.",
    fix="use redundancy within the region: ZRS, and no geo-redundant backups",
    judges={
        ACCOUNT: ("sku.name",),
        **dict.fromkeys((POSTGRES, MYSQL), ("backup.geoRedundantBackup",)),
    },
    parameters=("allowed_regions",),
    controls=RESIDENCY,
    good={"sku": {"name": "Standard_ZRS"}},
    bad={"sku": {"name": "Standard_GRS"}},
)
def _paired(resource: Resource, scope: Scope) -> Iterator[str]:
    if not scope.parameters.allowed_regions:
        return
    name = "sku.name" if kind_of(resource.type) == ACCOUNT else "backup.geoRedundantBackup"
    value = str(known(get(resource.inputs, name), name) or "")
    if value == "Enabled" or re.search(r"_(RA)?GZ?RS$", value):
        yield f"{name} is {value}"


@REGISTRY.rule(
    "residency-s3-replication",
    title="S3 replicates to buckets of the same platform alone",
    why="Nothing says in which region a bucket is that another stack makes.",
    fix="replicate to a bucket that is made here, in an allowed region",
    judges={_REPLICATION: (_DESTINATION,)},
    consults={BUCKET: ("bucket",)},
    parameters=("allowed_regions",),
    controls=RESIDENCY,
    good=(
        (_REPLICATION, {"rules": [{"destination": {"bucket": "arn:aws:s3:::copies"}}]}),
        (BUCKET, {"bucket": "copies"}),
    ),
    bad=(
        (_REPLICATION, {"rules": [{"destination": {"bucket": "arn:aws:s3:::elsewhere"}}]}),
        (BUCKET, {"bucket": "copies"}),
    ),
)
def _replication(resource: Resource, scope: Scope) -> Iterator[str]:
    if not scope.parameters.allowed_regions:
        return
    buckets = scope.all_of(BUCKET)
    made = {bucket.urn for bucket in buckets}
    arns = {f"arn:aws:s3:::{bucket.inputs.get('bucket')}" for bucket in buckets}
    ours = made.intersection(resource.property_dependencies.get("rules", ()))
    for rule in blocks(resource.inputs.get("rules"), "rules"):
        destination = get(rule, "destination.bucket")
        if destination not in arns and not (ours and hidden(destination)):
            yield f"{_DESTINATION} is no bucket of this platform"
