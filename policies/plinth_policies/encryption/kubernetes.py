"""Encryption at rest of what clusters ask their cloud for.

Azure's driver takes the cluster's own disk encryption set, which has a rule of its own (Azure
documentation, "Bring your own keys with Azure managed disks in AKS").
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from plinth.graph import Resource
from plinth_policies.controls import AT_REST
from plinth_policies.encryption.stores import AWS_KEY, GCP_KEY, WHY
from plinth_policies.model import REGISTRY, Scope
from plinth_policies.values import key_missing, known, switch_off

_STORAGE_CLASS: Final = "kubernetes:storage.k8s.io/v1:StorageClass"


def _made_by(resource: Resource, *drivers: str) -> bool:
    return known(resource.inputs.get("provisioner"), "provisioner") in drivers


@REGISTRY.rule(
    "encryption-ebs-storage-class-kms",
    title="Volumes made by the EBS driver are encrypted with a customer-managed key",
    why=WHY,
    fix='set the parameters encrypted: "true" and kmsKeyId',
    judges={_STORAGE_CLASS: ("provisioner", "parameters.encrypted", "parameters.kmsKeyId")},
    controls=(*AT_REST, "cis-aws/2.2.1"),
    good={
        "provisioner": "ebs.csi.aws.com",
        "parameters": {"encrypted": "true", "kmsKeyId": AWS_KEY},
    },
    bad={"provisioner": "ebs.csi.aws.com", "parameters": {"encrypted": "true"}},
)
def _ebs(resource: Resource, _scope: Scope) -> Iterator[str]:
    if _made_by(resource, "ebs.csi.aws.com", "ebs.csi.eks.amazonaws.com"):
        yield from switch_off(resource.inputs, "parameters.encrypted")
        yield from key_missing(resource.inputs, "parameters.kmsKeyId")


@REGISTRY.rule(
    "encryption-pd-storage-class-kms",
    title="Volumes made by the persistent disk driver are encrypted with a customer-managed key",
    why=WHY,
    fix="set the parameter disk-encryption-kms-key",
    judges={_STORAGE_CLASS: ("provisioner", "parameters.disk-encryption-kms-key")},
    controls=(*AT_REST, "cis-gke/5.9.1"),
    good={
        "provisioner": "pd.csi.storage.gke.io",
        "parameters": {"disk-encryption-kms-key": GCP_KEY},
    },
    bad={"provisioner": "pd.csi.storage.gke.io", "parameters": {"type": "pd-balanced"}},
)
def _persistent_disk(resource: Resource, _scope: Scope) -> Iterator[str]:
    if _made_by(resource, "pd.csi.storage.gke.io"):
        yield from key_missing(resource.inputs, "parameters.disk-encryption-kms-key")
