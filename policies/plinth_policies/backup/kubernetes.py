"""Backups and protection from deletion of what runs in a cluster."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from plinth.graph import Resource
from plinth_policies.backup.guards import Least, register
from plinth_policies.controls import BACKUP
from plinth_policies.model import REGISTRY, Scope
from plinth_policies.settings import Setting
from plinth_policies.values import blocks, get, is_on, known

#: CloudNativePG's types, and its backup plugin's.
POSTGRES: Final = "kubernetes:postgresql.cnpg.io/v1:Cluster"
SCHEDULE: Final = "kubernetes:postgresql.cnpg.io/v1:ScheduledBackup"
ARCHIVE: Final = "kubernetes:barmancloud.cnpg.io/v1:ObjectStore"

_RETENTION: Final = re.compile(r"(\d+)([dwm])")
_DAYS: Final = {"d": 1, "w": 7, "m": 30}

register(
    "backup-volume-retain",
    {
        "kubernetes:storage.k8s.io/v1:StorageClass": (
            Setting("reclaimPolicy", ("Retain",), default="Delete"),
        ),
        "kubernetes:core/v1:PersistentVolume": (
            Setting("spec.persistentVolumeReclaimPolicy", ("Retain",), default="Retain"),
        ),
        "kubernetes:apps/v1:StatefulSet": (
            Setting(
                "spec.persistentVolumeClaimRetentionPolicy.whenDeleted",
                ("Retain",),
                default="Retain",
            ),
        ),
    },
    when="durable",
    title="Volumes outlive their claims",
    why="A namespace or a chart that is deleted by mistake takes its volumes along.",
    fix="set the policy to Retain",
    good={"reclaimPolicy": "Retain"},
    bad={"reclaimPolicy": "Delete"},
)

register(
    "backup-postgres-standby",
    {POSTGRES: (Least("spec.instances", least=2),)},
    when="durable",
    title="PostgreSQL in the cluster has a standby",
    why="A single instance is down for as long as its node is.",
    fix="set spec.instances to 2 or more",
    good={"spec": {"instances": 3}},
    bad={"spec": {"instances": 1}},
)


@REGISTRY.rule(
    "backup-postgres-archive",
    title="PostgreSQL in the cluster is archived, and backed up by a schedule",
    why="Volumes of one cluster are no backup: they are lost with it.",
    fix="add a plugin that archives, or spec.backup, and a ScheduledBackup",
    judges={
        POSTGRES: (
            "metadata.name",
            "metadata.namespace",
            "spec.plugins.isWALArchiver",
            "spec.backup.barmanObjectStore",
        )
    },
    consults={SCHEDULE: ("metadata.namespace", "spec.cluster.name", "spec.suspend")},
    parameters=("backups",),
    controls=BACKUP,
    good=(
        (
            POSTGRES,
            {
                "metadata": {"name": "database", "namespace": "stores"},
                "spec": {"plugins": [{"name": "archiver", "isWALArchiver": True}]},
            },
        ),
        (
            SCHEDULE,
            {"metadata": {"namespace": "stores"}, "spec": {"cluster": {"name": "database"}}},
        ),
    ),
    bad={"metadata": {"name": "database", "namespace": "stores"}, "spec": {"instances": 3}},
)
def _archived(resource: Resource, scope: Scope) -> Iterator[str]:
    if not scope.parameters.backups:
        return
    plugins = blocks(get(resource.inputs, "spec.plugins"), "spec.plugins")
    if not (
        any(is_on(get(plugin, "isWALArchiver")) for plugin in plugins)
        or get(resource.inputs, "spec.backup.barmanObjectStore")
    ):
        yield "nothing archives its log of changes"
    if not any(_backs_up(schedule, resource) for schedule in scope.all_of(SCHEDULE)):
        yield "no schedule backs it up"


def _backs_up(schedule: Resource, cluster: Resource) -> bool:
    names = [get(cluster.inputs, f"metadata.{name}") for name in ("name", "namespace")]
    meant = [get(schedule.inputs, name) for name in ("spec.cluster.name", "metadata.namespace")]
    return names == meant and not is_on(get(schedule.inputs, "spec.suspend"))


@REGISTRY.rule(
    "backup-postgres-retention",
    title="Backups of PostgreSQL in the cluster are kept for long enough",
    why="What went wrong is often noticed only after days.",
    fix="set spec.retentionPolicy to as many days as the environment asks for",
    judges={ARCHIVE: ("spec.retentionPolicy",)},
    parameters=("backups", "backup_retention_days"),
    controls=BACKUP,
    good={"spec": {"retentionPolicy": "35d"}},
    bad={"spec": {"retentionPolicy": "0d"}},
)
def _retention(resource: Resource, scope: Scope) -> Iterator[str]:
    if not scope.parameters.backups:
        return
    name = "spec.retentionPolicy"
    policy = known(get(resource.inputs, name), name)
    if not policy:  # nothing is ever deleted
        return
    match = _RETENTION.fullmatch(str(policy))
    least = max(1, scope.parameters.backup_retention_days)
    if not match or int(match[1]) * _DAYS[match[2]] < least:
        yield f"{name} is {policy}, which is less than {least} days"


@REGISTRY.rule(
    "backup-disruption-budget",
    title="Disruption budgets keep something running",
    why="A budget that lets every copy go lets a drained node take the service down.",
    fix="set minAvailable to 1 or more, or maxUnavailable to less than all",
    judges={
        "kubernetes:policy/v1:PodDisruptionBudget": ("spec.minAvailable", "spec.maxUnavailable")
    },
    parameters=("durable",),
    controls=BACKUP,
    good={"spec": {"maxUnavailable": 1}},
    bad={"spec": {"maxUnavailable": "100%"}},
)
def _disruption(resource: Resource, scope: Scope) -> Iterator[str]:
    if not scope.parameters.durable:
        return
    for name, nothing in (("minAvailable", ("0", "0%")), ("maxUnavailable", ("100%",))):
        value = str(known(get(resource.inputs, f"spec.{name}"), name))
        if value in nothing:
            yield f"{name} is {value}"
