"""Good and bad cases of the rules on encryption at rest of what clusters ask for."""

from __future__ import annotations

from policy_support import Table

from plinth.graph import UNKNOWN


def _storage_class(**parameters: object) -> dict[str, object]:
    return {"provisioner": "ebs.csi.aws.com", "parameters": parameters}


TABLES = {
    "encryption-ebs-storage-class-kms": Table(
        "kubernetes:storage.k8s.io/v1:StorageClass",
        good=[
            _storage_class(encrypted="true", kmsKeyId=UNKNOWN),
            {"provisioner": "rancher.io/local-path"},
        ],
        bad=[
            (_storage_class(), "encrypted is not set"),
            (_storage_class(encrypted="true"), "kmsKeyId is not set"),
            ({"provisioner": UNKNOWN}, "provisioner is not known"),
        ],
    ),
    "encryption-pd-storage-class-kms": Table(
        "kubernetes:storage.k8s.io/v1:StorageClass",
        good=[
            {
                "provisioner": "pd.csi.storage.gke.io",
                "parameters": {"disk-encryption-kms-key": UNKNOWN},
            },
            {"provisioner": "ebs.csi.aws.com"},
        ],
        bad=[
            ({"provisioner": "pd.csi.storage.gke.io"}, "disk-encryption-kms-key is not set"),
            ({"provisioner": UNKNOWN}, "provisioner is not known"),
        ],
    ),
}
