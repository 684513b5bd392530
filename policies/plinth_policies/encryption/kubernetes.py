"""Encryption at rest of what clusters ask their cloud for."""

from __future__ import annotations

from collections.abc import Iterator

from plinth.graph import Resource
from plinth_policies.encryption.stores import WHY
from plinth_policies.model import REGISTRY, Scope
from plinth_policies.values import key_missing, known, switch_off


@REGISTRY.rule(
    "encryption-ebs-storage-class-kms",
    title="Volumes made by the EBS driver are encrypted with a customer-managed key",
    why=WHY,
    fix='set the parameters encrypted: "true" and kmsKeyId',
    judges={
        "kubernetes:storage.k8s.io/v1:StorageClass": (
            "provisioner",
            "parameters.encrypted",
            "parameters.kmsKeyId",
        )
    },
)
def _storage_class(resource: Resource, _scope: Scope) -> Iterator[str]:
    if known(resource.inputs.get("provisioner"), "provisioner") in (
        "ebs.csi.aws.com",
        "ebs.csi.eks.amazonaws.com",
    ):
        yield from switch_off(resource.inputs, "parameters.encrypted")
        yield from key_missing(resource.inputs, "parameters.kmsKeyId")
