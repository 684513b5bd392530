"""Good and bad cases of the rules on backups of what runs in a cluster."""

from __future__ import annotations

from dataclasses import replace

from policy_support import Inputs, Table, resource, settings_table

from plinth.graph import UNKNOWN, Resource
from plinth_policies.backup.kubernetes import ARCHIVE, POSTGRES, SCHEDULE

BUDGET = "kubernetes:policy/v1:PodDisruptionBudget"
STORAGE_CLASS = "kubernetes:storage.k8s.io/v1:StorageClass"
NAME = {"name": "database", "namespace": "stores"}


def _cluster(**spec: object) -> Resource:
    return resource(POSTGRES, {"metadata": NAME, "spec": spec})


def _schedule(cluster: str = "database", **spec: object) -> Resource:
    inputs = {"metadata": NAME, "spec": {"cluster": {"name": cluster}, **spec}}
    return resource(SCHEDULE, inputs)


def _kept(policy: object) -> Inputs:
    return {"spec": {"retentionPolicy": policy}}


ARCHIVED = _cluster(plugins=[{"name": "archiver", "isWALArchiver": True}])

_VOLUMES = settings_table(
    (STORAGE_CLASS, "reclaimPolicy", "Retain", "Delete"),
    ("kubernetes:core/v1:PersistentVolume", "spec.persistentVolumeReclaimPolicy", None, "Delete"),
    (
        "kubernetes:apps/v1:StatefulSet",
        "spec.persistentVolumeClaimRetentionPolicy.whenDeleted",
        None,
        "Delete",
    ),
)
_STANDBY = settings_table((POSTGRES, "spec.instances", 3, 1))

TABLES = {
    "backup-volume-retain": replace(
        _VOLUMES, bad=[*_VOLUMES.bad, ({}, "reclaimPolicy is not set, which means Delete")]
    ),
    "backup-postgres-standby": replace(
        _STANDBY, bad=[*_STANDBY.bad, ({}, "spec.instances is not set, which means 0")]
    ),
    "backup-postgres-archive": Table(
        POSTGRES,
        good=[
            [ARCHIVED, _schedule()],
            [_cluster(backup={"barmanObjectStore": {"destinationPath": UNKNOWN}}), _schedule()],
        ],
        bad=[
            ({"metadata": NAME}, "nothing archives its log"),
            ([_cluster(plugins=UNKNOWN)], "spec.plugins is not known"),
            ([_cluster(plugins=[{"name": "other"}]), _schedule()], "nothing archives its log"),
            ([ARCHIVED], "no schedule backs it up"),
            ([ARCHIVED, _schedule("other")], "no schedule backs it up"),
            ([ARCHIVED, _schedule(suspend=True)], "no schedule backs it up"),
        ],
    ),
    "backup-postgres-retention": Table(
        ARCHIVE,
        good=[{}, _kept("14d"), _kept("2w"), _kept("1m")],
        bad=[
            (_kept("13d"), "retentionPolicy is 13d, which is less than 14 days"),
            (_kept("1w"), "retentionPolicy is 1w"),
            (_kept("soon"), "retentionPolicy is soon"),
            (_kept(UNKNOWN), "retentionPolicy is not known"),
        ],
    ),
    "backup-disruption-budget": Table(
        BUDGET,
        good=[{}, {"spec": {"maxUnavailable": 1}}, {"spec": {"minAvailable": "50%"}}],
        bad=[
            ({"spec": {"minAvailable": 0}}, "minAvailable is 0"),
            ({"spec": {"maxUnavailable": "100%"}}, "maxUnavailable is 100%"),
            ({"spec": {"maxUnavailable": UNKNOWN}}, "maxUnavailable is not known"),
        ],
    ),
}
