"""How the example platform breaks each rule on where data is kept."""

from __future__ import annotations

from mutation import Break

MUTATIONS: dict[str, Break] = {
    "residency-region": Break(
        cloud="gcp", token="gcp:storage/bucket:Bucket", change={"location": "US"}
    ),
    "residency-copies": Break(
        cloud="gcp",
        token="gcp:sql/databaseInstance:DatabaseInstance",
        change={"settings.backupConfiguration": {"enabled": True}},
    ),
    "residency-azure-paired-region": Break(
        cloud="azure",
        token="azure-native:storage:StorageAccount",
        change={"sku.name": "Standard_GRS"},
    ),
}
