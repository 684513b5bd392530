"""Encryption at rest on Google Cloud."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from plinth.graph import Resource
from plinth_policies.controls import AT_REST, KEYS
from plinth_policies.encryption.gcp_stores import CLUSTER
from plinth_policies.encryption.stores import GCP_KEY, WHY
from plinth_policies.model import REGISTRY, Scope
from plinth_policies.values import blocks, get, is_on, key_missing, known, value_refused

_PROVISIONED: Final = "clusterAutoscaling.autoProvisioningDefaults.bootDiskKmsKey"
#: What the CIS benchmark allows, in seconds: 90 days.
_PERIOD: Final = 90 * 24 * 60 * 60


@REGISTRY.rule(
    "encryption-gke-cluster-nodes-kms",
    title="Nodes that a GKE cluster brings itself are encrypted with a customer-managed key",
    why=WHY,
    fix="remove the default node pool or set nodeConfig.bootDiskKmsKey; set the key of "
    "autoProvisioningDefaults where GKE makes node pools",
    judges={
        CLUSTER: (
            "removeDefaultNodePool",
            "nodeConfig.bootDiskKmsKey",
            "nodePools.nodeConfig.bootDiskKmsKey",
            "enableAutopilot",
            "clusterAutoscaling.enabled",
            _PROVISIONED,
        )
    },
    controls=(*AT_REST, "cis-gke/5.9.2"),
    good={"removeDefaultNodePool": False, "nodeConfig": {"bootDiskKmsKey": GCP_KEY}},
    bad={"removeDefaultNodePool": False, "nodeConfig": {"machineType": "e2-standard-4"}},
)
def _cluster_nodes(resource: Resource, _scope: Scope) -> Iterator[str]:
    inputs = resource.inputs
    autopilot = is_on(known(inputs.get("enableAutopilot"), "enableAutopilot"))
    enabled = "clusterAutoscaling.enabled"
    if autopilot or is_on(known(get(inputs, enabled), enabled)):
        yield from key_missing(inputs, _PROVISIONED)
    pools = blocks(inputs.get("nodePools"), "nodePools")
    for pool in pools:
        yield from key_missing(pool, "nodeConfig.bootDiskKmsKey")
    removed = known(inputs.get("removeDefaultNodePool"), "removeDefaultNodePool")
    if not (autopilot or pools or is_on(removed)):
        yield from key_missing(inputs, "nodeConfig.bootDiskKmsKey")


@REGISTRY.rule(
    "encryption-secret-manager-kms",
    title="Secrets of Secret Manager are encrypted with a customer-managed key",
    why=WHY,
    fix="set customerManagedEncryption.kmsKeyName wherever the secret is kept",
    judges={
        "gcp:secretmanager/secret:Secret": (
            "replication.auto.customerManagedEncryption.kmsKeyName",
            "replication.userManaged.replicas.customerManagedEncryption.kmsKeyName",
        )
    },
    controls=AT_REST,
    good={"replication": {"auto": {"customerManagedEncryption": {"kmsKeyName": GCP_KEY}}}},
    bad={"replication": {"auto": {}}},
)
def _secret(resource: Resource, _scope: Scope) -> Iterator[str]:
    name = "replication.userManaged.replicas"
    replicas = blocks(get(resource.inputs, name), name)
    for replica in replicas:
        yield from key_missing(replica, "customerManagedEncryption.kmsKeyName")
    if not replicas:
        auto = "replication.auto.customerManagedEncryption.kmsKeyName"
        yield from key_missing(resource.inputs, auto)


@REGISTRY.rule(
    "encryption-gcp-machine-kms",
    title="Disks of machines on Google Cloud are encrypted with a customer-managed key",
    why=WHY,
    fix="set the kmsKeySelfLink of every disk that the machine brings",
    judges={
        "gcp:compute/instance:Instance": ("bootDisk.kmsKeySelfLink", "bootDisk.source"),
        **dict.fromkeys(
            (
                "gcp:compute/instanceTemplate:InstanceTemplate",
                "gcp:compute/regionInstanceTemplate:RegionInstanceTemplate",
            ),
            ("disks.diskEncryptionKey.kmsKeySelfLink", "disks.source", "disks.type"),
        ),
    },
    controls=AT_REST,
    good={"bootDisk": {"kmsKeySelfLink": GCP_KEY}},
    bad={"bootDisk": {"autoDelete": True}},
)
def _machine(resource: Resource, _scope: Scope) -> Iterator[str]:
    boot = resource.type == "gcp:compute/instance:Instance"
    name, key = (
        ("bootDisk", "kmsKeySelfLink") if boot else ("disks", "diskEncryptionKey.kmsKeySelfLink")
    )
    disks: list[Any] = blocks(resource.inputs.get(name), name)
    for disk in disks:
        # A disk that exists has its own rule; a scratch disk is gone with the machine and always
        # encrypted with a key of its own.
        if not (get(disk, "source") or get(disk, "type") == "SCRATCH"):
            yield from key_missing(disk, key)


@REGISTRY.rule(
    "encryption-gcp-key-rotation",
    title="Keys of Cloud KMS rotate every 90 days or sooner",
    why="Rotation bounds how much data one set of key material protects.",
    fix="set rotationPeriod to at most 7776000s",
    judges={"gcp:kms/cryptoKey:CryptoKey": ("rotationPeriod", "purpose")},
    controls=(*KEYS, "cis-gcp/1.10"),
    good={"purpose": "ENCRYPT_DECRYPT", "rotationPeriod": "7776000s"},
    bad={"purpose": "ENCRYPT_DECRYPT", "rotationPeriod": "63072000s"},
)
def _rotation(resource: Resource, _scope: Scope) -> Iterator[str]:
    purpose = known(resource.inputs.get("purpose") or "ENCRYPT_DECRYPT", "purpose")
    if purpose != "ENCRYPT_DECRYPT":  # no other kind can rotate
        return
    period = known(resource.inputs.get("rotationPeriod"), "rotationPeriod")
    match = re.match(r"\d+", str(period or ""))
    if not match:
        yield "rotationPeriod is not set"
    elif int(match[0]) > _PERIOD:
        yield f"rotationPeriod is {period}"


_SETUP: Final = "gceSetup"


@REGISTRY.rule(
    "encryption-vertex-workbench-kms",
    title="Disks of Vertex AI notebooks are encrypted with a customer-managed key",
    why=WHY,
    fix="set diskEncryption to CMEK and kmsKey on bootDisk and on every one of dataDisks",
    judges={
        "gcp:workbench/instance:Instance": tuple(
            f"{_SETUP}.{disk}.{name}"
            for disk in ("bootDisk", "dataDisks")
            for name in ("diskEncryption", "kmsKey")
        )
    },
    controls=AT_REST,
    good={_SETUP: {"bootDisk": {"diskEncryption": "CMEK", "kmsKey": GCP_KEY}}},
    bad={_SETUP: {"bootDisk": {"diskEncryption": "GMEK"}}},
)
def _workbench(resource: Resource, _scope: Scope) -> Iterator[str]:
    setup = known(resource.inputs.get(_SETUP), _SETUP) or {}
    boot = known(setup.get("bootDisk"), "bootDisk") or {}
    for disk in (boot, *blocks(setup.get("dataDisks"), "dataDisks")):
        yield from value_refused(disk, "diskEncryption", ("CMEK",), default="GMEK")
        yield from key_missing(disk, "kmsKey")


@REGISTRY.rule(
    "encryption-bigtable-kms",
    title="Data of Bigtable is encrypted with a customer-managed key",
    why=WHY,
    fix="set kmsKeyName of every cluster",
    judges={"gcp:bigtable/instance:Instance": ("clusters.kmsKeyName",)},
    controls=AT_REST,
    good={"clusters": [{"clusterId": "features", "kmsKeyName": GCP_KEY}]},
    bad={"clusters": [{"clusterId": "features"}]},
)
def _bigtable(resource: Resource, _scope: Scope) -> Iterator[str]:
    for cluster in blocks(resource.inputs.get("clusters"), "clusters"):
        yield from key_missing(cluster, "kmsKeyName")
